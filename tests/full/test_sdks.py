"""Vendors' own SDKs over the transport, each in an environment of its own: none of them is needed or pinned."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from full.environments import directory, python_of

SCRIPTS = Path(__file__).parents[2] / "benchmarks" / "sdks"


@pytest.mark.full
@pytest.mark.parametrize("sdk", ["openai", "anthropic", "google-genai"])
def test_an_unmodified_sdk_is_answered_by_every_vendor(sdk, tmp_path):
    python = python_of(directory(tmp_path) / f"sdk-{sdk}", sdk, "pytest", with_modelmux=True)
    script = SCRIPTS / f"with_{sdk.replace('-', '_')}.py"
    done = subprocess.run([python, "-W", "ignore", script], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
