"""Log probabilities of output tokens, in the form that OpenAI's chat and Responses share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from modelmux.types import TokenLogprob


def logprobs_of(items: Any) -> tuple[TokenLogprob, ...]:
    if not isinstance(items, list):
        return ()
    return tuple(logprob for item in items if (logprob := _logprob(item)) is not None)


def _logprob(item: Any) -> TokenLogprob | None:
    if not isinstance(item, dict):
        return None
    token, value, data = item.get("token"), item.get("logprob"), item.get("bytes")
    if not isinstance(token, str) or not isinstance(value, int | float):
        return None
    known = tuple(byte for byte in data if isinstance(byte, int)) if isinstance(data, list) else None
    return TokenLogprob(token, float(value), known, logprobs_of(item.get("top_logprobs")))


def logprobs_json(logprobs: Iterable[TokenLogprob]) -> list[dict[str, Any]]:
    out = []
    for item in logprobs:
        said: dict[str, Any] = {"token": item.token, "logprob": item.logprob}
        said["bytes"] = None if item.bytes is None else list(item.bytes)
        said["top_logprobs"] = logprobs_json(item.top)
        out.append(said)
    return out
