"""CPU of a request through `modelmux serve`, beside litellm's proxy and Portkey's gateway, in one run.

    python benchmarks/gateways.py [--venvs DIR] [--rounds 3] [--only modelmux,litellm,portkey] [--json]

One local server in a process of its own answers for the vendor. Each gateway runs as its users run it, in a process of
its own that uses one core, from an environment of its own (made in ``--venvs`` on first use); Portkey's needs Node and
npm, and is left out where they are not. A round starts it anew, warms it up, and sends the same requests over 16
connections that stay open. Figures are CPU milliseconds of the gateway's process, user and system, from ``/proc``
(Linux). modelmux checks a key, routes over three endpoints, prices, and books every attempt in a ledger on disk.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import calls

HERE = Path(__file__).parent
MODEL = "gpt-5-mini"
VENDOR_KEY = "test-key"
CALLER_KEY = "a-key-for-the-benchmark-of-gateways"
CONNECTIONS = 16
REQUESTS, STREAMS, WARM = 2000, 300, 300
BARS = {"litellm": 0.25, "portkey": 1.0}
"""CPU of a request through modelmux as a share of the other's, at most."""

TITLES = {"request": "a request", "stream": "a streamed request"}
PROMPT = [{"role": "user", "content": "Say hello to the world in one sentence."}]


def python_of(venvs: Path, name: str, needs: list[str], *, fresh: bool = False) -> Path:
    home = venvs / name
    python = home / "bin" / "python"
    if not python.exists():
        print(f"making {home}", file=sys.stderr)
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *needs], check=True)
    elif fresh:
        install = [python, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", *needs]
        subprocess.run(install, check=True)
    return python


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


# --- the gateways --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Gateway:
    """``command`` starts it, ``headers`` go along with every request, ``ready`` is a path that answers 200."""

    command: list[str]
    port: int
    model: str
    headers: dict[str, str]
    ready: str
    streams: bool = True


def modelmux(venvs: Path, work: Path, vendor: str) -> Gateway:
    python = python_of(venvs, "modelmux-gateway", [f"{HERE.parent}[cli,gateway]"], fresh=True)
    port = free_port()
    hashed = subprocess.run(
        [python, "-c", f"from modelmux import gateway; print(gateway.digest({CALLER_KEY!r}))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    endpoints = "".join(
        f'[[endpoints]]\nmodel = "openai/{name}"\nbase_url = "{vendor}"\napi_key = "{VENDOR_KEY}"\n'
        for name in (MODEL, "gpt-5", "gpt-4o")
    )
    path = work / "modelmux.toml"
    path.write_text(
        f'policy = "cheapest"\nledger = "sqlite:///{work}/ledger.db"\n{endpoints}'
        f'[gateway]\nport = {port}\n[[gateway.keys]]\nname = "bench"\nsha256 = "{hashed}"\n'
    )
    command = [str(python.parent / "modelmux"), "serve", "--config", str(path)]
    return Gateway(command, port, "auto", {"authorization": f"Bearer {CALLER_KEY}"}, "/readyz")


def litellm(venvs: Path, work: Path, vendor: str) -> Gateway:
    python = python_of(venvs, "litellm-proxy", ["litellm[proxy]"])
    port = free_port()
    path = work / "litellm.yaml"
    endpoints = "".join(
        f"  - model_name: {MODEL}\n    litellm_params:\n      model: openai/{name}\n      api_base: {vendor}\n"
        f"      api_key: {VENDOR_KEY}\n"
        for name in (MODEL, "gpt-5", "gpt-4o")
    )
    # A master key of theirs has to begin in a certain way.
    key = "sk-bench"
    path.write_text(f"model_list:\n{endpoints}general_settings:\n  master_key: {key}\n")
    command = [str(python.parent / "litellm"), "--config", str(path), "--port", str(port), "--host", "127.0.0.1"]
    return Gateway(command, port, MODEL, {"authorization": f"Bearer {key}"}, "/health/liveliness")


def portkey(venvs: Path, work: Path, vendor: str) -> Gateway:
    home = venvs / "portkey"
    start = home / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    if not start.exists():
        print(f"making {home}", file=sys.stderr)
        home.mkdir(parents=True, exist_ok=True)
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "@portkey-ai/gateway"]
        subprocess.run(install, cwd=home, check=True)
    port = free_port()
    headers = {
        "authorization": f"Bearer {VENDOR_KEY}",
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": vendor,
    }
    command = ["node", str(start), f"--port={port}", "--headless"]
    # 1.15 under Node 20 answers every streamed request with 500 ("TypeError: immutable").
    return Gateway(command, port, MODEL, headers, "/", streams=False)


GATEWAYS: dict[str, Callable[[Path, Path, str], Gateway]] = {
    "modelmux": modelmux,
    "litellm": litellm,
    "portkey": portkey,
}


@contextmanager
def running(gateway: Gateway, work: Path) -> Iterator[int]:
    """Its process, once it answers. One worker, in a session of its own so that nothing of it stays behind."""
    log = (work / "log").open("w+")
    environment = {
        **os.environ,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": "ERROR",
        "LITELLM_TELEMETRY": "False",
        "TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost",
    }
    process = subprocess.Popen(
        gateway.command, cwd=work, env=environment, stdout=log, stderr=log, start_new_session=True
    )
    try:
        for _ in range(600):
            if process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{gateway.port}{gateway.ready}", timeout=5):
                    yield process.pid
                    return
            except OSError:
                time.sleep(0.2)
        log.seek(0)
        raise SystemExit(f"{gateway.command[0]} did not start: {log.read()[-2000:]}")
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
        log.close()


# --- the load ------------------------------------------------------------------------------------------------


def cpu(pid: int) -> float:
    """Seconds of CPU of a process and the children it has waited for or still has."""
    tick = os.sysconf("SC_CLK_TCK")
    total = 0.0
    for one in (pid, *children(pid)):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / tick
    return total


def children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *children(int(child))]
    return found


