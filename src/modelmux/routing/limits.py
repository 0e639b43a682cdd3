"""Limits of rate and concurrency, kept before the vendor has to refuse. Pure state: the caller gives the time.

Requests, tokens, input tokens and output tokens a minute (:mod:`~modelmux.routing.gcra`) and calls at a time
(:mod:`~modelmux.routing.concurrency`), each for an endpoint, a key or a provider. What vendors say adds to what is
configured and never loosens it: a Retry-After is a pause, headers that tell a limit to be used up a wait until it is
renewed, a refusal for want of capacity lowers how many calls are under way.

:meth:`Limits.take` takes everything a call needs or nothing. It gives every waiter a time of its own, so that many of
them set off one after another. Whatever was taken is settled exactly once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from random import Random
from types import MappingProxyType
from typing import TYPE_CHECKING

from modelmux.errors import ConfigError, Overloaded, RateLimited
from modelmux.routing import limit_headers
from modelmux.routing._kept import AT, RATES, Amounts, Kept, Told
from modelmux.routing.claims import Blocked, Outcome, Scopes
from modelmux.routing.concurrency import Slots
from modelmux.routing.gcra import Gcra
from modelmux.routing.pauses import Pause

if TYPE_CHECKING:
    from modelmux.endpoint import Target
    from modelmux.errors import ProviderError
    from modelmux.providers import LimitHeader

NAMES = (*RATES, "concurrency")
"""The limits there are: of rate, a minute, and of calls at a time."""

_LOW_REQUESTS = 10
_LOW_CALLS = 10  # tokens left for fewer calls like the last one are remembered
_SMALL_CALL = 100.0


@dataclass(slots=True, eq=False)
class Taken:
    """What a call was given: leave to start at ``at``, on the steady clock."""

    scopes: Scopes
    at: float
    amounts: Amounts = (1.0, 0.0, 0.0, 0.0)
    holds: tuple[tuple[Gcra, int, int], ...] = ()
    """Bucket, place of its amount, number of the admission."""
    counted: tuple[str, ...] = ()
    """Scopes that count this call as under way."""


_ONE: Amounts = (1.0, 1.0, 1.0, 1.0)
_NOTHING: Mapping[str, Blocked] = MappingProxyType({})


class Limits:
    """The limits of all endpoints of a Mux. ``at`` is seconds on one steady clock, ``wall`` the time since the epoch.

    Not locked: its owner serialises the calls.
    """

    __slots__ = ("_flying", "_kept", "_rng", "_rules", "_tight", "_wall")

    def __init__(self, rng: Random | None = None, wall: Callable[[], float] = time.time) -> None:
        self._kept: dict[str, Kept] = {}
        self._flying: dict[str, int] = {}
        self._rules: dict[str, tuple[str, str, tuple[LimitHeader, ...]]] = {}  # endpoint -> its key, per, headers
        self._tight: set[str] = set()  # scopes that may be blocked
        self._rng = rng or Random()  # spreads waits, guards nothing
        self._wall = wall

    # --- what is configured

    def add(self, target: Target) -> None:
        """Keep the limits of an endpoint and of its key, and read its answers' headers. Idempotent."""
        scopes = target.scopes
        self.configure(scopes.endpoint, **{name: getattr(target, name) for name in NAMES})
        if target.key_limits:
            self.configure(scopes.key, **target.key_limits)
        rules = target.row.limits
        self._rules[scopes.endpoint] = (scopes.key, rules.per, rules.headers or limit_headers.COMMON)

    def configure(self, scope: str, **limits: int | None) -> None:
        """Set the limits of ``scope``: ``rpm``, ``tpm``, ``itpm``, ``otpm``, ``concurrency``; None for none.

        What is unchanged keeps its state. Raises ConfigError for a name or number that makes no sense.
        """
        caps: dict[str, int] = {}
        for name, value in limits.items():
            if name not in NAMES:
                raise ConfigError(f"{name}: no such limit; there are {', '.join(NAMES)}", field=name)
            if value is not None:
                if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                    raise ConfigError(f"{name}={value!r}: give a whole number above 0", field=name)
                caps[name] = value
        kept = self._kept.get(scope)
        if caps == (kept.caps if kept is not None else {}):
            return
        kept = self._of(scope)
        old = {index: bucket for bucket, index in kept.buckets}
        buckets = []
        for index, name in enumerate(RATES):
            if name in caps:
                same = old.get(index)
                buckets.append((same if same is not None and same.limit == caps[name] else Gcra(caps[name]), index))
        kept.buckets = tuple(buckets)
        if kept.slots is not None:
            kept.slots.cap = caps.get("concurrency")
        elif "concurrency" in caps:
            kept.slots = Slots(caps["concurrency"])
        kept.caps = caps

    # --- before the send

    def ready(self, scopes: Scopes, input_tokens: float, output_tokens: float, at: float) -> float:
        """The earliest time at which a call of so many tokens may start: ``at`` when now, inf when never."""
        if not self._kept:
            return at
        amounts = (1.0, input_tokens + output_tokens, input_tokens, output_tokens)
        when = at
        for scope in scopes:
            kept = self._kept.get(scope)
            if kept is not None:
                when = max(when, kept.earliest(amounts, at))
                if kept.slots is not None and not kept.slots.room(self._flying.get(scope, 0), at):
                    when = max(when, kept.slots.expected(at))
        return when

    def take(
        self,
        scopes: Scopes,
        input_tokens: float,
        output_tokens: float,
        at: float,
        patience: float = 0.0,
        *,
        waited: bool = False,
    ) -> Taken | Blocked:
        """Everything a call needs, to start within ``patience`` seconds; or nothing, and the reason.

        A :class:`Taken` holds its start; wait for it, then ask :meth:`due`. A :class:`Blocked` that names a time
        within the patience is for want of a slot: ask again then, with ``waited``, and go before who comes later.
        """
        flying, endpoint = self._flying, scopes.endpoint
        found = [(scope, kept) for scope in scopes if (kept := self._kept.get(scope)) is not None] if self._kept else ()
        if not found:
            flying[endpoint] = flying.get(endpoint, 0) + 1
            return Taken(scopes, at, counted=(endpoint,))
        amounts = (1.0, input_tokens + output_tokens, input_tokens, output_tokens)
        for scope, kept in found:
            if kept.slots is not None and not kept.slots.room(flying.get(scope, 0), at, waited):
                self._tight.add(scope)
                until = kept.slots.comes_back(at, self._rng, patience, waited)
                return Blocked(until, f"limit: {kept.slots.most} calls at a time")
        start = at
        for scope, kept in found:
            when = kept.earliest(amounts, at)
            if when > at:
                self._tight.add(scope)
                if when > at + patience or when == inf:
                    return Blocked(when, kept.why(amounts, at))
                start = max(start, when)
        return self._commit(scopes, found, amounts, start, waited)

    def _commit(
        self, scopes: Scopes, found: list[tuple[str, Kept]], amounts: Amounts, start: float, waited: bool
    ) -> Taken:
        holds: list[tuple[Gcra, int, int]] = []
        counted = [scopes.endpoint]
        for scope, kept in found:
            for bucket, index in kept.buckets:
                if amounts[index] > 0:
                    holds.append((bucket, index, bucket.take(amounts[index], start)))
                    if bucket.earliest(1.0, start) > start:
                        self._tight.add(scope)
            for told in kept.told.values():
                told.left -= amounts[AT[told.of]]
            if kept.pause is not None:
                kept.pause.release(start, self._rng)
            if kept.slots is not None:
                kept.slots.entered(waited)
                if scope != scopes.endpoint:
                    counted.append(scope)
            if kept.slots is not None and not kept.slots.room(self._flying.get(scope, 0) + 1, start, waited=True):
                self._tight.add(scope)
        for scope in counted:
            self._flying[scope] = self._flying.get(scope, 0) + 1
        return Taken(scopes, start, amounts, tuple(holds), tuple(counted))

    def due(self, taken: Taken, at: float) -> float:
        """When what was taken may really start, asked at its time: later than ``at`` where a vendor has told everybody
        to wait since. Wait for that, and ask again.
        """
        when = at
        for scope in taken.scopes:
            kept = self._kept.get(scope)
            if kept is not None and kept.pause is not None and kept.pause.until > at:
                when = max(when, kept.pause.earliest(at))
                kept.pause.release(when, self._rng)
        taken.at = max(taken.at, when)
        return taken.at

    # --- after it

    def settle(self, taken: Taken, outcome: Outcome) -> bool:
        """The call ended: free its slot, correct its tokens, learn from the answer.

        False for a refusal that tells nothing new: of a round trip in which another call was refused for want of
        capacity already. A crowd that is turned away is one failure of the endpoint, not as many as were in it.
        """
        at, endpoint, error = outcome.at, taken.scopes.endpoint, outcome.error
        refused = isinstance(error, (RateLimited, Overloaded))
        if self._kept:
            self._free(taken, outcome)
        news = self._refused(taken, outcome) if refused else True
        headers = outcome.headers or (error.headers if error is not None else None)
        if headers:
            self._read(taken, outcome, headers)
        for scope in taken.counted:
            left = self._flying.get(scope, 0) - 1
            if left > 0:
                self._flying[scope] = left
            else:
                self._flying.pop(scope, None)
        if outcome.ok and self._kept:
            for scope in (endpoint, taken.scopes.key):
                kept = self._kept.get(scope)
                if kept is not None and kept.pause is not None and kept.pause.succeeded(taken.at, at):
                    kept.pause = None
                    self._drop(scope, kept)
        return news

    def _free(self, taken: Taken, outcome: Outcome) -> None:
        for scope in taken.counted:
            kept = self._kept.get(scope)
            if kept is not None and kept.slots is not None and outcome.ok:
                kept.slots.left(outcome.at, outcome.at - taken.at, self._flying.get(scope, 0))
                if kept.slots.idle(outcome.at):
                    kept.slots = None
                    self._drop(scope, kept)
        if not taken.holds:
            return
        _, _, read, written = taken.amounts
        real_in = read if outcome.input_tokens is None else outcome.input_tokens
        real_out = written if outcome.output_tokens is None else outcome.output_tokens
        real = (1.0, real_in + real_out, real_in, real_out)
        for bucket, index, number in taken.holds:
            if not outcome.sent:
                bucket.give_back(number, taken.amounts[index])
            elif real[index] != taken.amounts[index]:
                bucket.correct(number, real[index] - taken.amounts[index], outcome.at)

    def _refused(self, taken: Taken, outcome: Outcome) -> bool:
        """The vendor said: too many, or no capacity. Whether that is new."""
        news = True
        error, at, endpoint = outcome.error, outcome.at, taken.scopes.endpoint
        assert error is not None
        flying = self._flying.get(endpoint, 1)
        if isinstance(error, Overloaded) or self._own_key(taken.scopes):
            kept = self._of(endpoint)
            kept.slots = kept.slots or Slots()
            news = kept.slots.refused(at, taken.at, flying)
            if kept.slots.most is None:
                kept.slots = None
                self._drop(endpoint, kept)
            else:
                self._tight.add(endpoint)
        if isinstance(error, RateLimited) or error.retry_after is not None:
            scope = self._place(taken.scopes)
            kept = self._of(scope)
            kept.pause = kept.pause or Pause()
            kept.pause.hit(at, taken.at, _asked(error, outcome.headers or error.headers), flying, self._rng)
            self._tight.add(scope)
        return news

    def _read(self, taken: Taken, outcome: Outcome, headers: Mapping[str, str]) -> None:
        """Remember what the vendor says is nearly used up, as of the moment its answer began."""
        rules = self._rules.get(taken.scopes.endpoint)
        if rules is None:
            return
        used = (outcome.input_tokens or taken.amounts[2]) + (outcome.output_tokens or taken.amounts[3])
        calls = max(_LOW_REQUESTS, self._flying.get(taken.scopes.endpoint, 0))
        found = limit_headers.read(headers, rules[2], calls, _LOW_CALLS * max(_SMALL_CALL, used), self._wall())
        if not found:
            return
        scope = self._place(taken.scopes)
        kept = self._kept.get(scope)
        said_at = outcome.at if outcome.ttft is None else min(outcome.at, taken.at + outcome.ttft)
        for left in found:
            known = kept.told.get(left.of) if kept is not None else None
            older = known is not None and known.until > outcome.at and taken.at < known.said_at
            if left.low and not (older and known is not None and known.left <= left.left):
                kept = kept or self._of(scope)
                kept.told[left.of] = Told(left.of, left.left, left.limit, said_at, said_at + left.seconds)
                self._tight.add(scope)
            elif kept is not None and known is not None and not older and not left.low:
                del kept.told[left.of]
                self._drop(scope, kept)

    # --- what a router wants to know

    def blocked(self, at: float) -> Mapping[str, Blocked]:
        """Scopes that cannot be asked now, by the reason. At once and empty where nothing is limited."""
        if not self._tight:
            return _NOTHING
        found: dict[str, Blocked] = {}
        for scope in list(self._tight):
            kept = self._kept.get(scope)
            if kept is None:
                self._tight.discard(scope)
                continue
            when = kept.earliest(_ONE, at)
            if when > at:
                found[scope] = Blocked(when, kept.why(_ONE, at))
            elif kept.slots is not None and not kept.slots.room(self._flying.get(scope, 0), at):
                found[scope] = Blocked(kept.slots.expected(at), f"limit: {kept.slots.most} calls at a time")
            else:
                self._tight.discard(scope)
        return found

    def in_flight(self, scope: str) -> int:
        """Calls taken and not settled yet."""
        return self._flying.get(scope, 0)

    def land(self) -> None:
        """Nothing is under way any more: in a forked child, what was is its parent's."""
        self._flying.clear()

    # --- inside

    def _own_key(self, scopes: Scopes) -> bool:
        """Whether a call uses its endpoint's own key, not one that its caller brought along."""
        rules = self._rules.get(scopes.endpoint)
        return rules is None or rules[0] == scopes.key

    def _place(self, scopes: Scopes) -> str:
        """Where what the vendor says of its limits counts: with a caller's own key never for the others."""
        rules = self._rules.get(scopes.endpoint)
        if rules is None or (rules[0] == scopes.key and rules[1] == "endpoint"):
            return scopes.endpoint
        return scopes.key

    def _of(self, scope: str) -> Kept:
        kept = self._kept.get(scope)
        if kept is None:
            kept = self._kept[scope] = Kept()
        return kept

    def _drop(self, scope: str, kept: Kept) -> None:
        if kept.empty:
            self._kept.pop(scope, None)
            self._tight.discard(scope)


def _asked(error: ProviderError, headers: Mapping[str, str]) -> float | None:
    """Seconds that the vendor asks to wait. What it says of a limit's renewal is no such demand, and is cut short."""
    asked = error.retry_after
    if asked is None or "retry-after" in headers or "retry-after-ms" in headers:
        return asked
    return min(asked, limit_headers.LONGEST)
