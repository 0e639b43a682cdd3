"""Breakers: what ejects, for how long, who may probe, and what any history of attempts leaves true."""

from __future__ import annotations

import inspect
from math import inf
from random import Random

import pytest
from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from modelmux import errors
from modelmux.routing import breakers as module
from modelmux.routing.breakers import PROBATION, PROBE, QUIET, Breakers, blame
from modelmux.routing.claims import Scopes

HERE = Scopes("one", "key", "vendor")
SIBLING = Scopes("two", "key", "vendor")
OTHER_KEY = Scopes("three", "another key", "vendor")
ELSEWHERE = Scopes("four", "their key", "another vendor")
EVERYWHERE = (HERE, SIBLING, OTHER_KEY, ELSEWHERE)

LEAF_ERRORS = [
    error
    for error in vars(errors).values()
    if inspect.isclass(error) and issubclass(error, errors.ProviderError) and error is not errors.ProviderError
]


def server_error() -> errors.ServerError:
    return errors.ServerError("it failed", status=500)


def timeout(phase: str) -> errors.AttemptTimeout:
    error = errors.AttemptTimeout("it took too long")
    error.phase = phase
    return error


def tripped(error: errors.ProviderError | None = None, at: float = 0.0, scopes: Scopes = HERE) -> Breakers:
    breakers = Breakers(Random(1))
    for _ in range(5):
        breakers.failed(scopes, error or server_error(), at)
    assert breakers.wait(scopes, at) > at
    return breakers


def probed(breakers: Breakers, at: float, error: errors.ProviderError | None = None) -> None:
    """One probe at ``at`` that ends there."""
    number = breakers.admit(HERE, at)
    assert number
    if error is None:
        breakers.succeeded(HERE, at, number, began=at)
    else:
        breakers.failed(HERE, error, at, number, began=at)


# --- what ejects


def test_a_few_failures_in_a_row_eject():
    breakers = Breakers()
    ejected = [breakers.failed(HERE, server_error(), 1.0) for _ in range(5)]
    assert ejected.index(True) in range(2, 5)
    assert breakers.wait(HERE, 1.0) > 1.0
    assert breakers.wait(ELSEWHERE, 1.0) == breakers.wait(SIBLING, 1.0) == 0.0


def test_successes_between_keep_a_row_from_forming():
    breakers = Breakers()
    for second in range(200):
        breakers.failed(HERE, server_error(), float(second))
        for _ in range(3):
            breakers.succeeded(HERE, second + 0.5)
    assert breakers.wait(HERE, 200.0) == 0.0


def test_half_of_the_attempts_failing_ejects_though_none_follow_one_another():
    breakers = Breakers()
    trips = []
    for number in range(30):
        trips.append(breakers.failed(HERE, server_error(), number / 10))
        breakers.succeeded(HERE, number / 10 + 0.05)
    assert any(trips)
    assert trips.index(True) <= 10


@pytest.mark.parametrize("error", LEAF_ERRORS, ids=lambda error: error.__name__)
def test_each_failure_counts_where_its_class_says(error):
    breakers = Breakers()
    for number in range(100):
        breakers.failed(HERE, error("synthetic"), number / 100)
    shut = {scopes.endpoint for scopes in EVERYWHERE if breakers.wait(scopes, 0.0)}
    expected = {
        "caller": set(),
        "endpoint": {"one"},
        "key": {"one", "two"},
        "provider": {"one", "two", "three"},
    }[error.blames if error.weight else "caller"]
    assert shut == expected


@pytest.mark.parametrize(
    ("error", "whose"),
    [
        (errors.RequestRejected("x"), "caller"),
        (errors.ContextTooLong("x"), "caller"),
        (errors.ContentBlocked("x"), "caller"),
        (errors.ResponseTooLarge("x"), "caller"),
        (errors.AuthError("x"), "key"),
        (errors.QuotaSpent("x"), "key"),
        (errors.BillingError("x"), "key"),
        (errors.ConnectionFailed("x"), "provider"),
        (errors.ModelNotFound("x"), "endpoint"),
        (errors.StreamTruncated("x"), "endpoint"),
        (errors.MalformedResponse("x"), "endpoint"),
        (timeout("pool"), "caller"),
        (timeout("connect"), "provider"),
        (timeout("first_token"), "endpoint"),
        (timeout("between_tokens"), "endpoint"),
        (ValueError("not a vendor's"), "caller"),
        (None, "caller"),
    ],
)
def test_whose_fault_it_is(error, whose):
    assert blame(error)[0] == whose
    assert (blame(error)[1] > 0) == (whose != "caller")


