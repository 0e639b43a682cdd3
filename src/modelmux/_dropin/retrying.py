"""Whether a failed attempt is made again, and when: the vendors' SDKs' own rules."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz
from random import random

FIRST_DELAY = 0.5
LONGEST_DELAY = 8.0
RETRIED = frozenset({408, 409, 429})


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that ``retry-after-ms`` or ``retry-after`` (seconds or a date) ask for; None when they ask nothing."""
    millis = headers.get("retry-after-ms")
    if millis is not None:
        try:
            return float(millis) / 1000
        except ValueError:
            pass
    text = headers.get("retry-after")
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        pass
    moment = parsedate_tz(text)
    try:
        return None if moment is None else float(mktime_tz(moment) - time.time())
    except (ValueError, OverflowError):
        return None


def worth_it(status: int, headers: Mapping[str, str], *, longest: float | None) -> bool:
    """Whether this answer invites another attempt. ``longest``: a wait beyond this is not worth it; None for any."""
    said = headers.get("x-should-retry")
    if said == "false":
        return False
    if said != "true" and status not in RETRIED and status < 500:
        return False
    wait = asked_wait(headers)
    return not (longest is not None and wait is not None and wait > longest)


def delay(attempt: int, headers: Mapping[str, str] | None, *, honoured: float) -> float:
    """Seconds before retry number ``attempt`` (from 0). ``honoured``: the longest wait that a vendor may ask for."""
    if headers is not None:
        wait = asked_wait(headers)
        if wait is not None and 0 < wait <= honoured:
            return wait
    pause = min(FIRST_DELAY * 2.0 ** min(attempt, 1000), LONGEST_DELAY)
    return float(pause * (1 - 0.25 * random()))
