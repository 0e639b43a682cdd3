"""Engines under another clock: deadlines are on that of the Mux, and sockets know only the machine's.

A Mux with a virtual clock may talk to a real server. What is left of a deadline on its clock is then what the engine
has left on the machine's.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Any

from modelmux._engines import CONNECT_TIMEOUT, AsyncEngine, AsyncStream, Direct, Engine, SyncStream

if TYPE_CHECKING:
    from modelmux._clock import Clock
    from modelmux._engines._abort import Abort
    from modelmux._http import HttpRequest


class _Shift:
    """A deadline of one clock on the machine's."""

    __slots__ = ("_clock",)

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, deadline: float | None) -> float | None:
        return None if deadline is None else monotonic() + deadline - self._clock.monotonic()


class ClockedEngine:
    """An engine whose callers live by ``clock``."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._shift = engine, _Shift(clock)

    def send(
        self,
        request: HttpRequest,
        *,
        deadline: float | None,
        connect_timeout: float = CONNECT_TIMEOUT,
        client: Any = None,
        abort: Abort | None = None,
    ) -> SyncStream:
        own = isinstance(client, Direct)
        until = deadline if own else self._shift(deadline)
        stream = self._engine.send(request, deadline=until, connect_timeout=connect_timeout, client=client, abort=abort)
        return stream if own else _ClockedStream(stream, self._shift)

    def close(self) -> None:
        self._engine.close()


class _ClockedStream:
    __slots__ = ("_shift", "_stream", "head")

    def __init__(self, stream: SyncStream, shift: _Shift) -> None:
        self._stream, self._shift = stream, shift
        self.head = stream.head

    def read(self, deadline: float | None) -> bytes:
        return self._stream.read(self._shift(deadline))

    def close(self) -> None:
        self._stream.close()

    def abort(self) -> None:
        self._stream.abort()


class ClockedAsyncEngine:
    """The same, async."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine, self._shift = engine, _Shift(clock)

    async def send(
        self,
        request: HttpRequest,
        *,
        deadline: float | None,
        connect_timeout: float = CONNECT_TIMEOUT,
        client: Any = None,
    ) -> AsyncStream:
        own = isinstance(client, Direct)
        until = deadline if own else self._shift(deadline)
        stream = await self._engine.send(request, deadline=until, connect_timeout=connect_timeout, client=client)
        return stream if own else _ClockedAsyncStream(stream, self._shift)

    async def aclose(self) -> None:
        await self._engine.aclose()


class _ClockedAsyncStream:
    __slots__ = ("_shift", "_stream", "head")

    def __init__(self, stream: AsyncStream, shift: _Shift) -> None:
        self._stream, self._shift = stream, shift
        self.head = stream.head

    async def read(self, deadline: float | None) -> bytes:
        return await self._stream.read(self._shift(deadline))

    async def aclose(self) -> None:
        await self._stream.aclose()

    def abort(self) -> None:
        self._stream.abort()
