"""A process killed at random moments under 50 calls at a time: what its callers saw is in the ledger, once."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from modelmux import Money, Mux
from modelmux.testing import Vendors

CHILD = Path(__file__).with_name("kill_child.py")
USED = {"input": 1000, "output": 100}
COSTS = {  # of that usage, at the prices published on 2026-11-21
    "gpt-5-mini": Money.of("0.00045"),
    "claude-haiku-4-5": Money.of("0.0015"),
    "gemini-2.5-flash": Money.of("0.00055"),
}
LATENCY = 0.02
"""Seconds a vendor takes: nearly all of the 50 calls are under way at any moment."""


@dataclass
class Seen:
    """What the callers of the killed processes saw: names of calls, and how each process ended."""

    done: list[str] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)


def kill_one(child: subprocess.Popen[str], number: int, dice: random.Random, seen: Seen) -> None:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(f"{('tasks', 'threads')[number % 2]} run{number}\n")
    child.stdin.flush()
    timer: threading.Timer | None = None
    for line in child.stdout:
        word, _, rest = line.strip().partition(" ")
        if word == "over":
            seen.ends.append(int(rest))
            return
        if word == "pid":
            pid = int(rest)
        else:
            seen.done.append(rest)
        if timer is None and (word == "done" or number % 5 == 4):  # every fifth one while it is only starting
            timer = threading.Timer(dice.uniform(0, 0.4), os.kill, (pid, signal.SIGKILL))
            timer.start()
    raise AssertionError("the process that starts the others has died")


def kill_and_check(directory: Path, kills: int, seed: int) -> str:
    url, dice, seen = f"sqlite:///{directory / 'ledger.db'}", random.Random(seed), Seen()
    with Vendors(latency=LATENCY) as vendors:
        for server in vendors:
            server.reply(text=["one ", "two ", "three"], usage=USED, times=1_000_000)
        endpoints = vendors.endpoints()
        given = json.dumps([[endpoint.model, endpoint.base_url, endpoint.api_key] for endpoint in endpoints])
        with subprocess.Popen(
            [sys.executable, str(CHILD), url, given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as child:
            for number in range(kills):
                kill_one(child, number, dice, seen)
        asked = {request.asked.last for request in vendors.requests() if request.asked is not None}
        with Mux(endpoints, ledger=url) as mux:
            rows = mux.ledger.query()

    states = {row.tags["n"]: row.state for row in rows}
    lost = [call for call in seen.done if states.get(call) != "ok"]
    whole = [row for row in rows if row.state == "ok"]
    unfinished = [row for row in rows if row.state != "ok"]
    with closing(sqlite3.connect(directory / "ledger.db")) as raw:
        attempts, distinct, spent = raw.execute(
            "SELECT count(*), count(DISTINCT attempt_id), sum(cost_nano) FROM attempts"
        ).fetchone()
    assert seen.ends == [-signal.SIGKILL] * kills
    assert lost == []
    assert max(Counter(seen.done).values()) == 1
    assert asked - states.keys() == set(), "a vendor saw a request that no row tells of"
    assert attempts == distinct == len(rows) == len(states)
    assert spent == sum(COSTS[row.model_asked].nano for row in whole)
    assert {(row.state, row.cost, row.cost_status) for row in unfinished} == {("unknown", None, "unknown")}
    assert all(row.bound is not None and row.bound.nano > 0 for row in unfinished)
    assert len({row.provider for row in whole}) == 3
    assert {row.stream for row in whole} == {True, False}
    assert len(seen.done) > kills * 5, "too few calls to prove anything"
    assert 0 < len(unfinished) <= 50 * kills
    assert list((directory / "ledger.db.journal").iterdir()) == []
    return (
        f"{kills} kills, {len(rows)} attempts, {len(seen.done)} seen complete: {len(lost)} lost, "
        f"{attempts - distinct} duplicates, {len(unfinished)} unfinished and unknown with an upper bound"
    )


def test_ten_kills(tmp_path: Path) -> None:
    kill_and_check(tmp_path, kills=10, seed=2)


@pytest.mark.full
def test_a_hundred_kills(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = kill_and_check(tmp_path, kills=100, seed=3)
    with capsys.disabled():
        print(f"\nthrough a whole Mux: {said}")
