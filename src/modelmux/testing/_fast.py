"""A server for benchmarks: every answer is prebuilt, so that what is measured is the client.

It reads no header but content-length, asks for no key and records nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any

from modelmux.testing._reply import Reply, reply
from modelmux.testing._shapes import Shape
from modelmux.testing._steps import steps
from modelmux.testing.answers import Answer, Asked
from modelmux.testing.faults import Fault

_LENGTH = b"content-length:"
_STREAM_MARKS = (b'"stream":true', b'"stream": true')
_STREAM_PATH = b":streamGenerateContent"


class Prebuilt:
    """The two answers of a fast server: one whole, and one stream in writes ``pace`` seconds apart."""

    def __init__(self, shape: Shape, *, text: str, events: int, pace: float) -> None:
        asked = Asked(shape.models[0], False, "x" * 400, "x", None, True)
        self.pace = pace
        self.whole = _flat(reply(shape, Answer(text=text), asked, 1, Fault()))
        size = max(1, -(-len(text) // events))
        pieces = [text[at : at + size] for at in range(0, len(text), size)]
        streamed = reply(
            shape, Answer(text=pieces), Asked(asked.model, True, asked.prompt, "x", None, True), 1, Fault()
        )
        self.stream = _flat(streamed)
        self.writes = [step for step in steps(streamed, Fault(pace=1.0)) if isinstance(step, bytes)]


def _flat(result: Reply) -> bytes:
    return b"".join(step for step in steps(result) if isinstance(step, bytes))


class FastConnection(asyncio.Protocol):
    __slots__ = ("_answers", "_at", "_buffer", "_loop", "_need", "_timer", "_transport")

    def __init__(self, answers: Prebuilt, loop: asyncio.AbstractEventLoop) -> None:
        self._answers = answers
        self._loop = loop
        self._buffer = bytearray()
        self._need = 0
        self._at = 0
        self._timer: asyncio.TimerHandle | None = None
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, _error: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        if len(buffer) < self._need:
            return
        if not self._need:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self._need = end + 4 + _length(bytes(buffer[:end]).lower())
            if len(buffer) < self._need:
                return
        stream = any(mark in buffer for mark in _STREAM_MARKS) or _STREAM_PATH in buffer[:300]
        buffer.clear()
        self._need = 0
        if not stream:
            self._transport.write(self._answers.whole)
        elif self._answers.pace:
            self._at = 0
            self._next()
        else:
            self._transport.write(self._answers.stream)

    def _next(self) -> None:
        """The next write of a paced stream. The head goes out with the first event."""
        writes = self._answers.writes
        step = 2 if self._at == 0 else 1
        self._transport.write(b"".join(writes[self._at : self._at + step]))
        self._at += step
        if self._at < len(writes):
            self._timer = self._loop.call_later(self._answers.pace, self._next)


def _length(head: bytes) -> int:
    at = head.find(_LENGTH)
    return 0 if at < 0 else int(head[at + len(_LENGTH) :].split(b"\r\n", 1)[0])
