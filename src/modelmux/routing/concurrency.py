"""How many calls at a time: a fixed number, and one that adapts while a vendor refuses calls.

Additive increase, multiplicative decrease (Chiu and Jain 1989; TCP's congestion avoidance, RFC 5681): the first
refusal for want of capacity sets a limit below what was in flight, each limit's worth of successes raises it by one,
and after some quiet minutes it is forgotten.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from random import Random

DECREASE = 0.7
FORGET = 180.0
"""Seconds without a refusal after which the learnt limit is gone."""

_GRACE = 0.02  # seconds that a place in the line is kept for who was told to come back
_SHORTEST = 0.005
_OFTEN = 0.5
_FEW = 2  # calls under way of which a refusal does not say that they are too many at a time
_FIRST_GUESS = 0.2  # seconds a call takes, until one was seen


class Slots:
    """The calls in flight that one scope allows. The count of them is the caller's; times are on one steady clock."""

    __slots__ = ("_cut_at", "_line", "_service", "cap", "limit")

    def __init__(self, cap: int | None = None) -> None:
        self.cap = cap
        self.limit: float | None = None
        self._cut_at = 0.0
        self._service = 0.0
        self._line: deque[float] = deque()  # when they come back who were told so, the soonest first

    @property
    def most(self) -> int | None:
        """How many may be in flight; None for any number."""
        if self.limit is None:
            return self.cap
        learnt = max(1, int(self.limit))
        return learnt if self.cap is None else min(self.cap, learnt)

    def room(self, in_flight: int, at: float, waited: bool = False) -> bool:
        """Whether one more may start. Who has ``waited`` goes before who comes now."""
        most = self.most
        if most is None or in_flight < most:
            if most is None or waited:
                return True
            return in_flight + self._ahead(at) < most
        return False

    def entered(self, waited: bool) -> None:
        """One more started; who had ``waited`` leaves the line."""
        if waited and self._line:
            self._line.popleft()

    def expected(self, at: float) -> float:
        """When a call that comes now can expect to start, all others being taken."""
        return at + max(_SHORTEST, self._turn * (self._ahead(at) + 1))

    def comes_back(self, at: float, rng: Random, patience: float = 0.0, waited: bool = False) -> float:
        """When to ask again: before as many turns as there are others ahead, and then every part of a turn, so that no
        place stays empty for long. Within ``patience`` a place in the line is kept; who has ``waited`` keeps his.
        """
        if waited:
            wait = min(_OFTEN, self._turn) * (0.5 + 0.5 * rng.random())
            if self._line:
                self._line.popleft()
        else:
            wait = (self.expected(at) - at) * (0.8 + 0.2 * rng.random())
        wait = max(_SHORTEST * (0.5 + 0.5 * rng.random()), wait)
        if wait <= patience:
            insort(self._line, at + wait)
        return at + wait

    @property
    def _turn(self) -> float:
        """Seconds from one free place to the next."""
        return (self._service or _FIRST_GUESS) / max(1, self.most or 1)

    def left(self, at: float, seconds: float | None, in_flight: int) -> None:
        """A call ended well after ``seconds``; ``in_flight`` counts it."""
        if seconds is not None:
            self._service = seconds if not self._service else 0.9 * self._service + 0.1 * seconds
        if self.limit is None:
            return
        if at - self._cut_at > FORGET:
            self.limit = None
        elif in_flight * 2 >= self.limit:  # one that is not used up says nothing about more
            self.limit += 1 / self.limit

    def refused(self, at: float, started: float, in_flight: int) -> bool:
        """A call that began at ``started`` was refused for want of capacity; ``in_flight`` counts it.

        One decrease a round trip: calls that were under way at the last one tell nothing new, and then it is False.
        """
        if self.limit is None:
            if in_flight <= _FEW:
                return True
        elif started < self._cut_at:
            return False
        current = in_flight if self.limit is None else min(self.limit, in_flight)
        self.limit = max(1.0, current * DECREASE)
        self._cut_at = at
        return True

    def idle(self, at: float) -> bool:
        """Whether nothing is limited any more."""
        if self.limit is not None and at - self._cut_at > FORGET:
            self.limit = None
        return self.most is None

    def _ahead(self, at: float) -> int:
        line = self._line
        while line and line[0] < at - _GRACE:
            line.popleft()
        return len(line)
