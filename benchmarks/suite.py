"""One run of the whole suite, asked for what single commands would have said: no test runs twice for a figure."""

from __future__ import annotations

import shlex
from pathlib import Path
from xml.etree import ElementTree as ET


class SuiteFailed(Exception):
    """Tests that a figure stands on failed."""


class Suite:
    """What runs of ``pytest --full --junitxml=DIR/NAME.xml`` left, the output of each beside it in ``DIR/NAME.log``."""

    def __init__(self, directory: Path) -> None:
        reports = sorted(directory.glob("*.xml"))
        logs = [report.with_suffix(".log").read_text("utf-8", "replace").strip() for report in reports]
        self.log = "\n".join(logs)
        self.summary = "; ".join(log.rpartition("\n")[2] for log in logs)
        cases = [case for report in reports for case in ET.parse(report).getroot().iter("testcase")]
        self._cases = [
            (
                f"{case.get('classname')}.{case.get('name')}",
                case.get("name", ""),
                not any(child.tag in ("failure", "error", "skipped") for child in case),
            )
            for case in cases
        ]

    @property
    def passed(self) -> bool:
        return bool(self._cases) and all(good for _, _, good in self._cases)

    def said(self, command: str) -> str | None:
        """How many tests of ``pytest [-q] [--full] PATH[::NAME] … [-k WORD]`` passed, in pytest's words, then all that
        the run printed; None where none of them ran. Raises SuiteFailed.
        """
        words = [word for word in shlex.split(command)[1:] if word not in ("-q", "--full")]
        wanted = ""
        if "-k" in words:
            at = words.index("-k")
            wanted, words = words[at + 1], words[:at] + words[at + 2 :]
        starts = tuple(_dotted(word) for word in words)
        found = [
            (name, good)
            for place, name, good in self._cases
            if place.startswith(starts) and wanted.lower() in name.lower()
        ]
        failed = [name for name, good in found if not good]
        if failed:
            raise SuiteFailed(f"failed: {', '.join(failed)}")
        return f"{len(found)} passed\n{self.log}" if found else None


def _dotted(path: str) -> str:
    """``tests/mux/test_kill.py::test_x`` as the report spells it; a folder or file ends with a dot."""
    place, _, name = path.partition("::")
    return f"{place.removesuffix('.py').replace('/', '.')}.{name.replace('::', '.')}"
