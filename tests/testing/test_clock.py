"""Virtual time."""

from __future__ import annotations

import asyncio
import time

import pytest

from modelmux.testing import FakeClock


def test_sleeping_costs_no_time_and_moves_both_clocks():
    clock = FakeClock(time=1_000_000.0, monotonic=5.0)
    started = time.monotonic()
    clock.sleep(3_600)
    clock.advance(1.5)
    assert (clock.time(), clock.monotonic()) == (1_003_601.5, 3_606.5)
    assert clock.slept == [3_600]
    assert time.monotonic() - started < 1


def test_time_does_not_go_backwards():
    with pytest.raises(ValueError, match="backwards"):
        FakeClock().advance(-1)


def test_tasks_sleep_side_by_side_and_wake_in_order():
    clock = FakeClock(monotonic=0.0)
    woken = []

    async def nap(name, seconds):
        await clock.asleep(seconds)
        woken.append((name, clock.monotonic()))

    async def main():
        await asyncio.gather(nap("long", 10), nap("short", 1), nap("middle", 5), nap("twin", 5))

    asyncio.run(main())
    assert woken == [("short", 1.0), ("middle", 5.0), ("twin", 5.0), ("long", 10.0)]


def test_a_cancelled_sleeper_takes_no_time_along():
    clock = FakeClock(monotonic=0.0)

    async def main():
        sleeper = asyncio.ensure_future(clock.asleep(100))
        await asyncio.sleep(0)
        sleeper.cancel()
        await asyncio.gather(sleeper, return_exceptions=True)
        await clock.asleep(2)

    asyncio.run(main())
    assert clock.monotonic() == 2.0


def test_moving_the_time_wakes_those_whose_time_has_come():
    clock = FakeClock(monotonic=0.0)

    async def main():
        sleeper = asyncio.ensure_future(clock.asleep(10))
        await asyncio.sleep(0)
        clock.advance(60)
        await sleeper

    asyncio.run(main())
    assert clock.monotonic() == 60.0
