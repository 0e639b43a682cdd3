"""Plain values as the vendor's types take them: what fits, or nearly fits, is taken, the rest is refused."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable
from datetime import datetime
from typing import Any


class Refused(ValueError):
    """A value that an input cannot be: pydantic's name of the reason, and where below the input it stands."""

    def __init__(self, kind: str, value: Any, where: tuple[str | int, ...] = (), **context: Any) -> None:
        super().__init__(kind)
        self.kind, self.value, self.where, self.context = kind, value, where, context
        self.others: list[Refused] = []
        """What else is wrong with the same input."""

    def below(self, key: str | int) -> Refused:
        """The same, seen from what holds the input under a key."""
        made = Refused(self.kind, self.value, (key, *self.where), **self.context)
        made.others = [one.below(key) for one in self.others]
        return made

    def each(self) -> list[Refused]:
        return [self, *self.others]


def as_bytes(text: str) -> bytes:
    """Base64 in either alphabet, with its padding or without. Raises ValueError."""
    plain = text.translate(_STANDARD)
    return b64decode(plain + "=" * (-len(plain) % 4), validate=True)


_STANDARD = str.maketrans("-_", "+/")


def as_moment(value: Any) -> datetime:
    """A time as the vendor writes it (RFC 3339, up to nanoseconds). Raises ValueError."""
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    from pydantic import TypeAdapter

    return TypeAdapter(datetime).validate_python(value)


def _str(value: Any) -> Any:
    if isinstance(value, str):
        return value
    raise Refused("string_type", value)


def _int(value: Any) -> Any:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if value.is_integer():
            return int(value)
        raise Refused("int_from_float", value)
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise Refused("int_parsing", value) from None
    raise Refused("int_type", value)


def _float(value: Any) -> Any:
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise Refused("float_parsing", value) from None
    raise Refused("float_type", value)


_BOOLS = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False, "on": True, "off": False}


def _bool(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if value in (0, 1):
        return bool(value)
    found = _BOOLS.get(value.lower()) if isinstance(value, str) else None
    if found is None:
        raise Refused("bool_parsing" if isinstance(value, str) else "bool_type", value)
    return found


def _bytes(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if isinstance(value, str):
        try:
            return as_bytes(value)
        except (ValueError, binascii.Error) as error:
            raise Refused("bytes_invalid_encoding", value, encoding="base64", encoding_error=str(error)) from None
    raise Refused("bytes_type", value)


def _datetime(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    try:
        return as_moment(value)
    except ValueError:
        raise Refused("datetime_type", value) from None


PLAIN: dict[str, Callable[[Any], Any]] = {
    "str": _str,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "bytes": _bytes,
    "datetime": _datetime,
    "date": _datetime,
}
"""Kind of the tables -> a function from a caller's value to the value that is kept. Raises Refused."""
