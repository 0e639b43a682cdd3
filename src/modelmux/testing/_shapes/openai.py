"""OpenAI's chat completions, and every server compatible with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from modelmux.testing._limits import Spent, duration
from modelmux.testing._shapes import EPOCH, Event, Failure, Shape, arguments_text, bearer, data, halves, texts
from modelmux.testing.answers import Asked, RecordedRequest, Said

_FINISH = {"filtered": "content_filter"}
_TYPES = {429: "requests", 500: "server_error", 502: "server_error", 503: "server_error"}
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
_CAPS = ("max_completion_tokens", "max_tokens")


class OpenAI(Shape):
    vendor = "openai"
    wire = "openai.chat"
    path = "/chat/completions"
    retry_form = "both"
    models: ClassVar = ("gpt-5-mini", "gpt-5-nano", "gpt-5", "gpt-4.1-mini", "gpt-4o-mini")

    def __init__(self, request: RecordedRequest | None = None) -> None:
        self._request = request
        """The one that is answered, for what an answer repeats of it."""

    def key(self, request: RecordedRequest) -> str | None:
        return bearer(request.headers)

    def is_chat(self, request: RecordedRequest) -> bool:
        return request.path.endswith(self.path)

    def asked(self, request: RecordedRequest) -> Asked:
        body = request.json
        messages = body["messages"]
        options = body.get("stream_options") or {}
        return Asked(
            body["model"],
            bool(body.get("stream")),
            "\n".join(texts(messages)),
            "\n".join(texts(messages[-1].get("content"))),
            next((body[name] for name in _CAPS if body.get(name)), None),
            bool(options.get("include_usage")),
        )

    def problem(self, request: RecordedRequest) -> str | None:
        body = request.json
        if not isinstance(body.get("model"), str) or not body["model"]:
            return "you must provide a model parameter"
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            return "Invalid 'messages': expected an array with minimum length 1."
        for index, message in enumerate(messages):
            role = message.get("role") if isinstance(message, dict) else None
            if role not in {"system", "developer", "user", "assistant", "tool", "function"}:
                return f"Invalid value for 'messages[{index}].role': {role!r}."
            if role == "tool" and not message.get("tool_call_id"):
                return f"Missing required parameter: 'messages[{index}].tool_call_id'."
        if body.get("stream_options") and not body.get("stream"):
            return "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        return None

    def whole(self, said: Said) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": said.text or None, "refusal": said.refusal or None}
        if said.reasoning:
            message["reasoning_content"] = said.reasoning
        if said.tool_calls:
            message["tool_calls"] = [
                {"id": id, "type": "function", "function": {"name": name, "arguments": arguments_text(arguments)}}
                for id, name, arguments in said.tool_calls
            ]
        finish = None if "finish" in said.without else _FINISH.get(said.finish, said.finish)
        body = self._base(said, "chat.completion")
        body["choices"] = [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}]
        if said.usage is not None:
            body["usage"] = _usage(said.usage)
        return body

    def events(self, said: Said) -> Iterator[Event]:
        with_usage = said.usage_in_stream and said.usage is not None

        def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
            body = self._base(said, "chat.completion.chunk")
            body["choices"] = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
            if with_usage:
                body["usage"] = None
            return data(body)

        yield "open", chunk({"role": "assistant", "content": "", "refusal": None})
        if said.reasoning:
            yield "delta", chunk({"reasoning_content": said.reasoning})
        for piece in said.pieces:
            yield "delta", chunk({"content": piece})
        if said.refusal:
            yield "delta", chunk({"refusal": said.refusal})
        for index, (id, name, arguments) in enumerate(said.tool_calls):
            head = {"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": ""}}
            yield "delta", chunk({"tool_calls": [head]})
            for piece in halves(arguments_text(arguments)):
                yield "delta", chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
        yield "finish", chunk({}, _FINISH.get(said.finish, said.finish))
        if with_usage and said.usage is not None:
            body = self._base(said, "chat.completion.chunk")
            yield "usage", data({**body, "choices": [], "usage": _usage(said.usage)})
        yield "end", b"data: [DONE]\n\n"

    def _base(self, said: Said, kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-test{said.number:08d}",
            "object": kind,
            "created": EPOCH,
            "model": said.model,
            "service_tier": "default",
        }

    def error(self, failure: Failure) -> dict[str, Any]:
        status, code = failure.status, failure.code
        kind = code if code == "insufficient_quota" else _TYPES.get(status, "invalid_request_error")
        if failure.limit is not None and failure.limit.of != "requests":
            kind = "tokens"
        return {"error": {"message": failure.message, "type": kind, "param": None, "code": code or _CODES.get(status)}}

    def stream_error(self, message: str) -> bytes:
        return data({"error": {"message": message, "type": "server_error", "param": None, "code": None}})

    def empty_delta(self, said: Said) -> bytes:
        body = self._base(said, "chat.completion.chunk")
        body["choices"] = [{"index": 0, "delta": {"content": ""}, "logprobs": None, "finish_reason": None}]
        return data(body)

    def limit_headers(self, limits: Sequence[Spent], now: float) -> dict[str, str]:  # noqa: ARG002 - it says how long
        """Resets are durations: ``12ms``, ``1s``, ``6m0s``."""
        headers = {}
        for limit in limits:
            if limit.of in {"requests", "tokens"}:
                headers[f"x-ratelimit-limit-{limit.of}"] = str(limit.limit)
                headers[f"x-ratelimit-remaining-{limit.of}"] = str(limit.remaining)
                headers[f"x-ratelimit-reset-{limit.of}"] = duration(limit.reset)
        return headers

    def listing(self, models: tuple[str, ...]) -> dict[str, Any]:
        rows = [{"id": model, "object": "model", "created": EPOCH, "owned_by": "test"} for model in models]
        return {"object": "list", "data": rows}


def _usage(units: Any) -> dict[str, Any]:
    """Both counters are inclusive: cached tokens stand inside the prompt's, reasoning inside the completion's."""
    cached, reasoning = units.get("cache_read", 0), units.get("reasoning", 0)
    prompt, completion = units.get("input", 0) + cached, units.get("output", 0) + reasoning
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": 0},
    }
