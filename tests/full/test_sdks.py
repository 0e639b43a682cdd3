"""Vendors' own SDKs over the transport, each in an environment of its own: none of them is needed or pinned.

``SDK_VENVS`` keeps the environments between runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "benchmarks" / "sdks"


@pytest.mark.full
@pytest.mark.parametrize("sdk", ["openai", "anthropic", "google-genai"])
def test_an_unmodified_sdk_is_answered_by_every_vendor(sdk, tmp_path):
    place = Path(os.environ.get("SDK_VENVS") or tmp_path) / f"sdk-{sdk}"
    python = place / "bin" / "python"
    if not python.exists():
        # What modelmux itself needs is taken from the environment that runs this.
        subprocess.run([sys.executable, "-m", "venv", "--system-site-packages", place], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", sdk], check=True, timeout=600)
    script = SCRIPTS / f"with_{sdk.replace('-', '_')}.py"
    done = subprocess.run([python, "-W", "ignore", script], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
