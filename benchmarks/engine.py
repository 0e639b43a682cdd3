"""CPU per call of the HTTP engines, beside stock httpx and the openai SDK, against one local server process.

    python benchmarks/engine.py --python httpx=VENV/bin/python --python openai=VENV/bin/python

Each system runs in an interpreter of its own (``httpx`` and ``openai`` in the virtual environments named; the
engines in this one). Figures are CPU microseconds of the client process: per call one after the other, per call with
100 in flight, per chunk of one paced stream and of 8 at once (alone, a chunk is mostly the machine waking up).
Machines differ, so read the ratios. The engines hand over raw bytes; the
SDK also builds its objects, httpx only its response.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

CALLS, FLIGHT, ROUNDS, CHUNKS = 1000, 100, 20, 300
COLUMNS = ("sequential", "concurrent", "chunk", "chunk, 8 streams")
PACE = 0.004
STREAMS = 8
LATENCY = 0.02
REPLY = json.dumps(
    {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1760000000,
        "model": "gpt-5-mini",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "word " * 100}, "finish_reason": "stop"},
        ],
        "usage": {"prompt_tokens": 20, "completion_tokens": 100, "total_tokens": 120},
    }
).encode()
CHUNK = json.dumps(
    {
        "id": "chatcmpl-bench",
        "object": "chat.completion.chunk",
        "created": 1760000000,
        "model": "gpt-5-mini",
        "choices": [{"index": 0, "delta": {"content": " word"}, "finish_reason": None}],
    }
).encode()
HEADERS = b"".join(
    b"%s: %s\r\n" % (f"x-header-{number}".encode(), b"v" * 24) for number in range(14)
)  # as many as vendors send
BODY = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "hello " * 40}]}


class Server(asyncio.Protocol):
    """Answers at once, after a moment (``/slow/…``), or as a paced stream (``"stream": true``)."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.held = b""

    def data_received(self, data: bytes) -> None:
        self.held += data
        head, blank, rest = self.held.partition(b"\r\n\r\n")
        if not blank:
            return
        size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        if len(rest) < size:
            return
        self.held = rest[size:]
        if b'"stream":true' in rest[:size].replace(b" ", b""):
            task = asyncio.ensure_future(self.stream())
            task.add_done_callback(lambda _: None)
        elif head.startswith(b"POST /slow"):
            asyncio.get_running_loop().call_later(LATENCY, self.whole)
        else:
            self.whole()

    def whole(self) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n"
        self.transport.write(head % (HEADERS, len(REPLY)) + REPLY)

    async def stream(self) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n%stransfer-encoding: chunked\r\n\r\n"
        self.transport.write(head % HEADERS)
        for data in [CHUNK] * CHUNKS + [b"[DONE]"]:
            await asyncio.sleep(PACE)
            event = b"data: " + data + b"\n\n"
            self.transport.write(b"%x\r\n%s\r\n" % (len(event), event))
        self.transport.write(b"0\r\n\r\n")


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


# --- the systems: each gives (whole call, streamed call returning its chunks) ---------------------------------------

Pair = tuple[Callable[[str], object], Callable[[str], object]]


def engine_sync() -> Pair:
    from modelmux._engines import open_engine
    from modelmux._http import HttpRequest

    engine = open_engine()
    headers = {"content-type": "application/json", "authorization": "Bearer test-key"}
    whole_body, stream_body = json.dumps(BODY).encode(), json.dumps({**BODY, "stream": True}).encode()

    def send(base: str, body: bytes) -> int:
        deadline = time.monotonic() + 60
        stream = engine.send(HttpRequest("POST", base + "/chat/completions", headers, body), deadline=deadline)
        count = 0
        while stream.read(deadline):
            count += 1
        stream.close()
        return count

    return (lambda base: send(base, whole_body)), (lambda base: send(base, stream_body))


def engine_async() -> Pair:
    from modelmux._engines import open_async_engine
    from modelmux._http import HttpRequest

    engine = open_async_engine()
    headers = {"content-type": "application/json", "authorization": "Bearer test-key"}
    whole_body, stream_body = json.dumps(BODY).encode(), json.dumps({**BODY, "stream": True}).encode()

    async def send(base: str, body: bytes) -> int:
        deadline = time.monotonic() + 60
        stream = await engine.send(HttpRequest("POST", base + "/chat/completions", headers, body), deadline=deadline)
        count = 0
        while await stream.read(deadline):
            count += 1
        await stream.aclose()
        return count

    return (lambda base: send(base, whole_body)), (lambda base: send(base, stream_body))


def httpx_sync() -> Pair:
    import httpx

    client = httpx.Client(timeout=60, limits=httpx.Limits(max_connections=1000, max_keepalive_connections=200))

    def stream(base: str) -> int:
        with client.stream("POST", base + "/chat/completions", json={**BODY, "stream": True}) as reply:
            return sum(1 for _ in reply.iter_raw())

    return (lambda base: client.post(base + "/chat/completions", json=BODY).content), stream


def httpx_async() -> Pair:
    import httpx

    client = httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=1000, max_keepalive_connections=200))

    async def stream(base: str) -> int:
        async with client.stream("POST", base + "/chat/completions", json={**BODY, "stream": True}) as reply:
            return sum([1 async for _ in reply.aiter_raw()])

    return (lambda base: client.post(base + "/chat/completions", json=BODY)), stream


