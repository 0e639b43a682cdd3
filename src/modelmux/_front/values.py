"""HTTP as values, on the side of whoever asks: a request in a vendor's format, and the answer to it in the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelmux._json import dumps, loads
from modelmux._quick import quick

if TYPE_CHECKING:
    from modelmux.errors import ModelmuxError


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class FrontRequest:
    """A request as a vendor's SDK, or any HTTP client, makes it.

    ``url``: absolute where the client meant a vendor (``direct``), else a path will do. ``headers``: names in lower
    case; the vendor key that an SDK sends is among them. ``body``: uncompressed; ``json`` is the same parsed, from who
    has it (``body`` may then be empty).

    ``direct`` says that ``url`` is a vendor's own address, so that what nobody routes goes there, as it came and with
    the key it came with. Without it (a gateway) the url is ours: keys in the headers go nowhere, and a model nobody
    configured is an error.

    ``timeout``: seconds the client waits for an answer that is whole, or for a stream's first output.

    ``options`` are those of a call (``policy``, ``max_cost``, ``deadline``, ``tags`` …, see ``docs/transport.md``),
    under what the request itself says in headers and body, but for ``tags``: these hold. ``models``: the only names
    the request may ask for; None for any.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    json: Any = field(default=None, repr=False)
    direct: bool = True
    timeout: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    models: tuple[str, ...] | None = None


class _Answer:
    """What both kinds of answer are."""

    __slots__ = ("_body", "_chunks", "_close", "_value", "error", "headers", "status")

    def __init__(
        self,
        status: int,
        headers: dict[str, str],
        body: bytes = b"",
        *,
        value: Any = None,
        error: ModelmuxError | None = None,
    ) -> None:
        self.status, self.headers, self.error = status, headers, error
        self._body: bytes | None = body
        self._value = value
        self._chunks: Any = None
        self._close: Callable[[], None] | None = None

    def body(self, chunks: Any, close: Callable[[], None]) -> None:
        """Give it a body that comes in pieces, and what ends it before its end."""
        self._body, self._chunks, self._close = None, chunks, close

    @property
    def whole(self) -> bytes | None:
        """The body, where it is whole from the start; None of one that comes in pieces."""
        if self._value is not None and self._body == b"":
            self._body = dumps(self._value)
        return self._body

    def _closed(self) -> None:
        close, self._close = self._close, None
        if close is not None:
            close()


class Answer(_Answer):
    """An answer: ``status``, ``headers`` (names in lower case, no hop-by-hop ones) and the body, as it comes.

    Iterate once, or :meth:`read`. Close it always: closing before the end releases the vendor's connection and books
    the attempt as cancelled. ``error`` is what went wrong, where the answer is one of ours or a vendor's error: a
    transport may raise something of its own instead. A stream in a known format that breaks after its head says so in
    the format's own way, and ``error`` is set then; a body that was passed on raises ConnectionLost or AttemptTimeout.
    """

    __slots__ = ()

    def __iter__(self) -> Iterator[bytes]:
        body = self.whole
        if body is not None:
            return iter((body,) if body else ())
        chunks: Iterator[bytes] = self._chunks
        return chunks

    def read(self) -> bytes:
        """The whole body."""
        body = self.whole
        return b"".join(self) if body is None else body

    def json(self) -> Any:
        """The whole body, parsed. Raises ValueError."""
        return loads(self.read()) if self._value is None else self._value

    def close(self) -> None:
        """Safe at any time, more than once."""
        self._closed()


class AsyncAnswer(_Answer):
    """:class:`Answer` on an event loop: ``async for``, ``await answer.read()``, ``await answer.aclose()``."""

    __slots__ = ()

    @classmethod
    def of(cls, answer: Answer) -> AsyncAnswer:
        """The same answer; its body is whole."""
        return cls(answer.status, answer.headers, answer._body or b"", value=answer._value, error=answer.error)

    def __aiter__(self) -> AsyncIterator[bytes]:
        body = self.whole
        if body is not None:
            return _Once(body)
        chunks: AsyncIterator[bytes] = self._chunks
        return chunks

    async def read(self) -> bytes:
        """The whole body."""
        body = self.whole
        return b"".join([chunk async for chunk in self]) if body is None else body

    async def json(self) -> Any:
        """The whole body, parsed. Raises ValueError."""
        return loads(await self.read()) if self._value is None else self._value

    async def aclose(self) -> None:
        """Safe at any time, more than once. Never waits."""
        self._closed()


class _Once:
    """A whole body as an async iterator."""

    __slots__ = ("_body",)

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __aiter__(self) -> _Once:
        return self

    async def __anext__(self) -> bytes:
        body, self._body = self._body, b""
        if not body:
            raise StopAsyncIteration
        return body
