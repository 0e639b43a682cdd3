"""Whoever was given leave to send gives it back, however the attempt ended: nothing stays in flight."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
import time

import pytest

from modelmux import Mux, errors
from modelmux._engines import Direct
from modelmux.routing.hedging import Hedge
from modelmux.testing import FakeClock, FakeProvider, Fault

OPENAI, CLAUDE = "openai/gpt-5-mini", "anthropic/claude-haiku-4-5"


class World:
    """Two vendors in the process, each with a limit of calls at a time, so that slots are kept too."""

    def __init__(self, clock=None) -> None:
        options = {} if clock is None else {"clock": clock}
        self.openai = FakeProvider("openai", **options)
        self.claude = FakeProvider("anthropic", **options)
        self.clock = clock

    def mux(self, *, client=None, **options) -> Mux:
        first = {} if client is None else {"http_client": client}
        models = [
            self.openai.endpoint(OPENAI, concurrency=50, tpm=10_000_000, **first),
            self.claude.endpoint(CLAUDE, concurrency=50, tpm=10_000_000),
        ]
        if self.clock is not None:
            options["clock"] = self.clock
        return Mux(models, policy="priority", seed=1, **options)


def judge(mux: Mux) -> None:
    """Nothing is in flight, and as many calls as the limit says find room at once."""
    state = mux._state
    assert state._limits._flying == {}
    assert state._health._in_flight == {}
    assert all(not breaker.probe for table in state._breakers._known for breaker in table.values())


@pytest.fixture
def world() -> World:
    return World(FakeClock())


def run(mux: Mux, flavour: str, *, stream: bool, **options):
    if flavour == "sync":
        if not stream:
            return mux.chat("hi", **options)
        with mux.stream("hi", **options) as events:
            return events.reply

    async def main():
        if not stream:
            return await mux.achat("hi", **options)
        async with mux.astream("hi", **options) as events:
            return await events.areply()

    return asyncio.run(main())


FAULTS = {
    "none": Fault(),
    "500": Fault(status=500),
    "429": Fault(status=429, retry_after=1),
    "context": Fault(kind="context"),
    "filter": Fault(kind="filter"),
    "key": Fault(kind="key"),
    "reset": Fault(reset=True),
    "cut": Fault(cut_after=60),
    "malformed": Fault(body="[]"),
    "late": Fault(first_token_after=40, latency=40),
}


@pytest.mark.parametrize("hedge", [None, Hedge(share=1.0, after=0.5)], ids=["plain", "hedged"])
@pytest.mark.parametrize("everywhere", [False, True], ids=["one", "both"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("name", FAULTS)
def test_after_success_and_failure(world, name, stream, everywhere, hedge) -> None:
    world.openai.fail(FAULTS[name])
    if everywhere:
        world.claude.fail(FAULTS[name])
    with world.mux(hedge=hedge) as mux:
        for flavour in ("async",) if hedge else ("sync", "async"):
            for _ in range(3):
                with contextlib.suppress(errors.ModelmuxError):
                    run(mux, flavour, stream=stream, deadline=100.0)
        judge(mux)


@pytest.mark.parametrize("how", ["close", "forgotten", "error in the block", "early in the block"])
def test_after_a_stream_that_was_left(world, how) -> None:
    with world.mux() as mux:
        stream = mux.stream("hi")
        next(iter(stream))
        if how == "close":
            stream.close()
        elif how == "error in the block":
            with pytest.raises(ZeroDivisionError), stream:
                raise ZeroDivisionError
        elif how == "early in the block":
            with stream:
                pass
        del stream
        gc.collect()
        judge(mux)


@pytest.mark.parametrize("hedge", [None, Hedge(share=1.0, after=0.001)], ids=["plain", "hedged"])
@pytest.mark.parametrize("turns", range(12))
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_after_a_task_cancelled_at_any_turn_of_the_loop(turns, stream, hedge) -> None:
    world = World()
    world.openai.fail(Fault(latency=0.02))
    world.claude.fail(Fault(latency=0.02))
    mux = world.mux(hedge=hedge)

    async def one():
        if not stream:
            return await mux.achat("hi")
        async with mux.astream("hi") as events:
            return await events.areply()

    async def main() -> None:
        task = asyncio.create_task(one())
        for _ in range(turns):
            await asyncio.sleep(0 if turns < 8 else 0.004)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for _ in range(5):
            await asyncio.sleep(0)
        judge(mux)
        await mux.aclose()

    asyncio.run(main())
    judge(mux)


class Interrupted(Direct):
    """A client in whose calls the user presses Ctrl+C, or that has a fault of its own."""

    def __init__(self, inner: FakeProvider, error: BaseException, after: int) -> None:
        self.inner, self.error, self.after = inner, error, after

    def open(self, request, deadline):
        if not self.after:
            raise self.error
        stream = self.inner.open(request, deadline)
        reads, read = [], stream.read

        def interrupted(by):
            reads.append(by)
            if len(reads) >= self.after:
                raise self.error
            return read(by)

        stream.read = interrupted
        return stream

    async def aopen(self, request, deadline):
        raise self.error


@pytest.mark.parametrize("hedge", [None, Hedge(share=1.0, after=5.0)], ids=["plain", "hedged"])
@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), RuntimeError("its own")], ids=repr)
def test_after_an_interruption(world, error, after, hedge) -> None:
    world.openai.reply(text=["a"] * 50)
    with world.mux(client=Interrupted(world.openai, error, after), hedge=hedge) as mux:
        with pytest.raises(type(error)):
            run(mux, "sync", stream=after > 0)
        judge(mux)
        if not after:
            with pytest.raises(type(error)):
                run(mux, "async", stream=True)
            judge(mux)


@pytest.mark.parametrize("of", ["intent", "outcome"])
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_after_books_that_cannot_be_written(world, of, stream, monkeypatch) -> None:
    with world.mux() as mux:

        def refuse(row):
            raise errors.JournalFull("the disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(mux._recorder, of, refuse)
            for flavour in ("sync", "async"):
                with pytest.raises(errors.JournalFull):
                    run(mux, flavour, stream=stream)
        judge(mux)


def test_a_vendor_is_not_blamed_for_books_that_cannot_be_written(world, monkeypatch) -> None:
    """And the health of what failed is known all the same."""
    world.openai.fail(Fault(status=401))
    with world.mux() as mux:

        def refuse(row):
            raise errors.JournalFull("the disk is full")

        with monkeypatch.context() as patched:
            patched.setattr(mux._recorder, "outcome", refuse)
            with pytest.raises(errors.JournalFull):
                mux.chat("hi")
        judge(mux)
        assert mux.chat("hi").provider == "anthropic"
        assert len(world.openai.requests) == 1


# --- races in threads ---------------------------------------------------------------------------------------------


def hedges_are_over() -> None:
    for thread in threading.enumerate():
        if "hedge" in thread.name:
            thread.join(5.0)
            assert not thread.is_alive()


def test_a_loser_that_cannot_be_aborted_in_time_does_not_spoil_the_answer() -> None:
    """A client of the user's has no way to be interrupted: its leg ends by itself, later."""
    world = World()
    world.openai.fail(Fault(latency=0.2))
    world.claude.fail(Fault(latency=2.0))
    with world.mux(hedge=Hedge(share=1.0, after=0.05)) as mux:
        assert mux.chat("hi").provider == "openai"
        hedges_are_over()
        judge(mux)
        states = {row.endpoint: row.state for row in mux.ledger.query()}
        assert states[OPENAI] == "ok"
        assert states[CLAUDE] in ("ok", "cancelled")


