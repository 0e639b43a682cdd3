"""Streams over streams: what each raw item makes of a state, such as the message so far, is handed on as events.

A state has ``events(item)``: the events, any number of them, that an item of the stream below makes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar, Self

from modelmux._dropin.contexts import AsyncClosing, AsyncIterated, AsyncManager, Closing, Iterated, Manager


class _Over:
    _raw_stream: Any

    def __stream__(self) -> Any:
        """The events, one after the other."""

    def __init__(self, raw_stream: Any, state: Any) -> None:
        self._raw_stream, self._state = raw_stream, state
        self._iterator = self.__stream__()

    @property
    def response(self) -> Any:
        """The HTTP response."""
        return self._raw_stream.response

    _response = response  # the name that the vendors' classes keep it by


class EventStream(_Over, Iterated[Any], Closing):
    """Events as they come."""

    def __stream__(self) -> Iterator[Any]:
        events = self._state.events
        for item in self._raw_stream:
            yield from events(item)

    def close(self) -> None:
        """Release the connection."""
        self._raw_stream.close()

    def until_done(self) -> Self:
        """Read to the end."""
        for _ in self:
            pass
        return self


class AsyncEventStream(_Over, AsyncIterated[Any], AsyncClosing):
    """:class:`EventStream`, async."""

    async def __stream__(self) -> AsyncIterator[Any]:
        events = self._state.events
        async for item in self._raw_stream:
            for event in events(item):
                yield event

    async def close(self) -> None:
        """Release the connection."""
        await self._raw_stream.close()

    async def until_done(self) -> Self:
        """Read to the end."""
        async for _ in self:
            pass
        return self


class StreamManager(Manager):
    """Opens a stream when it is entered. ``options`` are its class's."""

    _stream_class: ClassVar[Any]

    def __init__(self, api_request: Any, **options: Any) -> None:
        super().__init__(api_request)
        self._options = options

    def __class_getitem__(cls, item: object) -> Any:
        return cls

    def _made(self, came: Any) -> Any:
        return self._stream_class(raw_stream=came, **self._options)


class AsyncStreamManager(AsyncManager):
    """:class:`StreamManager`, async."""

    _stream_class: ClassVar[Any]

    def __init__(self, api_request: Any, **options: Any) -> None:
        super().__init__(api_request)
        self._options = options

    def __class_getitem__(cls, item: object) -> Any:
        return cls

    def _made(self, came: Any) -> Any:
        return self._stream_class(raw_stream=came, **self._options)
