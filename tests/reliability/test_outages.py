"""Outages in virtual time: many calls, many seeds, the very generator of every call and nothing of it replaced."""

from __future__ import annotations

import pytest

from modelmux.routing.hedging import Hedge
from modelmux.testing import Fault, Simulation
from modelmux.testing.faults import NEVER

SEEDS = 50
MANY = 1000

BROKEN = {
    "500": Fault(status=500),
    "503": Fault(status=503),
    "529": Fault(status=529),
    "429": Fault(status=429),
    "429 with Retry-After": Fault(status=429, retry_after=5),
    "401": Fault(status=401),
    "refused": Fault(down="refuse"),
    "reset": Fault(reset=True),
    "cut body": Fault(cut_after=40),
    "HTML": Fault(status=200, body="<html>hi</html>", content_type="text/html"),
    "wrong JSON": Fault(status=200, body="[]", content_type="application/json"),
    "slow failure": Fault(status=500, latency=0.5),
    "black hole": Fault(latency=NEVER),
}


def three_equals(
    seed: int, fault: Fault, *, calls: int = 350, heal_at: float | None = None, median: float = 0.2, **options
):
    """Three equal backends, the first one broken, 20 callers."""
    sim = Simulation(seed)
    backends = [sim.provider(latency=sim.lognormal(median)) for _ in range(3)]
    backends[0].fail(fault)
    mux = sim.mux(**options)
    if heal_at is not None:
        sim.at(heal_at, backends[0].heal)
    sim.workers(mux, workers=20, calls=calls)
    return sim, backends, sim.run()


def judge_one_of_three(fault: Fault, seed: int, calls: int = 350) -> None:
    _, backends, report = three_equals(seed, fault, calls=calls)
    assert report.failed == []
    # All who were under way when it was found out, then one call in a hundred.
    settled = 2.0
    assert report.share(backends[0], since=settled) <= 0.011, report.share(backends[0], since=settled)
    assert report.requests(backends[0]) <= 20 + 0.01 * len(report.calls)


@pytest.mark.parametrize("fault", BROKEN.values(), ids=BROKEN)
def test_one_of_three_is_broken_and_no_call_fails(fault) -> None:
    for seed in range(SEEDS // len(BROKEN) + 1):
        judge_one_of_three(fault, seed)


@pytest.mark.full
@pytest.mark.parametrize("fault", BROKEN.values(), ids=BROKEN)
def test_one_of_three_is_broken_and_no_call_fails_many_seeds(fault) -> None:
    """With more calls each than in the first tier: of 350, four probes are more than one in a hundred."""
    for seed in range(MANY // len(BROKEN) + 1):
        judge_one_of_three(fault, seed, calls=600)


@pytest.mark.parametrize("fault", [BROKEN["503"], BROKEN["refused"], BROKEN["cut body"]], ids=["503", "refused", "cut"])
def test_what_heals_gets_its_fair_share_again(fault) -> None:
    _, backends, report = three_equals(1, fault, calls=1000, heal_at=8.0, median=0.5)
    assert report.failed == []
    assert report.share(backends[0], since=18.0) >= 0.25


@pytest.mark.parametrize("seed", range(2))
def test_failing_fast_is_not_being_fast(seed) -> None:
    """Half of the calls to one backend fail in a millisecond; it is not preferred for it."""
    sim = Simulation(seed)
    backends = [sim.provider(latency=sim.lognormal(0.2)) for _ in range(3)]
    backends[0].fail(Fault(status=500, latency=0.001))
    sim.workers(sim.mux(), workers=50, calls=1500)
    report = sim.run()
    assert report.failed == []
    assert report.share(backends[0]) <= 1 / 30


@pytest.mark.parametrize("seed", range(2))
def test_an_outage_of_all_is_not_made_worse(seed) -> None:
    sim = Simulation(seed)
    backends = [sim.provider(latency=0.02) for _ in range(3)]
    for backend in backends:
        backend.fail(Fault(status=503, latency=0.02))
    mux = sim.mux()
    sim.at(12.0, backends[1].heal)
    sim.arrivals(mux, rate=100, seconds=18)
    report = sim.run()
    during = [call for call in report.calls if 2.0 <= call.began < 12.0]
    attempts = sum(len(call.attempts) for call in during)
    assert attempts / len(during) <= 1.10
    assert max(len(call.attempts) for call in report.calls) <= 3
    again = min(call.ended for call in report.calls if call.reply is not None)
    assert again - 12.0 <= 5.0
    late = [call for call in report.calls if call.began >= 17.0]
    assert sum(call.reply is None for call in late) == 0


@pytest.mark.parametrize("seed", range(2))
def test_overload_above_a_capacity_settles_below_it(seed) -> None:
    """Each backend answers 529 above ten calls at a time; sixty callers for thirty places lose hardly any call."""
    sim = Simulation(seed)
    for _ in range(3):
        sim.provider(latency=sim.lognormal(0.2), capacity=10)
    sim.workers(sim.mux(), workers=60, calls=1500)
    report = sim.run()
    assert len(report.failed) <= 0.01 * len(report.calls)
    refused = sum(attempt.status == "failed" for call in report.calls for attempt in call.attempts)
    assert refused <= 0.15 * len(report.calls)


@pytest.mark.parametrize("seed", range(2))
def test_hedges_cut_the_tail_within_their_share(seed) -> None:
    seconds, requests = {}, {}
    for hedge in (None, Hedge(share=0.05)):
        sim = Simulation(seed)
        latency = sim.lognormal(0.2, 0.1)
        slow = lambda request, latency=latency, sim=sim: latency(request) * (10 if sim.rng.random() < 0.03 else 1)  # noqa: E731
        backends = [sim.provider(latency=slow) for _ in range(3)]
        mux = sim.mux(hedge=hedge)
        sim.workers(mux, workers=20, calls=1600)
        report = sim.run()
        assert report.failed == []
        seconds[hedge] = report.percentile(0.99)
        requests[hedge] = sum(report.requests(backend) for backend in backends)
    (plain, hedged), (few, more) = seconds.values(), requests.values()
    assert hedged <= 0.4 * plain
    assert more <= 1.05 * few


@pytest.mark.parametrize("seed", range(2))
def test_a_rate_limit_is_kept_and_nobody_starves(seed) -> None:
    """An endpoint of 600 requests a minute under 300 callers: at most 98 % of it, and every call is answered."""
    sim = Simulation(seed)
    backend = sim.provider(latency=0.05)
    mux = sim.mux([backend.endpoint(rpm=600)])
    for _ in range(300):
        sim.call(mux, deadline=55.0)
    report = sim.run()
    assert report.failed == []
    starts = sorted(request.at for request in backend.requests)
    for number, start in enumerate(starts):
        assert sum(start <= other < start + 60.0 for other in starts[number:]) <= 0.98 * 600
