"""Write ``docs/crossing.md``: what recorded requests become at every other wire. ``python scripts/crossing.py``."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "crossing.md"

HEAD = """# Crossing wires

What becomes of a conversation that goes to another vendor than the one it was written for. Every recorded request
that its vendor answered is decoded, encoded for every other wire, decoded again and compared field by field
(`tests/crossing`).

Written on {date} by `python scripts/crossing.py`.

A field is **equal** when it comes back as it was, **reported** when it does not and a warning names it, **unreported**
when neither holds. Not compared: the name and the strictness of a schema (a label, and a promise that most targets
keep anyway), and how much to think: words and numbers become one another by each wire's table, and only whether
reasoning is asked for is held against the original. *Refused*: requests that break a rule of the target
(`tests/crossing/bodies.py` has the rules, as plain checks over the JSON); requests that go on with a conversation the
vendor keeps on its side have no whole history and are left out of that count.

"""


def main() -> None:
    sys.path[0] = str(ROOT / "tests")  # in place of this folder, where this very file would be found
    from crossing import recorded

    found = recorded.cross()
    date = datetime.now(UTC).date().isoformat()
    PAGE.write_text(
        HEAD.format(date=date) + "\n".join([*_totals(found), *_pairs(found), *_left(found)]) + "\n", "utf-8"
    )
    print(f"{PAGE.relative_to(ROOT)} written")


def _totals(found: dict[Any, Any]) -> list[str]:
    crossed = sum(entry.requests for entry in found.values())
    said = sum(sum(entry.equal.values()) for entry in found.values())
    told = sum(sum(entry.reported.values()) for entry in found.values())
    lost = sum(len(ids) for entry in found.values() for ids in entry.silent.values())
    pairs = f"{crossed:,} crossings of {len(found)} ordered pairs"
    return [f"{pairs}: {said:,} fields equal, {told:,} reported, {lost:,} unreported.", ""]


def _pairs(found: dict[Any, Any]) -> list[str]:
    lines = ["| from | to | requests | equal | reported | unreported | refused | lost or changed, and reported |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for (origin, target), entry in sorted(found.items()):
        silent = sum(map(len, entry.silent.values()))
        refused = len({row for ids in entry.refused.values() for row in ids})
        fields = ", ".join(f"{name} {count}" for name, count in entry.reported.most_common(8))
        equal, told = sum(entry.equal.values()), sum(entry.reported.values())
        lines.append(
            f"| {origin} | {target} | {entry.requests} | {equal} | {told} | {silent} | {refused} | {fields or '-'} |"
        )
    return lines


def _left(found: dict[Any, Any]) -> list[str]:
    lines = ["", "## What is done about it", ""]
    lines += ["How many crossings carry a warning of each kind, by target.", ""]
    actions: dict[str, Counter[str]] = {}
    for (_, target), entry in found.items():
        actions.setdefault(target, Counter()).update(entry.actions)
    kinds = sorted({kind for counts in actions.values() for kind in counts})
    lines += ["| to | " + " | ".join(kinds) + " |", "|---" * (len(kinds) + 1) + "|"]
    lines += [
        f"| {target} | " + " | ".join(str(actions[target][k]) for k in kinds) + " |" for target in sorted(actions)
    ]
    lines += ["", "## Unreported", "", "| to | field | from | recordings | one of them |", "|---|---|---|---|---|"]
    for (origin, target), entry in sorted(found.items(), key=lambda item: item[0][::-1]):
        for name, ids in sorted(entry.silent.items()):
            lines.append(f"| {target} | {name} | {origin} | {len(ids)} | `{ids[0]}` |")
    lines += ["", "## Refused", "", "| to | rule broken | from | recordings | one of them |", "|---|---|---|---|---|"]
    for (origin, target), entry in sorted(found.items(), key=lambda item: item[0][::-1]):
        for problem, ids in sorted(entry.refused.items()):
            text = problem.replace("|", "\\|")
            lines.append(f"| {target} | {text} | {origin} | {len(ids)} | `{ids[0]}` |")
    return lines


if __name__ == "__main__":
    main()
