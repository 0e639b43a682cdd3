"""Schemas of answers: a type, a Schema, a dict or an enum on the way out; the answer's text by it on the way back."""

from __future__ import annotations

import copy
import inspect
import json
import typing
from collections.abc import Mapping
from enum import Enum, EnumMeta
from types import GenericAlias, UnionType
from typing import Any

import pydantic

from modelmux.google.genai import types

_LITERAL = "PlaceholderLiteralEnum"
"""What the enum that stands for a ``Literal`` is called: what is parsed by it is text."""

_SPELT = {
    "additional_properties": "additionalProperties",
    "any_of": "anyOf",
    "prefix_items": "prefixItems",
    "property_ordering": "propertyOrdering",
}


def words_as_enum(value: Any) -> Any:
    """An enum in place of a ``Literal``. Raises ValueError for a literal that is no text."""
    if typing.get_origin(value) is not typing.Literal:
        return value
    words = typing.get_args(value)
    if not all(isinstance(word, str) for word in words):
        raise ValueError(f"Literal type {value} must be a list of strings.")
    return Enum(_LITERAL, {word: word for word in words})


# --- out ---


def schema(given: Any, *, vertex: bool) -> Any:
    """A ``response_schema`` of any kind as a Schema; None for none. Raises ValueError for what has no schema."""
    if not given:
        return None
    if isinstance(given, EnumMeta):
        return _of_enum(given, vertex)
    if isinstance(given, types.Schema):
        found = given.model_dump(exclude_unset=True)
        if not found:
            raise ValueError(f"Unsupported schema type: {given}")
    elif isinstance(given, Mapping):
        found = copy.deepcopy(dict(given))
    elif isinstance(given, type) and issubclass(given, pydantic.BaseModel):
        found = given.model_json_schema()
    elif _is_type(given):
        found = pydantic.create_model("Placeholder", placeholder=(given, ...)).model_json_schema()
        return types.Schema.model_validate(_fitted(found, vertex=vertex)["properties"]["placeholder"])
    else:
        raise ValueError(f"Unsupported schema type: {given}")
    return types.Schema.model_validate(_fitted(found, vertex=vertex))


def as_json_schema(given: Any) -> Any:
    """A ``response_json_schema`` as it is sent: as it stands, a type as its schema."""
    if isinstance(given, type) and issubclass(given, pydantic.BaseModel):
        return given.model_json_schema()
    return pydantic.TypeAdapter(given).json_schema() if _is_type(given) else given


def _is_type(given: Any) -> bool:
    return isinstance(given, type | GenericAlias | UnionType) or typing.get_origin(given) is not None


def _of_enum(given: Any, vertex: bool) -> Any:
    for member in given:
        if not isinstance(member.value, int | str):
            raise TypeError(f"Enum member {member.name} value must be a string or integer, got {type(member.value)}")
    if any(isinstance(member.value, int) for member in given):
        words = [str(member.value) for member in given]
        given = Enum(given.__name__, words, type=str)  # type: ignore[misc,no-redef]  # words are data here
    found = pydantic.create_model("Placeholder", placeholder=(given, ...)).model_json_schema()
    return types.Schema.model_validate(_fitted(found, vertex=vertex)["properties"]["placeholder"])


def _fitted(given: dict[str, Any], *, vertex: bool) -> dict[str, Any]:
    """A JSON schema in the part of the language that the services know: references written out, null as ``nullable``,
    properties in order. Raises ValueError for what the service does not know.
    """
    defs = given.pop("$defs", {})

    def fit(one: dict[str, Any], above: tuple[str, ...]) -> dict[str, Any]:
        one = dict(one)
        if one.get("title") == _LITERAL:
            del one["title"]
        if not vertex and (one.get("additionalProperties") or one.get("additional_properties")):
            raise ValueError(
                "additionalProperties is only supported in Gemini Enterprise Agent Platform mode, not in Gemini"
                " Developer API mode."
            )
        for name, spelt in _SPELT.items():
            if (value := one.pop(name, None)) is not None:
                one[spelt] = value
        _without_null(one)
        if (ref := one.pop("$ref", None)) is not None:
            name = ref.rpartition("defs/")[2]
            return one if name in above else {**one, **fit(defs[name], (*above, name))}
        if one.get("anyOf") is not None:
            one["anyOf"] = [below(each, above) for each in one["anyOf"]]
            return one
        kind = one.get("type")
        kind = str(kind.value if isinstance(kind, Enum) else kind).upper()
        if one.get("const") is not None:
            if kind != "STRING":
                raise ValueError("Literal values must be strings.")
            one["enum"] = [one.pop("const")]
        if kind == "OBJECT":
            _fit_object(one, lambda each: below(each, above))
        elif kind == "ARRAY":
            if one.get("items") is not None:
                one["items"] = below(one["items"], above)
            if one.get("prefixItems") is not None:
                one["prefixItems"] = [below(each, above) for each in one["prefixItems"]]
        return one

    def below(one: dict[str, Any], above: tuple[str, ...]) -> dict[str, Any]:
        if "$ref" in one:
            name = one["$ref"].rpartition("defs/")[2]
            return {} if name in above else fit(defs[name], (*above, name))
        return fit(one, above)

    return fit(given, ())


