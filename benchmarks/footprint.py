"""What an installation brings: the wheel's size, and the packages and megabytes of a base install in a fresh venv.

    python benchmarks/footprint.py [--json]

Builds the wheel from this checkout and installs it, with its dependencies and nothing else, where nothing was before.
Megabytes are files as installed, bytecode included; pip itself is not counted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent
BARS = {"packages": 21, "megabytes": 40.0, "wheel_megabytes": 6.0}
MB = 1_000_000


def measure(directory: Path) -> dict[str, float]:
    venv.create(directory / "venv", with_pip=True)
    python = directory / "venv" / "bin" / "python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    site = next((directory / "venv" / "lib").glob("python*/site-packages"))
    before = size(site)
    subprocess.run([*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(directory), str(ROOT)], check=True)
    (wheel,) = directory.glob("modelmux-*.whl")
    already = installed(pip)
    subprocess.run([*pip, "install", "--quiet", str(wheel)], check=True)
    packages = sorted(installed(pip) - already)
    print(f"packages: {', '.join(packages)}", file=sys.stderr)
    return {
        "packages": len(packages),
        "megabytes": (size(site) - before) / MB,
        "wheel_megabytes": wheel.stat().st_size / MB,
    }


def installed(pip: list[str]) -> set[str]:
    listed = subprocess.run([*pip, "list", "--format=json"], check=True, capture_output=True, text=True)
    return {package["name"] for package in json.loads(listed.stdout)}


def size(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        figures = measure(Path(directory))
    if options.json:
        print(json.dumps(figures))
    else:
        for what, value in figures.items():
            print(f"{what.replace('_', ' ')}: {value:.1f} (limit {BARS[what]:g})")


if __name__ == "__main__":
    main()
