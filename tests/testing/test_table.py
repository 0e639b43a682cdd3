"""Every fault of the table, as a raw socket sees it: the bytes, when they come, and how the connection ends."""

from __future__ import annotations

import gzip
import json
import re
import socket
import time
import zlib
from dataclasses import dataclass, field

import pytest

from modelmux.testing import FAULTS, Fault, VendorServer

PATIENCE = 0.3
"""Seconds of silence after which a connection counts as hanging."""

ENOUGH = 1 << 20
"""Bytes after which an answer counts as endless."""

BODY = {"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": False}


@dataclass
class Seen:
    """``gaps`` are the seconds before each read; ``end`` is closed, reset, open, endless, refused or unreachable."""

    data: bytes = b""
    end: str = ""
    gaps: list[float] = field(default_factory=list)

    @property
    def head(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[0]

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]

    @property
    def status(self) -> int:
        return int(self.head.split(b" ")[1]) if self.data else 0


def look(server: VendorServer, *, stream: bool = True, patience: float = PATIENCE, enough: int = ENOUGH) -> Seen:
    """One request on a connection of its own, and what comes of it in at most one and a half times ``patience``."""
    port = int(server.origin.rpartition(":")[2])
    data = json.dumps({**BODY, "stream": stream}).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nauthorization: Bearer test-key\r\ncontent-length: %d\r\n\r\n"
    seen = Seen()
    try:
        sock = socket.create_connection(("127.0.0.1", port), timeout=patience)
    except ConnectionRefusedError:
        seen.end = "refused"
        return seen
    except TimeoutError:
        seen.end = "unreachable"
        return seen
    except ConnectionResetError:
        seen.end = "reset"
        return seen
    began = last = time.monotonic()
    with sock:
        try:
            sock.sendall(head % len(data) + data)
            while not seen.end:
                more = sock.recv(65536)
                now = time.monotonic()
                seen.gaps.append(now - last)
                last = now
                seen.data += more
                if not more:
                    seen.end = "closed"
                elif len(seen.data) > enough:
                    seen.end = "endless"
                elif now - began > 1.5 * patience:
                    seen.end = "slow"
        except (ConnectionResetError, BrokenPipeError):
            seen.end = "reset"
        except TimeoutError:
            seen.end = "open"
    return seen


def chunks(body: bytes) -> bytes:
    """The content of whole chunks, up to whatever is no chunk."""
    out = b""
    while match := re.match(rb"([0-9a-f]+)\r\n", body):
        size = int(match[1], 16)
        out += body[match.end() : match.end() + size]
        body = body[match.end() + size + 2 :]
    return out


EXPECTED = {
    "connection refused": "refused",
    "connection silent": "unreachable",
    "accepted, then closed": "closed",
    "accepted, then reset": "reset",
    "reset before head": "reset",
    "closed before head": "closed",
    "black hole": "open",
    "cut, chunked": "closed",
    "cut, content-length": "closed",
    "cut, no framing": "closed",
    "reset in the body": "reset",
    "broken chunk": "closed",
    "slow head": "slow",
    "slow body": "slow",
    "drip": "slow",
    "drip inside an event": "slow",
    "late first token, pings": "slow",
    "stall, pings": "slow",
    "stall, comments": "slow",
    "stall, empty deltas": "slow",
    "gzip bomb": "endless",
    **{name: "endless" for name in FAULTS if name.startswith("endless")},
}
"""How the connection ends under each fault; any other leaves it open after an answer."""


@pytest.fixture(scope="module")
def server():
    with VendorServer("openai") as server:
        yield server


@pytest.fixture
def fresh(server):
    server.reset()
    server.reply(text=["alpha ", "beta ", "gamma"])
    return server


