"""Functions as tools, outputs of a type, and the loop that runs tools."""

from __future__ import annotations

import asyncio
from typing import Any, Literal

import pydantic
import pytest

import modelmux.anthropic as anthropic
from dropin.anthropic.calls import ASK, MESSAGE, START, events
from dropin.loopback import Loopback, Say
from modelmux.anthropic import beta_async_tool, beta_tool, transform_schema
from modelmux.anthropic.lib.tools import ToolError

CALL = {"type": "tool_use", "id": "tu_1", "name": "weather", "input": {"city": "Seoul"}}
ASKS = {**MESSAGE, "content": [CALL], "stop_reason": "tool_use"}
ENDS = {**MESSAGE, "id": "msg_2", "content": [{"type": "text", "text": "sunny"}], "stop_reason": "end_turn"}
RESULT = {"type": "tool_result", "tool_use_id": "tu_1", "content": "sunny in Seoul"}


@beta_tool
def weather(city: str, unit: Literal["c", "f"] = "c") -> str:
    """Look up the weather.

    Args:
        city: The city,
            by name.
        unit: Of temperatures.
    """
    if city == "Atlantis":
        raise ToolError([{"type": "text", "text": "sunk"}])
    return f"sunny in {city}"


@beta_async_tool(name="weather", description="Look up.")
async def aweather(city: str) -> str:
    return f"sunny in {city}"


@pytest.fixture
def client(loopback: Loopback) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="test-key", base_url=loopback.url.removesuffix("/v1"))


def test_a_function_describes_itself():
    tool = weather.to_dict()
    assert (tool["name"], tool["description"]) == ("weather", "Look up the weather.")
    properties = tool["input_schema"]["properties"]
    assert properties["city"]["description"] == "The city,\nby name."
    assert properties["unit"] == {
        "default": "c",
        "enum": ["c", "f"],
        "title": "Unit",
        "type": "string",
        "description": "Of temperatures.",
    }
    assert tool["input_schema"]["required"] == ["city"]
    assert weather("Rome") == weather.call({"city": "Rome"}) == "sunny in Rome"
    with pytest.raises(ValueError, match="Invalid arguments"):
        weather.call({"town": "Rome"})


@pytest.mark.parametrize(
    "text",
    [
        "Do it.\n\nArgs:\n    a (int): First.\n    b: Second\n        of two.\n\nReturns:\n    c: no parameter",
        "Do it.\n\nParameters\n----------\na : int\n    First.\nb\n    Second\n    of two.\n\nReturns\n-------\nint",
        "Do it.\n\n:param int a: First.\n:param b: Second\n    of two.\n:return: x",
    ],
)
def test_three_styles_of_docstrings_are_read(text: str):
    def function(a: int, b: int) -> str:
        return str(a + b)

    function.__doc__ = text
    tool = beta_tool(function).to_dict()
    assert tool["description"] == "Do it."
    said = {name: entry.get("description") for name, entry in tool["input_schema"]["properties"].items()}
    assert said == {"a": "First.", "b": "Second\nof two."}


def test_the_runner_runs_tools_in_a_thread(client: anthropic.Anthropic, loopback: Loopback):
    loopback.say(ASKS, ENDS)
    runner = client.beta.messages.tool_runner(**ASK, tools=[weather], system="brief")
    assert [message.id for message in runner] == ["msg_1", "msg_2"]
    assert runner.until_done().content[0].text == "sunny"
    first, second = (seen.json for seen in loopback.seen)
    assert (first["thread"], first["system"], len(first["tools"])) == ({"type": "create"}, "brief", 1)
    assert second["thread"] == {"type": "continue", "previous_message_id": "msg_1"}
    assert second["messages"] == [{"role": "user", "content": [RESULT]}]
    assert not second.keys() & {"system", "tools"}
    assert loopback.seen[0].headers["x-stainless-helper"] == "BetaToolRunner, message-thread"


@pytest.mark.parametrize("code", ["thread_not_found", "thread_unsupported_request"])
def test_a_thread_that_is_lost_is_replaced_by_the_whole_history(
    client: anthropic.Anthropic, loopback: Loopback, code: str
):
    lost = {"type": "error", "error": {"type": "x", "message": "m", "details": {"error_code": code}}}
    loopback.say(ASKS, Say(lost, 404 if code == "thread_not_found" else 400), ENDS)
    client.beta.messages.tool_runner(**ASK, tools=[weather]).until_done()
    again = loopback.seen[2].json
    assert [turn["role"] for turn in again["messages"]] == ["user", "assistant", "user"]
    assert again.get("thread") == ({"type": "create"} if code == "thread_not_found" else None)
    assert len(again["tools"]) == 1


