"""Event-stream framing: recorded bodies, any split of them, damage, and lengths nobody honest sends."""

from __future__ import annotations

import random
import struct
from zlib import crc32

import pytest

from corpus import body_of, recordings
from modelmux._eventstream import (
    MAX_HEADERS,
    EventFrames,
    EventMessage,
    EventStreamDecoder,
    encode_event,
    encode_message,
)
from modelmux._http import FrameTooLong
from modelmux.errors import MalformedResponse, StreamTruncated

BODIES = [
    body_of(row["response"])
    for row in recordings("bedrock.converse-stream", "bedrock.invoke-stream")
    if row["response"]["body_encoding"] == "base64"
]


def decoded(pieces: list[bytes]) -> list[EventMessage]:
    decoder = EventStreamDecoder()
    found = [message for piece in pieces for message in decoder.feed(piece)]
    return [*found, *decoder.close()]


def test_recorded_bodies_come_back_byte_for_byte():
    for body in BODIES:
        messages = decoded([body])
        assert messages
        assert b"".join(encode_message(message.payload, message.headers) for message in messages) == body


def test_any_split_gives_the_same_messages():
    rng = random.Random(4)
    for body in BODIES:
        cuts = sorted(rng.randrange(len(body)) for _ in range(20))
        pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
        assert decoded(pieces) == decoded([body])
    short = encode_event("a", b"{}") + encode_event("b", b"[]")
    assert decoded([short[place : place + 1] for place in range(len(short))]) == decoded([short])


def test_a_flipped_bit_anywhere_is_noticed():
    first = encode_event("messageStart", b'{"role":"assistant"}')
    for place in range(len(first)):
        damaged = bytearray(first)
        damaged[place] ^= 1 << place % 8
        decoder = EventStreamDecoder()
        with pytest.raises((MalformedResponse, FrameTooLong)):
            list(decoder.feed(bytes(damaged)))


def test_what_came_before_the_damage_is_handed_over():
    good, bad = encode_event("a", b"{}"), bytearray(encode_event("b", b"{}"))
    bad[-1] ^= 1
    stream = EventStreamDecoder().feed(good + bytes(bad))
    assert next(stream).headers[":event-type"] == "a"
    with pytest.raises(MalformedResponse, match="checksum"):
        next(stream)


def test_a_stream_that_ends_inside_a_message():
    decoder = EventStreamDecoder()
    assert list(decoder.feed(encode_event("a", b"{}")[:-1])) == []
    assert decoder.holding
    with pytest.raises(StreamTruncated):
        decoder.close()


def prelude(total: int, headers: int) -> bytes:
    lengths = struct.pack(">II", total, headers)
    return lengths + crc32(lengths).to_bytes(4, "big")


@pytest.mark.parametrize(("total", "headers"), [(1 << 30, 0), (MAX_HEADERS * 2, MAX_HEADERS + 1)])
def test_a_stated_length_above_the_limit_is_refused_before_the_bytes_come(total: int, headers: int):
    with pytest.raises(FrameTooLong):
        list(EventStreamDecoder().feed(prelude(total, headers)))


@pytest.mark.parametrize(("total", "headers"), [(0, 0), (15, 0), (20, 5)])
def test_lengths_that_contradict_each_other(total: int, headers: int):
    with pytest.raises(MalformedResponse, match="lengths"):
        list(EventStreamDecoder().feed(prelude(total, headers) + bytes(32)))


def test_headers_of_other_types_are_skipped():
    """Synthetic: services send text headers only."""
    odd = (
        b"\x01t\x00" + b"\x01f\x01" + b"\x01b\x02\x01" + b"\x01s\x03\x00\x01" + b"\x01i\x04" + bytes(4)
        + b"\x01l\x05" + bytes(8) + b"\x01y\x06\x00\x03abc" + b"\x01d\x08" + bytes(8) + b"\x01u\x09" + bytes(16)
    )  # fmt: skip
    text = b"\x01x\x07\x00\x02hi"
    start = struct.pack(">II", 16 + len(odd + text), len(odd + text))
    message = start + crc32(start).to_bytes(4, "big") + odd + text
    message += crc32(message).to_bytes(4, "big")
    assert decoded([message]) == [EventMessage(b"", {"x": "hi"})]


def test_the_framing_reads_lines_where_the_messages_were_unpacked():
    frames = EventFrames()
    found = [*frames.feed(b""), *frames.feed(b'{"a":1}\n\n{"b"'), *frames.feed(b":2}"), *frames.close()]
    assert [message.payload for message in found] == [b'{"a":1}', b'{"b":2}']
