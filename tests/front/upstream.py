"""Vendors without a network, behind the seam of the HTTP engine, and a caller that drives a front sync and async."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelmux import Mux
from modelmux._front import Front, FrontRequest
from modelmux._http import HttpHead, HttpRequest
from modelmux.errors import ModelmuxError


@dataclass
class Reply:
    """What a vendor answers: head, pieces of the body, and an error that breaks it off."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    pieces: Sequence[bytes] = ()
    breaks: ModelmuxError | None = None


class _Stream:
    def __init__(self, reply: Reply, upstream: Upstream) -> None:
        self.head = HttpHead(reply.status, reply.headers)
        self._pieces = iter(reply.pieces)
        self._breaks = reply.breaks
        self._upstream = upstream
        upstream.open += 1

    def read(self, deadline: float | None) -> bytes:
        piece = next(self._pieces, b"")
        if not piece and self._breaks is not None:
            raise self._breaks
        return piece

    def close(self) -> None:
        self._upstream.open -= 1

    abort = close


class _AsyncStream(_Stream):
    async def read(self, deadline: float | None) -> bytes:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().read(deadline)

    async def aclose(self) -> None:
        self.close()


class Upstream:
    """Stands in for both engines of a Mux. ``answers`` is a reply, a list of them in order, or a function of the
    request; an error in place of a reply is raised. ``requests`` are what came, ``open`` the answers not closed yet.
    """

    def __init__(self, answers: Any) -> None:
        self._answers = answers
        self.requests: list[HttpRequest] = []
        self.open = 0

    def under(self, mux: Mux) -> Mux:
        upstream = self

        class Sync:
            def send(self, request: HttpRequest, **_: Any) -> _Stream:
                return _Stream(upstream._next(request), upstream)

            def close(self) -> None: ...

        class Async:
            async def send(self, request: HttpRequest, **_: Any) -> _AsyncStream:
                await asyncio.sleep(0)
                return _AsyncStream(upstream._next(request), upstream)

            async def aclose(self) -> None: ...

        mux._engine_, mux._aengine_ = Sync(), Async()  # type: ignore[assignment]
        return mux

    def _next(self, request: HttpRequest) -> Reply:
        self.requests.append(request)
        answers = self._answers
        reply = answers(request) if callable(answers) else answers
        if isinstance(reply, list):
            reply = reply[min(len(self.requests), len(reply)) - 1]
        if isinstance(reply, Exception):
            raise reply
        return reply


@dataclass
class Got:
    """An answer, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes
    chunks: list[bytes]
    error: Any


class SyncCaller:
    name = "sync"

    def __call__(self, front: Front, request: FrontRequest) -> Got:
        answer = front.send(request)
        try:
            chunks = list(answer)
        finally:
            answer.close()
        return Got(answer.status, answer.headers, b"".join(chunks), chunks, answer.error)

    def leave(self, front: Front, request: FrontRequest, after: int) -> list[bytes]:
        answer = front.send(request)
        got = [chunk for _, chunk in zip(range(after), answer, strict=False)]
        answer.close()
        return got


class AsyncCaller:
    name = "async"

    def __call__(self, front: Front, request: FrontRequest) -> Got:
        async def ask() -> Got:
            answer = await front.asend(request)
            try:
                chunks = [chunk async for chunk in answer]
            finally:
                await answer.aclose()
            return Got(answer.status, answer.headers, b"".join(chunks), chunks, answer.error)

        return asyncio.run(ask())

    def leave(self, front: Front, request: FrontRequest, after: int) -> list[bytes]:
        async def ask() -> list[bytes]:
            answer = await front.asend(request)
            got: list[bytes] = []
            async for chunk in answer:
                got.append(chunk)
                if len(got) == after:
                    break
            await answer.aclose()
            return got

        return asyncio.run(ask())


def cut(body: bytes, places: Iterable[int]) -> list[bytes]:
    """A body in pieces, cut at these places."""
    ends = [*sorted({place for place in places if 0 < place < len(body)}), len(body)]
    return [body[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True) if end > start]


Caller = Callable[[Front, FrontRequest], Got]
