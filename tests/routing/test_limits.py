"""Limits of rate and concurrency: kept as configured, learned from answers, all or nothing."""

from __future__ import annotations

import timeit
from itertools import pairwise
from random import Random
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from modelmux.errors import AuthError, ConfigError, Overloaded, QuotaSpent, RateLimited, ServerError
from modelmux.routing.claims import Blocked, Outcome, Scopes
from modelmux.routing.limits import Limits, Taken
from routing.fleets import target

A = Scopes("a", "key-1", "p")
B = Scopes("b", "key-1", "p")
NOW = 1_760_000_000.0


def limits(**configured: dict[str, int]) -> Limits:
    made = Limits(Random(1), wall=lambda: NOW)
    for scope, values in configured.items():
        made.configure(scope.replace("_", "-"), **values)
    return made


def take(state: Limits, scopes: Scopes = A, tokens_in: int = 10, out: int = 10, at: float = 0.0, **how: Any) -> Taken:
    got = state.take(scopes, tokens_in, out, at, **how)
    assert isinstance(got, Taken), got
    return got


def refused(state: Limits, error: Any, scopes: Scopes = A, at: float = 0.0, took: float = 0.1) -> None:
    state.settle(take(state, scopes, at=at, patience=1e9), Outcome(at + took, False, error))


# --- what is configured


def test_without_limits_everything_starts_at_once():
    state = limits()
    for _ in range(1_000):
        assert take(state, at=5.0).at == 5.0
    assert (state.ready(A, 10**9, 10**9, 5.0), dict(state.blocked(5.0)), state.in_flight("a")) == (5.0, {}, 1_000)


@pytest.mark.parametrize(
    ("limit", "tokens_in", "out", "fit"),
    [("rpm", 1, 1, 8), ("tpm", 5, 5, 8), ("itpm", 10, 99, 8), ("otpm", 99, 10, 8), ("concurrency", 1, 1, 100)],
)
def test_each_dimension_counts_what_it_is_about(limit, tokens_in, out, fit):
    """8 % of a minute's limit may pass at once: 8 of 100 requests, 80 of 1,000 tokens."""
    state = limits(a={limit: 1_000 if limit.endswith("tpm") else 100})
    started = 0
    while isinstance(state.take(A, tokens_in, out, 0.0), Taken):
        started += 1
    assert started == fit
    assert isinstance(state.take(B, tokens_in, out, 0.0), Taken)


def test_a_key_s_limit_is_shared_by_its_endpoints():
    state = limits(key_1={"rpm": 100})
    for scopes in (A, B) * 4:
        take(state, scopes)
    assert isinstance(state.take(A, 1, 1, 0.0), Blocked)
    assert isinstance(state.take(B, 1, 1, 0.0), Blocked)
    assert isinstance(state.take(Scopes("b", "key-2", "p"), 1, 1, 0.0), Taken)


def test_all_or_nothing():
    """Who is stopped by one limit has used up nothing of the others."""
    state = limits(a={"rpm": 100}, key_1={"tpm": 1_000}, p={"concurrency": 50})
    for _ in range(20):
        assert isinstance(state.take(A, 2_000, 0, 0.0), Blocked)
    assert state.ready(A, 10, 10, 0.0) == 0.0
    assert [take(state, tokens_in=1, out=1).at for _ in range(8)] == [0.0] * 8
    assert state.in_flight("p") == 8


def test_what_no_minute_allows_is_never_ready():
    state = limits(a={"tpm": 1_000})
    got = state.take(A, 900, 200, 0.0, 1e9)
    assert (got.until, got.reason) == (float("inf"), "limit: 1,000 tokens a minute")


def test_waiters_start_one_after_another():
    state = limits(a={"rpm": 60})
    starts = [take(state, patience=1e9).at for _ in range(100)]
    assert starts == sorted(starts)
    assert all(later - sooner > 1.0 for sooner, later in pairwise(starts[5:]))


def test_a_wait_longer_than_the_patience_is_refused_with_its_end():
    state = limits(a={"rpm": 60})
    while isinstance(state.take(A, 1, 1, 0.0), Taken):
        pass
    got = state.take(A, 1, 1, 0.0, 0.01)
    assert isinstance(got, Blocked)
    assert got.reason == "limit: 60 requests a minute"
    assert state.blocked(0.0)["a"].until == pytest.approx(got.until)
    assert take(state, at=got.until).at == got.until
    assert dict(state.blocked(1e6)) == {}


def test_what_was_not_sent_is_given_back():
    state = limits(a={"rpm": 100, "tpm": 1_000, "concurrency": 8})
    taken = [take(state, tokens_in=5, out=5) for _ in range(8)]
    assert isinstance(state.take(A, 5, 5, 0.0), Blocked)
    for one in taken:
        state.settle(one, Outcome(0.0, None, sent=False))
    assert [take(state, tokens_in=5, out=5).at for _ in range(8)] == [0.0] * 8


