"""Leave to send: an attempt claims what it needs, waits for it, or goes elsewhere."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

from modelmux._effects import Claim, Effect, Sleep
from modelmux.errors import AtCapacity
from modelmux.routing.claims import LIMIT, Blocked, Grant
from modelmux.routing.queueing import choose

if TYPE_CHECKING:
    from modelmux._call import Progress

LONGEST_WAIT = 60.0
"""Seconds that a call without a deadline waits for a limit at most."""

_TURN = 0.001  # the shortest wait before asking again


def admitted(progress: Progress, first: str) -> Generator[Effect, Any, Grant | None]:
    """Leave to send to ``first``, or to the next endpoint of the plan that has room; waiting where only limits are in
    the way. None when a call that has tried something already finds nothing else. Raises AtCapacity.
    """
    clock, deadline = progress.env.clock, progress.call.deadline
    by = clock.monotonic() + LONGEST_WAIT if deadline is None else deadline
    names = _order(progress, first)
    waited = False
    while True:
        refusals: dict[str, Blocked] = {}
        for name in names:
            answer = yield claim(progress, name, waited=waited and name == names[0])
            if isinstance(answer, Grant):
                return answer
            refusals[name] = answer
        limited = [name for name in names if refusals[name].reason.startswith(LIMIT)]
        if not limited:
            return (yield from _forced(progress, refusals))
        now = clock.monotonic()
        waits = [max(0.0, refusals[name].until - now) for name in limited]
        seconds = [progress.decision.seconds(name) for name in limited]
        place = choose(waits, seconds, by - now).place
        if place is None:
            if progress.history:
                return None
            raise _at_capacity({name: refusals[name] for name in limited}, min(waits))
        answer = yield claim(progress, limited[place], patience=by - now, waited=waited)
        if isinstance(answer, Grant):
            yield from _until(progress, answer)
            return answer
        yield Sleep(min(by, max(answer.until, now + _TURN)))
        names, waited = _nearest(names, limited[place]), True


def _order(progress: Progress, first: str) -> list[str]:
    """``first``, then the plan's others that were not tried, in order."""
    tried = {tried.name for tried in progress.history}
    others = [n for n in progress.decision.plan.names if n not in tried and n not in progress.avoid]
    return list(dict.fromkeys((first, *others)))


def _nearest(names: list[str], name: str) -> list[str]:
    """The same names, ``name`` first: who waited for a slot there asks there first."""
    return [name, *[other for other in names if other != name]]


def claim(progress: Progress, name: str, *, patience: float = 0.0, force: bool = False, waited: bool = False) -> Claim:
    """What an attempt at ``name`` asks for."""
    decision = progress.decision
    needs = decision.needs
    written = 0 if needs is None else needs.output * needs.n
    return Claim(progress.call.scopes(name), decision.input_tokens(name), written, patience, force, waited)


def _forced(progress: Progress, refusals: Mapping[str, Blocked]) -> Generator[Effect, Any, Grant | None]:
    """Every breaker is open. A call that has tried nothing yet makes one attempt, where a probe is due first: an outage
    is not made worse by it, and its end is noticed at once.
    """
    if progress.history:
        return None
    name = min(refusals, key=lambda name: (refusals[name].probing, refusals[name].until))
    answer = yield claim(progress, name, force=True)
    if isinstance(answer, Grant):
        progress.forced = True
        return answer
    raise _at_capacity({name: answer}, max(0.0, answer.until - progress.env.clock.monotonic()))


def _until(progress: Progress, grant: Grant) -> Generator[Effect, Any, None]:
    """Wait for the moment that was reserved; give it back when the caller leaves."""
    clock, state = progress.env.clock, progress.env.state
    try:
        while grant.at > clock.monotonic():
            yield Sleep(grant.at)
            grant.at = state.due(grant, clock.monotonic())
    except BaseException:
        progress.give_back(grant)
        raise


def _at_capacity(refusals: Mapping[str, Blocked], wait: float) -> AtCapacity:
    said = "; ".join(f"{name}: {blocked.reason}" for name, blocked in refusals.items())
    return AtCapacity(f"no endpoint has room in time ({said})", retry_after=wait)