def test_without_a_thread_the_whole_history_goes_out(client: anthropic.Anthropic, loopback: Loopback):
    loopback.say({**ASKS, "content": [{**CALL, "input": {"city": "Atlantis"}}]}, ENDS)
    client.beta.messages.tool_runner(**ASK, tools=[weather], thread=False).until_done()
    last = loopback.seen[1].json
    assert "thread" not in last
    assert last["messages"][2]["content"][0] == {
        "type": "tool_result",
        "tool_use_id": "tu_1",
        "content": [{"type": "text", "text": "sunk"}],
        "is_error": True,
    }


def test_the_loop_ends_where_it_is_told_to(client: anthropic.Anthropic, loopback: Loopback):
    loopback.say(ASKS)
    runner = client.beta.messages.tool_runner(**ASK, tools=[weather], max_iterations=2)
    assert len(list(runner)) == 2
    runner = client.beta.messages.tool_runner(**ASK, tools=[weather])
    for _ in runner:
        assert runner.generate_tool_call_response() == {"role": "user", "content": [RESULT]}
        runner.close()
    assert len(loopback.seen) == 3


def test_what_the_caller_appends_takes_the_place_of_results(client: anthropic.Anthropic, loopback: Loopback):
    loopback.say(ASKS, ENDS)
    runner = client.beta.messages.tool_runner(**ASK, tools=[weather], thread=False)
    first = next(runner)
    runner.append_messages(first, {"role": "user", "content": "never mind"})
    runner.set_messages_params(lambda params: {**params, "max_tokens": 9})
    runner.until_done()
    last = loopback.seen[1].json
    assert last["max_tokens"] == 9
    assert [turn["content"] for turn in last["messages"]][2] == "never mind"


def test_a_tool_of_the_other_kind_is_refused(client: anthropic.Anthropic):
    with pytest.raises(TypeError, match="async tool"):
        client.beta.messages.tool_runner(**ASK, tools=[aweather])
    with pytest.raises(TypeError, match="max_iteration"):
        client.beta.messages.tool_runner(**ASK, tools=[weather], max_iteration=1)


def test_the_streaming_runner_hands_out_streams(client: anthropic.Anthropic, loopback: Loopback):
    calls = {"type": "content_block_start", "index": 0, "content_block": {**CALL, "input": {}}}
    said = {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "input_json_delta", "partial_json": '{"city": "Seoul"}'},
    }
    stop = {"type": "content_block_stop", "index": 0}
    end: dict[str, Any] = {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 1}}
    done = {**end, "delta": {"stop_reason": "end_turn"}}
    loopback.say(
        events(START, calls, said, stop, end, {"type": "message_stop"}), events(START, done, {"type": "message_stop"})
    )
    kinds = [
        [event.type for event in stream]
        for stream in client.beta.messages.tool_runner(**ASK, tools=[weather], stream=True)
    ]
    assert kinds[0][2:4] == ["content_block_delta", "input_json"]
    assert loopback.seen[1].json["messages"] == [{"role": "user", "content": [RESULT]}]


def test_the_async_runner(loopback: Loopback):
    async def ask() -> Any:
        async with anthropic.AsyncAnthropic(api_key="k", base_url=loopback.url.removesuffix("/v1")) as client:
            return await client.beta.messages.tool_runner(**ASK, tools=[aweather]).until_done()

    loopback.say(ASKS, ENDS)
    assert asyncio.run(ask()).content[0].text == "sunny"
    assert loopback.seen[1].json["messages"] == [{"role": "user", "content": [RESULT]}]


class Invoice(pydantic.BaseModel):
    total: float = pydantic.Field(ge=0)
    lines: list[str]


def test_an_output_of_a_type(client: anthropic.Anthropic, loopback: Loopback):
    text = {"type": "text", "text": '{"total": 2, "lines": ["a"]}'}
    loopback.say({**ENDS, "content": [text]})
    answer = client.messages.parse(**ASK, output_format=Invoice)
    assert answer.parsed_output == Invoice(total=2, lines=["a"])
    assert answer.to_dict()["content"] == [text]
    schema = loopback.seen[0].json["output_config"]["format"]["schema"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["total"] == {"type": "number", "title": "Total", "description": "{minimum: 0}"}
    loopback.say({**ENDS, "content": [{"type": "text", "text": "no JSON"}]})
    with pytest.raises(pydantic.ValidationError):
        client.beta.messages.parse(**ASK, output_format=Invoice)


def test_schemas_keep_what_is_supported_and_tell_the_rest():
    given = {"type": "array", "minItems": 2, "items": {"type": "string", "format": "ipv4", "pattern": "x"}}
    items = {"type": "string", "format": "ipv4", "description": "{pattern: x}"}
    assert transform_schema(given) == {"type": "array", "items": items, "description": "{minItems: 2}"}
    with pytest.raises(ValueError, match="must have"):
        transform_schema({"title": "nothing"})
