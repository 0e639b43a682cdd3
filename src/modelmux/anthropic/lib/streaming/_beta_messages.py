"""Streams of beta messages, under the vendor's path."""

from __future__ import annotations

from modelmux.anthropic.lib.streaming._messages import (
    BetaAsyncMessageStream,
    BetaAsyncMessageStreamManager,
    BetaMessageStream,
    BetaMessageStreamManager,
)

__all__ = [
    "BetaAsyncMessageStream",
    "BetaAsyncMessageStreamManager",
    "BetaMessageStream",
    "BetaMessageStreamManager",
]
