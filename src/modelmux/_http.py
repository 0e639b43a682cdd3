"""HTTP as values: requests, response heads, and the framings that streams of model output come in.

No HTTP library and no IO here. The decoders are push-style: bytes in, whole frames out, any split of the bytes
gives the same frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

MAX_LINE = 32 * 1024 * 1024
"""Longest line of a stream accepted, in bytes: a base64 image in one event is the largest honest one."""


class FrameTooLong(ValueError):
    """A stream's line grew past the limit without ending."""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request, ready to be sent. ``headers`` have lower-case names; their values may hold secrets."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def origin(self) -> str:
        return origin_of(self.url)


@dataclass(frozen=True, slots=True)
class HttpHead:
    """Status and headers of an answer whose body is still to come. Header names are lower case."""

    status: int
    headers: Mapping[str, str]


def origin_of(url: str) -> str:
    """``scheme://host:port`` in lower case with the port always present (RFC 6454, section 4)."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme.lower()}://{(parts.hostname or '').lower()}:{port}"


class LineSplitter:
    """Bytes in, complete lines out, without their ends (LF, CRLF or CR, as the SSE standard allows)."""

    __slots__ = ("_held", "_held_size", "_limit", "_skip_lf")

    def __init__(self, limit: int = MAX_LINE) -> None:
        # Pieces of the unfinished line; joined once, so a long line in small pieces costs linear time.
        self._held: list[bytes] = []
        self._held_size = 0
        self._skip_lf = False
        self._limit = limit

    def feed(self, data: bytes) -> list[bytes]:
        if self._skip_lf and data:
            # The CR that ended the last line was the first half of a CRLF.
            if data[:1] == b"\n":
                data = data[1:]
            self._skip_lf = False
        if b"\r" in data:
            self._skip_lf = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" not in data:
            self._hold(data)
            return []
        lines = data.split(b"\n")
        if self._held:
            lines[0] = b"".join(self._held) + lines[0]
            self._held = []
            self._held_size = 0
        self._hold(lines.pop())
        return lines

    def close(self) -> bytes:
        """What was left without a line end."""
        held = b"".join(self._held)
        self._held = []
        self._held_size = 0
        return held

    def _hold(self, data: bytes) -> None:
        if not data:
            return
        self._held_size += len(data)
        if self._held_size > self._limit:
            raise FrameTooLong(f"a line of the stream passed {self._limit} bytes without ending")
        self._held.append(data)


@dataclass(frozen=True, slots=True)
class SSE:
    """One server-sent event: its ``event`` name (empty when the server gave none) and its data."""

    data: bytes
    event: str = ""


class SSEDecoder:
    """Server-sent events (WHATWG HTML, section 9.2), push-style. Comments and ids are skipped.

    An event that the stream's end leaves without its blank line is handed over by :meth:`close`: several vendors
    end their last event that way.
    """

    __slots__ = ("_data", "_event", "_first", "_lines")

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._lines = LineSplitter(limit)
        self._data: list[bytes] = []
        self._event = ""
        self._first = True

    def feed(self, data: bytes) -> list[SSE]:
        out: list[SSE] = []
        for line in self._lines.feed(data):
            self._line(line, out)
        return out

    def close(self) -> list[SSE]:
        out: list[SSE] = []
        rest = self._lines.close()
        if rest:
            self._line(rest, out)
        self._line(b"", out)
        return out

    def _line(self, line: bytes, out: list[SSE]) -> None:
        if self._first:
            self._first = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line:
            if self._data:
                data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                out.append(SSE(data, self._event))
                self._data = []
            self._event = ""
        elif line.startswith(b"data:"):
            self._data.append(line[6:] if line[5:6] == b" " else line[5:])
        elif line.startswith(b"event:"):
            self._event = line[6:].strip().decode("utf-8", "replace")
        elif line == b"data":
            self._data.append(b"")


def sse(data: bytes, event: str = "") -> bytes:
    """One server-sent event as bytes."""
    head = f"event: {event}\n".encode() if event else b""
    return head + b"data: " + data.replace(b"\n", b"\ndata: ") + b"\n\n"


def frames(decoder: SSEDecoder, chunks: Iterator[bytes]) -> Iterator[SSE]:
    """All events of a whole stream."""
    for chunk in chunks:
        yield from decoder.feed(chunk)
    yield from decoder.close()
