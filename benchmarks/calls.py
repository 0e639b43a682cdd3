"""CPU of a call through modelmux, beside raw httpx, the openai SDK, litellm and litellm.Router, in one run.

    python benchmarks/calls.py [--venvs DIR] [--rounds 3] [--only openai,modelmux] [--json]

One local server in a process of its own answers all of them. Each system runs in a virtual environment of its own (made
in ``--venvs`` on first use: litellm pins older packages), in a fresh interpreter, once a round, in turn; the median of
the rounds counts. Figures are CPU microseconds of the client process. Machines differ, and so does one machine from
minute to minute: read the ratios to the openai SDK, which is the control. A ratio is the median of the rounds' own.
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
FRESH = 3
"""Fresh processes a round; the cheapest counts."""

TITLES = {
    "sequential": "a call, one after another",
    "concurrent": "a call, 100 in flight",
    "chunk": "a chunk of a paced stream",
    "history": "a call with a 200 KB history",
    "first call": "fresh process: import, client, first call",
    "import": "fresh process: import of the client alone",
}


def interpreter(venvs: Path, system: str) -> str:
    """The Python of the system's virtual environment, made when it is not there yet."""
    home = venvs / system.partition(".")[0]
    python = home / "bin" / "python"
    if not python.exists():
        print(f"making {home}", file=sys.stderr)
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *NEEDS[system]], check=True)
    elif system == "modelmux":  # as it is in this checkout now
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", *NEEDS[system]], check=True
        )
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
    empty = cheapest([python, "-c", "pass"], environment)
    figures["first call"] = cheapest([*run, "first"], environment)
    figures["import"] = cheapest([*run, "import"], environment) - empty
    return figures


def cheapest(command: list[str], environment: dict[str, str]) -> float:
    """CPU of a fresh process, in microseconds."""
    spent = []
    for _ in range(FRESH):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, capture_output=True, env=environment, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(spent) * 1e6


Rounds = dict[str, list[dict[str, float]]]


def median(rounds: Rounds, system: str, what: str) -> float:
    return statistics.median(figures[what] for figures in rounds[system])


def ratio(rounds: Rounds, what: str, control: str = "openai") -> float | None:
    """modelmux against the control, in the same round; None where one of them was not measured."""
    if "modelmux" not in rounds or control not in rounds:
        return None
    pairs = zip(rounds["modelmux"], rounds[control], strict=True)
    return statistics.median(ours[what] / theirs[what] for ours, theirs in pairs)


def table(rounds: Rounds) -> list[str]:
    lines = [
        "| CPU µs | " + " | ".join(rounds) + " | modelmux ÷ openai | bar |",
        "|---" + "|---:" * (len(rounds) + 2) + "|",
    ]
    for what, title in TITLES.items():
        cells = [f"{median(rounds, system, what):,.0f}" for system in rounds]
        share = ratio(rounds, what)
        bar = f"≤ {BARS[what]:.2f}" if what in BARS else ""
        lines.append(f"| {title} | " + " | ".join(cells) + f" | {'-' if share is None else f'{share:.2f}'} | {bar} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venvs", type=Path, default=HERE / ".venvs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default=",".join(NEEDS))
    parser.add_argument("--json", action="store_true", help="every round as JSON instead of a table")
    options = parser.parse_args()
    systems = options.only.split(",")
    pythons = {system: interpreter(options.venvs, system) for system in systems}
    fast, url = server()
    paced, paced_url = server("--pace", "0.004", "--events", "150")
    rounds: Rounds = {system: [] for system in systems}
    try:
        for _ in range(options.rounds):
            for system in systems:
                rounds[system].append(measure(pythons[system], system, url, paced_url))
    finally:
        for process in (fast, paced):
            process.terminate()
            process.wait(5)
    print(json.dumps(rounds) if options.json else "\n".join(table(rounds)))


if __name__ == "__main__":
    main()