def test_a_request_that_a_model_cannot_serve_is_no_fault_of_the_endpoint():
    gone, lacks = errors.ModelNotFound("gone", status=404), errors.ModelNotFound("no tools", status=404)
    lacks.missing = "ability"
    odd = errors.ServerError("tools need a flag", status=500, retry=errors.Retry.ELSEWHERE)
    assert [blame(error)[1] > 0 for error in (gone, lacks, odd)] == [True, False, False]


def test_a_broken_stream_counts_as_what_broke_it():
    broken = errors.StreamInterrupted("after output was handed over")
    broken.__cause__ = errors.ConnectionFailed("gone")
    assert blame(broken) == blame(broken.__cause__)
    assert blame(errors.StreamInterrupted("for no known reason"))[0] == "endpoint"
    breakers = tripped(broken)
    assert breakers.wait(OTHER_KEY, 0.0) > 0  # the vendor, not the endpoint


def test_a_rate_limit_is_no_matter_of_breakers():
    breakers = Breakers()
    assert not any(breakers.failed(HERE, errors.RateLimited("slow down", status=429), 0.0) for _ in range(100))
    assert len(breakers) == 0


def test_one_refused_key_is_enough():
    breakers = Breakers()
    assert breakers.failed(HERE, errors.AuthError("no", status=401), 0.0)
    assert breakers.wait(SIBLING, 0.0) > 0
    assert breakers.wait(OTHER_KEY, 0.0) == 0


def test_failures_long_ago_are_forgotten():
    breakers = Breakers()
    for number in range(20):
        assert not breakers.failed(HERE, server_error(), number * (QUIET + 1))


# --- for how long


def test_ejections_grow_to_a_cap_and_no_further():
    breakers, at, rests = tripped(), 0.0, []
    for _ in range(10):
        due = breakers.wait(HERE, at)
        rests.append(due - at)
        at = due
        probed(breakers, at, server_error())
    assert 0.5 <= rests[0] <= 1
    assert rests[1] > rests[0]
    assert max(rests) <= 8
    assert min(rests[4:]) >= 5  # jitter takes a quarter at most


def test_a_dead_key_is_asked_ever_more_rarely():
    breakers, at = tripped(errors.AuthError("no", status=401)), 0.0
    asked = []
    while at < 6 * 3600:
        at = breakers.wait(HERE, at)
        asked.append(at)
        probed(breakers, at, errors.AuthError("no", status=401))
    assert asked[3] < 30  # a key put right soon is soon used
    assert 450 <= asked[-1] - asked[-2] <= 600
    assert len(asked) < 100


def test_a_spent_quota_rests_for_an_hour():
    breakers = tripped(errors.QuotaSpent("spent", status=429))
    assert 2_700 <= breakers.wait(HERE, 0.0) <= 3_600
    assert breakers.wait(OTHER_KEY, 0.0) == 0.0


def test_jitter_keeps_processes_apart():
    dues = set()
    for seed in range(20):
        breakers = Breakers(Random(seed))
        for _ in range(5):
            breakers.failed(HERE, server_error(), 0.0)
        dues.add(round(breakers.wait(HERE, 0.0), 3))
    assert len(dues) > 15


def test_what_flaps_is_left_alone_for_longer():
    breakers, at, rests = tripped(), 0.0, []
    for _ in range(4):
        at = breakers.wait(HERE, at)
        probed(breakers, at)
        at += 0.5
        assert breakers.failed(HERE, server_error(), at, began=at)  # one is enough so soon after
        rests.append(breakers.wait(HERE, at) - at)
    assert rests[-1] > 2 * rests[0]


def test_after_some_good_answers_it_takes_a_row_again():
    breakers = tripped()
    probed(breakers, 2.0)
    for _ in range(PROBATION):
        breakers.succeeded(HERE, 3.0, began=2.5)
    assert not breakers.failed(HERE, server_error(), 4.0, began=3.5)


# --- probes


def test_of_many_who_come_when_it_is_due_one_is_let_through():
    breakers = tripped()
    due = breakers.wait(HERE, 0.0)
    admitted = [breakers.admit(HERE, due) for _ in range(50) if not breakers.wait(HERE, due)]
    assert len(admitted) == 1
    assert admitted[0]


def test_a_good_probe_closes_and_a_bad_one_ejects_again():
    breakers = tripped()
    probed(breakers, 2.0, server_error())
    assert breakers.wait(HERE, 2.0) > 2.0
    probed(breakers, 20.0)
    assert (breakers.wait(HERE, 20.0), len(breakers)) == (0.0, 0)


