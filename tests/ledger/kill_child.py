"""A process that makes 50 calls at a time against a vendor that is a sleep, until it is killed.

Usage: kill_child.py LEDGER_URL PREFIX tasks|threads SEED. Writes lines to standard output: ``sent ID`` once the intent
is journalled, ``done ID`` once the outcome is, which is when a caller would have the reply.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import threading
import time
from collections.abc import Iterator

from ledger.rows import intent, outcome
from modelmux.cost.recorder import Recorder, open_recorder

CONCURRENT = 50


def say(word: str, identity: str) -> None:
    os.write(1, f"{word} {identity}\n".encode())  # shorter than PIPE_BUF: whole or not at all


def call(recorder: Recorder, identity: str, dice: random.Random) -> Iterator[float]:
    recorder.intent(intent(attempt_id=identity, call_id=identity))
    say("sent", identity)
    yield dice.uniform(0.0, 0.02)
    if dice.random() < 0.1:
        yield 60.0  # a stream that is still going when the process dies
    recorder.outcome(outcome(attempt_id=identity, call_id=identity))
    say("done", identity)


async def task(recorder: Recorder, prefix: str, dice: random.Random) -> None:
    for number in range(1_000_000):
        for seconds in call(recorder, f"{prefix}-{number}", dice):
            await asyncio.sleep(min(seconds, 0.1) if number % 20 else seconds)


def thread(recorder: Recorder, prefix: str, dice: random.Random) -> None:
    for number in range(1_000_000):
        for seconds in call(recorder, f"{prefix}-{number}", dice):
            time.sleep(min(seconds, 0.1) if number % 20 else seconds)


async def tasks(recorder: Recorder, prefix: str, seed: int) -> None:
    await asyncio.gather(
        *(task(recorder, f"{prefix}-{who}", random.Random(seed * 1000 + who)) for who in range(CONCURRENT))
    )


def main(url: str, prefix: str, kind: str, seed: int) -> None:
    recorder = open_recorder(url)
    if kind == "tasks":
        asyncio.run(tasks(recorder, prefix, seed))
    for who in range(CONCURRENT):
        dice = random.Random(seed * 1000 + who)
        threading.Thread(target=thread, args=(recorder, f"{prefix}-{who}", dice), daemon=True).start()
    time.sleep(60)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
