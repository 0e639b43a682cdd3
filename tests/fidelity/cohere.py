"""Cohere's chat (v2), by path look-ups."""

from __future__ import annotations

from typing import Any

from fidelity.expected import Answer, Call, Whole, at, count, positive, rows, words

FINISH = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR": "error",
    "ERROR_TOXIC": "filtered",
}


def read(documents: list[dict[str, Any]], *, stream: bool) -> Whole | None:
    """None: nothing in these documents is an answer. The plan a model makes before its calls is its reasoning."""
    return _streamed(documents) if stream else _whole(documents)


def _whole(documents: list[dict[str, Any]]) -> Whole | None:
    body = documents[0] if documents else {}
    message = at(body, "message")
    if not isinstance(message, dict):
        return None
    content = rows(message, "content")
    answer = Answer(
        "".join(words(block, "text") for block in content),
        words(message, "tool_plan") + "".join(words(block, "thinking") for block in content),
        calls=[
            Call(words(call, "id"), words(call, "function", "name"), words(call, "function", "arguments"))
            for call in rows(message, "tool_calls")
        ],
        finish=FINISH[words(body, "finish_reason")],
    )
    return Whole([answer], units(at(body, "usage")), None)


def _streamed(documents: list[dict[str, Any]]) -> Whole | None:
    answer, usage, seen = Answer(), None, False
    calls: dict[Any, Call] = {}
    for event in documents:
        message = at(event, "delta", "message")
        call = at(message, "tool_calls")
        if isinstance(call, dict):
            mine = calls.setdefault(event.get("index"), Call(None, ""))
            mine.id = mine.id or words(call, "id") or None
            mine.name = mine.name or words(call, "function", "name")
            mine.text += words(call, "function", "arguments")
        answer.reasoning += words(message, "tool_plan") + words(message, "content", "thinking")
        answer.text += words(message, "content", "text")
        if event.get("type") == "message-end":
            seen = True
            answer.finish = FINISH[words(event, "delta", "finish_reason")]
            usage = at(event, "delta", "usage")
    answer.calls = list(calls.values())
    return Whole([answer], units(usage), None) if seen else None


def units(usage: Any) -> dict[str, int]:
    """What is billed; the other counters include the vendor's own template."""
    billed = at(usage, "billed_units")
    return positive({"input": count(billed, "input_tokens"), "output": count(billed, "output_tokens")})
