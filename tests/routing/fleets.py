"""Synthetic endpoints for the routing tests: made-up providers, models and prices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from modelmux._secret import Secret
from modelmux.catalogue import Model, PriceVersion
from modelmux.endpoint import Target
from modelmux.providers import Call, Row
from modelmux.routing.table import Fleet
from modelmux.types import Message, Request, Text

NOW = 1_760_000_000.0  # 2025-10-09
ABLE = "chat tools schema vision reasoning"


def model(
    name: str = "m",
    *,
    able: str | None = ABLE,
    price: tuple[Any, Any] | Mapping[str, Any] | None = (1, 4),
    currency: str = "USD",
    **facts: Any,
) -> Model:
    prices: tuple[PriceVersion, ...] = ()
    if price is not None:
        rates = price if isinstance(price, Mapping) else {"input": price[0], "output": price[1]}
        tiers = facts.pop("tiers", ())
        rates = {unit: str(amount) for unit, amount in rates.items()}
        prices = (PriceVersion(rates, currency=currency, tiers=tiers, id=name),)
    facts = {"context": 128_000, "max_output": 16_000, **facts}
    return Model(id=name, provider="p", abilities=frozenset((able or "").split()), prices=prices, **facts)


def target(
    name: str,
    info: Model | None = None,
    *,
    provider: str = "p",
    wire: str = "openai.chat",
    known: bool = True,
    **more: Any,
) -> Target:
    row = Row(provider, provider.title(), aliases=(f"{provider}-alias",))
    url = more.pop("url", f"https://{provider}.invalid")
    info = info or (model(name) if known else None)
    return Target(
        name=name,
        row=row,
        model=more.pop("model", info.id if info else name),
        call=Call("/chat", wire=wire),
        codec=None,  # type: ignore[arg-type]  # routing never encodes
        base_url=url,
        origin=url,
        key=Secret(more.pop("key", f"test-key-{provider}")),
        info=info,
        **more,
    )


def fleet(*targets: Target) -> Fleet:
    return Fleet(targets)


def ask(text: str = "Say hello.", **more: Any) -> Request:
    return Request((Message("user", (Text(text),)),), **more)


def names(items: Iterable[Any]) -> list[str]:
    return [item.name for item in items]


def reasons(decision: Any) -> dict[str, str]:
    return {one.name: "; ".join(one.reasons) for one in decision.excluded}
