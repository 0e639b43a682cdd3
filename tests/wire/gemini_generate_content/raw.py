"""What recorded bodies say, by plain path look-ups. Nothing here comes from the code under test."""

from __future__ import annotations

import json
from typing import Any

FILTERED = {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "MODEL_ARMOR"}
ERRORS = {"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER"}
NUMBERED = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY"}


def chunks(body: str) -> list[dict[str, Any]]:
    """The JSON objects of a body: one, an array's, or the data lines of server-sent events."""
    if body.lstrip()[:1] in ("{", "["):
        value = json.loads(body)
        return value if isinstance(value, list) else [value]
    return [json.loads(line[5:]) for line in body.splitlines() if line.startswith("data:")]


def parts(answer: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All parts of the first candidate, in order."""
    found = []
    for chunk in answer:
        for candidate in chunk.get("candidates", [])[:1]:
            found += (candidate.get("content") or {}).get("parts") or []
    return found


def text(answer: list[dict[str, Any]]) -> str:
    return "".join(part["text"] for part in parts(answer) if "text" in part and not part.get("thought"))


def reasoning(answer: list[dict[str, Any]]) -> str:
    return "".join(part["text"] for part in parts(answer) if "text" in part and part.get("thought"))


def signatures(answer: list[dict[str, Any]]) -> list[str]:
    return [part["thoughtSignature"] for part in parts(answer) if "thoughtSignature" in part]


def tool_calls(answer: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Names and arguments. Fragments: the recordings have top-level string arguments only."""
    found: list[tuple[str, dict[str, Any]]] = []
    for part in parts(answer):
        call = part.get("functionCall")
        if call is None:
            continue
        if "name" in call:
            found.append((call["name"], dict(call.get("args", {}))))
        for fragment in call.get("partialArgs", []):
            key = fragment["jsonPath"].removeprefix("$.")
            arguments = found[-1][1]
            arguments[key] = arguments.get(key, "") + fragment["stringValue"]
    return found


def finish_raw(answer: list[dict[str, Any]]) -> str | None:
    reasons = [
        candidate["finishReason"]
        for chunk in answer
        for candidate in chunk.get("candidates", [])[:1]
        if "finishReason" in candidate
    ]
    if reasons:
        return NUMBERED.get(reasons[-1], reasons[-1])
    return next((chunk["promptFeedback"]["blockReason"] for chunk in answer if "promptFeedback" in chunk), None)


def finish(answer: list[dict[str, Any]]) -> str:
    reason = finish_raw(answer)
    if not any("candidates" in chunk for chunk in answer):
        return "stop" if reason is None else "filtered"
    if reason in FILTERED:
        return "filtered"
    if reason in ERRORS:
        return "error"
    if reason == "MAX_TOKENS":
        return "length"
    return "tool_calls" if tool_calls(answer) else "stop"


def counters(answer: list[dict[str, Any]]) -> dict[str, Any]:
    """``usageMetadata``: a later chunk's counter replaces an earlier one's, a missing one does not."""
    merged: dict[str, Any] = {}
    for chunk in answer:
        merged.update({key: value for key, value in (chunk.get("usageMetadata") or {}).items() if value is not None})
    return merged


def last(answer: list[dict[str, Any]], key: str) -> Any:
    return next((chunk[key] for chunk in reversed(answer) if key in chunk), None)
