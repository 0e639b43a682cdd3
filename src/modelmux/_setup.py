"""What a Mux is made of, checked: settings, defaults, books."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelmux import _options, providers
from modelmux._resolve import ProviderSettings
from modelmux._secret import hidden
from modelmux.errors import ConfigError, UnknownName
from modelmux.routing import policies
from modelmux.routing.needs import RouteOptions

if TYPE_CHECKING:
    from random import Random

    from modelmux.config import Config
    from modelmux.cost.ledger import Ledger
    from modelmux.cost.recorder import Recorder
    from modelmux.state import Store

MEMORY = "memory://"
"""The state store that lives in the process, so far the only one."""


def arguments(config: Config | Mapping[str, Any] | str | os.PathLike[str]) -> dict[str, Any]:
    from modelmux import config as config_

    if isinstance(config, (str, os.PathLike)):
        config = config_.from_file(config)
    elif isinstance(config, Mapping):
        config = config_.parse(config)
    return config.arguments()


def provider_settings(given: Mapping[str, Any] | None) -> dict[str, ProviderSettings]:
    """Provider settings, checked. Raises UnknownName for a provider or a key nobody knows."""
    out: dict[str, ProviderSettings] = {}
    known = ProviderSettings.__dataclass_fields__
    for name in given or {}:
        value = hidden((given or {})[name])
        providers.get(name)
        if not isinstance(value, Mapping):
            raise ConfigError(f"providers[{name!r}] must be a mapping of {', '.join(known)}", field=f"providers.{name}")
        for key in value:
            if key not in known:
                raise UnknownName(f"setting of provider {name!r}", key, known)
        out[name] = ProviderSettings(**{key: item for key, item in value.items() if item is not None})
    return out


def check(*, budgets: Sequence[Any], usage: str) -> None:
    """Refuse what makes no sense, and what this version does not do, rather than ignore it."""
    if usage not in ("exact", "as_sent"):
        raise ConfigError(f"usage={usage!r}: give 'exact' or 'as_sent'", field="usage")
    if budgets:
        raise ConfigError(
            "budgets= is not available in this version, and a budget that is not kept would be worse than none; "
            "max_cost= bounds single calls",
            field="budgets",
        )


def store(state: str, rng: Random) -> Store:
    """Where health and limits are kept. Raises UnknownName."""
    if state != MEMORY:
        raise UnknownName("state store", state, [MEMORY], hint="this version keeps state in the process")
    from modelmux.state.memory import MemoryStore

    return MemoryStore(rng)


def call_defaults(policy: Any, *, max_cost: Any, **given: Any) -> dict[str, Any]:
    """What every call gets unless it says otherwise. Refuses here what every call would refuse."""
    policies.get(policy)
    RouteOptions.of(max_cost=max_cost)
    return {
        "deadline": _options.seconds(given["deadline"], "deadline"),
        "ttft": _options.seconds(given["ttft"], "ttft"),
        "on_break": _options.break_mode(given["on_break"]),
        "max_cost": max_cost,
        "strict": given["strict"],
    }


def recorder(ledger: str | Ledger | None, journal: str | None, durability: str) -> Recorder:
    from modelmux.cost.recorder import open_recorder

    return open_recorder(ledger, journal=journal, durability=durability)
