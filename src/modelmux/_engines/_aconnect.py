"""A TCP and TLS connection by a deadline, on an asyncio event loop."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from modelmux._engines._connect import STAGGER
from modelmux._engines._faults import failed, left, reason, timeout
from modelmux._engines._request import Address
from modelmux._engines._resolve import Place, resolve
from modelmux._engines._wire import Wire

if TYPE_CHECKING:
    import ssl

    from modelmux._engines._pool import Pool


async def connect(
    loop: asyncio.AbstractEventLoop, pool: Pool[Wire], address: Address, until: float, context: ssl.SSLContext | None
) -> Wire:
    """Raises ``ConnectionFailed``, or ``AttemptTimeout`` in phase ``connect``."""
    try:
        async with asyncio.timeout(left(until, "connect")):
            sock = await _race(loop, await _places(loop, address))
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                wire = Wire(loop, pool, address.key, sock)
                if context is None:
                    await loop.create_connection(lambda: wire, sock=sock)
                else:
                    name = address.host.rstrip(".")
                    await loop.create_connection(lambda: wire, sock=sock, ssl=context, server_hostname=name)
            except BaseException:
                sock.close()
                raise
            return wire
    except TimeoutError:
        raise timeout("connect") from None
    except (OSError, ValueError) as error:
        # SSLError is an OSError; a name that TLS cannot check is a ValueError.
        raise failed(reason(error)) from error


async def _places(loop: asyncio.AbstractEventLoop, address: Address) -> list[Place]:
    lookup = resolve(address.host, address.port)
    if not lookup.done.is_set():
        done: asyncio.Future[None] = loop.create_future()

        def finish() -> None:
            if not done.done():
                done.set_result(None)

        def tell() -> None:
            try:
                loop.call_soon_threadsafe(finish)
            except RuntimeError:
                # The loop closed while the name was looked up: nobody waits any more.
                return

        lookup.call(tell)
        await done
    return lookup.places()


async def _race(loop: asyncio.AbstractEventLoop, places: list[Place]) -> socket.socket:
    """The first address that answers wins; the others are let go."""
    if len(places) == 1:
        return await _reach(loop, places[0])
    why: OSError = OSError("the name has no address")
    running: set[asyncio.Task[socket.socket]] = set()
    untried = places[::-1]
    winner: socket.socket | None = None
    try:
        while (untried or running) and winner is None:
            if untried:
                running.add(loop.create_task(_reach(loop, untried.pop())))
            done, running = await asyncio.wait(
                running, timeout=STAGGER if untried else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                error = task.exception()
                if isinstance(error, OSError):
                    why = error
                elif error is not None:
                    raise error
                elif winner is None:
                    winner = task.result()
                else:
                    task.result().close()
    finally:
        for task in running:
            task.add_done_callback(_let_go)
            task.cancel()
    if winner is None:
        raise why
    return winner


def _let_go(task: asyncio.Task[socket.socket]) -> None:
    # A loser may have connected in the moment it was cancelled.
    if not task.cancelled() and task.exception() is None:
        task.result().close()


async def _reach(loop: asyncio.AbstractEventLoop, place: Place) -> socket.socket:
    family, where = place
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        await loop.sock_connect(sock, where)
    except BaseException:
        sock.close()
        raise
    return sock
