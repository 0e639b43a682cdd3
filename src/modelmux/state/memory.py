"""State in this process: the machines of :mod:`modelmux.routing`, under one lock."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Sequence
from operator import itemgetter
from typing import TYPE_CHECKING

from modelmux.routing.breakers import Breakers, blame
from modelmux.routing.claims import Blocked, Grant, Outcome, Scopes
from modelmux.routing.health import Health, Snapshot
from modelmux.routing.hedging import Hedge, Times
from modelmux.routing.limits import Limits
from modelmux.routing.retry_budget import HedgeBudget, RetryBudget

if TYPE_CHECKING:
    from random import Random

    from modelmux.endpoint import Target


_NAME = itemgetter(Scopes._fields.index("endpoint"))


class MemoryStore:
    """See :class:`modelmux.state.Store`. ``rng`` spreads what many wait for."""

    def __init__(self, rng: Random | None = None) -> None:
        # A forgotten stream may be collected, and so settled, while this thread is in here: that one waits its turn.
        self._lock = threading.RLock()
        self._depth = 0
        self._late: deque[tuple[Grant, Outcome]] = deque()
        self._breakers = Breakers(rng)
        self._limits = Limits(rng)
        self._health = Health()
        self._repeats = RetryBudget()
        self._times = Times()
        self._hedges: dict[Hedge, HedgeBudget] = {}
        _stores.add(self)

    def know(self, targets: Sequence[Target]) -> None:
        with self._lock:
            for target in targets:
                self._limits.add(target)

    def look(self, scopes: Sequence[Scopes], at: float) -> Snapshot:
        with self._lock, self:
            blocked = self._blocked(scopes, at)
            return self._health.snapshot(map(_NAME, scopes), at=at, blocked=blocked)

    def _blocked(self, scopes: Sequence[Scopes], at: float) -> dict[str, Blocked]:
        found = dict(self._breakers.blocked(scopes, at))
        limited = self._limits.blocked(at)
        if limited:
            for one in scopes:
                worst = max((limited[s] for s in one if s in limited), key=lambda b: b.until, default=None)
                if worst is not None:
                    found.setdefault(one.endpoint, worst)
        return found

    def claim(
        self,
        scopes: Scopes,
        input_tokens: int,
        output_tokens: int,
        at: float,
        *,
        patience: float = 0.0,
        force: bool = False,
        waited: bool = False,
    ) -> Grant | Blocked:
        with self._lock, self:
            breakers = self._breakers
            if len(breakers) and not force:
                found = breakers.blocked((scopes,), at)
                if found:
                    return found[scopes.endpoint]
            taken = self._limits.take(scopes, input_tokens, output_tokens, at, patience, waited=waited)
            if isinstance(taken, Blocked):
                return taken
            probe = breakers.admit(scopes, at) if len(breakers) else 0
            self._health.started(scopes.endpoint, at)
            self._repeats.called(scopes.provider, at)
            return Grant(scopes, taken.at, probe, taken)

    def due(self, grant: Grant, at: float) -> float:
        with self._lock, self:
            return self._limits.due(grant.taken, at)

    def settle(self, grant: Grant, outcome: Outcome) -> None:
        with self._lock, self:
            if grant.settled:
                return
            grant.settled = True
            if self._depth > 1:
                self._late.append((grant, outcome))
            else:
                self._settle(grant, outcome)

    def _settle(self, grant: Grant, outcome: Outcome) -> None:
        scopes, at, name = grant.scopes, outcome.at, grant.scopes.endpoint
        news = self._limits.settle(grant.taken, outcome)
        if outcome.ok:
            self._breakers.succeeded(scopes, at, grant.probe, began=grant.at)
            self._health.succeeded(name, outcome.ttft, outcome.per_token, at)
            self._note(name, outcome)
        elif outcome.ok is None or not news:  # a crowd turned away is one failure, not as many as were in it
            self._breakers.released(scopes, grant.probe)
            self._health.cancelled(name)
            self._note(name, outcome)
        else:
            self._failed(grant, outcome)

    def __enter__(self) -> None:
        """One more time inside. The lock is held."""
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        try:
            while self._depth == 1 and self._late:
                self._settle(*self._late.popleft())
        finally:
            self._depth -= 1

    def _failed(self, grant: Grant, outcome: Outcome) -> None:
        name, error = grant.scopes.endpoint, outcome.error
        ejected = self._breakers.failed(grant.scopes, error, outcome.at, grant.probe, began=grant.at)
        if blame(error)[0] != "caller":
            self._health.failed(name, outcome.at)
        else:
            self._health.cancelled(name)
        if ejected:
            self._health.forget(name)

    def _note(self, name: str, outcome: Outcome) -> None:
        if outcome.waited is not None and self._hedges:
            self._times.add(name, outcome.stream, outcome.waited)

    def may_repeat(self, scopes: Scopes, at: float) -> bool:
        with self._lock:
            return self._repeats.may_repeat(scopes.provider, at)

    def late(self, hedge: Hedge, name: str, stream: bool, at: float) -> float | None:
        with self._lock:
            self._hedging(hedge).called(at)
            return hedge.after if hedge.after is not None else self._times.patience(name, stream)

    def may_hedge(self, hedge: Hedge, cost_nano: int, at: float) -> bool:
        with self._lock:
            return self._hedging(hedge).take(at, cost_nano)

    def _hedging(self, hedge: Hedge) -> HedgeBudget:
        found = self._hedges.get(hedge)
        if found is None:
            money = None if hedge.money is None else hedge.money.nano
            found = self._hedges[hedge] = HedgeBudget(hedge.share, money)
        return found

    def renew(self) -> None:
        """In a forked child: another thread of the parent may have held the lock, and its calls are not ours."""
        self._lock = threading.RLock()
        self._depth = 0
        self._late.clear()
        self._limits.land()
        self._health.land()


_stores: weakref.WeakSet[MemoryStore] = weakref.WeakSet()


def _after_fork() -> None:
    for store in list(_stores):
        store.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
