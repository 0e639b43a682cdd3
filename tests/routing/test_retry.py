"""What comes after a failed attempt."""

from __future__ import annotations

from random import Random

import pytest
import tenacity
from hypothesis import given
from hypothesis import strategies as st

from modelmux import errors
from modelmux.routing.plan import Plan, Step
from modelmux.routing.retry import RetryPolicy, Tried, backoff, next_move


def plan(*names: str, most: int = 3) -> Plan:
    return Plan((Step(names),), most)


def move(history, on, *, now=10.0, **more):
    return next_move(history, on, now=now, rng=Random(1), **more)


def failed(name: str, error: BaseException | None = None, at: float = 10.0) -> Tried:
    return Tried(name, error or errors.ServerError("no"), at)


def test_a_fresh_endpoint_comes_first_and_at_once():
    after = move([failed("a", errors.RateLimited("slow down", retry_after=60))], plan("a", "b"))
    assert (after.kind, after.name, after.wait) == ("next", "b", 0.0)


def test_an_endpoint_that_cannot_help_is_passed_over():
    after = move([failed("a", errors.AuthError("no"))], plan("a", "b", "c"), avoid={"a", "b"})
    assert (after.kind, after.name) == ("next", "c")


def test_the_same_endpoint_again_after_a_wait_when_there_is_no_other():
    after = move([failed("a")], plan("a"))
    assert (after.kind, after.name) == ("same", "a")
    assert 0 < after.wait <= 0.25


@pytest.mark.parametrize(
    "error",
    [errors.RequestRejected("no"), errors.ContentBlocked("no"), errors.StreamInterrupted("no"), ValueError("ours")],
)
def test_what_no_retry_helps_ends_the_call(error):
    assert move([failed("a", error)], plan("a", "b")).kind == "give_up"


def test_what_was_blocked_is_offered_elsewhere_only_when_somebody_says_so():
    shops = RetryPolicy(elsewhere=(errors.ContentBlocked,))
    blocked = failed("a", errors.ContentBlocked("no"))
    after = move([blocked], plan("a", "b"), policy=shops)
    assert (after.kind, after.name, after.wait) == ("next", "b", 0.0)
    assert move([blocked, failed("b", errors.ContentBlocked("no"))], plan("a", "b"), policy=shops).kind == "give_up"
    assert move([failed("a", errors.RequestRejected("no"))], plan("a", "b"), policy=shops).kind == "give_up"


def test_elsewhere_never_means_here():
    after = move([failed("a", errors.ModelNotFound("gone"))], plan("a"))
    assert (after.kind, after.reason) == ("give_up", "nothing is left to try")


def test_three_attempts_a_call():
    history = [failed("a"), failed("b"), failed("c")]
    assert move(history, plan("a", "b", "c", "d")).kind == "give_up"
    assert move(history[:2], plan("a", "b", "c", "d")).name == "c"
    assert move(history, plan("a", "b", "c", "d", most=9), policy=RetryPolicy(attempts=9)).name == "d"


def test_with_nothing_fresh_left_the_one_that_is_ready_soonest():
    history = [
        failed("a", errors.RateLimited("no", retry_after=5.0)),
        failed("b", errors.Overloaded("no", retry_after=1.0)),
    ]
    after = move(history, plan("a", "b"))
    assert (after.kind, after.name) == ("same", "b")
    assert 1.0 <= after.wait <= 1.1


def test_time_already_passed_counts_towards_the_wait():
    history = [
        failed("a", errors.RateLimited("no", retry_after=5.0), at=10.0),
        failed("b", errors.AuthError("no"), at=14.0),
    ]
    after = move(history, plan("a", "b"), now=14.0)
    assert (after.kind, after.name) == ("next", "a")
    assert 1.0 <= after.wait <= 1.5


@given(asked=st.floats(0.01, 100), seed=st.integers(0, 1_000))
def test_never_shorter_than_asked_and_hardly_longer(asked, seed):
    error = errors.RateLimited("no", retry_after=asked)
    after = next_move([failed("a", error)], plan("a"), now=10.0, rng=Random(seed))
    assert asked <= after.wait + 1e-9
    assert after.wait <= asked * 1.1 + 1e-9


def test_a_wait_that_does_not_fit_the_deadline_is_not_begun():
    history = [failed("a", errors.RateLimited("no", retry_after=5.0))]
    assert move(history, plan("a"), deadline=16.0).kind == "same"
    assert move(history, plan("a"), deadline=14.0).kind == "give_up"
    assert move(history, plan("a", "b"), deadline=14.0).name == "b"
    assert move(history, plan("a", "b"), deadline=10.0).reason == "the deadline has passed"


@given(repeat=st.integers(1, 50), seed=st.integers(0, 1_000))
def test_backoff_is_full_jitter_under_a_doubling_limit(repeat, seed):
    assert 0 <= backoff(repeat, Random(seed)) <= min(8.0, 0.25 * 2 ** (repeat - 1))


def test_backoff_grows():
    rng = Random(5)
    means = [sum(backoff(repeat, rng) for _ in range(400)) / 400 for repeat in (1, 3, 5)]
    assert means[0] < means[1] < means[2]


# --- tenacity's vocabulary


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [
        (tenacity.wait_fixed(3), 3.0),
        (tenacity.wait_none(), 0.0),
        (tenacity.wait_exponential(multiplier=1, max=60), 2.0),
        (tenacity.wait_incrementing(start=1, increment=5), 6.0),
        (tenacity.wait_chain(tenacity.wait_fixed(1), tenacity.wait_fixed(9)), 9.0),
        (tenacity.wait_fixed(1) + tenacity.wait_fixed(2), 3.0),
        (tenacity.wait_exception(lambda error: 4.0 if isinstance(error, errors.ServerError) else 0.0), 4.0),
        (tenacity.wait_exponential_jitter(initial=1, jitter=0), 2.0),
    ],
)
def test_tenacity_waits(wait, seconds):
    history = [failed("a", at=9.0), failed("a")]
    after = move(history, plan("a"), policy=RetryPolicy(wait=wait))
    assert after.wait == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("stop", "goes_on"),
    [
        (tenacity.stop_after_attempt(1), False),
        (tenacity.stop_after_attempt(2), True),
        (tenacity.stop_after_delay(5), False),
        (tenacity.stop_after_delay(50), True),
        (tenacity.stop_before_delay(11), False),
        (tenacity.stop_before_delay(20), True),
        (tenacity.stop_never, True),
        (tenacity.stop_after_attempt(9) | tenacity.stop_after_delay(5), False),
        (tenacity.stop_after_attempt(1) & tenacity.stop_after_delay(50), True),
    ],
)
def test_tenacity_stops(stop, goes_on):
    policy = RetryPolicy(wait=tenacity.wait_fixed(2), stop=stop)
    after = move([failed("a")], plan("a"), policy=policy, started=0.0)
    assert (after.kind != "give_up") is goes_on


def test_the_state_tenacity_sees_is_that_of_its_own():
    seen = []

    def wait(state):
        seen.append(state)
        return 0.0

    error = errors.Overloaded("busy")
    move([failed("a"), failed("a", error)], plan("a"), policy=RetryPolicy(wait=wait), started=4.0)
    state = seen[0]
    own = tenacity.RetryCallState(tenacity.Retrying(), None, (), {})
    assert {name for name in vars(own) if not name.startswith("_")} <= {*dir(state)}
    assert (state.attempt_number, state.seconds_since_start) == (2, 6.0)
    assert state.outcome.failed
    assert state.outcome.exception() is error
    with pytest.raises(errors.Overloaded):
        state.outcome.result()
