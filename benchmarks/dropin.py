"""CPU of the OpenAI drop-in beside the SDK that it stands for, by the same lines of code.

    python benchmarks/dropin.py [--sdk PYTHON] [--own PYTHON] [--rounds 3] [--json]

``--sdk`` and ``--own`` are interpreters that have the ``openai`` package and modelmux. One server answers both. Each
runs in fresh interpreters, in turn, once a round; a ratio is the median of the rounds. own. Figures are microseconds
of CPU of the client process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
PROMPT = [{"role": "user", "content": "Say hello to the world in one sentence."}]
HISTORY = [
    {"role": "user" if number % 2 == 0 else "assistant", "content": f"{number}: " + "the quick brown fox " * 100}
    for number in range(101)
]
MODEL = "gpt-5-mini"


def module(name: str) -> Any:
    if name == "sdk":
        import openai

        return openai
    import modelmux.openai

    return modelmux.openai


def cost(times: int, act: Callable[[], Any]) -> float:
    act()
    start = time.process_time()
    for _ in range(times):
        act()
    return (time.process_time() - start) / times * 1e6


def work(name: str, url: str, paced: str) -> dict[str, float]:
    """The worker's part, in an interpreter of its own."""
    openai = module(name)
    options = {"api_key": "test-key", "max_retries": 2}
    client = openai.OpenAI(base_url=url, **options)

    def ask(messages: Any = PROMPT) -> str:
        return client.chat.completions.create(model=MODEL, messages=messages).choices[0].message.content

    figures = {"sequential": cost(300, ask), "later client": cost(30, lambda: openai.OpenAI(base_url=url, **options))}
    figures["history"] = max(1.0, cost(40, lambda: ask(HISTORY)) - figures["sequential"])
    slow = openai.OpenAI(base_url=paced, **options)
    seen = 0

    def stream() -> None:
        nonlocal seen
        for chunk in slow.chat.completions.create(model=MODEL, messages=PROMPT, stream=True):
            seen += bool(chunk.choices and chunk.choices[0].delta.content)

    stream()
    seen, start = 0, time.process_time()
    for _ in range(5):
        stream()
    figures["chunk"] = (time.process_time() - start) / max(1, seen) * 1e6

    async def several() -> float:
        async with openai.AsyncOpenAI(base_url=url, **options) as later:
            await later.chat.completions.create(model=MODEL, messages=PROMPT)
            start = time.process_time()
            for _ in range(200):
                await later.chat.completions.create(model=MODEL, messages=PROMPT)
            return (time.process_time() - start) / 200 * 1e6

    figures["async"] = asyncio.run(several())
    return figures


def first(name: str, url: str) -> None:
    client = module(name).OpenAI(api_key="test-key", base_url=url)
    assert client.chat.completions.create(model=MODEL, messages=PROMPT).choices[0].message.content


def server(*options: str) -> tuple[subprocess.Popen[str], str]:
    command = [sys.executable, "-m", "modelmux.testing.server", "--wire", "openai", "--fast", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def fresh(python: str, name: str, url: str) -> float:
    """CPU of a whole process, the cheapest of three."""
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([python, __file__, "--first", name, url], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e6)
    return min(spent)


def figures(pythons: dict[str, str], rounds: int) -> dict[str, Any]:
    plain, url = server()
    slow, paced = server("--pace", "0.004", "--events", "100")
    measured: list[dict[str, dict[str, float]]] = []
    try:
        for _ in range(rounds):
            one: dict[str, dict[str, float]] = {}
            for name, python in pythons.items():
                run = [python, __file__, "--work", name, url, paced]
                done = subprocess.run(run, check=True, capture_output=True, text=True)
                one[name] = {**json.loads(done.stdout.splitlines()[-1]), "first call": fresh(python, name, url)}
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
    parser.add_argument("--sdk", default=sys.executable)
    parser.add_argument("--own", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--work", nargs=3)
    parser.add_argument("--first", nargs=2)
    options = parser.parse_args()
    if options.work:
        print(json.dumps(work(*options.work)))
    elif options.first:
        first(*options.first)
    else:
        found = figures({"sdk": options.sdk, "own": options.own}, options.rounds)
        if options.json:
            print(json.dumps(found))
        else:
            for what, row in found.items():
                verdict = "met" if row["ratio"] <= row["bar"] else "MISSED"
                print(f"{TITLES[what]:55} {row['own']:>9} {row['sdk']:>9} {row['ratio']:>7} <= {row['bar']} {verdict}")


if __name__ == "__main__":
    main()
