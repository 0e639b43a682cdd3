"""How late a call ends, against a plain timer set for the same time in the same process. All faults are synthetic.

``python tests/engines/deadlines.py [SECONDS]`` prints every fault's lateness in milliseconds, sync and async.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from engines.loopback import DEAF, HANG, Server, Step
from modelmux import Endpoint, Mux
from modelmux.errors import ModelmuxError
from modelmux.testing import FAULTS, VendorServer

BAR = 0.050
"""Seconds after the timer at which a call must have ended."""

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'


def drip(data: bytes, pace: float) -> list[Step]:
    return [step for byte in data for step in (bytes([byte]), pace)]


SCRIPTS: dict[str, list[Step]] = {
    "silence": [HANG],
    "head dripped": drip(HEAD * 200, 0.01),
    "body dripped": [HEAD, *drip(b"%x\r\n%s\r\n" % (len(EVENT), EVENT) * 200, 0.01)],
    "events dripped": [HEAD, *(step for _ in range(2000) for step in (b"%x\r\n%s\r\n" % (len(EVENT), EVENT), 0.01))],
    "pings": [HEAD, *(step for _ in range(2000) for step in (b"2\r\n:\n\r\n", 0.01))],
    "interim answers dripped": [step for _ in range(2000) for step in (b"HTTP/1.1 103 Wait\r\n\r\n", 0.05)],
    "error dripped": [HEAD.replace(b"200 OK", b"500 Oh"), *drip(b"1\r\nx\r\n" * 500, 0.01)],
}


@dataclass(frozen=True)
class Late:
    """One call: what came of it, and how many seconds after the control it ended (negative: before)."""

    name: str
    came: str
    seconds: float


@contextmanager
def places(patch: Callable[[Any], None]) -> Iterator[dict[str, dict[str, Any]]]:
    """Endpoint options by fault. ``patch`` puts another resolver in the place of the system's."""
    with ExitStack() as stack:
        found: dict[str, dict[str, Any]] = {}
        for name, script in SCRIPTS.items():
            found[name] = {"base_url": stack.enter_context(Server(script)).url}
        deaf = stack.enter_context(Server([DEAF], read_bodies=False))
        found["upload nobody reads"] = {"base_url": deaf.url}
        full = socket.create_server(("127.0.0.1", 0), backlog=0)
        stack.callback(full.close)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
            stack.callback(filler.close)
        found["connect that hangs"] = {"base_url": f"http://127.0.0.1:{full.getsockname()[1]}/v1"}
        mute = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        found["handshake that hangs"] = {"base_url": f"https://127.0.0.1:{mute.getsockname()[1]}/v1"}
        gate = threading.Event()
        stack.callback(gate.set)
        genuine = socket.getaddrinfo

        def resolver(host: Any, *args: Any, **named: Any) -> Any:
            if host == "slow.localhost":
                gate.wait(30)
                raise OSError("gave up")
            return genuine(host, *args, **named)

        patch(resolver)
        found["name that hangs"] = {"base_url": "http://slow.localhost:9/v1"}
        for name, fault in FAULTS.items():
            server = stack.enter_context(VendorServer("openai"))
            server.fail(fault)
            found[f"fault: {name}"] = {"base_url": server.base_url}
        yield found


def endpoint(where: dict[str, Any], client: Any) -> Endpoint:
    return Endpoint("openai/gpt-5-mini", api_key="test-key", http_client=client, **where)


def prompt(name: str) -> str:
    return "x" * 30_000_000 if name == "upload nobody reads" else "hello"


def came_of(call: Callable[[], Any]) -> str:
    try:
        call()
    except ModelmuxError as error:
        return type(error).__name__
    return "answered"


def sync(seconds: float, stream: bool, where: dict[str, dict[str, Any]], width: int) -> list[Late]:
    """``width`` faults at once, a thread each, and a plain timer beside each."""

    def one(name: str) -> Late:
        mux = Mux(endpoint(where[name], None), deadline=seconds)
        text = prompt(name)
        ended: list[float] = []
        timer = threading.Timer(seconds, lambda: ended.append(time.monotonic()))
        timer.start()
        came = came_of(lambda: list(mux.stream(text)) if stream else mux.chat(text))
        over = time.monotonic()
        timer.join()
        return Late(name, came, over - ended[0])

    with ThreadPoolExecutor(width) as pool:
        return list(pool.map(one, where))


async def asynchronous(seconds: float, stream: bool, where: dict[str, dict[str, Any]], width: int) -> list[Late]:
    """``width`` faults at once, a task each, and a plain timer beside each."""
    turn = asyncio.Semaphore(width)

    async def one(name: str) -> Late:
        async with turn:
            return await timed(name)

    async def timed(name: str) -> Late:
        mux = Mux(endpoint(where[name], None), deadline=seconds)
        text = prompt(name)
        timer = asyncio.create_task(asyncio.sleep(seconds, "over"))
        timer.add_done_callback(lambda _: ended.append(time.monotonic()))
        ended: list[float] = []
        await asyncio.sleep(0)
        came = "answered"
        try:
            if stream:
                async with mux.astream(text) as events:
                    async for _ in events:
                        pass
            else:
                await mux.achat(text)
        except ModelmuxError as error:
            came = type(error).__name__
        over = time.monotonic()
        await timer
        await asyncio.sleep(0)
        await mux.aclose()
        return Late(name, came, over - ended[0])

    return list(await asyncio.gather(*map(one, where)))


def measure(seconds: float, stream: bool, patch: Callable[[Any], None], width: int = 4) -> dict[str, list[Late]]:
    with places(patch) as where:
        return {
            "sync": sync(seconds, stream, where, width),
            "async": asyncio.run(asynchronous(seconds, stream, where, width)),
        }


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 1.5
    genuine = socket.getaddrinfo
    worst = 0.0
    for stream in (False, True):
        for kind, rows in measure(seconds, stream, lambda resolver: setattr(socket, "getaddrinfo", resolver)).items():
            for row in rows:
                worst = max(worst, row.seconds)
                how = "stream" if stream else "chat"
                print(f"{kind:6} {how:7} {row.name:32} {row.came:20} {row.seconds * 1e3:9.1f} ms")
        socket.getaddrinfo = genuine
    print(f"latest: {worst * 1e3:.1f} ms after the timer; the bar is {BAR * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
