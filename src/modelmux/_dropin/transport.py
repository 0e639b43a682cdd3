"""The seam: an HTTP request as a value in, an HTTP answer as a value out. One kind of answer, three ways to get it.

:class:`Wire` (and its async twin) picks the way for each request: the user's own HTTP client where one was given, or
where somebody patched one to see requests; the front, where the call is to be routed; else the default engine. Whatever
goes wrong below raises out of ``send`` and ``read``; :func:`timed_out` tells a time limit from the rest.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from modelmux._dropin import families
from modelmux._dropin.timeouts import Timeout
from modelmux._http import HttpRequest, origin_of
from modelmux.errors import AttemptTimeout, ModelmuxError

MAX_REDIRECTS = 20
FINISH = 0.25
"""Seconds that the end of a stream which has said it is over is waited for."""
_NETWORK = frozenset({"BrokenResourceError", "EndOfStream", "HTTPError", "InvalidURL", "SSLError", "StreamError"})
"""Names of errors that HTTP clients, and what they stand on, raise for the network's faults."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(slots=True)
class Asked:
    """One request, ready to be sent. Header names are lower case. ``json`` is the body before it was encoded."""

    method: str
    url: str
    headers: dict[str, str] = field(repr=False)
    body: Any = field(repr=False)
    timeout: Timeout
    json: Any = field(default=None, repr=False)
    route: Any = None
    """A front and its options where the call is to be routed."""
    auth: Any = None
    follow_redirects: bool | None = None
    native: Any = field(default=None, repr=False)
    """What was handed to a client of the user's."""

    @property
    def replayable(self) -> bool:
        """Whether the body can be sent again: an iterator's cannot."""
        return self.body is None or isinstance(self.body, bytes | bytearray | list | tuple)

    def dressed(self) -> Any:
        """As a Request of the HTTP family in use."""
        if self.native is not None:
            return self.native
        return families.dressed_request(self.method, self.url, self.headers, self.body)


class Got:
    """An answer: the head is here, the body is read when it is asked for. Close it always."""

    __slots__ = ("_native", "_source", "asked", "closed", "content", "headers", "status", "value")

    def __init__(self, asked: Asked, status: int, headers: Mapping[str, str], source: Any, native: Any = None) -> None:
        self.asked, self.status, self.headers = asked, status, headers
        self._source, self._native = source, native
        self.content: bytes | None = None
        self.closed = False
        self.value: Any = None
        """The body parsed, where it came that way."""

    @property
    def native(self) -> Any:
        """This as a Response of the HTTP family in use: the very one that came, where one came."""
        if self._native is None:
            self._native = families.dressed(self.status, self.headers, self.content, self.asked.dressed())
        return self._native

    @property
    def is_native(self) -> bool:
        return self._native is not None

    # --- sync ---

    def read(self) -> bytes:
        """The whole body."""
        if self.content is None:
            try:
                self.content = b"".join(self._source.chunks())
            finally:
                self._source.close()
        return self.content

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes."""
        if self.content is not None:
            yield self.content
            return
        try:
            yield from self._source.chunks()
        finally:
            self._source.close()

    def close(self) -> None:
        self.closed = True
        self._source.close()

    def finish(self) -> None:
        """Read what little is left of a stream that has said it is over, so that its connection serves again."""
        finish = getattr(self._source, "finish", None)
        if finish is not None:
            finish()

    # --- async ---

    async def aread(self) -> bytes:
        if self.content is None:
            try:
                self.content = b"".join([chunk async for chunk in self._source.chunks()])
            finally:
                await self._source.aclose()
        return self.content

    async def achunks(self) -> AsyncIterator[bytes]:
        if self.content is not None:
            yield self.content
            return
        try:
            async for chunk in self._source.chunks():
                yield chunk
        finally:
            await self._source.aclose()

    async def aclose(self) -> None:
        self.closed = True
        await self._source.aclose()

    async def afinish(self) -> None:
        finish = getattr(self._source, "finish", None)
        if finish is not None:
            await finish()


def is_transport(error: BaseException) -> bool:
    """Whether an error is the network's, by our engine or by an HTTP client, and no fault of a hook or a program."""
    return isinstance(error, ModelmuxError) or any(cls.__name__ in _NETWORK for cls in type(error).__mro__)


