"""JSON schemas as the vendor takes them: what it does not support is told the model in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"},
)
_PLAIN = frozenset({"object", "array", "string", "integer", "number", "boolean", "null"})


def _primitive(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def transform_schema(json_schema: Any) -> dict[str, Any]:
    """A JSON schema (or a pydantic model) with only what the vendor supports; the rest goes into descriptions. Raises
    ValueError for a schema that says nothing of what it describes.
    """
    if isinstance(json_schema, type):
        json_schema = json_schema.model_json_schema()  # type: ignore[attr-defined]  # a pydantic model
    rest: dict[str, Any] = dict(json_schema)
    out: dict[str, Any] = {}
    if (defs := rest.pop("$defs", None)) is not None:
        out["$defs"] = {name: transform_schema(schema) for name, schema in defs.items()}
    if (ref := rest.pop("$ref", None)) is not None:
        return {**out, "$ref": ref}
    kind, variants = rest.pop("type", None), {key: rest.pop(key, None) for key in ("anyOf", "oneOf", "allOf")}
    literal = _literals(rest, out)
    if literal:
        kind = None
    chosen = next((key for key, value in variants.items() if isinstance(value, list)), None)
    if chosen is not None:
        out["allOf" if chosen == "allOf" else "anyOf"] = [transform_schema(variant) for variant in variants[chosen]]
    elif not literal:
        if kind is None:
            raise ValueError(
                "Schema must have a 'type', 'anyOf', 'oneOf', or 'allOf' field, or a 'const' or non-empty 'enum' of "
                "strings, numbers, booleans, or null."
            )
        out["type"] = kind
    for key in ("description", "title"):
        if (text := rest.pop(key, None)) is not None:
            out[key] = text
    special = _BY_KIND.get(kind) if isinstance(kind, str) else None
    if special is not None:
        special(rest, out)
    elif kind is not None and not (isinstance(kind, str) and kind in _PLAIN):
        raise AssertionError(f"Expected code to be unreachable, but got: {kind!r}")
    if rest:
        said = "{" + ", ".join(f"{key}: {value}" for key, value in rest.items()) + "}"
        out["description"] = f"{out['description']}\n\n{said}" if "description" in out else said
    return out


def _literals(rest: dict[str, Any], out: dict[str, Any]) -> bool:
    values = rest.get("enum")
    if isinstance(values, list) and values and all(map(_primitive, values)):
        out["enum"] = list(rest.pop("enum"))
    if "const" in rest and _primitive(rest["const"]):
        out["const"] = rest.pop("const")
    return bool(out.keys() & {"enum", "const"})


def _object(rest: dict[str, Any], out: dict[str, Any]) -> None:
    out["properties"] = {key: transform_schema(schema) for key, schema in rest.pop("properties", {}).items()}
    rest.pop("additionalProperties", None)
    out["additionalProperties"] = False
    if (required := rest.pop("required", None)) is not None:
        out["required"] = list(required) if isinstance(required, list) else required


def _string(rest: dict[str, Any], out: dict[str, Any]) -> None:
    if rest.get("format") in FORMATS:
        out["format"] = rest.pop("format")


def _array(rest: dict[str, Any], out: dict[str, Any]) -> None:
    if (items := rest.pop("items", None)) is not None:
        out["items"] = transform_schema(items)
    if rest.get("minItems") in (0, 1):
        out["minItems"] = rest.pop("minItems")


_BY_KIND = {"object": _object, "string": _string, "array": _array}


def output_config(config: Any, output_format: Any) -> Any:
    """What ``output_config`` becomes where answers are to be of a type. Raises TypeError for what is no type."""
    from modelmux._dropin.absent import is_given
    from modelmux.anthropic._parsed import adapter, wanted

    if not wanted(output_format):
        return config
    if isinstance(output_format, Mapping):
        raise TypeError("`output_format` must be a type; pass a schema dict as `output_config={'format': ...}` instead")
    wish = {"type": "json_schema", "schema": transform_schema(adapter(output_format).json_schema())}
    return {**(config if is_given(config) and config else {}), "format": wish}


__all__ = ["transform_schema"]
