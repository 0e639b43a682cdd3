"""The seam's values: an HTTP request goes in as :class:`Asked`, an HTTP answer comes out as :class:`Got`.

Who carries them is :mod:`modelmux._dropin.wires`. Whatever goes wrong below raises out of ``send`` and ``read``;
:func:`timed_out` tells a time limit from the rest.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from modelmux._dropin import families
from modelmux._dropin.timeouts import Timeout
from modelmux.errors import AttemptTimeout, ModelmuxError

_NETWORK = frozenset({"BrokenResourceError", "EndOfStream", "HTTPError", "InvalidURL", "SSLError", "StreamError"})
"""Names of errors that HTTP clients, and what they stand on, raise for the network's faults."""


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
