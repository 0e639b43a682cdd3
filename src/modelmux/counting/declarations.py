"""Tools as the TypeScript declarations in which some vendors show them to their models.

A vendor takes JSON Schema and puts this into the prompt, so this is what costs tokens. It shows less than the schema:
names, types, descriptions, titles, choices and defaults.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelmux import _json
from modelmux.types import Tool

_DEEPEST = 12
_MOST = 2_000
"""Levels of nesting that are followed, and types that are written: a schema may contain itself, many times over."""

_WORDS = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
_LIMITS = ("minimum", "maximum", "format")


@dataclass(slots=True)
class _Root:
    """The schema that references point into, and how many more types of it are written."""

    schema: Mapping[str, Any]
    left: int = _MOST


def declare(tools: Sequence[Tool]) -> str:
    """The declarations of ``tools``, as one block."""
    lines = ["namespace functions {", ""]
    for tool in tools:
        schema = tool.parameters if isinstance(tool.parameters, Mapping) else {}
        if tool.description:
            lines.append(f"// {tool.description}")
        if isinstance(schema.get("title"), str):
            lines.append(f"// {schema['title']}")
        arguments = f"_: {_object(schema, _Root(schema), 0)}" if _properties(schema) else ""
        lines += [f"type {tool.name} = ({arguments}) => any;", ""]
    lines.append("} // namespace functions")
    return "\n".join(lines)


def _object(schema: Mapping[str, Any], root: _Root, depth: int) -> str:
    """An object type: on one line where nothing in it has a comment."""
    required = schema.get("required")
    needed = required if isinstance(required, list) else ()
    fields: list[str] = []
    lines: list[str] = []
    for name, value in _properties(schema).items():
        value = _resolved(value, root)
        field = f"{name}{'' if name in needed else '?'}: {_type(value, root, depth + 1)}"
        default = f", // default: {_json.dumps_str(value['default'])}" if "default" in value else ""
        fields.append(field)
        lines += [*_comments(value), field + (default or ",")]
    if lines == [field + "," for field in fields]:
        return "{ " + ", ".join(fields) + " }"
    return "{\n" + "\n".join(lines) + "\n}"


def _comments(schema: Mapping[str, Any]) -> list[str]:
    title, description = schema.get("title"), schema.get("description")
    comments = [title, "", description] if title and description else [title or description]
    lines = [f"// {text}".rstrip(" ") for text in comments if text is not None]
    return [*lines, *[f"// {name}: {schema[name]}" for name in _LIMITS if name in schema]]


def _type(schema: Mapping[str, Any], root: _Root, depth: int) -> str:
    root.left -= 1
    if depth > _DEEPEST or root.left < 0:
        return "any"
    schema = _resolved(schema, root)
    kind = schema.get("type")
    for key in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(key), list):
            return " | ".join([_type(_mapping(item), root, depth + 1) for item in schema[key]])
    if isinstance(kind, list):
        return " | ".join([_type({**schema, "type": item}, root, depth + 1) for item in kind])
    if isinstance(schema.get("enum"), list):
        return " | ".join(map(_json.dumps_str, schema["enum"]))
    if "const" in schema:
        return _json.dumps_str(schema["const"])
    if kind == "array":
        items = schema.get("items")
        return f"{_type(_mapping(items), root, depth + 1)}[]" if items else "any[]"
    if kind == "object" or _properties(schema):
        return _object(schema, root, depth) if _properties(schema) else "object"
    return _WORDS.get(kind, "any") if isinstance(kind, str) else "any"


def _resolved(schema: Any, root: _Root) -> Mapping[str, Any]:
    """The schema itself, where it refers to another part of ``root``. What is beside the reference stays."""
    found = _mapping(schema)
    for _ in range(_DEEPEST):
        reference = found.get("$ref")
        if not isinstance(reference, str):
            break
        target: Any = root.schema
        for step in reference.lstrip("#/").split("/"):
            target = _mapping(target).get(step)
        found = {**_mapping(target), **{key: value for key, value in found.items() if key != "$ref"}}
    return found


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(schema.get("properties"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
