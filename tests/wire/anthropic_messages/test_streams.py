"""Streams that end badly, or say things in unusual ways. The bodies here are made up, in the documented shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelmux import errors, wire
from modelmux._fold import fold
from modelmux.errors import Billed, Retry
from modelmux.types import (
    Finish,
    Message,
    Opaque,
    Reasoning,
    Request,
    ServerToolCall,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    UsageEvent,
)

CODEC = wire.get("anthropic.messages")

START = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [],
        "stop_reason": None,
        "usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 1},
    },
}
STOP = {"type": "message_stop"}


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def block(index: int, form: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": form},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text(index: int = 0, *pieces: str) -> list[dict[str, Any]]:
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": piece} for piece in pieces))


def stopped(reason: str = "end_turn", **usage: Any) -> dict[str, Any]:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None},
        "usage": {"output_tokens": 3, **usage},
    }


def decode(*chunks: bytes) -> list[Any]:
    return list(CODEC.decode_stream(chunks))


def test_a_plain_answer() -> None:
    events = decode(sse(START, *text(0, "Hel", "lo"), stopped(), STOP))
    assert [type(event) for event in events] == [Start, UsageEvent, TextDelta, TextDelta, UsageEvent, Finish]
    reply = fold(events)
    assert (reply.text, reply.finish, reply.id) == ("Hello", "stop", "msg_1")
    assert dict(reply.usage) == {"input": 10, "cache_read": 5, "output": 3}


def test_later_counters_win_one_by_one() -> None:
    events = decode(sse(START, *text(0, "x"), stopped(input_tokens=12, cache_creation_input_tokens=None), STOP))
    assert dict(fold(events).usage) == {"input": 12, "cache_read": 5, "output": 3}


@pytest.mark.parametrize("cut", [(START,), (START, *text(0, "Hel")), (START, *text(0, "Hel")[:-1])])
def test_a_stream_without_its_end_is_truncated_after_its_events(cut: tuple[dict[str, Any], ...]) -> None:
    decoder = CODEC.stream_decoder()
    events = decoder.feed(sse(*cut))
    assert events[0] == Start("msg_1", "claude-sonnet-4-5")
    with pytest.raises(errors.StreamTruncated) as raised:
        decoder.close()
    assert raised.value.retry is Retry.SAME
    assert raised.value.provider == "anthropic"


@pytest.mark.parametrize("body", [b"", b"event: mess", b"data", b": waiting\n\n"])
def test_a_stream_cut_before_anything_came_is_truncated(body: bytes) -> None:
    with pytest.raises(errors.StreamTruncated):
        decode(body)


@pytest.mark.parametrize("tail", [b"", b"event: message_st", b'event: message_stop\ndata: {"type": "mess'])
def test_the_stop_reason_is_enough(tail: bytes) -> None:
    reply = fold(decode(sse(START, *text(0, "all of it"), stopped("max_tokens")) + tail))
    assert (reply.text, reply.finish) == ("all of it", "length")


def test_an_error_inside_comes_after_the_events_before_it() -> None:
    body = sse(
        START,
        *text(0, "Hel")[:2],
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_1"},
        *text(1, "never")[:2],
    )
    stream, seen = CODEC.decode_stream([body]), list[Any]()
    with pytest.raises(errors.Overloaded) as raised:
        seen.extend(stream)  # the list keeps what came before the error
    assert [event.text for event in seen if isinstance(event, TextDelta)] == ["Hel"]
    error = raised.value
    assert (error.kind, error.message, error.request_id) == ("overloaded_error", "Overloaded", "req_1")
    assert (error.retry, error.billed, error.status) == (Retry.SAME, Billed.UNKNOWN, None)


@pytest.mark.parametrize(
    ("kind", "cls"),
    [
        ("overloaded_error", errors.Overloaded),
        ("rate_limit_error", errors.RateLimited),
        ("api_error", errors.ServerError),
        ("timeout_error", errors.ServerError),
        ("invalid_request_error", errors.RequestRejected),
        ("authentication_error", errors.AuthError),
        ("brand_new_error", errors.StreamError),
    ],
)
def test_errors_inside_a_stream_are_classified(kind: str, cls: type[errors.ProviderError]) -> None:
    with pytest.raises(errors.ProviderError) as raised:
        decode(sse({"type": "error", "error": {"type": kind, "message": "so it is"}}))
    assert type(raised.value) is cls


def test_an_error_body_instead_of_a_stream() -> None:
    with pytest.raises(errors.RateLimited):
        decode(b'{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}')


def test_a_whole_answer_instead_of_a_stream() -> None:
    message = {**START["message"], "content": [{"type": "text", "text": "at once"}], "stop_reason": "end_turn"}  # type: ignore[dict-item]
    body = json.dumps(message, indent=1).encode()
    reply = fold(decode(*(body[i : i + 9] for i in range(0, len(body), 9))))
    assert (reply.text, reply.finish, dict(reply.usage)) == (
        "at once",
        "stop",
        {"input": 10, "cache_read": 5, "output": 1},
    )


@pytest.mark.parametrize("body", [b"<html><body>Bad gateway</body></html>", b"upstream error", b'{"half": ', b"[]"])
def test_anything_else_instead_of_a_stream_is_malformed(body: bytes) -> None:
    with pytest.raises(errors.MalformedResponse):
        decode(body)


@pytest.mark.parametrize("data", ["{nonsense", "[1]", "7"])
def test_an_event_that_is_no_object_is_malformed(data: str) -> None:
    with pytest.raises(errors.MalformedResponse):
        decode(sse(START), f"data: {data}\n\n".encode(), sse(stopped(), STOP))


def test_pings_comments_and_unknown_events_pass() -> None:
    plain = decode(sse(START, *text(0, "a"), stopped(), STOP))
    noisy = sse(START, {"type": "ping"}, *text(0, "a"), {"type": "from_the_future", "x": [1]}, stopped(), STOP)
    assert decode(b": hello\n\n", noisy.replace(b"\n", b"\r\n")) == plain


def tool(*pieces: str, start: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    form = {"type": "tool_use", "id": "toolu_1", "name": "roll", "input": start or {}}
    return block(0, form, *({"type": "input_json_delta", "partial_json": piece} for piece in pieces))


@pytest.mark.parametrize(
    ("events", "arguments", "raw"),
    [
        (tool(), {}, None),
        (tool(""), {}, None),
        (tool("", '{"si', 'des":6}'), {"sides": 6}, None),
        (tool(start={"sides": 6}), {"sides": 6}, None),
        (tool('{"sides":6}', start={"sides": 1}), {"sides": 6}, None),
        (tool('{"sides": "tw'), {}, '{"sides": "tw'),
        (tool("twelve"), {}, "twelve"),
    ],
)
def test_tool_arguments(events: list[dict[str, Any]], arguments: dict[str, Any], raw: str | None) -> None:
    reply = fold(decode(sse(START, *events, stopped("tool_use"), STOP)))
    assert reply.tool_calls == (ToolCall("toolu_1", "roll", arguments, raw),)
    assert reply.finish == "tool_calls"


def test_parallel_calls_are_numbered_and_keep_who_called() -> None:
    calls = [
        {"type": "tool_use", "id": f"toolu_{n}", "name": "f", "input": {}, "caller": {"type": "direct"}} for n in (0, 1)
    ]
    body = sse(
        START,
        *text(0, "both"),
        *block(1, calls[0], {"type": "input_json_delta", "partial_json": '{"a":1}'}),
        *block(2, calls[1]),
        stopped("tool_use"),
        STOP,
    )
    events = decode(body)
    assert {event.index for event in events if isinstance(event, ToolCallDelta)} == {0, 1}
    extra = {"anthropic.messages": {"caller": {"type": "direct"}}}
    assert fold(events).tool_calls == (
        ToolCall("toolu_0", "f", {"a": 1}, extra=extra),
        ToolCall("toolu_1", "f", extra=extra),
    )
    assert fold(CODEC.decode_stream(CODEC.encode_stream(events))) == fold(events)


def test_thinking_signatures_and_what_is_hidden() -> None:
    body = sse(
        START,
        *block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "hm"},
            {"type": "thinking_delta", "thinking": "m"},
            {"type": "signature_delta", "signature": "c2ln"},
        ),
        *block(1, {"type": "redacted_thinking", "data": "aGlk"}),
        *text(2, "so"),
        stopped(output_tokens_details={"thinking_tokens": 2}),
        STOP,
    )
    reply = fold(decode(body))
    whole = CODEC.decode_response(
        {
            "content": [
                {"type": "thinking", "thinking": "hmm", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "aGlk"},
                {"type": "text", "text": "so"},
            ],
            "stop_reason": "end_turn",
        }
    )
    assert reply.content == whole.content
    assert [(p.text, p.signature, p.redacted) for p in reply.content if isinstance(p, Reasoning)] == [
        ("hmm", "c2ln", None),
        ("", None, "aGlk"),
    ]
    assert dict(reply.usage)["reasoning"] == 2
    sent, warnings = CODEC.encode_request(
        Request((Message("user", (Text("hi"),)), reply.message), max_tokens=9), model="claude-sonnet-4-5"
    )
    assert sent["messages"][1]["content"] == CODEC.encode_response(reply)["content"]
    assert warnings == []


def test_blocks_that_come_in_pieces_nobody_streams_are_whole() -> None:
    body = sse(
        START,
        *block(
            0,
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"query": "a'},
            {"type": "input_json_delta", "partial_json": 'b"}'},
        ),
        *block(
            1,
            {"type": "compaction", "content": None},
            {"type": "compaction_delta", "content": "so "},
            {"type": "compaction_delta", "content": "far", "encrypted_content": "eA"},
        ),
        *block(2, {"type": "hologram", "w": 3}),
        stopped("pause_turn"),
        STOP,
    )
    reply = fold(decode(body))
    call, compaction, hologram = reply.content
    assert isinstance(call, ServerToolCall)
    assert call.arguments == {"query": "ab"}
    wire_id = "anthropic.messages"
    assert compaction == Opaque(wire_id, {"type": "compaction", "content": "so far", "encrypted_content": "eA"})
    assert hologram == Opaque(wire_id, {"type": "hologram", "w": 3})
    assert reply.finish == "pause"


def test_a_refusal_says_why() -> None:
    delta = stopped("refusal")
    delta["delta"]["stop_details"] = {"type": "refusal", "category": "cyber"}
    delta["context_management"] = {"applied_edits": []}
    reply = fold(decode(sse(START, delta, STOP)))
    assert (reply.finish, reply.content) == ("filtered", ())
    details = {"stop_details": {"type": "refusal", "category": "cyber"}}
    assert reply.choices[0].extra == {"anthropic.messages": details}
    assert reply.extra == {"anthropic.messages": {"context_management": {"applied_edits": []}}}


def test_a_delta_whose_start_was_lost_still_counts() -> None:
    body = sse(START, *text(0, "a", "b")[1:], stopped(), STOP)
    assert fold(decode(body)).text == "ab"


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "message_start", "message": {"content": None, "usage": None, "model": 3}},
        {"type": "content_block_start", "index": 0},
        {"type": "content_block_start", "index": None, "content_block": {"type": ["text"]}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use"}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking"}},
        {"type": "content_block_delta", "index": 5, "delta": None},
        {"type": "content_block_delta", "index": 5, "delta": {"type": None}},
        {"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": 4}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "citations_delta"}},
        {"type": "content_block_stop"},
        {"type": "message_delta", "delta": None, "usage": 3},
        {"type": "message_delta", "delta": {"stop_reason": 4}},
        {"no type": 1},
    ],
)
def test_odd_events_never_break_the_decoder(odd: dict[str, Any]) -> None:
    data = b"data: " + json.dumps(odd).encode() + b"\n\n"
    later = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}}
    reply = fold(decode(sse(START), data, sse(later), data, sse(stopped(), STOP)))
    assert reply.finish == "stop"
    list(CODEC.encode_stream(decode(sse(START), data, sse(stopped(), STOP))))


def wire_events(events: list[Any]) -> list[dict[str, Any]]:
    body = b"".join(CODEC.encode_stream(events)).decode()
    return [json.loads(line[6:]) for line in body.split("\n") if line.startswith("data: ")]


def test_events_of_another_wire_become_a_stream_the_vendors_clients_read() -> None:
    sent = wire_events(
        [
            Start("id", "m"),
            TextDelta("Let me "),
            TextDelta("see."),
            ToolCallDelta(0, "call_1", "f", "", part=1),
            ToolCallDelta(0, arguments='{"a"', part=1),
            ToolCallDelta(0, arguments=":1}", part=1),
            ToolCallDelta(1, "call_2", "g", "{}", part=2),
            Finish("tool_calls", "tool_calls"),
        ]
    )
    assert [event["type"] for event in sent] == [
        "message_start",
        *("content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"),
        *("content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"),
        *("content_block_start", "content_block_delta", "content_block_stop"),
        "message_delta",
        "message_stop",
    ]
    assert [event["index"] for event in sent if "index" in event] == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2]
    assert sent[0]["message"]["usage"].keys() >= {"input_tokens", "output_tokens"}
    assert sent[5]["content_block"] == {"type": "tool_use", "id": "call_1", "name": "f", "input": {}}
    assert sent[-2]["delta"]["stop_reason"] == "tool_use"


def test_events_that_break_off_leave_a_stream_without_its_end() -> None:
    assert [event["type"] for event in wire_events([Start("id", "m"), TextDelta("Let me ")])] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
    ]


def test_text_after_text_of_another_part_is_its_own_block() -> None:
    reply = fold(CODEC.decode_stream(CODEC.encode_stream([Start(), TextDelta("a"), TextDelta("b", 1), Finish()])))
    assert reply.message == Message("assistant", (Text("a"), Text("b")))


def test_calls_whose_pieces_come_mixed_are_kept_apart() -> None:
    events = [
        Start(),
        ToolCallDelta(0, "a", "f", '{"x":', part=0),
        ToolCallDelta(1, "b", "g", '{"y":', part=1),
        ToolCallDelta(0, arguments="1}", part=0),
        ToolCallDelta(1, arguments="2}", part=1),
        Finish("tool_calls"),
    ]
    reply = fold(CODEC.decode_stream(CODEC.encode_stream(events)))
    assert reply.tool_calls == (ToolCall("a", "f", {"x": 1}), ToolCall("b", "g", {"y": 2}))
