"""Requests by the default engine: as it takes them, its answers' bodies, and the redirects that it does not follow."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

from modelmux._dropin.timeouts import Timeout
from modelmux._dropin.transport import Asked
from modelmux._http import HttpRequest, origin_of
from modelmux.errors import ModelmuxError

FINISH = 0.25
"""Seconds that the end of a stream which has said it is over is waited for."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Body:
    """A body read by an engine; the limit holds for each read."""

    __slots__ = ("_limit", "_stream")

    def __init__(self, stream: Any, limit: float | None) -> None:
        self._stream, self._limit = stream, limit

    def chunks(self) -> Iterator[bytes]:
        while data := self._stream.read(until(self._limit)):
            yield data

    def finish(self) -> None:
        with contextlib.suppress(ModelmuxError):
            while self._stream.read(until(FINISH)):
                pass

    def close(self) -> None:
        self._stream.close()


class AsyncBody:
    """:class:`Body`, async."""

    __slots__ = ("_limit", "_stream")

    def __init__(self, stream: Any, limit: float | None) -> None:
        self._stream, self._limit = stream, limit

    async def chunks(self) -> AsyncIterator[bytes]:
        while data := await self._stream.read(until(self._limit)):
            yield data

    async def finish(self) -> None:
        with contextlib.suppress(ModelmuxError):
            while await self._stream.read(until(FINISH)):
                pass

    async def aclose(self) -> None:
        await self._stream.aclose()


def until(seconds: float | None) -> float | None:
    """The time by the monotonic clock so many seconds from now."""
    return None if seconds is None else time.monotonic() + seconds


def plain(asked: Asked) -> HttpRequest:
    """A request as an engine takes it."""
    headers = asked.headers
    if "accept-encoding" not in headers:
        headers = {**headers, "accept-encoding": "gzip, deflate"}
    body = asked.body or b""
    return HttpRequest(asked.method, asked.url, headers, body if isinstance(body, bytes) else b"".join(body))


def connect_limit(timeout: Timeout) -> float:
    """Seconds to reach the server in."""
    return 3600.0 if timeout.connect is None else timeout.connect


def redirected(asked: Asked, status: int, headers: Mapping[str, str]) -> Asked | None:
    """The request that a redirect asks for; None where there is none, or it leads to another origin: keys stay home."""
    target = headers.get("location")
    if status not in _REDIRECTS or not target or asked.follow_redirects is False:
        return None
    url = urljoin(asked.url, target)
    if origin_of(url) != origin_of(asked.url):
        return None
    method, body, kept = asked.method, asked.body, asked.headers
    if status == 303 or (status in (301, 302) and method == "POST"):
        method, body = "GET", None
        kept = {name: value for name, value in kept.items() if name != "content-type"}
    return Asked(method, url, kept, body, asked.timeout, follow_redirects=asked.follow_redirects)
