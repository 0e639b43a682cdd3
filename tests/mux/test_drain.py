"""Closing a Mux waits for calls under way, not for streams nobody reads, and never for ever."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time

from modelmux.testing import Fault
from modelmux.testing.faults import NEVER

OPENAI = "openai/gpt-5-mini"


def test_close_waits_for_a_call_of_another_thread(vendors, make_mux) -> None:
    vendors.openai.fail(Fault(latency=0.3))
    mux = make_mux(OPENAI)
    replies = []
    thread = threading.Thread(target=lambda: replies.append(mux.chat("hi")))
    thread.start()
    while not vendors.openai.requests:
        time.sleep(0.005)
    mux.close()
    assert [row.state for row in mux.ledger.query()] == ["ok"]
    thread.join()
    assert replies[0].text == "You said: hi"


def test_aclose_waits_for_other_tasks(vendors, make_mux) -> None:
    vendors.openai.fail(Fault(latency=0.3))
    mux = make_mux(OPENAI)

    async def main() -> str:
        task = asyncio.create_task(mux.achat("hi"))
        while not vendors.openai.requests:
            await asyncio.sleep(0.005)
        await mux.aclose()
        assert task.done()
        return (await task).text

    assert asyncio.run(main()) == "You said: hi"


def test_close_does_not_wait_for_a_stream_that_nobody_reads(vendors, make_mux) -> None:
    vendors.openai.reply(text=["a", "b", "c"])
    mux = make_mux(OPENAI)
    stream = mux.stream("hi")
    next(stream)
    began = time.monotonic()
    mux.close()
    assert time.monotonic() - began < 1.0
    stream.close()
    assert [row.state for row in mux.ledger.query()] == ["cancelled"]


def test_close_gives_up_after_its_timeout(vendors, make_mux) -> None:
    vendors.openai.fail(Fault(latency=NEVER))
    mux = make_mux(OPENAI)
    thread = threading.Thread(target=lambda: mux.chat("hi", deadline=2.0), daemon=True)
    threading.excepthook, hook = (lambda _: None), threading.excepthook
    try:
        thread.start()
        while not vendors.openai.requests:
            time.sleep(0.005)
        began = time.monotonic()
        mux.close(timeout=0.2)
        assert 0.15 < time.monotonic() - began < 1.0
        thread.join()
    finally:
        threading.excepthook = hook


_HOST = """
import signal, sys
import modelmux
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
with modelmux.Mux([modelmux.Endpoint("openai/gpt-5-mini", base_url=sys.argv[1], api_key=sys.argv[2])],
                  ledger=sys.argv[3]) as mux:
    print("asking", flush=True)
    mux.chat("hi")
"""


def test_a_host_that_ends_on_sigterm_leaves_true_books(vendors, tmp_path) -> None:
    from modelmux.cost.sqlite import SqliteLedger

    vendors.openai.fail(Fault(latency=NEVER))
    url = f"sqlite:///{tmp_path / 'books.db'}"
    command = [sys.executable, "-c", _HOST, vendors.openai.base_url, vendors.openai.key, url]
    host = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert host.stdout is not None
    assert host.stdout.readline() == b"asking\n"
    while not vendors.openai.requests:
        time.sleep(0.01)
    os.kill(host.pid, signal.SIGTERM)
    assert host.wait(5.0) == 7
    host.stdout.close()
    rows = SqliteLedger(url.removeprefix("sqlite:///")).query()
    assert [row.state for row in rows] == ["cancelled"]
    assert vendors.openai.idle(2.0)