def test_a_probe_without_a_verdict_gives_its_leave_back():
    breakers = tripped()
    number = breakers.admit(HERE, 2.0)
    assert breakers.wait(HERE, 2.0) > 2.0
    breakers.released(HERE, number)
    assert breakers.wait(HERE, 2.0) == 0.0
    number = breakers.admit(HERE, 2.0)
    breakers.failed(HERE, errors.RequestRejected("the caller's own"), 2.0, number, began=2.0)
    assert breakers.wait(HERE, 2.0) == 0.0


def test_a_probe_that_never_reports_expires():
    breakers = tripped()
    lost = breakers.admit(HERE, 2.0)
    assert breakers.wait(HERE, 3.0) == pytest.approx(2.0 + PROBE)
    assert breakers.wait(HERE, 2.0 + PROBE) == 0.0
    probed(breakers, 2.0 + PROBE)
    breakers.failed(HERE, server_error(), 30.0, lost, began=2.0)  # it had hung since before
    assert breakers.wait(HERE, 30.0) == 0.0


def test_those_who_must_ask_before_it_is_due_take_one_probe_between_them():
    breakers = tripped()
    assert [bool(breakers.admit(HERE, 0.1)) for _ in range(5)] == [True, False, False, False, False]


def test_an_expired_probe_neither_ends_nor_decides_the_one_that_took_its_place():
    breakers = tripped()
    lost, late = breakers.admit(HERE, 2.0), breakers.admit(HERE, 2.0 + PROBE)
    breakers.released(HERE, lost)
    due = breakers.wait(HERE, 2.0 + PROBE)
    assert due == pytest.approx(2.0 + 2 * PROBE)
    assert not breakers.failed(HERE, server_error(), 2.0 + PROBE, lost, began=2.0)
    assert breakers.wait(HERE, 2.0 + PROBE) == due
    breakers.released(HERE, late)
    assert breakers.wait(HERE, 2.0 + PROBE) == 0.0


def test_what_was_sent_before_the_trip_says_nothing_of_the_time_since():
    breakers = tripped(at=10.0)
    breakers.succeeded(HERE, 10.1, began=9.0)
    due = breakers.wait(HERE, 10.1)
    assert due > 10.1
    breakers.failed(HERE, server_error(), 10.2, began=9.0)
    assert breakers.wait(HERE, 10.2) == due
    breakers.succeeded(HERE, 10.5, began=10.3)  # sent although it was ejected, and answered
    assert breakers.wait(HERE, 10.5) == 0.0


def test_a_refusal_by_the_vendor_shows_that_it_can_be_reached():
    breakers = tripped(errors.ConnectionFailed("refused"))
    assert breakers.wait(OTHER_KEY, 0.0) > 0
    probed(breakers, 2.0, server_error())
    assert breakers.wait(OTHER_KEY, 2.0) == 0.0


def test_who_acts_may_say_so():
    breakers = tripped(errors.QuotaSpent("spent"))
    breakers.reset(ELSEWHERE)
    assert breakers.wait(HERE, 1.0) > 1.0
    breakers.reset(HERE)
    assert breakers.wait(SIBLING, 1.0) == 0.0
    breakers = tripped()
    breakers.reset()
    assert (len(breakers), breakers.wait(HERE, 0.0)) == (0, 0.0)


# --- what a decision is told


def test_nobody_is_blocked_while_nothing_is_open():
    breakers = Breakers()
    breakers.failed(HERE, server_error(), 0.0)
    assert breakers.blocked(iter(()), 0.0) == {}
    assert not breakers.blocked(EVERYWHERE, 0.0)


def test_the_reason_says_what_failed_and_how_often():
    breakers = tripped()
    told = breakers.blocked(EVERYWHERE, 0.0)
    assert set(told) == {"one"}
    assert told["one"].until == breakers.wait(HERE, 0.0)
    assert told["one"].reason == "breaker of the endpoint open: 4 failures, last ServerError (HTTP 500)"
    assert not breakers.blocked(EVERYWHERE, told["one"].until)  # due: the next attempt may find out
    breakers.admit(HERE, 2.0)
    assert breakers.blocked(EVERYWHERE, 2.0)["one"].probing


def test_a_blocked_key_blocks_all_who_use_it():
    assert set(tripped(errors.AuthError("no")).blocked(EVERYWHERE, 0.0)) == {"one", "two"}


def test_names_of_long_ago_are_not_kept():
    breakers = Breakers()
    for number in range(1_000):
        breakers.failed(Scopes(f"e{number}", f"k{number}", f"p{number}"), server_error(), number)
    assert sum(map(len, breakers._known)) < 200  # callers' own keys come and go


# --- any history


