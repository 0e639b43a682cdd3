"""HTTP as values: requests, response heads, and the framings that streams of model output come in.

No HTTP library and no IO here. The decoders are push-style: bytes in, whole frames out, any split of the bytes
gives the same frames.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from modelmux._quick import quick

MAX_LINE = 32 * 1024 * 1024
"""Longest line of a stream accepted, in bytes: a base64 image in one event is the largest honest one."""


MAX_LINES = 1_000_000
"""Most lines of one stream: several for each token of the longest answer. Each costs time, also an empty one."""

_MAX_DATA_LINES = 65_536
"""Most lines of data in one event."""


class FrameTooLong(ValueError):
    """A stream's line grew past the limit without ending, or its lines came without end."""


@quick
@dataclass(frozen=True, slots=True, repr=False)
class HttpRequest:
    """One request, ready to be sent. ``headers`` have lower-case names; their values and the query may hold secrets."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def origin(self) -> str:
        return origin_of(self.url)

    def __repr__(self) -> str:
        return f"<HttpRequest {self.method} {self.origin}>"


@quick
@dataclass(frozen=True, slots=True)
class HttpHead:
    """Status and headers of an answer whose body is still to come. Header names are lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)


def origin_of(url: str) -> str:
    """``scheme://host:port`` in lower case with the port always present (RFC 6454, section 4)."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return f"{parts.scheme.lower()}://{(parts.hostname or '').lower()}:{port}"


class LineSplitter:
    """Bytes in, complete lines out, without their ends (LF, CRLF or CR, as the SSE standard allows)."""

    __slots__ = ("_count", "_held", "_held_size", "_limit", "_skip_lf")

    def __init__(self, limit: int = MAX_LINE) -> None:
        # Pieces of the unfinished line; joined once, so a long line in small pieces costs linear time.
        self._held: list[bytes] = []
        self._held_size = 0
        self._skip_lf = False
        self._limit = limit
        self._count = 0

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
        self._count += len(lines)
        if self._count > MAX_LINES:
            raise FrameTooLong(f"the stream has more than {MAX_LINES} lines")
        if self._held:
            self._held.append(lines[0])
            lines[0] = b"".join(self._held)
            self._held = []
            self._held_size = 0
        self._hold(lines.pop())
        return lines

    @property
    def holding(self) -> bool:
        """Whether what comes next may belong to what came before."""
        return self._skip_lf or self._held_size > 0

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


@dataclass(slots=True)  # not frozen: one is made for every piece of a stream, and that costs twice
class SSE:
    """One server-sent event: its ``event`` name (empty when the server gave none) and its data."""

    data: bytes
    event: str = ""


class SSEDecoder:
    """Server-sent events (WHATWG HTML, section 9.2), push-style. Comments and ids are skipped.

    An event that the stream's end leaves without its blank line is handed over by :meth:`close`: several vendors
    end their last event that way.
    """

    __slots__ = ("_data", "_event", "_first", "_lines", "between")

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._lines = LineSplitter(limit)
        self._data: list[bytes] = []
        self._event = ""
        self._first = True
        self.between = False
        """Whether nothing of an event is held."""

    def feed(self, data: bytes) -> list[SSE]:
        if self.between and data[-2:] == b"\n\n":
            if data[:6] == b"data: " and data.find(b"\n") == len(data) - 2 and b"\r" not in data:
                return [SSE(data[6:-2])]  # as most reads of most vendors are
            whole = _whole_events(data)
            if whole is not None:
                return whole
        out: list[SSE] = []
        for line in self._lines.feed(data):
            self._line(line, out)
        self.between = not (self._first or self._data or self._event or self._lines.holding)
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
            if len(self._data) > _MAX_DATA_LINES:
                raise FrameTooLong(f"an event of the stream has more than {_MAX_DATA_LINES} lines of data")
        elif line.startswith(b"event:"):
            self._event = line[6:].strip().decode("utf-8", "replace")
        elif line == b"data":
            self._data.append(b"")


def _whole_events(data: bytes) -> list[SSE] | None:
    """The events of a read that holds nothing but whole ones in their plainest form, as most reads do. None for any
    other: it is read line by line.
    """
    if b"\r" in data:
        return None
    out: list[SSE] = []
    for block in data[:-2].split(b"\n\n"):
        name, line = "", block
        if block[:7] == b"event: ":
            head, _, line = block.partition(b"\n")
            name = head[7:].strip().decode("utf-8", "replace")
        if line[:6] != b"data: " or b"\n" in line:
            return None
        out.append(SSE(line[6:], name))
    return out


class NDJSONDecoder:
    """Newline-delimited JSON, push-style: a frame is one line's bytes. Empty lines are skipped."""

    __slots__ = ("_lines",)

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._lines = LineSplitter(limit)

    def feed(self, data: bytes) -> list[bytes]:
        return [line for line in self._lines.feed(data) if line]

    def close(self) -> list[bytes]:
        """The last line, where the body ended without the end of it."""
        rest = self._lines.close()
        return [rest] if rest else []


def sse(data: bytes, event: str = "") -> bytes:
    """One server-sent event as bytes."""
    head = f"event: {event}\n".encode() if event else b""
    return head + b"data: " + data.replace(b"\n", b"\ndata: ") + b"\n\n"


def frames(decoder: SSEDecoder, chunks: Iterator[bytes]) -> Iterator[SSE]:
    """All events of a whole stream."""
    for chunk in chunks:
        yield from decoder.feed(chunk)
    yield from decoder.close()
