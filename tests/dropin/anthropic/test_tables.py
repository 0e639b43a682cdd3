"""The tables are what the generator makes of the SDK that they name."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dropin.tables import table
from full.environments import directory, python_of
from modelmux.anthropic._registry import registry

ROOT = Path(__file__).parents[3]
TABLES = ROOT / "src" / "modelmux" / "anthropic" / "_tables"


@pytest.mark.full
def test_the_tables_are_the_generators(tmp_path: Path):
    python = python_of(directory(tmp_path) / "anthropic-sdk", f"anthropic=={registry.version}")
    script, out = ROOT / "scripts" / "generate_dropin.py", tmp_path / "tables"
    subprocess.run([python, "-W", "ignore", script, "anthropic", out], check=True, capture_output=True)
    names = {path.name for path in out.glob("*.json.gz")}
    assert names == {path.name for path in TABLES.glob("*.json.gz")}
    different = [name for name in names if table(out / name) != table(TABLES / name)]
    assert different == []


def test_every_error_that_names_a_cause_is_an_error_of_its_status():
    from modelmux.anthropic import _exceptions as errors

    named = registry.file("facts")["errors"]
    assert len(named) > 50
    for key, ref in named.items():
        status, _, code = key.partition(":")
        body = {"error": {"details": {"error_code": code}}}
        found = errors.of(int(status), body)
        assert found is registry.cls(ref)
        assert issubclass(found, errors.of(int(status), None))


def test_tables_name_their_sdk():
    for path in TABLES.glob("*.json.gz"):
        assert table(path)["generated"].endswith(registry.version)
