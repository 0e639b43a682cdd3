"""Numbers to rank by: expected seconds, a prior for quality, and the balance of both with cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from math import inf, log10
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelmux.endpoint import Target
    from modelmux.routing.health import Snapshot

COLD_TTFT = 0.8
COLD_PER_TOKEN = 0.015
"""Seconds to the first token, and per token after it, of an endpoint never tried: a middling one of today."""

CROWD = 16
"""Calls under way that double the expected time to the first token."""

_LEAST_HOPE = 0.05

COST_SHARE, TIME_SHARE, QUALITY_SHARE = 0.4, 0.2, 0.4
"""Shares of the balanced score."""

_COST_SPAN = 1.0  # a factor of ten
_TIME_SPAN = log10(4.0)
_QUALITY_SPAN = 0.2

_EPOCH = date(2024, 1, 1)


def latencies(names: Sequence[str], snapshot: Snapshot) -> tuple[list[float], list[float]]:
    """Seconds to the first token and per token, by endpoint: measured where known, else the prior; with the crowd
    and recent failures counted in.
    """
    count = len(names)
    ttft = list(map(snapshot.ttft.get, names, [COLD_TTFT] * count)) if snapshot.ttft else [COLD_TTFT] * count
    pace = list(map(snapshot.per_token.get, names, [COLD_PER_TOKEN] * count))
    if snapshot.in_flight:
        busy = snapshot.in_flight
        ttft = [t * (1 + busy[name] / CROWD) if name in busy else t for name, t in zip(names, ttft, strict=True)]
    return ttft, pace


def expected_seconds(
    names: Sequence[str], ttft: Sequence[float], pace: Sequence[float], output: int, snapshot: Snapshot
) -> list[float]:
    """Seconds until the whole answer is there, divided by the chance that the attempt succeeds at all."""
    seconds = [t + output * p for t, p in zip(ttft, pace, strict=True)]
    if snapshot.trouble:
        lost = snapshot.trouble
        seconds = [s / hope(name, snapshot) if name in lost else s for name, s in zip(names, seconds, strict=True)]
    return seconds


def hope(name: str, snapshot: Snapshot) -> float:
    """The chance that an attempt at ``name`` succeeds, as its recent failures leave it."""
    return max(_LEAST_HOPE, 1 - snapshot.trouble.get(name, 0.0))


def quality_prior(target: Target, blended: float | None) -> float:
    """How good a model probably is, 0 to 1, when nothing measured is known of it.

    The catalogue's own figure where it has one. Else a *prior* from two public facts, list price and release date:
    vendors charge more for stronger models, and at a given price newer ones are stronger. ``blended`` is the price of
    a million tokens (three parts input, one part output) in dollars, None where not known.
    """
    info = target.info
    if info is not None and info.quality is not None:
        return min(1.0, max(0.0, info.quality))
    prior = 0.45
    if blended is not None:
        prior += 0.15 * log10(max(blended, 0.01))
    if info is not None and info.released:
        prior += 0.08 * _years(info.released)
    return min(0.95, max(0.05, prior))


def _years(released: str) -> float:
    parts = released[:10].split("-")
    try:
        year, month, day = (int(part) for part in (*parts, "1", "1")[:3])
        return (date(year, month, day) - _EPOCH).days / 365.25
    except ValueError:
        return 0.0


def quality_terms(quality: Sequence[float]) -> list[float]:
    """The part of the balanced score that quality makes; the same for every request, so worth keeping."""
    best = max(quality, default=0.0)
    span = max(_QUALITY_SPAN, best - min(quality, default=0.0))
    return [QUALITY_SHARE * ((best - figure) / span) ** 2 for figure in quality]


def balanced(costs: Sequence[float], seconds: Sequence[float], terms: Sequence[float]) -> list[float]:
    """``0.4 C² + 0.2 T² + 0.4 Q²``: the lower, the better. Each term runs from 0 (the best candidate's) to 1.

    C is the logarithm of cost, T of seconds, Q quality itself (``terms`` from :func:`quality_terms`); each is the
    distance from the best candidate divided by the spread of all, but at least by a factor of ten in cost, four in
    time, and 0.2 in quality, so that small differences stay small. Squares make a candidate that is bad at one thing
    lose to one that is fair at all. Free counts as a tenth of the cheapest price, unknown as ten times the dearest.
    """
    xs, x0, a = _logarithms(costs, _COST_SPAN, COST_SHARE)
    ys, y0, b = _logarithms(seconds, _TIME_SPAN, TIME_SHARE)
    # a (x - x0)² + b (y - y0)², multiplied out: this runs for every endpoint of every call.
    p, q, rest = -2 * a * x0, -2 * b * y0, a * x0 * x0 + b * y0 * y0
    return [x * (a * x + p) + y * (b * y + q) + z + rest for x, y, z in zip(xs, ys, terms, strict=True)]


def _logarithms(values: Sequence[float], least_span: float, share: float) -> tuple[Sequence[float], float, float]:
    """Logarithms, the least of them, and the factor that makes the square of a distance from it a share."""
    lowest, highest = min(values), max(values)
    if highest == inf or lowest <= 0:
        values = _without_gaps(values)
        lowest, highest = min(values), max(values)
    if lowest == highest:
        return values, 0.0, 0.0
    base = log10(lowest)
    span = max(least_span, log10(highest) - base)
    return list(map(log10, values)), base, share / (span * span)


def _without_gaps(values: Sequence[float]) -> Sequence[float]:
    """Free and unknown as numbers: something free is taken for ten times cheaper than the cheapest that is not (a
    logarithm of nothing says nothing), something unknown for ten times dearer than the dearest.
    """
    known = [value for value in values if 0 < value < inf] or [1.0]
    free, unknown = min(known) / 10, max(known) * 10
    return [free if value <= 0 else unknown if value == inf else value for value in values]
