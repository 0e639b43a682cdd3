"""Thousands of calls in virtual time: one clock, one seed, no thread, no socket and no waiting.

A :class:`Simulation` runs the very generator that a Mux runs for every call, and performs what it asks for on a heap
of events: nothing else of the library is replaced. A run is the same every time it is given the same seed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from modelmux.testing._runner import Caller
from modelmux.testing.clock import FakeClock
from modelmux.testing.provider import FakeProvider

if TYPE_CHECKING:
    from modelmux._mux import Mux
    from modelmux.receipt import Attempt
    from modelmux.types import Reply


@dataclass(slots=True, eq=False)
class SimulatedCall:
    """One call and what became of it. Times are seconds since the simulation began; ``ended`` is None for a call that
    never ends, ``first`` when its first events came. ``given_up`` is a call that its caller left.
    """

    number: int
    began: float
    ended: float | None = None
    first: float | None = None
    reply: Reply | None = None
    error: Exception | None = None
    given_up: bool = False

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """What was tried, also by a call that failed."""
        receipt = self.reply.receipt if self.reply is not None else getattr(self.error, "receipt", None)
        return () if receipt is None else receipt.attempts

    @property
    def seconds(self) -> float:
        """How long it took; infinite for a call that never ends."""
        return math.inf if self.ended is None else self.ended - self.began


class Tried(NamedTuple):
    """One attempt of one call. ``at`` is when it began, in seconds since the simulation did."""

    at: float
    endpoint: str
    status: str
    call: SimulatedCall


@dataclass(slots=True)
class Report:
    """All calls of a simulation, in the order in which they began, and what came to the providers."""

    calls: list[SimulatedCall]
    providers: list[FakeProvider]
    clock: FakeClock
    began: float

    @property
    def failed(self) -> list[SimulatedCall]:
        """Calls that ended in an error, or never."""
        return [call for call in self.calls if call.reply is None and not call.given_up]

    @property
    def tried(self) -> list[Tried]:
        """Every attempt, refused connections included, oldest first. What callers left behind is not among them."""
        epoch = self.clock.time() - self.clock.monotonic() + self.began
        tried = [
            Tried(attempt.started - epoch, attempt.endpoint, attempt.status, call)
            for call in self.calls
            for attempt in call.attempts
        ]
        return sorted(tried, key=lambda one: one.at)

    def requests(self, provider: FakeProvider, since: float = 0.0, until: float = math.inf) -> int:
        """How many requests came to this provider between two times."""
        return sum(since <= request.at - self.began < until for request in provider.requests)

    def share(self, provider: FakeProvider, since: float = 0.0, until: float = math.inf) -> float:
        """The part of all requests between two times that came to this provider."""
        came = sum(self.requests(each, since, until) for each in self.providers)
        return self.requests(provider, since, until) / max(1, came)

    def percentile(self, part: float) -> float:
        """The seconds within which this part (0 to 1) of the calls that had an answer had it whole."""
        took = sorted(call.seconds for call in self.calls if call.reply is not None)
        return took[min(len(took) - 1, int(part * len(took)))] if took else math.inf


class Simulation:
    """Calls over providers inside the process. ``rng`` is at hand for latencies and the like.

    Make the world (:meth:`provider`, :meth:`mux`, :meth:`at`), say what is called (:meth:`call`, :meth:`arrivals`,
    :meth:`workers`), then :meth:`run`. All times are seconds since the simulation began.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.rng = Random(seed)
        self.clock = FakeClock()
        self.providers: list[FakeProvider] = []
        self.calls: list[SimulatedCall] = []
        self._began = self.clock.monotonic()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    @property
    def now(self) -> float:
        return self.clock.monotonic() - self._began

    # --- the world ---------------------------------------------------------------------------------------------

    def provider(self, vendor: str = "openai", **options: Any) -> FakeProvider:
        """A provider with an origin of its own. ``options`` are those of :class:`FakeProvider`."""
        name = f"{vendor.partition('.')[0]}-{len(self.providers) + 1}"
        made = FakeProvider(vendor, **{"name": name, "clock": self.clock, **options})
        self.providers.append(made)
        return made

    def mux(self, models: Any = None, **options: Any) -> Mux:
        """A Mux on this clock and seed, by default over all providers as one group of equals."""
        from modelmux._mux import Mux

        if models is None:
            models = [[provider.endpoint() for provider in self.providers]]
        return Mux(models, **{"clock": self.clock, "seed": self.seed, **options})

    def lognormal(self, median: float, sigma: float = 0.3) -> Callable[[object], float]:
        """A latency that varies as latencies do: half of all are below ``median`` seconds."""
        return lambda _request: median * math.exp(self.rng.gauss(0.0, sigma))

    def at(self, seconds: float, do: Callable[..., object], *args: Any, **options: Any) -> None:
        """Have something done at a time: ``sim.at(10, provider.fail, "unavailable")``."""
        self.schedule(self._began + seconds, lambda: _ignore(do(*args, **options)))

    # --- what is called ----------------------------------------------------------------------------------------

    def call(
        self,
        mux: Mux,
        messages: Any = "Hello",
        *,
        at: float | None = None,
        stream: bool = False,
        give_up_after: float | None = None,
        then: Callable[[SimulatedCall], None] | None = None,
        **options: Any,
    ) -> SimulatedCall:
        """One call, begun at ``at`` (by default now). ``give_up_after`` seconds its caller leaves. ``then`` is called
        when it is over; ``options`` are those of :meth:`modelmux.Mux.chat`.
        """
        began = self.now if at is None else at
        call = SimulatedCall(len(self.calls) + 1, began)
        self.calls.append(call)
        run = Caller(self, call, then)

        def begin() -> None:
            run.begin(mux, messages, options, stream=stream)
            if give_up_after is not None:
                self.schedule(self.clock.monotonic() + give_up_after, run.give_up)

        self.schedule(self._began + began, begin)
        return call

    def arrivals(self, mux: Mux, messages: Any = "Hello", *, rate: float, seconds: float, **options: Any) -> None:
        """``rate`` calls a second for so long, from now, at random moments, whether or not earlier ones are over."""
        at = self.now
        until = at + seconds
        while (at := at + self.rng.expovariate(rate)) < until:
            self.call(mux, messages, at=at, **options)

    def workers(self, mux: Mux, messages: Any = "Hello", *, workers: int, calls: int, **options: Any) -> None:
        """So many callers, each of which calls again when its call is over, until there were ``calls``."""
        left = calls

        def again(_call: SimulatedCall | None = None) -> None:
            nonlocal left
            if left > 0:
                left -= 1
                self.call(mux, messages, then=again, **options)

        for _ in range(min(workers, calls)):
            again()

    # --- running -----------------------------------------------------------------------------------------------

    def run(self, until: float = math.inf) -> Report:
        """Let time pass until nothing is left to happen, or until that time. May be called again."""
        end = self._began + until
        while self._events and self._events[0][0] <= end:
            when, _, do = heappop(self._events)
            self._move(when)
            do()
        if not math.isinf(end):
            self._move(end)
        return Report(sorted(self.calls, key=lambda call: call.began), self.providers, self.clock, self._began)

    def _move(self, when: float) -> None:
        self.clock.advance(max(0.0, when - self.clock.monotonic()))

    def schedule(self, when: float, do: Callable[[], None]) -> None:
        """``when`` is on the clock."""
        heappush(self._events, (when, next(self._order), do))


def _ignore(_result: object) -> None:
    """What is done at a time returns nothing to anybody."""
