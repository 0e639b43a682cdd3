"""HTTP as values, on the side of whoever asks: a request in a vendor's format, and the answer to it in the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelmux._json import dumps, loads

if TYPE_CHECKING:
    from modelmux.errors import ModelmuxError


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontRequest:
    """A request as a vendor's SDK, or any HTTP client, makes it.

    ``url``: absolute where the client meant a vendor (``direct``), else a path will do. ``headers``: names in lower
    case; the vendor key that an SDK sends is among them. ``body``: uncompressed; ``json`` is the same parsed, from who
    has it (``body`` may then be empty).

    ``direct`` says that ``url`` is a vendor's own address, so that what nobody routes goes there, as it came and with
    the key it came with. Without it (a gateway) the url is ours: keys in the headers go nowhere, and a model nobody
    configured is an error.

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
    options: Mapping[str, Any] = field(default_factory=dict)
    models: tuple[str, ...] | None = None


class Answer:
    """An answer: ``status``, ``headers`` (names in lower case, no hop-by-hop ones) and the body, as it comes.

    Iterate once, or :meth:`read`. Close it always: closing before the end releases the vendor's connection and books
    the attempt as cancelled. ``error`` is what went wrong, where the answer is one of ours or a vendor's error: a
    transport may raise something of its own instead. Iteration never raises a ModelmuxError: a break after the head
    was handed over is told in the format's own way, and is then at ``error``.
    """

    __slots__ = ("_chunks", "_close", "_value", "error", "headers", "status")

    def __init__(
        self,
        status: int,
        headers: dict[str, str],
        chunks: Iterator[bytes] | bytes = b"",
        *,
        value: Any = None,
        error: ModelmuxError | None = None,
        close: Callable[[], None] | None = None,
    ) -> None:
        self.status, self.headers, self.error = status, headers, error
        self._chunks, self._value, self._close = chunks, value, close

    @property
    def whole(self) -> bytes | None:
        """The body, where it was whole from the start; None of a stream."""
        if self._value is not None and self._chunks == b"":
            self._chunks = dumps(self._value)
        return self._chunks if isinstance(self._chunks, bytes) else None

    def __iter__(self) -> Iterator[bytes]:
        body = self.whole
        return iter((body,) if body else ()) if body is not None else self._chunks  # type: ignore[return-value]

    def read(self) -> bytes:
        """The whole body."""
        body = self.whole
        return b"".join(self) if body is None else body

    def json(self) -> Any:
        """The whole body, parsed. Raises ValueError."""
        return loads(self.read()) if self._value is None else self._value

    def close(self) -> None:
        """Safe at any time, more than once."""
        close, self._close = self._close, None
        if close is not None:
            close()


class AsyncAnswer:
    """:class:`Answer` on an event loop: ``async for``, ``await answer.read()``, ``await answer.aclose()``."""

    __slots__ = ("_chunks", "_close", "_value", "error", "headers", "status")

    def __init__(
        self,
        status: int,
        headers: dict[str, str],
        chunks: AsyncIterator[bytes] | bytes = b"",
        *,
        value: Any = None,
        error: ModelmuxError | None = None,
        close: Callable[[], None] | None = None,
    ) -> None:
        self.status, self.headers, self.error = status, headers, error
        self._chunks, self._value, self._close = chunks, value, close

    @property
    def whole(self) -> bytes | None:
        """As :attr:`Answer.whole`."""
        if self._value is not None and self._chunks == b"":
            self._chunks = dumps(self._value)
        return self._chunks if isinstance(self._chunks, bytes) else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        body = self.whole
        if body is None:
            async for chunk in self._chunks:  # type: ignore[union-attr]  # whole is None of an iterator only
                yield chunk
        elif body:
            yield body

    async def read(self) -> bytes:
        """The whole body."""
        body = self.whole
        return b"".join([chunk async for chunk in self]) if body is None else body

    async def json(self) -> Any:
        """The whole body, parsed. Raises ValueError."""
        return loads(await self.read()) if self._value is None else self._value

    async def aclose(self) -> None:
        """Safe at any time, more than once. Never waits."""
        close, self._close = self._close, None
        if close is not None:
            close()
