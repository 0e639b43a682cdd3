"""A decoder for an answer that may come whole although a stream was asked for."""

from __future__ import annotations

from abc import abstractmethod

from modelmux._fold import unfold
from modelmux.types import Event, Response
from modelmux.wire._stream import AnswerStream

_BLANK = b"\xef\xbb\xbf \t\r\n"


class StreamOrWhole(AnswerStream):
    """Server-sent events, or one JSON body (or a page of a proxy's) that :meth:`whole` reads once it is there."""

    def __init__(self, provider: str, usage: str) -> None:
        super().__init__(provider, usage)
        self._head: bytes | None = b""
        self._body: list[bytes] | None = None

    def feed(self, data: bytes) -> list[Event]:
        if self._head is not None:
            data = self._head + data
            start = data.lstrip(_BLANK)
            if not start:
                self._head = data[-3:]  # blanks are dropped, but for the beginning of a BOM
                return []
            self._head = None
            if start[:1] in (b"{", b"<", b"["):
                self._body = []
        if self._body is not None:
            self._body.append(data)
            return []
        return super().feed(data)

    def close(self) -> list[Event]:
        if self._body is None:
            return super().close()
        body, self._body = b"".join(self._body), []
        return unfold(self.whole(body))

    @abstractmethod
    def whole(self, body: bytes) -> Response:
        """The answer in a whole body. Raises what there is to raise."""
