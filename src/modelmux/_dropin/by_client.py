"""Requests by an HTTP client of the user's: built by it, and answered by its own responses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from modelmux._dropin.transport import Asked, Got


class Body:
    """The body of a family's response."""

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


class AsyncBody:
    """:class:`Body`, async."""

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


class NativeGot(Got):
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


def request_for(client: Any, asked: Asked) -> tuple[Any, dict[str, Any]]:
    """The request as the client builds it, and the options to send it with."""
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


def answer_of(asked: Asked, response: Any, *, is_async: bool) -> Got:
    """A response of an HTTP family as an answer."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    body = AsyncBody(response) if is_async else Body(response)
    return NativeGot(asked, response.status_code, headers, body, response)
