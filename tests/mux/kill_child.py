"""Processes that keep 50 calls under way through a real Mux until they are killed.

Usage: kill_child.py LEDGER_URL ENDPOINTS, where ENDPOINTS is JSON: ``[[model, base_url, key], …]``. Everything is
imported once. Each line ``tasks NAME`` or ``threads NAME`` on standard input then forks a process that makes calls,
and ``pid N`` is written; when that process has ended, ``over STATUS``. The calls themselves write ``done CALL`` once
their caller has the whole reply, or a stream's last event. A call is named by its tag ``n`` and by its prompt.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from itertools import count

from modelmux import Endpoint, Mux
from modelmux.types import Finish

CONCURRENT = 50


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # shorter than PIPE_BUF: whole or not at all


def calls(name: str) -> Iterator[tuple[str, bool]]:
    """Names of calls, every other one a stream."""
    for number in count():
        yield f"{name}-{number}", number % 2 == 1


def thread(mux: Mux, name: str) -> None:
    for call, streamed in calls(name):
        if streamed:
            with mux.stream(call, tags={"n": call}) as stream:
                for event in stream:
                    if isinstance(event, Finish):
                        say(f"done {call}")
        elif mux.chat(call, tags={"n": call}).text:
            say(f"done {call}")


async def task(mux: Mux, name: str) -> None:
    for call, streamed in calls(name):
        if streamed:
            async with mux.astream(call, tags={"n": call}) as stream:
                async for event in stream:
                    if isinstance(event, Finish):
                        say(f"done {call}")
        elif (await mux.achat(call, tags={"n": call})).text:
            say(f"done {call}")


async def tasks(mux: Mux, name: str) -> None:
    await asyncio.gather(*(task(mux, f"{name}-{who}") for who in range(CONCURRENT)))


def make_calls(url: str, endpoints: list[Endpoint], kind: str, name: str) -> None:
    mux = Mux(endpoints, policy="weighted", ledger=url)
    if kind == "tasks":
        asyncio.run(tasks(mux, name))
    for who in range(CONCURRENT):
        threading.Thread(target=thread, args=(mux, f"{name}-{who}"), daemon=True).start()
    time.sleep(60)


def main(url: str, given: str) -> None:
    endpoints = [Endpoint(model, base_url=base_url, api_key=key) for model, base_url, key in json.loads(given)]
    Mux(endpoints).explain("so that the forked processes find everything imported")
    for line in sys.stdin:
        kind, name = line.split()
        pid = os.fork()
        if pid == 0:
            try:
                make_calls(url, endpoints, kind, name)
            finally:
                os._exit(1)
        say(f"pid {pid}")
        _, status = os.waitpid(pid, 0)
        say(f"over {os.waitstatus_to_exitcode(status)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
