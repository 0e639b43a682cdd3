"""Streams, under the vendor's path."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, TypeVar

from modelmux._dropin import streams
from modelmux._http import SSE, SSEDecoder
from modelmux._json import loads

T = TypeVar("T")


class ServerSentEvent:
    """One event of a stream as the server wrote it."""

    def __init__(self, *, event: str | None = None, data: str | None = None, id: str | None = None) -> None:
        self.event, self.data, self.id = event or None, data or "", id

    def json(self) -> Any:
        """The data, parsed. Raises ValueError when it is no JSON."""
        return loads(self.data)

    def __repr__(self) -> str:
        return f"ServerSentEvent(event={self.event}, data={self.data}, id={self.id})"


def _event(event: SSE) -> ServerSentEvent:
    return ServerSentEvent(event=event.event, data=event.data.decode("utf-8", "replace"))


class Stream(streams.Stream[T]):
    """Events of an answer, as they come. Close it, or use it in a ``with``, where it is not read to its end."""

    _takes_cut_events = False

    def _iter_events(self) -> Iterator[Any]:
        return map(_event, super()._iter_events())

    @staticmethod
    def raw_events(response: Any) -> Iterator[ServerSentEvent]:
        """The events of an HTTP response as the server wrote them."""
        return map(_event, streams.events_in(response.iter_bytes()))


class AsyncStream(streams.AsyncStream[T]):
    """:class:`Stream`, async."""

    _takes_cut_events = False

    async def _iter_events(self) -> AsyncIterator[Any]:
        async for event in super()._iter_events():
            yield _event(event)

    @staticmethod
    async def raw_events(response: Any) -> AsyncIterator[ServerSentEvent]:
        """The events of an HTTP response as the server wrote them."""
        async for event in streams.aevents_in(response.aiter_bytes()):
            yield _event(event)


OF: dict[Any, Any] = {streams.Stream: Stream, streams.AsyncStream: AsyncStream}
"""The shared classes, and ours in their stead."""

__all__ = ["AsyncStream", "SSEDecoder", "ServerSentEvent", "Stream"]
