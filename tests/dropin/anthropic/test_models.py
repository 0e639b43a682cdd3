"""Models that users write over the drop-in's base, and what a client says of its own settings."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Annotated, Any, Literal

import httpx
import pydantic
import pytest

import modelmux.anthropic as anthropic
from modelmux.anthropic._models import construct_type


class ByAliasA(anthropic.BaseModel):
    kind: Literal["a"] = pydantic.Field(alias="type")
    data: bool


class ByAliasB(anthropic.BaseModel):
    kind: Literal["b"] = pydantic.Field(alias="type")
    data: int


class Flag(anthropic.BaseModel):
    type: Literal["x"]
    data: bool


class Count(anthropic.BaseModel):
    type: Literal["x"]
    data: int


BY_ALIAS: Any = Annotated[ByAliasA | ByAliasB, pydantic.Discriminator("kind")]
SHARED: Any = Annotated[Flag | Count, pydantic.Discriminator("type")]


@pytest.mark.parametrize(
    ("union", "value", "expected"),
    [
        (BY_ALIAS, {"type": "b", "data": "odd"}, ByAliasB),
        (BY_ALIAS, {"type": "a", "data": "odd"}, ByAliasA),
        (ByAliasA | ByAliasB, {"type": "b", "data": 1}, ByAliasB),
        (SHARED, {"type": "x", "data": True}, Flag),
        (SHARED, {"type": "x", "data": 3}, Count),
        (SHARED, {"type": "x", "data": "odd"}, Count),
        (SHARED, {"type": ["x"], "data": "odd"}, Flag),
    ],
)
def test_the_member_of_a_union_is_found_by_its_tag(union: Any, value: dict[str, Any], expected: type):
    found = construct_type(type_=union, value=value)
    assert type(found) is expected
    assert found.data == value["data"]
    assert found.to_dict(warnings=False) == value


class Item(anthropic.BaseModel):
    prop: int


class Typed(anthropic.BaseModel):
    __pydantic_extra__: dict[str, Item] = pydantic.Field(init=False)

    other: str


def test_unknown_fields_are_of_the_type_that_the_class_names():
    found = construct_type(type_=Typed, value={"a": {"prop": 1}, "b": None, "other": "text"})
    assert isinstance(found.a, Item)
    assert (found.a.prop, found.b, found.other) == (1, None, "text")
    assert found.to_dict() == {"a": {"prop": 1}, "b": None, "other": "text"}


def test_raw_bytes_go_in_content_alone():
    with anthropic.Anthropic(api_key="test-key") as client, pytest.raises(TypeError, match="as `content`"):
        client.post("/upload", body=b"bytes", cast_to=object)


def test_a_clients_time_limit_is_an_http_librarys_as_far_as_that_can_tell():
    timeout = anthropic.Anthropic(api_key="test-key").timeout
    assert isinstance(timeout, anthropic.Timeout)
    assert httpx.Timeout(timeout).as_dict() == {"connect": 5.0, "read": 600, "write": 600, "pool": 600}
    for again in (pickle.loads(pickle.dumps(timeout)), copy.deepcopy(timeout)):
        assert again == timeout


def test_a_time_limit_loads_no_http_library():
    program = (
        "import sys, modelmux.anthropic as a\n"
        "t = a.Anthropic(api_key='test-key').timeout\nassert t.__class__ is type(t)\n"
        "print([name for name in ('httpx', 'httpx2') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
