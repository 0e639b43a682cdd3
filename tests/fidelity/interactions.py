"""Google's interactions, in the form of steps and in the older one of outputs, by path look-ups."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fidelity.expected import Answer, Call, Whole, at, count, positive, rows, words

FINISH = {
    "completed": "stop",
    "requires_action": "tool_calls",
    "incomplete": "length",
    "in_progress": "pause",
    "failed": "error",
    "cancelled": "error",
}


def documents(body: bytes) -> Iterator[dict[str, Any]]:
    """The events of a stream of which a recorder made one event a line, each a string."""
    for line in body.decode().split("\n"):
        if line.startswith('data: "'):
            said = json.loads(line[6:])
            if said.startswith("data: {"):
                yield json.loads(said[6:])


def read(found: list[dict[str, Any]], *, stream: bool) -> Whole | None:
    """None: nothing in these documents is an answer."""
    if stream:
        return _streamed(found)
    body = found[0] if found else {}
    if "status" not in body:
        return None
    answer = Answer()
    for step in rows(body, "steps") + rows(body, "outputs"):
        for item in rows(step, "content") if step.get("type") == "model_output" else [step]:
            _add(answer, item)
    return _whole(answer, body)


def _add(answer: Answer, item: dict[str, Any]) -> None:
    if item.get("type") == "text":
        answer.text += words(item, "text")
    elif item.get("type") == "thought":
        answer.reasoning += "".join(words(piece, "text") for piece in rows(item, "summary"))
    elif item.get("type") == "function_call":
        answer.calls.append(Call(words(item, "id"), words(item, "name"), json.dumps(at(item, "arguments"))))


def _streamed(events: list[dict[str, Any]]) -> Whole | None:
    answer, calls = Answer(), {}
    last: dict[str, Any] = {}
    for event in events:
        kind, delta = words(event, "event_type"), at(event, "delta")
        if kind in ("interaction.completed", "interaction.complete"):
            last = at(event, "interaction")
        start = at(event, "step") or at(event, "content")
        if words(start, "type") == "function_call":
            calls[event["index"]] = Call(words(start, "id"), words(start, "name"))
        if words(delta, "type") == "text":
            answer.text += words(delta, "text")
        elif words(delta, "type") == "thought_summary":
            answer.reasoning += words(delta, "content", "text")
        elif words(delta, "type") == "arguments_delta":
            calls[event["index"]].text += words(delta, "arguments")
    answer.calls = list(calls.values())
    return _whole(answer, last) if last else None


def _whole(answer: Answer, body: dict[str, Any]) -> Whole:
    answer.finish = FINISH[words(body, "status")]
    if answer.finish == "stop" and answer.calls:
        answer.finish = "tool_calls"
    return Whole([answer], units(at(body, "usage")), words(body, "model") or None)


def units(usage: Any) -> dict[str, int]:
    """Thoughts and what tools read stand beside input and output; what was cached, and media, inside the input."""
    media = {words(row, "modality"): count(row, "tokens") for row in rows(usage, "input_tokens_by_modality")}
    read = count(usage, "total_cached_tokens")
    shown = {kind: media.get(kind, 0) for kind in ("audio", "image", "video")}
    searches = [
        count(row, "count") for row in rows(usage, "grounding_tool_count") if row.get("type") == "google_search"
    ]
    return positive(
        {
            "input": count(usage, "total_input_tokens") - read - sum(shown.values()),
            "cache_read": read,
            **{f"input_{kind}": number for kind, number in shown.items()},
            "tool_input": count(usage, "total_tool_use_tokens"),
            "reasoning": count(usage, "total_thought_tokens"),
            "output": count(usage, "total_output_tokens"),
            "search": sum(searches),
        }
    )
