"""A conversation with tools and thinking that changes its vendor in the middle, over real HTTP."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from crossing import bodies
from modelmux.errors import Unsupported
from modelmux.testing import Fault
from modelmux.types import (
    Cache,
    Media,
    Message,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)

MODELS = {
    "openai": "openai/gpt-5-mini",
    "anthropic": "anthropic/claude-haiku-4-5",
    "gemini": "gemini/gemini-2.5-flash",
}
WIRES = {"openai": "openai.chat", "anthropic": "anthropic.messages", "gemini": "gemini.generateContent"}
TOOL = {
    "name": "roll",
    "description": "Roll a die.",
    "parameters": {"type": "object", "properties": {"sides": {"type": "integer"}}},
}


def asks(server: Any, number: int) -> None:
    """The next answer of this server: a thought, and two calls at once."""
    calls = [{"name": "roll", "arguments": {"sides": sides}} for sides in (6, 20)]
    server.reply(reasoning=f"thought {number}", tool_calls=calls)


@pytest.mark.parametrize("order", list(itertools.permutations(MODELS)), ids="-".join)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
def test_a_conversation_fails_over_from_vendor_to_vendor(
    caller: Any, vendors: Any, make_mux: Any, order: tuple[str, ...], streamed: bool
) -> None:
    mux = make_mux(*(MODELS[name] for name in order))
    messages = [Message("system", (Text("Be brief."),)), Message("user", (Text("Roll two dice."),))]
    served = []
    for number, name in enumerate((*order, order[0])):
        for gone in order[:number] if number < len(order) else ():
            vendors[gone].fail(Fault(status=503), times=9)
        if number == len(order):
            vendors.reset()
            mux = make_mux(MODELS[name])
        asks(vendors[name], number)
        call = caller.stream if streamed else caller.chat
        reply = call(mux, messages, tools=[TOOL], max_tokens=4000)
        served.append(reply.provider)
        assert [tool_call.arguments for tool_call in reply.tool_calls] == [{"sides": 6}, {"sides": 20}]
        messages.append(reply.message)
        results = [ToolResult(tool_call.id, (Text("4"),)) for tool_call in reversed(reply.tool_calls)]
        messages.append(Message("tool", tuple(results)))
        for request in vendors[name].requests:
            assert bodies.problems(WIRES[name], {"model": "in the path", **request.json}) == []
    assert served == [*order, order[0]]


LOSSES: dict[str, tuple[str, dict[str, Any]]] = {
    "max_tokens": ("anthropic", {}),
    "temperature": ("anthropic", {"temperature": 1.5, "max_tokens": 100}),
    "stop": ("gemini", {"stop": list("abcdefg")}),
    "reasoning": ("gemini", {"reasoning": 1_000_000}),
    "reasoning.budget": ("openai", {"reasoning": 1000}),
    "output": ("anthropic", {"output": "json", "max_tokens": 100}),
    "output.schema": ("anthropic", {"output": {"type": "object", "properties": {}}, "max_tokens": 100}),
    "tool_choice": ("anthropic", {"tools": [TOOL], "tool_choice": "required", "reasoning": 2000, "max_tokens": 9000}),
}


@pytest.mark.parametrize("field", LOSSES)
def test_strict_raises_for_an_option_that_cannot_be_said(caller: Any, vendors: Any, make_mux: Any, field: str) -> None:
    vendor, options = LOSSES[field]
    vendors[vendor].reply(text="{}")
    loose = caller.chat(make_mux(MODELS[vendor]), "hi", **options)
    assert field in [warning.field for warning in loose.warnings]
    with pytest.raises(Unsupported) as caught:
        caller.chat(make_mux(MODELS[vendor]), "hi", strict=True, **options)
    assert [warning.field for warning in caught.value.warnings] == [field]
    assert len(vendors[vendor].requests) == 1  # nothing was sent


def said(*parts: Any) -> list[Message]:
    return [Message("user", (Text("q"),)), Message("assistant", (Text("a"), *parts)), Message("user", (Text("r"),))]


PARTS = {
    "foreign reasoning": ("anthropic", said(Reasoning("hm", "proof", extra={"gemini.generateContent": {}}))),
    "foreign signature": (
        "anthropic",
        [*said(), Message("assistant", (Text("a", signature="proof"),)), Message("user", (Text("s"),))],
    ),
    "refusal": ("gemini", said(Refusal("no"))),
    "cache mark": ("openai", [Message("user", (Text("q", cache=Cache()),))]),
    "name": ("anthropic", [Message("user", (Text("q"),), "ann")]),
    "file by id": ("gemini", [Message("user", (Text("q"), Media("image", file_id="file-1")))]),
    "image in a result": (
        "openai",
        [
            *said(ToolCall("c1", "roll"))[:2],
            Message("tool", (ToolResult("c1", (Media("image", "image/png", "iVBORw0KGgo="),)),)),
        ],
    ),
    "failed tool": (
        "openai",
        [*said(ToolCall("c1", "roll"))[:2], Message("tool", (ToolResult("c1", (Text("x"),), is_error=True),))],
    ),
    "later instructions": ("gemini", [*said(), Message("system", (Text("s"),)), Message("user", (Text("t"),))]),
}


@pytest.mark.parametrize("kind", PARTS)
def test_strict_raises_for_a_part_that_cannot_be_said(caller: Any, vendors: Any, make_mux: Any, kind: str) -> None:
    vendor, messages = PARTS[kind]
    options: dict[str, Any] = {"tools": [TOOL], "max_tokens": 100}
    loose = caller.chat(make_mux(MODELS[vendor]), messages, **options)
    with pytest.raises(Unsupported) as caught:
        caller.chat(make_mux(MODELS[vendor]), messages, strict=True, **options)
    assert caught.value.warnings == loose.warnings != ()
    assert len(vendors[vendor].requests) == 1


def test_strict_lets_pass_what_can_be_said(caller: Any, vendors: Any, make_mux: Any) -> None:
    for vendor, model in MODELS.items():
        reply = caller.chat(make_mux(model), said(), tools=[TOOL], max_tokens=100, strict=True)
        assert (reply.provider, reply.warnings) == (vendor, ())
