"""An answer whose body is a file."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

from modelmux._dropin.headers import Headers
from modelmux._dropin.transport import Got


class Binary:
    """Bytes: read them at once (``content``, ``read()``), in pieces, or into a file."""

    def __init__(self, response: Any) -> None:
        self._got = response if isinstance(response, Got) else None
        self._given = response

    @property
    def response(self) -> Any:
        """The HTTP response."""
        return self._given.native if self._got is not None else self._given

    @property
    def content(self) -> bytes:
        if self._got is not None and self._got.content is not None:
            return self._got.content
        found: bytes = self.response.content
        return found

    @property
    def text(self) -> str:
        return str(self.response.text)

    @property
    def encoding(self) -> str | None:
        return self.response.encoding  # type: ignore[no-any-return]  # the HTTP library's

    @property
    def charset_encoding(self) -> str | None:
        return self.response.charset_encoding  # type: ignore[no-any-return]  # the HTTP library's

    @property
    def headers(self) -> Any:
        return Headers(self._got.headers) if self._got is not None else self._given.headers

    def json(self, **options: Any) -> Any:
        return self.response.json(**options)

    def read(self) -> bytes:
        return self.content

    def iter_bytes(self, chunk_size: int | None = None) -> Iterator[bytes]:
        return self.response.iter_bytes(chunk_size)  # type: ignore[no-any-return]  # the HTTP library's

    def iter_text(self, chunk_size: int | None = None) -> Iterator[str]:
        return self.response.iter_text(chunk_size)  # type: ignore[no-any-return]  # the HTTP library's

    def iter_lines(self) -> Iterator[str]:
        return self.response.iter_lines()  # type: ignore[no-any-return]  # the HTTP library's

    def iter_raw(self, chunk_size: int | None = None) -> Iterator[bytes]:
        return self.response.iter_raw(chunk_size)  # type: ignore[no-any-return]  # the HTTP library's

    def write_to_file(self, file: str | os.PathLike[str]) -> None:
        """Write everything to a file."""
        with open(file, "wb") as out:
            out.write(self.content)

    def stream_to_file(self, file: str | os.PathLike[str], *, chunk_size: int | None = None) -> None:
        """As :meth:`write_to_file`; what is here has been read already."""
        del chunk_size
        self.write_to_file(file)

    def close(self) -> None:
        self.response.close()

    async def aread(self) -> bytes:
        return self.content

    async def aiter_bytes(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        async for chunk in self.response.aiter_bytes(chunk_size):
            yield chunk

    async def aiter_text(self, chunk_size: int | None = None) -> AsyncIterator[str]:
        async for chunk in self.response.aiter_text(chunk_size):
            yield chunk

    async def aiter_lines(self) -> AsyncIterator[str]:
        async for line in self.response.aiter_lines():
            yield line

    async def aiter_raw(self, chunk_size: int | None = None) -> AsyncIterator[bytes]:
        async for chunk in self.response.aiter_raw(chunk_size):
            yield chunk

    async def astream_to_file(self, file: str | os.PathLike[str], *, chunk_size: int | None = None) -> None:
        del chunk_size
        import asyncio  # 50 ms that only async callers spend

        await asyncio.to_thread(self.write_to_file, file)

    async def aclose(self) -> None:
        await self.response.aclose()
