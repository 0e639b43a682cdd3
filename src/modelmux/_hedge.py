"""A second attempt beside a slow first one, at another provider."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from modelmux import _leg as leg
from modelmux._admission import claim
from modelmux._effects import Effect, Race, Won
from modelmux.errors import ModelmuxError
from modelmux.routing.claims import Grant
from modelmux.routing.retry import Tried

if TYPE_CHECKING:
    from modelmux._attempt import Trial
    from modelmux._call import Progress
    from modelmux.routing.hedging import Hedge
    from modelmux.types import Event

Leg = Generator[Effect, Any, "tuple[Trial, list[Event]]"]


class Withdrawn(ModelmuxError):
    """This hedge was not sent: nothing of its share, its money or its endpoint's room was left. Never seen outside."""


def hedged(progress: Progress, grant: Grant, hedge: Hedge) -> Leg:
    """The first attempt of a call, with a second one beside it when it is late. Raises what the first one raises."""
    call, env = progress.call, progress.env
    name = grant.scopes.endpoint
    other = _other(progress, name)
    after = env.state.late(hedge, name, call.stream, env.clock.monotonic())
    if other is None or after is None:
        return (yield from leg.run(progress, grant))
    legs = (leg.run(progress, grant), _second(progress, other, hedge))
    now = env.clock.monotonic()
    try:
        won: Won = yield Race(legs, (now, now + after))
        if won.emit is None:
            return won.value  # type: ignore[no-any-return]  # what the leg returned
        yield won.emit
        return (yield from legs[won.leg])
    finally:
        for other_leg in legs:
            if not getattr(other_leg, "gi_running", False):  # else its thread, told to stop, is inside it and ends it
                other_leg.close()


def _second(progress: Progress, name: str, hedge: Hedge) -> Leg:
    decision, env = progress.decision, progress.env
    bound = decision.bound(name)
    cost = 0 if bound is None else bound.nano
    ceiling = progress.ceiling(name)
    if ceiling is not None and ceiling.reason:
        raise Withdrawn(ceiling.reason)
    answer = yield claim(progress, name)
    if not isinstance(answer, Grant):
        raise Withdrawn(answer.reason)
    try:
        if not env.state.may_hedge(hedge, cost, env.clock.monotonic()):
            raise Withdrawn("the share of hedges is used up")
        return (yield from leg.run(progress, answer))
    except ModelmuxError as error:
        if not isinstance(error, Withdrawn):
            progress.history.append(Tried(name, error, env.clock.monotonic()))
        raise
    finally:
        progress.give_back(answer)


def _other(progress: Progress, name: str) -> str | None:
    """The next endpoint of the plan that another provider serves."""
    fleet = progress.call.fleet
    here = fleet.target(name).scopes.provider
    return next((n for n in progress.decision.plan.names if fleet.target(n).scopes.provider != here), None)
