"""Decompression that stops at a size, a step at a time."""

from __future__ import annotations

import zlib
from typing import Any

from modelmux.errors import MalformedResponse, ResponseTooLarge

STEP = 64 * 1024
"""Bytes handed out at a time: what 64 KB of a bomb would swell to never stands in memory at once."""

_BITE = 4096
_GZIP = 16 + zlib.MAX_WBITS
_MAX_MEMBERS = 1000


def too_large(cap: int) -> ResponseTooLarge:
    return ResponseTooLarge(f"the answer passed {cap} bytes")


class Inflater:
    """Compressed bytes in, plain bytes out, at most :data:`STEP` at a time. ``cap`` is the most it will ever hand out.

    While ``pending``, what was fed gives more: ask :meth:`more` for it before feeding again.
    """

    __slots__ = ("_bite", "_cap", "_coding", "_first", "_full", "_members", "_rest", "_size", "_zip")

    def __init__(self, coding: str, cap: int) -> None:
        self._coding = coding
        self._cap = cap
        self._size = 0
        self._first = True
        self._full = False
        """The last step was a whole one: there may be more behind it, though all input was taken."""
        self._members = 0
        self._rest = b""
        self._bite = b""
        """What is being unpacked of the input. Small: what is left of it is copied at every step."""
        self._zip: Any = zlib.decompressobj(_GZIP if coding != "deflate" else zlib.MAX_WBITS)

    @property
    def pending(self) -> bool:
        return self._full or bool(self._bite) or bool(self._rest)

    def feed(self, data: bytes) -> bytes:
        self._rest = self._rest + data if self._rest else data
        return self.more()

    def more(self) -> bytes:
        """The next step; ``b""`` when more must be fed. Raises MalformedResponse, ResponseTooLarge."""
        out: list[bytes] = []
        room = STEP
        while room and self.pending:
            if not self._bite:
                self._bite, self._rest = self._rest[:_BITE], self._rest[_BITE:]
            piece = self._unpack(min(room, self._cap - self._size + 1))
            self._size += len(piece)
            if self._size > self._cap:
                raise too_large(self._cap)
            room -= len(piece)
            out.append(piece)
        return out[0] if len(out) == 1 else b"".join(out)

    def _unpack(self, most: int) -> bytes:
        try:
            piece: bytes = self._zip.decompress(self._bite, most)
        except zlib.error:
            if not (self._first and self._coding == "deflate"):
                raise MalformedResponse("the answer's compression is broken") from None
            # "deflate" means zlib's format (RFC 9110, section 8.4.1.2), but some servers send it raw.
            self._first = False
            self._zip = zlib.decompressobj(-zlib.MAX_WBITS)
            return b""
        self._first = False
        self._full = len(piece) == most
        self._bite = self._zip.unconsumed_tail
        if self._zip.eof:
            self._full = False
            self._bite = self._next_member()
        return piece

    def _next_member(self) -> bytes:
        """What follows in a gzip file of several (RFC 1952, section 2.2); behind any other end nothing counts."""
        rest: bytes = self._zip.unused_data or self._rest[:_BITE]
        if not rest or self._coding == "deflate":
            self._rest = b""
            return b""
        if not self._zip.unused_data:
            self._rest = self._rest[_BITE:]
        self._members += 1
        if self._members > _MAX_MEMBERS:
            raise MalformedResponse("the answer's compressed body is in too many parts")
        self._zip = zlib.decompressobj(_GZIP)
        return rest

    def finish(self) -> None:
        """The compressed bytes have ended; raises ``MalformedResponse`` if the compression has not."""
        if not (self._zip.eof or self._first):
            raise MalformedResponse("the answer's compressed body is cut short")
