"""What the vendor's client does where nobody says otherwise."""

from __future__ import annotations

from typing import Any

from modelmux._dropin.timeouts import DEFAULT_TIMEOUT
from modelmux.anthropic._registry import registry

ANTHROPIC_API_VERSION = str(registry.file("facts")["ANTHROPIC_API_VERSION"])
DEFAULT_MAX_RETRIES = 2
LONG_REQUEST = 600
"""Seconds: what may take longer has to be streamed."""
TOKENS_AN_HOUR = 128_000
"""Output tokens that the vendor's clients reckon with."""


def __getattr__(name: str) -> Any:
    if name == "DEFAULT_CONNECTION_LIMITS":
        from modelmux.anthropic._base_client import DEFAULT_CONNECTION_LIMITS

        return DEFAULT_CONNECTION_LIMITS
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["ANTHROPIC_API_VERSION", "DEFAULT_MAX_RETRIES", "DEFAULT_TIMEOUT", "LONG_REQUEST", "TOKENS_AN_HOUR"]
