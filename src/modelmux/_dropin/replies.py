"""Answers with their head: what ``with_raw_response`` and ``with_streaming_response`` give.

Three faces of one thing: :class:`LegacyReply` (sync methods, ``text`` and ``content`` as attributes), :class:`Reply`
(text and JSON by method) and :class:`AsyncReply` (the same, awaited).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from modelmux._dropin.binary import Binary
from modelmux._dropin.headers import Headers
from modelmux._dropin.transport import Got
from modelmux._json import loads

if TYPE_CHECKING:
    from modelmux._dropin.base import Client
    from modelmux._dropin.options import RequestOptions

_UNPARSED: Any = object()


class BaseReply:
    """Head and body of an answer."""

    def __init__(
        self, got: Got, client: Client, options: RequestOptions, cast_to: Any, stream: Any, retries_taken: int
    ) -> None:
        self._got, self._client, self._options = got, client, options
        self._cast_to, self._stream = cast_to, stream
        self._parsed: dict[Any, Any] = {}
        self.retries_taken = retries_taken

    @property
    def headers(self) -> Any:
        return self._got.native.headers if self._got.is_native else Headers(self._got.headers)

    @property
    def http_response(self) -> Any:
        """The answer as a Response of the HTTP family in use."""
        return self._got.native

    @property
    def http_request(self) -> Any:
        return self._got.native.request if self._got.is_native else self._got.asked.dressed()

    @property
    def status_code(self) -> int:
        return self._got.status

    @property
    def url(self) -> Any:
        return self.http_request.url

    @property
    def method(self) -> str:
        return self._got.asked.method

    @property
    def http_version(self) -> str:
        return self._got.native.http_version if self._got.is_native else "HTTP/1.1"

    @property
    def elapsed(self) -> Any:
        return self._got.native.elapsed

    @property
    def is_closed(self) -> bool:
        if self._got.is_native:
            return bool(self._got.native.is_closed)
        return self._got.content is not None or self._got.closed

    @property
    def request_id(self) -> str | None:
        return self._client._request_id_of(self._got)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} [{self.status_code}] type={self._cast_to}>"

    def _result(self, to: Any) -> Any:
        key = repr(to) if to is not None else None
        if key not in self._parsed:
            result = self._client._result(
                self._got, self._options, self._cast_to if to is None else to, self._stream, to
            )
            parser = self._options.post_parser
            self._parsed[key] = parser(result) if callable(parser) else result
        return self._parsed[key]


class LegacyReply(BaseReply):
    """An answer that was read whole."""

    @property
    def text(self) -> str:
        return str(self._got.native.text)

    @property
    def content(self) -> bytes:
        return self._got.content or b""

    def parse(self, *, to: Any = None) -> Any:
        """What the method would have returned; ``to``: as this type instead."""
        return self._result(to)

    def json(self) -> Any:
        return loads(self.content)


class _Reading:
    """Reading, sync: shared with the legacy face."""

    _got: Got
    _client: Client

    def read(self) -> bytes:
        return self._got.read()

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        if self._got.is_native:
            yield from self._got.native.iter_bytes(chunk_size)
        else:
            yield from _sized(self._got.chunks(), chunk_size)

    def iter_text(self, chunk_size: int | None = None) -> Iterator[str]:
        if self._got.is_native:
            yield from self._got.native.iter_text(chunk_size)
        else:
            import codecs

            decode = codecs.getincrementaldecoder("utf-8")("replace").decode
            for chunk in self.iter_bytes(chunk_size):
                yield decode(chunk)

    def iter_lines(self) -> Iterator[str]:
        if self._got.is_native:
            yield from self._got.native.iter_lines()
            return
        from modelmux._http import LineSplitter

        lines = LineSplitter()
        for chunk in self._got.chunks():
            for line in lines.feed(chunk):
                yield line.decode("utf-8", "replace")
        rest = lines.close()
        if rest:
            yield rest.decode("utf-8", "replace")

    def write_to_file(self, file: str | os.PathLike[str]) -> None:
        with open(file, "wb") as out:
            out.writelines(self.iter_bytes())

    def stream_to_file(self, file: str | os.PathLike[str], *, chunk_size: int | None = None) -> None:
        with open(file, "wb") as out:
            out.writelines(self.iter_bytes(chunk_size))

    def close(self) -> None:
        self._got.close()


class Reply(_Reading, BaseReply):
    """An answer whose body may still be to come."""

    def parse(self, *, to: Any = None) -> Any:
        """What the method would have returned; ``to``: as this type instead."""
        if self._stream is None:
            self._got.read()
        return _bytes_of(self._result(to))

    def text(self) -> str:
        self.read()
        return str(self._got.native.text)

    def json(self) -> Any:
        return loads(self.read())


class AsyncReply(BaseReply):
    """:class:`Reply`, awaited."""

    async def parse(self, *, to: Any = None) -> Any:
        if self._stream is None:
            await self._got.aread()
        return _bytes_of(self._result(to))

    async def read(self) -> bytes:
        return await self._got.aread()

    async def text(self) -> str:
        await self.read()
        return str(self._got.native.text)

    async def json(self) -> Any:
        return loads(await self.read())

    async def iter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        if self._got.is_native:
            async for chunk in self._got.native.aiter_bytes(chunk_size):
                yield chunk
            return
        held = b""
        async for chunk in self._got.achunks():
            held += chunk
            if chunk_size is None:
                yield held
                held = b""
            while chunk_size is not None and len(held) >= chunk_size:
                yield held[:chunk_size]
                held = held[chunk_size:]
        if held:
            yield held

    async def iter_text(self, chunk_size: int | None = None) -> AsyncIterator[str]:
        import codecs

        decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        async for chunk in self.iter_bytes(chunk_size):
            yield decode(chunk)

    async def iter_lines(self) -> AsyncIterator[str]:
        from modelmux._http import LineSplitter

        lines = LineSplitter()
        async for chunk in self.iter_bytes():
            for line in lines.feed(chunk):
                yield line.decode("utf-8", "replace")
        rest = lines.close()
        if rest:
            yield rest.decode("utf-8", "replace")

    async def write_to_file(self, file: str | os.PathLike[str]) -> None:
        await self.stream_to_file(file)

    async def stream_to_file(self, file: str | os.PathLike[str], *, chunk_size: int | None = None) -> None:
        with open(file, "wb") as out:
            async for chunk in self.iter_bytes(chunk_size):
                out.write(chunk)

    async def close(self) -> None:
        await self._got.aclose()


def _bytes_of(result: Any) -> Any:
    """A file's content: who streams an answer has its bytes already, and no use for another reader of them."""
    return result.content if isinstance(result, Binary) else result


def _sized(chunks: Iterator[bytes], size: int | None) -> Iterator[bytes]:
    if size is None:
        yield from chunks
        return
    held = b""
    for chunk in chunks:
        held += chunk
        while len(held) >= size:
            yield held[:size]
            held = held[size:]
    if held:
        yield held
