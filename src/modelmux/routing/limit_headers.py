"""What answers say about the vendor's limits: how much is left, of what, until when.

Which headers say so is data: the two families below, and what a provider's row adds (``[[limits.headers]]``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from modelmux._retry_after import parse_wait
from modelmux.providers import LimitHeader

LONGEST = 600.0
"""Seconds that a used-up limit keeps an endpoint unasked at most. Resets name the moment when all is there again, up to
a day ahead, where much less is enough for one call: after this time it is asked, and says anew.
"""

_PART = 0.1  # of the window that is waited where no header names a reset


def _family(of: str, name: str, window: float = 60.0) -> LimitHeader:
    remaining, reset, limit = (f"x-ratelimit-{part}{name}" for part in ("remaining", "reset", "limit"))
    return LimitHeader(of, remaining, reset, limit, window)


COMMON: tuple[LimitHeader, ...] = (
    _family("requests", "-requests"),
    _family("tokens", "-tokens"),
    _family("requests", ""),
)
"""The names that most vendors share. A row without ``limits.headers`` is read by these."""


class Left(NamedTuple):
    """``left`` of the dimension ``of`` (``requests``, ``tokens``, ``input_tokens``, ``output_tokens``), where that is
    ``low`` until ``seconds`` from now. ``limit`` is the whole, None where not said.
    """

    of: str
    left: int
    low: bool
    seconds: float = 0.0
    limit: int | None = None


def read(
    headers: Mapping[str, str], names: Sequence[LimitHeader], requests: float, tokens: float, now: float
) -> list[Left]:
    """What ``headers`` say is left. It is low below ``requests`` or ``tokens``, and only then is the rest read.

    ``now`` is seconds since the epoch, used where the answer carries no date of its own. Values that make no sense are
    passed over. Of two headers about one dimension the lower one counts.
    """
    found: dict[str, Left] = {}
    for name in names:
        text = headers.get(name.remaining)
        if text is None or (left := _count(text)) is None:
            continue
        known = found.get(name.of)
        if left >= (requests if name.of == "requests" else tokens):
            if known is None:
                found[name.of] = Left(name.of, left, low=False)
        elif (known is None or not known.low or left < known.left) and (wait := _reset(headers, name, now)) > 0:
            found[name.of] = Left(name.of, left, True, min(wait, LONGEST), _count(headers.get(name.limit, "")))
    return list(found.values())


def _count(text: str) -> int | None:
    """A count; None for what is none. Vendors send -1 for an unknown one."""
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if 0 <= number < 1e18 else None


def _reset(headers: Mapping[str, str], name: LimitHeader, now: float) -> float:
    text = headers.get(name.reset)
    wait = None
    if text is not None:
        # A moment is meant by the vendor's clock, which the answer's date shows.
        wait = parse_wait(text, now=now if text.endswith(("s", "h", "d")) else _date(headers, now))
    return name.window * _PART if wait is None else wait


def _date(headers: Mapping[str, str], now: float) -> float:
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError, IndexError, OverflowError):
        return now
