"""After a failure: the same endpoint again, another one, or give up. Pure functions in tenacity's vocabulary.

Any ``wait`` or ``stop`` object of tenacity (or any callable of its shape) may be used; :class:`CallState` is what it
is called with. tenacity itself is not imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from modelmux.errors import ProviderError, Retry
from modelmux.routing.plan import MAX_ATTEMPTS, Plan

FIRST_WAIT = 0.25
LONGEST_WAIT = 8.0


@dataclass(frozen=True, slots=True)
class Tried:
    """A failed attempt. ``at`` is when it ended, in seconds on the clock that ``now`` and ``deadline`` use."""

    name: str
    error: BaseException
    at: float


@dataclass(frozen=True, slots=True)
class Move:
    """What to do next. ``wait`` is seconds from now; ``name`` the endpoint to try, None with ``give_up``."""

    kind: Literal["same", "next", "give_up"]
    wait: float = 0.0
    name: str | None = None
    reason: str = ""


class Outcome:
    """What tenacity calls a future: how the last attempt ended."""

    __slots__ = ("_error", "attempt_number")

    def __init__(self, error: BaseException | None, attempt_number: int) -> None:
        self._error, self.attempt_number = error, attempt_number

    @property
    def failed(self) -> bool:
        return self._error is not None

    def exception(self, timeout: float | None = None) -> BaseException | None:
        del timeout  # the outcome is there already
        return self._error

    def result(self, timeout: float | None = None) -> Any:
        del timeout
        if self._error is not None:
            raise self._error
        return None

    def done(self) -> bool:
        return True


@dataclass(slots=True)
class CallState:
    """The part of tenacity's ``RetryCallState`` that wait and stop objects read."""

    attempt_number: int
    seconds_since_start: float
    outcome: Outcome
    start_time: float = 0.0
    outcome_timestamp: float = 0.0
    idle_for: float = 0.0
    upcoming_sleep: float = 0.0
    next_action: Any = None
    retry_object: Any = None
    fn: Any = None
    args: tuple[Any, ...] = ()
    kwargs: Any = None


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently. ``wait`` and ``stop`` are tenacity objects; None for ``wait`` is an exponential
    wait with full jitter (0.25 s doubling to 8 s) from the call's own random generator.

    ``elsewhere`` are classes of errors that end a call unless they are named here, in which case another endpoint is
    asked: ``(ContentBlocked,)`` offers what one vendor's content policy refused to the next.
    """

    attempts: int = MAX_ATTEMPTS
    wait: Callable[[Any], float] | None = None
    stop: Callable[[Any], bool] | None = None
    elsewhere: tuple[type[ProviderError], ...] = ()


DEFAULT_RETRY = RetryPolicy()


def backoff(repeat: int, rng: Random) -> float:
    """Seconds to wait before the ``repeat``-th repeat at one endpoint (from 1): anything up to the exponential."""
    return rng.random() * min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(repeat - 1, 16))


def next_move(
    history: Sequence[Tried],
    plan: Plan,
    *,
    now: float,
    rng: Random,
    started: float = 0.0,
    deadline: float | None = None,
    policy: RetryPolicy = DEFAULT_RETRY,
    avoid: Container[str] = (),
) -> Move:
    """What to do after the last attempt of ``history`` failed.

    ``history`` holds every failed attempt of the call, in order; ``avoid`` names endpoints that can't help (see
    :meth:`Fleet.avoid <modelmux.routing.fleet.Fleet.avoid>`). Times are seconds on one clock, ``deadline`` absolute.

    A fresh endpoint of the plan comes first, at once. When there is none, the endpoint that may be asked again
    soonest is, after its wait: never shorter than its Retry-After. A wait that ends at or after the deadline is not
    begun. An error that no retry helps ends the call, and so does the attempt limit.
    """
    last = history[-1]
    error = last.error
    if not isinstance(error, ProviderError) or (error.retry is Retry.NEVER and not isinstance(error, policy.elsewhere)):
        return Move("give_up", reason="no retry helps")
    limit = min(policy.attempts, plan.max_attempts)
    if len(history) >= limit:
        return Move("give_up", reason=f"{limit} attempts were made")
    if deadline is not None and now >= deadline:
        return Move("give_up", reason="the deadline has passed")
    wait, name = _soonest(history, plan, now, rng, started, policy, avoid)
    if name is None:
        return Move("give_up", reason="nothing is left to try")
    if policy.stop is not None:
        state = _state(history, now, started)
        state.upcoming_sleep = wait
        if policy.stop(state):
            return Move("give_up", reason="the stop condition holds")
    if wait and deadline is not None and now + wait >= deadline:
        return Move("give_up", reason=f"the deadline is nearer than the wait of {wait:.2f} s")
    return Move("same" if name == last.name else "next", wait, name)


def _soonest(
    history: Sequence[Tried],
    plan: Plan,
    now: float,
    rng: Random,
    started: float,
    policy: RetryPolicy,
    avoid: Container[str],
) -> tuple[float, str | None]:
    tried = {attempt.name: attempt for attempt in history}
    for name in plan.names:
        if name not in tried and name not in avoid:
            return 0.0, name
    best: tuple[float, str | None] = (0.0, None)
    for name in dict.fromkeys((*plan.names, *tried)):
        attempt = tried.get(name)
        if attempt is None or name in avoid or not _again(attempt.error):
            continue
        wait = _wait(attempt, history, now, rng, started, policy)
        if best[1] is None or wait < best[0]:
            best = (wait, name)
    return best


def _again(error: BaseException) -> bool:
    return isinstance(error, ProviderError) and error.retry is Retry.SAME


def _wait(
    attempt: Tried, history: Sequence[Tried], now: float, rng: Random, started: float, policy: RetryPolicy
) -> float:
    if policy.wait is None:
        pause = backoff(sum(other.name == attempt.name for other in history), rng)
    else:
        pause = max(0.0, float(policy.wait(_state(history, now, started))))
    asked = getattr(attempt.error, "retry_after", None)
    if asked:
        # Jitter on top of what the vendor asks, so that callers told the same moment do not come back together.
        pause = asked + min(pause, 0.1 * asked)
    return max(0.0, attempt.at + pause - now)


def _state(history: Sequence[Tried], now: float, started: float) -> CallState:
    number = len(history)
    return CallState(
        number,
        now - started,
        Outcome(history[-1].error, number),
        start_time=started,
        outcome_timestamp=history[-1].at,
    )
