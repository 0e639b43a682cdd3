"""CPU of a drop-in beside the SDK that it stands for, by the same lines of code.

    python benchmarks/dropin.py [--package openai|anthropic|google.genai] [--sdk PYTHON] [--own PYTHON]
                                [--rounds 3] [--json]

``--sdk`` and ``--own`` are interpreters that have the vendor's package and modelmux. One server answers both. Each
runs in fresh interpreters, in turn, once a round; a ratio is the median of the rounds. own. Figures are microseconds
of CPU of the client process.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import resource
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import calls

HERE = Path(__file__).parent
BARS = {
    "first call": 0.45,
    "later client": 0.05,
    "sequential": 0.45,
    "async": 0.45,
    "chunk": 0.45,
    "history": 0.08,
}
TITLES = {
    "first call": "fresh process: import, client, first answered call",
    "later client": "each later client",
    "sequential": "a call, one after another",
    "async": "an async call, one after another",
    "chunk": "a chunk of a paced stream",
    "history": "a call with a 200 KB history, beyond a short one",
}
SAID = "Say hello to the world in one sentence."
LONG = [f"{number}: " + "the quick brown fox " * 100 for number in range(101)]


class OpenAI:
    """The same lines for ``openai`` and for ``modelmux.openai``."""

    package = "openai"
    wire = "openai"
    model = "gpt-5-mini"
    answers = "assistant"

    def __init__(self, name: str) -> None:
        self.module = importlib.import_module(self.package if name == "sdk" else f"modelmux.{self.package}")
        self.short: Any = [{"role": "user", "content": SAID}]
        self.long: Any = [self.turn("user" if n % 2 == 0 else self.answers, text) for n, text in enumerate(LONG)]

    def turn(self, role: str, text: str) -> dict[str, Any]:
        return {"role": role, "content": text}

    def client(self, url: str) -> Any:
        return self.module.OpenAI(base_url=url, api_key="test-key", max_retries=2)

    def aclient(self, url: str) -> Any:
        return self.module.AsyncOpenAI(base_url=url, api_key="test-key", max_retries=2)

    def ask(self, client: Any, said: Any) -> str:
        return client.chat.completions.create(model=self.model, messages=said).choices[0].message.content

    def pieces(self, client: Any) -> Iterator[bool]:
        for chunk in client.chat.completions.create(model=self.model, messages=self.short, stream=True):
            yield bool(chunk.choices and chunk.choices[0].delta.content)

    async def aask(self, client: Any) -> None:
        await client.chat.completions.create(model=self.model, messages=self.short)


class Anthropic(OpenAI):
    """The same lines for ``anthropic`` and for ``modelmux.anthropic``."""

    package = "anthropic"
    wire = "anthropic"
    model = "claude-haiku-4-5"

    def client(self, url: str) -> Any:
        return self.module.Anthropic(base_url=url.removesuffix("/v1"), api_key="test-key", max_retries=2)

    def aclient(self, url: str) -> Any:
        return self.module.AsyncAnthropic(base_url=url.removesuffix("/v1"), api_key="test-key", max_retries=2)

    def ask(self, client: Any, said: Any) -> str:
        return client.messages.create(model=self.model, messages=said, max_tokens=100).content[0].text

    def pieces(self, client: Any) -> Iterator[bool]:
        for event in client.messages.create(model=self.model, messages=self.short, max_tokens=100, stream=True):
            yield event.type == "content_block_delta"

    async def aask(self, client: Any) -> None:
        await client.messages.create(model=self.model, messages=self.short, max_tokens=100)


class Google(OpenAI):
    """The same lines for ``google.genai`` and for ``modelmux.google.genai``."""

    package = "google.genai"
    wire = "gemini"
    model = "gemini-2.5-flash"
    answers = "model"

    def turn(self, role: str, text: str) -> dict[str, Any]:
        return {"role": role, "parts": [{"text": text}]}

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.short = SAID

    def client(self, url: str) -> Any:
        # The SDK puts a version of its own behind the address.
        return self.module.Client(api_key="test-key", http_options={"base_url": url.rpartition("/")[0] + "/"})

    def aclient(self, url: str) -> Any:
        return self.client(url).aio

    def ask(self, client: Any, said: Any) -> str:
        return client.models.generate_content(model=self.model, contents=said).text

    def pieces(self, client: Any) -> Iterator[bool]:
        for chunk in client.models.generate_content_stream(model=self.model, contents=self.short):
            yield bool(chunk.text)

    async def aask(self, client: Any) -> None:
        await client.models.generate_content(model=self.model, contents=self.short)


VENDORS: dict[str, type[OpenAI]] = {kind.package: kind for kind in (OpenAI, Anthropic, Google)}


def cost(times: int, act: Callable[[], Any]) -> float:
    act()
    start = time.process_time()
    for _ in range(times):
        act()
    return (time.process_time() - start) / times * 1e6


def work(package: str, name: str, url: str, paced: str) -> dict[str, float]:
    """The worker's part, in an interpreter of its own."""
    lines = VENDORS[package](name)
    client = lines.client(url)
    figures = {
        "sequential": cost(300, lambda: lines.ask(client, lines.short)),
        "later client": cost(30, lambda: lines.client(url)),
    }
    figures["history"] = max(1.0, cost(40, lambda: lines.ask(client, lines.long)) - figures["sequential"])
    slow = lines.client(paced)
    sum(lines.pieces(slow))
    start = time.process_time()
    seen = sum(sum(lines.pieces(slow)) for _ in range(5))
    figures["chunk"] = (time.process_time() - start) / max(1, seen) * 1e6

    async def several() -> float:
        async with lines.aclient(url) as later:
            await lines.aask(later)
            start = time.process_time()
            for _ in range(200):
                await lines.aask(later)
            return (time.process_time() - start) / 200 * 1e6

    figures["async"] = asyncio.run(several())
    return figures


