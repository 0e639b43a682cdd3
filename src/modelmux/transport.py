"""Transports under vendors' own SDKs: ``OpenAI(http_client=httpx2.Client(transport=Httpx2Transport(mux)))``.

The SDK stays as it is; what it sends is answered by the Mux (``docs/transport.md``). There are two families of the HTTP
library that SDKs are built on, ``httpx`` and its fork ``httpx2``, with classes of their own; a transport here is sync
and async at once, and answers each request in the family that it is of. Neither family is imported before it is asked
for by name.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Hashable
from functools import lru_cache
from importlib import import_module
from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from modelmux._front import Answer, AsyncAnswer, Front, FrontRequest
from modelmux.errors import (
    AttemptTimeout,
    ConfigError,
    ConnectionFailed,
    ConnectionLost,
    DeadlineExceeded,
    ModelmuxError,
)

if TYPE_CHECKING:
    import httpx

    from modelmux._mux import Mux

__all__ = ["Httpx2Transport", "HttpxTransport", "ahttp_client", "family_of", "http_client"]

FAMILIES = ("httpx", "httpx2")

_RETRY_COUNT = "x-stainless-retry-count"
"""How often an SDK has already tried, in the SDKs that Stainless generates (OpenAI, Anthropic, Groq and others)."""

_REMEMBERED = 256
_FORGOTTEN_AFTER = 120.0
"""Seconds. SDKs wait 8 between their tries at most."""


class _Transport:
    """What the classes of both families are made of."""

    def __init__(self, mux: Mux) -> None:
        self.mux = mux
        self._front = Front(mux)
        self._told = _Told()

    def handle_request(self, request: Any) -> Any:
        """Answer a request of either family. Raises that family's own errors where no vendor could be reached."""
        family = _family_at(request.__class__)
        asked = _asked(request, request.read())
        self._told.again(asked, family, request)
        answer = self._front.send(asked)
        self._check(asked, answer, family, request)
        stream = family.sync_stream(answer, family, request)
        return family.response(answer.status, headers=answer.headers, stream=stream, request=request)

    async def handle_async_request(self, request: Any) -> Any:
        """:meth:`handle_request`, async."""
        family = _family_at(request.__class__)
        asked = _asked(request, await request.aread())
        self._told.again(asked, family, request)
        answer = await self._front.asend(asked)
        self._check(asked, answer, family, request)
        stream = family.async_stream(answer, family, request)
        return family.response(answer.status, headers=answer.headers, stream=stream, request=request)

    def close(self) -> None:
        """Nothing: the Mux outlives the clients made on it. Close the Mux itself."""

    async def aclose(self) -> None:
        """Nothing, as :meth:`close`."""

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def _check(self, asked: FrontRequest, answer: Answer | AsyncAnswer, family: _Family, request: Any) -> None:
        name = _raised_as(answer.error)
        body = answer.whole
        if body is not None:
            answer.headers["content-length"] = str(len(body))
        if name is not None:
            self._told.remember(asked, name, str(answer.error))
            raise family.error(name, str(answer.error), request) from answer.error


class _Told:
    """Failures that were raised, so that an SDK's own retries of them end at once instead of multiplying ours. One that
    is an answer needs none of this: its ``x-should-retry: false`` says it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._failures: OrderedDict[Any, tuple[float, str, str]] = OrderedDict()

    def remember(self, asked: FrontRequest, name: str, message: str) -> None:
        if _RETRY_COUNT not in asked.headers:
            return
        with self._lock:
            self._failures[asked.url, asked.body] = monotonic(), name, message
            while len(self._failures) > _REMEMBERED:
                self._failures.popitem(last=False)

    def again(self, asked: FrontRequest, family: _Family, request: Any) -> None:
        """Raise what was raised before, for a request that says it is a retry of that one."""
        if asked.headers.get(_RETRY_COUNT, "0") == "0":
            return
        with self._lock:
            at, name, message = self._failures.get((asked.url, asked.body), (0.0, "", ""))
        if name and monotonic() - at < _FORGOTTEN_AFTER:
            raise family.error(name, message, request)


def _asked(request: Any, body: bytes) -> FrontRequest:
    """A request of either family as the front takes it."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    timeout = request.extensions.get("timeout") or {}
    url = str(request.url)
    return FrontRequest(method=request.method, url=url, headers=headers, body=body, timeout=timeout.get("read"))


def _raised_as(error: ModelmuxError | None) -> str | None:
    """The family's error for one that is no answer of any vendor; None for all others."""
    if isinstance(error, AttemptTimeout):
        return {"connect": "ConnectTimeout", "pool": "PoolTimeout", "write": "WriteTimeout"}.get(
            error.phase, "ReadTimeout"
        )
    if isinstance(error, DeadlineExceeded):
        return "ReadTimeout"
    if isinstance(error, ConnectionFailed):
        return "ConnectError"
    return "ReadError" if isinstance(error, ConnectionLost) else None


