"""The only place that performs IO upstream: a sync and an async driver for the core's effects.

Both step the same generator. ``advance`` runs it until it has something for the caller (returned) or is over (None, and
:attr:`reply` is set); while it runs, its driver is among the ``busy``. Closing a driver closes the generator, which
records what was cut short, and releases the connection; so does an exception that passes through (KeyboardInterrupt, a
cancelled task).
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from modelmux import _race as race
from modelmux._effects import Claim, Effect, Emit, Look, NextBytes, Race, Send, Sleep
from modelmux._engines._abort import Abort
from modelmux.errors import ModelmuxError
from modelmux.routing.claims import Grant, Outcome

if TYPE_CHECKING:
    from modelmux._clock import Clock
    from modelmux._engines import AsyncEngine, AsyncStream, Engine, SyncStream
    from modelmux.routing.claims import Blocked
    from modelmux.state import Store
    from modelmux.types import Reply

Core = Generator[Effect, Any, Any]


def _asked(state: Store, effect: Claim, at: float) -> Grant | Blocked:
    return state.claim(
        effect.scopes,
        effect.input_tokens,
        effect.output_tokens,
        at,
        patience=effect.patience,
        force=effect.force,
        waited=effect.waited,
    )


class Driver:
    """Steps a core generator with blocking calls."""

    __slots__ = ("_busy", "_clock", "_core", "_engine", "_process", "_state", "_stream", "_switch", "reply")

    def __init__(
        self,
        core: Core,
        engine: Engine,
        clock: Clock,
        state: Store,
        *,
        busy: set[int] | None = None,
        switch: Abort | None = None,
    ) -> None:
        self._core: Core | None = core
        self._engine, self._clock, self._state = engine, clock, state
        self._busy = set() if busy is None else busy
        self._switch = switch
        self._process = os.getpid()
        self._stream: SyncStream | None = None
        self.reply: Reply | None = None

    def run(self) -> Reply:
        """Run to the end. Raises what the core raises."""
        while self.advance() is not None:
            pass
        assert self.reply is not None
        return self.reply

    def advance(self) -> Emit | None:
        """What comes next for the caller, or None at the end. Raises what the core raises."""
        core = self._core
        if core is None:
            return None
        result: Any = None
        error: ModelmuxError | None = None
        self._busy.add(id(self))
        try:
            while True:
                effect = core.send(result) if error is None else core.throw(error)
                result = error = None
                kind = type(effect)
                if kind is Emit:
                    return effect  # type: ignore[return-value]  # told apart by kind
                try:
                    # What every piece of a stream needs takes no detour.
                    result = self._stream.read(effect.deadline) if kind is NextBytes else self._perform(effect)  # type: ignore[union-attr]  # told apart by kind
                except ModelmuxError as failure:
                    error = failure
                if self._switch is not None and self._switch.thrown:
                    if type(result) is Grant:
                        self._state.settle(result, Outcome(self._clock.monotonic(), None, sent=False))
                    raise race.Lost
        except StopIteration as stop:
            self.reply = stop.value
            self._release()
        except BaseException:
            result = error = None  # a traceback may show this frame, and what the vendor said last
            self.close()
            raise
        finally:
            self._busy.discard(id(self))
        return None

    def close(self) -> None:
        """End the core where it stands and release its connection. Safe to call at any time, more than once."""
        core, self._core = self._core, None
        try:
            if core is not None:
                core.close()
        finally:
            self._release()

    def _release(self) -> None:
        self._core = None
        stream, self._stream = self._stream, None
        if stream is not None and os.getpid() == self._process:  # to a forked child it does not belong: see _leg
            stream.close()

    def _perform(self, effect: Effect) -> Any:
        if isinstance(effect, Send):
            stream, self._stream = self._stream, None
            if stream is not None:
                stream.close()
            self._stream = self._engine.send(
                effect.request, deadline=effect.deadline, client=effect.client, abort=self._switch
            )
            return self._stream.head
        if isinstance(effect, Look):
            return self._state.look(effect.scopes, self._clock.monotonic())
        if isinstance(effect, Claim):
            return _asked(self._state, effect, self._clock.monotonic())
        if isinstance(effect, Sleep):
            return self._clock.sleep(max(0.0, effect.until - self._clock.monotonic()))
        if isinstance(effect, Race):
            drivers = [Driver(leg, self._engine, self._clock, self._state, switch=Abort()) for leg in effect.legs]
            won, driver = race.Legs(effect, drivers, self._clock).run()
            self._stream = driver.take()
            return won
        raise TypeError(f"not an effect: {effect!r}")

    def abort(self) -> None:
        """Break what is under way, from another thread: the thread that steps the core ends it."""
        if self._switch is not None:
            self._switch.throw()

    def take(self) -> SyncStream | None:
        """Hand over the connection; the core goes on elsewhere."""
        self._core, stream = None, self._stream
        self._stream = None
        return stream


class AsyncDriver:
    """Steps a core generator on an event loop."""

    __slots__ = ("_busy", "_clock", "_core", "_engine", "_state", "_stream", "reply")

    def __init__(
        self, core: Core, engine: AsyncEngine, clock: Clock, state: Store, *, busy: set[int] | None = None
    ) -> None:
        self._core: Core | None = core
        self._engine, self._clock, self._state = engine, clock, state
        self._busy = set() if busy is None else busy
        self._stream: AsyncStream | None = None
        self.reply: Reply | None = None

    async def run(self) -> Reply:
        """Run to the end. Raises what the core raises."""
        while await self.advance() is not None:
            pass
        assert self.reply is not None
        return self.reply

    async def advance(self) -> Emit | None:
        """What comes next for the caller, or None at the end. Raises what the core raises."""
        core = self._core
        if core is None:
            return None
        result: Any = None
        error: ModelmuxError | None = None
        self._busy.add(id(self))
        try:
            while True:
                effect = core.send(result) if error is None else core.throw(error)
                result = error = None
                kind = type(effect)
                if kind is Emit:
                    return effect  # type: ignore[return-value]  # told apart by kind
                try:
                    if kind is NextBytes:  # the one that every piece of a stream needs
                        result = await self._stream.read(effect.deadline)  # type: ignore[union-attr]
                    else:
                        result = await self._perform(effect)
                except ModelmuxError as failure:
                    error = failure
        except StopIteration as stop:
            self.reply = stop.value
            await self._release()
        except BaseException:
            result = error = None
            self.abort()
            raise
        finally:
            self._busy.discard(id(self))
        return None

    def abort(self) -> None:
        """End the core where it stands and drop its connection, without waiting: a cancelled task may not wait."""
        core, self._core = self._core, None
        stream, self._stream = self._stream, None
        try:
            if core is not None:
                core.close()
        finally:
            if stream is not None:
                stream.abort()

    async def _release(self) -> None:
        self._core = None
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.aclose()

    async def _perform(self, effect: Effect) -> Any:
        if isinstance(effect, Send):
            stream, self._stream = self._stream, None
            if stream is not None:
                await stream.aclose()
            self._stream = await self._engine.send(effect.request, deadline=effect.deadline, client=effect.client)
            return self._stream.head
        if isinstance(effect, Look):
            return self._state.look(effect.scopes, self._clock.monotonic())
        if isinstance(effect, Claim):
            return _asked(self._state, effect, self._clock.monotonic())
        if isinstance(effect, Race):
            drivers = [AsyncDriver(leg, self._engine, self._clock, self._state) for leg in effect.legs]
            won, driver = await race.arun(effect, drivers, self._clock)
            self._stream = driver.take()
            return won
        if isinstance(effect, Sleep):
            return await self._clock.asleep(max(0.0, effect.until - self._clock.monotonic()))
        raise TypeError(f"not an effect: {effect!r}")

    def take(self) -> AsyncStream | None:
        """Hand over the connection; the core goes on elsewhere."""
        self._core, stream = None, self._stream
        self._stream = None
        return stream
