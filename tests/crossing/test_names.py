"""Tools whose names a vendor does not allow: renamed on the way out, and the caller's own again on the way in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crossing import bodies
from crossing.histories import TARGETS
from modelmux import wire
from modelmux.errors import Unsupported
from modelmux.types import Message, Request, Text, Tool, ToolCall, ToolCallDelta, ToolChoice, ToolResult

MODELS = ("openai/gpt-5-mini", "anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash")
WIRES = {"openai": "openai.chat", "anthropic": "anthropic.messages", "gemini": "gemini.generateContent"}
NARROW = [pair for pair in TARGETS if pair[0] not in ("ollama.chat", "openai.completions")]
"""Wires with a rule: a local server has none, and a completion no tools."""


def asked(*names: str, **options: Any) -> Request:
    return Request((Message("user", (Text("Go."),)),), tools=tuple(map(Tool, names)), **options)


def names_sent(target: str, request: Request, model: str = "m") -> list[str]:
    codec = wire.get(target)
    body, _ = codec.encode_request(request, model=model)
    return [tool.name for tool in codec.decode_request(body).tools if isinstance(tool, Tool)]


@pytest.mark.parametrize(("target", "model"), NARROW)
def test_no_two_tools_get_one_name(target: str, model: str) -> None:
    names = ("a b", "a_b", "a/b", "a_b_2", "é", "ü", "x" * 200, "x" * 201, "", "7up")
    sent = names_sent(target, asked(*names), model)
    assert len(set(sent)) == len(names)
    assert [sent[1], sent[3]] == ["a_b", "a_b_2"]  # what is allowed stays
    body, _ = wire.get(target).encode_request(asked(*names), model=model)
    assert bodies.problems(target, body) == []


@pytest.mark.parametrize(
    ("target", "names", "sent"),
    [
        ("openai.chat", ("get.it", "a:b", "7up"), ["get_it", "a_b", "7up"]),
        ("gemini.generateContent", ("get.it", "a:b", "7up"), ["get.it", "a:b", "_7up"]),
        ("anthropic.messages", ("x" * 128, "y" * 129), ["x" * 128, "y" * 128]),
        ("bedrock.converse", ("x" * 64, "x" * 65), ["x" * 64, "x" * 62 + "_2"]),
        ("ollama.chat", ("get it", "größe"), ["get it", "größe"]),
    ],
)
def test_each_vendor_by_its_own_rule(target: str, names: tuple[str, ...], sent: list[str]) -> None:
    assert names_sent(target, asked(*names)) == sent
    _, warnings = wire.get(target).encode_request(asked(*names), model="m")
    told = [(warning.field, warning.action) for warning in warnings if warning.field.startswith("tools")]
    assert told == ([] if list(names) == sent else [("tools.name", "renamed")])


@pytest.mark.parametrize(("target", "model"), NARROW)
def test_calls_results_and_choice_go_with_the_tool(target: str, model: str) -> None:
    turns = (
        Message("user", (Text("Go."),)),
        Message("assistant", (ToolCall("c1", "get it"), ToolCall("c2", "no more"))),
        Message("tool", (ToolResult("c1", (Text("1"),), "get it"), ToolResult("c2", (Text("2"),)))),
    )
    request = Request(turns, tools=(Tool("get it"), Tool("get_it")), tool_choice=ToolChoice("tool", ("get it",)))
    codec = wire.get(target)
    there = codec.decode_request(codec.encode_request(request, model=model)[0])
    calls = [part.name for turn in there.messages for part in turn.content if isinstance(part, ToolCall)]
    assert calls == ["get_it_2", "no_more"]
    if there.tool_choice is not None and there.tool_choice.names:
        assert there.tool_choice.names == ("get_it_2",)
    named = [part.name for turn in there.messages for part in turn.content if isinstance(part, ToolResult)]
    assert set(named) <= {None, "get_it_2", "no_more"}


def test_a_longer_conversation_names_its_tools_alike() -> None:
    short = asked("a b", "a_b", "a/b")
    older = Message("assistant", (ToolCall("c", "a.b"), ToolCall("d", "a_b_2")))
    assert names_sent("openai.chat", replace(short, messages=(*short.messages, older))) == names_sent(
        "openai.chat", short
    )


def test_what_came_in_on_a_wire_keeps_its_names_there() -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "q"}]}
    body["tools"] = [{"type": "function", "function": {"name": "get it"}}]
    codec = wire.get("openai.chat")
    assert codec.encode_request(codec.decode_request(body), model="m") == (body, [])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_call_carries_the_callers_name(caller: Any, vendors: Any, make_mux: Any, model: str, streamed: bool) -> None:
    vendor = model.partition("/")[0]
    tools = [{"name": name, "parameters": {"type": "object"}} for name in ("9.it", "9_it")]
    mux, call = make_mux(model), caller.stream if streamed else caller.chat
    sent = names_sent(WIRES[vendor], asked("9.it", "9_it"))
    vendors[vendor].reply(tool_calls=[{"name": name, "arguments": {}} for name in sent])
    seen: list[Any] = []
    reply = call(mux, "Go.", tools=tools, max_tokens=500, **({"seen": seen} if streamed else {}))
    assert [part.name for part in reply.tool_calls] == ["9.it", "9_it"]
    assert [event.name for event in seen if isinstance(event, ToolCallDelta) and event.name] == (
        ["9.it", "9_it"] if streamed else []
    )
    assert [warning.action for warning in reply.warnings if warning.field == "tools.name"] == ["renamed"]
    results = tuple(ToolResult(part.id, (Text("1"),)) for part in reply.tool_calls)
    call(mux, [Message("user", (Text("Go."),)), reply.message, Message("tool", results)], tools=tools)
    assert len(vendors[vendor].requests) == 2
    for request in vendors[vendor].requests:
        assert bodies.problems(WIRES[vendor], {"model": "in the path", **request.json}) == []


def test_strict_raises_for_a_name_that_is_not_allowed(caller: Any, vendors: Any, make_mux: Any) -> None:
    tool = {"name": "9.it", "parameters": {"type": "object"}}
    with pytest.raises(Unsupported, match=r"tools\.name"):
        caller.chat(make_mux(MODELS[0]), "Go.", tools=[tool], strict=True)
    assert vendors["openai"].requests == []
