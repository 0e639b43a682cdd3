"""What docs/prices.md says of recorded bills holds for the recordings here, and the page has its figures."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("price_figures", ROOT / "scripts" / "price_figures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_recorded_bill_has_a_cost_or_a_reason_and_every_gap_a_cause(figures: ModuleType) -> None:
    out: list[str] = []
    broken: list[str] = []
    figures.bills(out, broken)
    assert broken == []
    total = next(line for line in out if line.startswith("| **all**")).split("|")
    usage, held, cost, reason, stated, near = (cell.strip() for cell in total[2:8])
    assert int(usage) > 2_000
    assert int(cost) + int(reason) == int(usage)
    assert int(near) > 0.7 * int(stated) > 100
    good, totals = map(int, held.split("/"))
    assert good >= 0.99 * totals


def test_a_gap_without_a_cause_is_noticed(figures: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "CAUSES", ())
    broken: list[str] = []
    figures.bills([], broken)
    assert any("stated" in line for line in broken)


def test_the_page_has_its_figures(figures: ModuleType) -> None:
    page = figures.PAGE.read_text("utf-8")
    written = page.partition(figures.START)[2].partition(figures.END)[0]
    assert "cost vectors: 71 of 71 exact" in written
    assert "### Estimates" in written
    assert "### Bills of recordings" in written
    assert "not explained" not in written
