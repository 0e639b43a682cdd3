"""From scores to an order. Every function gives positions of candidates, best first, and is deterministic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, log
from random import Random

_FLOOR = 0.01  # of the draws go to the more loaded of two, so that it is seen when it gets better


def ascending(scores: Sequence[float], ties: Sequence[float] | None = None) -> list[int]:
    """Least first; equal scores by ``ties``, then in the order given."""
    order: Sequence[int] = range(len(scores))
    if ties is not None and len(set(scores)) < len(scores):
        order = sorted(order, key=ties.__getitem__)
    return sorted(order, key=scores.__getitem__)


def descending(scores: Sequence[float], ties: Sequence[float] | None = None) -> list[int]:
    """Greatest first; equal scores by ``ties`` (least first), then in the order given."""
    return ascending([-score for score in scores], ties)


def shuffled(weights: Sequence[float], rng: Random) -> list[int]:
    """Drawn without putting back, each in proportion to its weight; those of weight 0 last, in the order given."""
    # The k-th order statistic of independent exponential times with these rates is such a draw (Efraimidis, Spirakis).
    times = [-log(1 - rng.random()) / weight if weight > 0 else inf for weight in weights]
    return ascending(times)


def two_choices(among: Sequence[int], load: Callable[[int, int], float], rng: Random) -> int:
    """One of ``among``: two are drawn, and the less loaded of them is taken by far the likelier.

    ``load(one, other)`` is what ``one`` has to bear, compared with ``other``. Taking the less loaded always would
    starve whoever had one slow answer, for want of a newer one; so the odds are the square of the loads.
    """
    count = len(among)
    first = int(rng.random() * count)
    second = int(rng.random() * (count - 1))
    one, other = among[first], among[second + (second >= first)]
    mine, theirs = load(one, other) ** 2, load(other, one) ** 2
    chance = theirs / (mine + theirs) if mine + theirs > 0 else 0.5
    return one if rng.random() < min(max(chance, _FLOOR), 1 - _FLOOR) else other


def led_by(order: list[int], leader: int) -> list[int]:
    """``order`` with ``leader`` in front."""
    if order[0] != leader:
        order.remove(leader)
        order.insert(0, leader)
    return order


def in_groups(groups: Sequence[int], within: Sequence[int]) -> list[int]:
    """Groups in rising order; inside a group, the order of ``within``."""
    return sorted(within, key=groups.__getitem__)
