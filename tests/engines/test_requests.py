"""What leaves: framing, defaults, and values that could split a request."""

from __future__ import annotations

import pytest

from engines.loopback import Caller, Server, answer, post
from modelmux._http import HttpRequest
from modelmux.errors import InvalidRequest

BAD_HEADERS = {
    "CR": {"x-a": "one\rtwo"},
    "LF": {"x-a": "one\ntwo"},
    "CRLF": {"x-a": "one\r\nx-b: two"},
    "NUL": {"x-a": "one\0two"},
    "not ASCII": {"x-a": "eins\u2026"},
    "name with space": {"x a": "one"},
    "name with line end": {"x-a: b\r\nx-c": "one"},
    "empty name": {"": "one"},
}
BAD_URLS = [
    "http://127.0.0.1:{port}/a\r\nx-b: c",
    "http://127.0.0.1:{port}/a\nb",
    "http://127.0.0.1:{port}/\0",
    "ftp://127.0.0.1:{port}/",
    "127.0.0.1:{port}/",
    "http://127.0.0.1:http/",
    "http://127.0.0.1:99999/",
]


@pytest.mark.parametrize("name", BAD_HEADERS)
def test_a_header_that_could_split_the_request_is_refused_unsent(caller: Caller, name: str) -> None:
    with Server() as server:
        with pytest.raises(InvalidRequest) as caught:
            caller.open(HttpRequest("POST", server.url, BAD_HEADERS[name], b"{}"))
        assert server.connections == 0
    assert "two" not in str(caught.value)
    assert caught.value.field.startswith("headers")


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_url_that_cannot_be_sent_is_refused_unsent(caller: Caller, url: str) -> None:
    with Server() as server:
        with pytest.raises(InvalidRequest) as caught:
            caller.open(post(url.format(port=server.port)))
        assert server.connections == 0
    assert caught.value.field == "url"


def test_a_method_is_a_token(caller: Caller) -> None:
    with Server() as server:
        with pytest.raises(InvalidRequest):
            caller.open(HttpRequest("GET / HTTP/1.1\r\nx: y\r\n\r\nPOST", server.url))
        assert server.connections == 0


def test_request_line_headers_and_body_arrive_as_given(caller: Caller) -> None:
    with Server() as server:
        caller.fetch(HttpRequest("POST", server.url + "/chat?a=b%20c&d=[1]#part", {"x-Key": " v "}, b'{"a": 1}'))
    seen = server.seen[0]
    assert seen.line == "POST /v1/chat?a=b%20c&d=[1] HTTP/1.1"
    assert seen.body == b'{"a": 1}'
    assert seen.headers["host"] == f"127.0.0.1:{server.port}"
    assert seen.headers["x-key"].strip() == "v"
    assert seen.headers["content-length"] == "8"
    assert seen.headers["accept-encoding"] == "identity"
    assert seen.headers["user-agent"].startswith("modelmux/")


def test_the_callers_headers_win_but_not_over_the_framing(caller: Caller) -> None:
    given = {"accept-encoding": "gzip", "user-agent": "mine", "content-length": "99", "transfer-encoding": "chunked"}
    with Server() as server:
        caller.fetch(HttpRequest("POST", server.url, given, b"{}"))
    headers = server.seen[0].headers
    assert (headers["accept-encoding"], headers["user-agent"]) == ("gzip", "mine")
    assert headers["content-length"] == "2"
    assert "transfer-encoding" not in headers


def test_get_has_no_length_and_an_empty_post_has_zero(caller: Caller) -> None:
    with Server() as server:
        caller.fetch(HttpRequest("GET", server.url))
        caller.fetch(HttpRequest("POST", server.url))
    assert "content-length" not in server.seen[0].headers
    assert server.seen[1].headers["content-length"] == "0"


def test_head_answers_have_no_body(caller: Caller) -> None:
    with Server([b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n"]) as server:
        for _ in range(2):
            assert caller.fetch(HttpRequest("HEAD", server.url))[1] == b""
    assert server.connections == 1


@pytest.mark.parametrize("size", [200_000, 3_000_000])
def test_large_bodies_arrive_whole(caller: Caller, size: int) -> None:
    body = bytes(range(256)) * (size // 256)
    with Server() as server:
        for _ in range(2):
            caller.fetch(post(server.url, body))
    assert [seen.body for seen in server.seen] == [body, body]
    assert server.connections == 1


def test_a_server_that_refuses_half_way_is_heard(caller: Caller) -> None:
    """It answers 413 without reading the body, and stops reading."""
    with Server([answer(b"too big", status="413 Content Too Large"), 0.3], read_bodies=False) as server:
        head, body = caller.fetch(post(server.url, b"x" * 20_000_000))
        assert (head.status, body) == (413, b"too big")
        # The rest of that body must not be taken for the next request.
        server.script = [answer(b"fine")]
        assert caller.fetch(post(server.url, b""))[1] == b"fine"
    assert server.connections == 2


def test_urls_that_need_escaping_go_the_httpx_way(caller: Caller) -> None:
    with Server() as server:
        assert caller.fetch(post(server.url + "/mod\u00e8le name"))[0].status == 200
        user = server.url.replace("http://", "http://user:word@")
        assert caller.fetch(post(user))[0].status == 200
    assert server.seen[0].line == "POST /v1/mod%C3%A8le%20name HTTP/1.1"
    assert server.seen[1].headers["authorization"].startswith("Basic ")
