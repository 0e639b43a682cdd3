"""A stream's bytes handed on as they came, in whole events, so that what breaks off leaves no half of one."""

from __future__ import annotations

import re

_ENDS = re.compile(rb"(\r?\n\r?\n)")
_NO_CHOICE = re.compile(rb'"choices"\s*:\s*\[\s*\]')
"""What an event looks like that may have to be dropped: a look at each read, before it is taken apart."""


class Relay:
    """Bytes in, bytes out. ``drop`` finds the one event that the client did not ask for."""

    __slots__ = ("_drop", "_events", "_held")

    def __init__(self, *, events: bool, drop: re.Pattern[bytes] | None = None) -> None:
        self._events = events or drop is not None  # servers leave the content type out, or call a stream plain text
        self._drop = drop
        self._held: list[bytes] = []

    def feed(self, data: bytes) -> bytes:
        if not self._events:
            return data
        if self._held:
            if b"\n" not in data:
                self._held.append(data)
                return b""
            data = b"".join((*self._held, data))
            self._held.clear()
        if not data.endswith(b"\n\n"):
            cut = _after_last_event(data)
            if cut < len(data):
                self._held.append(data[cut:])
                data = data[:cut]
        if self._drop is not None and _NO_CHOICE.search(data):
            return self._filtered(data)
        return data

    def close(self) -> bytes:
        """What the stream's end left without its blank line."""
        rest = b"".join(self._held)
        self._held.clear()
        return rest if self._drop is None else self._filtered(rest)

    def _filtered(self, data: bytes) -> bytes:
        pieces = _ENDS.split(data)  # event, end, event, end, …, rest
        out = []
        for place in range(0, len(pieces), 2):
            event = pieces[place]
            if self._drop is not None and self._drop.match(event):
                self._drop = None
                continue
            out += pieces[place : place + 2]
        return b"".join(out)


def _after_last_event(data: bytes) -> int:
    plain, windows = data.rfind(b"\n\n"), data.rfind(b"\r\n\r\n")
    return max(plain + 2 if plain >= 0 else 0, windows + 4 if windows >= 0 else 0)
