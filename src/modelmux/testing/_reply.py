"""From a request to what is put on the connection, step by step. Pure: the connection does it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Any, TypeAlias

from modelmux.testing._shapes import Failure, Shape, dump
from modelmux.testing.answers import Answer, Asked, Said
from modelmux.testing.faults import Fault

SSE = "text/event-stream; charset=utf-8"
JSON = "application/json"
TOKEN = 4
"""Characters a token, where nobody said how many tokens there were."""

_WORDS = re.compile(r"\s*\S+|\s+")
_EVENT = re.compile(rb"(?:\r\n|\n|\r)(?:\r\n|\n|\r)")
NO_FAULT = Fault()


class End(Enum):
    """How a connection ends, where the answer's end is not simply its last byte."""

    CLOSED = "closed"
    RESET = "reset"
    HELD = "held"


Step: TypeAlias = bytes | float | End
"""Bytes to write at once, seconds to wait, or the connection's end."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as HTTP: the pieces of the body are written one by one where there is a pace."""

    status: int
    headers: Mapping[str, str]
    pieces: list[bytes]
    stream: bool = False


def default_answer(asked: Asked) -> Answer:
    """The answer of a server without a script: it repeats the last message, within the limit on output tokens."""
    text = f"You said: {asked.last.strip()}" if asked.last.strip() else "You said nothing."
    if asked.cap is not None and tokens(text) > asked.cap:
        return Answer(text=text[: asked.cap * TOKEN], finish="length")
    return Answer(text=text)


def tokens(text: str) -> int:
    return math.ceil(len(text) / TOKEN)


def decide(answer: Answer, asked: Asked, number: int, without: frozenset[str]) -> Said:
    """Fill in what the answer leaves open."""
    text = answer.text or ()
    pieces = tuple(_WORDS.findall(text)) if isinstance(text, str) else tuple(text)
    calls = tuple(
        (str(call.get("id") or f"call_{number}_{index}"), str(call["name"]), call.get("arguments", {}))
        for index, call in enumerate(answer.tool_calls)
    )
    said = "".join(pieces) + answer.refusal + "".join(str(arguments) for _, _, arguments in calls)
    usage: Mapping[str, int] | None = answer.usage
    if usage is None:
        usage = {"input": max(1, tokens(asked.prompt)), "output": tokens(said), "reasoning": tokens(answer.reasoning)}
    return Said(
        number,
        answer.model or asked.model,
        pieces,
        calls,
        answer.reasoning,
        answer.refusal,
        answer.finish or ("tool_calls" if calls else "stop"),
        None if "usage" in without else usage,
        without,
        asked.usage_in_stream,
    )


def reply(shape: Shape, answer: Answer, asked: Asked, number: int, fault: Fault) -> Reply:
    """The answer in the vendor's format, with what the fault changes in its content."""
    headers = {shape.request_id: f"req_test{number:08d}", **answer.headers, **fault.headers}
    if fault.retry_after is not None:
        headers["retry-after"] = _seconds(fault.retry_after)
    status = fault.status or answer.status
    if fault.body is not None:
        body = fault.body.encode() if isinstance(fault.body, str) else fault.body
        result = Reply(status, {**headers, "content-type": fault.content_type or JSON}, [body])
    elif fault.status is not None and fault.status >= 400:
        error = shape.error(Failure(status, fault.message or _phrase(status), fault.code, fault.retry_after))
        result = Reply(status, {**headers, "content-type": JSON}, [dump(error)])
    elif answer.body is not None:
        kind = headers.get("content-type", "")
        stream = "event-stream" in kind or answer.body.startswith((b"data:", b"event:"))
        result = Reply(status, {"content-type": SSE if stream else JSON, **headers}, [answer.body], stream)
        if stream:
            result = Reply(status, result.headers, _broken(shape, split_events(answer.body), fault), True)
    elif status >= 400:
        message = "".join(answer.text or ()) or _phrase(status)
        error = shape.error(Failure(status, message, answer.code, headers.get("retry-after")))
        result = Reply(status, {**headers, "content-type": JSON}, [dump(error)])
    else:
        said = decide(answer, asked, number, fault.without)
        if asked.stream:
            pieces = [event for kind, event in shape.events(said) if kind not in fault.without]
            result = Reply(status, {**headers, "content-type": SSE}, _broken(shape, pieces, fault), True)
        else:
            result = Reply(status, {**headers, "content-type": JSON}, [dump(shape.whole(said))])
    if fault.truncate is not None:
        whole = b"".join(result.pieces)
        return Reply(result.status, result.headers, [whole[: fault.truncate]], result.stream)
    return result


