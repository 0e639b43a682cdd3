"""Bodies of one JSON value a line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Generic, TypeVar

from modelmux._dropin.contexts import AsyncIterated, Iterated
from modelmux._dropin.shapes import shape_of
from modelmux._dropin.transport import Got
from modelmux._json import loads

T = TypeVar("T")


class _Base(Generic[T]):
    def __init__(self, *, raw_iterator: Any, line_type: Any, http_response: Any) -> None:
        from modelmux.anthropic._registry import registry

        self._chunks, self._given = raw_iterator, http_response
        shape = line_type if isinstance(line_type, str | list) else shape_of(line_type)
        self._convert = registry.shapes.converter(shape)
        self._iterator = self.__decode__()

    @property
    def http_response(self) -> Any:
        """The HTTP response that this is the body of."""
        return self._given.native if isinstance(self._given, Got) else self._given

    def __decode__(self) -> Any:
        """The values, one after the other."""

    def _values(self, lines: list[bytes]) -> Iterator[Any]:
        for line in lines:
            if line.strip():
                value = loads(line)
                yield value if self._convert is None else self._convert(value)


class _Lines:
    """Bytes in, whole lines out."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        *whole, rest = data.replace(b"\r", b"\n").split(b"\n")
        if whole:
            whole[0] = b"".join([*self._held, whole[0]])
            self._held = []
        self._held.append(rest)
        return whole

    def close(self) -> list[bytes]:
        return [b"".join(self._held)]


class JSONLDecoder(Iterated[T], _Base[T]):
    """The values of a body, as they come."""

    def close(self) -> None:
        """Release the connection; done by itself at the end."""
        self._given.close()

    def __decode__(self) -> Iterator[T]:
        lines = _Lines()
        for chunk in self._chunks:
            yield from self._values(lines.feed(chunk))
        yield from self._values(lines.close())


class AsyncJSONLDecoder(AsyncIterated[T], _Base[T]):
    """:class:`JSONLDecoder`, async."""

    async def close(self) -> None:
        """Release the connection; done by itself at the end."""
        await self._given.aclose()

    async def __decode__(self) -> AsyncIterator[T]:
        lines = _Lines()
        async for chunk in self._chunks:
            for value in self._values(lines.feed(chunk)):
                yield value
        for value in self._values(lines.close()):
            yield value


__all__ = ["AsyncJSONLDecoder", "JSONLDecoder"]
