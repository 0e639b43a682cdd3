"""Where the engine's own sockets won't do: proxies, injected clients, trio, methods that somebody patched."""

from __future__ import annotations

import contextlib
import gzip
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
import trio

from engines.loopback import CLOSE, HANG, Caller, Seen, Server, answer, chunked, post
from modelmux._engines import Options, open_async_engine, open_engine
from modelmux._engines._shards import EACH, Shards
from modelmux.errors import (
    AttemptTimeout,
    ConfigError,
    ConnectionFailed,
    ConnectionLost,
    InvalidRequest,
    MalformedResponse,
    ResponseTooLarge,
)

D = 0.2


# --- proxies ---------------------------------------------------------------------------------------------------------


def test_a_proxy_from_the_environment_carries_the_call(
    callers: Callable[..., Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server([answer(b"by proxy")]) as proxy, Server([answer(b"direct")]) as server:
        monkeypatch.setenv("HTTP_PROXY", f"http://user:word@127.0.0.1:{proxy.port}")
        assert callers().fetch(post("http://vendor.invalid/v1"))[1] == b"by proxy"
        assert proxy.seen[0].line == "POST http://vendor.invalid/v1 HTTP/1.1"
        assert proxy.seen[0].headers["proxy-authorization"].startswith("Basic ")
        assert callers(Options(trust_env=False)).fetch(post(server.url))[1] == b"direct"
        monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
        assert callers().fetch(post(server.url))[1] == b"direct"
        monkeypatch.setenv("no_proxy", "0.0.1, *")
        assert callers().fetch(post(server.url))[1] == b"direct"
    assert len(proxy.seen) == 1


def test_a_tunnel_is_asked_for_where_the_address_is_https(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server([answer(b"", status="403 Forbidden")]) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(ConnectionFailed, match="403"):
            caller.fetch(post("https://vendor.invalid/v1"))
    assert proxy.seen[0].line == "CONNECT vendor.invalid:443 HTTP/1.1"


@pytest.mark.parametrize(
    ("script", "phase"),
    [
        ([HANG], "first_byte"),
        ([step for _ in range(60) for step in (b"HTTP/1.1 100 Continue\r\n\r\n", 0.02)], "first_byte"),
        ([b"HTTP/1.1 200 OK\r\n\r\n", *(step for _ in range(60) for step in (b"x", 0.02))], "read"),
    ],
    ids=["silent", "head drips", "body drips"],
)
def test_no_drip_through_a_proxy_outlives_the_deadline(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, script: list[bytes | float | str], phase: str
) -> None:
    with Server(script) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        caller.run(warm_up() if caller.kind == "async" else None)
        start = time.monotonic()
        with pytest.raises(AttemptTimeout) as caught:
            caller.fetch(post("http://vendor.invalid/v1"), D)
        assert time.monotonic() - start < D + 0.3
    assert caught.value.phase == phase


async def warm_up() -> None:
    """What a first use of anyio imports is not what is timed."""
    import anyio

    with anyio.move_on_after(1):
        await anyio.sleep(0)


def test_a_proxied_stream_can_be_aborted_and_closed_early(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server([chunked(b"x", end=b""), HANG]) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        opened = caller.open(post("http://vendor.invalid/v1"))
        assert opened.read() == b"x"
        threading.Timer(0.05, opened.abort).start()
        with pytest.raises(ConnectionLost, match="aborted"):
            opened.read(5)
        opened.close()


def test_a_proxied_stream_closed_early_lets_its_connection_go(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server([chunked(b"x", end=b""), HANG]) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        opened = caller.open(post("http://vendor.invalid/v1"), None)
        assert opened.read() == b"x"
        opened.close()
        until = time.monotonic() + 2
        while proxy.live and time.monotonic() < until:
            time.sleep(0.005)
        assert proxy.live == 0


def test_proxied_calls_in_turn_share_a_connection(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server() as proxy:
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        for _ in range(5):
            assert caller.fetch(post("http://vendor.invalid/v1"))[0].status == 200
        with pytest.raises(InvalidRequest):
            caller.open(post("http://vendor.invalid/v1", x_a="\n"))
    assert proxy.connections == 1


def test_a_stock_client_takes_a_few_calls_at_a_time() -> None:
    shards = Shards(Options(max_connections=2 * EACH), "Client")
    taken = [shards.take() for _ in range(2 * EACH)]
    clients = [client for client, _ in taken]
    assert clients == [clients[0]] * EACH + [clients[-1]] * EACH
    assert clients[0] is not clients[-1]
    taken[0][1]()
    assert shards.take()[0] is clients[0]
    taken[-1][1]()
    taken[-2][1]()
    # No third beside these two, however many calls; the one with fewer takes the next.
    assert [shards.take()[0] for _ in range(3)] == [clients[-1], clients[-1], clients[0]]
    for client in shards.clear():
        client.close()


def test_what_comes_by_proxy_is_measured_and_decompressed_alike(
    callers: Callable[..., Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    squeezed = {"1": gzip.compress(b"x" * 900), "2": gzip.compress(b"x" * 1001), "3": gzip.compress(b"x" * 900)[:-9]}

    def script(seen: Seen) -> list[bytes | str]:
        return [answer(squeezed[seen.headers["x-kind"]], headers="content-encoding: gzip\r\n")]

    with Server(script) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        caller = callers(Options(max_response_bytes=1000))
        assert caller.fetch(post("http://vendor.invalid/", x_kind="1"))[1] == b"x" * 900
        with pytest.raises(ResponseTooLarge):
            caller.fetch(post("http://vendor.invalid/", x_kind="2"))
        with pytest.raises(MalformedResponse):
            caller.fetch(post("http://vendor.invalid/", x_kind="3"))


def test_a_cut_by_proxy_is_lost(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server([chunked(b"x", end=b""), CLOSE]) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(ConnectionLost) as caught:
            caller.fetch(post("http://vendor.invalid/"))
    assert caught.value.answered


def test_a_header_that_could_split_is_refused_by_proxy_too(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with pytest.raises(InvalidRequest):
        caller.open(post("http://vendor.invalid/", x_a="one\r\nx-b: two"))


# --- injected clients ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def injected(kind: str, handler: Callable[..., object]) -> Iterator[httpx.Client | httpx.AsyncClient]:
    transport = httpx.MockTransport(handler)  # type: ignore[arg-type]
    yield httpx.Client(transport=transport) if kind == "sync" else httpx.AsyncClient(transport=transport)


def test_a_users_own_client_carries_the_call(caller: Caller) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.headers["accept-encoding"] == "identity"
        return httpx.Response(
            302, headers=[("X-A", "1"), ("x-a", "2"), ("location", "http://elsewhere.invalid")], content=request.content
        )

    with injected(caller.kind, handler) as client:
        head, body = caller.fetch(post("http://vendor.invalid/", b"hello"), client=client)
    assert (head.status, head.headers["x-a"], body) == (302, "1, 2", b"hello")


@pytest.mark.parametrize(
    ("raised", "expected", "phase"),
    [
        (httpx.ConnectError, ConnectionFailed, None),
        (httpx.ProxyError, ConnectionFailed, None),
        (httpx.ReadError, ConnectionLost, None),
        (httpx.RemoteProtocolError, ConnectionLost, None),
        (httpx.PoolTimeout, AttemptTimeout, "pool"),
        (httpx.ConnectTimeout, AttemptTimeout, "connect"),
        (httpx.WriteTimeout, AttemptTimeout, "write"),
        (httpx.ReadTimeout, AttemptTimeout, "first_byte"),
    ],
)
def test_its_errors_become_ours_and_keep_no_request(
    caller: Caller, raised: type[httpx.TransportError], expected: type[Exception], phase: str | None
) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise raised("as it happened", request=request)

    with injected(caller.kind, handler) as client, pytest.raises(expected) as caught:
        caller.open(post("http://vendor.invalid/"), client=client)
    assert getattr(caught.value, "phase", None) == phase
    # An httpx error holds the request, and that the key.
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_what_is_not_httpxs_passes_unchanged(caller: Caller) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        raise AssertionError("a test's own")

    with injected(caller.kind, handler) as client, pytest.raises(AssertionError, match="a test's own"):
        caller.open(post("http://vendor.invalid/"), client=client)


def test_an_async_client_in_sync_code_is_an_error_that_says_so() -> None:
    with pytest.raises(ConfigError, match="async client"):
        open_engine().send(post("http://vendor.invalid/"), deadline=None, client=httpx.AsyncClient())


def test_a_closed_client_is_an_error_that_says_so(caller: Caller) -> None:
    with injected(caller.kind, lambda request: httpx.Response(200)) as client:
        caller.run(client.aclose() if isinstance(client, httpx.AsyncClient) else client.close())
        with pytest.raises(ConfigError, match="closed"):
            caller.open(post("http://vendor.invalid/"), client=client)


def test_a_sync_client_in_async_code_runs_in_a_worker_thread() -> None:
    threads: set[int] = set()

    def handler(request: httpx.Request) -> httpx.Response:
        threads.add(threading.get_ident())
        return httpx.Response(200, content=b"hello")

    client = httpx.Client(transport=httpx.MockTransport(handler))
    caller = Caller("async")
    assert caller.fetch(post("http://vendor.invalid/"), client=client)[1] == b"hello"
    caller.finish()
    assert threads
    assert threading.get_ident() not in threads


def test_a_sync_client_in_async_code_ends_by_the_deadline_too() -> None:
    caller = Caller("async")
    caller.run(warm_up())
    with Server([chunked(b"x", end=b""), HANG]) as server, httpx.Client(timeout=5) as client:
        opened = caller.open(post(server.url), client=client)
        assert opened.read() == b"x"
        start = time.monotonic()
        with pytest.raises(AttemptTimeout):
            opened.read(D)
        assert time.monotonic() - start < D + 0.3
        opened.close()
    caller.finish()


def test_a_users_client_reads_real_streams(caller: Caller) -> None:
    with Server([chunked(b"one", end=b""), 0.02, b"3\r\ntwo\r\n", CLOSE]) as server:
        client = httpx.Client() if caller.kind == "sync" else httpx.AsyncClient()
        opened = caller.open(post(server.url), client=client)
        assert (opened.read(), opened.read()) == (b"one", b"two")
        with pytest.raises(ConnectionLost):
            opened.read()
        opened.close()
        caller.run(client.aclose() if isinstance(client, httpx.AsyncClient) else client.close())


def test_aborting_a_users_client(caller: Caller) -> None:
    with Server([chunked(b"x", end=b""), HANG]) as server:
        client = httpx.Client() if caller.kind == "sync" else httpx.AsyncClient()
        opened = caller.open(post(server.url), client=client)
        assert opened.read() == b"x"
        threading.Timer(0.05, opened.abort).start()
        with pytest.raises(ConnectionLost, match="aborted"):
            opened.read(5)
        opened.close()
        caller.run(client.aclose() if isinstance(client, httpx.AsyncClient) else client.close())


@pytest.mark.parametrize("end", ["read", "send"])
def test_an_abandoned_worker_thread_closes_what_it_opened(end: str) -> None:
    closed = threading.Event()

    class Slow(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b"x"

        def close(self) -> None:
            closed.set()

    def handler(request: httpx.Request) -> httpx.Response:
        if end == "send":
            time.sleep(0.15)
        return httpx.Response(200, stream=Slow())

    caller = Caller("async")
    caller.run(warm_up())
    client = httpx.Client(transport=httpx.MockTransport(handler))
    if end == "send":
        with pytest.raises(AttemptTimeout):
            caller.open(post("http://vendor.invalid/"), 0.05, client=client)
    else:
        opened = caller.open(post("http://vendor.invalid/"), client=client)
        opened.abort()
        opened.close()
        with pytest.raises(ConnectionLost):
            opened.read()
    assert closed.wait(2)
    caller.finish()


def test_an_unasked_coding_from_a_users_client_is_malformed(caller: Caller) -> None:
    with Server([answer(b"\x0b\x02\x80{}\x03", headers="content-encoding: br\r\n")]) as server:
        client = httpx.Client() if caller.kind == "sync" else httpx.AsyncClient()
        with pytest.raises(MalformedResponse):
            caller.open(post(server.url), client=client)
        caller.run(client.aclose() if isinstance(client, httpx.AsyncClient) else client.close())


# --- patched classes -------------------------------------------------------------------------------------------------


def test_a_patched_httpx_transport_sees_the_calls(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pytest-httpx does it."""

    def handle(self: object, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"patched " + request.url.path.encode())

    async def ahandle(self: object, request: httpx.Request) -> httpx.Response:
        return handle(self, request)

    with Server([answer(b"real")]) as server:
        assert caller.fetch(post(server.url))[1] == b"real"
        with monkeypatch.context() as patch:
            patch.setattr(httpx.HTTPTransport, "handle_request", handle)
            patch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", ahandle)
            assert caller.fetch(post(server.url))[1] == b"patched /v1"
        assert caller.fetch(post(server.url))[1] == b"real"
        assert server.connections == 1


# --- trio ------------------------------------------------------------------------------------------------------------


def test_trio_takes_a_users_client() -> None:
    async def main() -> bytes:
        async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200, text="hi"))) as client:
            stream = await open_async_engine().send(post("http://vendor.invalid/"), deadline=None, client=client)
            body = await stream.read(None)
            await stream.aclose()
            return body

    assert trio.run(main) == b"hi"


def test_trio_is_served_by_httpx() -> None:
    async def main() -> tuple[int, bytes]:
        engine = open_async_engine()
        stream = await engine.send(post(server.url), deadline=time.monotonic() + 5)
        body = b""
        while piece := await stream.read(time.monotonic() + 5):
            body += piece
        await stream.aclose()
        server.script = [HANG]
        with pytest.raises(AttemptTimeout):
            await engine.send(post(server.url), deadline=time.monotonic() + 0.1)
        return stream.head.status, body

    with Server([chunked(b"on ", b"trio")]) as server:
        assert trio.run(main) == (200, b"on trio")
