"""``on_break="resume"``: another model goes on where a stream broke, or the answer begins anew."""

from __future__ import annotations

import pytest

from modelmux import errors
from modelmux.testing import Fault
from modelmux.types import Finish, Restarted, Start, TextDelta, UsageEvent

OPENAI, CLAUDE = "openai/gpt-5-mini", "anthropic/claude-haiku-4-5"
HALF = ["One ", "two ", "three "]
REST = ["four ", "five."]
BROKEN = Fault(cut_after=2, unit="tokens")


def text_of(seen) -> str:
    return "".join(event.text for event in seen if isinstance(event, TextDelta))


def test_the_rest_comes_from_a_model_that_takes_the_beginning(caller, vendors, make_mux) -> None:
    vendors.openai.reply(text=[*HALF, *REST])
    vendors.openai.fail(BROKEN)
    vendors.anthropic.reply(text=[" three ", *REST])
    seen = []
    reply = caller.stream(make_mux(OPENAI, CLAUDE, on_break="resume"), "Count to five", seen=seen)
    asked = vendors.anthropic.requests[-1].json["messages"]
    assert asked[-1] == {"role": "assistant", "content": "One two"} or asked[-1]["content"][0]["text"] == "One two"
    assert text_of(seen) == reply.text == "One two three four five."
    assert not any(isinstance(event, Restarted) for event in seen)
    assert sum(isinstance(event, Start) for event in seen) == 1
    assert sum(isinstance(event, Finish) for event in seen) == 1
    assert [event for event in seen if isinstance(event, UsageEvent)][-1].usage == reply.usage
    assert [attempt.status for attempt in reply.receipt.attempts] == ["cut", "ok"]
    assert reply.usage["output"] >= reply.receipt.attempts[1].usage["output"]


def test_one_that_refuses_the_beginning_starts_anew(caller, vendors, make_mux) -> None:
    vendors.openai.reply(text=[*HALF, *REST])
    vendors.openai.fail(BROKEN)
    vendors.anthropic.reply(text=["All ", "new."])
    prefilled = Fault(status=400, message="This model does not support assistant message prefill.")
    vendors.anthropic.fail(prefilled, when=lambda request: request.json["messages"][-1]["role"] == "assistant")
    seen = []
    reply = caller.stream(make_mux(OPENAI, CLAUDE, on_break="resume"), "Count to five", seen=seen)
    assert reply.text == "All new."
    restart = next(n for n, event in enumerate(seen) if isinstance(event, Restarted))
    assert text_of(seen[:restart]) == "One two "
    assert text_of(seen[restart:]) == "All new."


def test_where_no_model_takes_a_beginning_the_answer_starts_anew(caller, vendors, make_mux) -> None:
    vendors.anthropic.reply(text=[*HALF, *REST])
    vendors.anthropic.fail(BROKEN)
    vendors.openai.reply(text=["All ", "new."])
    seen = []
    reply = caller.stream(make_mux(CLAUDE, OPENAI, on_break="resume"), "Count", seen=seen)
    assert reply.text == "All new."
    assert any(isinstance(event, Restarted) for event in seen)
    assert vendors.openai.requests[-1].json["messages"][-1]["role"] == "user"


def test_a_tool_call_cannot_be_continued(caller, vendors, make_mux) -> None:
    vendors.openai.reply(tool_calls=[{"name": "weather", "arguments": {"city": "Seoul", "unit": "celsius"}}])
    vendors.openai.fail(Fault(without={"finish", "usage", "end"}))
    vendors.anthropic.reply("anew")
    seen = []
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
    reply = caller.stream(make_mux(OPENAI, CLAUDE, on_break="resume"), "Weather?", tools=tools, seen=seen)
    assert reply.text == "anew"
    assert reply.tool_calls == ()
    assert any(isinstance(event, Restarted) for event in seen)


def test_a_second_break_is_gone_on_from_too(caller, vendors, make_mux) -> None:
    vendors.openai.reply(text=[*HALF, *REST])
    vendors.openai.fail(BROKEN)
    vendors.anthropic.reply(text=["three ", "four ", "five."], times=2)
    vendors.anthropic.fail(Fault(cut_after=1, unit="tokens"), times=1)
    mux = make_mux(OPENAI, CLAUDE, "anthropic/claude-sonnet-4-5", on_break="resume")
    seen = []
    reply = caller.stream(mux, "Count to five", seen=seen)
    assert len(reply.receipt.attempts) == 3
    assert text_of(seen) == reply.text == "One two three three four five."  # the scripted server repeats itself


def test_by_default_a_break_in_front_of_the_caller_is_an_error(caller, vendors, make_mux) -> None:
    vendors.openai.reply(text=[*HALF, *REST])
    vendors.openai.fail(BROKEN)
    with pytest.raises(errors.StreamInterrupted) as caught:
        caller.stream(make_mux(OPENAI, CLAUDE), "Count")
    assert caught.value.partial.text == "One two "
    assert vendors.anthropic.requests == []
