"""Circuit breakers: what keeps failing is left alone for a while, then asked by one attempt at a time.

Pure state: the caller gives the time (seconds on one steady clock) and calls under one lock. There is a breaker per
endpoint, per key and per provider at its origin, and each failure counts where its class says (``errors``: ``blames``
and ``weight``). A breaker is *closed* (asked as usual), *open* (not asked before ``until``) or *due*: the next attempt
is a probe, whose outcome closes or opens it again. Nothing is kept of what never failed, so while all is well every
method returns at once.

An ejection lasts a second at first and twice as long after each failed probe, up to eight. Where only people can heal
(a wrong key, a model that is gone) it grows on with a quarter of the time since the trip, up to ten minutes. A spent
quota rests for an hour: no answer tells when the account was filled up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import exp, inf
from random import Random
from types import MappingProxyType

from modelmux.errors import AttemptTimeout, Blame, ModelNotFound, ProviderError, Retry, ServerError, StreamInterrupted
from modelmux.routing.claims import Blocked, Scopes

STREAK = 4.0
"""Failures in a row (their weights summed) that eject."""

RATE, LEAST, WINDOW = 0.5, 10.0, 10.0
"""This share of failures among the attempts of the last ``WINDOW`` seconds ejects, when there were ``LEAST``."""

STEEP = 8.0
"""Seconds up to which an ejection doubles; most classes of failure end here, so that what healed is soon back."""

PROBATION = 5
"""Successes after a good probe before a failure is a first one again. Until then one failure ejects, for longer."""

PROBE = 4.0
"""Seconds after which a probe without an outcome no longer keeps others away: it hangs, or its process is gone."""

QUIET = 60.0
"""Seconds without a failure after which a breaker is forgotten, its growth with it."""

_JITTER = 0.25
_KINDS: tuple[Blame, ...] = ("endpoint", "key", "provider")
_PHASES: Mapping[str, tuple[Blame, float]] = {"pool": ("caller", 0.0), "connect": ("provider", 1.0)}
_NONE: Mapping[str, Blocked] = MappingProxyType({})


def blame(error: BaseException | None) -> tuple[Blame, float]:
    """Whose fault ``error`` is and what it counts: the facts of its class, but for a timeout those of its phase, and
    for a broken stream those of what broke it. An exception that is no ProviderError counts nowhere.
    """
    if isinstance(error, StreamInterrupted) and isinstance(error.__cause__, ProviderError):
        error = error.__cause__
    if not isinstance(error, ProviderError):
        return "caller", 0.0
    if isinstance(error, ServerError) and error.retry is not Retry.SAME:
        return "caller", 0.0  # a vendor that answers 500 to what its model cannot do
    if isinstance(error, ModelNotFound) and error.missing != "model":
        return "caller", 0.0
    if isinstance(error, AttemptTimeout) and error.phase in _PHASES:
        return _PHASES[error.phase]
    return error.blames, error.weight


class _Breaker:
    """One endpoint, key or provider that failed lately. Closed while ``blocked`` is None."""

    __slots__ = (
        "bad",
        "blocked",
        "changed_at",
        "failed_at",
        "good",
        "grown",
        "probation",
        "probe",
        "probe_until",
        "reason",
        "streak",
        "times",
        "tripped_at",
        "until",
        "updated",
    )

    def __init__(self, at: float) -> None:
        self.streak = 0.0
        self.good = self.bad = 0.0  # of the window, fading
        self.updated = self.failed_at = self.tripped_at = self.until = at
        self.changed_at = -inf  # when it last opened, or closed
        self.grown = 0  # how often the ejection was doubled
        self.times = 0  # failures since it was last well
        self.probation = 0
        self.probe = 0
        self.probe_until = 0.0
        self.reason = ""
        self.blocked: Blocked | None = None

    def due(self, at: float) -> float:
        """0.0 when it may be asked now, else when."""
        if self.blocked is None:
            return 0.0
        until = max(self.until, self.probe_until) if self.probe else self.until
        return until if at < until else 0.0

    def count(self, good: float, bad: float, at: float) -> None:
        fade = exp(-max(0.0, at - self.updated) / WINDOW)
        self.good = self.good * fade + good
        self.bad = self.bad * fade + bad
        self.updated = max(at, self.updated)

    def too_bad(self) -> bool:
        known = self.good + self.bad
        return self.streak >= STREAK or self.probation > 0 or (known >= LEAST and self.bad >= RATE * known)

    def eject(self, error: ProviderError, at: float, began: float, jitter: float, kind: Blame) -> None:
        first, longest = error.ejection
        steps = min(first * 2.0 ** min(self.grown, 60), STEEP)
        rest = min(longest, max(first, steps, (at - self.tripped_at) / 4))
        rest *= 1 - _JITTER * jitter
        # A probe that hung has waited some of its time already.
        self.until = at + rest if began > at else max(at + min(rest, first), began + rest)
        count = f"{self.times} failure{'s' * (self.times != 1)}"
        self.reason = f"breaker of the {kind} open: {count}, last {_said(error)}"
        self.blocked = Blocked(self.until, self.reason)
        self.probe = 0
        self.changed_at = at

    def probed(self, number: int, at: float) -> None:
        self.probe, self.probe_until = number, at + PROBE
        self.blocked = Blocked(max(self.until, self.probe_until), f"{self.reason}; a probe is under way", probing=True)

    def unprobed(self) -> None:
        self.probe = 0
        self.blocked = Blocked(self.until, self.reason)

    def close(self, at: float) -> None:
        self.blocked = None
        self.probe = 0
        self.streak = self.good = self.bad = 0.0
        self.times = 0
        self.probation = PROBATION
        self.changed_at = self.failed_at = (
            at  # the growth is remembered for a while: what flaps is left alone for longer
        )


def _said(error: ProviderError) -> str:
    name = type(error).__name__
    return f"{name} (HTTP {error.status})" if error.status else name


class Breakers:
    """The breakers of a Mux. Methods take the :class:`~modelmux.routing.claims.Scopes` of an endpoint and the time.

    After :meth:`admit`, call exactly one of :meth:`succeeded`, :meth:`failed`, :meth:`released`, with the number it
    gave and, as ``began``, the time it was called at. Not safe between threads: hold one lock around each call.
    """

    __slots__ = ("_known", "_open", "_probes", "_rng", "_swept")

    def __init__(self, rng: Random | None = None) -> None:
        self._rng = Random(0) if rng is None else rng
        self._known: tuple[dict[str, _Breaker], ...] = ({}, {}, {})  # in the order of Scopes
        self._open: tuple[dict[str, _Breaker], ...] = ({}, {}, {})
        self._probes = 0
        self._swept = 0.0

    def __len__(self) -> int:
        """How many breakers are open."""
        return sum(map(len, self._open))

    # --- before an attempt

    def wait(self, scopes: Scopes, at: float) -> float:
        """0.0 when the endpoint may be asked now; else the time at which its next probe is due."""
        latest = 0.0
        for opened, scope in zip(self._open, scopes, strict=True):
            if scope in opened:
                latest = max(latest, opened[scope].due(at))
        return latest

    def admit(self, scopes: Scopes, at: float) -> int:
        """Take leave for an attempt. 0 when it is an ordinary one, else the number of the probe that it is.

        Ask :meth:`wait` first. An attempt that goes out although the answer was not 0.0, because nothing else is
        left, takes the probe of every breaker that has none under way.
        """
        number = 0
        for opened, scope in zip(self._open, scopes, strict=True):
            breaker = opened.get(scope)
            if breaker is not None and not (breaker.probe and at < breaker.probe_until):
                if not number:
                    self._probes = number = self._probes + 1
                breaker.probed(number, at)
        return number

    def blocked(self, among: Iterable[Scopes], at: float) -> Mapping[str, Blocked]:
        """Those of ``among`` that may not be asked now, by endpoint name. Empty, at once, while nothing is open."""
        endpoints, keys, providers = self._open
        if not (endpoints or keys or providers):
            return _NONE
        if keys or providers:
            hit = [s for s in among if s[0] in endpoints or s[1] in keys or s[2] in providers]
        else:
            hit = [s for s in among if s[0] in endpoints]
        found: dict[str, Blocked] = {}
        for scopes in hit:
            worst = max((o[s] for o, s in zip(self._open, scopes, strict=True) if s in o), key=lambda b: b.due(at))
            if worst.due(at):
                assert worst.blocked is not None
                found[scopes.endpoint] = worst.blocked
        return found

    # --- after it

    def succeeded(self, scopes: Scopes, at: float, probe: int = 0, *, began: float = -inf) -> None:
        """A whole, good answer: a good probe closes its breakers."""
        for kind, scope in enumerate(scopes):
            if scope in self._known[kind]:
                self._well(kind, scope, at, probe, began)

    def failed(
        self, scopes: Scopes, error: BaseException | None, at: float, probe: int = 0, *, began: float = inf
    ) -> bool:
        """An attempt failed. True when this ejected an endpoint, key or provider (again): what averages remember of
        its endpoints is then best forgotten, because the breaker speaks for them.
        """
        whose, weight = blame(error)
        guilty = _KINDS.index(whose) if whose in _KINDS and weight > 0 else -1
        answered = isinstance(error, ProviderError) and error.status is not None
        for kind, scope in enumerate(scopes):
            if kind != guilty and scope in self._open[kind]:
                if answered and _KINDS[kind] == "provider":
                    self._well(kind, scope, at, probe, began)  # a refusal, too, comes over a connection
                else:
                    self._release(kind, scope, probe)
        if guilty < 0:
            return False
        if isinstance(error, StreamInterrupted):
            error = error.__cause__ or error
        assert isinstance(error, ProviderError)
        return self._ill(guilty, scopes[guilty], error, weight, at, probe, began)

    def released(self, scopes: Scopes, probe: int = 0) -> None:
        """The attempt ended without a verdict: cancelled, never sent, or the caller's own mistake."""
        if probe:
            for kind, scope in enumerate(scopes):
                self._release(kind, scope, probe)

    def reset(self, scopes: Scopes | None = None) -> None:
        """Somebody acted (a new key, an account filled up): forget what is held against ``scopes``, or everything."""
        for kind in range(len(_KINDS)):
            for table in (self._known[kind], self._open[kind]):
                if scopes is None:
                    table.clear()
                else:
                    table.pop(scopes[kind], None)

    # --- one breaker

    def _well(self, kind: int, scope: str, at: float, probe: int, began: float) -> None:
        breaker = self._known[kind][scope]
        if breaker.blocked is not None:
            if probe or began > breaker.changed_at:  # one sent before the trip says nothing of the time since
                breaker.close(at)
                del self._open[kind][scope]
            return
        breaker.streak = 0.0
        breaker.times = 0
        if breaker.probation:
            breaker.probation -= 1
        breaker.count(1.0, 0.0, at)
        if at - breaker.failed_at > QUIET:
            del self._known[kind][scope]

    def _ill(
        self, kind: int, scope: str, error: ProviderError, weight: float, at: float, probe: int, began: float
    ) -> bool:
        self._sweep(at)
        breaker = self._known[kind].get(scope)
        if breaker is None:
            breaker = self._known[kind][scope] = _Breaker(at)
        if breaker.blocked is None:
            if began < breaker.changed_at:
                return False  # it closed meanwhile
            if at - breaker.failed_at > QUIET:
                breaker.grown, breaker.streak, breaker.times = 0, 0.0, 0
            breaker.failed_at = at
            breaker.times += 1
            breaker.streak += weight
            breaker.count(0.0, min(weight, 1.0), at)
            if not breaker.too_bad():
                return False
            if breaker.probation:
                breaker.grown += 1
                breaker.probation = 0
            breaker.tripped_at = at
        elif probe and breaker.probe == probe:
            breaker.failed_at = at
            breaker.times += 1
            breaker.grown += 1
        else:
            return False  # sent before the trip, or one that had to go out although nothing was due
        self._open[kind][scope] = breaker
        breaker.eject(error, at, began, self._rng.random(), _KINDS[kind])
        return True

    def _release(self, kind: int, scope: str, probe: int) -> None:
        breaker = self._open[kind].get(scope)
        if breaker is not None and probe and breaker.probe == probe:
            breaker.unprobed()

    def _sweep(self, at: float) -> None:
        """Forget what was closed and quiet for long: names come and go with callers' own keys."""
        if at - self._swept < QUIET:
            return
        self._swept = at
        for known, opened in zip(self._known, self._open, strict=True):
            for scope in [s for s, b in known.items() if s not in opened and at - b.failed_at > QUIET]:
                del known[scope]
