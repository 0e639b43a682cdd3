"""Counters in the vendor's words, for answers that came from elsewhere."""

from __future__ import annotations

from typing import Any

from modelmux.types import Usage
from modelmux.wire._usage import read_usage

_INPUT = ("input", "input_audio", "input_image", "input_video", "tool_input", "citation")
_CACHE_READ = ("cache_read", "cache_read_audio", "cache_read_image", "cache_read_video")
_OUTPUT = ("output", "reasoning", "output_audio", "output_image", "output_video")
_SEARCHES = {"search": "web_search_requests"}


def encode_usage(usage: Usage, tier: str | None, reader: str, model: str | None = None) -> dict[str, Any]:
    """The vendor's own object where ``usage`` was read from one, else one that reads back as ``usage``."""
    raw = usage.raw
    if not isinstance(raw, dict) or "input_tokens" not in raw or "total_tokens" in raw:
        return from_units(usage, tier)
    if read_usage(reader, {"usage": raw, "model": model}) != usage:
        return from_units(usage, tier)
    return dict(raw) if tier in (None, raw.get("service_tier")) else {**raw, "service_tier": tier}


def from_units(usage: Usage, tier: str | None = None) -> dict[str, Any]:
    """Cached tokens stand beside ``input_tokens`` here, thinking inside ``output_tokens``."""
    out: dict[str, Any] = {
        "input_tokens": sum(usage[unit] for unit in _INPUT),
        "cache_read_input_tokens": sum(usage[unit] for unit in _CACHE_READ),
        "cache_creation_input_tokens": usage["cache_write_5m"] + usage["cache_write_1h"],
        "output_tokens": sum(usage[unit] for unit in _OUTPUT),
    }
    if usage["cache_write_5m"] or usage["cache_write_1h"]:
        out["cache_creation"] = {
            "ephemeral_5m_input_tokens": usage["cache_write_5m"],
            "ephemeral_1h_input_tokens": usage["cache_write_1h"],
        }
    if usage["reasoning"]:
        out["output_tokens_details"] = {"thinking_tokens": usage["reasoning"]}
    searches = {name: usage[unit] for unit, name in _SEARCHES.items() if usage[unit]}
    if searches:
        out["server_tool_use"] = searches
    if tier is not None:
        out["service_tier"] = tier
    return out