def test_tokens_are_corrected_by_what_the_vendor_counted():
    estimated, known = limits(a={"tpm": 1_000}), limits(a={"tpm": 1_000})
    for state, written in ((estimated, None), (known, 10)):
        one = take(state, tokens_in=100, out=400)
        state.settle(one, Outcome(1.0, True, input_tokens=written and 100, output_tokens=written))
    assert known.ready(A, 100, 100, 1.0) < estimated.ready(A, 100, 100, 1.0)


def test_a_new_number_takes_effect_and_the_same_one_keeps_its_state():
    state = limits(a={"rpm": 100})
    while isinstance(state.take(A, 1, 1, 0.0), Taken):
        pass
    state.configure("a", rpm=100)
    assert isinstance(state.take(A, 1, 1, 0.0), Blocked)
    state.configure("a", rpm=1_000)
    take(state)
    state.configure("a")
    assert [take(state).at for _ in range(500)] == [0.0] * 500


@pytest.mark.parametrize("wrong", [{"rpm": 0}, {"tpm": -1}, {"concurrency": True}, {"rpm": 1.5}, {"rps": 3}])
def test_a_limit_that_makes_no_sense_is_named(wrong):
    with pytest.raises(ConfigError) as caught:
        Limits().configure("a", **wrong)
    assert caught.value.field == next(iter(wrong))


# --- what vendors say


def test_nobody_asks_before_a_retry_after_is_over_and_then_one_after_another():
    state = limits()
    for one in [take(state) for _ in range(40)]:
        state.settle(one, Outcome(0.1, False, RateLimited("slow down", retry_after=7.0)))
    assert isinstance(state.take(A, 1, 1, 1.0), Blocked)
    starts = [take(state, at=1.0, patience=60).at for _ in range(20)]
    assert min(starts) >= 7.1
    assert len(set(starts)) == 20
    assert max(starts) < 7.1 + 20
    assert isinstance(state.take(B, 1, 1, 1.0), Taken)


def test_a_days_wait_is_kept_when_asked_for_and_cut_short_when_it_is_only_a_limits_renewal():
    asked, renewed = limits(), limits()
    refused(asked, RateLimited("", retry_after=86_400, headers={"retry-after": "86400"}))
    refused(renewed, RateLimited("", retry_after=86_400, headers={"x-ratelimit-reset-requests": "24h0m0s"}))
    assert asked.ready(A, 1, 1, 1.0) >= 86_400
    assert 600 <= renewed.ready(A, 1, 1, 1.0) < 601


def test_who_had_leave_already_learns_that_everybody_has_to_wait():
    state = limits(a={"rpm": 60})
    waiting = [take(state, patience=60) for _ in range(8)]
    state.settle(waiting[0], Outcome(0.5, False, RateLimited("", retry_after=10.0)))
    moved = [state.due(one, max(1.0, one.at)) for one in waiting[1:]]
    assert min(moved) >= 10.5
    assert len(set(moved)) == len(moved)
    assert [state.due(one, one.at) for one in waiting[1:]] == moved


def test_without_a_retry_after_the_waits_grow_with_each_refusal_and_a_success_forgets_them():
    state, at, waits = limits(), 0.0, []
    for _ in range(6):
        refused(state, RateLimited("slow down"), at=at, took=0.0)
        waits.append(state.ready(A, 1, 1, at) - at)
        at += waits[-1]
    assert all(later > sooner for sooner, later in zip(waits, waits[2:], strict=False))
    assert waits[0] < 0.6
    assert waits[5] > 3
    state.settle(take(state, at=at + 3), Outcome(at + 4, True))
    assert state.ready(A, 1, 1, at + 4) == at + 4


def test_many_refusals_of_one_burst_count_once():
    one, many = limits(), limits()
    for state, calls in ((one, 1), (many, 50)):
        for taken in [take(state) for _ in range(calls)]:
            state.settle(taken, Outcome(0.1, False, RateLimited("slow down")))
    assert many.ready(A, 1, 1, 0.1) <= 0.1 + 0.25 + 50 * 0.3
    assert many.blocked(0.1)["a"].reason == "limit: waiting after a refusal"
    assert many._kept["a"].pause.until < 0.1 + 0.26


def test_a_crowd_turned_away_is_one_failure_a_round_trip():
    state = limits()
    crowd = [take(state) for _ in range(20)]
    told = [state.settle(one, Outcome(1.0, False, Overloaded("busy"))) for one in crowd]
    assert told == [True] + [False] * 19
    again = [take(state, at=1.0) for _ in range(14)]
    told = [state.settle(one, Outcome(2.0, False, Overloaded("busy"))) for one in again]
    assert told == [True] + [False] * 13
    alone = take(limits(), at=0.0)
    assert limits().settle(alone, Outcome(1.0, False, Overloaded("busy")))


@pytest.mark.parametrize("error", [QuotaSpent("spent"), AuthError("no"), ServerError("oops"), None])
def test_other_failures_are_no_limits(error):
    state = limits()
    refused(state, error)
    assert dict(state.blocked(0.2)) == {}


