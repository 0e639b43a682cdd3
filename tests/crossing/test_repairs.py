"""What is mended in a conversation that was made elsewhere, one thing at a time."""

from __future__ import annotations

import pytest

from crossing import bodies
from modelmux import wire
from modelmux.types import Cache, Message, Request, Text, Tool, ToolCall, ToolResult

TOOLS = (Tool("search"), Tool("read"))


def asked(*messages: Message, **options: object) -> Request:
    return Request((Message("user", (Text("Go."),)), *messages), tools=TOOLS, **options)  # type: ignore[arg-type]


def calls(*ids: str) -> Message:
    return Message("assistant", tuple(ToolCall(call_id, "search", {"n": n}) for n, call_id in enumerate(ids)))


def results(*ids: str) -> Message:
    return Message("tool", tuple(ToolResult(call_id, (Text(f"of {call_id}"),)) for call_id in ids))


def encoded(target: str, request: Request, model: str = "gpt-5-mini") -> dict:
    return wire.get(target).encode_request(request, model=model)[0]


def test_an_id_given_again_in_a_later_turn_becomes_another_one() -> None:
    request = asked(calls("call_0", "call_1"), results("call_1", "call_0"), calls("call_0"), results("call_0"))
    turns = encoded("anthropic.messages", request, "claude-sonnet-4-5")["messages"]
    made = [[block["id"] for block in turn["content"]] for turn in turns if turn["role"] == "assistant"]
    answered = [[block["tool_use_id"] for block in turns[place]["content"]] for place in (2, 4)]
    assert made == [["call_0", "call_1"], ["call_0_2"]]
    assert answered == [["call_1", "call_0"], ["call_0_2"]]


def test_the_other_id_is_one_that_nobody_has() -> None:
    request = asked(calls("a", "a_2"), results("a", "a_2"), calls("a"), results("a"))
    turns = encoded("anthropic.messages", request, "claude-sonnet-4-5")["messages"]
    assert [block["id"] for block in turns[3]["content"]] == ["a_3"]


@pytest.mark.parametrize("given", ["chatcmpl-tool-" + "0f" * 16, "x" * 300])
def test_a_long_id_is_shortened_alike_in_call_and_result(given: str) -> None:
    request = asked(calls(given, given + "b"), results(given + "b", given))
    _, turn, first, second = encoded("openai.chat", request)["messages"]
    ids = [call["id"] for call in turn["tool_calls"]]
    assert [second["tool_call_id"], first["tool_call_id"]] == ids
    assert len(set(ids)) == 2
    assert all(len(call_id) <= 40 for call_id in ids)


def test_an_id_of_40_characters_stays() -> None:
    turn = encoded("openai.chat", asked(calls("x" * 40), results("x" * 40)))["messages"][1]
    assert turn["tool_calls"][0]["id"] == "x" * 40


@pytest.mark.parametrize(("given", "same"), [("call_abc", False), ("abcDEF123", True), ("abcdef12é", False)])
def test_mistral_gets_ids_of_nine_letters_and_digits(given: str, same: bool) -> None:
    _, turn, result = encoded("mistral.chat", asked(calls(given), results(given)), "mistral-small")["messages"]
    call_id = turn["tool_calls"][0]["id"]
    assert result["tool_call_id"] == call_id
    assert len(call_id) == 9
    assert call_id.isascii()
    assert call_id.isalnum()
    assert (call_id == given) is same


def test_cache_marks_beyond_four_are_taken_off_the_middle() -> None:
    marked = [Message("user", (Text(str(n), cache=Cache()),)) for n in range(6)]
    body, warnings = wire.get("anthropic.messages").encode_request(asked(*marked), model="claude-sonnet-4-5")
    blocks = body["messages"][0]["content"]
    assert [block["text"] for block in blocks if "cache_control" in block] == ["0", "3", "4", "5"]
    assert ("cache", "clamped") in [(warning.field, warning.action) for warning in warnings]


def test_gemini_results_of_calls_without_ids_stand_in_the_order_of_the_calls() -> None:
    codec = wire.get("gemini.generateContent")
    parts = [{"functionCall": {"name": "search", "args": {"n": n}}} for n in range(3)]
    answer = codec.decode_response({"candidates": [{"content": {"role": "model", "parts": parts}}]})
    ids = [call.id for call in answer.tool_calls]
    body = encoded("gemini.generateContent", asked(answer.message, results(*reversed(ids))), "gemini-2.5-flash")
    said = [part["functionResponse"] for part in body["contents"][2]["parts"]]
    assert said == [{"name": "search", "response": {"output": f"of {call_id}"}} for call_id in ids]


@pytest.mark.parametrize("target", ["openai.chat", "cohere.chat_v2"])
def test_calls_of_two_turns_answered_together_stand_in_one(target: str) -> None:
    request = asked(calls("a"), calls("b"), results("a", "b"))
    body = encoded(target, request)
    assert bodies.problems(target, body) == []
    assert [call["id"] for call in body["messages"][1]["tool_calls"]] == ["a", "b"]


def test_gemini_gets_a_turn_of_the_user_before_the_first_of_the_model() -> None:
    request = Request((Message("assistant", (Text("Hello."),)), Message("user", (Text("Hi."),))))
    body, warnings = wire.get("gemini.generateContent").encode_request(request, model="gemini-2.5-flash")
    assert [content["role"] for content in body["contents"]] == ["user", "model", "user"]
    assert [str(warning.action) for warning in warnings] == ["emulated"]


@pytest.mark.parametrize("blank", ["", " \n"])
@pytest.mark.parametrize("target", ["anthropic.messages", "gemini.generateContent"])
def test_blank_texts_are_left_out(target: str, blank: str) -> None:
    request = asked(
        Message("system", (Text(blank),)),
        Message("assistant", (Text(blank), ToolCall("a", "search"))),
        Message("tool", (ToolResult("a", (Text(blank),)),)),
        Message("user", (Text(blank), Text("So?"))),
    )
    assert bodies.problems(target, encoded(target, request, "claude-sonnet-4-5")) == []
