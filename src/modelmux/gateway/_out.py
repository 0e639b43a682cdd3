"""The way out: an answer as ASGI messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_KEPT = frozenset(
    (
        *("content-type", "content-disposition", "cache-control", "x-request-id", "request-id"),
        *("retry-after", "retry-after-ms", "x-should-retry"),
    )
)
"""What callers get of an answer's headers. The rest speaks of our account at the vendor (its organization, its limits),
of the vendor's servers, or sets cookies.
"""

_OURS = "x-modelmux-"


def answer_headers(headers: Mapping[str, str], *, receipts: bool) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name in _KEPT or (receipts and name.startswith(_OURS))}


class Out:
    """Sends one answer. ``beside`` are headers of every answer to this request. ``sound`` says that it may be ended:
    one that broke must not look whole.
    """

    __slots__ = ("_beside", "_send", "begun", "sound")

    def __init__(self, send: Any, beside: Mapping[str, str]) -> None:
        self._send, self._beside = send, beside
        self.begun = False
        self.sound = True

    async def whole(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        await self.begin(status, {**headers, "content-length": str(len(body))})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        self.begun = True
        lines = [(n.encode("latin-1"), v.encode("latin-1", "replace")) for n, v in {**headers, **self._beside}.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": lines})

    async def piece(self, data: bytes) -> None:
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
