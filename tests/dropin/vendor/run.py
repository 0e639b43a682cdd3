"""Run a vendor's own tests against the drop-in, with the import rewritten.

::

    python tests/dropin/vendor/run.py openai [--venv DIR] [--keep DIR] [pytest arguments]

Makes a virtual environment with the vendor's SDK (whose version the drop-in's tables name), fetches that version's
source distribution, rewrites ``openai`` to ``modelmux.openai`` in a copy of its tests, starts a server with examples of
every answer, and runs them. Nothing of the distribution is kept. Prints the share that passes and what fails;
``<vendor>.toml`` beside this file says which files exercise public behaviour, why single tests are left out
(``private``), and why others fail (``different``).
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
TOOLS = ["pytest", "pytest-asyncio", "rich", "inline-snapshot", "trio", "respx"]


def environment(where: Path, package: str, version: str, more: list[str]) -> Path:
    """A Python with the vendor's SDK and this project."""
    python, ready = where / "bin" / "python", where / "ready"
    if not ready.exists():
        venv.create(where, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, f"{package}=={version}", *TOOLS, *more], check=True)
        subprocess.run([*pip, "--editable", str(ROOT)], check=True)
        ready.touch()
    return python


def fetch(python: Path, package: str, version: str, into: Path) -> Path:
    """The unpacked source distribution."""
    command = [str(python), "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", package]
    subprocess.run([*command, "--dest", str(into), f"{package}=={version}"], check=True)
    archive = next(into.glob(f"{package.replace('-', '_')}-*.tar.gz"))
    with tarfile.open(archive) as packed:
        packed.extractall(into, filter="data")
    return archive.with_name(archive.name.removesuffix(".tar.gz"))


def rewrite(tests: Path, package: str) -> None:
    """The one change that a user makes: the import's root."""
    new, home = f"modelmux.{package}", ROOT / "src" / "modelmux" / package
    rules = [
        (rf"(?m)^(\s*)from {package}(?=[\s.])", rf"\1from {new}"),
        (rf"(?m)^(\s*)import {package}$", rf"\1import {new} as {package}"),
        (rf"(?m)^(\s*)import {package}(?= as )", rf"\1import {new}"),
        (rf"(?m)^(\s*)import {package}\.", rf"\1import {new}."),
        (rf"([\"']){package}\.(?=[a-z_]+\.)", rf"\1{new}."),
    ]
    for path in tests.rglob("*.py"):
        text = old = path.read_text("utf-8")
        for pattern, replacement in rules:
            text = re.sub(pattern, replacement, text)
        for name in set(re.findall(rf"{re.escape(new)}\.(_[a-z]\w*)", text)):
            # A private module that we have no use for: the tests' own tools take it from the SDK.
            if not any(map(Path.exists, (home / f"{name}.py", home / name))):
                text = re.sub(rf"{re.escape(new)}\.{name}\b", f"{package}.{name}", text)
        text = re.sub(
            rf"(?m)^(\s*)from {re.escape(new)}((?:\.\w+)*) import (\([^)]*\)|[^\n(]+)", _by_name(package), text
        )
        if text != old:
            path.write_text(text, "utf-8")


def _by_name(package: str) -> Callable[[re.Match[str]], str]:
    """An import of private names: those that we have from us, the tests' own tools from the SDK."""

    def split(found: re.Match[str]) -> str:
        indent, module, names = found[1], found[2], found[3]
        private = any(part.startswith("_") for part in module.split("."))
        if not private and not any(name.strip().startswith("_") for name in names.strip("()").split(",")):
            return found[0]
        wanted = [name.strip() for name in re.sub(r"#[^\n]*", "", names).strip("()").split(",") if name.strip()]
        try:
            ours = importlib.import_module(f"modelmux.{package}{module}")
        except ModuleNotFoundError:
            ours = None
        groups: dict[str, list[str]] = {}
        for name in wanted:
            kept = not (private or name.startswith("_")) or (ours is not None and hasattr(ours, name.split()[0]))
            home = f"modelmux.{package}" if kept else package
            groups.setdefault(home, []).append(name)
        lines = (f"from {home}{module} import {', '.join(listed)}" for home, listed in groups.items())
        return f"\n{indent}".join((f"{indent}{next(lines)}", *lines))

    return split


def results(report: Path) -> dict[str, tuple[str, str]]:
    """Test -> (passed, failed or skipped; message)."""
    out = {}
    for case in ET.parse(report).iter("testcase"):
        name = f"{case.get('classname', '')}::{case.get('name')}"
        bad = next((child for child in case if child.tag in ("failure", "error", "skipped")), None)
        kind = "passed" if bad is None else "skipped" if bad.tag == "skipped" else "failed"
        out[name] = (
            kind,
            "" if bad is None else (bad.get("message") or "").splitlines()[0][:200] if bad.get("message") else "",
        )
    return out


def reason(name: str, reasons: dict[str, str]) -> str | None:
    return next((said for pattern, said in reasons.items() if re.search(pattern, name)), None)


def judged(found: dict[str, tuple[str, str]], left_out: dict[str, str], different: dict[str, str]) -> dict[str, object]:
    """The share that passes of those that exercise public behaviour, and the rest with the reason."""
    failed, excused = {}, {}
    for name, (kind, message) in found.items():
        if kind == "failed":
            why = reason(name, left_out)
            (failed if why is None else excused)[name] = why or reason(name, different) or message
    passed = sum(kind == "passed" for kind, _ in found.values())
    counted = passed + len(failed)
    return {
        "passed": passed,
        "counted": counted,
        "share": round(passed / counted, 4) if counted else 0.0,
        "failed": failed,
        "private": excused,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("package")
    parser.add_argument("--venv", type=Path)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", nargs="*")
    options, rest = parser.parse_known_args()
    importlib.import_module(f"modelmux.{options.package}")  # which names are ours is read from it
    plan = tomllib.loads((HERE / f"{options.package}.toml").read_text("utf-8"))
    tables = ROOT / "src" / "modelmux" / options.package / "_tables" / "index.json.gz"
    version = json.loads(gzip.decompress(tables.read_bytes()))["version"]
    with tempfile.TemporaryDirectory() as temporary:
        work = options.keep or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        python = environment(options.venv or work / "venv", options.package, version, plan.get("tools", []))
        source = work / f"{options.package}-{version}"
        if not (source / "tests").exists():
            source = fetch(python, options.package, version, work)
        copy = work / "run"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        shutil.copytree(source / "tests", copy / "tests")
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(source / name, copy / name)
        rewrite(copy / "tests", options.package)
        server = subprocess.Popen(
            [str(python), "-W", "ignore", str(HERE / "mock_api.py"), options.package, "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            port = server.stdout.readline().strip()
            report = work / "report.xml"
            files = options.only or [f"tests/{name}" for name in plan["files"]]
            subprocess.run(
                [
                    str(python),
                    "-m",
                    "pytest",
                    "-q",
                    "-o",
                    "addopts=",
                    f"--junitxml={report}",
                    "--tb=short",
                    *plan.get("options", []),
                    *files,
                    *rest,
                ],
                cwd=copy,
                stdout=sys.stderr,  # standard output is for the outcome
                env={**os.environ, "TEST_API_BASE_URL": f"http://127.0.0.1:{port}"},
                check=False,
            )
        finally:
            server.kill()
        summary = judged(results(report), plan.get("private", {}), plan.get("different", {}))
    print(json.dumps(summary, indent=1))
    sys.exit(summary["share"] < plan["bar"])


if __name__ == "__main__":
    main()
