"""The clock as a value, so that everything timed can be tested without waiting."""

from __future__ import annotations

from time import monotonic, sleep, time
from typing import Protocol


class Clock(Protocol):
    """``time`` is seconds since the epoch, ``monotonic`` seconds since some fixed moment. Both sleeps take seconds."""

    def time(self) -> float: ...

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...

    async def asleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clock."""

    time = staticmethod(time)
    monotonic = staticmethod(monotonic)
    sleep = staticmethod(sleep)

    async def asleep(self, seconds: float) -> None:
        import asyncio  # here, for the programs that never use it

        await asyncio.sleep(seconds)