def openai_sync() -> Pair:
    import openai

    client = openai.OpenAI(api_key="test-key", base_url="http://unset")

    def stream(base: str) -> int:
        return sum(1 for _ in client.with_options(base_url=base).chat.completions.create(**BODY, stream=True))

    return (lambda base: client.with_options(base_url=base).chat.completions.create(**BODY)), stream


def openai_async() -> Pair:
    import openai

    clients: dict[str, openai.AsyncOpenAI] = {}

    def at(base: str) -> openai.AsyncOpenAI:
        if base not in clients:
            clients[base] = openai.AsyncOpenAI(api_key="test-key", base_url=base)
        return clients[base]

    async def stream(base: str) -> int:
        return sum([1 async for _ in await at(base).chat.completions.create(**BODY, stream=True)])

    return (lambda base: at(base).chat.completions.create(**BODY)), stream


def floor_async() -> Pair:
    """asyncio with nothing on top: what no engine on it can undercut."""
    idle: list[Floor] = []

    async def send(base: str, body: bytes, end: bytes) -> None:
        loop = asyncio.get_running_loop()
        host, _, path = base.removeprefix("http://").partition("/")
        name, _, port = host.partition(":")
        if idle:
            wire = idle.pop()
        else:
            _, wire = await loop.create_connection(Floor, name, int(port))
        wire.end, wire.done = end, loop.create_future()
        wire.transport.write(
            b"POST /%s HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (path.encode(), len(body), body)
        )
        await wire.done
        idle.append(wire)

    whole_body, stream_body = json.dumps(BODY).encode(), json.dumps({**BODY, "stream": True}).encode()
    return (lambda base: send(base, whole_body, REPLY)), (lambda base: send(base, stream_body, b"0\r\n\r\n"))


class Floor(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if data.endswith(self.end):
            self.done.set_result(None)


SYSTEMS = {
    "floor async": floor_async,
    "engine sync": engine_sync,
    "engine async": engine_async,
    "httpx sync": httpx_sync,
    "httpx async": httpx_async,
    "openai sync": openai_sync,
    "openai async": openai_async,
}


def cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return (time.process_time() - start) * 1e6


def run_sync(pair: Pair, url: str) -> dict[str, float]:
    whole, stream = pair
    for _ in range(50):
        whole(url)
    stream(url)
    sequential = cpu(lambda: [whole(url) for _ in range(CALLS)]) / CALLS
    chunk = cpu(lambda: stream(url)) / CHUNKS
    with ThreadPoolExecutor(STREAMS) as threads:
        list(threads.map(stream, [url] * STREAMS))
        chunk20 = cpu(lambda: list(threads.map(stream, [url] * STREAMS))) / CHUNKS / STREAMS
    with ThreadPoolExecutor(FLIGHT) as threads:
        list(threads.map(whole, [url + "/slow"] * FLIGHT))
        concurrent = cpu(lambda: list(threads.map(whole, [url + "/slow"] * FLIGHT * ROUNDS))) / FLIGHT / ROUNDS
    return {"sequential": sequential, "concurrent": concurrent, "chunk": chunk, "chunk, 8 streams": chunk20}


async def run_async(pair: Pair, url: str) -> dict[str, float]:
    whole, stream = pair

    async def measured(work: Awaitable[object]) -> float:
        start = time.process_time()
        await work
        return (time.process_time() - start) * 1e6

    async def row(base: str, count: int) -> None:
        for _ in range(count):
            await whole(base)  # type: ignore[misc]

    async def flight(count: int) -> None:
        await asyncio.gather(*(row(url + "/slow", count) for _ in range(FLIGHT)))

    await row(url, 50)
    await flight(1)
    await asyncio.gather(*(stream(url) for _ in range(STREAMS)))
    return {
        "sequential": await measured(row(url, CALLS)) / CALLS,
        "concurrent": await measured(flight(ROUNDS)) / FLIGHT / ROUNDS,
        "chunk": await measured(stream(url)) / CHUNKS,  # type: ignore[arg-type]
        "chunk, 8 streams": await measured(asyncio.gather(*(stream(url) for _ in range(STREAMS)))) / CHUNKS / STREAMS,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", action="append", default=[], metavar="SYSTEM=PATH")
    parser.add_argument("--only", default="")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--run", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        asyncio.run(serve())
    if args.run:
        name, url = args.run
        pair = SYSTEMS[name]()
        print(json.dumps(asyncio.run(run_async(pair, url)) if name.endswith(" async") else run_sync(pair, url)))
        return
    pythons = dict(pair.split("=", 1) for pair in args.python)
    server = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        print(f"{'CPU µs per':16}" + "".join(f"{name:>20}" for name in COLUMNS))
        for name in SYSTEMS:
            own = name.startswith(("engine", "floor"))
            python = sys.executable if own else pythons.get(name.split()[0])
            if python is None or args.only not in name:
                continue
            command = [python, __file__, "--run", name, url]
            runs = [json.loads(subprocess.check_output(command)) for _ in range(args.repeat)]
            print(f"{name:16}" + "".join(f"{statistics.median(r[c] for r in runs):>20.0f}" for c in COLUMNS))
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
