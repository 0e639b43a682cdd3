"""Every figure that the project promises, measured now and written to ``docs/figures.md``. Run by ``.ci/full``.

    python benchmarks/report.py [--venvs DIR] [--only NAME,…] [--print]

Each figure is the outcome of one command, which anybody can run alone. Times are only ever judged as ratios to a
control in the same run, or as best of many rounds. A figure that misses its bar is written as missed, and the exit
status is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import calls
import dropin
import footprint
import gateways
import journal
import pricing
import transport
from suite import Suite, SuiteFailed

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "figures.md"
ROUTING_US = 200
SUITE_SECONDS = 360
PYTHONS = ("3.11", "3.13")


@dataclass(frozen=True)
class Figure:
    what: str
    bar: str
    result: str
    met: bool
    command: str


class Failed(Exception):
    """A command whose outcome is the figure did not end well."""


suite: list[Suite] = []
"""The run of the whole suite, where there was one."""


def run(command: str, *, cwd: Path = ROOT, may_miss: bool = False) -> str:
    """Standard output of a command; ``python`` and ``pytest`` are this interpreter's. ``may_miss``: a status other than
    0 only says that the command's own bar was missed. What the whole suite has run is not run again.
    """
    words = shlex.split(command)
    if words[0] == "pytest" and suite:
        try:
            said = suite[0].said(command)
        except SuiteFailed as failed:
            raise Failed(str(failed)) from None
        if said is not None:
            return said
    if words[0] == "pytest":
        words = ["python", "-m", *words]
    if words[0] == "python":
        words[0] = sys.executable
    print(f"--- {command}", file=sys.stderr, flush=True)
    done = subprocess.run(words, cwd=cwd, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode and not may_miss:
        print(done.stdout, file=sys.stderr)
        raise Failed(last_line(done.stdout) or f"exit status {done.returncode}")
    return done.stdout


def last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]


def find(pattern: str, text: str) -> tuple[str, ...]:
    found = re.search(pattern, text, re.MULTILINE)
    if found is None:
        raise Failed(f"the command did not print what matches {pattern!r}")
    return found.groups()


# --- the figures -------------------------------------------------------------------------------------------------


def corpus(_: argparse.Namespace) -> Iterator[Figure]:
    command = "pytest -q tests/fidelity"
    run(command)
    rows = [line.split("|")[1:-1] for line in (ROOT / "docs/fidelity.md").read_text("utf-8").splitlines()]
    rows = [[cell.strip() for cell in row] for row in rows if row and row[0].strip().startswith("`") and len(row) == 13]
    recordings, exceptions = (sum(int(row[column]) for row in rows) for column in (1, 4))
    differing = [re.search(r"(\d+) of (\d+)", cell) for row in rows for cell in row]
    missing = sum(int(found[2]) - int(found[1]) for found in differing if found)
    yield Figure(
        "1. Recordings read as the raw JSON says: text, tool calls, finish, usage, class of error",
        "0 exceptions; what differs is listed, with why",
        f"{recordings:,} recordings of {len(rows)} apis, {exceptions} exceptions, {missing} differences "
        "(docs/fidelity.md)",
        exceptions == 0,
        command,
    )


def types(_: argparse.Namespace) -> Iterator[Figure]:
    command = "pytest -q --full tests/full/test_vendor_types.py -k types_take"
    (said,) = find(r"^(.* crossed .*)$", run(command))
    yield Figure("Bodies for vendors, judged by the types of the vendors' SDKs", "0 refused", said, True, command)


def recipes(_: argparse.Namespace) -> Iterator[Figure]:
    command = "pytest -q --full tests/full/test_recipes.py"
    cases, read = find(r"^(.* cases of .*)\n(.* recorded replies .*)$", run(command))
    yield Figure("1. Clients unmodified, over the transport", "all cases pass", cases, True, command)
    yield Figure(
        "3. Recorded replies through SDKs of other vendors", "0 differ", read, read.endswith(" 0 differ"), command
    )


def passing(_: argparse.Namespace) -> Iterator[Figure]:
    command = "pytest -q --full tests/front/test_sockets.py -k every"
    (said,) = find(r"^(.* recordings passed through sockets .*)$", run(command))
    what = "Issue 6, 2. Recordings through the transport in their own format: the request and every byte of the answer"
    yield Figure(what, "0 differ", said, said.endswith(" 0 differ"), command)


def vectors(_: argparse.Namespace) -> Iterator[Figure]:
    command = "pytest -q tests/cost/test_vectors.py::test_vector"
    (passed,) = find(r"^(\d+) passed", run(command))
    yield Figure("2. Cost vectors of these wires", "46 of 46", f"{passed} passed, 0 failed", int(passed) >= 46, command)


def kills(_: argparse.Namespace) -> Iterator[Figure]:
    for what, path, start in (
        ("journal alone", "tests/ledger/test_kill.py", ""),
        ("whole Mux", "tests/mux/test_kill.py", "through a whole Mux: "),
    ):
        command = f"pytest -q --full {path} -k hundred"
        (said,) = find(rf"^{start}(100 kills, .*)$", run(command))
        yield Figure(f"3. SIGKILL under 50 concurrent calls, {what}", "0 lost, 0 duplicates", said, True, command)


def light(_: argparse.Namespace) -> Iterator[Figure]:
    command = "pytest -q tests/test_layout.py -k light"
    run(command)
    yield Figure("4. Bare `import modelmux`", "loads nothing heavy, no thread, no socket", "holds", True, command)


def installation(_: argparse.Namespace) -> Iterator[Figure]:
    command = "python benchmarks/footprint.py --json"
    figures = json.loads(last_line(run(command)))
    for what, bar in footprint.BARS.items():
        name = f"Base install: {what.replace('_', ' ')}"
        yield Figure(name, f"≤ {bar:g}", f"{figures[what]:.1f}", figures[what] <= bar, command.removesuffix(" --json"))


peers: list[str] = []
"""The table of all systems, for the page."""


def cpu(options: argparse.Namespace) -> Iterator[Figure]:
    where = f" --venvs {shlex.quote(str(options.venvs))}" if options.venvs else ""
    rounds = json.loads(last_line(run(f"python benchmarks/calls.py --json --rounds {options.rounds}{where}")))
    peers[:] = calls.table(rounds)
    for what, bar in calls.BARS.items():
        share = calls.ratio(rounds, what) or float("inf")
        number = 4 if what == "first call" else 5
        name = f"{number}. CPU of {calls.TITLES[what]} ÷ the openai SDK's"
        yield Figure(name, f"≤ {bar:.2f}", f"{share:.2f}", share <= bar, "python benchmarks/calls.py")


def gateway(options: argparse.Namespace) -> Iterator[Figure]:
    where = f" --venvs {shlex.quote(str(options.venvs))}" if options.venvs else ""
    rounds = json.loads(last_line(run(f"python benchmarks/gateways.py --json{where}")))
    peers.extend(["", *gateways.table(rounds)])
    for other, bar in gateways.BARS.items():
        share = gateways.ratio(rounds, other)
        result = "not measured here" if share is None else f"{share:.2f}"
        name = f"CPU of a request through the gateway ÷ {other}'s"
        yield Figure(name, f"≤ {bar:.2f}", result, share is not None and share <= bar, "python benchmarks/gateways.py")
    command = "pytest -q --full tests/gateway/test_server.py -k hundred"
    run(command)
    yield Figure("500 streams at once through the gateway", "no event lost or reordered", "holds", True, command)


def drop_ins(options: argparse.Namespace) -> Iterator[Figure]:
    places = ("test_conformance.py", "openai", "anthropic", "genai")
    command = f"pytest -q --full {' '.join(f'tests/dropin/{place}' for place in places)}"
    (said,) = find(r"^(\d+ passed)", run(command))
    what = "The same calls through drop-ins and vendors' SDKs: wire, values, errors, sync and async"
    yield Figure(what, "0 differences", f"0 differences ({said})", True, command)
    command = "pytest -q --full tests/dropin/test_migrate.py"
    (said,) = find(r"^(\d+ passed)", run(command))
    what = "docs/migrate.md: what each example prints before and after the change"
    yield Figure(what, "the same", f"the same ({said})", True, command)
    where = f" --venvs {shlex.quote(str(options.venvs))}" if options.venvs else ""
    for package in dropin.VENDORS:
        command = f"python benchmarks/dropin.py --package {package}"
        rows = json.loads(last_line(run(f"{command} --json --rounds {options.rounds}{where}")))
        for what, row in rows.items():
            name = f"CPU of modelmux.{package} ÷ {package}'s: {dropin.TITLES[what]}"
            yield Figure(name, f"≤ {row['bar']:.2f}", f"{row['ratio']:.3f}", row["ratio"] <= row["bar"], command)


failing: list[str] = []
"""Which of the vendors' own tests fail, and why, for the page."""


