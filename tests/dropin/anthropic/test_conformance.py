"""The same calls through the drop-in and through the vendor's SDK: the same on the wire, the same comes of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dropin.anthropic.calls import CASES
from full.environments import directory, python_of
from modelmux.anthropic._registry import registry

WORKER = Path(__file__).with_name("worker.py")
SILENT = {"unknown keyword", "missing argument", "an empty id", "too long to wait for"}
"""What is refused before anything is sent."""


def run(python: str, package: str) -> dict[str, Any]:
    done = subprocess.run([python, "-W", "ignore", str(WORKER), package], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def own() -> dict[str, Any]:
    return run(sys.executable, "modelmux.anthropic")


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The SDK in an environment of its own: made here, or the one that is kept between runs."""
    home = directory(tmp_path_factory.mktemp("sdk")) / "anthropic-sdk"
    python = python_of(home, f"anthropic=={registry.version}")
    return run(str(python), "anthropic")


@pytest.mark.full
def test_every_call_is_made_alike_and_gives_the_same(own: dict[str, Any], vendor: dict[str, Any]):
    assert len(own) == len(vendor) == 2 * len(CASES)
    different = {name: [own[name], vendor[name]] for name in vendor if own[name] != vendor[name]}
    assert different == {}


def test_every_case_asks_and_something_comes_of_it(own: dict[str, Any]):
    for kind in ("Anthropic", "AsyncAnthropic"):
        for case in CASES:
            row = own[f"{kind} {case['name']}"]
            assert bool(row["asked"]) is (case["name"] not in SILENT), case["name"]
            assert row["came"] is not None


def test_sync_and_async_make_the_same_requests(own: dict[str, Any]):
    for case in CASES:
        one, other = own[f"Anthropic {case['name']}"], own[f"AsyncAnthropic {case['name']}"]
        for row in (*one["asked"], *other["asked"]):
            row["headers"].pop("x-stainless-async")
            row["headers"].pop("user-agent")
        assert one == other
