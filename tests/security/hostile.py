"""Servers that answer without end, or with more than they seem to. Everything is synthetic.

``python hostile.py serve`` prints a port; each path is one kind. ``python hostile.py ask PORT WAY CAP`` asks for every
kind in turn and prints, as JSON lines, what came of it: the error's name, seconds, bytes of memory at the peak.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from functools import cache
from itertools import chain, repeat
from pathlib import Path
from typing import Any

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\n"
JSON, SSE = HEAD % b"application/json", HEAD % b"text/event-stream"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
BIG = 64 * 1024
MIB = 1024 * 1024


@cache
def packed(bits: int) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, bits)
    return packer.compress(b'{"a":"') + b"".join(packer.compress(b"0" * MIB) for _ in range(160)) + packer.flush()


def bomb(coding: bytes, bits: int) -> Iterator[bytes]:
    body = packed(bits)
    yield JSON + b"content-encoding: " + coding + b"\r\n\r\n"
    yield body


def framed(head: bytes, *pieces: bytes, unit: bytes) -> Iterator[bytes]:
    """A chunked body that goes on with ``unit`` for ever."""
    piece = unit * (BIG // len(unit))
    yield head + CHUNKED
    for one in pieces:
        yield b"%x\r\n%s\r\n" % (len(one), one)
    yield from repeat(b"%x\r\n%s\r\n" % (len(piece), piece))


def sized(body_of: Any) -> Iterator[bytes]:
    """A body of known length that stays below the default cap."""
    unit, count, start, end = body_of
    size = len(start) + len(unit) * count + len(end)
    yield JSON + b"content-length: %d\r\n\r\n" % size + start
    block = unit * (BIG // len(unit))
    whole, rest = divmod(count, BIG // len(unit))
    yield from repeat(block, whole)
    yield unit * rest + end


def answer(body: bytes) -> Iterator[bytes]:
    yield JSON + b"content-length: %d\r\n\r\n" % len(body) + body


def usage(number: bytes) -> bytes:
    said = b'{"id":"1","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"x"}}],'
    return said + b'"usage":{"prompt_tokens":%s,"completion_tokens":%s,"total_tokens":1}}' % (number, number)


KINDS: dict[str, Any] = {
    "gzip bomb": lambda: bomb(b"gzip", 31),
    "deflate bomb": lambda: bomb(b"deflate", 15),
    "endless body": lambda: framed(JSON, b'{"a":"', unit=b"x"),
    "endless till close": lambda: chain([JSON + b"\r\n"], repeat(b"x" * BIG)),
    "length beyond measure": lambda: chain([JSON + b"content-length: 9999999999999\r\n\r\n"], repeat(b"x" * BIG)),
    "chunks of a byte": lambda: framed_bytes(),
    "chunk extensions": lambda: chain([JSON + CHUNKED], repeat((b"1;" + b"e" * 4000 + b"\r\nx\r\n") * 16)),
    "endless size line": lambda: chain([JSON + CHUNKED + b"1;"], repeat(b"e" * BIG)),
    "endless header": lambda: chain([JSON + b"x: "], repeat(b"e" * BIG)),
    "headers without end": lambda: chain([JSON], repeat(b"a: b\r\n" * 10_000)),
    "one header again and again": lambda: chain([JSON, b"a: b\r\n" * 9_000, b"\r\n"], repeat(b"x" * BIG)),
    "interim answers": lambda: repeat(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" * 1000),
    "endless trailer": lambda: chain([JSON + CHUNKED + b"0\r\n"], repeat(b"a: b\r\n" * 10_000)),
    "endless status line": lambda: chain([b"HTTP/1.1 200 "], repeat(b"e" * BIG)),
    "refusal without end": lambda: framed(JSON.replace(b"200 OK", b"500 Oh"), unit=b"x"),
    "nested": lambda: sized((b"[", 60 * MIB, b'{"a":', b"")),
    "nested objects": lambda: sized((b'{"a":', 12 * MIB, b"", b"")),
    "cut text": lambda: sized((b"x", 60 * MIB, b'{"a":"', b"")),
    "digits": lambda: answer(usage(b"1" * 100_000)),
    "infinity": lambda: answer(usage(b"1e999999")),
    "beyond 64 bits": lambda: answer(usage(b"9" * 400)),
    "endless line": lambda: framed(SSE, b'data: {"a":"', unit=b"x"),
    "blank lines": lambda: framed(SSE, unit=b"\n"),
    "comments": lambda: framed(SSE, unit=b":\n"),
    "data lines": lambda: framed(SSE, unit=b"data: abc\n"),
    "nested event": lambda: framed(SSE, b"data: " + b"[" * MIB + b"\n\n", unit=b"\n"),
}
STREAMED = frozenset({"endless line", "blank lines", "comments", "data lines", "nested event"})
ANSWERED = frozenset({"infinity", "beyond 64 bits"})
"""May be taken for an answer, but must not break anything."""

HTTPX_READS = frozenset({"interim answers", "endless trailer", "chunk extensions", "endless size line"})
"""What happens inside a user's own client, where nothing of ours can count."""


