"""Every recorded exchange, against plain look-ups on its raw JSON."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import corpus
from modelmux import errors, wire
from modelmux._fold import fold, unfold
from modelmux.errors import Retry
from modelmux.types import Response
from wire.anthropic_messages import raw

API = "anthropic.messages"
CODEC = wire.get(API)

REFUSED_SHAPE = "bc124fd2ca57-000"
"""Sent ``"messages": ["Invalid content"]`` on purpose; the vendor refused it with 400."""


def answers() -> Iterator[tuple[dict[str, Any], bytes]]:
    for row in corpus.recordings(API):
        if row["response"]["status"] == 200:
            yield row, corpus.body_of(row["response"])


def decoded(row: dict[str, Any], body: bytes) -> Response:
    return fold(CODEC.decode_stream([body])) if row["stream"] else CODEC.decode_response(body)


def test_answers_say_what_the_raw_json_says() -> None:
    seen = Counter[str]()
    for row, body in answers():
        message, reply = raw.message_of(body, row["stream"]), decoded(row, body)
        where = row["id"]
        assert reply.text == "".join(block["text"] for block in raw.blocks(message, "text")), where
        assert reply.reasoning == "".join(block["thinking"] for block in raw.blocks(message, "thinking")), where
        assert [(call.id, call.name, call.arguments) for call in reply.tool_calls] == [
            (block["id"], block["name"], block["input"]) for block in raw.blocks(message, "tool_use")
        ], where
        assert reply.finish == raw.FINISHES[message["stop_reason"]], where
        assert reply.choices[0].finish_raw == message["stop_reason"], where
        assert (reply.model, reply.id) == (message["model"], message["id"]), where
        assert dict(reply.usage) == raw.units(message), where
        assert reply.usage.reported, where
        assert [cited.raw for cited in reply.citations] == [
            cited for block in raw.blocks(message, "text") for cited in block.get("citations") or []
        ], where
        assert len(reply.content) == len(message["content"]), where
        seen["streamed" if row["stream"] else "whole"] += 1
    assert seen == {"streamed": 207, "whole": 443}


def test_thinking_keeps_what_the_vendor_wants_back() -> None:
    signed = 0
    for row, body in answers():
        message, reply = raw.message_of(body, row["stream"]), decoded(row, body)
        given = [
            (block.get("signature") or None, block.get("data"))
            for block in raw.blocks(message, "thinking", "redacted_thinking")
        ]
        kept = [(part.signature, part.redacted) for part in reply.content if type(part).__name__ == "Reasoning"]
        assert kept == given, row["id"]
        signed += len(given)
    assert signed > 90


def test_server_tools_keep_their_input_and_their_result() -> None:
    seen = 0
    for row, body in answers():
        message, reply = raw.message_of(body, row["stream"]), decoded(row, body)
        kept = [
            (part.id, part.name, part.arguments) for part in reply.content if type(part).__name__ == "ServerToolCall"
        ]
        assert kept == [
            (block["id"], block["name"], block["input"])
            for block in raw.blocks(message, "server_tool_use", "mcp_tool_use")
        ], row["id"]
        results = [
            (part.id, f"{part.name}_tool_result", part.content)
            for part in reply.content
            if type(part).__name__ == "ServerToolResult"
        ]
        assert results == [
            (block["tool_use_id"], block["type"], block["content"])
            for block in message["content"]
            if block["type"].endswith("_tool_result")
        ], row["id"]
        seen += len(kept) + len(results)
    assert seen > 250


def test_errors_are_in_the_right_class() -> None:
    expected = {
        401: (errors.AuthError, Retry.ELSEWHERE),
        404: (errors.ModelNotFound, Retry.ELSEWHERE),
        400: (errors.RequestRejected, Retry.NEVER),
    }
    seen = Counter[int]()
    for row in corpus.recordings(API):
        status = row["response"]["status"]
        if status == 200:
            continue
        body = corpus.body_of(row["response"])
        error = CODEC.decode_error(status, row["response"]["headers"] or {}, body)
        said = raw.message_of(body, stream=False)
        assert (type(error), error.retry) == expected[status], row["id"]
        assert (error.status, error.kind, error.message) == (status, said["error"]["type"], said["error"]["message"])
        assert error.request_id == (said.get("request_id") or (row["response"]["headers"] or {}).get("request-id"))
        seen[status] += 1
    assert seen == {401: 5, 404: 10, 400: 4}


def requests() -> Iterator[tuple[str, dict[str, Any]]]:
    for row in corpus.recordings(API):
        if row["kind"] == "full" and row["id"] != REFUSED_SHAPE:
            yield row["id"], row["request"]["body"]


def test_requests_come_out_as_they_went_in_without_their_source() -> None:
    count = 0
    for where, body in requests():
        req = CODEC.decode_request(body)
        out, warnings = CODEC.encode_request(replace(req, source=None), model=req.model or "", stream=req.stream)
        assert out == body, where
        assert warnings == [], where
        count += 1
    assert count == 604


def test_requests_with_their_source_are_passed_through() -> None:
    for where, body in requests():
        req = CODEC.decode_request(body)
        out, warnings = CODEC.encode_request(req, model=body["model"], stream=body.get("stream", False))
        assert (out, warnings) == (body, []), where
        streamed, _ = CODEC.encode_request(req, model="another", stream=True)
        assert streamed == {**body, "model": "another", "stream": True}, where
        assert {**streamed["messages"][0]} == body["messages"][0], where
        capped, _ = CODEC.encode_request(replace(req, max_tokens=7), model=body["model"], stream=req.stream)
        assert capped == {**body, "max_tokens": 7}, where


def test_a_malformed_turn_is_named() -> None:
    row = next(row for row in corpus.recordings(API) if row["id"] == REFUSED_SHAPE)
    with pytest.raises(errors.InvalidRequest) as raised:
        CODEC.decode_request(row["request"]["body"])
    assert raised.value.field == "messages[0]"


def test_answers_survive_being_sent_on() -> None:
    for row, body in answers():
        reply = decoded(row, body)
        assert CODEC.decode_response(CODEC.encode_response(reply)) == reply, row["id"]
        assert fold(CODEC.decode_stream(CODEC.encode_stream(unfold(reply)))) == reply, row["id"]
        if row["stream"]:
            again = CODEC.encode_stream(CODEC.decode_stream([body]))
            assert fold(CODEC.decode_stream(again)) == reply, row["id"]


def test_answers_sent_on_whole_are_the_vendors_own_json() -> None:
    """Beside the nulls that mean nothing, what goes out for an answer is what came in."""
    for row, body in answers():
        if row["stream"]:
            continue
        message = raw.message_of(body, stream=False)
        out = CODEC.encode_response(CODEC.decode_response(body))
        for block in message["content"]:
            if block["type"] == "text" and not block.get("citations"):
                block.pop("citations", None)
        for key, value in message.items():
            assert out.get(key) == value, (row["id"], key)


def test_any_split_of_the_bytes_gives_the_same_events() -> None:
    rng = random.Random(7)
    streams = [(row["id"], body) for row, body in answers() if row["stream"]]
    for where, body in rng.sample(streams, 60):
        whole = list(CODEC.decode_stream([body]))
        cuts = sorted(rng.randrange(len(body)) for _ in range(rng.randrange(1, 40)))
        pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
        assert list(CODEC.decode_stream(pieces)) == whole, where
    where, shortest = min(streams, key=lambda item: len(item[1]))
    assert list(CODEC.decode_stream(bytes([byte]) for byte in shortest)) == list(CODEC.decode_stream([shortest])), where


def test_a_stream_cut_anywhere_before_its_stop_reason_is_not_whole() -> None:
    rng = random.Random(11)
    streams = [(row["id"], body) for row, body in answers() if row["stream"]]
    for _, body in rng.sample(streams, 60):
        cut = body[: rng.randrange(body.index(b'"message_delta"'))]
        with pytest.raises(errors.StreamTruncated):
            list(CODEC.decode_stream([cut]))
