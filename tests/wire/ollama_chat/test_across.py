"""What other formats say, said to Ollama; and what Ollama says in ways of its own."""

from __future__ import annotations

import json

import pytest

from modelmux import wire
from modelmux._fold import fold
from modelmux._http import NDJSONDecoder
from modelmux.errors import MalformedResponse, ModelNotFound, ProviderError, StreamTruncated, UnsupportedParameter
from modelmux.types import (
    Citation,
    Media,
    Message,
    Output,
    Reasoning,
    ReasoningOptions,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

OLLAMA = wire.get("ollama.chat")
HI = Message("user", (Text("Hi"),))
TOOLS = (Tool("add", "adds", {"type": "object", "properties": {}}), Tool("shout"))
DONE = {"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": {"role": "assistant", "content": ""}}


def said(request: Request, **options):
    body, warnings = OLLAMA.encode_request(request, model="qwen3", **options)
    return body, {(warning.field, warning.action) for warning in warnings}


def lines(*chunks: dict) -> bytes:
    return b"".join(json.dumps(chunk).encode() + b"\n" for chunk in chunks)


@pytest.mark.parametrize("stream", [False, True])
def test_whether_it_streams_is_always_said(stream):
    """The server streams unless told not to."""
    assert said(Request((HI,)), stream=stream)[0]["stream"] is stream


def test_a_request_that_says_nothing_of_streaming_streams():
    request = OLLAMA.decode_request({"model": "m", "messages": []})
    assert request.stream
    assert "stream" not in OLLAMA.encode_request(request, model="m", stream=True)[0]
    assert OLLAMA.encode_request(request, model="m", stream=False)[0]["stream"] is False


def test_settings_stand_in_options():
    request = Request((HI,), max_tokens=9, temperature=0.5, top_p=0.9, top_k=4, seed=1, stop=("a",))
    body, warnings = said(request)
    assert body["options"] == {
        "num_predict": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 4,
        "seed": 1,
        "stop": ["a"],
    }
    assert warnings == set()
    unlimited = OLLAMA.decode_request({"model": "m", "messages": [], "options": {"num_predict": -1, "num_ctx": 8}})
    assert unlimited.max_tokens is None
    assert OLLAMA.encode_request(unlimited, model="m")[0]["options"] == {"num_predict": -1, "num_ctx": 8}


@pytest.mark.parametrize(
    ("choice", "names", "warned"),
    [
        (ToolChoice("auto"), ["add", "shout"], set()),
        (ToolChoice("required"), ["add", "shout"], {("tool_choice", "dropped")}),
        (ToolChoice("none"), None, {("tool_choice", "emulated")}),
        (ToolChoice("tool", ("shout",)), ["shout"], {("tool_choice", "emulated")}),
        (ToolChoice("allowed", ("add",)), ["add"], {("tool_choice", "emulated")}),
    ],
)
def test_a_choice_of_tools_is_said_by_what_is_offered(choice, names, warned):
    body, warnings = said(Request((HI,), tools=TOOLS, tool_choice=choice))
    assert ([tool["function"]["name"] for tool in body["tools"]] if "tools" in body else None) == names
    assert warnings == warned
    assert "tool_choice" not in body


@pytest.mark.parametrize(
    ("options", "think"),
    [
        (ReasoningOptions(enabled=True), True),
        (ReasoningOptions(enabled=False), False),
        (ReasoningOptions(effort="none"), False),
        (ReasoningOptions(effort="low"), "low"),
        (ReasoningOptions(effort="minimal"), "low"),
        (ReasoningOptions(effort="xhigh"), "high"),
        (ReasoningOptions(budget=0), False),
        (ReasoningOptions(budget=1024), "low"),
        (ReasoningOptions(budget=30_000, enabled=True), "high"),
    ],
)
def test_thinking_is_a_switch_or_a_level(options, think):
    assert said(Request((HI,), reasoning=options))[0]["think"] == think


def test_a_schema_is_the_format():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    body, warnings = said(Request((HI,), output=Output(schema, name="thing", strict=True)))
    assert body["format"] == schema
    assert warnings == set()  # the name is a label, and a schema always binds
    assert said(Request((HI,), output=Output()))[0]["format"] == "json"


def test_a_history_with_tools_thinking_and_pictures():
    history = (
        Message("developer", (Text("Be brief."),)),
        Message(
            "user",
            (
                Text("Look"),
                Media("image", "image/png", "QUJD"),
                Media("image", url="data:image/png;base64,REVG"),
                Media("image", url="https://example.com/a.png"),
                Text("here"),
            ),
        ),
        Message(
            "assistant",
            (Reasoning("hm", signature="s"), Text("I call", (Citation(url="u"),)), ToolCall("c1", "add", {"a": 1})),
        ),
        Message("tool", (ToolResult("c1", (Text("2"), Media("image", "image/png", "R0hJ"))),)),
    )
    body, warnings = said(Request(history))
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Look\nhere", "images": ["QUJD", "REVG"]},
        {
            "role": "assistant",
            "content": "I call",
            "thinking": "hm",
            "tool_calls": [{"id": "c1", "function": {"name": "add", "arguments": {"a": 1}}}],
        },
        {"role": "tool", "content": "2", "images": ["R0hJ"], "tool_name": "add", "tool_call_id": "c1"},
    ]
    assert warnings == {
        ("messages.role", "renamed"),
        ("media.url", "dropped"),
        ("content", "merged"),
        ("signature", "dropped"),
        ("citations", "dropped"),
    }


