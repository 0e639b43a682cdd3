"""Runs a gateway under uvicorn: binds, says where it is, and stops without cutting anybody off."""

from __future__ import annotations

import socket
from collections.abc import Callable
from time import monotonic
from types import FrameType
from typing import TYPE_CHECKING, Any

from modelmux.errors import ConfigError
from modelmux.gateway.settings import check_bind

if TYPE_CHECKING:
    from modelmux.gateway._app import Gateway

_BACKLOG = 2048

_MOST_HEAD = 64 * 1024
"""Bytes of a request's line and headers after those that came with the first read."""

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def serve(gateway: Gateway, ready: Callable[[str], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then drain: ``/readyz`` says no at once, after ``drain_delay`` seconds nothing new
    is accepted, what is under way has ``drain`` seconds to end, and the Mux is closed. A second signal stops at once.
    ``ready`` is called with the address. Raises ConfigError for a bind that is not safe or not possible, or without
    uvicorn.
    """
    settings = gateway.settings
    check_bind(settings)
    server = _server(gateway)
    listener = _listen(settings.host, settings.port)
    host, port = listener.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    server.on_start = lambda: None if ready is None else ready(address)
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror or error}", field="port") from None


def _protocol() -> Any:
    """uvicorn's faster protocol with a limit on a request's head, which it lacks; where it is not installed, the plain
    one, which has such a limit.
    """
    try:
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
    except ImportError:
        return "h11"

    class Limited(HttpToolsProtocol):
        in_head = False
        head_size = 0

        def on_message_begin(self) -> None:
            self.in_head, self.head_size = True, 0
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self.in_head = False
            super().on_headers_complete()

        def data_received(self, data: bytes) -> None:
            if self.in_head:
                self.head_size += len(data)
                if self.head_size > _MOST_HEAD:
                    self.transport.write(_TOO_LARGE)
                    self.transport.close()
                    return
            super().data_received(data)

    return Limited


def _server(gateway: Gateway) -> Any:
    try:
        import uvicorn
    except ImportError as error:
        raise ConfigError("serving needs uvicorn: pip install 'modelmux[gateway]'", field="gateway") from error
    settings = gateway.settings

    class Server(uvicorn.Server):
        """One whose first signal begins the drain."""

        on_start: Callable[[], None]
        stop_at: float | None = None

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            self.on_start()

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # as the signal module calls it
            if gateway.draining:
                self.should_exit = self.force_exit = True
                return
            gateway.draining = True
            self.stop_at = monotonic() + settings.drain_delay

        async def on_tick(self, counter: int) -> bool:
            if self.stop_at is not None and monotonic() >= self.stop_at:
                return True
            return await super().on_tick(counter)

    # No access log of uvicorn's: it would write down the whole address, and some clients send their key in it.
    config = uvicorn.Config(
        gateway,
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="none",
        http=_protocol(),
        lifespan="on",
        backlog=_BACKLOG,
        timeout_graceful_shutdown=settings.drain,  # type: ignore[arg-type]  # seconds, handed to asyncio as they are
    )
    return Server(config)
