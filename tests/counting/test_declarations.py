"""Tools as the declarations that a model is shown."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmux.counting.declarations import declare
from modelmux.types import Tool


def declared(parameters: Any, description: str | None = None) -> str:
    """The lines of one tool ``f``, without what is around all tools."""
    lines = declare([Tool("f", description, parameters)]).split("\n")
    assert (lines[:2], lines[-2:]) == (["namespace functions {", ""], ["", "} // namespace functions"])
    return "\n".join(lines[2:-2])


def of(*required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required)}


STRING = {"type": "string"}


@pytest.mark.parametrize("parameters", [None, {}, {"type": "object", "properties": {}}])
def test_a_tool_without_arguments(parameters):
    assert declared(parameters) == "type f = () => any;"


def test_on_one_line_where_there_is_nothing_to_explain():
    assert declared(of("a", a=STRING, b={"type": "integer"})) == "type f = (_: { a: string, b?: number }) => any;"


def test_descriptions_titles_and_defaults_are_comments():
    parameters = of(
        "city",
        city={"type": "string", "description": "The city", "title": "City"},
        unit={"enum": ["c", "f"], "default": "c"},
    )
    expected = """\
        // Get the weather
        type f = (_: {
        // City
        //
        // The city
        city: string,
        unit?: "c" | "f", // default: "c"
        }) => any;"""
    assert declared(parameters, "Get the weather") == dedent(expected)


@pytest.mark.parametrize(
    ("schema", "type"),
    [
        ({"type": "number"}, "number"),
        ({"type": "boolean"}, "boolean"),
        ({"type": ["string", "null"]}, "string | null"),
        ({"anyOf": [STRING, {"type": "null"}]}, "string | null"),
        ({"type": "array", "items": STRING}, "string[]"),
        ({"type": "array"}, "any[]"),
        ({"type": "object"}, "object"),
        ({"const": 3}, "3"),
        ({}, "any"),
        (of("b", b=STRING), "{ b: string }"),
        ({"$ref": "#/$defs/Inner"}, "{ n?: number }"),
        ({"$ref": "#/$defs/Nothing"}, "any"),
    ],
)
def test_types(schema, type):
    parameters = of("a", a=schema) | {"$defs": {"Inner": of(n={"type": "integer"})}}
    assert declared(parameters) == f"type f = (_: {{ a: {type} }}) => any;"


def test_a_schema_that_contains_itself_ends():
    tree = of(**{letter: {"$ref": "#"} for letter in "abcdefgh"})
    assert len(declared(tree)) < 1_000_000
    assert "any" in declared({"$ref": "#", **of(a={"$ref": "#/properties/a"})})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "properties", "items", "enum", "anyOf", "required", "$ref", "default", "title", "a"]),
        inner,
        max_size=4,
    ),
)  # fmt: skip


@given(anything)
def test_no_schema_is_too_odd(parameters):
    assert declare([Tool("f", None, parameters)]).endswith("} // namespace functions")
