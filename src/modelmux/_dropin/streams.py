"""Streams as the vendors' SDKs hand them out: iterators and context managers over a vendor's events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from copy import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from modelmux._dropin.contexts import AsyncClosing, AsyncIterated, Closing, Iterated
from modelmux._dropin.transport import Asked, Got, timed_out
from modelmux._http import SSE, SSEDecoder

if TYPE_CHECKING:
    from modelmux._dropin.base import Client
    from modelmux._dropin.options import RequestOptions

T = TypeVar("T")
END: Any = object()
"""What a client's reading of an event says when the stream is over."""
SKIP: Any = object()
"""What it says of an event that is nobody's business."""


def events_in(chunks: Iterator[bytes]) -> Iterator[SSE]:
    """The events of a body, as the server wrote them."""
    decoder = SSEDecoder()
    for chunk in chunks:
        yield from decoder.feed(chunk)
    yield from decoder.close()


async def aevents_in(chunks: AsyncIterator[bytes]) -> AsyncIterator[SSE]:
    """:func:`events_in`, async."""
    decoder = SSEDecoder()
    async for chunk in chunks:
        for event in decoder.feed(chunk):
            yield event
    for event in decoder.close():
        yield event


class _Base(Generic[T]):
    _client: Client
    _takes_cut_events = True
    """Whether an event that the body's end leaves without its blank line counts: some servers end that way."""

    def __init__(
        self, *, cast_to: Any, response: Any, client: Any, options: RequestOptions | None = None, parsed: Any = None
    ) -> None:
        self._given, self._client, self._options = response, client, options
        self._cast_to = cast_to
        reader = client._event_reader(cast_to, options)
        self._read = reader if parsed is None else lambda event, got: parsed(reader(event, got))

    def __stream__(self) -> Any:
        """The items, one after the other."""

    @cached_property
    def _iterator(self) -> Any:
        return copy(self).__stream__()  # a generator that knew this very stream would keep it from going

    @property
    def response(self) -> Any:
        """The HTTP response that this is the body of."""
        return self._given.native if isinstance(self._given, Got) else self._given

    def _asked(self) -> Any:
        return self._given.asked if isinstance(self._given, Got) else self._given.request

    def _failure(self, error: Exception) -> Exception:
        """The drop-in's own error for what went wrong below."""
        make = self._client._timeout_error if timed_out(error) else self._client._connection_error
        asked = self._asked()
        return make(asked) if isinstance(asked, Asked) else make(request=asked)


class Stream(Iterated[T], Closing, _Base[T]):
    """Events of an answer, as they come. Close it, or use it in a ``with``, where it is not read to its end."""

    def _chunks(self) -> Iterator[bytes]:
        given = self._given
        source = given.chunks() if isinstance(given, Got) else given.iter_bytes()
        try:
            yield from source
        except Exception as error:
            raise self._failure(error) from error

    def _iter_events(self) -> Iterator[SSE]:
        return events_in(self._chunks())

    def __stream__(self) -> Iterator[T]:
        read, given, decoder = self._read, self._given, SSEDecoder()
        try:
            for chunk in self._chunks():
                for event in decoder.feed(chunk):
                    item = read(event, given)
                    if item is END:
                        if isinstance(given, Got):
                            given.finish()
                        return
                    if item is not SKIP:
                        yield item
            for event in decoder.close() if self._takes_cut_events else ():
                item = read(event, given)
                if item is not END and item is not SKIP:
                    yield item
        finally:
            given.close()

    def close(self) -> None:
        """Release the connection."""
        self._given.close()


class AsyncStream(AsyncIterated[T], AsyncClosing, _Base[T]):
    """:class:`Stream`, async."""

    async def _chunks(self) -> AsyncIterator[bytes]:
        given = self._given
        source = given.achunks() if isinstance(given, Got) else given.aiter_bytes()
        try:
            async for chunk in source:
                yield chunk
        except Exception as error:
            raise self._failure(error) from error

    def _iter_events(self) -> AsyncIterator[SSE]:
        return aevents_in(self._chunks())

    async def __stream__(self) -> AsyncIterator[T]:
        read, given, decoder = self._read, self._given, SSEDecoder()
        try:
            async for chunk in self._chunks():
                for event in decoder.feed(chunk):
                    item = read(event, given)
                    if item is END:
                        if isinstance(given, Got):
                            await given.afinish()
                        return
                    if item is not SKIP:
                        yield item
            for event in decoder.close() if self._takes_cut_events else ():
                item = read(event, given)
                if item is not END and item is not SKIP:
                    yield item
        finally:
            await given.aclose()

    async def close(self) -> None:
        """Release the connection."""
        await self._given.aclose()

    aclose = close
