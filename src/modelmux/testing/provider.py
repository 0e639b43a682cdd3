"""A vendor inside the process: the same answers and faults as a server's, with no socket and, if you like, no time."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Unpack
from urllib.parse import urlsplit

from modelmux._engines import CONNECT_TIMEOUT, Direct
from modelmux._engines._faults import failed, lost, timeout
from modelmux._engines._h1 import Answer as Reader
from modelmux._http import HttpHead, HttpRequest
from modelmux.testing._steps import End
from modelmux.testing._vendor import Vendor, VendorOptions
from modelmux.testing.clock import FakeClock

LIMIT = 64 * 1024 * 1024
"""Bytes of one answer at most, as an engine's default is."""


class FakeProvider(Vendor, Direct):
    """One vendor without a network: give :meth:`endpoint` to a Mux. ``vendor``, ``key``, ``models``, ``latency``,
    ``pace`` and ``capacity`` are those of :class:`~modelmux.testing.VendorServer`, and so are the script, the faults,
    the limits and the counters. ``name`` makes its origin (``http://<name>.test``), by default the vendor's.

    ``clock`` is that of the Mux: under a :class:`~modelmux.testing.FakeClock` nothing is waited for. Answers pass
    through the engine's own reader of HTTP, so that broken framing breaks here too.
    """

    def __init__(self, vendor: str = "openai", *, name: str | None = None, **options: Unpack[VendorOptions]) -> None:
        super().__init__(vendor, **options)
        self.name = name or self.vendor
        self._down: tuple[str, float] | None = None
        self._flapping: tuple[str, float, float, float] | None = None

    @property
    def origin(self) -> str:
        return f"http://{self.name}.test"

    @property
    def base_url(self) -> str:
        return self.origin + self._shape.prefix

    def endpoint(self, model: str | None = None, **options: Any) -> Any:
        return super().endpoint(model, **{"http_client": self, **options})

    # --- down and up -------------------------------------------------------------------------------------------

    def _fall(self, how: str, seconds: float | None) -> None:
        self._down = how, math.inf if seconds is None else self.clock.monotonic() + seconds

    def _flap(self, how: str, up: float, down: float) -> None:
        self._flapping = how, self.clock.monotonic(), up, down

    def heal(self) -> None:
        super().heal()
        self._down = self._flapping = None

    def reset(self) -> None:
        self.heal()
        super().reset()

    @property
    def down_now(self) -> str | None:
        """How it is down at this moment, None when it is up."""
        now = self.clock.monotonic()
        if self._down is not None and now < self._down[1]:
            return self._down[0]
        if self._flapping is not None:
            how, began, up, down = self._flapping
            return how if (now - began) % (up + down) >= up else None
        return None

    # --- one request -------------------------------------------------------------------------------------------

    def dial(self, request: HttpRequest) -> Line:
        """Send a request. Raises ConnectionFailed and ConnectionLost, as the network would."""
        down = self.down_now
        if down == "refuse":
            raise failed("Connection refused")
        if down == "silent":
            return Line(self, None, request, self.clock.monotonic())
        if down is not None:
            raise lost("closed without an answer", answered=False)
        return Line(self, request, request, self.clock.monotonic())

    def open(self, request: HttpRequest, deadline: float | None) -> FakeStream:
        stream = FakeStream(self.dial(request), self._pass)
        stream.until_head(deadline)
        return stream

    async def aopen(self, request: HttpRequest, deadline: float | None) -> AsyncFakeStream:
        stream = AsyncFakeStream(self.dial(request), self._apass)
        await stream.until_head(deadline)
        return stream

    def _pass(self, seconds: float) -> None:
        """Let time pass."""
        if isinstance(self.clock, FakeClock):
            self.clock.elapse(seconds)
        else:
            time.sleep(seconds)

    async def _apass(self, seconds: float) -> None:
        if isinstance(self.clock, FakeClock):
            await self.clock.aelapse(seconds)
        else:
            await asyncio.sleep(seconds)


@dataclass(frozen=True, slots=True)
class Until:
    """Nothing more comes before this time; ``phase`` is what is being waited for."""

    time: float
    phase: str


