"""What a codec keeps for its own wire, and what it reports of the others' that it cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelmux.types import Extra, Output, ReasoningOptions, Request, Warning

_NONE: dict[str, Any] = {}


class Keeper:
    """The part of every ``extra`` that belongs to one wire: vendor fields, and ``$`` hints for saying them again."""

    __slots__ = ("wire",)

    def __init__(self, wire: str) -> None:
        self.wire = wire

    def of(self, extra: Extra) -> Mapping[str, Any]:
        return extra.get(self.wire, _NONE) if extra else _NONE

    def fields(self, extra: Extra) -> dict[str, Any]:
        """The vendor fields among what was kept."""
        kept = self.of(extra)
        return {name: value for name, value in kept.items() if name[0:1] != "$"} if kept else {}

    def keep(self, fields: dict[str, Any]) -> Extra:
        return {self.wire: fields} if fields else {}


class Losses:
    """The warnings of one encoding: each kind of loss once, however many turns of a history have it."""

    __slots__ = ("_warnings",)

    def __init__(self) -> None:
        self._warnings: dict[tuple[str, str], Warning] = {}

    def add(self, field: str, action: str, detail: str) -> None:
        self._warnings.setdefault((field, action), Warning(field, action, detail))

    @property
    def warnings(self) -> list[Warning]:
        return list(self._warnings.values())


def present(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that say something: vendors send many that are null or empty."""
    return {name: value for name, value in fields.items() if value is not None and value != [] and value != ""}


def word(value: Any) -> str | None:
    """A string that says something, None for everything else."""
    return value if isinstance(value, str) and value else None


def items(value: Any) -> list[Any]:
    """The items of a list, none of anything else."""
    return value if isinstance(value, list) else []


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def whole(value: Any) -> bool:
    return number(value) and abs(value) < 1e15 and value == int(value)


def strings(value: Any) -> bool:
    """Whether this is a list with something in it, all of it text."""
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


_USUAL: dict[str, tuple[Any, ...]] = {
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "n": (1,),
    "service_tier": ("auto", "default", "standard", "standard_only"),
}


def asks(req: Request, name: str) -> bool:
    """Whether this field asks for anything but what happens unasked, so that its loss is one."""
    value = getattr(req, name)
    if value is None or value in _USUAL.get(name, ()):
        return False
    if name == "parallel_tool_calls":
        return value is False
    if name == "tool_choice":
        return value.mode not in ("auto", "none")
    if name == "reasoning":
        said = (value.effort, value.budget, value.enabled, value.include, value.summary)
        return not off(value) and any(item is not None for item in said)
    return True


def described(output: Output) -> dict[str, Any] | None:
    """The schema, with the description in it where a format has no place beside it."""
    schema = output.schema
    if schema is None or output.description is None or "description" in schema:
        return schema
    return {**schema, "description": output.description}


def off(options: ReasoningOptions) -> bool:
    """Whether reasoning is switched off."""
    return options.enabled is False or options.effort == "none" or options.budget == 0
