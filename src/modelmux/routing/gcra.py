"""A rate kept exactly: the generic cell rate algorithm, with reservations and give-backs.

The algorithm is that of ITU-T recommendation I.371 (virtual scheduling): a *theoretical arrival time* moves on by
``amount / rate`` with every admission, and an admission may come earlier than that by what ``burst`` allows. So in any
span of ``w`` seconds at most ``burst + rate * w`` passes, and both are chosen such that a minute of it is at most 98 %
of the limit.

Every admission is at a time of its own, which may lie ahead: whoever waits is told when to go, one after another. What
is given back (a call that was not sent, tokens that were not written) is taken out as if it had never been, which is
less than subtracting it: a bucket that ran empty since has forgotten it, and must not be credited for it. For that the
admissions of a busy spell are remembered as far as they bound the arrival time: with ``A`` the sum of all amounts and
``v = start - (A before it) / rate`` of each, the arrival time is ``A / rate + max(v)``, and without one admission it is
the same over the others.
"""

from __future__ import annotations

from bisect import bisect_right
from math import inf

SHARE = 0.98
"""The share of a limit that is used: vendors count by clocks of their own."""

BURST = 0.08
"""The share of a minute's limit that may pass at once. What is left for the steady rate is 90 %."""

_MARKS = 64  # admissions remembered; beyond, neighbours are merged to the careful side


class Gcra:
    """At most 98 % of ``limit`` in any ``per`` seconds. ``at`` and ``start`` are seconds on one steady clock.

    A limit of 1 lets 1 through. Amounts may be larger than the burst: they then wait for the bucket to have been
    empty long enough. An amount above ``most`` never passes.
    """

    __slots__ = ("_before", "_given", "_made", "_numbers", "_values", "burst", "limit", "most", "rate")

    def __init__(self, limit: float, per: float = 60.0) -> None:
        self.limit = limit
        self.most = max(1.0, SHARE * limit)
        self.burst = max(1.0, BURST * limit)
        left = SHARE * limit - self.burst
        self.rate = (left if left > 0 else SHARE * limit) / per
        self._given = 0.0  # A, since the busy spell began
        self._made = 0
        self._numbers: list[int] = []  # the admissions that bound the arrival time, in order,
        self._values: list[float] = []  # and their v, falling
        self._before: tuple[int, float, list[int], list[float]] | None = None  # what the spell's first one replaced

    def earliest(self, amount: float, at: float) -> float:
        """When ``amount`` may pass, ``at`` or later; inf if never."""
        if amount > self.most:
            return inf
        if amount <= 0 or not self._values:
            return at
        start = self._given / self.rate + self._values[0] + (amount - self.burst) / self.rate
        return max(at, start)

    def take(self, amount: float, start: float) -> int:
        """Admit ``amount`` at ``start``, which is no earlier than :meth:`earliest` said. Returns its number.

        Unchecked: what was used in spite of the limit is noted by the same call.
        """
        self._made = number = self._made + 1
        numbers, values = self._numbers, self._values
        if not values or start >= self._given / self.rate + values[0]:
            self._before = (number, self._given, numbers, values)
            self._given, self._numbers, self._values = amount, [number], [start]
            return number
        value = start - self._given / self.rate
        while values[-1] <= value:
            numbers.pop()
            values.pop()
        numbers.append(number)
        values.append(value)
        self._given += amount
        if len(values) >= _MARKS:
            self._numbers, self._values = numbers[1::2], values[0::2]
        return number

    def reserve(self, amount: float, at: float, patience: float = inf) -> tuple[float, int] | None:
        """A start within ``patience`` seconds, and its number; None if there is none, and then nothing is taken."""
        start = self.earliest(amount, at)
        if start > at + patience or start == inf:
            return None
        return start, self.take(amount, start)

    def give_back(self, number: int, amount: float) -> None:
        """Take ``amount`` of the admission ``number`` out again, all of it or a part."""
        before = self._before
        if before is not None and before[0] == number == self._made and amount == self._given:
            _, self._given, self._numbers, self._values = before
            self._before = None
            return
        later = bisect_right(self._numbers, number)
        if later == 0:
            return  # the bucket ran empty since
        self._given -= amount
        if later < len(self._numbers):
            shifted = [value + amount / self.rate for value in self._values[later:]]
            keep = later
            while keep and self._values[keep - 1] <= shifted[0]:
                keep -= 1
            self._numbers = self._numbers[:keep] + self._numbers[later:]
            self._values = self._values[:keep] + shifted

    def correct(self, number: int, difference: float, at: float) -> None:
        """The admission turned out to be ``difference`` more (counted now) or, when negative, less than taken."""
        if difference < 0:
            self.give_back(number, -difference)
        elif difference > 0:
            self.take(difference, at)
