"""Small values of an answer, in and out: token probabilities, times, usage counters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from modelmux.types import TokenLogprob, Usage

_PROMPT = {
    "TEXT": ("input", "cache_write_5m", "cache_write_1h", "cache_read"),
    "AUDIO": ("input_audio", "cache_read_audio"),
    "IMAGE": ("input_image", "cache_read_image"),
    "VIDEO": ("input_video", "cache_read_video"),
}
_CACHED = {
    "TEXT": ("cache_read",),
    "AUDIO": ("cache_read_audio",),
    "IMAGE": ("cache_read_image",),
    "VIDEO": ("cache_read_video",),
}
_CANDIDATES = {
    "TEXT": ("output",),
    "AUDIO": ("output_audio",),
    "IMAGE": ("output_image",),
    "VIDEO": ("output_video",),
}
_COUNTERS = (
    ("promptTokenCount", "promptTokensDetails", _PROMPT),
    ("cachedContentTokenCount", "cacheTokensDetails", _CACHED),
    ("candidatesTokenCount", "candidatesTokensDetails", _CANDIDATES),
)
_OURS = frozenset({"promptTokenCount", "totalTokenCount", "candidatesTokenCount", "trafficType", "serviceTier"})


def usage_metadata(usage: Usage) -> dict[str, Any] | None:
    """``usageMetadata``: the vendor's own when this vendor reported it, else built from the units."""
    if isinstance(usage.raw, dict) and _OURS & usage.raw.keys():
        return usage.raw
    if not usage.reported:
        return None
    out: dict[str, Any] = {}
    for total, details, modalities in _COUNTERS:
        counts = {name: sum(usage[unit] for unit in units) for name, units in modalities.items()}
        count = sum(counts.values())
        if count or total == "promptTokenCount":
            out[total] = count
        if count:
            out[details] = [{"modality": name, "tokenCount": n} for name, n in counts.items() if n]
    for total, unit in (("thoughtsTokenCount", "reasoning"), ("toolUsePromptTokenCount", "tool_input")):
        if usage[unit]:
            out[total] = usage[unit]
    parts = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount")
    out["totalTokenCount"] = sum(out.get(name, 0) for name in parts)
    return out


def logprobs_of(raw: Any) -> tuple[TokenLogprob, ...]:
    """``logprobsResult``: the chosen tokens, each with its alternatives."""
    chosen = raw.get("chosenCandidates") if isinstance(raw, dict) else None
    if not isinstance(chosen, list):
        return ()
    tops = raw.get("topCandidates")
    out: list[TokenLogprob] = []
    for index, item in enumerate(chosen):
        token = _logprob(item)
        if token is None:
            continue
        top = tops[index] if isinstance(tops, list) and index < len(tops) else None
        others = top.get("candidates") if isinstance(top, dict) else None
        if isinstance(others, list):
            found = tuple(other for other in map(_logprob, others) if other is not None)
            token = TokenLogprob(token.token, token.logprob, None, found)
        out.append(token)
    return tuple(out)


def _logprob(item: Any) -> TokenLogprob | None:
    if not isinstance(item, dict):
        return None
    token, value = item.get("token", ""), item.get("logProbability", 0.0)
    if not isinstance(token, str) or isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return TokenLogprob(token, float(value))


def logprobs_result(tokens: tuple[TokenLogprob, ...]) -> dict[str, Any]:
    out: dict[str, Any] = {"chosenCandidates": [_candidate(token) for token in tokens]}
    if any(token.top for token in tokens):
        out["topCandidates"] = [{"candidates": [_candidate(other) for other in token.top]} for token in tokens]
    return out


def _candidate(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.token, "logProbability": token.logprob}


def seconds_of(time: Any) -> int | None:
    """Seconds since 1970 of an RFC 3339 time."""
    if not isinstance(time, str):
        return None
    try:
        return int(datetime.fromisoformat(time).timestamp())
    except (ValueError, OverflowError):
        return None


def time_of(seconds: int) -> str | None:
    """RFC 3339, as the vendor writes whole seconds; None beyond what a date can say."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return None
