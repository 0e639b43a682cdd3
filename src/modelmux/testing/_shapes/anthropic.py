"""Anthropic's messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import ceil
from typing import Any, ClassVar

from modelmux.testing._limits import Spent
from modelmux.testing._shapes import (
    Counting,
    Event,
    Failure,
    Shape,
    arguments_object,
    arguments_text,
    bearer,
    dump,
    halves,
    texts,
)
from modelmux.testing.answers import Asked, RecordedRequest, Said

_STOP = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "filtered": "refusal"}
_ERRORS = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_DIMENSIONS = {"requests": "requests", "tokens": "tokens", "input": "input-tokens", "output": "output-tokens"}
_SIGNATURE = "dGVzdC1zaWduYXR1cmU="


class Anthropic(Shape):
    vendor = "anthropic"
    wire = "anthropic.messages"
    models: ClassVar = ("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5")
    request_id = "request-id"

    def key(self, request: RecordedRequest) -> str | None:
        return request.headers.get("x-api-key") or bearer(request.headers)

    def is_chat(self, request: RecordedRequest) -> bool:
        return request.path.endswith("/messages")

    def asked(self, request: RecordedRequest) -> Asked:
        body = request.json
        messages = body["messages"]
        prompt = "\n".join(texts([body.get("system"), messages]))
        return Asked(
            body["model"],
            bool(body.get("stream")),
            prompt,
            "\n".join(texts(messages[-1].get("content"))),
            body["max_tokens"],
        )

    def counting(self, request: RecordedRequest) -> Counting | None:
        if not request.path.endswith("/messages/count_tokens"):
            return None
        body = request.json
        if "max_tokens" in body:
            raise ValueError("max_tokens: Extra inputs are not permitted")
        return Counting(body["model"], "\n".join(texts([body.get("system"), body["messages"]])), "input_tokens")

    def problem(self, request: RecordedRequest) -> str | None:
        body = request.json
        if not request.headers.get("anthropic-version"):
            return "anthropic-version: header is required"
        if not isinstance(body.get("model"), str) or not body["model"]:
            return "model: Field required"
        if not isinstance(body.get("max_tokens"), int):
            return "max_tokens: Field required"
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            return "messages: at least one message is required"
        for index, message in enumerate(messages):
            role = message.get("role") if isinstance(message, dict) else None
            if role not in {"user", "assistant"}:
                return f"messages.{index}.role: Input should be 'user' or 'assistant'"
        return None

    def whole(self, said: Said) -> dict[str, Any]:
        body = self._base(said)
        body["content"] = [block for block, _ in _blocks(said)]
        body["stop_reason"] = None if "finish" in said.without else _STOP.get(said.finish, said.finish)
        if said.usage is not None:
            body["usage"] = _usage(said.usage)
        return body

    def events(self, said: Said) -> Iterator[Event]:
        start = {**self._base(said), "content": [], "stop_reason": None}
        if said.usage is not None:
            start["usage"] = {**_usage(said.usage), "output_tokens": 1}
        yield "open", _event("message_start", message=start)
        yield "open", _event("ping")
        for index, (block, deltas) in enumerate(_blocks(said)):
            empty = {name: _EMPTY.get(name, value) for name, value in block.items()}
            yield "open", _event("content_block_start", index=index, content_block=empty)
            for delta in deltas:
                yield "delta", _event("content_block_delta", index=index, delta=delta)
            yield "open", _event("content_block_stop", index=index)
        stop = {"stop_reason": _STOP.get(said.finish, said.finish), "stop_sequence": None}
        usage = {} if said.usage is None else {"usage": _usage(said.usage)}
        yield "finish", _event("message_delta", delta=stop, **usage)
        yield "end", _event("message_stop")

    def _base(self, said: Said) -> dict[str, Any]:
        return {
            "id": f"msg_test{said.number:08d}",
            "type": "message",
            "role": "assistant",
            "model": said.model,
            "stop_sequence": None,
        }

    def error(self, failure: Failure) -> dict[str, Any]:
        status = failure.status
        kind = failure.code or _ERRORS.get(status, "invalid_request_error" if status < 500 else "api_error")
        return {"type": "error", "error": {"type": kind, "message": failure.message}, "request_id": "req_test"}

    def stream_error(self, message: str) -> bytes:
        return _event("error", error={"type": "overloaded_error", "message": message})

    def empty_delta(self, said: Said) -> bytes:
        last = len(list(_blocks(said))) - 1
        return _event("content_block_delta", index=max(0, last), delta={"type": "text_delta", "text": ""})

    def ping(self, said: Said, kind: str) -> bytes:
        return _event("ping") if kind == "event" else super().ping(said, kind)

    def limit_headers(self, limits: Sequence[Spent], now: float) -> dict[str, str]:
        """Resets are RFC 3339 times, rounded up to the second."""
        headers = {}
        for limit in limits:
            name = "anthropic-ratelimit-" + _DIMENSIONS[limit.of]
            headers[f"{name}-limit"] = str(limit.limit)
            headers[f"{name}-remaining"] = str(limit.remaining)
            full = datetime.fromtimestamp(ceil(now + limit.reset), UTC)
            headers[f"{name}-reset"] = full.strftime("%Y-%m-%dT%H:%M:%SZ")
        return headers

    def unknown_model(self, model: str) -> dict[str, Any]:
        return self.error(Failure(404, f"model: {model}"))

    def listing(self, models: tuple[str, ...]) -> dict[str, Any]:
        rows = [{"type": "model", "id": model, "display_name": model} for model in models]
        return {"data": rows, "has_more": False}


_EMPTY: dict[str, Any] = {"text": "", "thinking": "", "signature": "", "input": {}}


def _blocks(said: Said) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each content block, whole, and the deltas that make it."""
    if said.reasoning:
        thinking = {"type": "thinking", "thinking": said.reasoning, "signature": _SIGNATURE}
        yield (
            thinking,
            [
                {"type": "thinking_delta", "thinking": said.reasoning},
                {"type": "signature_delta", "signature": _SIGNATURE},
            ],
        )
    pieces = [*said.pieces, said.refusal] if said.refusal else said.pieces
    if pieces:
        deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
        yield {"type": "text", "text": "".join(pieces)}, deltas
    for id, name, arguments in said.tool_calls:
        parts = halves(arguments_text(arguments))
        deltas = [{"type": "input_json_delta", "partial_json": part} for part in ("", *parts)]
        yield {"type": "tool_use", "id": id, "name": name, "input": arguments_object(arguments)}, deltas


def _event(kind: str, **fields: Any) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + dump({"type": kind, **fields}) + b"\n\n"


def _usage(units: Any) -> dict[str, Any]:
    """Input counters are exclusive of one another; thinking stands inside the output's."""
    short, long = units.get("cache_write_5m", 0), units.get("cache_write_1h", 0)
    reasoning = units.get("reasoning", 0)
    usage: dict[str, Any] = {
        "input_tokens": units.get("input", 0),
        "cache_creation_input_tokens": short + long,
        "cache_read_input_tokens": units.get("cache_read", 0),
        "cache_creation": {"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": long},
        "output_tokens": units.get("output", 0) + reasoning,
        "service_tier": "standard",
    }
    if reasoning:
        usage["output_tokens_details"] = {"thinking_tokens": reasoning}
    return usage
