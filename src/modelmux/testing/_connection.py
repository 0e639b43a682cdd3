"""One HTTP/1.1 connection of a test server: reads requests, performs the steps of their answers.

It writes no faster than its peer reads, so an endless answer takes no memory here.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from modelmux.testing._steps import End, Step
from modelmux.testing.answers import RecordedRequest

_TURNS = 64
"""Writes in a row before others get their turn: an answer may be endless."""

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Handler(Protocol):
    """What a connection needs of its server."""

    connections: set[Connection]

    def welcome(self, connection: Connection) -> None: ...

    def receive(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> RecordedRequest: ...

    def respond(self, request: RecordedRequest) -> Iterator[Step]: ...

    def finish(self, request: RecordedRequest, outcome: str) -> None: ...


class Connection(asyncio.Protocol):
    """Requests are answered one after the other, also when several are sent at once."""

    def __init__(self, handler: Handler, loop: asyncio.AbstractEventLoop) -> None:
        self._handler = handler
        self._loop = loop
        self._buffer = bytearray()
        self._head: tuple[str, str, dict[str, str], int] | None = None
        self._request: RecordedRequest | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._full = False
        """Whether the peer reads more slowly than we write."""
        self._left: Iterator[Step] | None = None
        """What is still to be written when it has caught up."""
        self._keep = True
        self._transport: Any = None

    # --- from the event loop -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._handler.connections.add(self)
        self._handler.welcome(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self._handler.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self._left = None
        if self._request is not None:
            self._finish("hung up")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._request is None:
            self._read()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        steps, self._left = self._left, None
        if steps is not None and not self._transport.is_closing():
            self._resume(steps)

    # --- reading -----------------------------------------------------------------------------------------------

    def _read(self) -> None:
        """Answer the request in the buffer, if it is whole."""
        while self._request is None and not self._transport.is_closing():
            try:
                whole = self._take()
            except ValueError as error:
                self._refuse(str(error))
                return
            if whole is None:
                return
            method, target, headers, body = whole
            self._keep = headers.get("connection", "").lower() != "close"
            self._request = self._handler.receive(method, target, headers, body)
            self._perform(self._handler.respond(self._request))

    def _take(self) -> tuple[str, str, dict[str, str], bytes] | None:
        if self._head is None:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return None
            self._head = parse_head(bytes(self._buffer[: end + 2]), end + 4)
            if self._head[2].get("expect", "").lower() == "100-continue":
                self._transport.write(CONTINUE)
        method, target, headers, start = self._head
        found = take_body(self._buffer, start, headers)
        if found is None:
            return None
        body, end = found
        del self._buffer[:end]
        self._head = None
        return method, target, headers, body

    def _refuse(self, why: str) -> None:
        text = why.encode()
        head = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(text)
        self._transport.write(head + text)
        self._transport.close()

    # --- answering ---------------------------------------------------------------------------------------------

    def _perform(self, steps: Iterator[Step]) -> None:
        self._timer = None
        last = b""
        for turn, step in enumerate(steps):
            if self._transport.is_closing():
                return
            self._transport.write(last)
            last = b""
            if isinstance(step, bytes):
                last = step
                if self._full or turn >= _TURNS:
                    self._transport.write(last)
                    self._left = steps
                    if not self._full:
                        self._loop.call_soon(self.resume_writing)
                    return
            elif isinstance(step, End):
                _ENDS[step](self)
                return
            else:
                self._timer = self._loop.call_later(step, self._resume, steps)
                return
        self._finish("answered")  # before the last write: whoever reads it may look at once
        self._transport.write(last)
        if not self._keep:
            self._transport.close()

    def _resume(self, steps: Iterator[Step]) -> None:
        """After a wait."""
        if self._full:
            self._timer, self._left = None, steps
            return
        self._perform(steps)
        self._read()

    def _finish(self, outcome: str) -> None:
        if self._request is not None:
            request, self._request = self._request, None
            self._handler.finish(request, outcome)

    @property
    def waiting(self) -> int:
        """Bytes written that the peer has not read, beyond what the kernel holds."""
        size: int = self._transport.get_write_buffer_size()
        return size

    def close(self) -> None:
        self._finish("closed")
        self._transport.close()

    def reset(self) -> None:
        """End the connection with a reset instead of a proper end."""
        self._finish("reset")
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._transport.abort()

    def leave(self) -> None:
        """The server stops: say goodbye, but wait for nobody who doesn't read."""
        self._finish("closed")
        if self._transport.get_write_buffer_size():
            self._transport.abort()
        else:
            self._transport.close()

    def hold(self) -> None:
        """Leave the caller waiting: the request stays open until one side goes."""


_ENDS: dict[End, Callable[[Connection], None]] = {
    End.CLOSED: Connection.close,
    End.RESET: Connection.reset,
    End.HELD: Connection.hold,
}


def parse_head(head: bytes, start: int) -> tuple[str, str, dict[str, str], int]:
    """Method, target, headers (lower case; repeated ones joined) and where the body starts. Raises ValueError."""
    first, *lines = head.decode("latin-1").split("\r\n")[:-1]
    words = first.split(" ")
    if len(words) != 3:
        raise ValueError(f"not an HTTP request: {first[:80]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError(f"not a header: {line[:80]!r}")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return words[0], words[1], headers, start


def take_body(buffer: bytearray, start: int, headers: Mapping[str, str]) -> tuple[bytes, int] | None:
    """The body and where it ends, None while it is not whole. Raises ValueError for broken framing."""
    if headers.get("transfer-encoding", "").lower() != "chunked":
        end = start + int(headers.get("content-length", 0))
        return (bytes(buffer[start:end]), end) if len(buffer) >= end else None
    parts: list[bytes] = []
    while True:
        line = buffer.find(b"\r\n", start)
        if line < 0:
            return None
        size = int(bytes(buffer[start:line]).partition(b";")[0], 16)
        start = line + 2
        if len(buffer) < start + size + 2:
            return None
        if size == 0:
            return b"".join(parts), start + 2
        parts.append(bytes(buffer[start : start + size]))
        start += size + 2
