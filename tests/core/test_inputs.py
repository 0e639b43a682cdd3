"""What callers write: messages, tools, structured output, options."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from modelmux import _options as options_
from modelmux._messages import canonical_messages, canonical_reasoning, canonical_tool_choice
from modelmux._tools import canonical_output, canonical_tools, from_function, parse_output
from modelmux.errors import InvalidOutput, InvalidRequest
from modelmux.types import Choice, Message, Reply, Text, Tool, ToolCall, ToolResult


def reply_of(text: str, finish: str = "stop") -> Reply:
    return Reply(choices=(Choice((Text(text),), finish=finish),), model="m")


def test_messages_may_be_mixed_and_keep_their_order() -> None:
    earlier = reply_of("4")
    turns = canonical_messages(["2+2?", earlier, {"role": "user", "content": "and 3+3?"}], "Be brief.")
    assert [(turn.role, turn.text) for turn in turns] == [
        ("system", "Be brief."),
        ("user", "2+2?"),
        ("assistant", "4"),
        ("user", "and 3+3?"),
    ]


def test_openai_shaped_tool_turns_are_understood() -> None:
    turns = canonical_messages(
        [
            {"role": "user", "content": "weather?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "w", "arguments": '{"city":"Seoul"}'}}
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        ]
    )
    assert turns[1].content == (ToolCall("c1", "w", {"city": "Seoul"}),)
    result = turns[2].content[0]
    assert isinstance(result, ToolResult)
    assert (result.id, result.content[0]) == ("c1", Text("sunny"))


@pytest.mark.parametrize("empty", [[], (), [Message("system", (Text("x"),))]])
def test_nothing_to_answer_is_an_error(empty) -> None:
    with pytest.raises(InvalidRequest) as caught:
        canonical_messages(empty)
    assert caught.value.field == "messages"


def test_a_wrong_message_is_named() -> None:
    with pytest.raises(InvalidRequest, match=r"messages\[1\]") as caught:
        canonical_messages(["hi", 7])
    assert caught.value.field == "messages[1]"


def get_weather(city: Annotated[str, Field(description="where")], unit: Literal["c", "f"] = "c", days: int = 1) -> str:
    """The weather in a city."""
    return f"{city} {unit} {days}"


def test_a_function_becomes_a_tool() -> None:
    tool = from_function(get_weather)
    assert (tool.name, tool.description) == ("get_weather", "The weather in a city.")
    assert tool.parameters["required"] == ["city"]
    assert tool.parameters["properties"]["city"] == {"type": "string", "description": "where"}
    assert tool.parameters["properties"]["unit"]["enum"] == ["c", "f"]


SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}}


@pytest.mark.parametrize(
    "spelling",
    [
        {"type": "function", "function": {"name": "t", "description": "d", "parameters": SCHEMA}},
        {"type": "function", "name": "t", "description": "d", "parameters": SCHEMA},
        {"name": "t", "description": "d", "input_schema": SCHEMA},
        {"name": "t", "description": "d", "parametersJsonSchema": SCHEMA},
        Tool("t", "d", SCHEMA),
    ],
)
def test_any_vendors_spelling_of_a_tool_will_do(spelling) -> None:
    assert canonical_tools([spelling]) == (Tool("t", "d", SCHEMA),)


@pytest.mark.parametrize(
    ("tool", "field"),
    [
        ({"description": "nameless"}, "tools[0].name"),
        ({"name": "bad name!"}, "tools[0].name"),
        ({"name": "t", "parameters": []}, "tools[0].parameters"),
        ({"name": "t", "parameters": {"type": "array"}}, "tools[0].parameters.type"),
        (
            {"name": "t", "parameters": {"type": "object", "properties": {"a": {"type": "strng"}}}},
            "tools[0].parameters.properties.a.type",
        ),
        ({"name": "t", "parameters": {"type": "object", "required": "a"}}, "tools[0].parameters.required"),
        (7, "tools[0]"),
        (lambda *args: None, "tools.<lambda>"),
    ],
)
def test_a_malformed_tool_is_named(tool, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        canonical_tools([tool])
    assert caught.value.field == field


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="two tools"):
        canonical_tools([Tool("t"), Tool("t")])


class Invoice(BaseModel):
    number: str
    total: float


def test_output_is_parsed_into_the_type_asked_for() -> None:
    asked = canonical_output(Invoice)
    assert asked.name == "Invoice"
    assert set(asked.schema["properties"]) == {"number", "total"}
    assert parse_output(Invoice, reply_of('{"number": "7", "total": 9.5}')) == Invoice(number="7", total=9.5)
    assert parse_output(list[int], reply_of("```json\n[1, 2]\n```")) == [1, 2]
    assert parse_output("json", reply_of('{"a": 1}')) == {"a": 1}


@pytest.mark.parametrize(
    ("text", "finish", "why"),
    [("hello", "stop", "not what output= asks for"), ('{"number": "7"', "length", "token limit")],
)
def test_an_answer_that_does_not_fit_is_an_error_that_keeps_the_reply(text: str, finish: str, why: str) -> None:
    reply = reply_of(text, finish)
    with pytest.raises(InvalidOutput, match=why) as caught:
        parse_output(Invoice, reply)
    assert caught.value.reply is reply


def test_tool_choice_and_reasoning_words() -> None:
    assert canonical_tool_choice("get_weather").names == ("get_weather",)
    assert canonical_tool_choice("required").mode == "required"
    assert canonical_tool_choice({"type": "function", "function": {"name": "f"}}).names == ("f",)
    assert canonical_reasoning("low").effort == "low"
    assert canonical_reasoning(2048).budget == 2048
    assert canonical_reasoning(False).enabled is False
    with pytest.raises(InvalidRequest):
        canonical_reasoning(-1)


def test_an_unknown_keyword_is_a_type_error_with_the_nearest_name() -> None:
    with pytest.raises(TypeError, match="did you mean 'max_tokens'"):
        options_.check_names({"max_token": 5})


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "5"])
def test_a_token_limit_is_a_whole_number_above_zero(wrong) -> None:
    with pytest.raises(InvalidRequest) as caught:
        options_.canonical_request("hi", {"max_tokens": wrong}, stream=False)
    assert caught.value.field == "max_tokens"


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"temperature": "hot"}, "temperature"),
        ({"reasoning": "hihg"}, "reasoning"),
        ({"tools": [Tool("a")], "tool_choice": "b"}, "tool_choice"),
        ({"tool_choice": "required"}, "tool_choice"),
    ],
)
def test_a_wrong_option_is_named_before_anything_is_sent(options, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        options_.canonical_request("hi", options, stream=False)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("message", "field"),
    [({"role": "usr", "content": "x"}, "messages[0].role"), ({"role": "user"}, "messages[0].content")],
)
def test_a_malformed_message_is_named(message, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        canonical_messages([message])
    assert caught.value.field == field
