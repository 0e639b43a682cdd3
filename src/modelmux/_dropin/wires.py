"""The seam: who carries requests of one client (and its copies) to answers, in one of three ways.

:class:`Wire` (and its async twin) picks the way for each request: the user's own HTTP client where one was given, or
where somebody patched one to see requests; the front, where the call is to be routed; else the default engine.
"""

from __future__ import annotations

from typing import Any, ClassVar

from modelmux._dropin import by_engine, families
from modelmux._dropin.by_client import answer_of, request_for
from modelmux._dropin.transport import Asked, Got

MAX_REDIRECTS = 20


class _Carrier:
    """What wires of both kinds hold. ``http_client``: the user's own, or None."""

    _stock_kind: ClassVar[str]

    def __init__(self, http_client: Any = None) -> None:
        self.http_client = http_client
        self._engine: Any = None
        self._stock: Any = None
        self.closed = False

    def _client_for(self, asked: Asked) -> Any:
        """The HTTP client to send by; None where the route or the engine does. Raises RuntimeError once closed."""
        if self.closed:
            raise RuntimeError("Cannot send a request, as the client has been closed.")
        if asked.route is not None:
            return None
        if self.http_client is not None:
            return self.http_client
        module = families.mocked()
        return None if module is None else self.stock(module)

    def stock(self, module: Any = None) -> Any:
        """A client of the HTTP family with the vendors' settings."""
        if self._stock is None:
            module = module or families.family()
            kind, limits = getattr(module, self._stock_kind), families.limits(module)
            self._stock = kind(limits=limits, follow_redirects=True, timeout=(5.0, 600.0, 600.0, 600.0))
        return self._stock


class Wire(_Carrier):
    """Sends with blocking calls."""

    _stock_kind = "Client"

    def send(self, asked: Asked) -> Got:
        client = self._client_for(asked)
        if client is not None:
            request, options = request_for(client, asked)
            return answer_of(asked, client.send(request, **options), is_async=False)
        if asked.route is not None:
            return asked.route.send(asked)  # type: ignore[no-any-return]  # a Got
        return self._by_engine(asked)

    def _by_engine(self, asked: Asked) -> Got:
        if self._engine is None:
            from modelmux._engines import open_engine

            self._engine = open_engine()
        for _ in range(MAX_REDIRECTS):
            limit = asked.timeout.read
            stream = self._engine.send(
                by_engine.plain(asked),
                deadline=by_engine.until(limit),
                connect_timeout=by_engine.connect_limit(asked.timeout),
            )
            again = by_engine.redirected(asked, stream.head.status, stream.head.headers)
            if again is None:
                break
            stream.close()
            asked = again
        return Got(asked, stream.head.status, stream.head.headers, by_engine.Body(stream, limit))

    def close(self) -> None:
        self.closed = True
        for client in (self.http_client, self._stock, self._engine):
            if client is not None:
                client.close()


class AsyncWire(_Carrier):
    """:class:`Wire` on event loops."""

    _stock_kind = "AsyncClient"

    async def send(self, asked: Asked) -> Got:
        client = self._client_for(asked)
        if client is not None:
            request, options = request_for(client, asked)
            return answer_of(asked, await client.send(request, **options), is_async=True)
        if asked.route is not None:
            return await asked.route.asend(asked)  # type: ignore[no-any-return]  # a Got
        return await self._by_engine(asked)

    async def _by_engine(self, asked: Asked) -> Got:
        if self._engine is None:
            from modelmux._engines import open_async_engine

            self._engine = open_async_engine()
        for _ in range(MAX_REDIRECTS):
            limit = asked.timeout.read
            stream = await self._engine.send(
                by_engine.plain(asked),
                deadline=by_engine.until(limit),
                connect_timeout=by_engine.connect_limit(asked.timeout),
            )
            again = by_engine.redirected(asked, stream.head.status, stream.head.headers)
            if again is None:
                break
            await stream.aclose()
            asked = again
        return Got(asked, stream.head.status, stream.head.headers, by_engine.AsyncBody(stream, limit))

    async def close(self) -> None:
        self.closed = True
        for client in (self.http_client, self._stock, self._engine):
            if client is not None:
                await client.aclose()
