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
when neither holds. **Idle** is a warning of a loss (`dropped`, `clamped`, `capped`) where nothing that it names was
lost. *Refused*: requests that break a rule of the target (`tests/crossing/bodies.py` has the rules, as plain checks
over the JSON); requests that go on with a conversation the vendor keeps on its side have no whole history and are left
out of that count. A request may also come home: said to another wire, read there, and said to its own again. Then the
warnings of both ways together name what is other than it was.

Not a loss, and so neither compared nor reported: the name of a schema (a label) and its strictness (schemas bind
wherever there are any); `$` hints and fields of the form itself (`stream`, `anthropic_version`). One thing said in two
ways is equal: the text of a document as such or as its bytes, a result without an id and the oldest call that waits.

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
    idle = sum(len(ids) for entry in found.values() for ids in entry.idle.values())
    return [f"{pairs}: {said:,} fields equal, {told:,} reported, {lost:,} unreported; {idle:,} idle warnings.", ""]


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
    for head, faults in (("Unreported", "silent"), ("Idle", "idle"), ("Refused", "refused")):
        rows = [
            f"| {target} | {name.replace('|', chr(92) + '|')} | {origin} | {len(ids)} | `{ids[0]}` |"
            for (origin, target), entry in sorted(found.items(), key=lambda item: item[0][::-1])
            for name, ids in sorted(getattr(entry, faults).items())
        ]
        table = ["| to | what | from | recordings | one of them |", "|---|---|---|---|---|", *rows]
        lines += ["", f"## {head}", "", *(table if rows else ["None."])]
    return lines


if __name__ == "__main__":
    main()
