"""CPU that the transport adds under the openai SDK, and what the SDK takes with the network stack of its own.

    python benchmarks/transport.py [--venvs DIR] [--rounds 5] [--json]

Three clients, each in a fresh interpreter, in turn: the SDK as it comes, the SDK over a bare transport (our engine with
nothing above it), and the SDK over the transport of a Mux. One local server answers them. Figures are CPU microseconds
of the client process, the cheapest round of each; what the transport adds is the third less the second.
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
BARS = {"call": 120.0, "chunk": 10.0}
CALLS, STREAMS = 300, 6
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


def work(system: str, url: str, paced: str) -> dict[str, float]:
    sdk = client(system, url)

    def call() -> None:
        assert sdk.chat.completions.create(model=MODEL, messages=PROMPT).choices[0].message.content

    for _ in range(30):
        call()
    begun = time.process_time()
    for _ in range(CALLS):
        call()
    figures = {"call": (time.process_time() - begun) / CALLS * 1e6}
    sdk = client(system, paced)

    def stream() -> int:
        return sum(1 for _ in sdk.chat.completions.create(model=MODEL, messages=PROMPT, stream=True))

    stream()
    begun, chunks = time.process_time(), 0
    for _ in range(STREAMS):
        chunks += stream()
    spent = (time.process_time() - begun) * 1e6 - STREAMS * figures["call"]
    return {**figures, "chunk": spent / chunks}


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
    return process, process.stdout.readline().strip()


def measure(python: str, rounds: int) -> dict[str, dict[str, list[float]]]:
    (plain, url), (slow, paced) = server(), server("--pace", "0.004", "--events", "150")
    figures: dict[str, dict[str, list[float]]] = {system: {"call": [], "chunk": []} for system in SYSTEMS}
    try:
        for _ in range(rounds):
            for system in SYSTEMS:
                command = [python, __file__, "--work", system, url, paced]
                done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
                if done.returncode:
                    raise SystemExit(f"{system}: {done.stderr[-2000:]}")
                for name, value in json.loads(done.stdout.splitlines()[-1]).items():
                    figures[system][name].append(value)
    finally:
        plain.kill()
        slow.kill()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venvs", type=Path, default=Path.home() / ".cache" / "modelmux-benchmarks")
    parser.add_argument("--python", help="an interpreter that has openai and modelmux, in place of one of --venvs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        print(json.dumps(work(*options.work)))
        return
    figures = measure(options.python or interpreter(options.venvs), options.rounds)
    least = {system: {name: min(values) for name, values in found.items()} for system, found in figures.items()}
    adds = {name: least["modelmux"][name] - least["bare"][name] for name in BARS}
    if options.json:
        print(json.dumps({"least": least, "adds": adds}))
        return
    for system, found in least.items():
        print(f"{system:10} {found['call']:8.0f} µs a call {found['chunk']:8.1f} µs a chunk")
    for name, bar in BARS.items():
        verdict = "ok" if adds[name] <= bar else "MISSED"
        print(f"the transport adds {adds[name]:.1f} µs a {name} (bar {bar:.0f}): {verdict}")
    verdict = "ok" if least["modelmux"]["call"] < least["sdk"]["call"] else "MISSED"
    print(f"a call below the SDK with its own network stack: {verdict}")


if __name__ == "__main__":
    main()
