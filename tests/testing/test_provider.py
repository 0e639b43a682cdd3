"""A vendor inside the process behaves as the server on a socket does, and takes no time."""

from __future__ import annotations

import asyncio
import time

import pytest

import modelmux
from modelmux.testing import FAULTS, FakeClock, FakeProvider, Fault, VendorServer

CHEAP = ["connection silent", "black hole", "late first token", "late first token, pings", "gzip bomb"]


@pytest.fixture
def clock():
    return FakeClock()


def mux_of(clock, *providers, **options):
    return modelmux.Mux([provider.endpoint() for provider in providers], policy="priority", clock=clock, **options)


@pytest.mark.parametrize("vendor", ["openai", "anthropic", "gemini"])
def test_it_answers_calls_and_streams_as_its_vendor(clock, vendor):
    provider = FakeProvider(vendor, clock=clock)
    provider.reply(text=["Hel", "lo"], usage={"input": 9, "output": 2}, times=2)
    with mux_of(clock, provider) as mux:
        reply = mux.chat("Hi")
        assert (reply.text, reply.usage["input"], reply.usage["output"]) == ("Hello", 9, 2)
        with mux.stream("Hi") as stream:
            assert list(stream.text) == ["Hel", "lo"]
    assert [request.outcome for request in provider.requests] == ["answered", "answered"]
    assert provider.requests[0].headers["host" if "host" in provider.requests[0].headers else "content-type"]


def test_it_sends_what_the_server_sends(clock):
    """The same script, through a socket and without one: the same reply, warnings and all."""
    replies = []
    with VendorServer("openai") as server:
        provider = FakeProvider("openai", clock=clock)
        for vendor in (server, provider):
            vendor.reply(tool_calls=[{"name": "weather", "arguments": {"city": "Seoul"}}], reasoning="hm", text="so")
            with modelmux.Mux([vendor.endpoint("gpt-5")]) as mux:
                reply = mux.chat("Hi")
                replies.append((reply.text, reply.tool_calls, reply.usage, reply.finish, reply.raw, reply.cost))
    assert replies[0] == replies[1]


def test_latency_and_pace_pass_on_the_clock_alone(clock):
    provider = FakeProvider("openai", clock=clock, latency=30.0, pace=2.0)
    provider.reply(text=["a", "b", "c"])
    began, real = clock.monotonic(), time.monotonic()
    with mux_of(clock, provider) as mux, mux.stream("Hi") as stream:
        events = [(event, clock.monotonic() - began) for event in stream]
    deltas = [at for event, at in events if isinstance(event, modelmux.types.TextDelta)]
    assert deltas == [32.0, 34.0, 36.0]
    assert time.monotonic() - real < 5
    assert clock.slept == []  # the vendor took that time: nobody slept


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_of_the_table_ends_by_the_deadline(clock, name, stream):
    provider = FakeProvider("openai", clock=clock)
    provider.fail(name)
    began = clock.monotonic()
    with mux_of(clock, provider, deadline=8, max_response_bytes=1 << 20) as mux:
        try:
            if stream:
                with mux.stream("Hi") as live:
                    for _ in live:
                        pass
            else:
                mux.chat("Hi")
        except modelmux.ModelmuxError as error:
            assert error.receipt is not None  # noqa: PT017  # some faults leave a good answer
    assert clock.monotonic() - began <= 8
    assert provider.in_flight == 0


def test_calls_wait_side_by_side_on_an_event_loop(clock):
    provider = FakeProvider("openai", clock=clock, latency=10.0)

    async def main():
        async with mux_of(clock, provider) as mux:
            return await asyncio.gather(*(mux.achat(f"number {number}") for number in range(20)))

    began = clock.monotonic()
    replies = asyncio.run(main())
    assert [reply.text for reply in replies] == [f"You said: number {number}" for number in range(20)]
    assert provider.max_in_flight == 20
    assert clock.monotonic() - began == 10.0


def test_a_cancelled_task_hangs_up(clock):
    provider = FakeProvider("openai", latency=60.0)

    async def main():
        async with modelmux.Mux([provider.endpoint()]) as mux:
            task = asyncio.create_task(mux.achat("Hi"))
            while not provider.in_flight:
                await asyncio.sleep(0.001)
            task.cancel()
            await asyncio.wait([task])
            return task.cancelled()

    assert asyncio.run(main())
    assert (provider.in_flight, provider.hung_up) == (0, 1)


def test_a_stream_left_early_hangs_up(clock):
    provider = FakeProvider("openai", clock=clock, pace=1.0)
    with mux_of(clock, provider) as mux, mux.stream("one two three four") as stream:
        next(iter(stream))
    assert [request.outcome for request in provider.requests] == ["hung up"]


def test_it_goes_down_and_comes_back_by_the_clock(clock):
    provider = FakeProvider("openai", clock=clock)

    def works():
        with mux_of(clock, provider) as mux:
            try:
                return mux.chat("Hi", deadline=1).text == "You said: Hi"
            except modelmux.ModelmuxError:
                return False

    for how in ("refuse", "silent", "close", "reset"):
        provider.fail(Fault(down=how), seconds=60)
        assert not works()
        clock.advance(60)
        assert works()
    provider.flap("connection refused", up=100, down=100)
    assert works()
    clock.advance(150)
    assert not works()
    provider.heal()
    assert works()
    provider.fail("connection refused")
    provider.reset()
    assert works()


def test_what_would_wait_for_ever_says_so(clock):
    provider = FakeProvider("openai", clock=clock)
    provider.fail("black hole")
    with mux_of(clock, provider) as mux, pytest.raises((RuntimeError, modelmux.ModelmuxError)):
        mux.chat("Hi")


def test_two_providers_have_origins_of_their_own(clock):
    one, other = FakeProvider("openai", name="one", clock=clock), FakeProvider("openai", name="other", clock=clock)
    one.fail("unavailable")
    with mux_of(clock, one, other) as mux:
        assert mux.chat("Hi").text == "You said: Hi"
    assert other.base_url == "http://other.test/v1"
    assert (len(one.requests) > 0, len(other.requests)) == (True, 1)
