"""One answer on one blocking socket."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import Any, Protocol

from modelmux._engines._faults import left, lost, reason, timeout
from modelmux._engines._h1 import Answer
from modelmux._engines._unseen import unacknowledged
from modelmux._http import HttpHead
from modelmux.errors import AttemptTimeout

_READ = 65536
_JOIN = 256 * 1024
"""Bodies up to this many bytes are copied behind their head, to leave in one packet or one call."""


class Connection:
    """One socket. Used by one thread at a time, except for :meth:`wreck`."""

    __slots__ = ("_poll", "key", "sent", "since", "sock", "used")

    def __init__(self, sock: socket.socket, key: tuple[bool, str, int]) -> None:
        self.sock = sock
        self.key = key
        self.since = 0.0
        self.used = False
        self.sent = 0
        """Bytes of the request under way that the kernel has taken."""
        self._poll: Any = None

    def alive(self) -> bool:
        # Readable while idle means closed, or talking out of turn.
        if not hasattr(select, "poll"):
            return not select.select([self.sock], [], [], 0)[0]
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self.sock, select.POLLIN)
        return not self._poll.poll(0)

    def shut(self) -> None:
        self.sock.close()

    def wreck(self) -> None:
        """From any thread: whoever is blocked on this socket wakes to find it closed."""
        with contextlib.suppress(OSError):
            # Not SSLSocket's own shutdown: it drops the TLS state that the blocked thread is using.
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    def receive(self, deadline: float | None, phase: str) -> bytes:
        sock = self.sock
        sock.settimeout(left(deadline, phase))
        try:
            return sock.recv(_READ)
        except TimeoutError as error:
            raise timeout(phase) from error

    def transmit(self, data: memoryview, deadline: float | None, answer: Answer) -> bytes:
        """Write ``data``, unless the server answers first; hands back what came of its body."""
        sock = self.sock
        sock.settimeout(left(deadline, "write"))
        try:
            sent = sock.send(data)
            self.sent += sent
            rest = data[sent:] if sent < len(data) else None
            while rest:
                came = self._listen(deadline, answer)
                if answer.head is not None:
                    # It answered without hearing us out, so the rest would be taken for another request.
                    answer.reusable = False
                    return came
                sock.settimeout(left(deadline, "write"))
                sent = sock.send(rest)
                self.sent += sent
                rest = rest[sent:]
        except TimeoutError as error:
            raise timeout("write") from error
        return b""

    def _listen(self, deadline: float | None, answer: Answer) -> bytes:
        """Wait until the socket takes more; read the answer if it comes meanwhile."""
        if not hasattr(select, "poll") or hasattr(self.sock, "context"):
            # Readable says nothing under TLS: it may be a ticket.
            return b""
        poll = select.poll()
        poll.register(self.sock, select.POLLIN | select.POLLOUT)
        rest = left(deadline, "write")
        events = poll.poll(None if rest is None else rest * 1000)
        if events and events[0][1] & select.POLLIN:
            data = self.receive(deadline, "write")
            if not data:
                answer.eof()
            return answer.feed(data)
        return b""


class Home(Protocol):
    """Where connections go back to."""

    def give(self, conn: Connection) -> None: ...

    def drop(self) -> None: ...


class SocketStream:
    """An answer on a socket. See :class:`modelmux._engines.SyncStream`."""

    __slots__ = ("_aborted", "_answer", "_conn", "_finished", "_lock", "_pool", "_ready", "head")

    def __init__(self, pool: Home, conn: Connection, answer: Answer) -> None:
        self.head: HttpHead = None  # type: ignore[assignment]  # set before anyone else sees the stream
        self._pool = pool
        self._conn: Connection | None = conn
        self._answer = answer
        self._ready = b""
        self._aborted = False
        self._finished = False
        """The peer has said its last byte (FIN)."""
        self._lock = threading.Lock()

    def exchange(self, head: memoryview, body: memoryview, deadline: float | None) -> None:
        """Send the request and read up to the end of the answer's head.

        Views, as a traceback that shows locals would print bytes, and the key in them.
        """
        conn, answer = self._conn, self._answer
        assert conn is not None
        ready = b""
        try:
            if len(body) <= _JOIN:
                ready = conn.transmit(memoryview(b"".join((head, body))), deadline, answer)
            else:
                ready = conn.transmit(head, deadline, answer)
                if answer.head is None:
                    ready = conn.transmit(body, deadline, answer)
        except OSError as error:
            if self._aborted:
                raise lost("aborted", answered=answer.started) from error
            # A server may refuse a request half-way, answer and close: its answer is then still to be read.
            answer.reusable = False
        while answer.head is None:
            ready = self._more(conn, deadline, "first_byte")
        self.head = answer.head
        self._ready = ready
        if answer.ended:
            self._release()

    def read(self, deadline: float | None) -> bytes:
        if self._ready:
            ready, self._ready = self._ready, b""
            return ready
        answer = self._answer
        while answer.pending:
            left(deadline, "read")
            if piece := answer.drain():
                return piece
        while not answer.ended:
            conn = self._conn
            if conn is None:
                raise lost("the stream was closed", answered=True)
            piece = self._more(conn, deadline, "read")
            if self._answer.ended:
                self._release()
            if piece:
                return piece
        self._release()
        return b""

    def _more(self, conn: Connection, deadline: float | None, phase: str) -> bytes:
        answer = self._answer
        try:
            data = conn.receive(deadline, phase)
        except AttemptTimeout:
            raise
        except OSError as error:
            raise lost("aborted" if self._aborted else reason(error), answered=answer.started) from error
        if data:
            return answer.feed(data)
        if self._aborted:
            raise lost("aborted", answered=answer.started)
        self._finished = True
        answer.eof()
        return b""

    def unseen(self) -> bool:
        """Whether this request, now broken, never reached the server, on a connection used before."""
        conn = self._conn
        if conn is None or not conn.used or self._answer.started or self._aborted:
            return False
        return conn.sent == 0 or (self._finished and unacknowledged(conn.sock) >= conn.sent)

    def close(self) -> None:
        answer = self._answer
        conn = self._conn
        if conn is None:
            return
        if not answer.ended and not self._aborted:
            # Often only the framing's last bytes are missing, and they are here already.
            try:
                conn.sock.settimeout(0)
                data = conn.sock.recv(_READ)
                if data:
                    answer.feed(data)
            except Exception:  # noqa: BLE001  # whatever is wrong with it, it is going to be closed
                answer.reusable = False
        self._release()

    def abort(self) -> None:
        # The lock keeps the socket from being given to another call between the look and the blow.
        with self._lock:
            if self._conn is not None:
                self._aborted = True
                self._conn.wreck()

    def _release(self) -> None:
        with self._lock:
            conn, self._conn = self._conn, None
        if conn is None:
            return
        answer = self._answer
        if answer.ended and answer.reusable and not self._aborted:
            conn.used = True
            conn.sent = 0
            self._pool.give(conn)
        else:
            conn.shut()
            self._pool.drop()

    def __del__(self) -> None:
        if self._conn is not None:
            self._release()
