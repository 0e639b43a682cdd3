"""Times as vendors write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any


def seconds(text: Any) -> int | None:
    """Unix time of an RFC 3339 time."""
    if not isinstance(text, str):
        return None
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError, OSError):
        return None


def time_of(created: int | None) -> str:
    """The RFC 3339 time of a Unix time."""
    try:
        return datetime.fromtimestamp(created or 0, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return "1970-01-01T00:00:00Z"
