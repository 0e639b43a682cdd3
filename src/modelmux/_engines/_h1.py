"""Reading one HTTP/1.1 answer (RFC 9112), push-style: bytes in, head and body out. No IO.

Strict where laxness would let a peer smuggle or stretch (lengths, framing, sizes), lenient where it is harmless
(bare LF in the head, odd reason phrases). The general-purpose parser that httpx uses costs more CPU than all the
rest of a call.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from modelmux._engines._faults import lost
from modelmux._engines._inflate import Inflater, too_large
from modelmux._http import HttpHead
from modelmux.errors import MalformedResponse, ResponseTooLarge

MAX_HEAD = 64 * 1024
_MAX_SIZE_LINE = 4096
_MAX_INTERIM = 32
_MAX_HEADERS = 1000
MAX_CHUNKS = 500_000
"""Chunks of one body: each costs time. One or a few hold an event of an honest stream."""
_MANY, _SCANT = 100_000, 32
"""Chunks that must be as large, in bytes and on average, as those of honest streams are."""
_MAX_FRAMING = 8 * 1024 * 1024
"""Bytes of chunk sizes and their extensions in one body."""

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r")
_SPACE = " \t"
_SIZE, _CRLF = -1, -2
"""What a chunked body expects next, where it is not the bytes of a chunk."""

_names: dict[str, str] = {}
"""Header names seen, in lower case: each spelling is checked once."""


_sizes: dict[bytes, int] = {}
"""Chunk sizes seen, as they were spelt: each spelling is checked once."""


class Answer:
    """``head`` is None until it is whole. ``ended``: the whole body was seen; ``reusable``: the connection may then
    carry another request. ``started``: any byte has come.
    """

    __slots__ = (
        "_asked", "_cap", "_chunks", "_framing", "_held", "_inflater", "_interim", "_left", "_no_body", "_size",
        "_step", "ended", "head", "reusable", "started",
    )  # fmt: skip

    def __init__(self, method: str, cap: int, asked: str = "identity") -> None:
        self.head: HttpHead | None = None
        self.ended = self.reusable = self.started = False
        self._no_body = method == "HEAD"
        self._asked = asked
        self._cap = cap
        self._chunks = self._framing = self._size = 0
        self._held = b""
        self._left = 0
        self._interim = 0
        self._inflater: Inflater | None = None
        self._step: Callable[[bytes], bytes] = self._in_head

    def feed(self, data: bytes) -> bytes:
        """What of the body these bytes give, which may be none. Raises ``MalformedResponse``, ``ResponseTooLarge``."""
        self.started = True
        return self._step(data)

    @property
    def pending(self) -> bool:
        """Whether :meth:`drain` gives more of the body without another byte from the peer."""
        return self._inflater is not None and self._inflater.pending

    def drain(self) -> bytes:
        """More of a compressed body out of what was fed. Raises as :meth:`feed`."""
        inflater = self._inflater
        if inflater is None:
            return b""
        piece = inflater.more()
        if self.ended and not inflater.pending:
            inflater.finish()
        return piece

    def eof(self) -> None:
        """The peer closed. Raises ``ConnectionLost`` unless that is how this body ends."""
        if self.head is not None and self._step == self._till_close:
            self._end(b"")
        elif not self.ended:
            raise lost("the answer is cut short" if self.started else "closed without an answer", answered=self.started)

    # --- the head ----------------------------------------------------------------------------------------------

    def _in_head(self, data: bytes) -> bytes:
        while True:
            start = max(0, len(self._held) - 3)
            data = self._held + data if self._held else data
            end = _HEAD_END.search(data, start)
            if (end.start() if end else len(data)) > MAX_HEAD:
                raise MalformedResponse(f"the answer's head passed {MAX_HEAD} bytes")
            if end is None:
                self._held = data
                return b""
            self._held = b""
            status, headers, version = _parse_head(data[: end.start()])
            data = data[end.end() :]
            if status >= 200:
                break
            # 1xx: the real answer is still to come. Nobody asked for an upgrade.
            self._interim += 1
            if status == 101 or self._interim > _MAX_INTERIM:
                raise MalformedResponse(f"unexpected interim answer {status}")
        self._frame(status, headers, version)
        self.head = HttpHead(status, headers)
        return self._step(data) if data or self.ended else b""

    def _frame(self, status: int, headers: dict[str, str], version: str) -> None:
        """Decide how the body ends (RFC 9112, section 6.3)."""
        said = headers.get("connection", "").lower()
        self.reusable = "close" not in said if version == "1.1" else "keep-alive" in said
        coding, length = headers.get("transfer-encoding"), headers.get("content-length")
        if coding is not None and (length is not None or version != "1.1" or coding.lower() != "chunked"):
            raise MalformedResponse("the answer's framing is ambiguous")
        size = _length(length) if length is not None else -1
        if self._no_body or status in (204, 304) or size == 0:
            self.ended = True
            self._step = self._surplus
            return
        if size > self._cap:
            raise too_large(self._cap)
        self._inflater = self.inflater_for(headers, self._asked, self._cap)
        if coding is not None:
            self._left = _SIZE
            self._step = self._in_chunks
        elif size > 0:
            self._left = size
            self._step = self._in_length
        else:
            self.reusable = False
            self._step = self._till_close

    @staticmethod
    def inflater_for(headers: dict[str, str], asked: str, cap: int) -> Inflater | None:
        """What undoes the body's coding; ``headers`` then no longer speak of it. A coding that was asked for and is
        not known here is the asker's to undo.
        """
        coding = headers.get("content-encoding", "").strip().lower()
        if coding in ("", "identity"):
            return None
        if coding not in ("gzip", "x-gzip", "deflate"):
            if coding in asked:
                return None
            raise MalformedResponse(f"the answer came in the coding {coding[:40]!r}, which was not asked for")
        del headers["content-encoding"]
        headers.pop("content-length", None)
        return Inflater(coding, cap)

    # --- the body ----------------------------------------------------------------------------------------------

    def _in_length(self, data: bytes) -> bytes:
        size = len(data)
        if size < self._left:
            self._left -= size
            return self._plain(data)
        if size > self._left:
            self.reusable = False
            data = data[: self._left]
        return self._end(data)

    def _till_close(self, data: bytes) -> bytes:
        return self._plain(data)

    def _in_chunks(self, data: bytes) -> bytes:
        if self._left == _SIZE and not self._held and self._inflater is None:
            # One whole chunk a read, as streams of small events come: nothing to walk through.
            end = data.find(b"\r\n", 0, 18)
            size = _sizes.get(data[:end], -1)
            if len(data) == end + size + 4 and data[-2:] == b"\r\n" and self._size + size <= self._cap:
                self._size += size
                self._chunks += 1
                return data[end + 2 : -2]
        if self._held:
            data = self._held + data
            self._held = b""
        pieces: list[bytes] = []
        at, left, size, chunks = 0, self._left, len(data), self._chunks
        while at < size:
            if left > 0:
                piece = data[at : at + left]
                pieces.append(piece)
                at += len(piece)
                left = left - len(piece) or _CRLF
            elif left == _CRLF:
                if not data.startswith(b"\r\n", at):
                    if data[at:] != b"\r":
                        raise MalformedResponse("a chunk of the answer does not end where it should")
                    self._held = b"\r"
                    break
                at += 2
                left = _SIZE
            else:
                end = data.find(b"\n", at)
                if (end if end >= 0 else size) - at > _MAX_SIZE_LINE:
                    raise MalformedResponse("a chunk's size line is too long")
                if end < 0:
                    self._held = data[at:]
                    break
                line = _SIZE_LINE.fullmatch(data, at, end)
                if line is None:
                    raise MalformedResponse("a chunk's size is not a number")
                left = int(line[1], 16)
                if left and len(_sizes) < 2000:
                    _sizes[line[1]] = left
                chunks += 1
                self._framing += end - at
                at = end + 1
                if left == 0:
                    self._step = self._in_trailers
                    return self._body(pieces) + self._in_trailers(data[at:])
        self._left = left
        self._chunks = chunks
        if chunks > MAX_CHUNKS or self._framing > _MAX_FRAMING or (chunks > _MANY and self._size < chunks * _SCANT):
            raise ResponseTooLarge(f"the answer came in {chunks} chunks that hold next to nothing")
        return self._body(pieces)

    def _body(self, pieces: list[bytes]) -> bytes:
        if not pieces:
            return b""
        return self._plain(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def _in_trailers(self, data: bytes) -> bytes:
        # Nothing in a trailer is of use; what counts is that it ends.
        data = self._held + data
        if data.startswith(b"\r\n"):
            end = 2
        else:
            end = data.find(b"\r\n\r\n") + 4
            if end < 4:
                if len(data) > MAX_HEAD:
                    raise MalformedResponse(f"the answer's trailer passed {MAX_HEAD} bytes")
                self._held = data
                return b""
        self._held = b""
        self.reusable = self.reusable and end == len(data)
        return self._end(b"")

    def _plain(self, data: bytes) -> bytes:
        self._size += len(data)
        if self._size > self._cap:
            raise too_large(self._cap)
        return data if self._inflater is None else self._inflater.feed(data)

    def _end(self, data: bytes) -> bytes:
        data = self._plain(data) if data else data
        if self._inflater is not None and not self._inflater.pending:
            self._inflater.finish()
        self.ended = True
        self._step = self._surplus
        return data

    def _surplus(self, data: bytes) -> bytes:
        # Bytes after the end are not an answer to anything that was asked.
        if data:
            self.reusable = False
        return b""


def _parse_head(raw: bytes) -> tuple[int, dict[str, str], str]:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    text = text.replace("\r\n", "\n")
    first, *lines = text.split("\n")
    digits = first[9:12]
    if not (
        first[:9] in ("HTTP/1.1 ", "HTTP/1.0 ")
        and len(digits) == 3
        and digits.isascii()
        and digits.isdigit()
        and digits >= "100"
        and first[12:13] in ("", " ")
    ):
        raise MalformedResponse("the server does not answer in HTTP/1.1")
    if "\0" in text or "\r" in text:
        raise MalformedResponse("a header of the answer holds CR or NUL")
    if len(lines) > _MAX_HEADERS:
        raise MalformedResponse(f"the answer has more than {_MAX_HEADERS} headers")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name = _names.get(name) or _lower(name)
        if not colon:
            raise MalformedResponse("a header of the answer has no colon")
        value = value.strip(_SPACE)
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return int(digits), headers, first[5:8]


def _lower(name: str) -> str:
    # A name with a space in front is a folded line (RFC 9112, section 5.2), one with a space behind a smuggler's.
    if not _NAME.fullmatch(name):
        raise MalformedResponse("a header of the answer has no proper name")
    lower = name.lower()
    if len(_names) < 2000:
        _names[name] = lower
    return lower


def _length(value: str) -> int:
    # The same length said twice is one length (RFC 9110, section 8.6).
    sizes = {size.strip(_SPACE) for size in value.split(",")}
    size = sizes.pop()
    if sizes or not (size.isascii() and size.isdigit() and len(size) <= 15):
        raise MalformedResponse("the answer's content-length is not a number")
    return int(size)
