"""Context managers that ask when they are entered, and streams over accumulated events, sync and async."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import TracebackType
from typing import Any, ClassVar, Self


class EventStream:
    """Events as they come. ``state`` makes any number of them of each raw item."""

    def __init__(self, raw_stream: Any, state: Any) -> None:
        self._raw_stream, self._state = raw_stream, state
        self._response = raw_stream.response if hasattr(raw_stream, "response") else None
        self._iterator = self.__stream__()

    def __stream__(self) -> Iterator[Any]:
        for item in self._raw_stream:
            yield from self._state.events(item)

    def __next__(self) -> Any:
        return self._iterator.__next__()

    def __iter__(self) -> Iterator[Any]:
        yield from self._iterator

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the connection."""
        self._raw_stream.close()

    def until_done(self) -> Self:
        """Read to the end."""
        for _ in self:
            pass
        return self


class AsyncEventStream:
    """:class:`EventStream`, async."""

    def __init__(self, raw_stream: Any, state: Any) -> None:
        self._raw_stream, self._state = raw_stream, state
        self._response = raw_stream.response if hasattr(raw_stream, "response") else None
        self._iterator = self.__stream__()

    async def __stream__(self) -> AsyncIterator[Any]:
        async for item in self._raw_stream:
            for event in self._state.events(item):
                yield event

    async def __anext__(self) -> Any:
        return await self._iterator.__anext__()

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for item in self._iterator:
            yield item

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Release the connection."""
        await self._raw_stream.close()

    async def until_done(self) -> Self:
        """Read to the end."""
        async for _ in self:
            pass
        return self


class Manager:
    """Asks when it is entered, closes when it is left."""

    _stream_class: ClassVar[Any]

    def __init__(self, ask: Callable[[], Any], **options: Any) -> None:
        self._ask, self._options = ask, options
        self._stream: Any = None

    def __enter__(self) -> Any:
        self._stream = self._stream_class(raw_stream=self._ask(), **self._options)
        return self._stream

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()


class AsyncManager:
    """:class:`Manager`, async."""

    _stream_class: ClassVar[Any]

    def __init__(self, asking: Awaitable[Any], **options: Any) -> None:
        self._asking, self._options = asking, options
        self._stream: Any = None

    async def __aenter__(self) -> Any:
        self._stream = self._stream_class(raw_stream=await self._asking, **self._options)
        return self._stream

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            await self._stream.close()
