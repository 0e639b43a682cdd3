"""Gemini's Interactions API, in the form it has since May 2026: a conversation is a list of steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from modelmux.testing._shapes import Event, Failure, arguments_object, arguments_text, dump, halves, texts
from modelmux.testing._shapes.gemini import Gemini
from modelmux.testing.answers import Asked, RecordedRequest, Said

_STATUS = {"stop": "completed", "length": "incomplete", "tool_calls": "requires_action", "filtered": "incomplete"}
_CODES = {401: "unauthenticated", 404: "not_found", 429: "resource_exhausted", 503: "unavailable"}
_TIME = "2026-01-01T00:00:00Z"

Step = tuple[dict[str, Any], list[dict[str, Any]]]
"""A step as it starts, and its deltas."""


class Interactions(Gemini):
    wire = "gemini.interactions"
    models: ClassVar = ("gemini-2.5-flash", "gemini-3-flash-preview", "gemini-2.5-pro")

    def is_chat(self, request: RecordedRequest) -> bool:
        return request.path.endswith("/interactions")

    def asked(self, request: RecordedRequest) -> Asked:
        body = request.json
        said = body["input"]
        last = said[-1] if isinstance(said, list) else said
        return Asked(
            body["model"],
            body.get("stream") is True,
            "\n".join(texts([body.get("system_instruction"), said])),
            "\n".join(texts(last)),
            (body.get("generation_config") or {}).get("max_output_tokens"),
        )

    def problem(self, request: RecordedRequest) -> str | None:
        for field in ("model", "input"):
            if not request.json.get(field):
                return f"{field} is required."
        for tool in request.json.get("tools") or ():
            if "type" not in tool or "function" in tool:
                return "no such field: 'function'"  # recorded: a tool's fields stand at its top here
        return None

    def whole(self, said: Said) -> dict[str, Any]:
        steps = []
        for start, deltas in _steps(said):
            text = "".join(delta["text"] for delta in deltas if delta["type"] == "text")
            said_whole = {"content": [{"type": "text", "text": text}]} if start["type"] == "model_output" else {}
            if start["type"] == "function_call":
                raw = "".join(delta["arguments"] for delta in deltas)
                said_whole = {"arguments": arguments_object(raw) if raw else {}}
            elif start["type"] == "thought":
                summary = [delta["content"] for delta in deltas if delta["type"] == "thought_summary"]
                said_whole = {"summary": summary, "signature": deltas[-1]["signature"]}
            steps.append({**start, **said_whole})
        return {**self._facts(said), "steps": steps}

    def events(self, said: Said) -> Iterator[Event]:
        opening = {"id": f"v1_test{said.number:08d}", "model": said.model, "object": "interaction"}
        yield "open", _event("interaction.created", interaction={**opening, "status": "in_progress"})
        for index, (start, deltas) in enumerate(_steps(said)):
            yield "delta", _event("step.start", index=index, step=start)
            for delta in deltas:
                yield "delta", _event("step.delta", index=index, delta=delta)
            yield "delta", _event("step.stop", index=index)
        yield "finish", _event("interaction.completed", interaction=self._facts(said))
        yield "end", b"event: done\ndata: [DONE]\n\n"

    def _facts(self, said: Said) -> dict[str, Any]:
        facts = {
            "id": f"v1_test{said.number:08d}",
            "created": _TIME,
            "updated": _TIME,
            "model": said.model,
            "object": "interaction",
            "service_tier": "standard",
        }
        if "finish" not in said.without:
            facts["status"] = _STATUS.get(said.finish, said.finish)
        return facts if said.usage is None else {**facts, "usage": _usage(said.usage)}

    def error(self, failure: Failure) -> dict[str, Any]:
        state = _CODES.get(failure.status, "internal_error" if failure.status >= 500 else "invalid_request")
        return {"error": {"message": failure.message, "code": failure.code or state}}

    def wrong_key(self) -> tuple[int, dict[str, Any]]:
        return 401, self.error(Failure(401, "API key not valid. Please pass a valid API key."))

    def stream_error(self, message: str) -> bytes:
        return _event("error", error={"message": message, "code": "unavailable"})


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\n".encode() + b"data: " + dump({**fields, "event_type": kind}) + b"\n\n"


def _steps(said: Said) -> Iterator[Step]:
    if said.reasoning:
        summary = {"type": "thought_summary", "content": {"type": "text", "text": said.reasoning}}
        yield {"type": "thought"}, [summary, {"type": "thought_signature", "signature": "dGVzdA=="}]
    pieces = [*said.pieces, said.refusal] if said.refusal else list(said.pieces)
    if pieces:
        yield {"type": "model_output"}, [{"type": "text", "text": piece} for piece in pieces]
    for call_id, name, arguments in said.tool_calls:
        parts = halves(arguments_text(arguments))
        deltas = [{"type": "arguments_delta", "arguments": part} for part in parts]
        yield {"type": "function_call", "id": call_id, "name": name, "arguments": {}}, deltas


def _usage(units: Any) -> dict[str, Any]:
    """Cached tokens stand inside the prompt's; thoughts beside the output's."""
    cached, output, thoughts = units.get("cache_read", 0), units.get("output", 0), units.get("reasoning", 0)
    prompt = units.get("input", 0) + cached
    return {
        "input_tokens_by_modality": [{"modality": "text", "tokens": prompt}],
        "total_cached_tokens": cached,
        "total_input_tokens": prompt,
        "total_output_tokens": output,
        "total_thought_tokens": thoughts,
        "total_tokens": prompt + output + thoughts,
        "total_tool_use_tokens": 0,
    }