def vendors_tests(_: argparse.Namespace) -> Iterator[Figure]:
    kept = os.environ.get("SDK_VENVS")
    for vendor in ("openai", "anthropic"):
        command = f"python tests/dropin/vendor/run.py {vendor}"
        where = f" --venv {shlex.quote(f'{kept}/{vendor}-tests')}" if kept else ""
        found = json.loads(run(command + where, may_miss=True))
        passed, counted, share = (found[name] for name in ("passed", "counted", "share"))
        result = f"{passed:,} of {counted:,}, {share:.1%}; {len(found['private'])} more test private parts"
        name = f"{vendor}'s own tests of public behaviour, the import rewritten"
        yield Figure(name, "≥ 97 % pass", result, share >= 0.97, command)
        for kind in ("failed", "private"):
            reasons = Counter((test.partition("[")[0].rpartition("::")[2], why) for test, why in found[kind].items())
            failing.extend(
                f"| {vendor} | `{test}` | {times} | {kind} | {why.replace('|', ' ')} |"
                for (test, why), times in sorted(reasons.items())
            )


def routing(_: argparse.Namespace) -> Iterator[Figure]:
    command = "python benchmarks/routing.py"
    said = run(command)
    heads, cells = (find(rf"^ *({start}.*)$", said)[0].split() for start in ("endpoints", "300 "))
    row = dict(zip(heads, cells, strict=True))
    policies = {name: float(row[name]) for name in ("cheapest", "fastest", "balanced", "best", "weighted", "priority")}
    name, worst = max(policies.items(), key=lambda pair: pair[1])
    result = f"{min(policies.values()):.0f} to {worst:.0f} µs by policy ({name} the slowest)"
    yield Figure("5. A decision over 300 endpoints", f"≤ {ROUTING_US} µs", result, worst <= ROUTING_US, command)


