"""An answer put on a connection, step by step, as far as a fault lets it. Pure: the connection does it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from enum import Enum
from itertools import accumulate
from typing import TypeAlias

from modelmux.testing._floods import flood
from modelmux.testing._reply import NO_FAULT, Reply, phrase
from modelmux.testing.faults import Fault

ENDLESS = 10**12
"""The content-length that a flood claims."""


class End(Enum):
    """How a connection ends, where the answer's end is not simply its last byte."""

    CLOSED = "closed"
    RESET = "reset"
    HELD = "held"


Step: TypeAlias = bytes | float | End
"""Bytes to write at once, seconds to wait, or the connection's end."""

_GARBAGE = b"not a size\r\nnot a chunk\r\n"


def steps(result: Reply, fault: Fault = NO_FAULT, *, latency: float = 0.0, pace: float = 0.0) -> Iterator[Step]:
    """Put a reply on the connection, as far as the fault lets it. ``latency`` and ``pace`` in seconds."""
    wait = latency if fault.latency is None else fault.latency
    if math.isinf(wait):
        yield End.HELD
        return
    if wait > 0:
        yield wait
    if fault.reset or fault.close:
        yield End.RESET if fault.reset else End.CLOSED
        return
    if fault.flood is not None:
        yield from _flooded(result, fault, pace)
        return
    framing = fault.framing or ("chunked" if result.stream or fault.cut_how == "garbage" else "length")
    total = sum(map(len, result.pieces))
    head = _head(result, framing, total)
    if fault.head_pace is not None:
        yield from _dripped(head, fault.drip or 1, fault.head_pace)
        head = b""
    marks = _marks(result, fault, total)
    patient = pace if fault.pace is None else fault.pace
    if not patient and not marks and fault.first_token_after is None:
        pieces = _drops(result.pieces, fault.drip) if fault.drip else result.pieces
        body = b"".join(map(chunk, pieces)) + b"0\r\n\r\n" if framing == "chunked" else b"".join(pieces)
        yield head + body
        if framing == "close":
            yield End.CLOSED
        return
    if head:
        yield head
    yield from _body(_writes(result, fault, pace, total), framing, marks, fault, result.ping)


def _body(
    writes: Iterator[tuple[float, bytes]], framing: str, marks: list[tuple[int, End | float]], fault: Fault, ping: bytes
) -> Iterator[Step]:
    """The body as ``writes`` (each after so many seconds), broken at the marks, a half-sent chunk included."""
    framed = framing == "chunked"
    ping = chunk(ping) if framed else ping
    sent = 0
    for gap, piece in writes:
        if gap:
            yield from _wait(gap, fault.ping, ping) if gap == fault.first_token_after else iter((gap,))
        ready = chunk(piece) if framed else piece
        overhead = len(ready) - len(piece) - 2 if framed else 0
        done = 0
        while marks and marks[0][0] < sent + len(piece):
            place, mark = marks.pop(0)
            if place > sent:
                upto = overhead + place - sent
                if mark is End.CLOSED and fault.cut_how == "garbage":
                    ready = (chunk(piece[: place - sent])) if not done else ready
                    upto = len(ready)
                yield ready[done:upto]
                done = upto
            if isinstance(mark, End):
                yield from _cut(mark, fault)
                return
            yield from _wait(mark, fault.ping, ping)
        if done < len(ready):
            yield ready[done:]
        sent += len(piece)
    for _, mark in marks:
        if isinstance(mark, End):
            yield from _cut(mark, fault)
            return
        yield from _wait(mark, fault.ping, ping)
    if framed:
        yield b"0\r\n\r\n"
    elif framing == "close":
        yield End.CLOSED


def _cut(mark: End, fault: Fault) -> Iterator[Step]:
    if fault.cut_how == "garbage":
        yield _GARBAGE
    yield mark


def _wait(seconds: float, every: float | None, ping: bytes) -> Iterator[Step]:
    """Wait, with a sign of life now and then. For ever, if need be."""
    if every is not None and ping:
        while seconds > every:
            yield every
            yield ping
            seconds -= every
    yield End.HELD if math.isinf(seconds) else seconds