@pytest.mark.parametrize("name", FAULTS)
def test_the_connection_ends_as_the_table_says(fresh, name):
    fresh.fail(name)
    expected = EXPECTED.get(name, "open")
    patience = {"slow": PATIENCE, "endless": 2.0}.get(expected, 0.06)
    seen = look(fresh, patience=patience, enough=1 << 17 if name == "gzip bomb" else ENOUGH)
    if name == "accepted, then closed" and seen.end == "reset":
        seen.end = "closed"  # what is sent to a closed connection comes back as a reset
    assert seen.end == expected
    fresh.heal()
    assert fresh.idle()
    assert look(fresh, patience=0.06).status == 200


# --- time ----------------------------------------------------------------------------------------------------------


def whole(server: VendorServer) -> bytes:
    """The body without a fault, byte for byte."""
    server.reset()
    server.reply(text=["alpha ", "beta ", "gamma"])
    found = look(server, patience=0.05)
    server.reset()
    server.reply(text=["alpha ", "beta ", "gamma"])
    return chunks(found.body)


def test_a_slow_head_comes_byte_by_byte_and_is_a_head(fresh):
    fresh.fail(Fault(head_pace=0.002, drip=8, framing="length"))
    seen = look(fresh, patience=0.5)
    assert len(seen.gaps) > 10
    assert seen.status == 200
    assert int(re.search(rb"content-length: (\d+)", seen.head)[1]) == len(seen.body)


def test_dripping_may_begin_inside_an_event(fresh):
    body = whole(fresh)
    fresh.fail(Fault(drip=1, pace=0.003, drip_from=-30, framing="close"))
    seen = look(fresh)
    assert seen.body == body
    assert 20 <= len(seen.gaps) <= 40
    assert max(seen.gaps[:1]) < 0.2


def test_the_first_token_may_be_late_behind_a_prompt_head(fresh):
    fresh.fail(Fault(first_token_after=0.1, framing="close"))
    seen = look(fresh)
    assert seen.body.endswith(b"[DONE]\n\n")
    assert max(seen.gaps) >= 0.09
    assert b'"role":"assistant"' in seen.body.partition(b"alpha")[0]


PINGS = {"event": b": keep-alive", "comment": b": keep-alive", "empty": b'"delta":{"content":""}'}


@pytest.mark.parametrize("kind", PINGS)
def test_a_stall_with_signs_of_life_goes_on_between_events(fresh, kind):
    body = whole(fresh)
    fresh.fail(Fault(stall_after=2, unit="tokens", stall_for=0.1, ping=0.02, ping_kind=kind, framing="close"))
    seen = look(fresh, patience=1.0)
    events = seen.body.split(b"\n\n")
    alive = [event for event in events if PINGS[kind] in event]
    assert 3 <= len(alive) <= 5
    assert b"\n\n".join(event for event in events if event not in alive) == body
    place = seen.body.index(alive[0])
    assert b"beta" in seen.body[:place]
    assert b"gamma" not in seen.body[:place]


def test_a_stall_may_be_over_and_nothing_is_missing(fresh):
    body = whole(fresh)
    for framing in ("length", "chunked", "close"):
        fresh.reset()
        fresh.reply(text=["alpha ", "beta ", "gamma"])
        fresh.fail(Fault(stall_after=100, stall_for=0.06, framing=framing))
        seen = look(fresh, patience=0.12)
        assert (chunks(seen.body) if framing == "chunked" else seen.body) == body
        assert max(seen.gaps) >= 0.05


def test_every_vendor_pings_in_its_own_way(caller):
    own = {"openai": b": keep-alive", "anthropic": b'{"type":"ping"}', "gemini": b": keep-alive"}
    for vendor, mark in own.items():
        with VendorServer(vendor) as server:
            plain = caller.ask(server, stream=True).body.count(mark)
            server.fail(Fault(stall_after=1, unit="tokens", stall_for=0.05, ping=0.01))
            assert 2 <= caller.ask(server, stream=True).body.count(mark) - plain <= 4
            server.heal()
            server.fail(Fault(first_token_after=0.03, ping=0.01, ping_kind="empty"))
            assert caller.ask(server, stream=True).status == 200


# --- broken off ----------------------------------------------------------------------------------------------------