def timed_out(error: BaseException) -> bool:
    """Whether this is a time limit's error, ours or an HTTP client's."""
    return isinstance(error, AttemptTimeout | TimeoutError) or any(
        cls.__name__ == "TimeoutException" for cls in type(error).__mro__
    )


# --- by the default engine ---


class _EngineBody:
    """A body read by an engine; the limit holds for each read."""

    __slots__ = ("_limit", "_stream")

    def __init__(self, stream: Any, limit: float | None) -> None:
        self._stream, self._limit = stream, limit

    def chunks(self) -> Iterator[bytes]:
        while data := self._stream.read(_until(self._limit)):
            yield data

    def finish(self) -> None:
        with contextlib.suppress(ModelmuxError):
            while self._stream.read(_until(FINISH)):
                pass

    def close(self) -> None:
        self._stream.close()


class _AsyncEngineBody:
    __slots__ = ("_limit", "_stream")

    def __init__(self, stream: Any, limit: float | None) -> None:
        self._stream, self._limit = stream, limit

    async def chunks(self) -> AsyncIterator[bytes]:
        while data := await self._stream.read(_until(self._limit)):
            yield data

    async def finish(self) -> None:
        with contextlib.suppress(ModelmuxError):
            while await self._stream.read(_until(FINISH)):
                pass

    async def aclose(self) -> None:
        await self._stream.aclose()


def _until(seconds: float | None) -> float | None:
    return None if seconds is None else time.monotonic() + seconds


def _plain(asked: Asked) -> HttpRequest:
    headers = asked.headers
    if "accept-encoding" not in headers:
        headers = {**headers, "accept-encoding": "gzip, deflate"}
    body = asked.body or b""
    return HttpRequest(asked.method, asked.url, headers, body if isinstance(body, bytes) else b"".join(body))


def _connect(timeout: Timeout) -> float:
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


# --- by a client of the user's ---


class _NativeBody:
    __slots__ = ("_response",)

    def __init__(self, response: Any) -> None:
        self._response = response

    def chunks(self) -> Iterator[bytes]:
        if self._response.is_stream_consumed:
            yield self._response.content
        else:
            yield from self._response.iter_bytes()

    def close(self) -> None:
        self._response.close()


class _AsyncNativeBody:
    __slots__ = ("_response",)

    def __init__(self, response: Any) -> None:
        self._response = response

    async def chunks(self) -> AsyncIterator[bytes]:
        if self._response.is_stream_consumed:
            yield self._response.content
        else:
            async for chunk in self._response.aiter_bytes():
                yield chunk

    async def aclose(self) -> None:
        await self._response.aclose()


class _NativeGot(Got):
    """An answer that is a Response of the family: read through it, so that it knows its content too."""

    __slots__ = ()

    def read(self) -> bytes:
        if self.content is None:
            self.content = self._native.read()
        return self.content

    async def aread(self) -> bytes:
        if self.content is None:
            self.content = await self._native.aread()
        return self.content


def _native_request(client: Any, asked: Asked) -> tuple[Any, dict[str, Any]]:
    request = client.build_request(
        asked.method,
        asked.url,
        headers=asked.headers,
        content=asked.body,
        timeout=asked.timeout.as_tuple(),
    )
    asked.native = request
    options: dict[str, Any] = {"stream": True}
    if asked.auth is not None:
        options["auth"] = asked.auth
    if asked.follow_redirects is not None:
        options["follow_redirects"] = asked.follow_redirects
    return request, options


