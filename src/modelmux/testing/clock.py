"""Virtual time: everything timed can be tested without waiting."""

from __future__ import annotations

import asyncio
from heapq import heapify, heappush
from itertools import count
from threading import Lock

SETTLE = 4
"""Turns of the event loop that other tasks get to go to sleep too, before the time moves."""


class FakeClock:
    """A :class:`~modelmux._clock.Clock` whose time moves only when somebody sleeps, or by :meth:`advance`.

    ``sleep`` returns at once, the time has passed. Tasks in ``asleep`` wake in the order of their deadlines: two
    tasks that sleep ten seconds side by side take ten, as on a real clock. ``slept`` lists every sleep asked for, in
    order, in seconds. Both clocks start where you say: ``time`` in seconds since the epoch.
    """

    def __init__(self, time: float = 1_767_225_600.0, monotonic: float = 1_000.0) -> None:
        self._epoch = time - monotonic
        self._now = monotonic
        self._sleepers: list[tuple[float, int]] = []
        self._numbers = count()
        self._lock = Lock()
        self.slept: list[float] = []

    def time(self) -> float:
        return self._epoch + self._now

    def monotonic(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move the time. Sleepers whose time has come wake at the loop's next turn."""
        if seconds < 0:
            raise ValueError(f"time does not go backwards ({seconds} s)")
        with self._lock:
            self._now += seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.elapse(seconds)

    async def asleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await self.aelapse(seconds)

    def elapse(self, seconds: float) -> None:
        """The time that something else takes: as :meth:`sleep`, but nobody sleeps."""
        self.advance(max(0.0, seconds))

    async def aelapse(self, seconds: float) -> None:
        """As :meth:`elapse`, side by side with everything that sleeps."""
        me = (self._now + max(0.0, seconds), next(self._numbers))
        heappush(self._sleepers, me)
        try:
            while self._now < me[0] or self._sleepers[0] < me:
                for _ in range(SETTLE):
                    await asyncio.sleep(0)
                if self._sleepers[0] == me:
                    with self._lock:
                        self._now = max(self._now, me[0])
        finally:
            self._sleepers.remove(me)
            heapify(self._sleepers)
