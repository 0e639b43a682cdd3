"""The way through an httpx client, for async code. Belongs to one event loop, of asyncio or trio."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any

from modelmux._engines import AsyncStream, Options, SyncStream
from modelmux._engines._faults import left, lost, timeout
from modelmux._engines._httpx import Meter, built, head_and_inflater, is_async, translated, whole, wreck
from modelmux._engines._quiet import quiet
from modelmux._engines._shards import Shards
from modelmux._engines._stock import Stock
from modelmux._http import HttpHead, HttpRequest

Over = Callable[[], Awaitable[None]]
"""What is to be done, once, when an answer is done with."""


async def _nothing() -> None:
    """Nothing, where the client is a user's."""


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


class AsyncHttpxStream:
    """An answer read through an async httpx client, by absolute deadlines."""

    __slots__ = ("_aborted", "_chunks", "_ended", "_meter", "_over", "_response", "head")

    def __init__(self, response: Any, asked: str, cap: int, over: Over) -> None:
        self.head: HttpHead
        self.head, inflater = head_and_inflater(response, asked, cap)
        self._response = response
        self._meter = Meter(inflater, cap)
        body = whole(response)
        self._chunks: AsyncIterator[bytes] = response.aiter_raw() if body is None else _once(body)
        self._over = over
        self._aborted = self._ended = False

    async def read(self, deadline: float | None) -> bytes:
        import anyio

        fault: Exception | None = None
        while not self._ended:
            rest = left(deadline, "read")
            piece = b""
            try:
                if piece := self._meter.more():
                    return piece
                with anyio.move_on_after(rest) as scope:
                    data = await anext(self._chunks, None)
                    if data is None:
                        self._meter.finish()
                        self._ended = True
                    else:
                        piece = self._meter.feed(data)
                if scope.cancelled_caught:
                    fault = timeout("read")
            except Exception as error:  # noqa: BLE001  # passed on, translated
                fault = translated(error, answered=True)
            if self._aborted:
                raise lost("aborted", answered=True)
            if fault is not None:
                raise fault
            if piece:
                return piece
        return b""

    async def aclose(self) -> None:
        if isinstance(self._chunks, AsyncGenerator):
            await self._chunks.aclose()
        over, self._over = self._over, _nothing
        try:
            await self._response.aclose()
        finally:
            await over()

    def abort(self) -> None:
        self._aborted = True
        wreck(self._response.extensions)


class ThreadedStream:
    """An answer that a sync client reads, each step in a worker thread."""

    __slots__ = ("_stream", "head")

    def __init__(self, stream: SyncStream) -> None:
        self._stream = stream
        self.head: HttpHead = stream.head

    async def read(self, deadline: float | None) -> bytes:
        piece: bytes = await _in_thread(partial(self._stream.read, deadline), deadline, "read", self._stream.abort)
        return piece

    async def aclose(self) -> None:
        self._stream.close()

    def abort(self) -> None:
        self._stream.abort()


class AsyncStock:
    """Makes its httpx client when first needed."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._shards = Shards(options, "AsyncClient")

    async def send(
        self, request: HttpRequest, deadline: float | None, connect_timeout: float, client: Any = None
    ) -> AsyncStream:
        if client is not None and not is_async(client):
            return await self._threaded(request, deadline, connect_timeout, client)
        if client is not None:
            return await self._send(client, request, deadline, connect_timeout, _nothing)
        chosen, free = self._shards.take()

        async def over() -> None:
            free()

        return await self._send(chosen, request, deadline, connect_timeout, over)

    async def send_once(
        self, request: HttpRequest, deadline: float | None, connect_timeout: float, client: Any
    ) -> AsyncStream:
        """With a client for this request alone, where nothing says when a shared one is to be closed."""
        if client is not None:
            return await self.send(request, deadline, connect_timeout, client)
        own, _ = self._shards.take()
        return await self._send(own, request, deadline, connect_timeout, self.aclose)

    async def _send(
        self, client: Any, request: HttpRequest, deadline: float | None, connect_timeout: float, over: Over
    ) -> AsyncStream:
        try:
            return await self._begin(client, request, deadline, connect_timeout, over)
        except BaseException:
            await over()
            raise

    async def _begin(
        self, client: Any, request: HttpRequest, deadline: float | None, connect_timeout: float, over: Over
    ) -> AsyncStream:
        import anyio

        prepared = built(client, request, deadline, connect_timeout)
        response: Any = None
        fault: Exception = timeout("first_byte")
        try:
            with quiet(request), anyio.move_on_after(left(deadline, "pool")):
                response = await client.send(prepared.request, stream=True, follow_redirects=False)
        except Exception as error:  # noqa: BLE001  # passed on, translated
            fault = translated(error, answered=False)
        if response is None:
            raise fault
        try:
            return AsyncHttpxStream(response, prepared.asked, self._options.max_response_bytes, over)
        except BaseException:
            await response.aclose()
            raise

    async def _threaded(
        self, request: HttpRequest, deadline: float | None, connect_timeout: float, client: Any
    ) -> AsyncStream:
        gone = False

        def work() -> SyncStream:
            stream = Stock(self._options).send(request, deadline, connect_timeout, client=client)
            if gone:
                stream.close()
            return stream

        def leave() -> None:
            nonlocal gone
            gone = True

        return ThreadedStream(await _in_thread(work, deadline, "first_byte", leave))

    async def aclose(self) -> None:
        for client in self._shards.clear():
            await client.aclose()


async def _in_thread(work: Any, deadline: float | None, phase: str, leave: Any) -> Any:
    """Run ``work`` in a worker thread, abandoning it (after a call to ``leave``) when time is up or on cancel."""
    import anyio
    import anyio.to_thread

    done = False
    try:
        with anyio.move_on_after(left(deadline, phase)):
            result = await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
            done = True
            return result
        raise timeout(phase)
    finally:
        if not done:
            leave()
