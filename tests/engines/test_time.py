"""Absolute deadlines: whatever the server does, a call ends when it should."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from engines.loopback import DEAF, HANG, Caller, Server, answer, chunked, post
from modelmux._engines import Options, _resolve
from modelmux.errors import AttemptTimeout, Billed, ConnectionFailed

D = 0.2
"""The deadline of every call here, seconds."""
SLACK = 0.25

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"
DRIP: list[bytes | float | str] = [step for _ in range(60) for step in (b"x", 0.02)]


@contextlib.contextmanager
def ends_by(seconds: float, phase: str) -> Iterator[pytest.ExceptionInfo[AttemptTimeout]]:
    start = time.monotonic()
    with pytest.raises(AttemptTimeout) as caught:
        yield caught
    taken = time.monotonic() - start
    assert caught.value.phase == phase
    assert seconds * 0.9 <= taken < seconds + SLACK


@pytest.mark.parametrize(
    ("script", "phase"),
    [
        ([HANG], "first_byte"),
        ([b"HTTP/1.1 200 OK\r\nx: ", *DRIP], "first_byte"),
        ([step for _ in range(60) for step in (b"HTTP/1.1 100 Continue\r\n\r\n", 0.02)], "first_byte"),
        ([HEAD, HANG], "read"),
        ([HEAD, *DRIP], "read"),
        ([chunked(b"x", end=b""), *(step for _ in range(60) for step in (b"1\r\nx\r\n", 0.02))], "read"),
        ([chunked(b"x", end=b""), b"2000\r\n", *DRIP], "read"),
        ([chunked(b"x", end=b""), b"1;", *DRIP], "read"),
    ],
    ids=[
        "silent",
        "head drips",
        "interim drips",
        "body stalls",
        "body drips",
        "chunks drip",
        "chunk drips",
        "size drips",
    ],
)
def test_no_drip_outlives_the_deadline(caller: Caller, script: list[bytes | float | str], phase: str) -> None:
    with Server(script) as server, ends_by(D, phase) as caught:
        caller.fetch(post(server.url), D)
    assert caught.value.billed is Billed.UNKNOWN


def test_a_server_that_is_always_ready_does_not_outlive_it_either(caller: Caller) -> None:
    def flood(seen: object) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        end = time.monotonic() + 2
        while time.monotonic() < end:
            yield b"x" * 100

    with Server(flood) as server:
        opened = caller.open(post(server.url), D)
        with ends_by(D, "read"):
            opened.rest(D)
        opened.close()


def test_a_server_that_does_not_read_times_out_in_write(caller: Caller) -> None:
    with Server([DEAF], read_bodies=False) as server, ends_by(D, "write"):
        caller.open(post(server.url, b"x" * 20_000_000), D)


def test_a_read_that_timed_out_may_be_repeated(caller: Caller) -> None:
    with Server([HEAD, b"one", 0.15, b"two", HANG]) as server:
        opened = caller.open(post(server.url))
        assert opened.read() == b"one"
        with ends_by(0.05, "read"):
            opened.read(0.05)
        assert opened.read() == b"two"
        opened.close()


def test_later_and_earlier_deadlines_on_one_connection(caller: Caller) -> None:
    """A timer set for one read must neither end a later one too soon nor keep an earlier one waiting."""
    with Server([chunked(b"a", end=b""), 0.15, b"1\r\nb\r\n", HANG]) as server:
        opened = caller.open(post(server.url), 0.1)
        assert opened.read(0.1) == b"a"
        assert opened.read(1.0) == b"b"
        with ends_by(0.1, "read"):
            opened.read(0.1)
        opened.close()


def test_a_deadline_already_past_sends_nothing(caller: Caller) -> None:
    with Server() as server:
        with pytest.raises(AttemptTimeout):
            caller.open(post(server.url), -1.0)
        assert server.connections == 0


def test_the_wait_for_a_connection_ends(callers: Callable[..., Caller]) -> None:
    caller = callers(Options(max_connections=1))
    with Server([chunked(b"x", end=b""), HANG]) as server:
        first = caller.open(post(server.url))
        with ends_by(D, "pool") as caught:
            caller.open(post(server.url), D)
        assert caught.value.billed is Billed.NO
        first.close()
        server.script = [answer(b"now")]
        assert caller.fetch(post(server.url))[1] == b"now"


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port that answers no handshake: its backlog is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, contextlib.ExitStack() as fillers:
        port = listener.getsockname()[1]
        for _ in range(4):
            filler = fillers.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield port


def test_a_connect_without_answer_ends(caller: Caller, full_port: int) -> None:
    with ends_by(D, "connect") as caught:
        caller.open(post(f"http://127.0.0.1:{full_port}/"), D)
    assert caught.value.billed is Billed.NO


def test_the_connect_timeout_is_its_own(caller: Caller, full_port: int) -> None:
    with ends_by(D, "connect"):
        caller.open(post(f"http://127.0.0.1:{full_port}/"), 5.0, connect_timeout=D)


def test_a_resolver_that_hangs_is_left_behind_and_shared(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    free = threading.Event()

    def getaddrinfo(host: str, *args: object, **kwargs: object) -> list[object]:
        asked.append(host)
        free.wait(5)
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(_resolve.socket, "getaddrinfo", getaddrinfo)
    for _ in range(2):
        with ends_by(D, "connect"):
            caller.open(post(f"http://{caller.kind}.invalid/"), D)
    assert asked == [f"{caller.kind}.invalid"]
    free.set()


def test_a_loop_may_close_before_the_resolver_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    free = threading.Event()
    answered = threading.Event()

    def getaddrinfo(*args: object, **kwargs: object) -> list[object]:
        free.wait(5)
        answered.set()
        return []

    monkeypatch.setattr(_resolve.socket, "getaddrinfo", getaddrinfo)
    caller = Caller("async")
    with pytest.raises(AttemptTimeout):
        caller.open(post("http://late.invalid/"), 0.05)
    caller.finish()
    free.set()
    assert answered.wait(5)
    for thread in threading.enumerate():
        if thread.name == "modelmux-resolve":
            thread.join(5)


def test_an_unknown_name_is_a_failed_connection(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*args: object, **kwargs: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(_resolve.socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(ConnectionFailed, match="no such name"):
        caller.open(post("http://nowhere.invalid/"))


def test_a_closed_port_is_a_failed_connection(caller: Caller) -> None:
    with Server() as server:
        port = server.port
    with pytest.raises(ConnectionFailed, match="refused"):
        caller.open(post(f"http://127.0.0.1:{port}/"))


def test_the_next_address_is_tried_beside_a_silent_one(
    caller: Caller, full_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Server() as server:
        places = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 1, 0, 0))] + [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in (full_port, 1, server.port)
        ]
        monkeypatch.setattr(_resolve.socket, "getaddrinfo", lambda *args, **kwargs: places)
        assert caller.fetch(post(f"http://many.invalid:{server.port}/"))[0].status == 200