async def send(gateway: Gateway, count: int, *, stream: bool) -> None:
    body = json.dumps({"model": gateway.model, "messages": PROMPT, **({"stream": True} if stream else {})}).encode()
    lines = [f"{name}: {value}" for name, value in gateway.headers.items()]
    head = "\r\n".join(
        [
            "POST /v1/chat/completions HTTP/1.1",
            f"host: 127.0.0.1:{gateway.port}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            *lines,
        ]
    )
    message = head.encode() + b"\r\n\r\n" + body
    left = iter(range(count))

    async def caller() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        for _ in left:
            writer.write(message)
            answered = await read(reader)
            assert (b"[DONE]" if stream else b'"content"') in answered, answered[:500]
        writer.close()

    await asyncio.gather(*(caller() for _ in range(CONNECTIONS)))


async def read(reader: asyncio.StreamReader) -> bytes:
    """One answer's body. Raises AssertionError unless it is 200."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b"content-length:" in head:
        size = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(size)
    else:
        pieces = []
        while size := int((await reader.readline()).split(b";")[0], 16):
            pieces.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readexactly(2)
        body = b"".join(pieces)
    assert b" 200 " in head.split(b"\r\n")[0], head + body[:500]
    return body


def measure(gateway: Gateway, work: Path) -> dict[str, float]:
    """CPU milliseconds per request."""
    found = {}
    with running(gateway, work) as pid:
        for what, count in (("request", REQUESTS), ("stream", STREAMS if gateway.streams else 0)):
            if not count:
                continue
            asyncio.run(send(gateway, WARM, stream=what == "stream"))
            before = cpu(pid)
            asyncio.run(send(gateway, count, stream=what == "stream"))
            found[what] = (cpu(pid) - before) / count * 1000
    return found


# --- the figures ---------------------------------------------------------------------------------------------

Rounds = dict[str, list[dict[str, float]]]


def ratio(rounds: Rounds, other: str, what: str = "request") -> float | None:
    """modelmux against another in the same round; None where one of them was not measured."""
    if other not in rounds or "modelmux" not in rounds:
        return None
    pairs = zip(rounds["modelmux"], rounds[other], strict=True)
    return statistics.median(ours[what] / theirs[what] for ours, theirs in pairs)


def table(rounds: Rounds) -> list[str]:
    lines = ["| CPU ms | " + " | ".join(rounds) + " |", "|---" + "|---:" * len(rounds) + "|"]
    for what, title in TITLES.items():
        cells = [
            f"{statistics.median(one[what] for one in each):.2f}" if what in each[0] else "-"
            for each in rounds.values()
        ]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    for other, bar in BARS.items():
        share = ratio(rounds, other)
        if share is not None:
            lines.append(f"\nmodelmux ÷ {other}, a request: {share:.2f} (bar: ≤ {bar:.2f})")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venvs", type=Path, default=HERE / ".venvs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(GATEWAYS))
    parser.add_argument("--json", action="store_true", help="every round as JSON instead of a table")
    options = parser.parse_args()
    names = options.only.split(",")
    if "portkey" in names and not (shutil.which("node") and shutil.which("npm")):
        print("portkey is left out: Node and npm are not here", file=sys.stderr)
        names.remove("portkey")
    vendor, url = calls.server()
    rounds: Rounds = {name: [] for name in names}
    try:
        for _ in range(options.rounds):
            for name in names:
                with tempfile.TemporaryDirectory() as work:
                    gateway = GATEWAYS[name](options.venvs.absolute(), Path(work), url)
                    rounds[name].append(measure(gateway, Path(work)))
    finally:
        vendor.terminate()
        vendor.wait(5)
    print(json.dumps(rounds) if options.json else "\n".join(table(rounds)))


if __name__ == "__main__":
    main()
