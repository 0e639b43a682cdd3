"""CPU of a call through modelmux, beside raw httpx, the openai SDK, litellm and litellm.Router, in one run.

    python benchmarks/calls.py [--venvs DIR] [--rounds 3] [--only openai,modelmux] [--markdown]

One local server in a process of its own answers all of them. Each system runs in a virtual environment of its own (made
in ``--venvs`` on first use: litellm pins older packages), in a fresh interpreter, once a round, in turn; the median of
the rounds counts. Figures are CPU microseconds of the client process. Machines differ: read the ratios to the openai
SDK, which is the control.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
NEEDS = {
    "httpx": ["httpx"],
    "openai": ["openai"],
    "litellm": ["litellm"],
    "litellm.Router": ["litellm"],
    "modelmux": [str(HERE.parent)],
}
BARS = {"sequential": 0.40, "concurrent": 0.40, "chunk": 0.25, "history": 0.08, "first call": 0.45}
TITLES = {
    "sequential": "a call, one after another",
    "concurrent": "a call, 100 in flight",
    "chunk": "a chunk of a paced stream",
    "history": "a call with a 200 KB history",
    "first call": "fresh process: import, client, first call",
}


def interpreter(venvs: Path, system: str) -> str:
    """The Python of the system's virtual environment, made when it is not there yet."""
    home = venvs / system.partition(".")[0]
    python = home / "bin" / "python"
    if not python.exists():
        print(f"making {home}", file=sys.stderr)
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *NEEDS[system]], check=True)
    return str(python)


def server(*options: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "modelmux.testing.server", "--wire", "openai", "--fast", *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def measure(python: str, system: str, url: str, paced: str) -> dict[str, float]:
    run = [python, str(HERE / "_worker.py"), system, url, paced]
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run([*run, "load"], capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{system}: {done.stderr[-2000:]}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([*run, "first"], capture_output=True, env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures["first call"] = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e6
    return figures


def table(results: dict[str, dict[str, float]], control: str = "openai") -> list[str]:
    systems = list(results)
    lines = [
        "| CPU µs | " + " | ".join(systems) + f" | modelmux ÷ {control} | bar |",
        "|---" * (len(systems) + 3) + "|",
    ]
    for what, title in TITLES.items():
        cells = [f"{results[system][what]:,.0f}" for system in systems]
        ours = results.get("modelmux", {}).get(what)
        theirs = results.get(control, {}).get(what)
        ratio = f"**{ours / theirs:.2f}**" if ours and theirs else "-"
        lines.append(f"| {title} | " + " | ".join(cells) + f" | {ratio} | ≤ {BARS[what]:.2f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venvs", type=Path, default=HERE / ".venvs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(NEEDS))
    parser.add_argument("--json", action="store_true", help="figures as JSON instead of a table")
    options = parser.parse_args()
    systems = options.only.split(",")
    pythons = {system: interpreter(options.venvs, system) for system in systems}
    fast, url = server()
    paced, paced_url = server("--pace", "0.004", "--events", "150")
    rounds: dict[str, list[dict[str, float]]] = {system: [] for system in systems}
    try:
        for _ in range(options.rounds):
            for system in systems:
                rounds[system].append(measure(pythons[system], system, url, paced_url))
    finally:
        for process in (fast, paced):
            process.terminate()
            process.wait(5)
    results = {
        system: {what: statistics.median(figures[what] for figures in taken) for what in TITLES}
        for system, taken in rounds.items()
    }
    print(json.dumps(results) if options.json else "\n".join(table(results)))


if __name__ == "__main__":
    main()
