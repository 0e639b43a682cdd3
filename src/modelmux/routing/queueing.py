"""Wait here or go elsewhere: by when an answer can be expected."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

TOLERANCE = 0.1
"""Seconds that the policy's order is worth: who is sooner by less is not preferred for it."""


class Choice(NamedTuple):
    """``place`` of the endpoint to ask, None when none is ready in time. ``wait`` is seconds until it may be asked,
    or until the soonest of all may.
    """

    place: int | None
    wait: float


def choose(waits: Sequence[float], seconds: Sequence[float], deadline: float | None = None) -> Choice:
    """Which of the endpoints, given in the order of the policy, to ask.

    ``waits`` are seconds until each may be asked (inf for never), ``seconds`` how long each then takes, as far as is
    known; ``deadline`` is seconds from now. The first one that need not wait ends the search; before that, one is
    passed over for a later one whose answer is expected sooner by more than the tolerance. An endpoint whose wait
    reaches the deadline is not chosen; how long it takes after that does not exclude it, as it is a guess.
    """
    best: int | None = None
    for index, wait in enumerate(waits):
        if wait == inf or (deadline is not None and wait > 0 and wait >= deadline):
            continue
        if best is None or wait + seconds[index] + TOLERANCE < waits[best] + seconds[best]:
            best = index
        if wait <= 0:
            break
    if best is None:
        return Choice(None, min(waits, default=inf))
    return Choice(best, max(0.0, waits[best]))
