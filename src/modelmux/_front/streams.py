"""Bodies that come in pieces: written in a format, or passed on. Sync and async.

Plain iterators, not generators: one that is dropped before its end leaves nothing for a collector to finish on a loop
that may be gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelmux.errors import ModelmuxError

if TYPE_CHECKING:
    from modelmux._driver import AsyncDriver, Driver
    from modelmux._effects import Emit
    from modelmux._front.work import Work


class _Written:
    """A stream as a format writes it. ``emit`` is its beginning, which was waited for before the head."""

    __slots__ = ("_answer", "_driver", "_emit", "_over", "_work")

    def __init__(self, work: Work, driver: Any, emit: Emit | None, answer: Any) -> None:
        self._work, self._driver, self._answer = work, driver, answer
        self._emit = emit
        self._over = False

    def _end(self) -> bytes:
        self._over = True
        return b"" if self._driver.reply is None else self._work.close()  # None: closed from elsewhere

    def _broke(self, error: ModelmuxError) -> bytes:
        self._over = True
        self._answer.error = error
        return self._work.broken(error)


class Written(_Written):
    """Sync. Ends as the format has it, also where it breaks."""

    __slots__ = ()

    def __iter__(self) -> Written:
        return self

    def __next__(self) -> bytes:
        while not self._over:
            emit, self._emit = self._emit, None
            try:
                if emit is None:
                    emit = self._driver.advance()
                data = self._end() if emit is None else self._work.feed(emit)
            except ModelmuxError as error:
                data = self._broke(error)
            if data:
                return data
        raise StopIteration


class AsyncWritten(_Written):
    """:class:`Written` on an event loop."""

    __slots__ = ()

    def __aiter__(self) -> AsyncWritten:
        return self

    async def __anext__(self) -> bytes:
        while not self._over:
            emit, self._emit = self._emit, None
            try:
                if emit is None:
                    emit = await self._driver.advance()
                data = self._end() if emit is None else self._work.feed(emit)
            except ModelmuxError as error:
                data = self._broke(error)
            if data:
                return data
        raise StopAsyncIteration


class Passed:
    """A body as it comes. Raises ModelmuxError where it breaks: nothing in it could say so."""

    __slots__ = ("_driver",)

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def __iter__(self) -> Passed:
        return self

    def __next__(self) -> bytes:
        while (emit := self._driver.advance()) is not None:
            if emit.data:
                return emit.data
        raise StopIteration


class AsyncPassed:
    """:class:`Passed` on an event loop."""

    __slots__ = ("_driver",)

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    def __aiter__(self) -> AsyncPassed:
        return self

    async def __anext__(self) -> bytes:
        while (emit := await self._driver.advance()) is not None:
            if emit.data:
                return emit.data
        raise StopAsyncIteration
