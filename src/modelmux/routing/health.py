"""What traffic teaches about endpoints: latency, failures and calls in flight. Pure state: the caller gives the time.

Latency is a peak-EWMA: a slower answer counts at once, a faster one is believed gradually. A failure never enters the
latency, so an endpoint that fails in a millisecond does not look fast; it raises ``trouble`` instead. An endpoint
never seen is not in the mappings of a :class:`Snapshot`; scores use a prior for it. Breakers and rate limits keep
their state beside this one and speak through ``Snapshot.blocked``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import exp
from typing import TYPE_CHECKING, Any, TypeVar

from modelmux._quick import quick

if TYPE_CHECKING:
    from modelmux.routing.claims import Blocked

DECAY = 10.0
"""Seconds after which a newer, faster answer counts for 63 % (and one failure is 63 % forgiven)."""

STALE = 300.0
"""Seconds without traffic after which an endpoint's latency is forgotten: it is cold again."""

SILENT = 1.5
"""Seconds without a good answer after which the calls under way at an endpoint are said to wait in silence."""

T = TypeVar("T")

_SWEEP = 30.0
_FAILURE = 0.3  # what one failure moves trouble towards 1


@quick
@dataclass(frozen=True, slots=True)
class Snapshot:
    """Health at one moment. Mappings are by endpoint name and lack what is not known.

    ``ttft`` is seconds to the first token, ``per_token`` seconds per output token after it, ``in_flight`` calls
    under way, ``trouble`` the recent share of failures (0 to 1), ``blocked`` says which can't be asked now, until
    when and why; ``silent`` is for how many seconds calls have waited without a good answer. ``features`` holds
    what a policy's ``prepare`` worked out.
    """

    ttft: Mapping[str, float] = field(default_factory=dict)
    per_token: Mapping[str, float] = field(default_factory=dict)
    in_flight: Mapping[str, int] = field(default_factory=dict)
    trouble: Mapping[str, float] = field(default_factory=dict)
    at: float = 0.0
    features: Mapping[str, Any] = field(default_factory=dict)
    blocked: Mapping[str, Blocked] = field(default_factory=dict)
    silent: Mapping[str, float] = field(default_factory=dict)


COLD = Snapshot()
"""Nothing is known of any endpoint."""


class Health:
    """Counts and averages per endpoint. ``at`` is seconds on any one steady clock.

    Single dict operations only, so threads may call it without a lock; a lost race costs one sample of an average.
    """

    __slots__ = ("_failed_at", "_in_flight", "_per_token", "_quiet_since", "_seen", "_swept", "_trouble", "_ttft")

    def __init__(self) -> None:
        self._ttft: dict[str, float] = {}
        self._per_token: dict[str, float] = {}
        self._in_flight: dict[str, int] = {}
        self._quiet_since: dict[str, float] = {}
        self._trouble: dict[str, float] = {}
        self._seen: dict[str, float] = {}
        self._failed_at: dict[str, float] = {}
        self._swept = 0.0

    def started(self, name: str, at: float) -> None:
        """An attempt goes out. Follow with exactly one of :meth:`succeeded`, :meth:`failed`, :meth:`cancelled`."""
        self._in_flight[name] = self._in_flight.get(name, 0) + 1
        self._quiet_since.setdefault(name, at)

    def succeeded(self, name: str, ttft: float | None, per_token: float | None, at: float) -> None:
        """An attempt ended well. ``ttft`` and ``per_token`` in seconds, None where they could not be measured."""
        self._quiet_since[name] = at
        self.cancelled(name)
        seen = self._seen.get(name)
        keep = 0.0 if seen is None else exp(-max(0.0, at - seen) / DECAY)
        if ttft is not None:
            _peak(self._ttft, name, ttft, keep)
        if per_token is not None:
            _peak(self._per_token, name, per_token, keep)
        if ttft is not None or per_token is not None:
            self._seen[name] = at
        trouble = self._trouble_at(name, at) * (1 - _FAILURE)
        if trouble:
            self._set_trouble(name, trouble, at)

    def failed(self, name: str, at: float) -> None:
        """An attempt failed in a way that says something about the endpoint."""
        self.cancelled(name)
        trouble = self._trouble_at(name, at)
        self._set_trouble(name, trouble + (1 - trouble) * _FAILURE, at)

    def cancelled(self, name: str) -> None:
        """An attempt ended without saying anything about the endpoint."""
        left = self._in_flight.get(name, 0) - 1
        if left > 0:
            self._in_flight[name] = left
        else:
            self._in_flight.pop(name, None)
            self._quiet_since.pop(name, None)

    def forget(self, name: str) -> None:
        """Take ``name`` for one never measured: a breaker ejected it, and what comes back may be another machine."""
        for table in (self._seen, self._ttft, self._per_token, self._trouble, self._failed_at):
            table.pop(name, None)

    def land(self) -> None:
        """Nothing is in flight any more: in a forked child, what was is its parent's."""
        self._in_flight.clear()
        self._quiet_since.clear()

    def snapshot(
        self,
        names: Iterable[str] | None = None,
        *,
        at: float = 0.0,
        features: Mapping[str, Any] | None = None,
        blocked: Mapping[str, Blocked] | None = None,
    ) -> Snapshot:
        """A copy of what is known now; of ``names`` only when given. ``blocked`` is taken as it is."""
        if at - self._swept > _SWEEP:
            self._sweep(at)
        wanted = None if names is None else set(names)
        trouble = {name: self._trouble_at(name, at) for name in list(self._trouble)} if self._trouble else {}
        silent = {name: at - since for name, since in self._quiet_since.items() if at - since > SILENT}
        return Snapshot(
            _of(self._ttft, wanted),
            _of(self._per_token, wanted),
            _of(self._in_flight, wanted),
            _of(trouble, wanted),
            at,
            features or {},
            blocked or {},
            silent,
        )

    def _trouble_at(self, name: str, at: float) -> float:
        trouble = self._trouble.get(name, 0.0)
        if not trouble:
            return 0.0
        return trouble * exp(-max(0.0, at - self._failed_at.get(name, at)) / DECAY)

    def _set_trouble(self, name: str, trouble: float, at: float) -> None:
        if trouble < 0.01:
            self._trouble.pop(name, None)
            self._failed_at.pop(name, None)
        else:
            self._trouble[name], self._failed_at[name] = trouble, at

    def _sweep(self, at: float) -> None:
        self._swept = at
        for name, seen in list(self._seen.items()):
            if at - seen > STALE:
                for table in (self._seen, self._ttft, self._per_token):
                    table.pop(name, None)
        for name in list(self._trouble):
            self._set_trouble(name, self._trouble_at(name, at), at)


def _of(table: dict[str, T], wanted: set[str] | None) -> dict[str, T]:
    """A copy of ``table``, without what is not wanted."""
    copy = table.copy()
    if wanted is None or copy.keys() <= wanted:
        return copy
    return {name: value for name, value in copy.items() if name in wanted}


def _peak(table: dict[str, float], name: str, value: float, keep: float) -> None:
    old = table.get(name)
    table[name] = value if old is None or value >= old else old * keep + value * (1 - keep)
