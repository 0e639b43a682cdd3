"""Google's generateContent, at Gemini and at Vertex, by path look-ups."""

from __future__ import annotations

import json
from typing import Any

from fidelity.expected import Answer, Call, Whole, at, count, merged, positive, rows, words

FINISH = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    **dict.fromkeys(("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"), "filtered"),
    **dict.fromkeys(("IMAGE_SAFETY", "MODEL_ARMOR"), "filtered"),
    **dict.fromkeys(("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER"), "error"),
}
FINISH_NUMBERS = {1: "STOP", 2: "MAX_TOKENS", 3: "SAFETY", 4: "RECITATION", 5: "OTHER"}
MODALITY_NUMBERS = {1: "TEXT", 2: "IMAGE", 3: "VIDEO", 4: "AUDIO", 5: "DOCUMENT"}


def read(documents: list[dict[str, Any]]) -> Whole | None:
    """None: these documents are no answer of a model."""
    candidates: dict[int, _Candidate] = {}
    usage: dict[str, Any] = {}
    model, blocked, seen, searches = "", False, False, 0
    for document in documents:
        seen = seen or "candidates" in document or "promptFeedback" in document or "usageMetadata" in document
        model = model or words(document, "modelVersion")
        blocked = blocked or bool(at(document, "promptFeedback", "blockReason"))
        merged(usage, at(document, "usageMetadata"))
        searches = max(searches, sum(_queries(candidate) for candidate in rows(document, "candidates")))
        for place, candidate in enumerate(rows(document, "candidates")):
            number = candidate.get("index")
            candidates.setdefault(number if isinstance(number, int) else place, _Candidate()).add(candidate)
    if not seen:
        # A batch's creation is answered with an operation: no error, and no answer yet.
        return Whole([], {}, None) if words(documents[0], "metadata", "@type") else None
    answers = [candidates[number].answer() for number in sorted(candidates)]
    if not answers:
        answers = [Answer(finish="filtered" if blocked else "stop")]
    return Whole(answers, units(usage) | positive({"search": searches}), model or None)


def _queries(candidate: dict[str, Any]) -> int:
    return len(at(candidate, "groundingMetadata", "webSearchQueries") or [])


class _Candidate:
    def __init__(self) -> None:
        self.made = Answer()
        self.reason = ""
        self.open: tuple[Call, dict[str, Any]] | None = None

    def add(self, candidate: dict[str, Any]) -> None:
        for part in rows(candidate, "content", "parts"):
            text = words(part, "text")
            if part.get("thought"):
                self.made.reasoning += text
            else:
                self.made.text += text
            if isinstance(part.get("functionCall"), dict):
                self.call(part["functionCall"])
        reason = candidate.get("finishReason")
        self.reason = FINISH_NUMBERS.get(reason, "OTHER") if isinstance(reason, int) else reason or self.reason

    def call(self, call: dict[str, Any]) -> None:
        """A call comes whole, or opened with a name, filled by paths and closed by an empty piece."""
        if self.open is None or call.get("name"):
            made = Call(words(call, "id") or None, words(call, "name"))
            self.made.calls.append(made)
            self.open = made, dict(at(call, "args") or {})
        made, arguments = self.open
        for piece in rows(call, "partialArgs"):
            key = words(piece, "jsonPath").removeprefix("$.")
            arguments[key] = str(arguments.get(key, "")) + words(piece, "stringValue")
        made.text = json.dumps(arguments)
        if not call.get("willContinue"):
            self.open = None

    def answer(self) -> Answer:
        finish = FINISH.get(self.reason, "stop")
        self.made.finish = "tool_calls" if finish == "stop" and self.made.calls else finish
        return self.made


def units(usage: dict[str, Any]) -> dict[str, int]:
    """Cached tokens are part of the prompt; thoughts and what tools put in stand beside prompt and candidates."""
    read, cached = _kinds(usage, "promptTokensDetails"), _kinds(usage, "cacheTokensDetails")
    made = _kinds(usage, "candidatesTokensDetails")
    found = {
        "tool_input": count(usage, "toolUsePromptTokenCount"),
        "reasoning": count(usage, "thoughtsTokenCount"),
    }
    plain = count(usage, "promptTokenCount")
    plain_cached = count(usage, "cachedContentTokenCount")
    plain_made = count(usage, "candidatesTokenCount")
    for kind in ("audio", "image", "video"):
        stored = min(cached.get(kind, 0), read.get(kind, 0))
        found[f"cache_read_{kind}"] = stored
        found[f"input_{kind}"] = read.get(kind, 0) - stored
        found[f"output_{kind}"] = made.get(kind, 0)
        plain -= read.get(kind, 0)
        plain_cached -= stored
        plain_made -= made.get(kind, 0)
    return positive({**found, "input": plain - plain_cached, "cache_read": plain_cached, "output": plain_made})


def _kinds(usage: dict[str, Any], details: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for detail in rows(usage, details):
        modality = detail.get("modality")
        word = MODALITY_NUMBERS.get(modality, "TEXT") if isinstance(modality, int) else str(modality)
        found[word.lower()] = found.get(word.lower(), 0) + count(detail, "tokenCount")
    return found