def _fit_object(one: dict[str, Any], below: Any) -> None:
    properties = one.get("properties")
    if properties is not None:
        one["properties"] = {name: below(each) for name, each in properties.items()}
        if len(properties) > 1 and "propertyOrdering" not in one:
            one["propertyOrdering"] = list(properties)
    if isinstance(one.get("additionalProperties"), dict):
        one["additionalProperties"] = below(one["additionalProperties"])


def _without_null(one: dict[str, Any]) -> None:
    if one.get("type") == "null":
        one["nullable"] = True
        del one["type"]
    elif any(each.get("type") == "null" for each in one.get("anyOf") or ()):
        one["nullable"] = True
        rest = [each for each in one["anyOf"] if each.get("type") != "null"]
        if len(rest) == 1:
            del one["anyOf"]
            one.update(rest[0])
        else:
            one["anyOf"] = rest


# --- back ---


def parsed(response: Any, given: Any) -> Any:
    """Put what an answer's text means into ``response.parsed``, None where it does not fit; the answer."""
    if given is None:
        return response
    text = response.text
    if text is None:
        return response
    try:
        response.parsed = _value(text, given)
    except ValueError:  # pydantic's and JSON's errors are of this kind
        return response
    return response


def _value(text: str, given: Any) -> Any:
    if isinstance(given, EnumMeta):
        word = text.replace('"', "")
        found: Any = given(int(word) if _of_numbers(given) and word.lstrip("-").isdigit() else word)
        return found.name if given.__name__ == _LITERAL else found
    if inspect.isclass(given) and issubclass(given, pydantic.BaseModel):
        return given.model_validate_json(text)
    if isinstance(given, Mapping | types.Schema):
        return json.loads(text)
    return pydantic.TypeAdapter(given).validate_python(json.loads(text)) if _is_type(given) else None


def _of_numbers(given: Any) -> bool:
    return any(isinstance(member.value, int) for member in given)


# --- the type and JSON schemas ---

_SHARED = ("items", "any_of", "properties")


def to_json_schema(given: Any) -> dict[str, Any]:
    """A Schema as a JSON schema, with the fields that the vendor's ``JSONSchema`` has."""
    known = types.JSONSchema.model_fields
    out: dict[str, Any] = {}
    for name, value in vars(given).items():
        if value is None or name not in known or name == "type":
            continue
        if name == "items":
            out[name] = to_json_schema(value)
        elif name == "any_of":
            out[name] = [to_json_schema(each) for each in value]
        elif name == "properties":
            out[name] = {key: to_json_schema(each) for key, each in value.items()}
        else:
            out[name] = value
    kinds = ["null"] if given.nullable else []
    kinds += [] if given.type in (None, "TYPE_UNSPECIFIED") else [given.type.value.lower()]
    if kinds:
        out["type"] = kinds[0] if len(kinds) == 1 else kinds
    return out


def from_json_schema(given: Mapping[str, Any], *, strict: bool = False) -> dict[str, Any]:
    """A JSON schema as the fields of a Schema. Raises ValueError, where ``strict``, for a field that has no place."""
    defs = given.get("$defs") or given.get("defs") or {}
    known = types.Schema.model_fields

    def convert(one: Mapping[str, Any], above: tuple[str, ...]) -> dict[str, Any]:
        ref = one.get("$ref") or one.get("ref")
        if ref:
            name = ref.rpartition("/")[2]
            return {} if name in above else convert(defs[name], (*above, name))
        out: dict[str, Any] = {}
        for key, value in one.items():
            name = _SNAKE.get(key, key)
            if name in ("type", "defs", "$defs") or value is None:
                continue
            if name not in known:
                if strict:
                    raise ValueError(f'JSONSchema field "{key}" is not supported by the Schema object.')
                continue
            out[name] = value
        if "items" in out:
            out["items"] = convert(out["items"], above)
        if "properties" in out:
            out["properties"] = {name: convert(each, above) for name, each in out["properties"].items()}
        if "any_of" in out:
            rest = [each for each in out.pop("any_of") if each.get("type") != "null"]
            out |= {"any_of": [convert(each, above) for each in rest]} if len(rest) > 1 else convert(rest[0], above)
            if len(rest) < len(one.get("anyOf") or one.get("any_of") or ()):
                out["nullable"] = True
        return _with_type(out, one.get("type"))

    return convert(given, ())


def _with_type(out: dict[str, Any], kind: Any) -> dict[str, Any]:
    kinds = kind if isinstance(kind, list) else [kind] if kind else []
    some = [str(each).upper() for each in kinds if each != "null"]
    if len(some) < len(kinds):
        out["nullable"] = True
    if len(some) == 1:
        out["type"] = some[0]
    elif some:
        out["any_of"] = [{"type": each} for each in some]
    return out


_SNAKE = {
    "anyOf": "any_of",
    "additionalProperties": "additional_properties",
    "maxItems": "max_items",
    "maxLength": "max_length",
    "maxProperties": "max_properties",
    "minItems": "min_items",
    "minLength": "min_length",
    "minProperties": "min_properties",
    "propertyOrdering": "property_ordering",
}
