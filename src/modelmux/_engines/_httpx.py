"""What the sync and async paths through an httpx client share. Works for httpx and for forks of the same shape."""

from __future__ import annotations

import contextlib
import inspect
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelmux._engines._faults import failed, left, lost, reason, timeout
from modelmux._engines._h1 import Answer
from modelmux._engines._inflate import Inflater, too_large
from modelmux._engines._request import headers_of
from modelmux._http import HttpHead, HttpRequest
from modelmux.errors import ConfigError, InvalidRequest, ResponseTooLarge

_TIMEOUTS = {"PoolTimeout": "pool", "ConnectTimeout": "connect", "WriteTimeout": "write"}
_MANY, _SCANT = 20_000, 16
"""Pieces of a body that must be as large, in bytes and on average, as those of honest streams are. Each costs time."""
_UNSENT = frozenset(("ConnectError", "ProxyError", "UnsupportedProtocol", "LocalProtocolError"))


def is_async(client: Any) -> bool:
    return inspect.iscoroutinefunction(client.send)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A client's own request object, kept out of tracebacks: it prints its URL, which may hold a key."""

    request: Any = field(repr=False)
    asked: str
    """The codings that were asked for."""
    ours: HttpRequest


def built(client: Any, request: HttpRequest, deadline: float | None, connect_timeout: float) -> Prepared:
    """Raises ``InvalidRequest``, ``ConfigError`` for a closed client."""
    if getattr(client, "is_closed", False):
        raise ConfigError("the HTTP client that was passed in is closed", field="http_client")
    headers = headers_of(request)
    rest = left(deadline, "pool")
    connect = connect_timeout if rest is None else min(connect_timeout, rest)
    try:
        prepared = client.build_request(
            request.method,
            request.url,
            headers=dict(headers),
            content=request.body,
            timeout=(connect, rest, rest, rest),
        )
        return Prepared(prepared, prepared.headers.get("accept-encoding", ""), request)
    except Exception as error:
        if type(error).__name__ != "InvalidURL":
            raise
    raise InvalidRequest("the URL is not valid", field="url")


def translated(error: Exception, *, answered: bool) -> Exception:
    """An error of ours for one of httpx's; any other as it is. (Not chained: httpx's errors hold the request, and
    so the key.)
    """
    names = [cls.__name__ for cls in type(error).__mro__]
    if "TransportError" in names:
        for name in names:
            if name in _TIMEOUTS:
                return timeout(_TIMEOUTS[name])
            if name in _UNSENT:
                return failed(reason(error))
        if "TimeoutException" in names:
            return timeout("read" if answered else "first_byte")
        return lost(reason(error), answered=answered)
    if "StreamConsumed" in names or "StreamClosed" in names:
        return lost(reason(error), answered=answered)
    return error


def head_and_inflater(response: Any, asked: str, cap: int) -> tuple[HttpHead, Inflater | None]:
    headers: dict[str, str] = {}
    for name, value in response.headers.multi_items():
        name = name.lower()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if whole(response) is not None:
        headers.pop("content-encoding", None)
        headers.pop("content-length", None)
    return HttpHead(response.status_code, headers), Answer.inflater_for(headers, asked, cap)


def whole(response: Any) -> bytes | None:
    """The body of a response that was made with one, as mocks make them: httpx has decompressed it already."""
    if not response.is_stream_consumed:
        return None
    content: bytes = response.content
    return content


class Meter:
    """The body's size against its cap, and its compression."""

    __slots__ = ("_cap", "_inflater", "_pieces", "_size")

    def __init__(self, inflater: Inflater | None, cap: int) -> None:
        self._inflater = inflater
        self._cap = cap
        self._pieces = self._size = 0

    def feed(self, data: bytes) -> bytes:
        self._size += len(data)
        self._pieces += 1
        if self._pieces > _MANY and self._size < self._pieces * _SCANT:
            raise ResponseTooLarge(f"the answer came in {self._pieces} pieces that hold next to nothing")
        if self._size > self._cap:
            raise too_large(self._cap)
        return data if self._inflater is None else self._inflater.feed(data)

    def more(self) -> bytes:
        """More out of what was fed; ``b""`` when more must be fed."""
        return b"" if self._inflater is None else self._inflater.more()

    def finish(self) -> None:
        if self._inflater is not None:
            self._inflater.finish()


def wreck(extensions: Mapping[str, Any]) -> None:
    """Break the response's connection, if it has one: from any thread."""
    stream = extensions.get("network_stream")
    sock = stream.get_extra_info("socket") if stream is not None else None
    with contextlib.suppress(OSError):
        if isinstance(sock, socket.socket):
            # Not SSLSocket's own shutdown: it drops the TLS state that the reader is using.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
        elif sock is not None:
            sock.shutdown(socket.SHUT_RDWR)
