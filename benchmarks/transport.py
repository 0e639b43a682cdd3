"""CPU that the transport adds under the openai SDK, and what the SDK takes with the network stack of its own.

    python benchmarks/transport.py [--venvs DIR] [--rounds 5] [--json]

Three clients, each in a fresh interpreter, in turn: the SDK as it comes, the SDK over a bare transport (our engine with
nothing above it), and the SDK over the transport of a Mux. One local server answers them. Figures are CPU microseconds
of the client process, the cheapest part of any round of each; what the transport adds is the third less the second.
Client and server keep to a core each, where there are two: what the server leaves in a cache costs the client nothing.

Chunks are measured twice. *Paced* ones come every 4 ms, so the process sleeps between them, and what it has to do for
one it does with cold caches, at many times the price (docs/performance.md). *Flowing* ones come as fast as they are
read.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SYSTEMS = ("sdk", "bare", "modelmux")
BARS = {"call": 120.0, "paced chunk": 10.0, "flowing chunk": 10.0}
STREAMS = {"paced chunk": ("--pace", "0.004", "--events", "150"), "flowing chunk": ("--pace", "0", "--events", "3000")}
"""How the server streams, by figure."""

CALLS, PARTS = 300, 6
STREAMED = 6
MODEL = "gpt-5-mini"
PROMPT = [{"role": "user", "content": "Say hello to the world in one sentence."}]


# --- in an interpreter of its own ----------------------------------------------------------------------------


def bare() -> Any:
    """A transport that hands every request to the engine, and does no more."""
    import httpx2

    from modelmux._engines import open_engine
    from modelmux._http import HttpRequest

    engine = open_engine()

    class Stream(httpx2.SyncByteStream):  # type: ignore[misc]
        def __init__(self, stream: Any) -> None:
            self.stream = stream

        def __iter__(self) -> Any:
            while data := self.stream.read(None):
                yield data

        def close(self) -> None:
            self.stream.close()

    class Bare(httpx2.BaseTransport):  # type: ignore[misc]
        def handle_request(self, request: Any) -> Any:
            headers = {name.lower(): value for name, value in request.headers.items() if name != "host"}
            sent = HttpRequest(request.method, str(request.url), headers, request.read())
            stream = engine.send(sent, deadline=None)
            return httpx2.Response(stream.head.status, headers=dict(stream.head.headers), stream=Stream(stream))

    return httpx2.Client(transport=Bare())


def client(system: str, url: str) -> Any:
    import openai

    if system == "sdk":
        return openai.OpenAI(api_key="test-key", base_url=url)
    if system == "bare":
        return openai.OpenAI(api_key="test-key", base_url=url, http_client=bare())
    from modelmux import Mux

    return openai.OpenAI(api_key="test-key", base_url=url, http_client=Mux([f"openai/{MODEL}-other"], providers={"openai": {"api_key": "test-key"}}, usage="as_sent").http_client())  # fmt: skip  # noqa: E501


def keep_to(core: int, process: int = 0) -> None:
    """Run a process (0: this one) on one core only."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) > 1:
        os.sched_setaffinity(process, {cores[core]})


def work(system: str, url: str, *streams: str) -> dict[str, float]:
    keep_to(0)
    sdk = client(system, url)

    def call() -> None:
        assert sdk.chat.completions.create(model=MODEL, messages=PROMPT).choices[0].message.content

    for _ in range(30):
        call()
    spent = []
    for _ in range(PARTS):
        begun = time.process_time()
        for _ in range(CALLS // PARTS):
            call()
        spent.append((time.process_time() - begun) / (CALLS // PARTS) * 1e6)
    figures = {"call": min(spent)}
    for name, where in zip(STREAMS, streams, strict=True):
        figures[name] = chunk(client(system, where))
    return figures


def chunk(sdk: Any) -> float:
    """A chunk of a stream, with its share of the call."""

    def stream() -> int:
        return sum(1 for _ in sdk.chat.completions.create(model=MODEL, messages=PROMPT, stream=True))

    stream()
    spent = []
    for _ in range(STREAMED):
        begun = time.process_time()
        chunks = stream()
        spent.append((time.process_time() - begun) / chunks * 1e6)
    return min(spent)


# --- beside one another --------------------------------------------------------------------------------------


def interpreter(venvs: Path) -> str:
    home = venvs / "openai-modelmux"
    python = home / "bin" / "python"
    if not python.exists():
        print(f"making {home}", file=sys.stderr)
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "openai", "-e", str(HERE.parent)], check=True)
    return str(python)


def server(*options: str) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "modelmux.testing.server", "--wire", "openai", "--fast", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    keep_to(-1, process.pid)
    return process, process.stdout.readline().strip()


def measure(python: str, rounds: int) -> dict[str, dict[str, list[float]]]:
    servers = [server(), *(server(*how) for how in STREAMS.values())]
    urls = [url for _, url in servers]
    figures: dict[str, dict[str, list[float]]] = {system: {name: [] for name in BARS} for system in SYSTEMS}
    try:
        for _ in range(rounds):
            for system in SYSTEMS:
                command = [python, __file__, "--work", system, *urls]
                done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
                if done.returncode:
                    raise SystemExit(f"{system}: {done.stderr[-2000:]}")
                for name, value in json.loads(done.stdout.splitlines()[-1]).items():
                    figures[system][name].append(value)
    finally:
        for process, _ in servers:
            process.kill()
    return figures


def summed_up(figures: dict[str, dict[str, list[float]]]) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """The cheapest round of each, and what the transport adds."""
    least = {system: {name: min(values) for name, values in found.items()} for system, found in figures.items()}
    return least, {name: least["modelmux"][name] - least["bare"][name] for name in BARS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venvs", type=Path, default=Path.home() / ".cache" / "modelmux-benchmarks")
    parser.add_argument("--python", help="an interpreter that has openai and modelmux, in place of one of --venvs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--work", nargs=2 + len(STREAMS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        print(json.dumps(work(*options.work)))
        return
    least, adds = summed_up(measure(options.python or interpreter(options.venvs), options.rounds))
    if options.json:
        print(json.dumps({"least": least, "adds": adds}))
        return
    for system, found in least.items():
        print(f"{system:10} " + ", ".join(f"{found[name]:8.1f} µs a {name}" for name in BARS))
    for name, bar in BARS.items():
        verdict = "ok" if adds[name] <= bar else "MISSED"
        print(f"the transport adds {adds[name]:.1f} µs a {name} (bar {bar:.0f}): {verdict}")
    verdict = "ok" if least["modelmux"]["call"] < least["sdk"]["call"] else "MISSED"
    print(f"a call below the SDK with its own network stack: {verdict}")


if __name__ == "__main__":
    main()
