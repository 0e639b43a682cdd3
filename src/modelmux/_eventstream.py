"""AWS event-stream framing: bytes in, messages out, and back.

A message is ``total length (4) | headers length (4) | CRC32 of those (4) | headers | payload | CRC32 of all (4)``, all
big-endian. A header is ``name length (1) | name | value type (1) | value``. Source: "Event stream encoding" in the AWS
SDK and Smithy documentation.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from zlib import crc32

from modelmux._http import FrameTooLong, LineSplitter
from modelmux.errors import MalformedResponse, StreamTruncated

MAX_MESSAGE = 24 * 1024 * 1024
"""Longest message accepted, in bytes: what AWS says its services send at most."""

MAX_HEADERS = 128 * 1024
"""Longest block of headers accepted, in bytes, by the same rule."""

_PRELUDE = struct.Struct(">III")
_LEAST = 16
_STRING = 7

_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Value types of a fixed size: true, false, byte, short, integer, long, timestamp, UUID. 6 and 7 state theirs."""


@dataclass(slots=True)  # not frozen: one is made for every piece of a stream, and that costs twice
class EventMessage:
    """One message. ``headers`` holds the text headers (``:event-type`` and the like); others are skipped."""

    payload: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class EventStreamDecoder:
    """A push decoder. What it yields before it raises is whole and checked."""

    __slots__ = ("_held", "_limit")

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self._held = bytearray()
        self._limit = limit

    @property
    def holding(self) -> int:
        """How many bytes of an unfinished message there are."""
        return len(self._held)

    def feed(self, data: bytes) -> Iterator[EventMessage]:
        """The messages that these bytes complete. Raises MalformedResponse for a wrong checksum or length,
        FrameTooLong for one above the limit. The bytes count as fed once the iterator is run to its end.
        """
        held = self._held
        held += data
        start = 0
        while len(held) - start >= _PRELUDE.size:
            total, head, check = _PRELUDE.unpack_from(held, start)
            if crc32(held[start : start + 8]) != check:
                raise MalformedResponse("the event stream is damaged: a message's beginning fails its checksum")
            if total > self._limit or head > MAX_HEADERS:
                raise FrameTooLong(f"a message of the event stream states {total} bytes, {head} of them headers")
            if total < _LEAST + head:
                raise MalformedResponse("the event stream is damaged: a message's lengths contradict each other")
            if len(held) - start < total:
                break
            yield _message(bytes(held[start : start + total]), head)
            start += total
        del held[:start]

    def close(self) -> Iterator[EventMessage]:
        """Nothing more. Raises StreamTruncated when the bytes end inside a message."""
        if self._held:
            raise StreamTruncated("the event stream ended inside a message")
        return iter(())


def _message(data: bytes, head: int) -> EventMessage:
    if crc32(data[:-4]) != int.from_bytes(data[-4:], "big"):
        raise MalformedResponse("the event stream is damaged: a message fails its checksum")
    return EventMessage(data[12 + head : -4], _headers(data[12 : 12 + head]))


def _headers(data: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    place = 0
    try:
        while place < len(data):
            name_end = place + 1 + data[place]
            name, kind, place = data[place + 1 : name_end], data[name_end], name_end + 1
            size = _SIZES.get(kind)
            if size is None:
                size = int.from_bytes(data[place : place + 2], "big")
                place += 2
            value = data[place : place + size]
            place += size
            if kind == _STRING:
                found[name.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
    except IndexError:
        raise MalformedResponse("the event stream is damaged: a header is cut short") from None
    return found


def encode_message(payload: bytes, headers: Mapping[str, str]) -> bytes:
    """One message; header names take up to 255 bytes, values up to 65,535."""
    head = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    lengths = struct.pack(">II", _LEAST + len(head) + len(payload), len(head))
    message = lengths + crc32(lengths).to_bytes(4, "big") + head + payload
    return message + crc32(message).to_bytes(4, "big")


def _header(name: bytes, value: bytes) -> bytes:
    return bytes([len(name)]) + name + bytes([_STRING]) + len(value).to_bytes(2, "big") + value


def encode_event(event: str, payload: bytes) -> bytes:
    """A message that carries an event with a JSON payload."""
    return encode_message(
        payload, {":event-type": event, ":content-type": "application/json", ":message-type": "event"}
    )


class EventFrames:
    """The framing of a stream decoder: event-stream messages, or lines of JSON where a recorder, a gateway or an error
    before the stream took the framing off. The first byte tells: a message's length is far below 2**28, so its first
    byte is no printable character.

    A message that the body's end cuts is left out here: whether the answer was whole without it, the wire knows.
    """

    __slots__ = ("_feed", "_lines")

    def __init__(self) -> None:
        self._feed: Callable[[bytes], Iterator[EventMessage]] | None = None
        self._lines: LineSplitter | None = None

    def feed(self, data: bytes) -> Iterator[EventMessage]:
        if self._feed is None:
            if not data:
                return iter(())
            if data[0] < 0x09:
                self._feed = EventStreamDecoder().feed
            else:
                self._lines = LineSplitter()
                self._feed = self._line_feed
        return self._feed(data)

    def close(self) -> Iterator[EventMessage]:
        rest = self._lines.close() if self._lines is not None else b""
        return iter([EventMessage(rest)] if rest.strip() else ())

    def _line_feed(self, data: bytes) -> Iterator[EventMessage]:
        lines = self._lines.feed(data) if self._lines is not None else []
        return (EventMessage(line) for line in lines if line.strip())
