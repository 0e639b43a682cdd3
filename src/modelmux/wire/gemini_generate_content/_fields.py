"""Reading objects in either spelling, and writing back what no canonical field holds.

``extra`` of a part, message or request holds, under this wire's id, the fields that nothing understood, with
nested objects nested. Keys with ``$`` are shape hints: ``$names`` lists the keys that were spelt in snake_case.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelmux.errors import InvalidRequest
from modelmux.types import Extra
from modelmux.wire.gemini_generate_content._names import SNAKE, WIRE

_NESTED = frozenset(
    {
        "inlineData",
        "fileData",
        "functionCall",
        "functionResponse",
        "toolCall",
        "toolResponse",
        "generationConfig",
        "thinkingConfig",
        "toolConfig",
        "functionCallingConfig",
    }
)
"""Objects of which a part may be known and the rest kept: their kept fields join the known ones."""


def camel(obj: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """``obj`` with known keys in camelCase (a copy only if need be), and the snake_case keys that it had."""
    names = [key for key in obj if "_" in key]
    if not names:
        return dict(obj), names
    names = [key for key in names if key in SNAKE and SNAKE[key] not in obj]
    return {SNAKE[key] if key in names else key: value for key, value in obj.items()}, names


def kept(rest: Mapping[str, Any], names: list[str], **hints: Any) -> Extra:
    """``rest`` and the hints as a part's ``extra``; empty when there is nothing to keep."""
    fields = nested(rest, names, **hints)
    return {WIRE: fields} if fields else {}


def nested(rest: Mapping[str, Any], names: list[str], **hints: Any) -> dict[str, Any]:
    fields = dict(rest)
    if names:
        fields["$names"] = names
    for name, hint in hints.items():
        if hint is not None:
            fields["$" + name] = hint
    return fields


def own(extra: Extra) -> Mapping[str, Any]:
    """What ``extra`` keeps for this wire."""
    return extra.get(WIRE) or {} if extra else {}


def write_back(out: dict[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Add the kept fields to ``out`` and restore the spelling. What ``out`` already says stands."""
    names: Any = ()
    for key, value in fields.items():
        if key == "$names":
            names = value
        elif key.startswith("$"):
            continue
        elif key in _NESTED and isinstance(value, dict):
            known = out.get(key)
            if known is None or isinstance(known, dict):
                out[key] = write_back(dict(known or {}), value)
        elif key not in out:
            out[key] = value
    for name in names:
        known_name = SNAKE.get(name)
        if known_name in out:
            out[name] = out.pop(known_name)
    return out


def take(fields: dict[str, Any], key: str, kind: type | tuple[type, ...]) -> Any:
    """Remove and return a field of the right type; anything else stays where it is, to be kept as it came."""
    value = fields.get(key)
    if isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool):
        del fields[key]
        return value
    return None


def whole(fields: dict[str, Any], key: str) -> int | None:
    """Remove and return a whole number, whether spelt ``3`` or ``3.0``."""
    value = fields.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and not value.is_integer():
        return None
    del fields[key]
    return int(value)


def items(value: Any, field: str) -> tuple[list[Any], str | None]:
    """A repeated field's items and a hint on its shape: protobuf's JSON mapping takes one object for a list of one."""
    if isinstance(value, list):
        return value, None
    if isinstance(value, dict):
        return [value], "object"
    raise InvalidRequest(f"{field} must be a list, got {type(value).__name__}", field=field)
