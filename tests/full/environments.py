"""Virtual environments for vendors' SDKs and their users' frameworks: none of them is needed or pinned by modelmux.

``SDK_VENVS`` names the directory that keeps them between runs; a temporary one by default.
"""

from __future__ import annotations

import os
import subprocess
import venv
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def directory(default: Path) -> Path:
    """Where the environments are."""
    return Path(os.environ.get("SDK_VENVS") or default)


def python_of(home: Path, *requires: str, with_modelmux: bool = False) -> Path:
    """The Python of the environment ``home``, which is made where it is not there yet: ``requires`` is what pip is
    asked for, ``with_modelmux`` adds this checkout.
    """
    python, ready, asked = home / "bin" / "python", home / "ready", "\n".join(requires)
    if not ready.exists() or ready.read_text("utf-8") != asked:
        venv.create(home, with_pip=True, clear=True)
        wanted = [*(("-e", str(CHECKOUT)) if with_modelmux else ()), *requires]
        done = subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        ready.write_text(asked, "utf-8")
    return python
