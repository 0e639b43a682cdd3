"""The tables of this drop-in, and what they lack, by name."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from modelmux._dropin import models
from modelmux._dropin.registry import Registry

PACKAGE = __name__.rpartition(".")[0]

_HELPERS = {
    "resources.messages.messages:Messages": "_messages:Messages",
    "resources.messages.batches:Batches": "_batches:Batches",
    "resources.beta.messages.messages:Messages": "_beta_messages:Messages",
    "resources.beta.messages.batches:Batches": "_batches:BetaBatches",
}
"""Resource class -> module and class of its methods that are written by hand. An async twin has ``Async`` before."""

_MIXINS = {
    "types.parsed_message:ParsedMessage": "_parsed:ParsedMessage",
    "types.beta.parsed_beta_message:ParsedBetaMessage": "_parsed:ParsedMessage",
    "types.parsed_message:ParsedTextBlock": "_parsed:ParsedTextBlock",
    "types.beta.parsed_beta_message:ParsedBetaTextBlock": "_parsed:ParsedTextBlock",
    "types.beta.beta_message:BetaMessage": "_parsed:AsParam",
    "types.message:Message": "_parsed:AsParam",
}


def _load(ref: str) -> Any:
    module, _, name = ref.partition(":")
    return getattr(importlib.import_module(f"{PACKAGE}.{module}"), name)


def _helper(ref: str, is_async: bool) -> type | None:
    found = _HELPERS.get(ref)
    if found is None:
        return None
    module, _, name = found.partition(":")
    cls: type = _load(f"{module}:{'Async' if is_async else ''}{name}")
    return cls


def _page(name: str, is_async: bool) -> type:
    cls: type = _load(f"pagination:{'Async' if is_async else 'Sync'}{name}")
    return cls


def _by_hand(ref: str) -> Any:
    """The errors among the types: exceptions, by what they inherit."""
    above = registry.entry(ref).get("x")
    if above is None:
        return None
    module, _, name = ref.partition(":")
    base = _load(f"_exceptions:{above}")
    return type(name, (base,), {"__module__": f"{PACKAGE}.{module}", "__doc__": base.__doc__})


BaseModel, Made = models.bases_for(PACKAGE, lambda: registry.shapes)
registry: Registry = Registry(
    PACKAGE,
    Path(__file__).parent / "_tables",
    lambda: Made,
    mixins=lambda ref: _load(_MIXINS[ref]) if ref in _MIXINS else None,
    by_hand=_by_hand,
    helpers=_helper,
    page=_page,
)


def _workspace_id(self: Any) -> str | None:
    """The workspace that the answer says it came from."""
    found: str | None = (self.__pydantic_private__ or {}).get("_workspace_id")
    return found


type.__setattr__(BaseModel, "_workspace_id", property(_workspace_id))
