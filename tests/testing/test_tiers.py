"""Two tiers: the suite says how many tests it left to the second."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest
from hypothesis import settings

def test_quick():
    assert settings.default.max_examples in (36, 300)

@pytest.mark.full
def test_long():
    assert settings.default.max_examples == 300
"""


@pytest.mark.parametrize(
    ("options", "said"),
    [((), "1 passed, 1 deselected"), (("--full",), "2 passed")],
    ids=["first tier", "both"],
)
def test_the_second_tier_runs_only_when_asked(tmp_path, options, said):
    shutil.copy(Path(__file__).parent.parent / "conftest.py", tmp_path)
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = full: the second tier\n")
    command = [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-p", "no:cacheprovider", *options, "."]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert said in done.stdout
    assert ("1 tests were left to the second tier: pytest --full runs them" in done.stdout) == (not options)
