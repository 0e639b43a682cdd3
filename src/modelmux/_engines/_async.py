"""The default async engine: asyncio transports, one HTTP/1.1 answer reader, an idle stack per loop and origin."""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import AsyncGenerator
from time import monotonic
from typing import Any

from modelmux._engines import CONNECT_TIMEOUT, AsyncStream, Direct, Options
from modelmux._engines._aconnect import connect
from modelmux._engines._astock import AsyncStock
from modelmux._engines._faults import left, sooner, timeout
from modelmux._engines._h1 import Answer
from modelmux._engines._pool import Pool
from modelmux._engines._request import Address, address_of, head_of
from modelmux._engines._signs import Signs
from modelmux._engines._wire import LoopStream, Wire
from modelmux._http import HttpRequest
from modelmux.errors import ConnectionLost


class LoopPool:
    """What one engine keeps for one event loop."""

    __slots__ = ("_keeper", "loop", "pool", "stock", "wires")

    def __init__(self, loop: asyncio.AbstractEventLoop, options: Options) -> None:
        self.loop = loop
        self.pool: Pool[Wire] = Pool(options)
        self.stock = AsyncStock(options)
        self.wires: weakref.WeakSet[Wire] = weakref.WeakSet()
        """Every connection that was opened here and is known to anybody."""
        self._keeper: AsyncGenerator[None, None] | None = None

    async def keep(self, engine: LoopEngine) -> None:
        """Close with the loop: ``asyncio.run`` ends every generator that its loop has begun."""
        self._keeper = _keeper(self, weakref.ref(engine))
        await anext(self._keeper)

    async def acquire(self, key: tuple[bool, str, int], deadline: float | None) -> Wire | None:
        """An idle connection, or None with a permit to open one."""
        pool = self.pool
        while True:
            wire = pool.take(key, monotonic())
            if wire is not None or pool.claim():
                return wire
            turn: asyncio.Future[None] = self.loop.create_future()

            def wake(turn: asyncio.Future[None] = turn) -> None:
                if not turn.done():
                    turn.set_result(None)

            pool.waiting.append(wake)
            try:
                async with asyncio.timeout(left(deadline, "pool")):
                    await turn
            except BaseException as error:
                if turn.done() and not turn.cancelled():
                    pool.wake()
                elif wake in pool.waiting:
                    pool.waiting.remove(wake)
                if isinstance(error, TimeoutError):
                    raise timeout("pool") from None
                raise

    async def aclose(self) -> None:
        self.pool.clear()
        await self.stock.aclose()


async def _keeper(pool: LoopPool, engine: weakref.ref[LoopEngine]) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        owner = engine()
        if owner is not None:
            owner.forget(pool)
        await pool.aclose()
        for wire in list(pool.wires):
            wire.shut()  # its stream was left half read, and nobody can read it any more
        # The transports close in the loop's next round.
        await asyncio.sleep(0)


class LoopEngine:
    """See :class:`modelmux._engines.AsyncEngine`."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._signs = Signs(options)
        self._pools: dict[asyncio.AbstractEventLoop, LoopPool] = {}
        self._lock = threading.Lock()
        self._graveyard: list[Any] = []
        _engines.add(self)

    async def send(
        self,
        request: HttpRequest,
        *,
        deadline: float | None,
        connect_timeout: float = CONNECT_TIMEOUT,
        client: Any = None,
    ) -> AsyncStream:
        if isinstance(client, Direct):
            return await client.aopen(request, deadline)
        address = address_of(request)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            # trio: httpx knows how.
            return await AsyncStock(self._options).send_once(request, deadline, connect_timeout, client)
        home = self._pools.get(loop)
        if home is None:
            home = await self._settle_in(loop)
        if client is not None or address is None or self._signs.detour(address):
            return await home.stock.send(request, deadline, connect_timeout, client)
        head = head_of(request, address)
        left(deadline, "pool")
        wire = await home.acquire(address.key, deadline)
        while True:
            if wire is None:
                wire = await self._open(home, address, sooner(deadline, connect_timeout))
            answer = Answer(
                request.method, self._options.max_response_bytes, request.headers.get("accept-encoding", "identity")
            )
            stream = LoopStream(wire, answer)
            try:
                await stream.exchange(head, memoryview(request.body), deadline)
            except ConnectionLost:
                again = stream.unseen()
                stream.discard()
                if not again:
                    raise
                # The server closed it while it was idle; not one byte of the request had reached it.
                await home.acquire((False, "", 0), deadline)
                wire = None
            except BaseException:
                stream.discard()
                raise
            else:
                return stream

    async def _open(self, home: LoopPool, address: Address, until: float) -> Wire:
        try:
            context = None
            if address.tls:
                from modelmux._engines._tls import context_for

                context = context_for(self._options)
            wire = await connect(home.loop, home.pool, address, until, context)
        except BaseException:
            home.pool.drop()
            raise
        home.wires.add(wire)
        return wire

    async def _settle_in(self, loop: asyncio.AbstractEventLoop) -> LoopPool:
        with self._lock:
            for other in [other for other in self._pools if other.is_closed()]:
                self._pools.pop(other).pool.clear()
            home = self._pools[loop] = LoopPool(loop, self._options)
        await home.keep(self)
        return home

    def forget(self, home: LoopPool) -> None:
        with self._lock:
            if self._pools.get(home.loop) is home:
                del self._pools[home.loop]

    async def aclose(self) -> None:
        with self._lock:
            closed = [loop for loop in self._pools if loop.is_closed()]
            gone = [self._pools.pop(loop) for loop in closed]
            home = self._pools.get(asyncio.get_running_loop())
        for pool in gone:
            pool.pool.clear()
        if home is not None:
            await home.aclose()

    def renew(self) -> None:
        """In a forked child: the parent's connections are not ours to use, nor to close, as closing them would
        reach into the event queue that the kernel shares between the two. They are kept, untouched, to the end.
        """
        self._graveyard.append(self._pools)
        self._pools = {}
        self._lock = threading.Lock()


_engines: weakref.WeakSet[LoopEngine] = weakref.WeakSet()


def _after_fork() -> None:
    for engine in list(_engines):
        engine.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
