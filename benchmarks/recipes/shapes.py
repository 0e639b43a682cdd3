"""Pydantic models for JSON schemas, such as a user would have written, from whose classes the schemas came."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any, Literal

from pydantic import BaseModel, Field, create_model

PLAIN: dict[Any, Any] = {"string": str, "integer": int, "number": float, "boolean": bool, "null": None}
_DEPTH = 5
"""References that are followed within one another: a schema may have itself within, which not every SDK takes."""


def lowered(schema: Any) -> Any:
    """A schema with its types in lower case: one vendor has a form of schemas where they are in upper case."""
    if isinstance(schema, list):
        return [lowered(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kind = schema.get("type")
    own = {"type": kind.lower()} if isinstance(kind, str) else {}
    return {name: lowered(value) for name, value in schema.items()} | own


def model_of(schema: Mapping[str, Any]) -> type[BaseModel]:
    """A class whose objects follow a schema of an object."""
    return _object(schema, schema, str(schema.get("title") or "Answer").replace(" ", ""), _DEPTH)


def _object(schema: Mapping[str, Any], root: Mapping[str, Any], name: str, left: int) -> type[BaseModel]:
    required = schema.get("required", ())
    fields: dict[str, Any] = {}
    for field, value in schema["properties"].items():
        kind = _type(value, root, f"{name}_{field}", left)
        if field not in required:
            kind = kind if kind is Any else kind | None
        default = ... if field in required else None
        fields[field.lstrip("_")] = (kind, Field(default, alias=field))  # to pydantic, such a name is not a field's
    return create_model(name, **fields)


def _type(schema: Mapping[str, Any], root: Mapping[str, Any], name: str, left: int) -> Any:
    if "$ref" in schema:
        target: Any = root
        for step in schema["$ref"].split("/")[1:]:
            target = target[step]
        return _type(target, root, name, left - 1) if left else str
    if "enum" in schema or "const" in schema:
        return Literal[tuple(schema.get("enum") or [schema["const"]])]
    kinds = schema.get("anyOf") or schema.get("oneOf") or schema.get("type")
    if isinstance(kinds, list):
        each = [_type({**schema, "type": kind} if isinstance(kind, str) else kind, root, name, left) for kind in kinds]
        return Any if Any in each else reduce(or_, each)
    if kinds == "array":
        return list[_type(schema.get("items") or {}, root, f"{name}_item", left)]
    if kinds == "object":
        return _object(schema, root, name, left) if schema.get("properties") else dict[str, Any]
    return PLAIN.get(kinds, Any)
