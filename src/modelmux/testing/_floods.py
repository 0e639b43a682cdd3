"""What a hostile server sends: blocks of bytes, without end or up to a size, made as they go out."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

BLOCK = 64 * 1024
BOMB = 1 << 30
"""Decoded bytes of a gzip bomb, unless the fault says how many."""

_MEMBER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""The head of a gzip member (RFC 1952): deflate, no name, no time."""


@dataclass(frozen=True, slots=True)
class Flood:
    """``headers`` are added to the head; ``blocks`` follow it, framed as chunks if ``framed``. ``in_head``: the head
    has not ended yet; ``instead``: there is no head at all.
    """

    blocks: Iterator[bytes]
    headers: tuple[tuple[str, str], ...] = ()
    framed: bool = True
    in_head: bool = False
    instead: bool = False


def flood(kind: str, *, stream: bool, event: bytes, size: float) -> Flood:
    """``event`` is one proper event of this vendor's stream; ``size`` a limit in bytes."""
    return _FLOODS[kind](stream, event, size)


def _repeat(block: bytes, size: float) -> Iterator[bytes]:
    sent = 0.0
    while sent < size:
        piece = block if size - sent >= len(block) else block[: int(size - sent)]
        yield piece
        sent += len(piece)


def _after(start: bytes, block: bytes, size: float) -> Iterator[bytes]:
    yield start
    yield from _repeat(block, size)


def _many(piece: bytes) -> bytes:
    return piece * max(1, BLOCK // len(piece))


def _line(stream: bool, _event: bytes, size: float) -> Flood:
    start = b'data: {"text":"' if stream else b'{"text":"'
    return Flood(_after(start, b"a" * BLOCK, size))


def _body(stream: bool, event: bytes, size: float) -> Flood:
    return Flood(_repeat(_many(event), size) if stream else _after(b'{"numbers":[', _many(b"0,"), size))


def _chunks(stream: bool, event: bytes, size: float) -> Flood:
    piece = event if stream else b'{"numbers":[' + b"0," * 50
    block = _many(b"".join(b"1\r\n%c\r\n" % byte for byte in piece))
    return Flood(_repeat(block, size), (("transfer-encoding", "chunked"),), framed=False)


def _chunk_line(_stream: bool, _event: bytes, size: float) -> Flood:
    return Flood(_after(b"1;", b"a" * BLOCK, size), (("transfer-encoding", "chunked"),), framed=False)


def _headers(_stream: bool, _event: bytes, size: float) -> Flood:
    return Flood(_repeat(_many(b"x-flood: 1\r\n"), size), framed=False, in_head=True)


def _header(_stream: bool, _event: bytes, size: float) -> Flood:
    return Flood(_after(b"x-flood: ", b"a" * BLOCK, size), framed=False, in_head=True)


def _interim(_stream: bool, _event: bytes, size: float) -> Flood:
    return Flood(_repeat(_many(b"HTTP/1.1 100 Continue\r\n\r\n"), size), framed=False, instead=True)


def _comments(_stream: bool, _event: bytes, size: float) -> Flood:
    return Flood(_repeat(_many(b": keep-alive\n\n"), size))


def _gzip(stream: bool, _event: bytes, size: float) -> Flood:
    start = b'data: {"text":"' if stream else b'{"text":"'
    return Flood(_bomb(start, BOMB if math.isinf(size) else int(size)), (("content-encoding", "gzip"),))


def _bomb(start: bytes, size: int) -> Iterator[bytes]:
    """A proper gzip member. A block that was flushed in full may be repeated as it is: it refers to nothing before."""
    block = b"a" * (1 << 20)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    yield _MEMBER + packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    blocks, left = divmod(max(0, size - len(start)), len(block))
    for _ in range(blocks):
        yield packed
    # The checksum of a gigabyte takes a second, and few readers get that far.
    check = zlib.crc32(start)
    for _ in range(blocks):
        check = zlib.crc32(block, check)
        yield b""
    check = zlib.crc32(block[:left], check)
    length = (size & 0xFFFFFFFF).to_bytes(4, "little")
    yield packer.compress(block[:left]) + packer.flush() + check.to_bytes(4, "little") + length


_FLOODS: dict[str, Callable[[bool, bytes, float], Flood]] = {
    "line": _line,
    "body": _body,
    "chunks": _chunks,
    "chunk line": _chunk_line,
    "headers": _headers,
    "header": _header,
    "interim": _interim,
    "comments": _comments,
    "gzip": _gzip,
}
