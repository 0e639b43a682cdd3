"""A simulation of callers and vendors over the routing machines alone: virtual time, synthetic endpoints, no exchange.

A caller decides, tries the plan in turn without waiting, at most three times, and settles each attempt. A vendor is a
function from the time of an attempt to how long it takes and the error it ends in, None for a good answer.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from random import Random

from modelmux.errors import ProviderError
from modelmux.routing.breakers import Breakers
from modelmux.routing.claims import Scopes
from modelmux.routing.health import Health
from modelmux.routing.table import Fleet
from routing.fleets import NOW, ask, model, target

Vendor = Callable[[float], tuple[float, ProviderError | None]]


@dataclass(slots=True)
class Attempt:
    call: int
    name: str
    began: float
    ended: float
    error: ProviderError | None
    probe: int


@dataclass(slots=True)
class Caller:
    number: int
    began: float
    names: list[str]
    most: int
    tries: int = 0


@dataclass
class World:
    """``vendors`` by endpoint name; every endpoint has its own key and provider unless ``scopes`` says otherwise.
    ``ranked``: for ``priority`` each is a group of its own, in that order.
    """

    vendors: Mapping[str, Vendor]
    seed: int = 0
    policy: str = "balanced"
    ranked: bool = False
    scopes: Mapping[str, Scopes] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    served: dict[int, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        same = model("m")
        self.fleet = Fleet(
            [
                target(name, same, provider=f"at-{name}", group=place * self.ranked)
                for place, name in enumerate(self.vendors)
            ]
        )
        self.where = {name: self.scopes.get(name, Scopes(name, f"key-{name}", f"at-{name}")) for name in self.vendors}
        self.rng = Random(self.seed)
        self.breakers, self.health = Breakers(Random(self.seed + 1)), Health()
        self.request = ask()
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._count = 0

    # --- the two loads

    def closed(self, callers: int, until: float) -> None:
        """``callers`` at once, each calling again as soon as it has its answer."""

        def again(at: float) -> None:
            if at < until:
                self._call(at, then=again)

        for _ in range(callers):
            self._at(0.0, again)
        self._run()

    def open(self, rate: float, until: float) -> None:
        """``rate`` calls a second, whatever becomes of them."""
        for number in range(int(rate * until)):
            self._at(number / rate, self._call)
        self._run()

    # --- one call

    def _call(self, at: float, then: Callable[[float], None] = lambda _: None) -> None:
        snapshot = self.health.snapshot(at=at, blocked=self.breakers.blocked(self.where.values(), at))
        plan = self.fleet.decide(self.request, policy=self.policy, snapshot=snapshot, rng=self.rng, now=NOW).plan
        caller = Caller(len(self.served), at, list(plan.names), plan.max_attempts)
        self.served[caller.number] = False
        self._try(caller, at, then)

    def _try(self, caller: Caller, at: float, then: Callable[[float], None]) -> None:
        last_resort = caller.most == 1
        while caller.names and caller.tries < caller.most:
            name = caller.names.pop(0)
            scopes = self.where[name]
            if self.breakers.wait(scopes, at) and not last_resort:
                continue  # tripped, or taken for a probe, since the decision
            caller.tries += 1
            probe = self.breakers.admit(scopes, at)
            self.health.started(name, at)
            seconds, error = self.vendors[name](at)
            attempt = Attempt(caller.number, name, at, at + seconds, error, probe)
            self.attempts.append(attempt)
            self._at(at + seconds, partial(self._settle, caller, attempt, then))
            return
        then(at + 0.001)

    def _settle(self, caller: Caller, attempt: Attempt, then: Callable[[float], None], at: float) -> None:
        name, scopes = attempt.name, self.where[attempt.name]
        if attempt.error is None:
            self.breakers.succeeded(scopes, at, attempt.probe, began=attempt.began)
            self.health.succeeded(name, attempt.ended - attempt.began, None, at)
            self.served[caller.number] = True
            then(at)
            return
        self.health.failed(name, at)
        if self.breakers.failed(scopes, attempt.error, at, attempt.probe, began=attempt.began):
            self.health.forget(name)
        self._try(caller, at, then)

    def _at(self, at: float, what: Callable[[float], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (at, self._count, what))

    def _run(self) -> None:
        while self._events:
            at, _, what = heapq.heappop(self._events)
            what(at)

    # --- what came of it

    def share(self, name: str, since: float, until: float) -> float:
        """The part of the attempts begun between ``since`` and ``until`` that went to ``name``."""
        begun = [a.name for a in self.attempts if since <= a.began < until]
        return begun.count(name) / max(1, len(begun))

    @property
    def unserved(self) -> int:
        return sum(not good for good in self.served.values())


def steady(seconds: float, rng: Random) -> Vendor:
    """A vendor that answers in about ``seconds``."""
    return lambda at: (seconds * rng.lognormvariate(0, 0.2), None)


def broken(well: Vendor, fault: Callable[[], ProviderError], takes: float, since: float, until: float) -> Vendor:
    """``well`` outside of an outage in which every attempt ends in ``fault`` after ``takes`` seconds."""
    return lambda at: (takes, fault()) if since <= at < until else well(at)
