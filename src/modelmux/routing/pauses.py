"""A vendor said "too many": nobody asks before the wait is over, and then one after another."""

from __future__ import annotations

from random import Random

FIRST_WAIT = 0.25
LONGEST_WAIT = 30.0
"""Seconds of the first and the longest wait where the vendor names none. The wait doubles with every refusal."""

_SPREAD = 2.0  # seconds after a pause during which calls are let out one by one
_JITTER = 0.25  # seconds at most that are added to a wait, so that processes don't end it together
_FEWEST, _FASTEST = 5.0, 0.005


class Pause:
    """One scope's wait. Times are seconds on one steady clock."""

    __slots__ = ("_gap", "_next", "_said_at", "_streak", "until", "why")

    def __init__(self) -> None:
        self.until = 0.0
        self.why = ""
        self._said_at = -1.0
        self._streak = 0
        self._next = 0.0
        self._gap = 0.0

    def hit(self, at: float, started: float, asked: float | None, in_flight: int, rng: Random) -> None:
        """A call that began at ``started`` was refused at ``at``; ``asked`` is the vendor's Retry-After in seconds.

        Calls that were under way at the last refusal say nothing new, unless they name a later time.
        """
        fresh = started >= self._said_at
        if not fresh and asked is None:
            return
        if fresh:
            self._streak += 1
            self._said_at = at
        if asked is None:
            wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(self._streak - 1, 16)) * (0.5 + 0.5 * rng.random())
        else:
            wait = asked + min(_JITTER, 0.1 * asked) * rng.random()
        if at + wait > self.until:
            # As many a second as were under way when it was too much, but for the first two seconds.
            self._gap = max(_FASTEST, 1.0 / max(_FEWEST, in_flight))
            self.until = self._next = at + wait
            self.why = "the vendor asked to wait" if asked is not None else "waiting after a refusal"

    def earliest(self, at: float) -> float:
        """When the next call may start: the end of the wait, or its turn after it."""
        return max(at, self._next)

    def release(self, start: float, rng: Random) -> None:
        """A call starts at ``start``; the next one has its turn a little later."""
        if start <= max(self.until + _SPREAD, self._next):
            self._next = start + self._gap * (0.5 + rng.random())

    def succeeded(self, started: float, at: float) -> bool:
        """A call that began at ``started`` went well. True once nothing is left to remember."""
        if started >= self.until:
            self._streak = 0
        return self._streak == 0 and at > max(self.until + _SPREAD, self._next)
