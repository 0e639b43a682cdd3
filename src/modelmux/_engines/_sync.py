"""The default sync engine: blocking sockets, one HTTP/1.1 answer reader, an idle stack per origin."""

from __future__ import annotations

import os
import threading
import weakref
from time import monotonic
from typing import Any

from modelmux._engines import CONNECT_TIMEOUT, Direct, Options, SyncStream
from modelmux._engines._abort import Abort
from modelmux._engines._connect import connect, patience
from modelmux._engines._faults import left, sooner
from modelmux._engines._h1 import Answer
from modelmux._engines._pool import Pool
from modelmux._engines._request import Address, address_of, head_of
from modelmux._engines._signs import Signs, patched
from modelmux._engines._socket import Connection, SocketStream
from modelmux._engines._stock import Stock
from modelmux._http import HttpRequest
from modelmux.errors import ConnectionLost


class SyncPool:
    """The pool of one engine in one process, with a lock and waiting."""

    __slots__ = ("_lock", "_pool")

    def __init__(self, options: Options) -> None:
        self._pool: Pool[Connection] = Pool(options)
        # Re-entrant: a forgotten stream may be collected, and so released, while this thread holds it.
        self._lock = threading.RLock()

    def acquire(self, key: tuple[bool, str, int], deadline: float | None, abort: Abort | None) -> Connection | None:
        """An idle connection, or None with a permit to open one."""
        pool = self._pool
        while True:
            with self._lock:
                conn = pool.take(key, monotonic())
                if conn is not None or pool.claim():
                    return conn
                gate = threading.Event()
                pool.waiting.append(gate.set)
            try:
                while not gate.wait(patience(deadline, "pool", abort)):
                    pass
            except BaseException:
                with self._lock:
                    if gate.is_set():
                        pool.wake()
                    else:
                        pool.waiting.remove(gate.set)
                raise

    def claim(self, deadline: float | None, abort: Abort | None) -> None:
        """A permit to open one, whatever is idle."""
        self.acquire((False, "", 0), deadline, abort)

    def give(self, conn: Connection) -> None:
        with self._lock:
            self._pool.give(conn, monotonic())

    def drop(self) -> None:
        with self._lock:
            self._pool.drop()

    def clear(self) -> None:
        with self._lock:
            self._pool.clear()

    def renew(self) -> None:
        """In a forked child: close our copies. Another thread of the parent may have held the lock."""
        self._lock = threading.RLock()
        self.clear()

    def __del__(self) -> None:
        self.clear()


class SocketEngine:
    """See :class:`modelmux._engines.Engine`."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._pool = SyncPool(options)
        self._signs = Signs(options)
        self._stock = Stock(options)
        _engines.add(self)

    def send(
        self,
        request: HttpRequest,
        *,
        deadline: float | None,
        connect_timeout: float = CONNECT_TIMEOUT,
        client: Any = None,
        abort: Abort | None = None,
    ) -> SyncStream:
        if isinstance(client, Direct):
            return client.open(request, deadline)
        address = address_of(request)
        if client is not None or address is None or self._signs.detour(address):
            mocked = client is None and patched()
            return self._stock.send(request, deadline, connect_timeout, client=client, abort=abort, mocked=mocked)
        head = head_of(request, address)
        left(deadline, "pool")
        pool = self._pool
        conn = pool.acquire(address.key, deadline, abort)
        while True:
            if conn is None:
                conn = self._open(pool, address, sooner(deadline, connect_timeout), abort)
            answer = Answer(
                request.method, self._options.max_response_bytes, request.headers.get("accept-encoding", "identity")
            )
            stream = SocketStream(pool, conn, answer)
            if abort is not None:
                abort.watch(stream.abort)
            try:
                stream.exchange(head, memoryview(request.body), deadline)
            except ConnectionLost:
                again = stream.unseen()
                stream.close()
                if not again:
                    raise
                # The server closed it while it was idle; not one byte of the request had reached it.
                pool.claim(deadline, abort)
                conn = None
            except BaseException:
                stream.close()
                raise
            else:
                return stream

    def _open(self, pool: SyncPool, address: Address, until: float, abort: Abort | None) -> Connection:
        try:
            context = None
            if address.tls:
                from modelmux._engines._tls import context_for

                context = context_for(self._options)
            return Connection(connect(address, until, context, abort), address.key)
        except BaseException:
            pool.drop()
            raise

    def close(self) -> None:
        self._pool.clear()
        self._stock.close()

    def renew(self) -> None:
        """In a forked child: the parent's connections are not ours to use."""
        old, self._pool = self._pool, SyncPool(self._options)
        old.renew()
        self._stock = Stock(self._options)


_engines: weakref.WeakSet[SocketEngine] = weakref.WeakSet()


def _after_fork() -> None:
    for engine in list(_engines):
        engine.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
