"""What becomes of a call when vendors fail: modelmux beside the openai SDK and litellm's Router, over real sockets.

    python benchmarks/reliability/rig.py [--venvs DIR] [--only modelmux,openai] [--groups failover,deadlines] [--full]
                                         [--write docs/reliability.md]

Every system runs in a virtual environment and an interpreter of its own (``worker.py``) against the same fault servers
in this process. A check is passed or failed, never skipped: what a system has no means for, it fails. ``--full`` makes
the counts those that the project promises; without it they are samples.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent))

import checks  # noqa: E402  # found through the path above
import page  # noqa: E402

from calls import interpreter  # noqa: E402

SYSTEMS = ("modelmux", "openai", "litellm")
OWN = {"modelmux": "ModelmuxError", "openai": "OpenAIError", "litellm": "OpenAIError"}
"""The root of each one's errors."""

PATIENCE = 45.0
"""Seconds after which a call that has not ended counts as hanging."""


class Peer:
    """One system's worker. ``ask`` gives what it says, ``{"hangs": True}`` when it says nothing in time."""

    def __init__(self, system: str, python: str) -> None:
        self.system, self._python = system, python
        self._process: subprocess.Popen[str] | None = None
        self._standing: dict[str, Any] = {}

    def start(self) -> subprocess.Popen[str]:
        environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "PYTHONDONTWRITEBYTECODE": ""}
        self._process = subprocess.Popen(
            [self._python, str(HERE / "worker.py"), self.system],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        return self._process

    def setup(self, **standing: Any) -> None:
        self._standing = standing
        if self._send({"do": "setup", **standing}, 60.0) is None:
            raise SystemExit(f"{self.system} cannot be set up")

    def ask(self, do: str, patience: float = PATIENCE, **arguments: Any) -> dict[str, Any]:
        said = self._send({"do": do, **arguments}, patience)
        if said is None:
            self.stop()
            self.setup(**self._standing)
            return {"hangs": True, "seconds": patience, "text": "", "error": "hangs"}
        return said

    def tell(self, do: str, **arguments: Any) -> None:
        """Ask, and read the answer later with :meth:`hear`."""
        process = self._process or self.start()
        assert process.stdin is not None
        process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        process.stdin.flush()

    def hear(self, patience: float) -> dict[str, Any] | None:
        process = self._process
        assert process is not None
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], patience)
        line = process.stdout.readline() if ready else ""
        return json.loads(line) if line else None

    def _send(self, message: dict[str, Any], patience: float) -> dict[str, Any] | None:
        self.tell(message.pop("do"), **message)
        return self.hear(patience)

    def own(self, said: dict[str, Any]) -> bool:
        """Whether an error is of the system's own making, so that its users know what to catch."""
        return not said.get("hangs") and OWN[self.system] in said.get("bases", ())

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()


def run(system: str, python: str, groups: list[str], *, full: bool) -> Iterator[checks.Result]:
    peer = Peer(system, python)
    try:
        for group in groups:
            began = time.monotonic()
            with checks.Servers() as servers:
                results = list(checks.GROUPS[group](peer, servers, full))
            yield from results
            passed = sum(result.passed for result in results)
            print(f"{system} {group}: {passed} of {len(results)} in {time.monotonic() - began:.0f} s", file=sys.stderr)
            for result in results:
                if not result.passed:
                    print(f"    {result.name}: {result.detail}", file=sys.stderr)
    finally:
        peer.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venvs", type=Path, default=HERE.parent / ".venvs")
    parser.add_argument("--only", default=",".join(SYSTEMS))
    parser.add_argument("--groups", default=",".join(checks.GROUPS))
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--json", type=Path, help="write the results here; those of groups that did not run stay")
    options = parser.parse_args()
    results: dict[str, list[checks.Result]] = {}
    for system in options.only.split(",") if options.only else ():
        python = interpreter(options.venvs, system)
        for group in options.groups.split(","):
            results.setdefault(system, []).extend(run(system, python, [group], full=options.full))
            if options.json:
                known = _merged(options.json, results)
                options.json.write_text(json.dumps({s: [r._asdict() for r in rs] for s, rs in known.items()}, indent=1))
    if options.json:
        results = _merged(options.json, results)
    if options.write:
        options.write.write_text(page.render(results, full=options.full), "utf-8")
    for system, found in reversed(results.items()):  # ours last, for who reads the last line
        print(f"{system}: {sum(not r.passed for r in found)} of {len(found)} checks failed")
    return int(any(not result.passed for result in results.get("modelmux", [])))


def _merged(path: Path, new: dict[str, list[checks.Result]]) -> dict[str, list[checks.Result]]:
    """What was known of the groups and systems that did not run now, beside what is known now."""
    known = json.loads(path.read_text()) if path.exists() else {}
    out: dict[str, list[checks.Result]] = {}
    for system in [name for name in SYSTEMS if name in known or name in new]:
        again = {result.group for result in new.get(system, [])}
        kept = [checks.Result(**row) for row in known.get(system, []) if row["group"] not in again]
        order = list(checks.GROUPS)
        out[system] = sorted([*kept, *new.get(system, [])], key=lambda result: order.index(result.group))
    return out


if __name__ == "__main__":
    raise SystemExit(main())
