"""OpenAI's Responses: an answer is a list of items, and a stream tells how each of them comes about."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any, ClassVar

from modelmux.testing._shapes import EPOCH, Event, Failure, arguments_text, dump, halves, texts
from modelmux.testing._shapes.openai import OpenAI
from modelmux.testing.answers import Asked, RecordedRequest, Said

_INCOMPLETE = {"length": "max_output_tokens", "filtered": "content_filter"}
_ROLES = frozenset({"assistant", "system", "developer", "user"})
_LEAST = 16
"""Output tokens that a request must allow: fewer are refused (recorded)."""

_ECHOED: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}
"""What an answer repeats of its request, and what it says where the request was silent."""

_Item = tuple[dict[str, Any], dict[str, Any], list[tuple[str, str, dict[str, Any]]]]
"""An item as it begins and as it ends, and between them events: their kind, their type and their fields."""


class Responses(OpenAI):
    wire = "openai.responses"
    path = "/responses"
    unknown: ClassVar = 400

    def asked(self, request: RecordedRequest) -> Asked:
        body = request.json
        said = body["input"]
        last = said[-1] if isinstance(said, list) else said
        if isinstance(last, dict) and "output" in last:
            last = last["output"]
        return Asked(
            body["model"],
            bool(body.get("stream")),
            "\n".join([*texts(body.get("instructions")), *texts(said)]),
            "\n".join(texts(last)),
            body.get("max_output_tokens"),
        )

    def problem(self, request: RecordedRequest) -> str | None:
        body = request.json
        for name in ("model", "input"):
            if not body.get(name):
                return f"Missing required parameter: '{name}'."
        if not isinstance(body["input"], (str, list)):
            return "Invalid type for 'input': expected one of an array of objects or string."
        for index, item in enumerate(body["input"] if isinstance(body["input"], list) else ()):
            if item.get("type", "message") == "message" and item.get("role") not in _ROLES:
                return f"Invalid value: {item.get('role')!r}. Supported values are: {', '.join(sorted(_ROLES))}."
            if item.get("type") in {"function_call", "function_call_output"} and not item.get("call_id"):
                return f"Missing required parameter: 'input[{index}].call_id'."
        for index, tool in enumerate(body.get("tools") or ()):
            if tool.get("type") == "function" and not tool.get("name"):
                return f"Missing required parameter: 'tools[{index}].name'."
        cap = body.get("max_output_tokens")
        if cap is not None and cap < _LEAST:
            return f"Invalid 'max_output_tokens': integer below minimum value. Expected >= {_LEAST}, but got {cap}."
        return None

    def whole(self, said: Said) -> dict[str, Any]:
        return self._response(said, output=[ended for _, ended, _ in _items(said)])

    def events(self, said: Said) -> Iterator[Event]:
        numbers = count()

        def event(kind: str, **fields: Any) -> bytes:
            return _event(kind, next(numbers), **fields)

        for kind in ("response.created", "response.in_progress"):
            yield "open", event(kind, response=self._response(said, status="in_progress"))
        for index, (begun, ended, between) in enumerate(_items(said)):
            place = {"output_index": index}
            yield "open", event("response.output_item.added", **place, item=begun)
            for kind, name, fields in between:
                yield kind, event(f"response.{name}", **place, item_id=ended["id"], **fields)
            yield "open", event("response.output_item.done", **place, item=ended)
        whole = self.whole(said)
        yield "finish", event(f"response.{'incomplete' if said.finish in _INCOMPLETE else 'completed'}", response=whole)

    def _response(self, said: Said, *, output: Any = (), status: str | None = None) -> dict[str, Any]:
        body = (self._request.json if self._request is not None else None) or {}
        reason = _INCOMPLETE.get(said.finish)
        over = status is None
        response = {
            "id": f"resp_test{said.number:08d}",
            "object": "response",
            "created_at": EPOCH,
            "status": status or ("incomplete" if reason else "completed"),
            "background": False,
            "error": None,
            "incomplete_details": {"reason": reason} if reason and over else None,
            "model": said.model,
            "output": list(output),
            "service_tier": "default" if over else "auto",
            "usage": _usage(said.usage) if over and said.usage is not None else None,
            **{name: default if body.get(name) is None else body[name] for name, default in _ECHOED.items()},
        }
        if over and "finish" in said.without:
            del response["status"], response["incomplete_details"]
        return response

    def unknown_model(self, model: str) -> dict[str, Any]:
        return self.error(Failure(400, f"The requested model {model!r} does not exist.", "model_not_found"))

    def stream_error(self, message: str) -> bytes:
        return _event("error", 0, code="server_error", message=message, param=None)

    def empty_delta(self, said: Said) -> bytes:
        place = {"item_id": f"msg_test{said.number:08d}", "output_index": 0, "content_index": 0}
        return _event("response.output_text.delta", 0, **place, delta="", logprobs=[])


def _event(kind: str, number: int, **fields: Any) -> bytes:
    body = dump({"type": kind, **fields, "sequence_number": number})
    return b"event: " + kind.encode() + b"\ndata: " + body + b"\n\n"


def _items(said: Said) -> Iterator[_Item]:
    if said.reasoning:
        yield _reasoning(f"rs_test{said.number:08d}", said.reasoning)
    if said.pieces or said.refusal:
        yield _message(f"msg_test{said.number:08d}", said)
    for index, (call_id, name, arguments) in enumerate(said.tool_calls):
        yield _call(f"fc_test{said.number:08d}_{index}", call_id, name, arguments_text(arguments))


def _reasoning(item_id: str, text: str) -> _Item:
    part = {"type": "summary_text", "text": text}
    item = {"id": item_id, "type": "reasoning"}
    place = {"summary_index": 0}
    between = [
        ("open", "reasoning_summary_part.added", {**place, "part": {**part, "text": ""}}),
        ("delta", "reasoning_summary_text.delta", {**place, "delta": text}),
        ("open", "reasoning_summary_text.done", {**place, "text": text}),
        ("open", "reasoning_summary_part.done", {**place, "part": part}),
    ]
    return {**item, "summary": []}, {**item, "summary": [part]}, between


def _message(item_id: str, said: Said) -> _Item:
    parts: list[dict[str, Any]] = []
    between: list[tuple[str, str, dict[str, Any]]] = []
    for kind, field, pieces in (("output_text", "text", said.pieces), ("refusal", "refusal", (said.refusal,))):
        if not any(pieces):
            continue
        beside: dict[str, Any] = {"annotations": [], "logprobs": []} if kind == "output_text" else {}
        place, part = {"content_index": len(parts)}, {"type": kind, **beside, field: "".join(pieces)}
        between.append(("open", "content_part.added", {**place, "part": {**part, field: ""}}))
        between += [("delta", f"{kind}.delta", {**place, "delta": piece}) for piece in pieces]
        between.append(("open", f"{kind}.done", {**place, field: part[field]}))
        between.append(("open", "content_part.done", {**place, "part": part}))
        parts.append(part)
    item = {"id": item_id, "type": "message", "role": "assistant"}
    begun = {**item, "status": "in_progress", "content": []}
    return begun, {**item, "status": "completed", "content": parts}, between


def _call(item_id: str, call_id: str, name: str, arguments: str) -> _Item:
    item = {"id": item_id, "type": "function_call", "call_id": call_id, "name": name}
    between: list[tuple[str, str, dict[str, Any]]] = [
        ("delta", "function_call_arguments.delta", {"delta": piece}) for piece in halves(arguments)
    ]
    between.append(("open", "function_call_arguments.done", {"arguments": arguments}))
    begun = {**item, "status": "in_progress", "arguments": ""}
    return begun, {**item, "status": "completed", "arguments": arguments}, between


def _usage(units: Any) -> dict[str, Any]:
    """Both counters are inclusive: cached tokens stand inside the input's, reasoning inside the output's."""
    cached, reasoning = units.get("cache_read", 0), units.get("reasoning", 0)
    read, written = units.get("input", 0) + cached, units.get("output", 0) + reasoning
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": read + written,
    }
