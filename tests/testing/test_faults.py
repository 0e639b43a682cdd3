"""What goes wrong goes wrong on the wire as it says: seen from a raw socket, or from ``http.client``."""

from __future__ import annotations

import http.client
import json
import socket

import pytest

from modelmux.testing import Answer, Fault, Vendors, VendorServer

BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}], "stream": False}).encode()
STREAM = BODY.replace(b"false", b"true")


def raw(server: VendorServer, body: bytes, *, timeout: float = 5.0) -> tuple[bytes, bytes, str]:
    """Head, body as it crossed the wire, and how the connection ended: ``closed``, ``reset`` or ``open``."""
    head = b"POST /v1/chat/completions HTTP/1.1\r\nauthorization: Bearer test-key\r\ncontent-length: %d\r\n\r\n"
    data = b""
    with socket.create_connection(("127.0.0.1", int(server.origin.rpartition(":")[2])), timeout=timeout) as sock:
        sock.sendall(head % len(body) + body)
        try:
            while True:
                more = sock.recv(65536)
                if not more:
                    end = "closed"
                    break
                data += more
        except ConnectionResetError:
            end = "reset"
        except TimeoutError:
            end = "open"
    found, _, rest = data.partition(b"\r\n\r\n")
    return found, rest, end


def script(server: VendorServer, fault: Fault | None = None) -> None:
    """As new, so that the same request gets the same bytes."""
    server.reset()
    server.reply(text=["alpha ", "beta ", "gamma"])
    if fault is not None:
        server.fail(fault)


@pytest.fixture
def server():
    with VendorServer("openai") as server:
        script(server)
        yield server


def unchunk(body: bytes) -> bytes:
    out = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        out += rest[: int(size, 16)]
        body = rest[int(size, 16) + 2 :]
    return out


@pytest.fixture
def plain(server):
    """The whole answer and the whole stream, as they are without a fault."""
    found = {}
    for asked in (BODY, STREAM):
        script(server, Fault(framing="close"))
        found[asked] = raw(server, asked)[1]
    script(server)
    return found


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("framing", ["length", "close", "chunked"])
@pytest.mark.parametrize("asked", [BODY, STREAM], ids=["whole", "stream"])
def test_a_cut_comes_at_its_byte(server, plain, asked, framing, how):
    total = len(plain[asked])
    for count in (0, 1, 57, 200, -1):
        script(server, Fault(cut_after=count, cut_how=how, framing=framing, pace=0.001))
        head, body, end = raw(server, asked)
        place = count if count >= 0 else total + count
        got = unchunk(body) if framing == "chunked" else body
        assert got == plain[asked][:place]
        assert (b"content-length: %d" % total in head) == (framing == "length")
        assert (b"transfer-encoding: chunked" in head) == (framing == "chunked")
        assert end == {"close": "closed", "reset": "reset"}[how]
        assert not body.endswith(b"0\r\n\r\n")


def test_every_framing_carries_the_same_body(server, plain):
    for framing in ("length", "chunked", "close"):
        script(server, Fault(framing=framing))
        connection = http.client.HTTPConnection("127.0.0.1", int(server.origin.rpartition(":")[2]), timeout=5)
        connection.request("POST", "/v1/chat/completions", STREAM, {"authorization": "Bearer test-key"})
        assert connection.getresponse().read() == plain[STREAM]
        connection.close()


def test_a_stall_leaves_the_connection_open(server, plain):
    server.fail(Fault(stall_after=100, framing="length"))
    _, body, end = raw(server, STREAM, timeout=0.05)
    assert (body, end) == (plain[STREAM][:100], "open")


def test_a_black_hole_answers_nothing_and_sees_the_caller_leave(server):
    server.fail("black hole")
    assert raw(server, BODY, timeout=0.05) == (b"", b"", "open")
    server.heal()
    raw(server, BODY.replace(b"x", b"y"), timeout=0.05)
    assert server.requests[0].outcome == "hung up"


def test_a_reset_before_the_head(server):
    server.fail(Fault(reset=True), times=1)
    assert raw(server, BODY) == (b"", b"", "reset")
    assert server.requests[0].outcome == "reset"
    assert raw(server, BODY, timeout=0.05)[0].startswith(b"HTTP/1.1 200")


def test_a_drip_comes_in_small_writes_and_whole(server, plain, caller):
    server.fail(Fault(drip=64, pace=0.0005))
    assert caller.ask(server, "x", model="m").body == plain[BODY]


def test_truncated_json_is_framed_properly(server, plain, caller):
    server.fail("truncated json")
    got = caller.ask(server, "x", model="m")
    assert got.status == 200
    assert got.body == plain[BODY][:-20]
    assert int(got.headers["content-length"]) == len(got.body)


