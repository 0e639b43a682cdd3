"""The OpenAPI subset of ``parameters`` and ``responseSchema``, read as JSON Schema.

The subset is JSON Schema but for three things: type names may be upper case (or numbers, where enums travel as
numbers), ``nullable`` stands for a null type, and int64 fields may be strings.
"""

from __future__ import annotations

from typing import Any

_TYPE_NUMBERS = ("", "string", "number", "integer", "boolean", "array", "object", "null")
_INT64 = frozenset({"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"})
_SCHEMAS = ("items", "additionalProperties", "not")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS = ("properties", "$defs", "defs", "definitions")


def to_json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """The same schema as JSON Schema; the very object when it already is."""
    changed: dict[str, Any] = {}
    for key, value in schema.items():
        new = _value(key, value)
        if new is not value:
            changed[key] = new
    nullable = schema.get("nullable") is True
    if not changed and not nullable:
        return schema
    out = {**schema, **changed}
    if nullable:
        del out["nullable"]
        kind = out.get("type")
        if isinstance(kind, str):
            out["type"] = [kind, "null"]
            if isinstance(out.get("enum"), list) and None not in out["enum"]:
                out["enum"] = [*out["enum"], None]
        elif isinstance(out.get("anyOf"), list):
            out["anyOf"] = [*out["anyOf"], {"type": "null"}]
    return out


def _value(key: str, value: Any) -> Any:
    if key == "type":
        return _type(value)
    if key in _INT64 and isinstance(value, str) and value.isdigit():
        return int(value)
    if key in _SCHEMAS and isinstance(value, dict):
        return to_json_schema(value)
    if key in _LISTS and isinstance(value, list):
        new = [to_json_schema(item) if isinstance(item, dict) else item for item in value]
        return value if all(a is b for a, b in zip(new, value, strict=True)) else new
    if key in _MAPS and isinstance(value, dict):
        found = {name: to_json_schema(item) if isinstance(item, dict) else item for name, item in value.items()}
        return value if all(found[name] is item for name, item in value.items()) else found
    return value


def _type(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.islower() else value.lower()
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < len(_TYPE_NUMBERS):
        return _TYPE_NUMBERS[value]
    if isinstance(value, list):
        new = [_type(item) for item in value]
        return value if new == value else new
    return value