def first(package: str, name: str, url: str) -> None:
    lines = VENDORS[package](name)
    assert lines.ask(lines.client(url), lines.short)


def sdk_python(venvs: Path, package: str) -> str:
    """The Python of the environment that has the vendor's SDK, made when it is not there yet."""
    name = package.replace(".", "-")
    python = venvs / name / "bin" / "python"
    if not python.exists():
        venv.create(venvs / name, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", name], check=True)
    return str(python)


def server(package: str, *options: str) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "modelmux.testing.server", "--wire", VENDORS[package].wire, "--fast", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def fresh(python: str, package: str, name: str, url: str) -> float:
    """CPU of a whole process, the cheapest of three."""
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([python, __file__, "--first", package, name, url], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e6)
    return min(spent)


def figures(pythons: dict[str, str], rounds: int, package: str = "openai") -> dict[str, Any]:
    plain, url = server(package)
    slow, paced = server(package, "--pace", "0.004", "--events", "100")
    measured: list[dict[str, dict[str, float]]] = []
    try:
        for _ in range(rounds):
            one: dict[str, dict[str, float]] = {}
            for name, python in pythons.items():
                run = [python, __file__, "--work", package, name, url, paced]
                done = subprocess.run(run, check=True, capture_output=True, text=True)
                one[name] = {
                    **json.loads(done.stdout.splitlines()[-1]),
                    "first call": fresh(python, package, name, url),
                }
            measured.append(one)
    finally:
        plain.kill()
        slow.kill()
    out = {}
    for what, bar in BARS.items():
        ratio = statistics.median(one["own"][what] / one["sdk"][what] for one in measured)
        own = statistics.median(one["own"][what] for one in measured)
        sdk = statistics.median(one["sdk"][what] for one in measured)
        out[what] = {"own": round(own), "sdk": round(sdk), "ratio": round(ratio, 3), "bar": bar}
    return out


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--package", choices=sorted(VENDORS), default="openai")
    parser.add_argument("--venvs", type=Path, default=HERE / ".venvs")
    parser.add_argument("--sdk")
    parser.add_argument("--own")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--work", nargs=4)
    parser.add_argument("--first", nargs=3)
    options = parser.parse_args()
    if options.work:
        print(json.dumps(work(*options.work)))
    elif options.first:
        first(*options.first)
    else:
        sdk = options.sdk or sdk_python(options.venvs, options.package)
        own = options.own or calls.interpreter(options.venvs, "modelmux")
        found = figures({"sdk": sdk, "own": own}, options.rounds, options.package)
        if options.json:
            print(json.dumps(found))
        else:
            for what, row in found.items():
                verdict = "met" if row["ratio"] <= row["bar"] else "MISSED"
                print(f"{TITLES[what]:55} {row['own']:>9} {row['sdk']:>9} {row['ratio']:>7} <= {row['bar']} {verdict}")


if __name__ == "__main__":
    main()