def money(_: argparse.Namespace) -> Iterator[Figure]:
    command = "python benchmarks/pricing.py"
    worst = max(float(figure) for figure in re.findall(r"([\d.]+) µs", run(command)))
    bar = pricing.LIMIT_US
    yield Figure("5. Pricing an attempt", f"≤ {bar:.0f} µs", f"{worst:.1f} µs at most", worst <= bar, command)


def under_an_sdk(options: argparse.Namespace) -> Iterator[Figure]:
    where = f" --venvs {shlex.quote(str(options.venvs))}" if options.venvs else ""
    found = json.loads(last_line(run(f"python benchmarks/transport.py --json --rounds {options.rounds}{where}")))
    command, adds, least = "python benchmarks/transport.py", found["adds"], found["least"]
    for what, bar in transport.BARS.items():
        name = f"Issue 6, 4. CPU that the transport adds under the openai SDK, a {what}"
        yield Figure(name, f"≤ {bar:.0f} µs", f"{adds[what]:.1f} µs", adds[what] <= bar, command)
    ours, alone = least["modelmux"]["call"], least["sdk"]["call"]
    name = "Issue 6, 4. A call of the openai SDK over ours, its own network stack replaced"
    yield Figure(name, "< the SDK alone", f"{ours:,.0f} µs, alone {alone:,.0f} µs", ours < alone, command)


def appends(_: argparse.Namespace) -> Iterator[Figure]:
    command = "python benchmarks/journal.py"
    spent = float(find(r"of a call: ([\d.]+) µs", run(command))[0])
    bar = journal.LIMIT_US
    yield Figure("5. Both journal appends of a call", f"≤ {bar:.0f} µs", f"{spent:.1f} µs", spent <= bar, command)


def reliability(options: argparse.Namespace) -> Iterator[Figure]:
    where = f" --venvs {shlex.quote(str(options.venvs))}" if options.venvs else ""
    command = "python benchmarks/reliability/rig.py --full --only modelmux"
    try:
        said = last_line(run(command + where))
    except Failed as failed:  # the bar is missed; which checks failed was printed
        said = str(failed)
    failed, checked = find(r"modelmux: (\d+) of (\d+) checks failed", said)
    result = f"{failed} of {checked} checks failed"
    yield Figure("Faults over real sockets, full counts", "0 failed", result, int(failed) == 0, command)


def clone(_: argparse.Namespace) -> Iterator[Figure]:
    """The README's two commands on a fresh clone: the demo with each Python, the tests with the newest, as the suite
    itself has run on the other.
    """
    readme = (ROOT / "README.md").read_text("utf-8")
    demo, tests = (find(rf"<!-- {name} -->\s*```sh\n(.*)\n```", readme)[0] for name in ("demo", "tests"))
    for version in PYTHONS:
        python = interpreter(version)
        with tempfile.TemporaryDirectory() as directory:
            fresh = Path(directory) / "modelmux"
            subprocess.run(["git", "clone", "--quiet", str(ROOT), str(fresh)], check=True)
            for name, command in (("demo", demo), ("tests", tests)) if version == PYTHONS[-1] else (("demo", demo),):
                yield from_readme(name, command, python, version, fresh)


