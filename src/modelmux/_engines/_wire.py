"""One HTTP/1.1 connection on an asyncio event loop, driven by its transport's callbacks."""

from __future__ import annotations

import asyncio
import select
import socket
import weakref
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any

from modelmux._engines._faults import left, lost, reason, timeout
from modelmux._engines._h1 import Answer
from modelmux._engines._unseen import unacknowledged
from modelmux._http import HttpHead
from modelmux.errors import ProviderError

if TYPE_CHECKING:
    from modelmux._engines._pool import Pool

_HIGH = 256 * 1024
"""Unread bytes at which the transport is told to pause."""

_MOST = 64 * 1024
"""Bytes handed out at a time."""


class Wire(asyncio.Protocol):
    """``stream()`` is whose answer is coming, None while idle. The reference is weak, so that a stream that its user
    forgot is collected and gives the connection up.
    """

    __slots__ = ("__weakref__", "_due", "_poll", "_timer", "_timer_due", "_waiter", "key", "loop", "pool", "sent",
                 "since", "sock", "stream", "transport", "unseen", "used")  # fmt: skip

    def __init__(
        self, loop: asyncio.AbstractEventLoop, pool: Pool[Wire], key: tuple[bool, str, int], sock: socket.socket
    ) -> None:
        self.loop = loop
        self.pool = pool
        self.key = key
        self.sock = sock
        self.since = 0.0
        self.used = False
        self.sent = 0
        self.unseen = False
        self.stream: Callable[[], LoopStream | None] = _nobody
        self._poll: Any = None
        self.transport: Any = None
        self._waiter: asyncio.Future[bool] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = self._due = inf

    # --- what the pool asks ------------------------------------------------------------------------------------

    def alive(self) -> bool:
        if self.transport.is_closing():
            return False
        if not hasattr(select, "poll"):
            return True
        # The loop may not have come to see yet that the peer closed.
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self.sock, select.POLLIN)
        return not self._poll.poll(0)

    def shut(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.loop.is_closed():
            # Its transports are past closing themselves.
            self.sock.close()
        else:
            self.transport.abort()

    # --- what the transport calls ------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        stream = self.stream()
        if stream is None:
            # Bytes that nobody asked for: not to be mistaken for the next call's answer.
            self.transport.abort()
            return
        had_head = stream.answer.head is not None
        try:
            piece = stream.answer.feed(data)
        except ProviderError as error:
            self._break(stream, error)
            return
        if piece:
            stream.push(piece, _HIGH)
        if stream.answer.ended:
            stream.settle()
        elif not piece and had_head:
            return
        if stream.answer.head is not None:
            self.wake()

    def eof_received(self) -> None:
        stream = self.stream()
        if stream is not None:
            self._look()
            try:
                stream.answer.eof()
            except ProviderError as error:
                self._break(stream, error)
            else:
                stream.settle()
                self.wake()

    def connection_lost(self, exc: Exception | None) -> None:
        stream = self.stream()
        if stream is None:
            self.pool.discard(self)
        else:
            why = "closed" if exc is None else reason(exc)
            self._break(stream, lost(why, answered=stream.answer.started))
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """See whether the peer took any of the request, while the socket can still tell."""
        if self.used and not self.unseen:
            self.unseen = unacknowledged(self.sock) + self.transport.get_write_buffer_size() >= self.sent

    def _break(self, stream: LoopStream, error: ProviderError) -> None:
        if stream.error is None:
            stream.error = error
        self.transport.abort()
        self.wake()

    # --- waiting -----------------------------------------------------------------------------------------------

    def wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(False)

    async def wait(self, deadline: float | None, phase: str) -> None:
        """Until something came, or ``AttemptTimeout``.

        The timer outlives the wait: one that is due too early looks again when it fires, so that a stream of many
        reads, or a connection of many calls, sets hardly any.
        """
        if deadline is None:
            self._due = inf
        else:
            left(deadline, phase)
            self._due = deadline
            if self._timer is None or deadline < self._timer_due:
                self._arm(deadline)
        waiter = self._waiter = self.loop.create_future()
        try:
            late = await waiter
        finally:
            # Once the answer has ended, the wire may be another call's, who waits here too.
            if self._waiter is waiter:
                self._waiter = None
        if late:
            raise timeout("write" if phase == "first_byte" and self.transport.get_write_buffer_size() else phase)

    def _arm(self, due: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due = due
        self._timer = self.loop.call_later(max(0.0, due - monotonic()), self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._waiter is None or self._waiter.done() or self._due == inf:
            return
        if monotonic() >= self._due:
            self._waiter.set_result(True)
        else:
            self._arm(self._due)


def _nobody() -> None:
    """Whose answer comes on an idle wire."""


class LoopStream:
    """An answer on an event loop. See :class:`modelmux._engines.AsyncStream`."""

    __slots__ = ("__weakref__", "_held", "_paused", "_pieces", "_wire", "answer", "error", "head")

    head: HttpHead

    def __init__(self, wire: Wire, answer: Answer) -> None:
        self.answer = answer
        self.error: ProviderError | None = None
        self._wire: Wire | None = wire
        self._pieces: list[bytes] = []
        self._held = 0
        self._paused = False
        wire.stream = weakref.ref(self)

    async def exchange(self, head: memoryview, body: memoryview, deadline: float | None) -> None:
        """Send the request and wait for the answer's head."""
        wire = self._wire
        assert wire is not None
        wire.sent = len(head) + len(body)
        # One call, so that a body left behind by a failed head is not taken for one that was sent.
        wire.transport.writelines((head, body))
        if wire.used and wire.transport.is_closing():
            wire.unseen = True
        answer = self.answer
        while answer.head is None:
            if self.error is not None:
                raise self.error
            await wire.wait(deadline, "first_byte")
        self.head = answer.head

    def push(self, piece: bytes, high: int) -> None:
        self._pieces.append(piece)
        self._held += len(piece)
        if (self._held > high or self.answer.pending) and not self._paused and self._wire is not None:
            self._paused = True
            self._wire.transport.pause_reading()

    async def read(self, deadline: float | None) -> bytes:
        while True:
            pieces = self._pieces
            if pieces:
                if not self.answer.ended:
                    # A server that always has one more byte does not outlive the deadline either.
                    left(deadline, "read")
                return self._pull()
            if self.answer.pending:
                left(deadline, "read")
                if piece := self.answer.drain():
                    return piece
                continue
            if self.answer.ended:
                return b""
            if self.error is not None:
                raise self.error
            if self._wire is None:
                raise lost("the stream was closed", answered=True)
            self._listen()
            await self._wire.wait(deadline, "read")

    def _pull(self) -> bytes:
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if len(data) > _MOST:
            # What decodes it shall come back to look at the clock, and let the loop's other tasks have a turn.
            self._pieces = [data[_MOST:]]
            self._held = len(data) - _MOST
            return data[:_MOST]
        self._pieces = []
        self._held = 0
        self._listen()
        return data

    def _listen(self) -> None:
        """Hear the peer again, if it was told to wait."""
        if self._paused and not self.answer.pending:
            self._paused = False
            if self._wire is not None and not self._wire.transport.is_closing():
                self._wire.transport.resume_reading()

    def settle(self) -> None:
        """The answer has ended: the connection is free, though what it brought may not be read yet."""
        wire, self._wire = self._wire, None
        if wire is None:
            return
        wire.stream = _nobody
        if self._paused:
            self._paused = False
            if not wire.transport.is_closing():
                wire.transport.resume_reading()
        unsent = wire.transport.get_write_buffer_size()
        if self.answer.reusable and not unsent and not wire.transport.is_closing():
            wire.used = True
            wire.unseen = False
            wire.pool.give(wire, monotonic())
        else:
            wire.shut()
            wire.pool.drop()
        wire.wake()

    def unseen(self) -> bool:
        """Whether this request, now broken, never reached the server, on a connection used before."""
        return self._wire is not None and self._wire.unseen and not self.answer.started

    async def aclose(self) -> None:
        self.discard()

    def discard(self) -> None:
        """Close, on the loop's own thread."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.stream = _nobody
            wire.shut()
            wire.pool.drop()

    def abort(self) -> None:
        wire = self._wire
        if wire is not None:
            _soon(wire.loop, self._abort)

    def _abort(self) -> None:
        wire = self._wire
        if wire is not None:
            if self.error is None:
                self.error = lost("aborted", answered=self.answer.started)
            # At once, not when the stream is collected: the traceback of a cancelled task may hold it.
            self.discard()
            wire.wake()

    def __del__(self) -> None:
        # Forgotten unclosed, perhaps collected on another thread.
        if self._wire is not None:
            _soon(self._wire.loop, self.discard)


def _soon(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(callback)
    except RuntimeError:
        # The loop is closed, and its connections with it.
        return
