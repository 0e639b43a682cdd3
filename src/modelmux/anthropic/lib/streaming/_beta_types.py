"""The events of beta messages' streams, under the vendor's path."""

from __future__ import annotations

from typing import Any

from modelmux.anthropic.lib.streaming import _types


def __getattr__(name: str) -> Any:
    found = _types.BETA.get(name) or getattr(_types, name, None)
    if found is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return found