# --- calls without ids ---------------------------------------------------------------------------------------


def called(*names: str, when: str = "2026-01-01T00:00:00Z") -> dict:
    calls = [{"function": {"name": name, "arguments": {}}} for name in names]
    return {"model": "m", "created_at": when, "done": True, "message": {"role": "assistant", "tool_calls": calls}}


def test_a_call_without_an_id_is_given_one_that_the_server_never_sees():
    answer = OLLAMA.decode_response(called("add", "add"))
    first, second = answer.tool_calls
    assert first.id
    assert first.id != second.id
    assert OLLAMA.decode_response(called("add", "add")).tool_calls == (first, second)
    later = OLLAMA.decode_response(called("add", when="2026-01-01T00:00:09Z"))
    assert later.tool_calls[0].id not in (first.id, second.id)
    results = Message("tool", (ToolResult(second.id, (Text("2"),)), ToolResult(first.id, (Text("1"),))))
    body, warnings = said(Request((HI, answer.message, results)))
    assert body["messages"][1]["tool_calls"] == called("add", "add")["message"]["tool_calls"]
    assert body["messages"][2:] == [
        {"role": "tool", "content": "1", "tool_name": "add"},
        {"role": "tool", "content": "2", "tool_name": "add"},
    ]  # in the order of the calls: without ids, their place is all that tells them apart
    assert warnings == set()


def test_the_same_ids_come_from_a_stream():
    whole = called("add", "shout")
    calls = whole["message"]["tool_calls"]
    chunks = [{**whole, "done": False, "message": {"role": "assistant", "tool_calls": [call]}} for call in calls]
    streamed = fold(OLLAMA.decode_stream([lines(*chunks, {**DONE, "done": True})]))
    assert streamed.tool_calls == OLLAMA.decode_response(whole).tool_calls


def test_results_without_ids_find_the_calls_they_answer():
    calls = [{"function": {"name": name, "arguments": {}}} for name in ("a", "b", "a")]
    results = [{"role": "tool", "tool_name": name, "content": name} for name in ("b", "a", "a")]
    request = OLLAMA.decode_request({"messages": [{"role": "assistant", "content": "", "tool_calls": calls}, *results]})
    ids = [part.id for part in request.messages[0].content]
    assert len(set(ids)) == 3
    assert [message.content[0].id for message in request.messages[1:]] == [ids[1], ids[0], ids[2]]
    # Elsewhere they are ordinary calls.
    body, _ = wire.get("openai.chat").encode_request(request, model="m")
    assert [call["id"] for call in body["messages"][0]["tool_calls"]] == ids
    assert [message["tool_call_id"] for message in body["messages"][1:]] == [ids[1], ids[0], ids[2]]


# --- answers -------------------------------------------------------------------------------------------------


def test_a_prompt_that_was_cached_whole_has_no_counter():
    answer = OLLAMA.decode_response({**DONE, "done": True, "done_reason": "length", "eval_count": 7})
    assert (dict(answer.usage), answer.finish, answer.created) == ({"output": 7}, "length", 1_767_225_600)


def test_log_probabilities_come_token_by_token():
    scores = [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [{"token": "b", "logprob": -1}]}]
    chunk = {**DONE, "message": {"role": "assistant", "content": "a"}, "logprobs": scores, "done": False}
    streamed = fold(OLLAMA.decode_stream([lines(chunk, {**DONE, "done": True})]))
    whole = OLLAMA.decode_response({**chunk, "done": True})
    assert streamed.choices[0].logprobs == whole.choices[0].logprobs
    assert OLLAMA.encode_response(whole)["logprobs"] == scores


def test_an_answer_that_is_not_done_is_none():
    with pytest.raises(MalformedResponse, match="not done"):
        OLLAMA.decode_response({**DONE, "done": False})


# --- errors --------------------------------------------------------------------------------------------------


def test_errors_are_told_by_their_status_and_text():
    assert isinstance(OLLAMA.decode_error(404, {}, b'{"error":"model \'x\' not found"}'), ModelNotFound)
    tools = OLLAMA.decode_error(400, {}, b'{"error":"registry.ollama.ai/library/x does not support tools"}')
    assert isinstance(tools, UnsupportedParameter)


def test_an_error_inside_a_stream_comes_after_what_was_said():
    chunk = {**DONE, "message": {"role": "assistant", "content": "Hal"}, "done": False}
    decoder = OLLAMA.stream_decoder()
    got = decoder.feed(lines(chunk, {"error": "an error was encountered while running the model"}))
    assert [getattr(event, "text", None) for event in got] == [None, "Hal"]
    with pytest.raises(ProviderError, match="while running"):
        decoder.close()


@pytest.mark.parametrize("rest", [b"", b'{"model":"m","done":true', b"\n\n"])
def test_a_stream_needs_its_done(rest: bytes):
    chunk = {**DONE, "message": {"role": "assistant", "content": "Hal"}, "done": False}
    with pytest.raises(StreamTruncated):
        list(OLLAMA.decode_stream([lines(chunk) + rest]))


# --- framing -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_are_the_same_under_any_split(size: int):
    body = b'{"a":1}\n\n{"b":"\xc3\xa9"}\r\n{"c":3}'
    decoder = NDJSONDecoder()
    got = [line for start in range(0, len(body), size) for line in decoder.feed(body[start : start + size])]
    assert got + decoder.close() == [b'{"a":1}', b'{"b":"\xc3\xa9"}', b'{"c":3}']
