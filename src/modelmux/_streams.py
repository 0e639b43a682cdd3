"""What ``mux.stream`` and ``mux.astream`` hand to the caller."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from modelmux.errors import StreamConsumed
from modelmux.types import Event, Reply, TextDelta

if TYPE_CHECKING:
    from modelmux._driver import AsyncDriver, Driver

Finisher = Callable[[Reply], Reply]
"""What is done with the whole reply before the caller gets it: parsing structured output."""

_CONSUMED = "this stream was read to its end or closed; start another call to read it again"


class Stream:
    """A streamed answer: a context manager and an iterator of events.

    ``for event in stream`` gives typed events, ``for piece in stream.text`` only strings. Once it is over, ``reply``
    is the whole reply. Leaving the ``with`` block early closes the connection and records the attempt as cancelled.
    """

    def __init__(self, driver: Driver, finish: Finisher) -> None:
        self._driver = driver
        self._finish = finish
        self._pending: deque[Event] = deque()
        self._reply: Reply | None = None
        self._over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Event]:
        if self._over:
            raise StreamConsumed(_CONSUMED)
        return self

    def __next__(self) -> Event:
        while not self._pending:
            emitted = self._driver.advance()
            if emitted is None:
                self._over = True
                if self._reply is None and self._driver.reply is not None:
                    self._reply = self._finish(self._driver.reply)
                raise StopIteration
            self._pending.extend(emitted.events)
        return self._pending.popleft()

    @property
    def text(self) -> Iterator[str]:
        """The text of the answer, piece by piece. Reads the stream."""
        return (event.text for event in self if isinstance(event, TextDelta) and event.choice == 0)

    @property
    def reply(self) -> Reply:
        """The whole reply; reads what is left of the stream first. Raises what reading raises."""
        if self._reply is None:
            for _ in self:
                pass
        if self._reply is None:
            raise StreamConsumed("this stream was closed before its end, so there is no whole reply")
        return self._reply

    def close(self) -> None:
        """Stop reading and release the connection. Safe to call more than once."""
        self._over = True
        self._pending.clear()
        self._driver.close()


class AsyncStream:
    """The same for ``async with`` and ``async for``. ``await stream.areply()`` reads to the end; after the end the
    reply is also at ``stream.reply``.
    """

    def __init__(self, driver: AsyncDriver, finish: Finisher) -> None:
        self._driver = driver
        self._finish = finish
        self._pending: deque[Event] = deque()
        self._reply: Reply | None = None
        self._over = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> AsyncIterator[Event]:
        if self._over:
            raise StreamConsumed(_CONSUMED)
        return self

    async def __anext__(self) -> Event:
        while not self._pending:
            emitted = await self._driver.advance()
            if emitted is None:
                self._over = True
                if self._reply is None and self._driver.reply is not None:
                    self._reply = self._finish(self._driver.reply)
                raise StopAsyncIteration
            self._pending.extend(emitted.events)
        return self._pending.popleft()

    @property
    def text(self) -> AsyncIterator[str]:
        """The text of the answer, piece by piece. Reads the stream."""
        return (event.text async for event in self if isinstance(event, TextDelta) and event.choice == 0)

    async def areply(self) -> Reply:
        """The whole reply; reads what is left of the stream first. Raises what reading raises."""
        if self._reply is None:
            async for _ in self:
                pass
        return self.reply

    @property
    def reply(self) -> Reply:
        """The whole reply, once the stream was read to its end."""
        if self._reply is None:
            raise StreamConsumed("the stream is not at its end: read it, or use `await stream.areply()`")
        return self._reply

    async def aclose(self) -> None:
        """Stop reading and release the connection. Safe to call more than once."""
        self._over = True
        self._pending.clear()
        self._driver.abort()
