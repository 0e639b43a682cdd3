"""How bytes reach a vendor: one seam, two flavours (sync and async), several engines behind it.

An engine sends an :class:`~modelmux._http.HttpRequest` and hands back a stream: the head at once, the body as it
arrives. It follows no redirect, retries nothing that a server may have seen, and keeps no cookies.

**Time.** Deadlines are absolute, on :func:`time.monotonic`. Every step that can block respects them: the wait for a
connection, name resolution, connect, TLS, write, head, and each read. One byte now and then buys no time.

**Errors** (all from :mod:`modelmux.errors`):

====================  ===============================================================================================
``AttemptTimeout``    ``phase`` is ``pool``, ``connect``, ``write``, ``first_byte`` or ``read``
``ConnectionFailed``  no connection, so nothing was sent
``ConnectionLost``    it broke after the request went out; ``answered`` says whether bytes of the answer had come
``MalformedResponse`` not HTTP/1.1, or a body in a coding nobody asked for
``ResponseTooLarge``  the body passed ``max_response_bytes``, before or after decompression
``InvalidRequest``    a URL or header that cannot be sent safely (CR, LF, NUL …); nothing was sent
``ConfigError``       an injected client that cannot be used here
====================  ===============================================================================================
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from modelmux._clock import SystemClock

if TYPE_CHECKING:
    import ssl

    from modelmux._clock import Clock
    from modelmux._engines._abort import Abort
    from modelmux._http import HttpHead, HttpRequest

CONNECT_TIMEOUT = 5.0
"""Seconds for name resolution, TCP and TLS together, when the deadline leaves more."""


@dataclass(frozen=True, slots=True)
class Options:
    """How an engine connects. ``verify`` and ``cert`` are httpx's: True, False, a CA file or directory, or an
    ``ssl.SSLContext``; a certificate file, ``(cert, key)`` or ``(cert, key, password)``. ``trust_env`` honours
    HTTP(S)_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR. Connections are counted per engine, and for
    async per event loop; an idle one is dropped after ``idle_seconds``.
    """

    verify: bool | str | ssl.SSLContext = True
    cert: str | tuple[str, str] | tuple[str, str, str] | None = None
    trust_env: bool = True
    max_connections: int = 1000
    max_idle: int = 256
    idle_seconds: float = 30.0
    max_response_bytes: int = 64 * 1024 * 1024


class SyncStream(Protocol):
    """One answer. Close it always; closed before its end, its connection is closed too."""

    head: HttpHead

    def read(self, deadline: float | None) -> bytes:
        """The next bytes of the body as they arrive, decompressed; ``b""`` at the end. After an ``AttemptTimeout``
        it may be called again.
        """

    def close(self) -> None:
        """Give the connection back if the body was read to its end, else close it. Idempotent, never blocks."""

    def abort(self) -> None:
        """Break the connection. From any thread; a blocked read raises ``ConnectionLost``."""


class AsyncStream(Protocol):
    """One answer, async. Belongs to the event loop it was made on."""

    head: HttpHead

    async def read(self, deadline: float | None) -> bytes:
        """As :meth:`SyncStream.read`."""

    async def aclose(self) -> None:
        """As :meth:`SyncStream.close`."""

    def abort(self) -> None:
        """As :meth:`SyncStream.abort`, from any thread."""


class Engine(Protocol):
    """Sends from any thread."""

    def send(
        self,
        request: HttpRequest,
        *,
        deadline: float | None,
        connect_timeout: float = CONNECT_TIMEOUT,
        client: Any = None,
        abort: Abort | None = None,
    ) -> SyncStream:
        """Send and wait for the head. ``client`` is a user's own httpx client (per-phase timeouts only, as httpx
        has no other) or a :class:`Direct`. ``abort`` breaks a send that is still under way, from another thread.
        """

    def close(self) -> None:
        """Close what is idle; streams under way end by themselves. The engine may be used again."""


class AsyncEngine(Protocol):
    """Sends from any event loop; each has its own connections."""

    async def send(
        self,
        request: HttpRequest,
        *,
        deadline: float | None,
        connect_timeout: float = CONNECT_TIMEOUT,
        client: Any = None,
    ) -> AsyncStream:
        """As :meth:`Engine.send`; cancelling the task takes the place of ``abort``."""

    async def aclose(self) -> None:
        """Close what is idle on the running loop, and on loops that are closed."""


class Direct(ABC):
    """A client of the user's that is an engine itself: it answers without a connection, on a clock of its own."""

    @abstractmethod
    def open(self, request: HttpRequest, deadline: float | None) -> SyncStream:
        """As :meth:`Engine.send`."""

    @abstractmethod
    async def aopen(self, request: HttpRequest, deadline: float | None) -> AsyncStream:
        """As :meth:`AsyncEngine.send`."""


def open_engine(options: Options | None = None, clock: Clock | None = None) -> Engine:
    """The default sync engine. Nothing is opened before its first send. ``clock``: the one that deadlines are on."""
    from modelmux._engines._sync import SocketEngine

    engine = SocketEngine(options or Options())
    if clock is None or type(clock) is SystemClock:
        return engine
    from modelmux._engines._clocked import ClockedEngine

    return ClockedEngine(engine, clock)


def open_async_engine(options: Options | None = None, clock: Clock | None = None) -> AsyncEngine:
    """The default async engine. Nothing is opened before its first send. ``clock``: the one that deadlines are on."""
    from modelmux._engines._async import LoopEngine

    engine = LoopEngine(options or Options())
    if clock is None or type(clock) is SystemClock:
        return engine
    from modelmux._engines._clocked import ClockedAsyncEngine

    return ClockedAsyncEngine(engine, clock)
