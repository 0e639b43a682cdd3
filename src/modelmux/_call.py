"""A call as data: what the caller asked, what all calls of a Mux share, and how far one has come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelmux._upstream import place
from modelmux.money import Money
from modelmux.routing import retry
from modelmux.routing.claims import Outcome

if TYPE_CHECKING:
    from random import Random

    from modelmux._attempt import Trial
    from modelmux._clock import Clock
    from modelmux._http import HttpRequest
    from modelmux._resume import Partial
    from modelmux._secret import Secret
    from modelmux.cost.recorder import Recorder
    from modelmux.receipt import Attempt, Receipt
    from modelmux.routing.ceilings import Ceiling
    from modelmux.routing.claims import Grant, Scopes
    from modelmux.routing.health import Snapshot
    from modelmux.routing.hedging import Hedge
    from modelmux.routing.needs import RouteOptions
    from modelmux.routing.plan import Decision
    from modelmux.routing.table import Fleet
    from modelmux.state import Store
    from modelmux.types import Request, Warning


@dataclass(frozen=True, slots=True)
class Env:
    """What all calls of a Mux share."""

    clock: Clock
    state: Store
    recorder: Recorder
    rng: Random
    max_response_bytes: int
    retry: retry.RetryPolicy = retry.DEFAULT_RETRY


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """One call, which nobody changes. ``deadline`` is absolute on the monotonic clock, ``seconds`` its length as the
    caller gave it.

    ``may_restart``: whether a broken stream may begin anew in front of the caller, which only the native API can say.

    ``bytes_of`` is a wire: what an endpoint that speaks it answers is handed over as bytes too, an error's at its
    ``answer``. ``came`` are requests as their maker wrote them, by the endpoint they were meant for: address and
    headers stay theirs. ``headers`` are added to those for a provider.

    ``told`` gets the receipt, once, however the call ends: by a reply, an error, or because the caller left it.
    """

    id: str
    request: Request
    fleet: Fleet
    options: RouteOptions
    stream: bool = False
    deadline: float | None = None
    seconds: float | None = None
    attempt_timeout: float | None = None
    ttft: float | None = None
    on_break: str = "raise"
    may_restart: bool = True
    hedge: Hedge | None = None
    strict: bool = False
    exact_usage: bool = True
    tags: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, Secret] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    bytes_of: str | None = None
    came: Mapping[str, HttpRequest] = field(default_factory=dict)
    headers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    told: Callable[[Receipt], None] | None = None

    def scopes(self, name: str) -> Scopes:
        """What state is kept by for an attempt at ``name``. One that brings a key of its own answers for that only."""
        target = self.fleet.target(name)
        key = self.keys.get(place(target)) if self.keys else None
        return target.scopes if key is None else target.scopes_with(key)

    @property
    def all_scopes(self) -> Sequence[Scopes]:
        return self.fleet.scopes if not self.keys else [self.scopes(name) for name in self.fleet.names]


@dataclass(slots=True)
class Progress:
    """A call under way: the decision, what was tried, what it cost, what could not be said.

    ``snapshot`` is what the decision was made on. ``trial`` is the attempt that ended last; ``partial`` what was handed
    over of a stream that broke. ``forced``: every breaker is open, so that this call makes one attempt and no more.
    """

    call: Call
    env: Env
    decision: Decision
    snapshot: Snapshot
    began: float
    attempts: list[Attempt] = field(default_factory=list)
    history: list[retry.Tried] = field(default_factory=list)
    warnings: list[Warning] = field(default_factory=list)
    avoid: frozenset[str] = frozenset()
    trial: Trial | None = None
    partial: Partial | None = None
    forced: bool = False
    spent: int = 0
    numbered: int = 0

    def give_back(self, grant: Grant) -> None:
        """Nothing was sent with this grant, unless how that ended was said already."""
        if not grant.settled:
            self.env.state.settle(grant, Outcome(self.env.clock.monotonic(), None, sent=False))

    def number(self) -> int:
        """The number of the attempt that begins now."""
        self.numbered += 1
        return self.numbered

    def ceiling(self, name: str) -> Ceiling | None:
        """What a further attempt at ``name`` may come to under ``max_cost``, given what the others cost at most; None
        without a ceiling.
        """
        limit = self.call.options.max_cost
        needs = self.decision.needs
        if limit is None or needs is None:
            return None
        left = Money(limit.nano - self.spent, limit.currency)
        return self.call.fleet.ceiling(needs, name, left=left, now=self.env.clock.time())

    def elsewhere(self, name: str) -> bool:
        """Whether another endpoint of the plan is still to be tried after ``name``."""
        if len(self.history) + 1 >= min(self.env.retry.attempts, self.decision.plan.max_attempts):
            return False
        tried = {tried.name for tried in self.history}
        return any(
            other != name and other not in tried and other not in self.avoid for other in self.decision.plan.names
        )
