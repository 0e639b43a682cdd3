"""The way through an httpx client, for sync code: a user's own, or a stock one where the engine's sockets won't do."""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from modelmux._engines import Options, SyncStream
from modelmux._engines._abort import Abort
from modelmux._engines._connect import patience
from modelmux._engines._faults import left, lost
from modelmux._engines._httpx import Meter, Prepared, built, head_and_inflater, is_async, translated, whole, wreck
from modelmux._engines._quiet import quiet
from modelmux._engines._shards import Shards
from modelmux._http import HttpHead, HttpRequest
from modelmux.errors import ConfigError

_AHEAD = 8


class HttpxStream:
    """An answer read through a sync httpx client."""

    __slots__ = ("_aborted", "_chunks", "_ended", "_meter", "_over", "_response", "head")

    def __init__(self, client: Any, prepared: Prepared, cap: int, over: Callable[[], None]) -> None:
        """``over`` is called once when the answer is done with."""
        self._aborted = self._ended = False
        self._over = over
        fault: Exception
        try:
            with quiet(prepared.ours):
                self._response = client.send(prepared.request, stream=True, follow_redirects=False)
        except Exception as error:  # noqa: BLE001  # passed on, translated
            over()
            fault = translated(error, answered=False)
        else:
            try:
                self.head, inflater = head_and_inflater(self._response, prepared.asked, cap)
            except BaseException:
                self.close()
                raise
            self._meter = Meter(inflater, cap)
            body = whole(self._response)
            self._chunks: Iterator[bytes] = self._response.iter_raw() if body is None else iter((body,))
            return
        raise fault

    def read(self, deadline: float | None) -> bytes:
        if self._ended:
            return b""
        left(deadline, "read")
        fault: Exception | None
        try:
            if piece := self._meter.more():
                return piece
            for data in self._chunks:
                piece = self._meter.feed(data)
                if piece:
                    return piece
                left(deadline, "read")
            self._meter.finish()
            self._ended = True
            fault = lost("aborted", answered=True) if self._aborted else None
        except Exception as error:  # noqa: BLE001  # passed on, translated
            fault = lost("aborted", answered=True) if self._aborted else translated(error, answered=True)
        if fault is not None:
            raise fault
        return b""

    def close(self) -> None:
        over, self._over = self._over, _nothing
        try:
            self._response.close()
        finally:
            over()

    def abort(self) -> None:
        if not self._ended:
            self._aborted = True
            wreck(self._response.extensions)


class PumpedStream:
    """An answer read by a thread of its own, so that waiting for it can stop at the deadline whatever httpx does."""

    def __init__(self, opener: Callable[[], HttpxStream], deadline: float | None, abort: Abort | None) -> None:
        self._items: deque[bytes | HttpHead | BaseException] = deque()
        self._change = threading.Condition()
        self._closed = self._aborted = self._ended = False
        self._inner: HttpxStream | None = None
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._pump, opener), name="modelmux-httpx", daemon=True).start()
        try:
            self.head: HttpHead = self._take(deadline, "first_byte", abort)
        except BaseException:
            self.close()
            raise

    def _pump(self, opener: Callable[[], HttpxStream]) -> None:
        try:
            self._inner = stream = opener()
            try:
                going = self._offer(stream.head)
                while going:
                    piece = stream.read(None)
                    going = self._offer(piece) and bool(piece)
            finally:
                stream.close()
        except BaseException as error:  # noqa: BLE001  # raised where the stream is read
            self._offer(error)

    def _offer(self, item: bytes | HttpHead | BaseException) -> bool:
        with self._change:
            while len(self._items) >= _AHEAD and not self._closed:
                self._change.wait()
            if self._closed:
                return False
            self._items.append(item)
            self._change.notify_all()
            return True

    def _take(self, deadline: float | None, phase: str, abort: Abort | None = None) -> Any:
        with self._change:
            while not self._items:
                if self._aborted or self._closed:
                    raise lost("aborted", answered=phase == "read")
                self._change.wait(patience(deadline, phase, abort))
            item = self._items.popleft()
            self._change.notify_all()
        if isinstance(item, BaseException):
            self._ended = True
            raise item
        return item

    def read(self, deadline: float | None) -> bytes:
        if self._ended:
            return b""
        piece: bytes = self._take(deadline, "read")
        self._ended = not piece
        return piece

    def close(self) -> None:
        with self._change:
            self._closed = True
            self._change.notify_all()
        if self._inner is not None:
            # Wakes the thread, if it is still waiting for more.
            self._inner.abort()

    def abort(self) -> None:
        with self._change:
            self._aborted = True
            self._items.clear()
        self.close()


class Stock:
    """Makes its httpx clients when first needed."""

    def __init__(self, options: Options) -> None:
        self._cap = options.max_response_bytes
        self._shards = Shards(options, "Client")

    def send(
        self,
        request: HttpRequest,
        deadline: float | None,
        connect_timeout: float,
        *,
        client: Any = None,
        abort: Abort | None = None,
        mocked: bool = False,
    ) -> SyncStream:
        """``client`` is a user's; ``mocked`` says that somebody intercepts httpx, in this thread."""
        if client is not None and is_async(client):
            raise ConfigError(
                "http_client is an async client and this is a sync call: pass a sync client, or call the a... method",
                field="http_client",
            )
        chosen, over = self._shards.take() if client is None else (client, _nothing)
        try:
            prepared = built(chosen, request, deadline, connect_timeout)
        except BaseException:
            over()
            raise
        opener = partial(HttpxStream, chosen, prepared, self._cap, over)
        guarded = client is None and not mocked
        stream: HttpxStream | PumpedStream = PumpedStream(opener, deadline, abort) if guarded else opener()
        if abort is not None:
            abort.watch(stream.abort)
        return stream

    def close(self) -> None:
        for client in self._shards.clear():
            client.close()


def _nothing() -> None:
    """What is to be done when a call through a user's client is over."""
