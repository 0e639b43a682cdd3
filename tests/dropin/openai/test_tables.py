"""The tables are what the generator makes of the SDK that they name, and the core of the newest SDK is in them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from dropin.tables import name_of, table
from full.environments import directory, python_of
from modelmux.openai._registry import registry

ROOT = Path(__file__).parents[3]
TABLES = ROOT / "src" / "modelmux" / "openai" / "_tables"
CORE = ("resources.chat", "resources.responses", "resources.embeddings", "resources.models", "resources.completions")


def generated(package: str, home: Path, out: Path) -> dict[str, Any]:
    python = python_of(home, package)
    script = ROOT / "scripts" / "generate_dropin.py"
    subprocess.run([python, "-W", "ignore", script, "openai", out], check=True, capture_output=True)
    return {name_of(path): table(path) for path in out.glob("*.json.gz")}


@pytest.mark.full
def test_the_tables_are_the_generators(tmp_path: Path):
    fresh = generated(f"openai=={registry.version}", directory(tmp_path) / "openai-sdk", tmp_path / "tables")
    assert fresh == {name_of(path): table(path) for path in TABLES.glob("*.json.gz")}


@pytest.mark.full
def test_the_newest_sdk_has_no_core_parameter_that_is_not_listed(tmp_path: Path):
    fresh = generated("openai", directory(tmp_path) / "openai-newest", tmp_path / "tables")
    missing = []
    for file in CORE:
        for ref, found in fresh[file].items():
            known = registry.resource(ref).get("m", {}) if ref != "generated" else {}
            for method, entry in (found.get("m", {}) if ref != "generated" else {}).items():
                listed = {*known.get(method, {}).get("p", ()), *known.get(method, {}).get("k", ())}
                missing += [f"{ref}.{method}({name}=)" for name in {*entry.get("p", ()), *entry.get("k", ())} - listed]
    assert missing == []


def test_tables_name_their_sdk_and_every_class_they_speak_of_is_there():
    unknown = set()
    for path in TABLES.glob("*.json.gz"):
        found = table(path)
        assert found["generated"].endswith(registry.version)
        for module, names in found.items():
            if module.startswith("types"):
                unknown |= {ref for entry in names.values() for ref in refs(entry) if not registry.entry(ref)}
    assert unknown == set()


def refs(entry: Any) -> list[str]:
    """Every ``module:Name`` in a table's entry."""
    if isinstance(entry, str):
        return [entry] if entry.startswith("types") and ":" in entry else []
    if isinstance(entry, dict):
        return (
            [ref for key in ("f", "t", "b") if key in entry for ref in refs(entry[key])]
            if "f" in entry or "t" in entry
            else [ref for value in entry.values() for ref in refs(value)]
        )
    if isinstance(entry, list):
        return [ref for value in (entry[1:] if entry[:1] != ["lit"] else []) for ref in refs(value)]
    return []
