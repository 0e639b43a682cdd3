"""JSON in and out, through pydantic's Rust core.

The standard library stands behind it for the two inputs the core refuses and vendors send all the same:
half a surrogate pair, and integers beyond what it reads.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import from_json, to_json

_SHORT = 2048
"""Bytes below which strings are made sooner than looked up in the parser's cache: the pieces of a stream."""

_SECOND_OPINION = ("hex escape", "surrogate", "number out of range")
"""What the core says of texts that the standard library may still read."""


def loads(data: bytes | str) -> Any:
    """Parse JSON text. Raises ValueError with the position when it is not JSON, and for nesting without end."""
    try:
        return from_json(data, cache_strings="none" if len(data) < _SHORT else "all")
    except ValueError as error:
        # The standard library would say the same of the others, at the price of a second copy.
        if not any(word in str(error) for word in _SECOND_OPINION):
            raise
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def dumps(value: Any) -> bytes:
    """Compact UTF-8 JSON."""
    try:
        return to_json(value)
    except (ValueError, UnicodeEncodeError):
        return json.dumps(value, separators=(",", ":")).encode()


def dumps_str(value: Any) -> str:
    return dumps(value).decode()


def load_object(data: bytes | str | dict[str, Any]) -> dict[str, Any]:
    """A JSON object, parsed unless it already is one. Raises ValueError for any other JSON value."""
    value = data if isinstance(data, dict) else loads(data)
    if not isinstance(value, dict):
        raise ValueError(  # noqa: TRY004 - callers catch one error for "no JSON object"
            f"expected a JSON object, got {type(value).__name__}"
        )
    return value


def parse_arguments(text: str) -> tuple[dict[str, Any], str | None]:
    """A tool call's arguments from the model's text: the object, and the text where it says more than the object.

    Empty text is a call without arguments. Text that is no JSON object (cut short, or free text) gives an empty
    object and the text as it is.
    """
    if not text.strip():
        return {}, None
    try:
        value = loads(text)
    except ValueError:
        return {}, text
    if not isinstance(value, dict):
        return {}, text
    return value, None if dumps_str(value) == text else text
