"""Hostile answers end in a typed error, soon, and in little memory. Server and callers have processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from security.hostile import ANSWERED, HTTPX_READS, KINDS, MIB

SCRIPT = Path(__file__).with_name("hostile.py")
SPARE = 32 * MIB
DEFAULT = 64 * MIB


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    with subprocess.Popen([sys.executable, str(SCRIPT), "serve"], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.kill()


def outcomes(port: str, way: str, cap: str) -> dict[str, dict[str, object]]:
    command = [sys.executable, str(SCRIPT), "ask", port, way, cap]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=120, check=True)
    return {row["kind"]: row for row in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize(
    ("way", "cap"), [("sync", "default"), ("async", "default"), ("async", "1000000"), ("sync-client", "1000000")]
)
def test_hostile_answers_end_typed_in_little_memory(port: str, way: str, cap: str) -> None:
    most = (DEFAULT if cap == "default" else int(cap)) + SPARE
    rows = outcomes(port, way, cap)
    assert set(rows) == set(KINDS) - (HTTPX_READS if "client" in way else set())
    for kind, row in rows.items():
        expected = {"answered"} if kind in ANSWERED else set()
        assert row["came"] in expected | {"ResponseTooLarge", "MalformedResponse", "ServerError", "ConnectionLost"}, row
        assert row["bytes"] <= most, row
