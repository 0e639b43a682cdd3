"""A scripted server on loopback and a caller that drives both engines alike. Everything here is synthetic."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

from modelmux._engines import Options, open_async_engine, open_engine
from modelmux._http import HttpHead, HttpRequest

CLOSE, RESET, HANG, DEAF = "close", "reset", "hang", "deaf"
Step = bytes | float | str
"""Bytes to send, seconds to wait, or an end: close, reset, say nothing till the peer goes, not even listen."""


@dataclass(frozen=True)
class Seen:
    """A request as the server got it."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int


def answer(body: bytes = b"{}", *, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body


def chunked(*pieces: bytes, headers: str = "", end: bytes = b"0\r\n\r\n") -> bytes:
    head = f"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n{headers}\r\n".encode()
    return head + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + end


PLAIN = (answer(),)


class Server:
    """Answers every request by a script: a list of steps, or a function from :class:`Seen` to one."""

    def __init__(
        self,
        script: Iterable[Step] | Callable[[Seen], Iterable[Step]] = PLAIN,
        *,
        tls: ssl.SSLContext | None = None,
        read_bodies: bool = True,
        host: str = "127.0.0.1",
    ) -> None:
        self.script = script
        self.seen: list[Seen] = []
        self.connections = 0
        self._read_bodies = read_bodies
        self._tls = tls
        self._stop = threading.Event()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server((host, 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/v1"

    @property
    def live(self) -> int:
        """Connections open on the server's side."""
        return len(self._open)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join(5)

    def hang_up(self, *, reset: bool = False) -> None:
        """Close every connection, as a server does with idle ones."""
        for conn in list(self._open):
            with contextlib.suppress(OSError):
                if reset:
                    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                # A reset is what follows when the thread that this wakes closes the socket.
                socket.socket.shutdown(conn, socket.SHUT_RD if reset else socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                conn, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(conn)
            thread = threading.Thread(target=self._serve, args=(conn, self.connections), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, conn: socket.socket, number: int) -> None:
        plain = conn
        with contextlib.suppress(OSError, ConnectionError):
            if self._tls is not None:
                conn = self._tls.wrap_socket(conn, server_side=True)
                self._open.discard(plain)
                self._open.add(conn)
            self._talk(conn, number)
        self._open.discard(plain)
        self._open.discard(conn)
        conn.close()

    def _talk(self, conn: socket.socket, number: int) -> None:
        held = b""
        while True:
            while b"\r\n\r\n" not in held:
                data = conn.recv(65536)
                if not data:
                    return
                held += data
            head, _, held = held.partition(b"\r\n\r\n")
            line, *lines = head.decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
            size = int(headers.get("content-length", 0)) if self._read_bodies else 0
            while len(held) < size:
                held += conn.recv(65536)
            seen = Seen(line, headers, held[:size], number)
            held = held[size:]
            self.seen.append(seen)
            if not self._play(conn, self.script(seen) if callable(self.script) else self.script):
                return

    def _play(self, conn: socket.socket, script: Iterable[Step]) -> bool:
        for step in script:
            if isinstance(step, bytes):
                conn.sendall(step)
            elif isinstance(step, float):
                if self._stop.wait(step):
                    return False
            elif step == HANG:
                while conn.recv(65536):
                    pass
                return False
            elif step == DEAF:
                self._stop.wait(10)
                return False
            else:
                if step == RESET:
                    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return False
        return True


def post(url: str, body: bytes = b"{}", **headers: str) -> HttpRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpRequest("POST", url, {"content-type": "application/json", **named}, body)


class Opened:
    """A stream of either engine, read in blocking style."""

    def __init__(self, run: Callable[[Any], Any], stream: Any) -> None:
        self._run = run
        self.stream = stream
        self.head: HttpHead = stream.head

    def read(self, seconds: float | None = 2.0) -> bytes:
        return self._run(self.stream.read(None if seconds is None else time.monotonic() + seconds))

    def rest(self, seconds: float = 2.0) -> bytes:
        until = time.monotonic() + seconds
        pieces = []
        while piece := self._run(self.stream.read(until)):
            pieces.append(piece)
        return b"".join(pieces)

    def close(self) -> None:
        self._run(self.stream.aclose() if hasattr(self.stream, "aclose") else self.stream.close())

    def abort(self) -> None:
        self.stream.abort()


class Caller:
    """One engine, ``sync`` or ``async``, in blocking style; the async one has an event loop that runs while asked."""

    def __init__(self, kind: str, options: Options | None = None) -> None:
        self.kind = kind
        self._runner = asyncio.Runner() if kind == "async" else None
        self.engine: Any = open_async_engine(options) if kind == "async" else open_engine(options)

    def run(self, value: Any) -> Any:
        if self._runner is None:
            return value

        async def main() -> Any:
            return await value

        return self._runner.run(main())

    def open(self, request: HttpRequest, seconds: float | None = 2.0, **settings: Any) -> Opened:
        deadline = None if seconds is None else time.monotonic() + seconds
        return Opened(self.run, self.run(self.engine.send(request, deadline=deadline, **settings)))

    def fetch(self, request: HttpRequest, seconds: float = 2.0, **settings: Any) -> tuple[HttpHead, bytes]:
        opened = self.open(request, seconds, **settings)
        try:
            return opened.head, opened.rest(seconds)
        finally:
            opened.close()

    def finish(self) -> None:
        if self._runner is None:
            self.engine.close()
        else:
            self._runner.run(self.engine.aclose())
            self._runner.close()
