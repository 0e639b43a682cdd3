"""`modelmux serve`, under uvicorn, in a process of its own."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing, suppress

import pytest

from gateway.served import CHAT, Connection, get, many, serving, streamed, words
from modelmux.testing import VendorServer

ASK = {"model": "auto", "messages": [{"role": "user", "content": "one two three"}]}


@pytest.fixture
def vendor():
    with VendorServer("openai", key="our-openai-key") as server:
        yield server


def states(place):
    with closing(sqlite3.connect(place / "ledger.db")) as ledger:
        return [state for (state,) in ledger.execute("select state from attempts order by started_at")]


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A gateway that several tests share, its vendor, and where its ledger is."""
    place = tmp_path_factory.mktemp("running")
    with VendorServer("openai", key="our-openai-key") as server, serving(server, place, "max_body = 4000") as gateway:
        yield gateway, server, place
        gateway.signal()
        assert gateway.wait() == 0
        assert gateway.errors == ""  # no trace of a key, a prompt or an address either


@pytest.fixture
def shared(running):
    running[1].reset()
    running[1].pace = 0.0
    return running


def test_fifty_streams_at_once_lose_and_reorder_nothing(shared):
    gateway, vendor, _ = shared
    vendor.pace = 0.002
    assert asyncio.run(many(gateway.port, 50, 30)) == []
    assert vendor.max_in_flight >= 40


def test_hanging_up_reaches_the_vendor_within_a_second(shared):
    gateway, vendor, place = shared
    vendor.pace = 0.05
    ask = {"model": "auto", "messages": [{"role": "user", "content": words(0, 300)}], "stream": True}

    async def run():
        connection = await Connection.to(gateway.port)
        await connection.ask("POST", CHAT, ask)
        async for _ in connection.chunks():
            break
        began = time.monotonic()
        connection.close()
        while vendor.in_flight:
            assert time.monotonic() - began < 1
            await asyncio.sleep(0.01)

    asyncio.run(run())
    assert vendor.hung_up == 1
    end = time.monotonic() + 5
    while "cancelled" not in states(place):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_large_body_is_answered_although_it_is_not_read(shared):
    gateway, vendor, _ = shared

    async def run():
        connection = await Connection.to(gateway.port)
        await connection.ask("POST", "/v1beta/models/auto:generateContent?key=callers-key", {"contents": "x" * 5000})
        assert connection.status == 413
        assert (await connection.read()).startswith(b'{"error":')
        connection.close()

    asyncio.run(run())
    assert vendor.requests == []


def test_a_head_without_end_is_refused(shared):
    async def run():
        reader, writer = await asyncio.open_connection("127.0.0.1", shared[0].port)
        writer.write(b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nx-endless: ")
        answer = asyncio.create_task(reader.read())
        sent = 0
        while not answer.done():
            assert sent < 64 * 1024 * 1024, "it goes on reading"
            try:
                writer.write(b"x" * 65536)
                await writer.drain()
            except ConnectionError:
                break
            sent += 65536
            await asyncio.sleep(0)
        with suppress(ConnectionError):  # it closed while more was on its way
            assert b" 431 " in await answer
        writer.close()

    asyncio.run(run())
    assert asyncio.run(get(shared[0].port, "/healthz"))[0] == 200


@pytest.mark.full
def test_five_hundred_streams_at_once_lose_and_reorder_nothing(vendor, tmp_path):
    vendor.pace = 0.01
    with serving(vendor, tmp_path) as gateway:
        assert asyncio.run(many(gateway.port, 500, 100)) == []
        assert vendor.max_in_flight >= 450
        gateway.signal()
        assert gateway.wait() == 0
    assert states(tmp_path) == ["ok"] * 500


def test_a_stop_lets_streams_end_and_takes_nothing_new(vendor, tmp_path):
    vendor.pace = 0.05

    async def run(gateway):
        stream = asyncio.create_task(streamed(gateway.port, 0, 20))
        idle = await Connection.to(gateway.port)
        await idle.ask("GET", "/readyz")
        assert (idle.status, b"ready" in await idle.read()) == (200, True)
        while not vendor.in_flight:
            await asyncio.sleep(0.01)
        gateway.signal()
        await asyncio.sleep(0.4)
        with pytest.raises(ConnectionRefusedError):
            await Connection.to(gateway.port)
        assert await stream == words(0, 20)
        idle.close()

    with serving(vendor, tmp_path) as gateway:
        asyncio.run(run(gateway))
        assert gateway.wait() == 0
    assert states(tmp_path) == ["ok"]


def test_while_it_drains_it_says_so_and_still_answers(vendor, tmp_path):
    async def run(gateway):
        gateway.signal()
        await asyncio.sleep(0.2)
        assert await get(gateway.port, "/readyz") == (503, b'{"status":"draining"}')
        connection = await Connection.to(gateway.port)
        await connection.ask("POST", CHAT, ASK)
        assert connection.status == 200
        await connection.read()
        connection.close()

    with serving(vendor, tmp_path, "drain_delay = 1.5") as gateway:
        asyncio.run(run(gateway))
        assert gateway.wait() == 0


def test_a_stream_that_outlasts_the_drain_is_cut_and_booked(vendor, tmp_path):
    vendor.pace = 0.1

    async def run(gateway):
        connection = await Connection.to(gateway.port)
        body = {"model": "auto", "messages": [{"role": "user", "content": words(0, 1000)}], "stream": True}
        await connection.ask("POST", CHAT, body)
        began = time.monotonic()
        gateway.signal()
        with pytest.raises(asyncio.IncompleteReadError):  # what was cut must not look whole
            await connection.read()
        assert time.monotonic() - began < 4
        connection.close()

    with serving(vendor, tmp_path, "drain = 0.5") as gateway:
        asyncio.run(run(gateway))
        assert gateway.wait() == 0
    assert states(tmp_path) == ["cancelled"]
