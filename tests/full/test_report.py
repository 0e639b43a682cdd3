"""The page of figures says what missed. What the figures are is measured by ``.ci/full``, never here."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    for name in ("calls", "footprint", "journal", "pricing", "report"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("report")


def test_a_figure_that_misses_its_bar_is_written_as_missed(report) -> None:
    figures = [
        report.Figure("a chunk", "≤ 0.25", "0.30", False, "python a.py"),
        report.Figure("a call | two", "≤ 0.40", "0.31", True, "python b.py"),
    ]
    text = report.page(figures, "abc1234")
    assert "commit abc1234" in text
    assert "1 of 2 hold" in text
    assert "| a chunk | ≤ 0.25 | 0.30 | **missed** | `python a.py` |" in text
    assert r"| a call \| two | ≤ 0.40 | 0.31 | ok | `python b.py` |" in text


def test_what_cannot_be_measured_is_missed_too(report, monkeypatch) -> None:
    def broken(options):
        raise report.Failed("the command said no")

    monkeypatch.setitem(report.STEPS, "light", broken)
    (figure,) = report.measure("light", argparse.Namespace())
    assert not figure.met
    assert "the command said no" in figure.result


def test_a_ratio_is_taken_within_a_round(report) -> None:
    rounds = {
        "openai": [{"chunk": 100.0}, {"chunk": 1000.0}, {"chunk": 100.0}],
        "modelmux": [{"chunk": 20.0}, {"chunk": 300.0}, {"chunk": 40.0}],
    }
    assert report.calls.ratio(rounds, "chunk") == pytest.approx(0.3)
    assert report.calls.ratio({"openai": []}, "chunk") is None
