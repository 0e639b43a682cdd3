"""From scores to an order. Every function gives positions of candidates, best first, and is deterministic."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, log
from random import Random


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


def in_groups(groups: Sequence[int], within: Sequence[int]) -> list[int]:
    """Groups in rising order; inside a group, the order of ``within``."""
    return sorted(within, key=groups.__getitem__)
