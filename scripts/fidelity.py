"""Write ``docs/fidelity.md``: how the codecs fare on every recorded answer. ``python scripts/fidelity.py``."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "fidelity.md"

HEAD = """# Fidelity

What the codecs make of every recorded answer, held against an oracle that reads the raw bytes by plain path look-ups
and imports nothing of modelmux (`tests/fidelity`).

Written on {date} by `python scripts/fidelity.py`; the suite fails when the figures below are out of date
(`pytest tests/fidelity`).

A number is how many recordings are **equal** in that respect; "n of m" where some differ. *Errors* are answers with
an error status, errors inside an answer with a good status, and bodies that are no answer at all: for those the
error class and its retry class are judged, for all others everything else. *Usage* compares every unit of tokens
exactly. *Text* and the rest are compared for every choice, not just the first. *Any split*: a stream cut at random
places gives the same answer. The recordings and their licences: `tests/data/wire/README.md`.

"""


def main() -> None:
    sys.path[0] = str(ROOT / "tests")  # in place of this folder, where this very file would be found
    from fidelity import table

    PAGE.write_text(HEAD.format(date=datetime.now(UTC).date().isoformat()) + table.render(), "utf-8")
    print(f"{PAGE.relative_to(ROOT)} written")


if __name__ == "__main__":
    main()
