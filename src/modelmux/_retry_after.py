"""How long a vendor asks us to wait, in every form vendors say it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_DURATION = re.compile(
    r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?"
)
_SCALE = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
_EPOCH_SECONDS = 1e9  # later than 2001: no vendor asks for a wait of thirty years
_EPOCH_MILLIS = 1e12

_HONOURED = frozenset({408, 409, 425, 429})


def parse_wait(text: str, *, now: float | None = None) -> float | None:
    """Seconds to wait, from ``12ms``, ``6m0s``, ``1h2m3s``, plain seconds, an RFC 3339 time, an HTTP date, or an epoch
    in seconds or milliseconds. None when it is none of these. Never negative. ``now`` is seconds since the epoch.
    """
    text = text.strip()
    if not text:
        return None
    now = time.time() if now is None else now
    try:
        number = float(text)
    except ValueError:
        return _duration(text) if text[0].isdigit() and text[-1] in "smhd" else _moment(text, now)
    if number != number or number in (float("inf"), float("-inf")):
        return None
    if number >= _EPOCH_MILLIS:
        number = number / 1000 - now
    elif number >= _EPOCH_SECONDS:
        number -= now
    return max(0.0, number)


def _duration(text: str) -> float | None:
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    return sum(float(group) * scale for group, scale in zip(match.groups(), _SCALE, strict=True) if group)


def _moment(text: str, now: float) -> float | None:
    for parse in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            moment = parse(text)
        except (ValueError, TypeError, OverflowError, IndexError):
            continue
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, moment.timestamp() - now)
    return None


def retry_after(headers: Mapping[str, str], status: int, *, now: float | None = None) -> float | None:
    """What ``retry-after-ms`` or ``retry-after`` ask for, in seconds; None when absent or not to be honoured.

    Some vendors send it with good answers too, where it means nothing: it is read on 429 and 5xx (and the three
    retryable 4xx) only. RFC 9110, section 10.2.3.
    """
    if status < 500 and status not in _HONOURED:
        return None
    millis = headers.get("retry-after-ms")
    if millis is not None:
        try:
            wait = float(millis)
        except ValueError:
            wait = -1.0
        if 0 <= wait < _EPOCH_MILLIS:
            return wait / 1000
    text = headers.get("retry-after")
    return None if text is None else parse_wait(text, now=now)


_LIMITS = (
    *((f"x-ratelimit-remaining-{of}", f"x-ratelimit-reset-{of}") for of in ("requests", "tokens")),
    ("x-ratelimit-remaining", "x-ratelimit-reset"),
    *(
        (f"anthropic-ratelimit-{of}-remaining", f"anthropic-ratelimit-{of}-reset")
        for of in ("requests", "tokens", "input-tokens", "output-tokens")
    ),
)


def limit_reset(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """Seconds until every limit that the headers call used up is renewed; None when none is, or nobody says when."""
    waits = [
        wait
        for remaining, reset in _LIMITS
        if headers.get(remaining) == "0" and (wait := parse_wait(headers.get(reset, ""), now=now))
    ]
    return max(waits, default=None)