def test_a_hedge_that_has_leave_when_the_race_is_over_gives_it_back(monkeypatch) -> None:
    """The other one answers at the very moment in which the hedge is given leave."""
    world = World()
    world.openai.fail(Fault(latency=0.15))
    with world.mux(hedge=Hedge(share=1.0, after=0.05)) as mux:
        claim, over = mux._state.claim, threading.Event()

        def slow(scopes, *args, **options):
            answer = claim(scopes, *args, **options)
            if scopes.endpoint == CLAUDE:
                over.wait(0.6)
            return answer

        monkeypatch.setattr(mux._state, "claim", slow)
        assert mux.chat("hi").provider == "openai"
        judge(mux)
        assert world.claude.requests == []


def test_without_a_thread_to_spare_the_first_one_goes_alone(monkeypatch) -> None:
    world = World()
    world.openai.fail(Fault(latency=0.1))

    def refuse(self) -> None:
        raise RuntimeError("can't start new thread")

    with world.mux(hedge=Hedge(share=1.0, after=0.02)) as mux:
        mux.chat("hi")
        monkeypatch.setattr(threading.Thread, "start", refuse)
        assert mux.chat("hi").provider == "openai"
        judge(mux)


def test_ctrl_c_while_the_hedge_runs() -> None:
    """The one in this thread is interrupted: the other is aborted, and what the user sees is the interruption."""
    world = World()
    world.claude.fail(Fault(latency=2.0))

    class Late(Direct):
        def open(self, request, deadline):
            time.sleep(0.2)
            raise KeyboardInterrupt

        async def aopen(self, request, deadline):
            raise KeyboardInterrupt

    mux = world.mux(client=Late(), hedge=Hedge(share=1.0, after=0.05))
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        mux.chat("hi")
    assert time.monotonic() - began < 1.9
    hedges_are_over()
    judge(mux)
    mux.close()