def test_html_with_200(server, caller):
    server.fail("html with 200")
    got = caller.ask(server)
    assert (got.status, got.headers["content-type"]) == (200, "text/html")
    assert got.body.startswith(b"<!DOCTYPE html>")


def test_what_a_stream_can_lack(server, caller):
    whole = caller.ask(server, stream=True)
    server.fail(Fault(without={"end"}), times=1)
    assert caller.ask(server, stream=True).events[-1]["usage"] == whole.events[-1]["usage"]
    server.fail(Fault(without={"end"}), times=1)
    assert b"[DONE]" not in caller.ask(server, stream=True).body
    server.fail(Fault(without={"usage"}), times=1)
    got = caller.ask(server, stream=True)
    assert not any(event.get("usage") for event in got.events)
    assert got.body.endswith(b"[DONE]\n\n")
    server.fail("no finish", times=1)
    got = caller.ask(server, stream=True)
    assert not any(choice["finish_reason"] for event in got.events for choice in event["choices"])


def test_every_vendors_stream_can_lack_its_end(caller):
    marks = {"openai": b"[DONE]", "anthropic": b"message_stop", "gemini": b"finishReason"}
    with Vendors() as vendors:
        for server in vendors:
            assert marks[server.vendor] in caller.ask(server, stream=True).body
            server.fail("no finish")
            got = caller.ask(server, stream=True)
            assert got.status == 200
            assert marks[server.vendor] not in got.body


def test_an_error_inside_a_stream_is_its_last_event(caller):
    with Vendors() as vendors:
        for server in vendors:
            server.fail(Fault(error_after=2, message="out of breath"))
            last = caller.ask(server, stream=True).events[-1]
            assert last["error"]["message"] == "out of breath"


def test_a_malformed_event_stands_between_good_ones(server, caller):
    server.fail("malformed event")
    events = [line for line in caller.ask(server, stream=True).body.split(b"\n\n") if line]
    broken = [index for index, event in enumerate(events) if event.endswith(b'{"broken": [')]
    assert broken == [2]
    assert events[-1] == b"data: [DONE]"


def test_retry_after_goes_where_the_vendor_puts_it(caller):
    with Vendors() as vendors:
        for server in vendors:
            server.fail(Fault(status=429, retry_after=2.5))
        got = {server.vendor: caller.ask(server) for server in vendors}
    assert {g.status for g in got.values()} == {429}
    assert {g.headers["retry-after"] for g in got.values()} == {"2.5"}
    assert got["openai"].json["error"]["code"] == "rate_limit_exceeded"
    assert got["anthropic"].json["error"]["type"] == "rate_limit_error"
    assert got["gemini"].json["error"]["details"][0]["retryDelay"] == "2.5s"


def test_a_fault_that_replaces_the_answer_leaves_it_to_the_next_request(server, caller):
    server.reply("later")
    server.fail(Fault(status=500), times=2)
    assert [caller.ask(server).status for _ in range(4)] == [500, 500, 200, 200]
    assert caller.ask(server).json["choices"][0]["message"]["content"] == "later"


def test_faults_may_choose_their_requests_and_answers_bring_their_own(server, caller):
    server.fail(Fault(status=503), when=lambda request: request.asked.stream)
    assert caller.ask(server, stream=True).status == 503
    assert caller.ask(server).status == 200
    server.heal()
    server.reset()
    server.reply(Answer(text="x", fault=Fault(status=502)))
    assert caller.ask(server).status == 502


def test_down_and_up_again_on_the_same_port(server, caller):
    assert caller.ask(server).status == 200
    port = server.origin
    server.down()
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        caller.ask(server)
    with pytest.raises(ConnectionRefusedError):
        caller.ask(server)
    server.down("reset")
    with pytest.raises((ConnectionResetError, http.client.RemoteDisconnected)):
        caller.ask(server)
    server.up()
    server.up()
    assert caller.ask(server).status == 200
    assert server.origin == port


def test_a_callable_may_take_its_own_server_down(server, caller):
    server.reset()

    def last_words(request):
        server.down()
        return "never heard"

    server.reply(last_words)
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        caller.ask(server)
    with pytest.raises(ConnectionRefusedError):
        caller.ask(server)
    server.up()


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"framing": "gzip"}, "framing"),
        ({"cut_how": "softly"}, "cut_how"),
        ({"without": {"text"}}, "without"),
        ({"drip": 0}, "drip"),
        ({"flood": "water"}, "flood"),
        ({"cut_after": 3, "cut_how": "garbage", "framing": "length"}, "garbage"),
    ],
)
def test_a_misspelt_fault_says_so(fields, word):
    with pytest.raises(ValueError, match=word):
        Fault(**fields)


def test_a_misspelt_direction_says_so(server):
    with pytest.raises(ValueError, match="refuse"):
        server.down("gently")
