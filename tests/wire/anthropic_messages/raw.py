"""What a recorded Messages API answer says, looked up by plain paths. Imports nothing of modelmux."""

from __future__ import annotations

import json
from typing import Any

FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "refusal": "filtered",
    "pause_turn": "pause",
}


def events(body: bytes) -> list[dict[str, Any]]:
    lines = body.decode().split("\n")
    return [json.loads(line[5:]) for line in lines if line.startswith("data:")]


def message_of(body: bytes, stream: bool) -> dict[str, Any]:
    """The message as one object. Of a stream: what its events add up to, block by block."""
    if not stream:
        value: dict[str, Any] = json.loads(body)
        return value
    message: dict[str, Any] = {"content": [], "usage": {}}
    first = 0
    for event in events(body):
        if event["type"] == "message_start":
            start = event["message"]
            message.setdefault("model", start["model"])
            message.setdefault("id", start["id"])
            message["stop_reason"] = start["stop_reason"]
            first = len(message["content"])
            message["content"] += start["content"]
            message["usage"].update(start["usage"])
        elif event["type"] == "content_block_start":
            assert event["index"] == len(message["content"]) - first
            message["content"].append({**event["content_block"], "json": ""})
        elif event["type"] == "content_block_delta":
            _add(message["content"][first + event["index"]], event["delta"])
        elif event["type"] == "message_delta":
            message["stop_reason"] = event["delta"]["stop_reason"]
            message["usage"].update(event["usage"])
    for block in message["content"]:
        if block.get("json"):
            block["input"] = _object(block["json"])
    return message


def _object(text: str) -> dict[str, Any]:
    """Nothing where the token limit cut the text short."""
    try:
        value: dict[str, Any] = json.loads(text)
    except ValueError:
        return {}
    return value


def _add(block: dict[str, Any], delta: dict[str, Any]) -> None:
    if delta["type"] == "text_delta":
        block["text"] += delta["text"]
    elif delta["type"] == "thinking_delta":
        block["thinking"] += delta["thinking"]
    elif delta["type"] == "signature_delta":
        block["signature"] += delta["signature"]
    elif delta["type"] == "input_json_delta":
        block["json"] += delta["partial_json"]
    elif delta["type"] == "citations_delta":
        block["citations"] = [*(block.get("citations") or []), delta["citation"]]


def blocks(message: dict[str, Any], *kinds: str) -> list[dict[str, Any]]:
    return [block for block in message["content"] if block["type"] in kinds]


def units(message: dict[str, Any]) -> dict[str, int]:
    """Disjoint units by the vendor's rule: caches stand beside the input, thinking inside the output; where sub-calls
    are listed, their sum is the bill.
    """
    usage = message["usage"]
    found: dict[str, int] = {}
    for part in usage.get("iterations") or [usage]:
        hour = (part.get("cache_creation") or {}).get("ephemeral_1h_input_tokens", 0)
        thinking = (part.get("output_tokens_details") or {}).get("thinking_tokens", 0)
        for unit, count in (
            ("input", part["input_tokens"]),
            ("cache_read", part.get("cache_read_input_tokens", 0)),
            ("cache_write_1h", hour),
            ("cache_write_5m", part.get("cache_creation_input_tokens", 0) - hour),
            ("reasoning", thinking),
            ("output", part["output_tokens"] - thinking),
        ):
            found[unit] = found.get(unit, 0) + count
    if usage.get("iterations") and not found["reasoning"]:
        # Sub-calls do not tell thinking from the rest; the top level does.
        found["reasoning"] = (usage.get("output_tokens_details") or {}).get("thinking_tokens", 0)
        found["output"] -= found["reasoning"]
    found["search"] = (usage.get("server_tool_use") or {}).get("web_search_requests", 0)
    return {unit: count for unit, count in found.items() if count}
