"""Decompression that stops at a size."""

from __future__ import annotations

import zlib
from typing import Any

from modelmux.errors import MalformedResponse, ResponseTooLarge

_GZIP = 16 + zlib.MAX_WBITS


def too_large(cap: int) -> ResponseTooLarge:
    return ResponseTooLarge(f"the answer passed {cap} bytes")


class Inflater:
    """Compressed bytes in, plain bytes out. ``cap`` is the most it will ever hand out."""

    __slots__ = ("_cap", "_coding", "_first", "_size", "_zip")

    def __init__(self, coding: str, cap: int) -> None:
        self._coding = coding
        self._cap = cap
        self._size = 0
        self._first = True
        self._zip: Any = zlib.decompressobj(_GZIP if coding != "deflate" else zlib.MAX_WBITS)

    def feed(self, data: bytes) -> bytes:
        out: list[bytes] = []
        while data:
            try:
                piece = self._zip.decompress(data, self._cap - self._size + 1)
            except zlib.error:
                if not (self._first and self._coding == "deflate"):
                    raise MalformedResponse("the answer's compression is broken") from None
                # "deflate" means zlib's format (RFC 9110, section 8.4.1.2), but some servers send it raw.
                self._first = False
                self._zip = zlib.decompressobj(-zlib.MAX_WBITS)
                continue
            self._first = False
            self._size += len(piece)
            if self._size > self._cap:
                raise too_large(self._cap)
            out.append(piece)
            data = b""
            if self._zip.eof and self._zip.unused_data and self._coding != "deflate":
                # The next member of a gzip file (RFC 1952, section 2.2).
                data = self._zip.unused_data
                self._zip = zlib.decompressobj(_GZIP)
        return b"".join(out)

    def finish(self) -> None:
        """The compressed bytes have ended; raises ``MalformedResponse`` if the compression has not."""
        if not (self._zip.eof or self._first):
            raise MalformedResponse("the answer's compressed body is cut short")
