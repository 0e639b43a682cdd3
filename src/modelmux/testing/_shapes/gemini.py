"""Gemini's generateContent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from modelmux.testing._shapes import Counting, Event, Failure, Shape, arguments_object, data, texts
from modelmux.testing.answers import Asked, RecordedRequest, Said

_FINISH = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "filtered": "SAFETY"}
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_METRIC = "generativelanguage.googleapis.com/"
_QUOTAS = {
    "requests": _METRIC + "generate_content_requests",
    "tokens": _METRIC + "generate_content_tokens",
    "input": _METRIC + "generate_content_input_token_count",
    "output": _METRIC + "generate_content_output_token_count",
}
_RPC = "type.googleapis.com/google.rpc."


class Gemini(Shape):
    vendor = "gemini"
    wire = "gemini.generateContent"
    retry_form = "none"
    models: ClassVar = ("gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro")
    request_id = "x-goog-request-id"
    prefix = "/v1beta"

    def key(self, request: RecordedRequest) -> str | None:
        return request.headers.get("x-goog-api-key") or request.query.get("key")

    def is_chat(self, request: RecordedRequest) -> bool:
        return request.path.endswith((":generateContent", ":streamGenerateContent"))

    def asked(self, request: RecordedRequest) -> Asked:
        body = request.json
        contents = body["contents"]
        model, _, action = request.path.rpartition("/models/")[2].rpartition(":")
        config = body.get("generationConfig") or body.get("generation_config") or {}
        system = body.get("systemInstruction") or body.get("system_instruction")
        return Asked(
            model,
            action == "streamGenerateContent",
            "\n".join(texts([system, contents])),
            "\n".join(texts(contents[-1])),
            config.get("maxOutputTokens") or config.get("max_output_tokens"),
        )

    def counting(self, request: RecordedRequest) -> Counting | None:
        if not request.path.endswith(":countTokens"):
            return None
        body = request.json.get("generateContentRequest") or request.json
        model = request.path.rpartition("/models/")[2].rpartition(":")[0]
        if body.get("model", f"models/{model}") != f"models/{model}":
            raise ValueError("* CountTokensRequest.model: it is not the one that the path names")
        return Counting(model, "\n".join(texts([body.get("systemInstruction"), body["contents"]])), "totalTokens")

    def problem(self, request: RecordedRequest) -> str | None:
        contents = request.json.get("contents")
        if not isinstance(contents, list) or not contents:
            return "* GenerateContentRequest.contents: contents is not specified"
        for index, content in enumerate(contents):
            parts = content.get("parts") if isinstance(content, dict) else None
            if not isinstance(parts, list) or not parts:
                return f"* GenerateContentRequest.contents[{index}].parts: contents.parts must not be empty."
            if content.get("role") not in {None, "user", "model", "function"}:
                return "Please use a valid role: user, model."
        if request.path.endswith(":streamGenerateContent") and request.query.get("alt") != "sse":
            return "This test server streams with alt=sse only."
        return None

    def whole(self, said: Said) -> dict[str, Any]:
        parts = [part for group in _parts(said, whole=True) for part in group]
        return self._body(said, parts, None if "finish" in said.without else said.finish, with_usage=True)

    def events(self, said: Said) -> Iterator[Event]:
        for parts in _parts(said, whole=False):
            yield "delta", data(self._body(said, parts, None, with_usage=False))
        yield "finish", data(self._body(said, [{"text": ""}], said.finish, with_usage=True))

    def _body(self, said: Said, parts: list[dict[str, Any]], finish: str | None, *, with_usage: bool) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if finish is not None:
            candidate["finishReason"] = _FINISH.get(finish, finish)
        body: dict[str, Any] = {"candidates": [candidate]}
        if with_usage and said.usage is not None:
            body["usageMetadata"] = _usage(said.usage)
        return {**body, "modelVersion": said.model, "responseId": f"test{said.number:08d}"}

    def error(self, failure: Failure) -> dict[str, Any]:
        status, retry_after = failure.status, failure.retry_after
        state = _STATUS.get(status, "INTERNAL" if status >= 500 else "INVALID_ARGUMENT")
        error: dict[str, Any] = {"code": status, "message": failure.message, "status": failure.code or state}
        details: list[dict[str, Any]] = []
        if failure.limit is not None:
            quota = {"quotaMetric": _QUOTAS[failure.limit.of], "quotaValue": str(failure.limit.limit)}
            details.append({"@type": _RPC + "QuotaFailure", "violations": [quota]})
        if isinstance(retry_after, (int, float)):
            details.append({"@type": _RPC + "RetryInfo", "retryDelay": f"{retry_after:g}s"})
        if details:
            error["details"] = details
        return {"error": error}

    def wrong_key(self) -> tuple[int, dict[str, Any]]:
        """As recorded: 400, and only the details say what it is."""
        body = self.error(Failure(400, "API key not valid. Please pass a valid API key."))
        body["error"]["details"] = [
            {"@type": _RPC + "ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
        ]
        return 400, body

    def unknown_model(self, model: str) -> dict[str, Any]:
        return self.error(Failure(404, f"models/{model} is not found for API version v1beta."))

    def stream_error(self, message: str) -> bytes:
        return data({"error": {"code": 503, "message": message, "status": "UNAVAILABLE"}})

    def empty_delta(self, said: Said) -> bytes:
        return data(self._body(said, [{"text": ""}], None, with_usage=False))

    def listing(self, models: tuple[str, ...]) -> dict[str, Any]:
        actions = ["generateContent"]
        return {"models": [{"name": f"models/{model}", "supportedGenerationMethods": actions} for model in models]}


def _parts(said: Said, *, whole: bool) -> Iterator[list[dict[str, Any]]]:
    """The parts of the answer, as the events of a stream group them."""
    if said.reasoning:
        yield [{"text": said.reasoning, "thought": True}]
    pieces = [*said.pieces, said.refusal] if said.refusal else said.pieces
    for piece in ["".join(pieces)] if whole and pieces else pieces:
        yield [{"text": piece}]
    if said.tool_calls:
        yield [{"functionCall": {"name": name, "args": arguments_object(args)}} for _, name, args in said.tool_calls]


def _usage(units: Any) -> dict[str, Any]:
    """Cached tokens stand inside the prompt's; thoughts beside the candidates'. What is zero is left out."""
    cached, output, thoughts = units.get("cache_read", 0), units.get("output", 0), units.get("reasoning", 0)
    prompt = units.get("input", 0) + cached
    counts = {
        "promptTokenCount": prompt,
        "cachedContentTokenCount": cached,
        "candidatesTokenCount": output,
        "thoughtsTokenCount": thoughts,
    }
    usage: dict[str, Any] = {name: count for name, count in counts.items() if count}
    usage["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": prompt}]
    usage["totalTokenCount"] = prompt + output + thoughts
    return usage
