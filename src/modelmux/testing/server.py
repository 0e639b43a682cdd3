"""Vendors on loopback: real HTTP, the vendor's own format, no key and no internet.

``python -m modelmux.testing.server --wire openai`` runs one in its own process (``--fast`` for benchmarks).
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Self, Unpack

from modelmux.testing._connection import Connection
from modelmux.testing._loop import LoopThread
from modelmux.testing._vendor import SHAPES, Vendor, VendorOptions
from modelmux.testing.faults import DOWN

__all__ = ["HOST", "SHAPES", "VendorServer"]

HOST = "127.0.0.1"
_BACKLOG = 1024
_FILL = 2
"""Connections that fill a backlog of none, so that the kernel drops further ones (Linux; others may refuse them)."""


class VendorServer(Vendor):
    """One vendor on loopback. ``vendor`` is ``openai`` (and whatever is compatible with it; chat completions,
    Responses, embeddings), ``anthropic`` or ``gemini``, or the id of that wire.

    Start it with ``with`` or :meth:`start`. Without a script it repeats the last message of each request; see
    :meth:`reply`, :meth:`play`, :meth:`fail`, :meth:`flap` and :meth:`limit`. ``key`` is what requests must carry,
    None to ask for none; ``models``, where given, are the only ones served. ``latency`` and ``pace`` are seconds
    before an answer's head and between the events of a stream, or callables that say so for a request; above
    ``capacity`` requests under way, further ones get ``overload``. All of them may be changed at any time.

    ``requests`` lists what came, oldest first. ``in_flight`` is how many are under way, ``max_in_flight`` how many
    ever were, ``hung_up`` how many the caller left before they were over; ``connections`` are those open now,
    ``accepted`` counts all there were. Every method may be called from any thread.
    """

    def __init__(
        self,
        vendor: str = "openai",
        *,
        port: int = 0,
        thread: LoopThread | None = None,
        **options: Unpack[VendorOptions],
    ) -> None:
        super().__init__(vendor, **options)
        self.connections: set[Connection] = set()
        self.accepted = 0
        self._welcome: str | None = None
        self._port = port
        self._own_thread = thread is None
        self._thread = thread
        self._server: asyncio.Server | None = None
        self._parked: list[socket.socket] = []
        self._plan: Future[None] | None = None

    # --- life --------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Listen. Raises OSError when the port is taken."""
        sock = _bound(self._port)
        self._port = sock.getsockname()[1]
        if self._thread is None:
            self._thread = LoopThread()
        self._thread.run(self._listen(sock))
        return self

    def stop(self) -> None:
        """Close every connection and stop. A second call does nothing."""
        thread = self._thread
        if thread is None:
            return
        self._unwind()
        thread.call(lambda: self._silence(Connection.leave))
        if self._own_thread:
            thread.stop()
        self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.stop()
        if kind is None:
            self.check()

    @property
    def origin(self) -> str:
        return f"http://{HOST}:{self._port}"

    @property
    def base_url(self) -> str:
        """Where the vendor's own address would stand. Requests under any other prefix are served too."""
        return self.origin + self._shape.prefix

    async def _listen(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self, loop), sock=sock, backlog=_BACKLOG)

    def _silence(self, end: Callable[[Connection], None]) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        while self._parked:
            self._parked.pop().close()
        for connection in list(self.connections):
            end(connection)

    def welcome(self, connection: Connection) -> None:
        """A connection was made."""
        self.accepted += 1
        if self._welcome is not None:
            _FAREWELLS[self._welcome](connection)

    def idle(self, timeout: float = 1.0) -> bool:
        """Wait until no request is under way. False if some still are after ``timeout`` seconds."""
        until = time.monotonic() + timeout
        while self.in_flight and time.monotonic() < until:
            time.sleep(0.002)
        return not self.in_flight

    # --- down and up -------------------------------------------------------------------------------------------

    def down(self, how: str = "refuse") -> None:
        """Take the vendor down: ``refuse`` refuses connections, ``silent`` neither takes nor refuses them, ``close``
        and ``reset`` take and then end them. All end the connections that are open.
        """
        if how not in DOWN:
            raise ValueError(f"how={how!r}: expected one of {sorted(DOWN)}")

        self._running.call(lambda: self._sink(how))
        if how in _FAREWELLS:
            self._running.run(self._rise(how))

    def _sink(self, how: str) -> None:
        """What can be done at once, also from the server's own thread."""
        if how in _FAREWELLS:
            self._welcome = how
            for connection in list(self.connections):
                _FAREWELLS[how](connection)
            return
        self._silence(Connection.reset)
        self._parked = [_bound(self._port)]
        if how == "silent":
            self._parked += _filled(self._parked[0])

    def up(self) -> None:
        """Bring the vendor back, on the same port."""
        self._running.run(self._rise())

    async def _rise(self, welcome: str | None = None) -> None:
        """Listen, and end every new connection if ``welcome`` says so."""
        self._welcome = welcome
        if not self._parked:
            return
        sock, *fillers = self._parked
        self._parked = []
        if fillers:
            # Whoever stands in its queue is not to be served.
            for each in (*fillers, sock):
                each.close()
            sock = _bound(self._port)
        await self._listen(sock)

    def heal(self) -> None:
        super().heal()
        self._unwind()
        self.up()

    def reset(self) -> None:
        self.heal()
        super().reset()

    def _fall(self, how: str, seconds: float | None) -> None:
        self._unwind()
        self.down(how)
        if seconds is not None:
            self._wind(self._healed_after(seconds))

    def _flap(self, how: str, up: float, down: float) -> None:
        self._unwind()
        self._wind(self._flapping(how, up, down))

    async def _healed_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._rise()

    async def _flapping(self, how: str, up: float, down: float) -> None:
        while True:
            await asyncio.sleep(up)
            self._sink(how)
            await asyncio.sleep(down)
            await self._rise()

    def _wind(self, plan: Coroutine[Any, Any, None]) -> None:
        self._plan = self._running.start(plan)

    def _unwind(self) -> None:
        plan, self._plan = self._plan, None
        if plan is not None:
            plan.cancel()

    @property
    def _running(self) -> LoopThread:
        if self._thread is None:
            raise RuntimeError("the server is not running: use it with 'with', or call start()")
        return self._thread


_FAREWELLS: dict[str, Callable[[Connection], None]] = {"close": Connection.close, "reset": Connection.reset}


def _filled(sock: socket.socket) -> list[socket.socket]:
    """Let a socket listen without room for anybody. Returns what takes up the room."""
    sock.listen(0)
    fillers = []
    for _ in range(_FILL):
        filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        filler.setblocking(False)
        filler.connect_ex(sock.getsockname())
        fillers.append(filler)
    return fillers


def _bound(port: int) -> socket.socket:
    """A socket that holds the port and does not listen: connections to it are refused."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((HOST, port))
    except OSError:
        sock.close()
        raise
    return sock


if __name__ == "__main__":
    from modelmux.testing._main import main

    with suppress(KeyboardInterrupt):
        main()