def test_a_cut_may_be_counted_in_tokens(fresh):
    for count, said in {0: b"", 2: b"alpha beta ", -1: b"alpha beta ", 9: b"alpha beta gamma"}.items():
        fresh.reset()
        fresh.reply(text=["alpha ", "beta ", "gamma"])
        fresh.fail(Fault(cut_after=count, unit="tokens", framing="close"))
        got = b"".join(re.findall(rb'"delta":\{"content":"([^"]+)"\}', look(fresh).body))
        assert got == said, count


def test_an_answer_that_is_no_stream_is_cut_in_its_middle(fresh):
    size = int(re.search(rb"content-length: (\d+)", look(fresh, stream=False, patience=0.05).head)[1])
    fresh.fail(Fault(cut_after=2, unit="tokens"))
    assert len(look(fresh, stream=False).body) == size // 2


def test_garbage_follows_whole_chunks(fresh):
    body = whole(fresh)
    fresh.fail(Fault(cut_after=100, cut_how="garbage"))
    for stream in (True, False):
        seen = look(fresh, stream=stream)
        assert len(chunks(seen.body)) == 100
        assert b"\r\nnot a size\r\n" in seen.body
        assert not stream or chunks(seen.body) == body[:100]


# --- hostile -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
def test_a_bomb_is_gzip_of_the_size_it_says(fresh, stream):
    size = 5_000_000
    fresh.fail(Fault(flood="gzip", flood_bytes=size))
    seen = look(fresh, stream=stream, patience=0.4)
    packed = chunks(seen.body)
    assert b"content-encoding: gzip" in seen.head
    assert len(packed) < size / 100
    assert len(gzip.decompress(packed)) == size  # length and checksum are verified


def test_the_table_bomb_is_a_thousand_times_what_it_sends(fresh):
    fresh.fail("gzip bomb")
    packed = chunks(look(fresh, enough=50_000, patience=0.4).body)
    assert len(zlib.decompressobj(31).decompress(packed)) > 500 * len(packed)


FLOODS = {
    "line": lambda body: b"\n" not in chunks(body)[:-1] and chunks(body).startswith(b'data: {"text":"aaa'),
    "body": lambda body: chunks(body).count(b"\n\n") > 100 and json.loads(chunks(body).split(b"\n\n")[50][6:]),
    "chunks": lambda body: body.startswith(b"1\r\nd\r\n1\r\na\r\n"),
    "chunk line": lambda body: body.startswith(b"1;aaaa") and b"\n" not in body,
    "comments": lambda body: chunks(body).count(b": keep-alive\n\n") > 100,
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_is_what_it_says_and_ends_where_it_is_told_to(fresh, kind):
    fresh.fail(Fault(flood=kind, flood_bytes=300_000))
    seen = look(fresh, patience=0.2)
    assert seen.end in {"open", "closed"}
    assert 250_000 < len(seen.data) < 500_000
    assert FLOODS[kind](seen.body)


def test_an_endless_head_never_ends(fresh):
    for name in ("endless headers", "endless header"):
        fresh.heal()
        fresh.fail(name)
        seen = look(fresh)
        assert seen.data.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\n\r\n" not in seen.data
    assert seen.data.rpartition(b"\r\n")[2].startswith(b"x-flood: aaaa")


def test_an_endless_answer_is_written_no_faster_than_it_is_read(fresh):
    fresh.fail("endless body")
    with socket.create_connection(("127.0.0.1", int(fresh.origin.rpartition(":")[2])), timeout=1) as sock:
        data = json.dumps({**BODY, "stream": True}).encode()
        head = b"POST /v1/chat/completions HTTP/1.1\r\nauthorization: Bearer test-key\r\ncontent-length: %d\r\n\r\n"
        sock.sendall(head % len(data) + data)
        assert sock.recv(100)
        time.sleep(0.1)
        (connection,) = (one for one in fresh.connections if one.waiting)
        assert connection.waiting < 1 << 20
        fresh.heal()
        assert look(fresh, patience=0.06).status == 200  # others are served meanwhile
    assert fresh.idle()
    assert fresh.hung_up == 1