def from_readme(name: str, command: str, python: str, version: str, fresh: Path) -> Figure:
    spelt = command.replace("python3 ", f"{shlex.quote(python)} ", 1)
    print(f"--- {command} (Python {version})", file=sys.stderr, flush=True)
    start = time.monotonic()
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", spelt], cwd=fresh, capture_output=True, text=True)
    seconds = time.monotonic() - start
    if done.returncode:
        print(done.stdout[-4000:], done.stderr[-2000:], file=sys.stderr)
    said = last_line(done.stdout) if name == "tests" else f"exit status {done.returncode}"
    bar = f"passes, ≤ {SUITE_SECONDS} s" if name == "tests" else "works"
    met = done.returncode == 0 and (name != "tests" or seconds <= SUITE_SECONDS)
    what = f"6. The README's {name} command, fresh clone, Python {version}"
    return Figure(what, bar, f"{said} ({seconds:.0f} s with the installation)", met, command)


def interpreter(version: str) -> str:
    """A Python of this version: on the path, or among pyenv's."""
    candidates = [f"python{version}"]
    root = os.environ.get("PYENV_ROOT") or str(Path.home() / ".pyenv")
    candidates += map(str, sorted(Path(root).glob(f"versions/{version}*/bin/python")))
    for candidate in candidates:
        try:
            said = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=True).stdout
        except (OSError, subprocess.CalledProcessError):
            continue
        if said.startswith(f"Python {version}."):
            return candidate
    raise Failed(f"no Python {version} on this machine")


STEPS: dict[str, Callable[[argparse.Namespace], Iterator[Figure]]] = {
    "corpus": corpus,
    "types": types,
    "recipes": recipes,
    "passing": passing,
    "vectors": vectors,
    "kills": kills,
    "light": light,
    "calls": cpu,
    "gateway": gateway,
    "installation": installation,
    "drop_ins": drop_ins,
    "vendors_tests": vendors_tests,
    "routing": routing,
    "pricing": money,
    "journal": appends,
    "transport": under_an_sdk,
    "reliability": reliability,
    "clone": clone,
}


# --- the page ----------------------------------------------------------------------------------------------------


def measure(name: str, options: argparse.Namespace) -> list[Figure]:
    try:
        return list(STEPS[name](options))
    except (Failed, subprocess.CalledProcessError, OSError, ValueError) as error:
        return [Figure(f"{name}: could not be measured", "", str(error), False, f"benchmarks/report.py --only {name}")]


def page(figures: list[Figure], commit: str) -> str:
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    machine = f"{platform.system()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    missed = sum(not figure.met for figure in figures)
    lines = [
        "# Figures",
        "",
        f"Written by `.ci/full` on {when} at commit {commit} ({machine}). Not edited by hand; a figure that misses",
        f"its bar says so. {len(figures) - missed} of {len(figures)} hold.",
        "",
        "| figure | bar | result | | shown by |",
        "|---|---|---|---|---|",
    ]
    for figure in figures:
        cells = (figure.what, figure.bar, figure.result, "ok" if figure.met else "**missed**", f"`{figure.command}`")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    if peers:
        lines += ["", "## CPU beside the peers", "", "How it is measured: `docs/performance.md`.", "", *peers]
    if failing:
        lines += [
            "",
            "## The vendors' own tests that do not pass",
            "",
            "*failed* ones count, *private* ones do not.",
            "",
        ]
        lines += ["| SDK | test | cases | | why |", "|---|---|---|---|---|", *failing]
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venvs", type=Path, help="where calls.py keeps the peers' virtual environments")
    parser.add_argument("--rounds", type=int, default=5, help="of calls.py")
    parser.add_argument("--only", default=",".join(STEPS))
    parser.add_argument("--suite", type=Path, help="where runs of pytest --full left their NAME.xml and NAME.log")
    parser.add_argument("--print", action="store_true", help="print the page instead of writing it")
    options = parser.parse_args()
    commit = run("git rev-parse --short HEAD").strip()
    if options.suite:
        suite.append(Suite(options.suite))
    figures = [Figure("Both tiers of the suite", "pass", s.summary, s.passed, "pytest --full") for s in suite]
    for name in options.only.split(","):
        figures += measure(name, options)
        if not options.print:
            PAGE.write_text(page(figures, commit), "utf-8")  # so far: what is measured is not lost with the rest
    if options.print:
        print(page(figures, commit))
    for figure in figures:
        print(
            f"{'ok    ' if figure.met else 'MISSED'} {figure.what}: {figure.result} (bar: {figure.bar})",
            file=sys.stderr,
        )
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
