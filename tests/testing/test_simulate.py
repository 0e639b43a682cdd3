"""The simulator: virtual time, one seed, the library's own core."""

from __future__ import annotations

import math
import time

import pytest

import modelmux
from modelmux import errors
from modelmux.testing import Fault, Simulation


def three(seed, **options):
    sim = Simulation(seed)
    providers = [sim.provider(latency=sim.lognormal(0.4)) for _ in range(3)]
    return sim, providers, sim.mux(deadline=30, **options)


@pytest.mark.parametrize(
    ("fault", "count"),
    [("unavailable", 600), ("connection refused", 200), ("black hole", 200), ("cut, chunked", 200)],
)
def test_calls_over_three_equals_of_which_one_is_broken(fault, count):
    sim, providers, mux = three(1, ttft=5, on_break="buffer")
    providers[0].fail(fault)
    sim.workers(mux, workers=50, calls=count, stream=True)
    report = sim.run()
    assert len(report.calls) == count
    assert report.failed == []
    assert all(call.reply.text == "You said: Hello" for call in report.calls)
    healthy = [report.share(provider) for provider in providers[1:]]
    assert min(healthy) > 0.25
    assert report.requests(providers[0]) < count / 4
    assert all(provider.in_flight == 0 for provider in providers)


def test_the_same_seed_is_the_same_run_and_another_is_another():
    def run(seed):
        sim, providers, mux = three(seed)
        providers[1].flap("unavailable", up=2, down=1)
        sim.arrivals(mux, rate=40, seconds=5)
        report = sim.run()
        return [(call.began, call.ended) for call in report.calls], [tried[:3] for tried in report.tried]

    first = run(7)
    assert first == run(7)
    assert first != run(8)
    assert 120 < len(first[0]) < 280


def test_time_is_virtual_and_calls_run_side_by_side():
    sim = Simulation()
    provider = sim.provider(latency=10.0, pace=1.0)
    provider.reply(text=["a", "b"])
    mux = sim.mux()
    calls = [sim.call(mux, at=float(number)) for number in range(5)]
    streamed = sim.call(mux, at=5.0, stream=True)
    real = time.monotonic()
    sim.run()
    assert [call.ended - call.began for call in calls] == [10.0] * 5
    assert streamed.first == pytest.approx(16.0)
    assert streamed.ended > streamed.first
    assert provider.max_in_flight == 6
    assert time.monotonic() - real < 5


def test_the_world_changes_at_its_time():
    sim, providers, mux = three(3)
    sim.at(5, providers[2].fail, Fault(status=500))
    sim.at(15, providers[2].heal)
    sim.arrivals(mux, rate=8, seconds=60)
    report = sim.run(until=30)
    assert sim.now == 30
    half = len(report.calls)
    report = sim.run()
    assert len(report.calls) >= half
    assert report.failed == []
    broken = [tried for tried in report.tried if tried.status == "failed"]
    assert broken
    assert all(5 <= tried.at < 16 for tried in broken)
    assert {call.number for *_, call in broken} <= {call.number for call in report.calls}
    assert report.share(providers[2], 0, 5) > 0.2
    assert report.share(providers[2], 40, 60) > 0.2


def test_a_deadline_ends_a_call_to_the_moment():
    sim = Simulation()
    sim.provider().fail("black hole")
    call = sim.call(sim.mux(), deadline=7.5, at=2.0)
    sim.run()
    assert isinstance(call.error, errors.DeadlineExceeded)
    assert call.ended == 9.5
    assert len(call.attempts) == 1


def test_a_call_without_an_end_is_reported():
    sim = Simulation()
    sim.provider().fail(Fault(latency=math.inf))
    sim.call(sim.mux(attempt_timeout=None), give_up_after=None, deadline=1e12)
    report = sim.run(until=60)
    assert [call.seconds for call in report.failed] == [math.inf]


def test_a_caller_may_leave():
    sim = Simulation()
    provider = sim.provider(latency=5.0)
    call = sim.call(sim.mux(), give_up_after=2.0)
    report = sim.run()
    assert (call.given_up, call.ended, call.reply, report.failed) == (True, 2.0, None, [])
    assert [(request.outcome, request.ended - request.at) for request in provider.requests] == [("hung up", 2.0)]


def test_what_cannot_be_called_is_an_error_of_the_call():
    sim = Simulation()
    sim.provider()
    call = sim.call(sim.mux(), [])
    sim.run()
    assert isinstance(call.error, errors.InvalidRequest)
    assert call.attempts == ()


def test_a_simulation_reaches_no_network():
    sim = Simulation()
    mux = sim.mux([modelmux.Endpoint("openai/gpt-5-mini", base_url="http://127.0.0.1:9/v1", api_key="test-key")])
    sim.call(mux)
    with pytest.raises(TypeError, match="no network"):
        sim.run()


def test_limits_and_overload_are_kept_in_virtual_time():
    sim = Simulation()
    provider = sim.provider(latency=1.0, capacity=5)
    mux = sim.mux()
    provider.limit(rpm=120)
    sim.workers(mux, workers=20, calls=100, deadline=600)
    report = sim.run()
    assert provider.max_in_flight <= 6
    refused = sum(len(call.attempts) for call in report.calls) - sum(call.reply is not None for call in report.calls)
    assert refused == len(provider.requests) - sum(call.reply is not None for call in report.calls) > 0


@pytest.mark.parametrize("stream", [False, True])
def test_hedges_race_in_virtual_time_and_losers_hang_up(stream):
    def run(hedge):
        sim = Simulation(2)
        usual = sim.lognormal(0.3, 0.2)

        def latency(request):
            return usual(request) * (10 if sim.rng.random() < 0.05 else 1)

        providers = [sim.provider(vendor, latency=latency) for vendor in ("openai", "anthropic")]
        sim.workers(sim.mux(hedge=hedge, deadline=30), workers=10, calls=400, stream=stream)
        report = sim.run()
        assert report.failed == []
        assert [provider.in_flight for provider in providers] == [0, 0]
        return report, sum(provider.hung_up for provider in providers)

    (plain, left), (hedged, aborted) = run(None), run(0.2)
    assert left == 0
    assert 0 < aborted <= 80
    assert len(hedged.tried) == 400 + aborted
    assert hedged.percentile(0.98) < plain.percentile(0.98) / 2