# --- families ------------------------------------------------------------------------------------------------


class _Family(NamedTuple):
    """One family's classes. ``module`` holds the rest."""

    module: Any
    response: Any
    sync_stream: Any
    async_stream: Any

    def error(self, name: str, message: str, request: Any) -> Exception:
        kind = getattr(self.module, name)
        made: Exception = kind(message, request=request)
        return made


@lru_cache(maxsize=64)
def _family_at(kind: Hashable) -> _Family:
    """The family that a class of requests or clients belongs to, found in what it inherits: the two families may be
    one module under two names (``httpx2.alias_httpx()``), and a user's classes stand in the user's modules.
    """
    assert isinstance(kind, type)
    for base in kind.__mro__:
        module = sys.modules.get(base.__module__.partition(".")[0])
        if hasattr(module, "SyncByteStream") and hasattr(module, "AsyncBaseTransport"):
            return _family(module)
    raise ConfigError(f"{kind.__module__}.{kind.__name__} is of neither {' nor '.join(FAMILIES)}", field="transport")


@lru_cache(maxsize=4)
def _family(module: Any) -> _Family:
    class SyncStream(module.SyncByteStream):  # type: ignore[misc]  # a base known at run time only
        def __init__(self, answer: Answer, family: _Family, request: Any) -> None:
            self._answer, self._family, self._request = answer, family, request

        def __iter__(self) -> Any:
            try:
                yield from self._answer
            except ModelmuxError as error:
                raise self._family.error(_raised_as(error) or "ReadError", str(error), self._request) from error

        def close(self) -> None:
            self._answer.close()

    class AsyncStream(module.AsyncByteStream):  # type: ignore[misc]  # a base known at run time only
        def __init__(self, answer: AsyncAnswer, family: _Family, request: Any) -> None:
            self._answer, self._family, self._request = answer, family, request

        async def __aiter__(self) -> Any:
            try:
                async for chunk in self._answer:
                    yield chunk
            except ModelmuxError as error:
                raise self._family.error(_raised_as(error) or "ReadError", str(error), self._request) from error

        async def aclose(self) -> None:
            await self._answer.aclose()

    return _Family(module, module.Response, SyncStream, AsyncStream)


def _imported(family: str) -> Any:
    if family not in FAMILIES:
        raise ConfigError(f"family={family!r}: give one of {', '.join(FAMILIES)}", field="family")
    try:
        return import_module(family)
    except ImportError as error:
        message = f"{family} is not installed: pip install {family} (an SDK that needs it brings it along)"
        raise ConfigError(message, field="family") from error


@lru_cache(maxsize=4)
def _transport(module: Any, name: str) -> Any:
    """The transport as a subclass of a family's own bases, made when it is first asked for."""
    bases = (_Transport, module.BaseTransport, module.AsyncBaseTransport)
    doc = f"""Answers the requests of ``{name}`` clients, sync and async, with the endpoints of a Mux:
    ``{name}.Client(transport={name.capitalize()}Transport(mux))``.
    """
    return type(f"{name.capitalize()}Transport", bases, {"__doc__": doc, "__module__": __name__})


if TYPE_CHECKING:

    class HttpxTransport(_Transport, httpx.BaseTransport, httpx.AsyncBaseTransport):
        """Answers the requests of ``httpx`` clients, sync and async, with the endpoints of a Mux."""

    class Httpx2Transport(_Transport):
        """Answers the requests of ``httpx2`` clients, sync and async, with the endpoints of a Mux."""

else:

    def __getattr__(name: str) -> Any:
        for family in FAMILIES:
            if name == f"{family.capitalize()}Transport":
                return _transport(_imported(family), family)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# --- clients -------------------------------------------------------------------------------------------------


def http_client(mux: Mux, family: str = "httpx2", **options: Any) -> Any:
    """A ready ``Client`` of a family over a Mux. ``options`` are the client's own (``timeout=``, ``base_url=`` …).
    Raises ConfigError where the family is not installed.
    """
    module = _imported(family)
    return module.Client(transport=_transport(module, family)(mux), **options)


def ahttp_client(mux: Mux, family: str = "httpx2", **options: Any) -> Any:
    """A ready ``AsyncClient``, as :func:`http_client`."""
    module = _imported(family)
    return module.AsyncClient(transport=_transport(module, family)(mux), **options)


def family_of(client_class: type) -> str:
    """The family that a class of HTTP clients is of, such as the one an SDK makes by default. Raises ConfigError."""
    module = _family_at(client_class).module
    return str(module.__name__)
