"""The same calls through a drop-in and through the vendor's SDK: the same on the wire, the same comes of them."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dropin.anthropic import calls
from dropin.openai import cases
from full.environments import directory, python_of


class Package(NamedTuple):
    name: str
    client: str
    cases: list[dict[str, Any]]
    silent: frozenset[str]
    """The cases that are refused before anything is sent."""


REFUSED = frozenset({"unknown keyword", "missing argument", "an empty id"})
PACKAGES = (
    Package("openai", "OpenAI", cases.CASES, REFUSED),
    Package("anthropic", "Anthropic", calls.CASES, REFUSED | {"too long to wait for"}),
)
EMPTY = {"responses.delete"}
"""Calls of which nothing comes."""


def run(python: str | Path, folder: str, package: str) -> dict[str, Any]:
    worker = Path(__file__).parent / folder / "worker.py"
    done = subprocess.run([python, "-W", "ignore", worker, package], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module", params=PACKAGES, ids=[package.name for package in PACKAGES])
def package(request: pytest.FixtureRequest) -> Package:
    return request.param


@pytest.fixture(scope="module")
def own(package: Package) -> dict[str, Any]:
    return run(sys.executable, package.name, f"modelmux.{package.name}")


@pytest.fixture(scope="module")
def vendor(package: Package, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The SDK in an environment of its own: made here, or the one that is kept between runs."""
    home = directory(tmp_path_factory.mktemp("sdk")) / f"{package.name}-sdk"
    version = importlib.import_module(f"modelmux.{package.name}").__version__
    return run(python_of(home, f"{package.name}=={version}"), package.name, package.name)


@pytest.mark.full
def test_every_call_is_made_alike_and_gives_the_same(package: Package, own: dict[str, Any], vendor: dict[str, Any]):
    assert len(own) == len(vendor) == 2 * len(package.cases)
    different = {name: [own[name], vendor[name]] for name in vendor if own[name] != vendor[name]}
    assert different == {}


def test_every_case_asks_and_something_comes_of_it(package: Package, own: dict[str, Any]):
    for kind in (package.client, f"Async{package.client}"):
        for case in package.cases:
            row = own[f"{kind} {case['name']}"]
            assert bool(row["asked"]) is (case["name"] not in package.silent), case["name"]
            assert (row["came"] is None) is (case["call"] in EMPTY), case["name"]


def test_sync_and_async_make_the_same_requests(package: Package, own: dict[str, Any]):
    for case in package.cases:
        one, other = (own[f"{kind}{package.client} {case['name']}"] for kind in ("", "Async"))
        for row in (*one["asked"], *other["asked"]):
            row["headers"].pop("x-stainless-async")
            row["headers"].pop("user-agent")
        assert one == other
