"""Connections: kept, replaced, counted, broken on purpose, and never leaked."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from engines.loopback import CLOSE, HANG, RESET, Caller, Seen, Server, answer, chunked, post
from modelmux._engines import Options, open_async_engine, open_engine
from modelmux._engines._abort import Abort
from modelmux._engines._socket import Connection
from modelmux._engines._wire import Wire
from modelmux._http import HttpRequest
from modelmux.errors import ConnectionFailed, ConnectionLost


def descriptors() -> int:
    gc.collect()
    return len(os.listdir("/dev/fd"))


def at_rest(seconds: float = 0.2) -> int:
    """How many there are once none was let go for a while: servers of earlier tests close in threads of theirs."""
    before, since = descriptors(), time.monotonic()
    while time.monotonic() - since < seconds:
        time.sleep(0.02)
        if (now := descriptors()) != before:
            before, since = now, time.monotonic()
    return before


def settle(check: Callable[[], bool], seconds: float = 2.0) -> bool:
    until = time.monotonic() + seconds
    while not check():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


@pytest.mark.parametrize("script", [answer(b"whole"), chunked(b"wh", b"ole")], ids=["length", "chunked"])
def test_a_connection_read_to_its_end_is_used_again(caller: Caller, script: bytes) -> None:
    with Server([script]) as server:
        for _ in range(5):
            assert caller.fetch(post(server.url))[1] == b"whole"
    assert server.connections == 1


@pytest.mark.parametrize(
    "script",
    [
        answer(b"x", headers="connection: close\r\n"),
        b"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\nx",
        answer(b"x") + b"HTTP/1.1 200 OK\r\n",
    ],
    ids=["connection: close", "http 1.0", "bytes beyond the end"],
)
def test_a_connection_not_fit_for_reuse_is_closed(caller: Caller, script: bytes) -> None:
    with Server([script]) as server:
        for _ in range(2):
            assert caller.fetch(post(server.url))[1] == b"x"
        assert server.connections == 2


def test_a_stream_closed_early_closes_its_connection(caller: Caller) -> None:
    with Server([chunked(b"x", end=b""), HANG]) as server:
        opened = caller.open(post(server.url))
        assert opened.read() == b"x"
        opened.close()
        opened.close()
        server.script = [answer(b"next")]
        assert caller.fetch(post(server.url))[1] == b"next"
        assert server.connections == 2
        with pytest.raises(ConnectionLost):
            opened.read()


def test_bytes_sent_while_idle_are_never_the_next_answer(caller: Caller) -> None:
    with Server([answer(b"asked"), 0.03, answer(b"unasked")]) as server:
        assert caller.fetch(post(server.url))[1] == b"asked"
        time.sleep(0.08)
        caller.run(asyncio.sleep(0.01) if caller.kind == "async" else None)
        assert caller.fetch(post(server.url))[1] == b"asked"
    assert server.connections == 2


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_connection_that_the_server_closed_while_idle_costs_nothing(caller: Caller, reset: bool) -> None:
    with Server() as server:
        for round in range(1, 4):
            caller.fetch(post(server.url))
            assert server.connections == round
            server.hang_up(reset=reset)
            assert settle(lambda: server.live == 0)
    assert len(server.seen) == 3


@pytest.mark.parametrize("size", [2, 500_000, 8_000_000])
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_close_that_crosses_the_request_is_retried(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, reset: bool, size: int
) -> None:
    """The idle check sees nothing wrong, and yet the server is gone: the race that no check can win."""
    for connection in (Connection, Wire):
        monkeypatch.setattr(connection, "alive", lambda self: True)
    with Server() as server:
        caller.fetch(post(server.url))
        server.hang_up(reset=reset)
        assert settle(lambda: server.live == 0)
        assert caller.fetch(post(server.url, b"x" * size))[0].status == 200
    assert [len(seen.body) for seen in server.seen] == [2, size]


@pytest.mark.parametrize("end", [CLOSE, RESET])
def test_a_request_that_the_server_read_is_never_sent_twice(caller: Caller, end: str) -> None:
    """The server takes the request on a reused connection, then dies: it may have been paid for."""

    def script(seen: Seen) -> list[bytes | str]:
        return [answer()] if len(server.seen) == 1 else [end]

    with Server(script) as server:
        caller.fetch(post(server.url))
        with pytest.raises(ConnectionLost) as caught:
            caller.fetch(post(server.url))
    assert not caught.value.answered
    assert len(server.seen) == 2


def test_idle_connections_expire_and_are_few(callers: Callable[..., Caller]) -> None:
    brief = callers(Options(idle_seconds=0.05))
    with Server() as server:
        brief.fetch(post(server.url))
        time.sleep(0.06)
        brief.fetch(post(server.url))
        assert server.connections == 2

    def lasting(seen: Seen) -> list[bytes | float]:
        # Each connection's answer ends well after all were asked for, and the second's after the first's expired.
        return [chunked(b"x", end=b""), 0.2 * seen.connection, b"0\r\n\r\n"]

    few = callers(Options(max_idle=1))
    with Server(lasting) as server:
        for stream in [few.open(post(server.url)) for _ in range(2)]:
            stream.rest()
            stream.close()
        assert server.connections == 2
        few.run(asyncio.sleep(0) if few.kind == "async" else None)
        assert settle(lambda: server.live == 1)
    with Server(lasting) as server:
        first, last = [brief.open(post(server.url)) for _ in range(2)]
        first.rest()
        last.rest()
        # The one that expired goes when another comes back, though nobody asked for one.
        brief.run(asyncio.sleep(0) if brief.kind == "async" else None)
        assert settle(lambda: server.live == 1)


def test_an_idle_connection_of_another_origin_makes_room(callers: Callable[..., Caller]) -> None:
    caller = callers(Options(max_connections=1))
    with Server() as one, Server() as other:
        for server in (one, other, one):
            assert caller.fetch(post(server.url))[0].status == 200
    assert (one.connections, other.connections) == (2, 1)


def test_closing_the_engine_closes_what_is_idle(caller: Caller) -> None:
    with Server() as server:
        caller.fetch(post(server.url))
        caller.run(caller.engine.aclose() if caller.kind == "async" else caller.engine.close())
        caller.run(asyncio.sleep(0) if caller.kind == "async" else None)
        assert settle(lambda: server.live == 0)
        assert caller.fetch(post(server.url))[0].status == 200


def slowly(seen: Seen) -> list[bytes | float]:
    return [0.01, answer(seen.body)]


def test_a_hundred_threads() -> None:
    engine = open_engine(Options(max_connections=20))

    def call(number: int) -> bool:
        until = time.monotonic() + 10
        stream = engine.send(post(server.url, str(number).encode()), deadline=until)
        body = b""
        while piece := stream.read(until):
            body += piece
        stream.close()
        return body == str(number).encode()

    before = at_rest()
    with Server(slowly) as server:
        with ThreadPoolExecutor(100) as threads:
            assert all(threads.map(call, range(400)))
        assert server.connections == 20
        engine.close()
    assert descriptors() == before


async def fetch_async(engine: object, request: HttpRequest) -> bytes:
    until = time.monotonic() + 10
    stream = await engine.send(request, deadline=until)  # type: ignore[attr-defined]
    body = b""
    while piece := await stream.read(until):
        body += piece
    await stream.aclose()
    return body


def test_a_hundred_tasks() -> None:
    before = at_rest()
    with Server(slowly) as server:

        async def main() -> list[bytes]:
            engine = open_async_engine(Options(max_connections=20))
            tasks = [fetch_async(engine, post(server.url, str(number).encode())) for number in range(400)]
            return await asyncio.gather(*tasks)

        assert asyncio.run(main()) == [str(number).encode() for number in range(400)]
        assert server.connections == 20
    assert descriptors() == before


def test_one_engine_serves_several_loops_in_threads_and_in_turn() -> None:
    engine = open_async_engine()
    before = at_rest()
    with Server(slowly) as server:

        async def main() -> list[bytes]:
            await fetch_async(engine, post(server.url, b"first"))
            return await asyncio.gather(*(fetch_async(engine, post(server.url, b"x")) for _ in range(5)))

        with ThreadPoolExecutor(4) as threads:
            for replies in threads.map(lambda _: asyncio.run(main()), range(8)):
                assert replies == [b"x"] * 5
        # A loop that ended took its connections with it, though nobody closed the engine.
        assert settle(lambda: server.live == 0)
    assert descriptors() == before


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_loops_closed_without_goodbye_are_cleared_away() -> None:
    """Their transports complain of it, rightly; what counts is that nothing stays open for ever."""
    engine = open_async_engine()
    with Server() as server:
        for _ in range(3):
            loop = asyncio.new_event_loop()
            loop.run_until_complete(fetch_async(engine, post(server.url)))
            loop.close()
        assert settle(lambda: server.live == 1)
        asyncio.run(engine.aclose())
        assert settle(lambda: server.live == 0)
        gc.collect()


def test_cancelled_tasks_leave_nothing_behind() -> None:
    with Server([chunked(b"x", end=b""), HANG]) as server:

        async def one(engine: object, opened: asyncio.Event) -> None:
            stream = await engine.send(post(server.url), deadline=None)  # type: ignore[attr-defined]
            try:
                assert await stream.read(None) == b"x"
                opened.set()
                await stream.read(None)
            finally:
                await stream.aclose()

        async def main() -> int:
            engine = open_async_engine(Options(max_connections=20))
            for _ in range(3):
                events = [asyncio.Event() for _ in range(20)]
                tasks = [asyncio.create_task(one(engine, event)) for event in events]
                await asyncio.gather(*(event.wait() for event in events))
                waiting = asyncio.create_task(one(engine, asyncio.Event()))
                await asyncio.sleep(0)
                for task in (*tasks, waiting):
                    task.cancel()
                results = await asyncio.gather(*tasks, waiting, return_exceptions=True)
                assert all(isinstance(result, asyncio.CancelledError) for result in results)
            server.script = [HANG]
            sending = asyncio.create_task(one(engine, asyncio.Event()))
            await asyncio.sleep(0.03)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            await asyncio.sleep(0.01)
            pools = list(engine._pools.values())  # type: ignore[attr-defined]
            return sum(home.pool.open for home in pools)

        assert asyncio.run(main()) == 0
        assert settle(lambda: server.live == 0)


def test_a_forgotten_stream_gives_its_connection_up(caller: Caller) -> None:
    with Server([chunked(b"x", end=b""), HANG]) as server:
        opened = caller.open(post(server.url))
        before = descriptors()
        del opened
        gc.collect()
        caller.run(asyncio.sleep(0.01) if caller.kind == "async" else None)
        assert descriptors() < before


def test_abort_from_another_thread_wakes_a_blocked_read(kind: str) -> None:
    with Server([chunked(b"x", end=b""), HANG]) as server:
        if kind == "sync":
            stream = open_engine().send(post(server.url), deadline=None)
            assert stream.read(None) == b"x"
            threading.Timer(0.05, stream.abort).start()
            with pytest.raises(ConnectionLost, match="aborted"):
                stream.read(time.monotonic() + 5)
            stream.close()
            return

        async def main() -> None:
            stream = await open_async_engine().send(post(server.url), deadline=None)
            assert await stream.read(None) == b"x"
            threading.Timer(0.05, stream.abort).start()
            with pytest.raises(ConnectionLost, match="aborted"):
                await stream.read(time.monotonic() + 5)
            await stream.aclose()

        asyncio.run(main())


def test_abort_of_a_finished_stream_harms_no_one(caller: Caller) -> None:
    with Server() as server:
        opened = caller.open(post(server.url))
        opened.rest()
        opened.abort()
        opened.close()
        assert caller.fetch(post(server.url))[0].status == 200
    assert server.connections == 1


def test_the_switch_breaks_a_send_under_way() -> None:
    engine = open_engine(Options(max_connections=1))
    with Server([HANG]) as server:
        switch = Abort()
        threading.Timer(0.05, switch.throw).start()
        start = time.monotonic()
        with pytest.raises(ConnectionLost, match="aborted"):
            engine.send(post(server.url), deadline=start + 5, abort=switch)
        assert time.monotonic() - start < 1
    thrown = Abort()
    thrown.throw()
    with Server() as server:
        kept = open_engine()
        kept.send(post(server.url), deadline=None).close()
        with pytest.raises(ConnectionLost, match="aborted"):
            kept.send(post(server.url), deadline=None, abort=thrown)
        assert len(server.seen) == 1
    with Server([chunked(b"x", end=b""), HANG]) as server:
        with pytest.raises((ConnectionFailed, ConnectionLost), match="aborted"):
            engine.send(post(server.url), deadline=None, abort=thrown)
        held = engine.send(post(server.url), deadline=None)
        waiting = Abort()
        threading.Timer(0.05, waiting.throw).start()
        with pytest.raises(ConnectionFailed, match="aborted"):
            engine.send(post(server.url), deadline=None, abort=waiting)
        held.close()


def test_a_forked_child_starts_with_no_connections(caller: Caller) -> None:
    with Server() as server:
        caller.fetch(post(server.url))
        ours, theirs = socket.socketpair()
        with warnings.catch_warnings():
            # Newer Pythons warn of forking beside threads, here the server's.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            # Whatever happens in here, the child must not go on with the parent's tests.
            try:
                fresh = Caller(caller.kind)
                fresh.engine = caller.engine
                status = fresh.fetch(post(server.url))[0].status
                theirs.sendall(str(status).encode())
            finally:
                os._exit(0)
        ours.settimeout(5)
        assert ours.recv(10) == b"200"
        os.waitpid(child, 0)
        assert server.connections == 2
        # The parent's own connection is still good, and still its own.
        assert caller.fetch(post(server.url))[0].status == 200
        assert server.connections == 2
        ours.close()
        theirs.close()


def test_no_descriptor_is_left_by_failures(caller: Caller) -> None:
    def script(seen: Seen) -> list[bytes | str]:
        return {"0": [CLOSE], "1": [RESET], "2": [b"junk\r\n\r\n"], "3": [chunked(b"x", end=b""), CLOSE]}[
            seen.headers["x-kind"]
        ]

    with Server(script) as server:
        caller.run(asyncio.sleep(0) if caller.kind == "async" else None)
        before = descriptors()
        for number in range(40):
            with pytest.raises(Exception, match=r"broke|answer"):
                caller.fetch(post(server.url, x_kind=str(number % 4)))
        caller.run(asyncio.sleep(0.01) if caller.kind == "async" else None)
        assert settle(lambda: descriptors() <= before)


def test_a_slow_reader_holds_the_sender_back() -> None:
    """The async transport reads by itself; it must stop when nobody takes what it read."""
    sent = 0

    def flood(seen: Seen) -> object:
        nonlocal sent
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        for _ in range(600):
            yield b"x" * 100_000
            sent += 100_000

    with Server(flood) as server:  # type: ignore[arg-type]

        async def main() -> None:
            stream = await open_async_engine().send(post(server.url), deadline=None)
            await asyncio.sleep(0.3)
            assert sent < 30_000_000
            size = 0
            while piece := await stream.read(time.monotonic() + 5):
                size += len(piece)
                if size > 40_000_000:
                    break
            await stream.aclose()

        asyncio.run(main())
