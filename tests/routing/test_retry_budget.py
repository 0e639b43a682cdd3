"""What repeats and hedges may add to traffic."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from modelmux.routing.retry_budget import HedgeBudget, RetryBudget

P = "p at https://p.invalid"


def repeats(budget: RetryBudget, rate: int, seconds: int, since: int = 0) -> tuple[int, int]:
    """``rate`` calls a second that all would like to be repeated: calls and repeats after the first ``since`` s."""
    calls = allowed = 0
    for tick in range(rate * seconds):
        at = tick / rate
        budget.called(P, at)
        granted = budget.may_repeat(P, at)
        if granted:
            budget.called(P, at)
        calls += at >= since
        allowed += granted and at >= since
    return calls, allowed


def test_under_load_repeats_are_a_tenth():
    calls, allowed = repeats(RetryBudget(), rate=100, seconds=30, since=2)
    assert 0.08 * calls <= allowed <= 0.1 * calls


def test_three_a_second_are_always_there():
    calls, allowed = repeats(RetryBudget(), rate=3, seconds=30)
    assert allowed == calls
    calls, allowed = repeats(RetryBudget(), rate=10, seconds=30)
    assert 3 * 29 <= allowed <= 3 * 31


def test_providers_have_budgets_of_their_own():
    budget = RetryBudget()
    while budget.may_repeat(P, 0.0):
        pass
    assert budget.may_repeat("q at https://q.invalid", 0.0)


def test_calls_are_forgotten_after_ten_seconds():
    budget = RetryBudget()
    for _ in range(1_000):
        budget.called(P, 0.0)
    granted = [budget.may_repeat(P, 11.0) for _ in range(20)]
    assert granted == [True] * 3 + [False] * 17


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 2)), max_size=300))
def test_no_ten_seconds_hold_more_than_the_share_or_three_a_second(steps):
    budget, at = RetryBudget(), 0.0
    calls: list[float] = []
    granted: list[float] = []
    for is_call, seconds in steps:
        at += seconds
        if is_call:
            budget.called(P, at)
            calls.append(at)
        elif budget.may_repeat(P, at):
            granted.append(at)
    for end in granted:
        # Slots of half a second make the window 10.5 s at most; the store of the floor adds 3.
        here = sum(end - 10 <= moment <= end for moment in granted)
        asked = sum(end - 21 <= moment <= end for moment in calls)
        assert here <= 0.1 * asked + 1 + 3 * 10 + 3


@given(st.lists(st.booleans(), max_size=500))
def test_hedges_never_pass_their_share(steps):
    budget, calls, hedges = HedgeBudget(share=0.05), 0, 0
    for is_call in steps:
        if is_call:
            budget.called(0.0)
            calls += 1
        else:
            hedges += budget.take(0.0)
        assert hedges <= 0.05 * calls + 1e-9


def test_the_share_is_used():
    budget = HedgeBudget(share=0.05)
    hedges = 0
    for _ in range(1_000):
        budget.called(0.0)
        hedges += budget.take(0.0)
    assert hedges in (49, 50)


def test_hedges_stay_within_their_money_and_get_back_what_they_did_not_cost():
    budget = HedgeBudget(share=1.0, money=1_000)
    for _ in range(10):
        budget.called(0.0)
    assert [budget.take(0.0, 400) for _ in range(3)] == [True, True, False]
    budget.settle(-300)
    assert budget.take(0.0, 400)
    assert not budget.take(0.0, 400)
    assert budget.take(86_400.0, 400)
