"""Counters in the vendor's words, for answers that came from elsewhere."""

from __future__ import annotations

from typing import Any

from modelmux.types import Usage
from modelmux.wire._usage import read_usage

_INPUT = ("input", "input_audio", "input_image", "input_video", "tool_input", "citation")
_CACHE_READ = ("cache_read", "cache_read_audio", "cache_read_image", "cache_read_video")
_OUTPUT = ("output", "reasoning", "output_audio", "output_image", "output_video")


def encode_usage(usage: Usage, reader: str) -> dict[str, Any]:
    """The vendor's own object where ``usage`` was read from one, else one that reads back as ``usage``."""
    raw = usage.raw
    if isinstance(raw, dict) and "inputTokens" in raw and read_usage(reader, {"usage": raw}) == usage:
        return dict(raw)
    return from_units(usage)


def from_units(usage: Usage) -> dict[str, Any]:
    """Cached tokens stand beside ``inputTokens`` here, reasoning inside ``outputTokens``."""
    read = sum(usage[unit] for unit in _CACHE_READ)
    written = usage["cache_write_5m"] + usage["cache_write_1h"]
    out: dict[str, Any] = {
        "inputTokens": sum(usage[unit] for unit in _INPUT),
        "outputTokens": sum(usage[unit] for unit in _OUTPUT),
    }
    out["totalTokens"] = out["inputTokens"] + out["outputTokens"] + read + written
    if read or written:
        out |= {"cacheReadInputTokens": read, "cacheWriteInputTokens": written}
    details = [{"ttl": ttl, "inputTokens": usage[f"cache_write_{ttl}"]} for ttl in ("5m", "1h")]
    details = [detail for detail in details if detail["inputTokens"]]
    return out | {"cacheDetails": details} if details else out
