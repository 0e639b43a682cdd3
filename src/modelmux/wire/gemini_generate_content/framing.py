"""A streamed answer's frames: server-sent events (``alt=sse``), or the elements of one JSON array (without it)."""

from __future__ import annotations

import re

from modelmux._http import MAX_LINE, FrameTooLong, SSEDecoder

_SKIP = re.compile(rb'(?:[^"{}]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)
"""Everything up to the next brace that stands outside a string, or to a string that does not end here."""
_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_BETWEEN = b" \t\r\n,[]"


class ArraySplitter:
    """JSON objects out of an array, or one after another, as their bytes come in. Every byte is looked at once."""

    __slots__ = ("_depth", "_escaped", "_held", "_in_string", "_size", "closed", "junk")

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = self._escaped = False
        self._held: list[bytes] = []
        self._size = 0
        self.closed = False
        """Whether the array's own end was seen."""
        self.junk = False
        """Whether something stood between the objects that does not belong there."""

    @property
    def partial(self) -> bool:
        return self._depth > 0

    def feed(self, data: bytes) -> list[bytes]:
        out: list[bytes] = []
        size, at, start = len(data), 0, 0
        while at < size:
            if self._escaped:
                self._escaped = False
                at += 1
                continue
            found = (_STRING if self._in_string else _SKIP).match(data, at)
            stop = found.end() if found else at
            if not self._depth:
                self._between(data[at:stop])
            if stop == size:
                break
            byte = data[stop]
            if byte == 0x22:
                self._in_string = not self._in_string
                self.junk = self.junk or not self._depth
            elif byte == 0x5C:
                self._escaped = True
            elif byte == 0x7B:
                if not self._depth:
                    start = stop
                self._depth += 1
            elif self._depth:
                self._depth -= 1
                if not self._depth:
                    out.append(b"".join((*self._held, data[start : stop + 1])))
                    self._held, self._size, start = [], 0, stop + 1
            else:
                self.junk = True
            at = stop + 1
        if self._depth and start < size:
            self._hold(data[start:] if start else data)
        return out

    def _between(self, data: bytes) -> None:
        if b"]" in data:
            self.closed = True
        if data.strip(_BETWEEN):
            self.junk = True

    def _hold(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > MAX_LINE:
            raise FrameTooLong(f"an element of the stream passed {MAX_LINE} bytes without ending")
        self._held.append(data)

    def close(self) -> list[bytes]:
        return []


class Frames:
    """Either framing, told apart by the first byte: no server-sent event begins with a bracket or a brace."""

    __slots__ = ("_begun", "_sse", "array")

    def __init__(self) -> None:
        self.array: ArraySplitter | None = None
        self._sse = SSEDecoder()
        self._begun = False

    def feed(self, data: bytes) -> list[bytes]:
        if not self._begun:
            first = data.lstrip(b"\xef\xbb\xbf \t\r\n")
            if not first:
                return []
            self._begun = True
            data = first
            if first[:1] in b"[{":
                self.array = ArraySplitter()
        if self.array is not None:
            return self.array.feed(data)
        return [event.data for event in self._sse.feed(data)]

    def close(self) -> list[bytes]:
        return [] if self.array is not None else [event.data for event in self._sse.close()]
