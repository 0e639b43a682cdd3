"""Errors in the client's own format, breaks in the middle of streams, and clients that leave."""

from __future__ import annotations

import json
from typing import Any

import pytest

from front.test_crossing import FRONTS, events
from front.upstream import Reply, Upstream
from modelmux import Endpoint, Mux
from modelmux._front import Front, FrontRequest
from modelmux.errors import ConnectionFailed, ConnectionLost
from modelmux.testing import FakeClock

OPENAI = Endpoint("openai/gpt-4.1-mini", api_key="key-a")
CLAUDE = Endpoint("anthropic/claude-haiku-4-5", api_key="key-b")
GEMINI = Endpoint("gemini/gemini-2.5-flash", api_key="key-c")
JSON = {"content-type": "application/json"}
SSE = {"content-type": "text/event-stream"}


def chunk(text: str | None = None, finish: str | None = None) -> bytes:
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


USAGE = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
)
DONE = b"data: [DONE]\n\n"


def claude(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


MESSAGE = [
    claude("message_start", message={"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": {"input_tokens": 3, "output_tokens": 1}}),  # noqa: E501
    claude("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    claude("content_block_delta", index=0, delta={"type": "text_delta", "text": "Hel"}),
    claude("content_block_delta", index=0, delta={"type": "text_delta", "text": "lo"}),
    claude("content_block_stop", index=0),
    claude("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 2}),
    claude("message_stop"),
]  # fmt: skip


def mux_of(answers: Any, *models: Endpoint, **options: Any) -> tuple[Mux, Upstream]:
    upstream = Upstream(answers)
    return upstream.under(Mux(list(models), clock=FakeClock(), **options)), upstream


def error_of(front: str, body: bytes) -> tuple[Any, str]:
    """The word by which a client's SDK knows the error, and its message."""
    value = json.loads(body)["error"]
    return value.get("status") if front == "gemini" else value["type"], value["message"]


# --- before any output ---------------------------------------------------------------------------------------

CASES = {
    "chat": (429, "rate_limit_error"),
    "responses": (429, "rate_limit_error"),
    "messages": (429, "rate_limit_error"),
    "gemini": (429, "RESOURCE_EXHAUSTED"),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("front", FRONTS)
def test_another_vendors_error_is_told_in_the_clients_words(ask, front, stream):
    back = CLAUDE if front != "messages" else GEMINI
    body = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}
    if back is GEMINI:
        body = {"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}
    refused = Reply(429, {**JSON, "retry-after": "7", "request-id": "req_their"}, [json.dumps(body).encode()])
    mux, _ = mux_of(refused, back)
    got = ask(Front(mux), FRONTS[front](back.model, stream))
    status, word = CASES[front]
    assert (got.status, error_of(front, got.body)) == (status, (word, "slow down"))
    assert got.headers["retry-after"] == "7"
    assert got.headers["x-should-retry"] == "false"
    assert got.headers["x-request-id"] == "req_their"
    assert mux.last_receipts[-1].attempts[-1].http_status == 429


def test_the_clients_own_vendors_error_is_the_vendors(ask):
    body = b'{"error": {"message": "no such thing", "type": "invalid_request_error", "odd": 7}}'
    mux, upstream = mux_of(Reply(400, {**JSON, "x-theirs": "1", "x-should-retry": "true"}, [body]), OPENAI)
    got = ask(Front(mux), FRONTS["chat"](OPENAI.model, False))
    assert (got.status, got.body, got.headers["x-theirs"]) == (400, body, "1")
    assert got.headers["x-should-retry"] == "false"
    assert len(upstream.requests) == 1


def test_a_vendor_that_refuses_our_key_does_not_speak_to_a_gateways_client(ask):
    body = b'{"error": {"message": "Incorrect API key provided: key-a", "type": "invalid_request_error"}}'
    mux, _ = mux_of(Reply(401, JSON, [body]), OPENAI)
    got = ask(Front(mux), FRONTS["chat"](OPENAI.model, False))
    assert got.status == 502
    assert "key-a" not in got.body.decode()


def test_failover_is_invisible(ask):
    answers = [Reply(503, JSON, [b"{}"]), Reply(200, SSE, MESSAGE)]
    mux, upstream = mux_of(answers, OPENAI, CLAUDE, policy="priority")
    got = ask(Front(mux), FRONTS["chat"]("auto", True))
    assert "".join(c["delta"].get("content") or "" for e in events(got.body) for c in e["choices"]) == "Hello"
    assert got.error is None
    assert len(upstream.requests) == 2
    assert [attempt.status for attempt in mux.last_receipts[-1].attempts] == ["failed", "ok"]


def test_no_connection_is_an_error_that_says_so(ask):
    mux, _ = mux_of(ConnectionFailed("refused"), OPENAI)
    got = ask(Front(mux), FRONTS["chat"](OPENAI.model, False))
    assert got.status == 502
    assert isinstance(got.error, ConnectionFailed)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff\xfe", b'"text"', b'{"model": 7}', b'{"messages": 7, "model": "x"}']
)
def test_a_body_that_is_no_request_is_told_so(ask, body):
    mux, upstream = mux_of(Reply(), OPENAI)
    request = FrontRequest(method="POST", url="/v1/chat/completions", body=body, direct=False)
    got = ask(Front(mux), request)
    assert 400 <= got.status < 500
    assert json.loads(got.body)["error"]["message"]
    assert upstream.requests == []


# --- in the middle -------------------------------------------------------------------------------------------

TOLD = {
    "chat": lambda seen: seen[-1]["error"]["message"],
    "responses": lambda seen: seen[-1]["error"]["message"] and seen[-1]["message"],
    "messages": lambda seen: seen[-1]["error"]["message"],
    "gemini": lambda seen: seen[-1]["error"]["message"],
}
END = {"chat": b"[DONE]", "responses": b"response.completed", "messages": b"message_stop", "gemini": b"finishReason"}


@pytest.mark.parametrize("front", FRONTS)
def test_a_break_across_formats_is_told_in_the_stream(ask, front):
    back = CLAUDE if front != "messages" else OPENAI
    pieces = MESSAGE[:4] if back is CLAUDE else [chunk("Hel"), chunk("lo")]
    mux, upstream = mux_of(Reply(200, SSE, pieces, ConnectionLost("gone")), back)
    got = ask(Front(mux), FRONTS[front](back.model, True))
    assert got.status == 200
    assert "gone" in TOLD[front](events(got.body))
    assert END[front] not in got.body
    assert got.error is not None
    assert upstream.open == 0
    assert mux.ledger.query()[0].state == "cut"


def test_a_break_in_the_clients_own_format_leaves_no_half_event(ask):
    half = chunk("lo")[:20]
    mux, _ = mux_of(Reply(200, SSE, [chunk("Hel"), half], ConnectionLost("gone")), OPENAI)
    got = ask(Front(mux), FRONTS["chat"](OPENAI.model, True))
    first, last = events(got.body)
    assert first["choices"][0]["delta"]["content"] == "Hel"
    assert "gone" in last["error"]["message"]


def test_an_error_that_the_vendor_put_into_its_stream_stays_as_it_is(ask):
    told = b'data: {"error": {"message": "overloaded", "type": "server_error", "odd": 1}}\n\n'
    mux, _ = mux_of(Reply(200, SSE, [chunk("Hel"), told]), OPENAI)
    got = ask(Front(mux), FRONTS["chat"](OPENAI.model, True))
    assert got.body == chunk("Hel") + told
    assert got.error is not None


def test_a_stream_without_its_end_is_an_error(ask):
    mux, _ = mux_of(Reply(200, SSE, [chunk("Hel"), chunk("lo")]), OPENAI)
    got = ask(Front(mux), FRONTS["chat"](OPENAI.model, True))
    assert got.body.startswith(chunk("Hel") + chunk("lo"))
    assert "error" in events(got.body)[-1]


def test_a_buffered_stream_fails_over_after_output_too(ask):
    answers = [Reply(200, SSE, [chunk("Hel")], ConnectionLost("gone")), Reply(200, SSE, MESSAGE)]
    mux, _ = mux_of(answers, OPENAI, CLAUDE, policy="priority", on_break="buffer")
    got = ask(Front(mux), FRONTS["chat"]("auto", True))
    seen = events(got.body)
    assert "".join(c["delta"].get("content") or "" for e in seen for c in e["choices"]) == "Hello"
    assert got.error is None


def test_a_resumed_stream_has_one_id_one_end_and_one_sum(ask):
    answers = [Reply(200, SSE, [chunk("Hel")], ConnectionLost("gone")), Reply(200, SSE, MESSAGE)]
    mux, upstream = mux_of(answers, OPENAI, CLAUDE, policy="priority", on_break="resume")
    got = ask(Front(mux), FRONTS["chat"]("auto", True))
    seen = events(got.body)
    assert len({event["id"] for event in seen if "id" in event}) == 1
    text = "".join(c["delta"].get("content") or "" for e in seen for c in e.get("choices", ()))
    if len(upstream.requests) == 2:  # the other vendor could go on from there
        assert text.startswith("Hel")
        assert got.body.count(b"[DONE]") == 1
        assert sum("usage" in event and event["usage"] is not None for event in seen) == 1
    else:
        assert "error" in seen[-1]


# --- usage nobody asked for ----------------------------------------------------------------------------------


def streaming(model: str, **more: Any) -> FrontRequest:
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "stream": True, **more}
    return FrontRequest(method="POST", url="/v1/chat/completions", body=json.dumps(body).encode(), direct=False)


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_the_usage_that_only_we_asked_for_is_swallowed(ask, size):
    first = b'data: {"id":"chatcmpl-1","choices":[],"prompt_filter_results":[]}\n\n'
    whole = first + chunk("Hel") + chunk("lo") + chunk(finish="stop") + USAGE + DONE
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
    mux, upstream = mux_of(Reply(200, SSE, pieces), OPENAI)
    got = ask(Front(mux), streaming(OPENAI.model))
    assert json.loads(upstream.requests[0].body)["stream_options"] == {"include_usage": True}
    assert got.body == whole.replace(USAGE, b"")
    assert dict(mux.ledger.query()[0].units) == {"input": 3, "output": 2}


def test_the_usage_that_the_client_asked_for_stays(ask):
    whole = chunk("Hel") + chunk(finish="stop") + USAGE + DONE
    mux, _ = mux_of(Reply(200, SSE, [whole]), OPENAI)
    got = ask(Front(mux), streaming(OPENAI.model, stream_options={"include_usage": True}))
    assert got.body == whole


def test_as_sent_asks_for_nothing(ask):
    mux, upstream = mux_of(Reply(200, SSE, [chunk("Hel") + chunk(finish="stop") + DONE]), OPENAI, usage="as_sent")
    ask(Front(mux), streaming(OPENAI.model))
    assert "stream_options" not in json.loads(upstream.requests[0].body)
    assert mux.ledger.query()[0].cost_status == "estimated"


# --- clients that leave --------------------------------------------------------------------------------------


@pytest.mark.parametrize("front", ["chat", "messages"])
def test_leaving_early_releases_the_vendor(ask, front):
    mux, upstream = mux_of(Reply(200, SSE, [chunk("Hel"), chunk("lo"), chunk(finish="stop"), DONE]), OPENAI)
    assert ask.leave(Front(mux), FRONTS[front](OPENAI.model, True), 1)
    assert upstream.open == 0
    assert mux.ledger.query()[0].state == "cancelled"


def test_the_last_event_comes_after_the_books(ask):
    """What says that the answer is whole is handed over once its outcome is journalled."""
    mux, _ = mux_of(Reply(200, SSE, [chunk("Hel"), chunk(finish="stop") + USAGE, DONE]), OPENAI)
    got = ask.leave(Front(mux), streaming(OPENAI.model, stream_options={"include_usage": True}), 2)
    assert DONE not in b"".join(got)
    assert mux.ledger.query()[0].state == "cancelled"
