"""Calls from end to end, over real HTTP, at servers that speak the formats one vendor each has to itself.

The servers are this test's own; what they answer is synthetic, shaped like the recordings.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from modelmux import Endpoint, Mux
from modelmux.errors import ModelNotFound, StreamInterrupted
from modelmux.types import Finish, TextDelta, Tool


class Server(ThreadingHTTPServer):
    """Answers every POST with ``answers`` in turn: status, content type, pieces of the body."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[tuple[int, str, list[bytes]]] = []
        self.asked: list[tuple[str, dict[str, str], Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.path, headers, body))
        status, kind, pieces = self.server.answers.pop(0)
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *args: Any) -> None:
        """Nothing is printed."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def events(*bodies: dict[str, Any]) -> list[bytes]:
    return [f"event: {body['type']}\ndata: {json.dumps(body)}\n\n".encode() for body in bodies]


def lines(*bodies: dict[str, Any]) -> list[bytes]:
    return [json.dumps(body).encode() + b"\n" for body in bodies]


USAGE = {"billed_units": {"input_tokens": 1000, "output_tokens": 100}, "tokens": {"input_tokens": 1500}}
WEATHER = {"type": "function", "function": {"name": "weather", "arguments": '{"city":"Seoul"}'}}
TOOL = Tool("weather", "the weather", {"type": "object", "properties": {"city": {"type": "string"}}})


def test_cohere_whole_then_streamed(server: Server):
    message = {"role": "assistant", "tool_plan": "I ask.", "tool_calls": [{"id": "w1", **WEATHER}]}
    whole = {"id": "1", "message": message, "finish_reason": "TOOL_CALL", "usage": USAGE}
    server.answers.append((200, "application/json", [json.dumps(whole).encode()]))
    text = [
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": t}}}} for t in ("Su", "nny")
    ]
    server.answers.append(
        (
            200,
            "text/event-stream",
            events(
                {"type": "message-start", "id": "2", "delta": {"message": {"role": "assistant"}}},
                {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
                *text,
                {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": USAGE}},
            ),
        )
    )
    endpoint = Endpoint("cohere/command-a-03-2025", base_url=server.url, api_key="test-key")
    with Mux([endpoint]) as mux:
        first = mux.chat("Weather in Seoul?", tools=[TOOL], tool_choice="required")
        assert [(call.id, call.name, call.arguments) for call in first.tool_calls] == [
            ("w1", "weather", {"city": "Seoul"})
        ]
        assert (first.finish, first.reasoning, dict(first.usage)) == (
            "tool_calls",
            "I ask.",
            {"input": 1000, "output": 100},
        )
        with mux.stream([{"role": "user", "content": "Weather?"}, first.message]) as stream:
            seen = list(stream)
        assert [event.text for event in seen if isinstance(event, TextDelta)] == ["Su", "nny"]
        assert isinstance(seen[-1], Finish)
        assert stream.reply.cost == first.cost
        assert first.cost_status == "priced"
    (path, headers, asked), (_, _, again) = server.asked
    assert path == "/v2/chat"
    assert headers["authorization"] == "Bearer test-key"
    assert (asked["model"], asked["tool_choice"], "stream" in asked) == ("command-a-03-2025", "REQUIRED", False)
    assert again["stream"] is True
    assert again["messages"][1] == message


def test_ollama_whole_then_streamed(server: Server):
    head = {"model": "qwen3", "created_at": "2026-01-01T00:00:00.5Z"}
    call = {"function": {"name": "weather", "arguments": {"city": "Seoul"}}}
    asks = {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [call]}
    whole = {**head, "message": asks, "done": True, "done_reason": "stop", "prompt_eval_count": 10, "eval_count": 4}
    server.answers.append((200, "application/json", [json.dumps(whole).encode()]))
    says = [{**head, "message": {"role": "assistant", "content": text}, "done": False} for text in ("Su", "nny")]
    last = {**head, "message": {"role": "assistant", "content": ""}, "done": True, "eval_count": 2}
    server.answers.append((200, "application/x-ndjson", lines(*says, last)))
    with Mux([Endpoint("ollama/qwen3", base_url=server.url)]) as mux:
        first = mux.chat("Weather in Seoul?", tools=[TOOL], max_tokens=50)
        assert (first.finish, first.reasoning, dict(first.usage)) == ("tool_calls", "hm", {"input": 10, "output": 4})
        result = {"role": "tool", "tool_call_id": first.tool_calls[0].id, "content": "sunny"}
        with mux.stream([{"role": "user", "content": "Weather?"}, first.message, result]) as stream:
            seen = list(stream)
        assert [event.text for event in seen if isinstance(event, TextDelta)] == ["Su", "nny"]
        assert dict(stream.reply.usage) == {"output": 2}
    (path, headers, asked), (_, _, again) = server.asked
    assert path == "/api/chat"
    assert "authorization" not in headers
    assert (asked["stream"], asked["options"], again["stream"]) == (False, {"num_predict": 50}, True)
    assert again["messages"][1:] == [asks, {"role": "tool", "content": "sunny", "tool_name": "weather"}]


def test_a_model_that_is_not_there(server: Server):
    server.answers.append((404, "application/json", [b'{"error":"model \'qwen3\' not found"}']))
    with Mux([Endpoint("ollama/qwen3", base_url=server.url)]) as mux, pytest.raises(ModelNotFound, match="not found"):
        mux.chat("hi")


def test_a_stream_without_its_end_is_no_reply(server: Server):
    chunk = {"model": "qwen3", "message": {"role": "assistant", "content": "Su"}, "done": False}
    server.answers.append((200, "application/x-ndjson", lines(chunk)))
    with Mux([Endpoint("ollama/qwen3", base_url=server.url)]) as mux:
        stream = mux.stream("hi")
        with stream, pytest.raises(StreamInterrupted):
            list(stream)
