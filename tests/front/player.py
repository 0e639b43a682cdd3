"""Vendors on loopback at their own addresses: every name leads here, under TLS where the address says so, and each
request is answered with the recording that was put on.
"""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Self

_TLS = b"\x16"
"""What a TLS connection begins with: the type of a handshake record."""


@dataclass(frozen=True)
class Played:
    """What a vendor answered: ``pieces`` are written one by one, as chunks where it was ``chunked``; ``packed`` sends
    them compressed, if the request allows it.
    """

    status: int
    headers: dict[str, str]
    pieces: Sequence[bytes]
    chunked: bool
    packed: bool


@dataclass(frozen=True)
class Asked:
    """A request as it came over the wire. Names of headers are in lower case."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Player:
    """``asked`` are the requests since the last :meth:`put_on`. Use it with ``with``."""

    certificate: str
    """A file with a key and the certificate for all names."""
    asked: list[Asked] = field(default_factory=list)
    _played: Played | None = None
    _open: set[socket.socket] = field(default_factory=set)

    def put_on(self, played: Played) -> None:
        self.asked = []
        self._played = played

    def __enter__(self) -> Self:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        return self

    def __exit__(self, *exc: object) -> None:
        for sock in (self._listener, *self._open):
            with suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """While this is open, every name leads here."""
        looked_up, here = socket.getaddrinfo, self._listener.getsockname()

        def lead_here(*_: Any, **__: Any) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", here)]

        socket.getaddrinfo = lead_here
        try:
            yield
        finally:
            socket.getaddrinfo = looked_up

    def _accept(self) -> None:
        while True:
            try:
                conn, _ = self._listener.accept()
            except OSError:
                return
            self._threads = [thread for thread in self._threads if thread.is_alive()]
            thread = threading.Thread(target=self._serve, args=(conn,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, conn: socket.socket) -> None:
        with suppress(OSError):
            conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if conn.recv(1, socket.MSG_PEEK) == _TLS:
                conn = self._context.wrap_socket(conn, server_side=True)
            self._open.add(conn)
            while (request := _read(conn)) is not None:
                self.asked.append(request)
                _write(conn, request, self._played)
        self._open.discard(conn)
        conn.close()


def _read(conn: socket.socket) -> Asked | None:
    held = b""
    while b"\r\n\r\n" not in held:
        data = conn.recv(65536)
        if not data:
            return None
        held += data
    head, _, body = held.partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    headers = [(name.lower(), value) for name, _, value in (each.partition(": ") for each in lines)]
    size = int(dict(headers).get("content-length", "0"))
    while len(body) < size:
        body += conn.recv(65536)
    method, target, _ = line.split(" ")
    return Asked(method, target, headers, body)


def _write(conn: socket.socket, request: Asked, played: Played | None) -> None:
    assert played is not None
    headers, pieces = dict(played.headers), list(played.pieces)
    if played.packed and "gzip" in dict(request.headers).get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        packed = gzip.compress(b"".join(pieces))
        pieces = [packed[: len(packed) // 2], packed[len(packed) // 2 :]]
    headers |= {"transfer-encoding": "chunked"} if played.chunked else {"content-length": str(sum(map(len, pieces)))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    conn.sendall(f"HTTP/1.1 {played.status} {HTTPStatus(played.status).phrase}\r\n{lines}\r\n".encode("latin-1"))
    for piece in pieces:
        conn.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if played.chunked else piece)
    if played.chunked:
        conn.sendall(b"0\r\n\r\n")
