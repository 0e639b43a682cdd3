"""What one encoding has to know and to report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelmux.types import Extra, Warning
from modelmux.wire._openai_error import word as word
from modelmux.wire.openai_chat.dialect import WIRE, Dialect

_NONE: dict[str, Any] = {}


class Saying:
    """One request being written in a dialect.

    ``as_came`` is set when the request was decoded from a body meant for this very provider: then what it said is
    said again, whether the dialect knows of it or not.
    """

    __slots__ = ("_warnings", "as_came", "dialect")

    def __init__(self, dialect: Dialect, *, as_came: bool) -> None:
        self.dialect = dialect
        self.as_came = as_came
        self._warnings: dict[tuple[str, str], Warning] = {}

    def lost(self, field: str, detail: str, action: str = "dropped") -> None:
        """Report once a kind of loss; a long history would otherwise repeat it turn by turn."""
        self._warnings.setdefault((field, action), Warning(field, action, detail))

    @property
    def warnings(self) -> list[Warning]:
        return list(self._warnings.values())


def ours(extra: Extra) -> Mapping[str, Any]:
    """What an ``extra`` keeps for this wire: vendor fields, and ``$`` hints."""
    return extra.get(WIRE, _NONE) if extra else _NONE


def fields_of(kept: Mapping[str, Any]) -> dict[str, Any]:
    """The vendor fields among what was kept."""
    return {name: value for name, value in kept.items() if name[0:1] != "$"} if kept else {}


def kept(fields: dict[str, Any]) -> Extra:
    return {WIRE: fields} if fields else {}


def present(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that say something: vendors send many that are null or empty."""
    return {name: value for name, value in fields.items() if value is not None and value != [] and value != ""}
