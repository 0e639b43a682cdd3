"""Steps the core's generators over virtual time: a table from each effect to what performs it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Any

from modelmux._effects import Effect, Emit, NextBytes, Race, Send, Sleep, Won
from modelmux._engines._faults import timeout
from modelmux.errors import ModelmuxError
from modelmux.testing.provider import FakeProvider, Line, Until

if TYPE_CHECKING:
    from modelmux._driver import Driver
    from modelmux._mux import Mux
    from modelmux.testing.simulate import SimulatedCall, Simulation

Core = Generator[Effect, Any, Any]

WAITING = object()
"""An effect's result is still to come: the runner will be resumed."""


class Runner(ABC):
    """Steps one generator, until something has to be waited for."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.driver: Driver | None = None
        """Performs what takes no time."""
        self.core: Core | None = None
        self.line: Line | None = None
        self.legs: list[Leg] = []
        self._turn = 0

    @abstractmethod
    def emitted(self, effect: Emit) -> Any:
        """The core has something for the caller."""

    @abstractmethod
    def finished(self, value: Any) -> None:
        """The core has returned."""

    @abstractmethod
    def failed(self, error: Exception) -> None:
        """The core has raised."""

    def step(self, result: Any = None, error: ModelmuxError | None = None) -> None:
        """Run on until something has to be waited for, or to the end."""
        while self.core is not None:
            try:
                effect = self.core.send(result) if error is None else self.core.throw(error)
            except StopIteration as stop:
                self.core = None
                self.finished(stop.value)
                return
            except Exception as failure:  # noqa: BLE001  # it is the call's outcome
                self.core = None
                self.failed(failure)
                return
            result, error = _tried(partial(HANDLERS.get(type(effect), _at_once), self, effect))
            if result is WAITING:
                return

    def wait(self, when: float, then: Callable[[], Any]) -> object:
        """Be resumed at a time with what ``then`` gives, which may be to wait again. An infinite time never comes."""
        self._turn += 1
        turn = self._turn

        def resume() -> None:
            if turn == self._turn and self.core is not None:
                result, error = _tried(then)
                if result is not WAITING:
                    self.step(result, error)

        if not math.isinf(when):
            self.sim.schedule(when, resume)
        return WAITING

    def pull(self, source: Callable[[float], Any], deadline: float | None) -> Any:
        """What a line gives, or a wait for it."""
        now = self.sim.clock.monotonic()
        found = source(now)
        if not isinstance(found, Until):
            return found
        if deadline is not None and now >= deadline:
            raise timeout(found.phase)
        when = found.time if deadline is None else min(found.time, deadline)
        return self.wait(when, lambda: self.pull(source, deadline))

    def close(self) -> None:
        """End the core where it stands, as a caller does who leaves."""
        core, self.core = self.core, None
        self._turn += 1
        for leg in self.legs:
            leg.close()
        try:
            if core is not None:
                core.close()
        finally:
            self.release()

    def release(self) -> None:
        line, self.line = self.line, None
        if line is not None:
            line.hang_up()


def _tried(perform: Callable[[], Any]) -> tuple[Any, ModelmuxError | None]:
    try:
        return perform(), None
    except ModelmuxError as error:
        return None, error


class Caller(Runner):
    """One call, from its beginning to its outcome."""

    def __init__(self, sim: Simulation, call: SimulatedCall, then: Callable[[SimulatedCall], None] | None) -> None:
        super().__init__(sim)
        self._call = call
        self._then = then

    def begin(self, mux: Mux, messages: Any, options: dict[str, Any], *, stream: bool) -> None:
        try:
            self.driver = mux._driver(mux._call(messages, options, stream=stream))  # type: ignore[arg-type]  # checked there
        except ModelmuxError as error:
            self.failed(error)
            return
        self.core = self.driver._core
        self.step()

    def give_up(self) -> None:
        if self._call.ended is None:
            self._call.given_up = True
            self.close()
            self._over()

    def emitted(self, effect: Emit) -> Any:
        if self._call.first is None and effect.events:
            self._call.first = self.sim.now

    def finished(self, value: Any) -> None:
        self._call.reply = value
        self._over()

    def failed(self, error: Exception) -> None:
        self._call.error = error
        self._over()

    def _over(self) -> None:
        self.release()
        self._call.ended = self.sim.now
        if self._then is not None:
            self._then(self._call)


class Leg(Runner):
    """One leg of a race: it runs up to the first thing it has for the caller."""

    def __init__(self, race: Contest, core: Core) -> None:
        super().__init__(race.owner.sim)
        self.driver = race.owner.driver
        self.core = core
        self.error: Exception | None = None
        self.begun = False
        self._race = race

    def begin(self) -> None:
        if self.core is not None and not self.begun and not self._race.over:
            self.begun = True
            self.step()

    def emitted(self, effect: Emit) -> Any:
        self.core = None  # the call's own core drives it from here
        self._race.won(self, effect, None)
        return WAITING

    def finished(self, value: Any) -> None:
        self._race.won(self, None, value)

    def failed(self, error: Exception) -> None:
        self.error = error
        self.release()
        self._race.lost()


class Contest:
    """A race under way: the first leg with something for the caller wins, the others are ended."""

    def __init__(self, owner: Runner, race: Race) -> None:
        self.owner = owner
        self.over = False
        self.legs = [Leg(self, core) for core in race.legs]
        owner.legs = self.legs
        for leg, start in zip(self.legs, race.starts, strict=True):
            owner.sim.schedule(start, leg.begin)

    def won(self, leg: Leg, emit: Emit | None, value: Any) -> None:
        line, leg.line = leg.line, None
        number = self.legs.index(leg)
        self._end()
        self.owner.release()
        self.owner.line = line
        self.owner.wait(self.owner.sim.clock.monotonic(), lambda: Won(number, emit, value))

    def lost(self) -> None:
        """A leg failed. The race is lost when all that had begun have; others never begin then."""
        if self.over or any(each.begun and each.error is None for each in self.legs):
            return
        error = self.legs[0].error
        assert error is not None  # the first leg begins first
        self._end()
        self.owner.wait(self.owner.sim.clock.monotonic(), partial(_raise, error))

    def _end(self) -> None:
        self.over = True
        self.owner.legs = []
        for leg in self.legs:
            leg.close()


def _raise(error: Exception) -> None:
    raise error


# --- what performs each effect ---------------------------------------------------------------------------------------


def _send(runner: Runner, effect: Send) -> Any:
    runner.release()
    if not isinstance(effect.client, FakeProvider):
        raise TypeError("a simulation has no network: make its endpoints with Simulation.provider(...).endpoint()")
    line = runner.line = effect.client.dial(effect.request)

    def head(now: float) -> Any:
        return line.pull_head(now) or line.head

    return runner.pull(head, effect.deadline)


def _next_bytes(runner: Runner, effect: NextBytes) -> Any:
    assert runner.line is not None
    return runner.pull(runner.line.pull, effect.deadline)


def _sleep(runner: Runner, effect: Sleep) -> Any:
    return runner.wait(max(effect.until, runner.sim.clock.monotonic()), lambda: None)


def _race(runner: Runner, effect: Race) -> Any:
    Contest(runner, effect)
    return runner.wait(math.inf, lambda: None)


def _at_once(runner: Runner, effect: Effect) -> Any:
    """What takes no time is done as in every call."""
    assert runner.driver is not None
    return runner.driver._perform(effect)


HANDLERS: dict[type, Callable[[Runner, Any], Any]] = {
    Send: _send,
    NextBytes: _next_bytes,
    Sleep: _sleep,
    Emit: lambda runner, effect: runner.emitted(effect),
    Race: _race,
}
"""Effect -> what performs it: the result, :data:`WAITING`, or a ModelmuxError. Any other effect takes no time."""