def framed_bytes() -> Iterator[bytes]:
    yield JSON + CHUNKED
    yield from repeat(b"1\r\nx\r\n" * 10_000)


def serve() -> None:
    packed(31), packed(15)
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    print(listener.getsockname()[1], flush=True)
    while True:
        threading.Thread(target=talk, args=(listener.accept()[0],), daemon=True).start()


def talk(conn: socket.socket) -> None:
    with conn:
        held = b""
        while b"\r\n\r\n" not in held:
            data = conn.recv(BIG)
            if not data:
                return
            held += data
        kind = held.partition(b" /")[2].partition(b"/")[0].decode().replace("-", " ")
        try:
            for piece in KINDS[kind]():
                conn.sendall(piece)
            conn.settimeout(2)
            conn.recv(1)
        except OSError:
            return


def peak() -> int:
    """The most memory that was resident; 0 where the system does not say."""
    if not sys.platform.startswith("linux"):
        return 0
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def resident() -> int:
    if sys.platform.startswith("linux"):
        Path("/proc/self/clear_refs").write_text("5", "ascii")  # the high-water mark starts anew
    return peak()


def ask(port: str, way: str, cap: str) -> None:
    import gc

    import httpx

    from modelmux import Endpoint, Mux
    from modelmux.errors import ModelmuxError

    def mux_for(kind: str, client: Any) -> Mux:
        where = f"http://127.0.0.1:{port}/{kind.replace(' ', '-')}"
        endpoint = Endpoint("openai/gpt-5-mini", base_url=where, api_key="test-key", http_client=client)
        limits: dict[str, Any] = {} if cap == "default" else {"max_response_bytes": int(cap)}
        return Mux(endpoint, **limits)

    async def stream(mux: Mux) -> None:
        async with mux.astream("hello") as events:
            async for _ in events:
                pass

    async def call(mux: Mux, kind: str, client: Any) -> None:
        try:
            await (stream(mux) if kind in STREAMED else mux.achat("hello"))
        finally:
            if client is not None:
                await client.aclose()

    def one(kind: str) -> None:
        if "async" in way:
            client: Any = httpx.AsyncClient(trust_env=False) if "client" in way else None
            asyncio.run(call(mux_for(kind, client), kind, client))
        else:
            client = httpx.Client(trust_env=False) if "client" in way else None
            mux = mux_for(kind, client)
            _ = list(mux.stream("hello")) if kind in STREAMED else mux.chat("hello")

    kinds = [kind for kind in KINDS if "client" not in way or kind not in HTTPX_READS]
    for kind in ["infinity", *kinds]:  # the first is a rehearsal: what is loaded once is nobody's peak
        gc.collect()
        before, start = resident(), time.monotonic()
        try:
            one(kind)
            came = "answered"
        except ModelmuxError as error:
            came = type(error).__name__
        except Exception as error:
            came = f"untyped {error!r}"
        row = {"kind": kind, "came": came, "seconds": time.monotonic() - start, "bytes": peak() - before}
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    {"serve": serve, "ask": ask}[sys.argv[1]](*sys.argv[2:])
