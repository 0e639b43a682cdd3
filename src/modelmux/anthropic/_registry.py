"""The tables of this drop-in, and what they lack, by name."""

from __future__ import annotations

from collections.abc import Mapping
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


class Tables(Registry):
    """The registry, with the errors among the types: exceptions, by what they inherit."""

    def _make(self, ref: str, module: str, name: str, entry: Mapping[str, Any] | None) -> Any:
        if entry is None or "x" not in entry:
            return super()._make(ref, module, name, entry)
        base = self.load(f"_exceptions:{entry['x']}")
        return type(name, (base,), {"__module__": f"{PACKAGE}.{module}", "__doc__": base.__doc__})


BaseModel, Made = models.bases_for(PACKAGE, lambda: registry.shapes)
registry: Tables = Tables(
    PACKAGE,
    Path(__file__).parent / "_tables",
    lambda: Made,
    mixins=_MIXINS,
    helpers=_HELPERS,
)


def _workspace_id(self: Any) -> str | None:
    """The workspace that the answer says it came from."""
    found: str | None = (self.__pydantic_private__ or {}).get("_workspace_id")
    return found


type.__setattr__(BaseModel, "_workspace_id", property(_workspace_id))