class History(RuleBasedStateMachine):
    """Callers who ask, wait their turn, are let through, and end their attempts in every way, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.breakers = Breakers(Random(0))
        self.at = 100.0
        self.under_way: list[tuple[Scopes, float, int]] = []

    @rule(seconds=st.floats(0, 20) | st.sampled_from([0.001, 1.0, 70.0, 4_000.0]))
    def time_passes(self, seconds: float) -> None:
        self.at += seconds

    @rule(scopes=st.sampled_from(EVERYWHERE), forced=st.booleans())
    def ask(self, scopes: Scopes, forced: bool) -> None:
        due = self.breakers.wait(scopes, self.at)
        assert (scopes.endpoint in self.breakers.blocked(EVERYWHERE, self.at)) == bool(due)
        if not due or forced:
            self.under_way.append((scopes, self.at, self.breakers.admit(scopes, self.at)))

    @rule(scopes=st.sampled_from(EVERYWHERE), callers=st.integers(2, 9))
    def ask_all_at_once(self, scopes: Scopes, callers: int) -> None:
        probes = []
        for _ in range(callers):
            if not self.breakers.wait(scopes, self.at):
                number = self.breakers.admit(scopes, self.at)
                self.under_way.append((scopes, self.at, number))
                probes.append(number)
        assert sum(map(bool, probes)) <= 1
        assert not any(probes) or len(probes) == 1

    def _take(self, data: st.DataObject) -> tuple[Scopes, float, int]:
        return self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def succeeds(self, data: st.DataObject) -> None:
        scopes, began, probe = self._take(data)
        self.breakers.succeeded(scopes, self.at, probe, began=began)
        if probe:
            assert self.breakers.wait(scopes, self.at) == 0.0

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), error=st.sampled_from(LEAF_ERRORS), status=st.sampled_from([None, 500]))
    def fails(self, data: st.DataObject, error: type[errors.ProviderError], status: int | None) -> None:
        scopes, began, probe = self._take(data)
        before = [self.breakers.wait(each, self.at) for each in EVERYWHERE]
        ejected = self.breakers.failed(scopes, error("synthetic", status=status), self.at, probe, began=began)
        after = [self.breakers.wait(each, self.at) for each in EVERYWHERE]
        if blame(error("synthetic"))[1] == 0:
            assert not ejected
            assert all(now <= then for then, now in zip(before, after, strict=True)), "a caller's fault ejected"
        if error.blames == "key" and scopes.key == "key":
            assert after[2] <= before[2], "a key's failure counted against another key"
        assert after[3] <= before[3] or scopes is ELSEWHERE, "a failure counted at another vendor"

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def ends_without_a_verdict(self, data: st.DataObject) -> None:
        scopes, _, probe = self._take(data)
        before = {each: self.breakers.wait(each, self.at) for each in EVERYWHERE}
        self.breakers.released(scopes, probe)
        assert all(self.breakers.wait(each, self.at) <= due for each, due in before.items())

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def is_never_heard_of_again(self, data: st.DataObject) -> None:
        self._take(data)

    @rule()
    def heals(self) -> None:
        """From whatever state, a good answer to whoever is let through opens every door in the end."""
        assume(len(self.under_way) < 30)
        for scopes in EVERYWHERE:
            for _ in range(5):
                self.at = max(self.at, self.breakers.wait(scopes, self.at))
                began, probe = self.at, self.breakers.admit(scopes, self.at)
                self.at += 0.1
                self.breakers.succeeded(scopes, self.at, probe, began=began)
            assert self.breakers.wait(scopes, self.at) == 0.0
        assert len(self.breakers) == 0

    @invariant()
    def nobody_waits_for_longer_than_the_cap(self) -> None:
        for scopes in EVERYWHERE:
            due = self.breakers.wait(scopes, self.at)
            assert due == 0.0 or self.at < due <= self.at + 3_600.0
            assert due < inf

    @invariant()
    def at_most_one_probe_of_each(self) -> None:
        for kind, opened in enumerate(self.breakers._open):
            for scope, breaker in opened.items():
                if breaker.probe and self.at < breaker.probe_until:
                    fresh = [p for s, began, p in self.under_way if s[kind] == scope and p and self.at < began + PROBE]
                    assert fresh.count(breaker.probe) <= 1

    @invariant()
    def what_is_open_is_known(self) -> None:
        for known, opened in zip(self.breakers._known, self.breakers._open, strict=True):
            assert all(known[scope] is breaker for scope, breaker in opened.items())
            assert all(breaker.blocked is not None for breaker in opened.values())
            assert all((scope in opened) == (breaker.blocked is not None) for scope, breaker in known.items())


History.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestHistory = History.TestCase


def test_the_documented_numbers_are_the_modules():
    """What the figures of reliability rest on."""
    assert module.STREAK <= 5
    assert errors.ProviderError.ejection == (1.0, 8.0)
