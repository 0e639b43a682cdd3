"""The outer shape of what is handed out: it closes itself when it is left, asks when it is entered, or is an iterator.

Each is there twice: for blocking code, and for event loops.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")


class Closing:
    """A context manager of itself."""

    close: Callable[[], Any]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClosing:
    """:class:`Closing`, async."""

    close: Callable[[], Awaitable[None]]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class Iterated(Generic[T]):
    """An iterator over ``_iterator``, and something that can be iterated over again and again: each goes on."""

    _iterator: Any

    def __next__(self) -> T:
        return self._iterator.__next__()  # type: ignore[no-any-return]  # a T

    def __iter__(self) -> Iterator[T]:
        yield from self._iterator


class AsyncIterated(Generic[T]):
    """:class:`Iterated`, async."""

    _iterator: Any

    async def __anext__(self) -> T:
        return await self._iterator.__anext__()  # type: ignore[no-any-return]  # a T

    async def __aiter__(self) -> AsyncIterator[T]:
        async for item in self._iterator:
            yield item


class Manager:
    """Asks when it is entered, closes what came when it is left. ``api_request`` asks."""

    def __init__(self, api_request: Callable[[], Any]) -> None:
        self._ask = api_request
        self._held: Any = None

    def _made(self, came: Any) -> Any:
        """What is handed out for what came."""
        return came

    def __enter__(self) -> Any:
        self._held = self._made(self._ask())
        return self._held

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._held is not None:
            self._held.close()


class AsyncManager:
    """:class:`Manager`, async. ``api_request`` is awaited, or called and awaited."""

    def __init__(self, api_request: Any) -> None:
        self._ask = api_request
        self._held: Any = None

    def _made(self, came: Any) -> Any:
        """As :meth:`Manager._made`."""
        return came

    async def __aenter__(self) -> Any:
        asking = self._ask if inspect.isawaitable(self._ask) else self._ask()
        self._held = self._made(await asking)
        return self._held

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._held is not None:
            await self._held.close()
