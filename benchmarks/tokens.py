"""How near the estimates come to what vendors reported, on the recordings that the tests use.

python benchmarks/tokens.py
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from test_tokens import Case, cases


def line(name: str, chosen: list[Case]) -> str:
    off = statistics.median(abs(case.estimate.expected / case.reported - 1) for case in chosen)
    upper = sum(case.estimate.upper >= case.reported for case in chosen) / len(chosen)
    bound = sum(case.estimate.bound >= case.reported for case in chosen) / len(chosen)
    return f"| {name} | {len(chosen):,} | {off:.1%} | {upper:.1%} | {bound:.1%} |"


def main() -> None:
    closed = [case for case in cases() if not case.estimate.open and not case.media]
    print("| requests | n | median error | within upper | within bound |\n|---|---|---|---|---|")
    print(line("all", closed))
    for format_id in sorted({case.format for case in closed}):
        for tools in (False, True):
            chosen = [case for case in closed if (case.format, case.tools) == (format_id, tools)]
            print(line(f"{format_id}{', with tools' if tools else ''}", chosen))
    left = len(cases()) - len(closed)
    print(f"\n{left:,} more hold media (cut down in the recordings) or input of the vendor's own, and are not judged.")


if __name__ == "__main__":
    main()