def test_no_capacity_lowers_how_many_are_under_way_until_successes_raise_it():
    state = limits()
    taken = [take(state) for _ in range(20)]
    for one in taken[:5]:
        state.settle(one, Outcome(1.0, False, Overloaded("busy")))
    assert isinstance(state.take(A, 1, 1, 1.0), Blocked)
    for one in taken[5:]:
        state.settle(one, Outcome(2.0, True))
    started = 0
    while isinstance(state.take(A, 1, 1, 3.0), Taken):
        started += 1
    assert started in (14, 15)


def test_a_callers_own_key_waits_alone():
    state, mine = limits(), target("p/m")
    state.add(mine)
    theirs = mine.scopes._replace(key="p at q with theirs")
    refused(state, RateLimited("slow down", retry_after=30), theirs)
    assert isinstance(state.take(theirs, 1, 1, 1.0), Blocked)
    assert isinstance(state.take(mine.scopes, 1, 1, 1.0), Taken)


# --- the machine: any order of everything


class Machine(RuleBasedStateMachine):
    """Two endpoints of one key and one provider. The model is a list of what was let through."""

    RATES: ClassVar = {"a": {"rpm": 30, "otpm": 900}, "key-1": {"tpm": 3_000}, "p": {"concurrency": 6}}
    flying = Bundle("flying")

    def __init__(self) -> None:
        super().__init__()
        self.state = Limits(Random(3), wall=lambda: NOW)
        for scope, values in self.RATES.items():
            self.state.configure(scope, **values)
        self.at = 0.0
        self.count = 0
        self.log: dict[Taken, tuple[int, int]] = {}
        self.asked_to_wait: dict[str, float] = {"a": 0.0, "b": 0.0}

    @rule(seconds=st.floats(0, 40))
    def wait(self, seconds):
        self.at += seconds

    @rule(
        target=flying,
        scopes=st.sampled_from([A, B]),
        read=st.integers(0, 600),
        written=st.integers(0, 300),
        patience=st.sampled_from([0.0, 2.0, 100.0]),
    )
    def ask(self, scopes, read, written, patience):
        before = [self.state.ready(one, 7, 7, self.at) for one in (A, B)]
        got = self.state.take(scopes, read, written, self.at, patience)
        if isinstance(got, Blocked):
            assert got.until > self.at
            assert got.reason.startswith("limit")
            if "at a time" not in got.reason:  # who waits for a slot is given a place in the line
                assert [self.state.ready(one, 7, 7, self.at) for one in (A, B)] == before
            return multiple()
        assert self.at <= got.at <= self.at + patience
        assert got.at >= self.asked_to_wait[scopes.endpoint]
        self.log[got] = (read, written)
        self.count += 1
        return got

    @rule(taken=consumes(flying), read=st.integers(0, 600), share=st.floats(0, 1))
    def answered(self, taken, read, share):
        self.at = max(self.at, taken.at)
        asked = self.log[taken]
        real = (min(read, asked[0]), int(asked[1] * share))
        self.log[taken] = real
        self._settle(taken, Outcome(self.at, True, input_tokens=real[0], output_tokens=real[1]))

    @rule(taken=consumes(flying))
    def cancelled_before_the_send(self, taken):
        del self.log[taken]
        self._settle(taken, Outcome(self.at, None, sent=False))

    @rule(taken=consumes(flying), seconds=st.floats(1, 20))
    def told_to_wait(self, taken, seconds):
        self.at = max(self.at, taken.at)
        name = taken.scopes.endpoint
        self._settle(taken, Outcome(self.at, False, RateLimited("", retry_after=seconds)))
        self.asked_to_wait[name] = max(self.asked_to_wait[name], self.at + seconds)

    def _settle(self, taken, outcome):
        self.count -= 1
        self.state.settle(taken, outcome)

    @invariant()
    def no_minute_holds_too_much(self):
        sums = {"a rpm": 29.4, "a otpm": 882.0, "key-1 tpm": 2_940.0}
        for first in self.log:
            window = [(one.scopes, *self.log[one]) for one in self.log if first.at <= one.at <= first.at + 60]
            at_a = [out for scopes, _, out in window if scopes is A]
            held = {"a rpm": len(at_a), "a otpm": sum(at_a), "key-1 tpm": sum(i + o for _, i, o in window)}
            assert {name: held[name] for name in sums if held[name] > sums[name] * (1 + 1e-9)} == {}

    @invariant()
    def the_slots_are_counted(self):
        assert self.state.in_flight("p") == self.count <= 6
        assert set(self.state.blocked(self.at)) <= {"a", "b", "key-1", "p"}


Machine.TestCase.settings = settings(max_examples=40, stateful_step_count=40)
TestMachine = Machine.TestCase


def test_an_endpoint_without_limits_costs_about_a_microsecond():
    """A take, its settle, and the look at what is blocked; ten times the figure is allowed for a busy machine."""
    state, outcome = limits(z={"rpm": 10}), Outcome(1.0, True, input_tokens=10, output_tokens=10)

    def call() -> None:
        state.settle(state.take(A, 10, 10, 0.0), outcome)
        state.blocked(0.0)

    assert min(timeit.repeat(call, number=2_000, repeat=5)) / 2_000 < 20e-6
