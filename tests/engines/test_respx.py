"""Users' tests: ``respx.mock`` with its default mocker sees every call, and leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys

import httpx
import pytest
import respx

from engines.loopback import Caller, Server, answer, post
from modelmux.errors import AttemptTimeout, ConnectionFailed


def test_calls_are_intercepted_while_mocked_and_only_then(caller: Caller) -> None:
    with Server([answer(b"real")]) as server:
        for _ in range(2):
            assert caller.fetch(post(server.url))[1] == b"real"
            with respx.mock:
                route = respx.post(server.url).respond(json={"mocked": True}, headers={"X-A": "b"})
                for _ in range(2):
                    head, body = caller.fetch(post(server.url, b'{"n": 1}', authorization="Bearer test-key"))
                    assert (head.status, head.headers["x-a"], body) == (200, "b", b'{"mocked":true}')
                assert route.call_count == 2
                sent = route.calls.last.request
                assert (sent.content, sent.headers["authorization"]) == (b'{"n": 1}', "Bearer test-key")
        # The connection kept from before the mock is used after it, and no other was opened.
        assert caller.fetch(post(server.url))[1] == b"real"
    assert server.connections == 1
    assert len(server.seen) == 3


def test_a_first_call_inside_the_mock_is_intercepted(caller: Caller) -> None:
    with respx.mock(base_url="https://api.vendor.invalid") as mock:
        mock.post("/v1/chat").respond(503, text="busy", headers={"retry-after": "1"})
        head, body = caller.fetch(post("https://api.vendor.invalid/v1/chat"))
    assert (head.status, head.headers["retry-after"], body) == (503, "1", b"busy")


def test_streams_are_intercepted(caller: Caller) -> None:
    def pieces() -> list[bytes]:
        return [b"data: one\n\n", b"data: two\n\n", b"data: [DONE]\n\n"]

    with respx.mock:
        if caller.kind == "sync":
            stream: object = iter(pieces())
        else:

            async def agenerate() -> object:
                for piece in pieces():
                    yield piece

            stream = agenerate()
        respx.post("http://vendor.invalid/").mock(
            httpx.Response(200, headers={"content-type": "text/event-stream"}, content=stream)
        )
        opened = caller.open(post("http://vendor.invalid/"))
        assert opened.rest() == b"".join(pieces())
        opened.close()


def test_errors_that_the_mock_raises_are_ours(caller: Caller) -> None:
    with respx.mock:
        respx.post("http://vendor.invalid/").mock(
            side_effect=[httpx.ConnectError("refused"), httpx.ReadTimeout("late")]
        )
        with pytest.raises(ConnectionFailed):
            caller.open(post("http://vendor.invalid/"))
        with pytest.raises(AttemptTimeout):
            caller.open(post("http://vendor.invalid/"))


def test_an_unmocked_call_fails_as_respx_has_it_fail(caller: Caller) -> None:
    with respx.mock, pytest.raises(respx.models.AllMockedAssertionError):
        caller.open(post("http://vendor.invalid/"))


def test_pass_through_reaches_the_server(caller: Caller) -> None:
    with Server([answer(b"real")]) as server, respx.mock:
        respx.post(server.url).pass_through()
        assert caller.fetch(post(server.url))[1] == b"real"
    assert server.connections == 1


def test_a_plain_call_imports_neither_httpx_nor_anyio() -> None:
    with Server() as server:
        code = (
            "import sys, time\n"
            "from modelmux._engines import open_engine\n"
            "from modelmux._http import HttpRequest\n"
            f"stream = open_engine().send(HttpRequest('POST', {server.url!r}), deadline=time.monotonic() + 5)\n"
            "assert stream.read(None) == b'{}'\n"
            "stream.close()\n"
            "heavy = {'httpx', 'httpcore', 'anyio', 'asyncio', 'ssl', 'certifi', 'h11'} & set(sys.modules)\n"
            "assert not heavy, heavy\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True, timeout=20)