# --- where, and when ---------------------------------------------------------------------------------------------


def _marks(result: Reply, fault: Fault, total: int) -> list[tuple[int, End | float]]:
    """The places in the body where something happens, in order: the connection's end, or a wait."""
    marks: list[tuple[int, End | float]] = []
    if fault.stall_after is not None:
        place = _place(fault.stall_after, fault.unit, result, total)
        if fault.ping is not None and result.output:
            # A ping stands between two events.
            place = max(end for end in (0, *accumulate(map(len, result.pieces))) if end <= place)
        marks.append((place, fault.stall_for))
    if fault.cut_after is not None:
        end = End.RESET if fault.cut_how == "reset" else End.CLOSED
        marks.append((_place(fault.cut_after, fault.unit, result, total), end))
    return sorted(marks, key=lambda mark: mark[0])


def _place(count: int, unit: str, result: Reply, total: int) -> int:
    """Where in the body a count stands; negative counts count from the end."""
    if unit == "bytes":
        return max(0, total + count) if count < 0 else min(count, total)
    if not result.output:
        return total // 2
    ends = [end for end, output in zip(accumulate(map(len, result.pieces)), result.output, strict=True) if output]
    wanted = len(ends) + count if count < 0 else count
    if wanted <= 0:
        return _opening(result)
    return ends[min(wanted, len(ends)) - 1] if ends else total


def _opening(result: Reply) -> int:
    """The bytes before the first output."""
    first = result.output.index(True) if True in result.output else 0
    return sum(map(len, result.pieces[:first]))


def _writes(result: Reply, fault: Fault, pace: float, total: int) -> Iterator[tuple[float, bytes]]:
    """The body in writes, each with the seconds to wait before it."""
    slow = pace if fault.pace is None else fault.pace
    start = total if fault.drip is None else 0
    if fault.drip_from is not None:
        start = _place(fault.drip_from, fault.unit, result, total)
    opening = _opening(result)
    at = 0
    for piece in result.pieces:
        # Where dripping begins later, what comes before it keeps the server's own pace.
        gap = 0.0 if not at else slow if start in {0, total} else pace
        if fault.first_token_after and at == opening:
            gap = fault.first_token_after
        if at + len(piece) <= start:
            yield gap, piece
        else:
            begin = max(0, start - at)
            if begin:
                yield gap, piece[:begin]
                gap = slow
            size = fault.drip or len(piece)
            for place in range(begin, len(piece), size):
                yield (gap if place == begin else slow), piece[place : place + size]
        at += len(piece)


# --- bytes -------------------------------------------------------------------------------------------------------


def _flooded(result: Reply, fault: Fault, pace: float) -> Iterator[Step]:
    kind = str(fault.flood)
    found = flood(kind, stream=result.stream, event=result.event, size=fault.flood_bytes)
    pace = pace if fault.pace is None else fault.pace
    framing = "" if not found.framed else fault.framing or "chunked"
    if not found.instead:
        head = _head(result, framing, ENDLESS, found.headers)
        yield head[:-2] if found.in_head else head
    for block in found.blocks:
        yield chunk(block) if framing == "chunked" else block
        if pace:
            yield pace
    if framing == "chunked":
        yield b"0\r\n\r\n"
    else:
        yield End.CLOSED


def _head(result: Reply, framing: str, length: int, more: tuple[tuple[str, str], ...] = ()) -> bytes:
    lines = [f"HTTP/1.1 {result.status} {phrase(result.status)}"]
    lines += [f"{name}: {value}" for name, value in (*result.headers.items(), *more)]
    if framing:
        lines.append(_FRAMING[framing].format(length=length))
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


_FRAMING = {
    "chunked": "transfer-encoding: chunked",
    "length": "content-length: {length}",
    "close": "connection: close",
}


def _dripped(data: bytes, size: int, pace: float) -> Iterator[Step]:
    for place in range(0, len(data), size):
        if place:
            yield pace
        yield data[place : place + size]


def _drops(pieces: list[bytes], size: int) -> list[bytes]:
    return [piece[at : at + size] for piece in pieces for at in range(0, len(piece), size)]


def chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""
