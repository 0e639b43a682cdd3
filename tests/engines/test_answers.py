"""What counts as an answer, over real sockets: framings, sizes, compression, cuts."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.loopback import CLOSE, RESET, Caller, Server, answer, chunked, post
from modelmux._engines import Options
from modelmux._engines._h1 import Answer
from modelmux.errors import ConnectionLost, MalformedResponse, ResponseTooLarge

TEXT = b'{"text": "some words, and some more words"}'
OK = b"HTTP/1.1 200 OK\r\n"

WHOLE = {
    "length": [answer(TEXT)],
    "chunked": [chunked(TEXT[:7], TEXT[7:])],
    "chunk extensions and trailers": [
        OK + b"Transfer-Encoding: Chunked\r\n\r\n%X ; a=b\r\n%s\r\n0\r\nx-t: 1\r\n\r\n" % (len(TEXT), TEXT)
    ],
    "until close": [OK + b"\r\n" + TEXT, CLOSE],
    "http 1.0": [b"HTTP/1.0 200 OK\r\n\r\n" + TEXT, CLOSE],
    "interim first": [b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + answer(TEXT)],
    "bare line feeds": [b"HTTP/1.1 200 OK\ncontent-length: %d\n\n%s" % (len(TEXT), TEXT)],
    "no reason phrase": [b"HTTP/1.1 200\r\ncontent-length: %d\r\n\r\n%s" % (len(TEXT), TEXT)],
    "length said twice": [OK + b"content-length: 43\r\ncontent-length: 43\r\n\r\n" + TEXT],
    "gzip": [answer(gzip.compress(TEXT), headers="content-encoding: gzip\r\n")],
    "gzip in members": [
        answer(gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:]), headers="content-encoding: gzip\r\n")
    ],
    "zlib, chunked": [
        chunked(zlib.compress(TEXT)[:11], zlib.compress(TEXT)[11:], headers="content-encoding: deflate\r\n")
    ],
    "raw deflate": [answer(zlib.compress(TEXT, wbits=-15), headers="content-encoding: deflate\r\n")],
    "byte by byte": [piece for byte in chunked(TEXT[:3], TEXT[3:]) for piece in (bytes([byte]), 0.0)],
}

MALFORMED = {
    "not http": b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
    "http 2": b"HTTP/2 200 OK\r\n\r\n",
    "status of letters": b"HTTP/1.1 abc OK\r\n\r\n",
    "folded header": OK + b"a: b\r\n c\r\ncontent-length: 2\r\n\r\n{}",
    "space before colon": OK + b"content-length : 2\r\n\r\n{}",
    "no colon": OK + b"content-length\r\n\r\n{}",
    "NUL": OK + b"a: b\0c\r\ncontent-length: 2\r\n\r\n{}",
    "bare CR": OK + b"a: b\rc\r\ncontent-length: 2\r\n\r\n{}",
    "two lengths": OK + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    "negative length": OK + b"content-length: -2\r\n\r\n{}",
    "length with plus": OK + b"content-length: +2\r\n\r\n{}",
    "length and chunked": OK + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "unknown framing": OK + b"transfer-encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "chunk size with 0x": OK + b"transfer-encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
    "chunk too short": OK + b"transfer-encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
    "switching protocols": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
    "interim for ever": b"HTTP/1.1 100 Continue\r\n\r\n" * 100,
    "endless head": OK + b"a: " + b"b" * 70_000,
    "endless size line": OK + b"transfer-encoding: chunked\r\n\r\n1;" + b"x" * 5000,
    "endless trailer": OK + b"transfer-encoding: chunked\r\n\r\n0\r\nx: " + b"y" * 70_000,
    "unasked coding": answer(b"\x0b\x02\x80{}\x03", headers="content-encoding: br\r\n"),
    "broken gzip": answer(b"not gzip at all", headers="content-encoding: gzip\r\n"),
    "gzip cut inside": answer(gzip.compress(TEXT)[:-9], headers="content-encoding: gzip\r\n"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_every_framing_gives_the_body(caller: Caller, name: str) -> None:
    with Server(WHOLE[name]) as server:
        head, body = caller.fetch(post(server.url))
    assert (head.status, body) == (200, TEXT)
    assert "content-encoding" not in head.headers


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_not_http_is_malformed(caller: Caller, name: str) -> None:
    with Server([MALFORMED[name]]) as server, pytest.raises(MalformedResponse):
        caller.fetch(post(server.url))


@pytest.mark.parametrize("end", [CLOSE, RESET])
@pytest.mark.parametrize("script", [answer(TEXT), chunked(TEXT[:9], TEXT[9:])], ids=["length", "chunked"])
def test_a_cut_body_is_a_lost_connection_at_every_byte(caller: Caller, script: bytes, end: str) -> None:
    cuts = range(1, len(script), 6)
    with Server(lambda seen: [script[: int(seen.headers["x-cut"])], end]) as server:
        for cut in cuts:
            with pytest.raises(ConnectionLost) as caught:
                caller.fetch(post(server.url, x_cut=str(cut)))
            # A reset may overtake what was sent before it.
            assert caught.value.answered or end == RESET
    assert len(server.seen) == len(cuts)


def test_closed_without_a_byte_is_lost_and_unanswered(caller: Caller) -> None:
    with Server([CLOSE]) as server, pytest.raises(ConnectionLost) as caught:
        caller.fetch(post(server.url))
    assert not caught.value.answered
    assert len(server.seen) == 1


def test_a_coding_that_was_asked_for_and_is_not_known_is_left_alone(caller: Caller) -> None:
    with Server([answer(b"\x0b\x02\x80{}\x03", headers="content-encoding: br\r\n")]) as server:
        head, body = caller.fetch(post(server.url, accept_encoding="br"))
    assert (head.headers["content-encoding"], body) == ("br", b"\x0b\x02\x80{}\x03")


def test_a_header_in_latin_1_is_read(caller: Caller) -> None:
    with Server([b"HTTP/1.1 200 OK\r\nx-name: caf\xe9\r\ncontent-length: 0\r\n\r\n"]) as server:
        assert caller.fetch(post(server.url))[0].headers["x-name"] == "caf\u00e9"


def test_header_names_are_lower_case_and_repeated_ones_joined(caller: Caller) -> None:
    script = answer(b"", status="429 Too Many", headers="X-Limit: 1\r\nx-limit:  2 \r\nX-Name: caf\u00e9\r\n")
    with Server([script]) as server:
        head, body = caller.fetch(post(server.url))
    assert (head.status, body) == (429, b"")
    assert head.headers == {"content-length": "0", "x-limit": "1, 2", "x-name": "caf\u00e9"}


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_statuses_without_a_body_end_at_their_head(caller: Caller, status: str) -> None:
    with Server([f"HTTP/1.1 {status}\r\n\r\n".encode()]) as server:
        for _ in range(2):
            assert caller.fetch(post(server.url))[1] == b""
    assert server.connections == 1


def test_no_redirect_is_followed(caller: Caller) -> None:
    with Server([answer(b"", status="307 Temporary Redirect", headers="location: /elsewhere\r\n")]) as server:
        head, _ = caller.fetch(post(server.url))
    assert head.status == 307
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "script",
    [
        answer(b"x" * 5000),
        chunked(b"x" * 500, b"x" * 5000),
        OK + b"\r\n" + b"x" * 5000,
        answer(gzip.compress(b"x" * 50_000_000), headers="content-encoding: gzip\r\n"),
        chunked(zlib.compress(b"x" * 50_000_000), headers="content-encoding: deflate\r\n"),
    ],
    ids=["length", "chunked", "until close", "gzip bomb", "deflate bomb"],
)
def test_the_cap_holds_before_and_after_decompression(callers: type[Caller], script: bytes) -> None:
    caller = callers(Options(max_response_bytes=1000))
    with Server([script, CLOSE]) as server, pytest.raises(ResponseTooLarge):
        caller.fetch(post(server.url))


def test_a_body_of_exactly_the_cap_passes(callers: type[Caller]) -> None:
    caller = callers(Options(max_response_bytes=1000))
    squeezed = answer(gzip.compress(b"x" * 1000), headers="content-encoding: gzip\r\n")
    for script in (answer(b"x" * 1000), chunked(b"x" * 999, b"x"), squeezed):
        with Server([script]) as server:
            assert caller.fetch(post(server.url))[1] == b"x" * 1000


def test_endless_empty_compression_is_capped(callers: type[Caller]) -> None:
    """A deflate stream may go on for ever without giving a byte."""
    caller = callers(Options(max_response_bytes=100_000))
    packer = zlib.compressobj()
    nothing = packer.compress(b"") + b"".join(packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    filler = nothing + b"\x00\x00\x00\xff\xff" * 60_000
    script = OK + b"content-encoding: deflate\r\n\r\n" + filler
    with Server([script, CLOSE]) as server, pytest.raises(ResponseTooLarge):
        caller.fetch(post(server.url))


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(sorted(set(WHOLE) - {"byte by byte"})), data=st.data())
def test_any_split_of_the_bytes_gives_the_same_answer(name: str, data: st.DataObject) -> None:
    raw = b"".join(step for step in WHOLE[name] if isinstance(step, bytes))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=8)))
    reader = Answer("POST", 10_000)
    body = b""
    for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        body += reader.feed(raw[a:b])
        while reader.pending:
            body += reader.drain()
    if not reader.ended:
        reader.eof()
    assert (body, reader.ended, reader.head is not None) == (TEXT, True, True)


@settings(max_examples=300, deadline=None)
@given(raw=st.binary(max_size=200), prefix=st.sampled_from([b"", OK, OK + b"transfer-encoding: chunked\r\n\r\n"]))
def test_noise_is_typed_or_read_never_another_exception(raw: bytes, prefix: bytes) -> None:
    reader = Answer("POST", 10_000)
    try:
        reader.feed(prefix + raw)
        while reader.pending:
            reader.drain()
        reader.eof()
    except (MalformedResponse, ConnectionLost, ResponseTooLarge):
        assert not reader.ended
    else:
        assert reader.ended
