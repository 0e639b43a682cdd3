"""Anthropic's messages, by path look-ups."""

from __future__ import annotations

import json
from typing import Any

from fidelity.expected import Answer, Call, Whole, at, count, merged, positive, rows, words

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "filtered",
    "pause_turn": "pause",
}


def read(documents: list[dict[str, Any]]) -> Whole | None:
    """None: these documents are no message."""
    if len(documents) == 1 and documents[0].get("type") == "message":
        body = documents[0]
        usage, reason, model = at(body, "usage") or {}, words(body, "stop_reason"), words(body, "model")
        return Whole([_answer(rows(body, "content"), reason)], units(usage), model or None)
    if not any(document.get("type") == "message_start" for document in documents):
        return None
    blocks: dict[Any, dict[str, Any]] = {}
    usage, reason, model, turn = {}, "", "", 0
    for document in documents:
        kind = document.get("type")
        if kind == "message_start":  # some recorders stored the turns of a tool loop as one body
            turn += 1
            model = model or words(document, "message", "model")
            merged(usage, at(document, "message", "usage"))
            for place, block in enumerate(rows(document, "message", "content")):
                blocks[turn, "start", place] = dict(block)
            reason = words(document, "message", "stop_reason") or reason
        elif kind == "content_block_start":
            blocks[turn, at(document, "index")] = dict(at(document, "content_block") or {})
        elif kind == "content_block_delta":
            block, delta = blocks[turn, at(document, "index")], at(document, "delta") or {}
            for key, piece in (("text", "text"), ("thinking", "thinking"), ("partial", "partial_json")):
                block[key] = words(block, key) + words(delta, piece)
        elif kind == "message_delta":
            reason = words(document, "delta", "stop_reason") or reason
            merged(usage, at(document, "usage"))
    return Whole([_answer(list(blocks.values()), reason)], units(usage), model or None)


def _answer(blocks: list[dict[str, Any]], reason: str) -> Answer:
    text = "".join(words(block, "text") for block in blocks if block.get("type") == "text")
    thinking = "".join(words(block, "thinking") for block in blocks if block.get("type") == "thinking")
    calls = [
        Call(
            words(block, "id") or None, words(block, "name"), words(block, "partial") or json.dumps(block.get("input"))
        )
        for block in blocks
        if block.get("type") == "tool_use"
    ]
    return Answer(text, thinking, "", calls, FINISH.get(reason, "stop"))


def units(usage: dict[str, Any]) -> dict[str, int]:
    """Anthropic's counters are disjoint but for thinking, which is part of the output.

    ``iterations`` lists what was billed when a compaction, an adviser or a fallback ran too; the top level then
    covers only some of it. Only the top level tells thinking from the rest.
    """
    found = _counters(usage)
    if rows(usage, "iterations"):
        sums = dict.fromkeys(found, 0)
        for turn in rows(usage, "iterations"):
            for unit, number in _counters(turn).items():
                sums[unit] += number
        thinking = found["reasoning"]
        found = sums | {"reasoning": thinking, "output": sums["output"] - thinking}
    return positive(found | {"search": count(usage, "server_tool_use", "web_search_requests")})


def _counters(usage: dict[str, Any]) -> dict[str, int]:
    hour = count(usage, "cache_creation", "ephemeral_1h_input_tokens")
    thinking = count(usage, "output_tokens_details", "thinking_tokens")
    return {
        "input": count(usage, "input_tokens"),
        "cache_read": count(usage, "cache_read_input_tokens"),
        "cache_write_5m": count(usage, "cache_creation_input_tokens") - hour,
        "cache_write_1h": hour,
        "output": count(usage, "output_tokens") - thinking,
        "reasoning": thinking,
    }