def _broken(shape: Shape, pieces: list[bytes], fault: Fault) -> list[bytes]:
    """A stream with the events that a fault puts into it."""
    if fault.malformed_after is not None:
        pieces = [*pieces[: fault.malformed_after], b'data: {"broken": [\n\n', *pieces[fault.malformed_after :]]
    if fault.error_after is not None:
        pieces = [*pieces[: fault.error_after], shape.stream_error(fault.message or "Overloaded")]
    return pieces


def split_events(body: bytes) -> list[bytes]:
    """A recorded stream, event by event: the pieces joined are the body."""
    pieces: list[bytes] = []
    start = 0
    for match in _EVENT.finditer(body):
        pieces.append(body[start : match.end()])
        start = match.end()
    if start < len(body):
        pieces.append(body[start:])
    return pieces


def steps(result: Reply, fault: Fault = NO_FAULT, *, latency: float = 0.0, pace: float = 0.0) -> Iterator[Step]:
    """Put a reply on the connection, as far as the fault lets it. ``latency`` and ``pace`` in seconds."""
    wait = latency if fault.latency is None else fault.latency
    if math.isinf(wait):
        yield End.HELD
        return
    if wait > 0:
        yield wait
    if fault.reset:
        yield End.RESET
        return
    pace = pace if fault.pace is None else fault.pace
    framing = fault.framing or ("chunked" if result.stream else "length")
    pieces = _drops(result.pieces, fault.drip) if fault.drip else result.pieces
    total = sum(map(len, pieces))
    head = _head(result, framing, total)
    stop = _stop(fault, total)
    if not pace and stop is None:
        body = b"".join(map(_chunk, pieces)) + b"0\r\n\r\n" if framing == "chunked" else b"".join(pieces)
        yield head + body
    else:
        yield head
        yield from _body(pieces, framing, pace, stop)
        if stop is not None:
            yield End.HELD if stop == _place(fault.stall_after, total) else End(_CUTS[fault.cut_how])
            return
    if framing == "close":
        yield End.CLOSED


_CUTS = {"close": "closed", "reset": "reset"}


def _body(pieces: list[bytes], framing: str, pace: float, stop: int | None) -> Iterator[Step]:
    """The body up to byte ``stop``, an unfinished chunk included; without a stop, to its end."""
    left = stop
    for index, piece in enumerate(pieces):
        if index and pace:
            yield pace
        framed = _chunk(piece) if framing == "chunked" else piece
        if left is not None:
            if len(piece) > left:
                overhead = len(framed) - len(piece) - 2 if framing == "chunked" else 0
                if left:
                    yield framed[: overhead + left]
                return
            left -= len(piece)
        yield framed
    if stop is None and framing == "chunked":
        yield b"0\r\n\r\n"


def _place(count: int | None, total: int) -> int | None:
    """Where in a body of ``total`` bytes a count stands; negative counts count from the end."""
    if count is None:
        return None
    return max(0, total + count) if count < 0 else min(count, total)


def _stop(fault: Fault, total: int) -> int | None:
    places = [_place(count, total) for count in (fault.cut_after, fault.stall_after)]
    return min((place for place in places if place is not None), default=None)


def _drops(pieces: list[bytes], size: int) -> list[bytes]:
    return [piece[at : at + size] for piece in pieces for at in range(0, len(piece), size)]


def _chunk(piece: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(piece), piece) if piece else b""


def _head(result: Reply, framing: str, length: int) -> bytes:
    lines = [f"HTTP/1.1 {result.status} {_phrase(result.status)}"]
    lines += [f"{name}: {value}" for name, value in result.headers.items()]
    lines.append(_FRAMING[framing].format(length=length))
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


_FRAMING = {
    "chunked": "transfer-encoding: chunked",
    "length": "content-length: {length}",
    "close": "connection: close",
}


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Overloaded" if status == 529 else "Unknown"


def _seconds(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:g}"
