"""What a codec keeps for its own wire, and what it takes a field's value for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelmux.types import Extra

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
        return unhinted(kept) if kept else {}

    def keep(self, fields: dict[str, Any]) -> Extra:
        return {self.wire: fields} if fields else {}


def unhinted(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The vendor fields among what a codec kept."""
    return {name: value for name, value in kept.items() if name[0:1] != "$"}


def put_back(out: dict[str, Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    """``out`` with the vendor fields that were kept, as far as it does not say them itself."""
    for name, value in kept.items():
        if name[:1] != "$" and name not in out:
            out[name] = value
    return out


def present(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that say something: vendors send many that are null or empty."""
    return {name: value for name, value in fields.items() if value is not None and value != [] and value != ""}


def word(value: Any) -> str | None:
    """A string that says something, None for everything else."""
    return value if isinstance(value, str) and value else None


def items(value: Any) -> list[Any]:
    """The items of a list, none of anything else."""
    return value if isinstance(value, list) else []


def is_text(value: Any) -> bool:
    return isinstance(value, str)


def is_switch(value: Any) -> bool:
    return isinstance(value, bool)


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def whole(value: Any) -> bool:
    return number(value) and abs(value) < 1e15 and value == int(value)


def strings(value: Any) -> bool:
    """Whether this is a list with something in it, all of it text."""
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)


def texts(value: Any) -> tuple[str, ...] | None:
    """The items of a list with something in it, all of it text; None for anything else."""
    return tuple(value) if strings(value) else None
