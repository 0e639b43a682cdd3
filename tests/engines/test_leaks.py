"""Calls that are left at any moment leave a row, and nothing else: no descriptor, task, thread, connection or slot."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import threading
import time
from pathlib import Path

import pytest

from modelmux import Endpoint, Mux
from modelmux.testing import VendorServer

SLOTS = 40


def descriptors() -> int:
    folder = Path("/proc/self/fd" if Path("/proc/self/fd").exists() else "/dev/fd")
    return len(os.listdir(folder))


def settled(condition: object, seconds: float = 2.0) -> bool:
    until = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


async def cancelled(mux: Mux, count: int, rng: random.Random) -> int:
    """Start and cancel calls, ``SLOTS`` + 10 at a time, so that some wait for a connection. Returns open slots."""

    async def one(stream: bool) -> None:
        if not stream:
            await mux.achat("one two three four five six")
            return
        async with mux.astream("one two three four five six") as events:
            async for _ in events:
                pass

    for done in range(0, count, SLOTS + 10):
        tasks = [asyncio.create_task(one(rng.random() < 0.5)) for _ in range(min(SLOTS + 10, count - done))]
        for task in rng.sample(tasks, len(tasks)):
            await asyncio.sleep(rng.random() * 0.002)
            task.cancel()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    await asyncio.sleep(0.05)
    assert len(asyncio.all_tasks()) == 1
    engine = mux._aengine_
    pools = [home.pool for home in engine._pools.values()]  # type: ignore[union-attr]
    assert all(not pool.waiting for pool in pools)
    await mux.aclose()
    return sum(pool.open for pool in pools)


def check(count: int) -> None:
    rng = random.Random(7)
    with VendorServer("openai", latency=0.01, pace=0.01) as server:
        asyncio.run(cancelled(_mux(server), 5, rng))  # what is opened once, for good, is no leak
        gc.collect()
        assert settled(lambda: not server.connections)
        before, threads = descriptors(), threading.active_count()
        mux = _mux(server)
        assert asyncio.run(cancelled(mux, count, rng)) == 0
        rows = mux.ledger.query()
        mux.close()
        assert all(row.state in ("cancelled", "ok") for row in rows)
        # A call that is cancelled before its task first runs was never made.
        assert len(rows) >= min(count, 10_000) * 0.5
        del mux
        gc.collect()
        assert settled(lambda: not server.connections)
        assert settled(lambda: descriptors() <= before and threading.active_count() <= threads)


def _mux(server: VendorServer) -> Mux:
    return Mux(Endpoint("openai/gpt-5-mini", base_url=server.base_url, api_key="test-key"), max_connections=SLOTS)


def test_a_few_hundred_cancelled_calls_leave_nothing() -> None:
    check(400)


@pytest.mark.full
def test_ten_thousand_cancelled_calls_leave_nothing() -> None:
    check(10_000)


@pytest.mark.parametrize("how", ["close", "generator exit", "forgotten"])
def test_a_sync_stream_left_early_leaves_nothing(how: str) -> None:
    with VendorServer("openai", pace=0.005) as server:
        mux = _mux(server)

        def pieces() -> object:
            with mux.stream("one two three four five six") as stream:
                yield from stream.text

        for _ in range(60):
            if how == "generator exit":
                reading = pieces()
                next(reading)  # type: ignore[call-overload]
                reading.close()  # type: ignore[attr-defined]
            else:
                stream = mux.stream("one two three four five six")
                next(iter(stream))
                if how == "close":
                    stream.close()
                del stream
        assert settled(lambda: not server.connections, 1.0)
        assert [row.state for row in mux.ledger.query()] == ["cancelled"] * 60
        assert mux._engine_._pool._pool.open == 0  # type: ignore[union-attr]
        mux.close()


def test_a_loop_that_ends_with_a_stream_half_read_hangs_up() -> None:
    with VendorServer("openai", pace=0.01) as server:
        mux = _mux(server)

        async def main() -> object:
            stream = mux.astream("one two three four five six")
            return await anext(aiter(stream)), stream

        kept = asyncio.run(main())
        del kept
        gc.collect()
        assert settled(lambda: not server.connections, 1.0)
        mux.close()
