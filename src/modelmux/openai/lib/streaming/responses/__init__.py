"""``responses.stream``: its streams and events."""

from __future__ import annotations

from typing import Any

from modelmux.openai.lib.streaming.responses import _responses
from modelmux.openai.lib.streaming.responses._responses import (
    AsyncResponseStream,
    AsyncResponseStreamManager,
    ResponseStream,
    ResponseStreamManager,
    ResponseStreamState,
)


def __getattr__(name: str) -> Any:
    return getattr(_responses, name)


__all__ = [
    "AsyncResponseStream",
    "AsyncResponseStreamManager",
    "ResponseStream",
    "ResponseStreamManager",
    "ResponseStreamState",
]