def _native_headers(response: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


class Wire:
    """Sends for one client (and its copies). ``http_client``: the user's own, or None."""

    def __init__(self, http_client: Any = None) -> None:
        self.http_client = http_client
        self._engine: Any = None
        self._stock: Any = None
        self.closed = False

    def send(self, asked: Asked) -> Got:
        if self.closed:
            raise RuntimeError("Cannot send a request, as the client has been closed.")
        if asked.route is not None:
            return asked.route.send(asked)  # type: ignore[no-any-return]  # a Got
        client = self.http_client or self._watched()
        if client is not None:
            request, options = _native_request(client, asked)
            response = client.send(request, **options)
            headers = _native_headers(response)
            return _NativeGot(asked, response.status_code, headers, _NativeBody(response), response)
        return self._by_engine(asked)

    def _by_engine(self, asked: Asked) -> Got:
        if self._engine is None:
            from modelmux._engines import open_engine

            self._engine = open_engine()
        for _ in range(MAX_REDIRECTS):
            limit = asked.timeout.read
            stream = self._engine.send(_plain(asked), deadline=_until(limit), connect_timeout=_connect(asked.timeout))
            again = redirected(asked, stream.head.status, stream.head.headers)
            if again is None:
                break
            stream.close()
            asked = again
        return Got(asked, stream.head.status, stream.head.headers, _EngineBody(stream, limit))

    def _watched(self) -> Any:
        module = families.mocked()
        return None if module is None else self.stock(module)

    def stock(self, module: Any = None) -> Any:
        """A client of the HTTP family with the vendors' settings."""
        if self._stock is None:
            module = module or families.family()
            limits = module.Limits(max_connections=1000, max_keepalive_connections=100)
            self._stock = module.Client(limits=limits, follow_redirects=True, timeout=(5.0, 600.0, 600.0, 600.0))
        return self._stock

    def close(self) -> None:
        self.closed = True
        if self.http_client is not None:
            self.http_client.close()
        if self._stock is not None:
            self._stock.close()
        if self._engine is not None:
            self._engine.close()


class AsyncWire:
    """:class:`Wire` on event loops."""

    def __init__(self, http_client: Any = None) -> None:
        self.http_client = http_client
        self._engine: Any = None
        self._stock: Any = None
        self.closed = False

    async def send(self, asked: Asked) -> Got:
        if self.closed:
            raise RuntimeError("Cannot send a request, as the client has been closed.")
        if asked.route is not None:
            return await asked.route.asend(asked)  # type: ignore[no-any-return]  # a Got
        client = self.http_client or self._watched()
        if client is not None:
            request, options = _native_request(client, asked)
            response = await client.send(request, **options)
            headers = _native_headers(response)
            return _NativeGot(asked, response.status_code, headers, _AsyncNativeBody(response), response)
        return await self._by_engine(asked)

    async def _by_engine(self, asked: Asked) -> Got:
        if self._engine is None:
            from modelmux._engines import open_async_engine

            self._engine = open_async_engine()
        for _ in range(MAX_REDIRECTS):
            limit = asked.timeout.read
            stream = await self._engine.send(
                _plain(asked), deadline=_until(limit), connect_timeout=_connect(asked.timeout)
            )
            again = redirected(asked, stream.head.status, stream.head.headers)
            if again is None:
                break
            await stream.aclose()
            asked = again
        return Got(asked, stream.head.status, stream.head.headers, _AsyncEngineBody(stream, limit))

    def _watched(self) -> Any:
        module = families.mocked()
        return None if module is None else self.stock(module)

    def stock(self, module: Any = None) -> Any:
        if self._stock is None:
            module = module or families.family()
            limits = module.Limits(max_connections=1000, max_keepalive_connections=100)
            self._stock = module.AsyncClient(limits=limits, follow_redirects=True, timeout=(5.0, 600.0, 600.0, 600.0))
        return self._stock

    async def close(self) -> None:
        self.closed = True
        if self.http_client is not None:
            await self.http_client.aclose()
        if self._stock is not None:
            await self._stock.aclose()
        if self._engine is not None:
            await self._engine.aclose()