class Line:
    """One answer on its way: what has come of it, and when there will be more. It waits for nobody.

    :meth:`pull` gives bytes of the body (``b""`` at its end) or an :class:`Until`. ``head`` is there once
    :meth:`pull_head` has returned None.
    """

    __slots__ = ("_began", "_due", "_pieces", "_reader", "_request", "_steps", "provider")

    def __init__(self, provider: FakeProvider, sent: HttpRequest | None, request: HttpRequest, now: float) -> None:
        """``sent`` is None where the request does not get through."""
        self.provider = provider
        self._began = now
        self._due = 0.0
        self._pieces: list[bytes] = []
        self._reader = Reader(request.method, LIMIT, request.headers.get("accept-encoding", "identity"))
        self._request = self._steps = None
        if sent is not None:
            url = urlsplit(sent.url)
            target = url.path + ("?" + url.query if url.query else "")
            self._request = provider.receive(sent.method, target, sent.headers, sent.body)
            self._steps = provider.respond(self._request)

    @property
    def head(self) -> HttpHead | None:
        return self._reader.head

    def pull_head(self, now: float) -> Until | None:
        if self._steps is None:
            if now >= self._began + CONNECT_TIMEOUT:
                raise timeout("connect")
            return Until(self._began + CONNECT_TIMEOUT, "connect")
        while self._reader.head is None:
            wait = self._step(now, "first_byte")
            if wait is not None:
                return wait
        return None

    def pull(self, now: float) -> bytes | Until:
        reader = self._reader
        while not self._pieces:
            if reader.pending:
                self._keep(reader.drain())
            elif reader.ended:
                return b""
            else:
                wait = self._step(now, "read")
                if wait is not None:
                    return wait
        return self._pieces.pop(0)

    def _step(self, now: float, phase: str) -> Until | None:
        """Do what comes next, if its time has come."""
        assert self._steps is not None
        if now < self._due:
            return Until(self._due, phase)
        step = next(self._steps, None)
        if step is None or step is End.HELD:
            self._due = math.inf
        elif isinstance(step, bytes):
            self._keep(self._reader.feed(step))
            if self._reader.ended:
                self._over("answered")
        elif isinstance(step, End):
            self._over(step.value)
            if step is End.RESET:
                raise lost("Connection reset by peer", answered=self._reader.started)
            self._reader.eof()
        else:
            self._due = now + step
        return None

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)

    def _over(self, outcome: str) -> None:
        request, self._request = self._request, None
        if request is not None:
            self.provider.finish(request, outcome)

    def hang_up(self) -> None:
        """The caller is done with it, whole or not."""
        self._over("hung up")


def _patience(wait: Until, now: float, deadline: float | None) -> float:
    """Seconds to wait, at most to the deadline. Raises AttemptTimeout past it, RuntimeError for a
    wait without an end.
    """
    if deadline is not None and now >= deadline:
        raise timeout(wait.phase)
    until = wait.time if deadline is None else min(wait.time, deadline)
    if math.isinf(until):
        raise RuntimeError("this answer never comes and the call has no deadline: it would wait for ever")
    return until - now


class FakeStream:
    """See :class:`modelmux._engines.SyncStream`."""

    head: HttpHead

    def __init__(self, line: Line, wait: Callable[[float], None]) -> None:
        self._line = line
        self._wait = wait
        self._aborted = False

    def until_head(self, deadline: float | None) -> None:
        clock = self._line.provider.clock
        try:
            while (wait := self._line.pull_head(clock.monotonic())) is not None:
                self._wait(_patience(wait, clock.monotonic(), deadline))
        except BaseException:
            self.close()
            raise
        assert self._line.head is not None
        self.head = self._line.head

    def read(self, deadline: float | None) -> bytes:
        clock = self._line.provider.clock
        while True:
            if self._aborted:
                raise lost("aborted", answered=True)
            found = self._line.pull(clock.monotonic())
            if isinstance(found, bytes):
                return found
            self._wait(_patience(found, clock.monotonic(), deadline))

    def close(self) -> None:
        self._line.hang_up()

    def abort(self) -> None:
        self._aborted = True


class AsyncFakeStream:
    """See :class:`modelmux._engines.AsyncStream`."""

    head: HttpHead

    def __init__(self, line: Line, wait: Callable[[float], Awaitable[None]]) -> None:
        self._line = line
        self._wait = wait

    async def until_head(self, deadline: float | None) -> None:
        clock = self._line.provider.clock
        try:
            while (wait := self._line.pull_head(clock.monotonic())) is not None:
                await self._wait(_patience(wait, clock.monotonic(), deadline))
        except BaseException:
            self.abort()
            raise
        assert self._line.head is not None
        self.head = self._line.head

    async def read(self, deadline: float | None) -> bytes:
        clock = self._line.provider.clock
        while True:
            found = self._line.pull(clock.monotonic())
            if isinstance(found, bytes):
                return found
            await self._wait(_patience(found, clock.monotonic(), deadline))

    async def aclose(self) -> None:
        self.abort()

    def abort(self) -> None:
        self._line.hang_up()
