"""The code blocks of a Markdown page: found, run in order, and their printed output held against the page.

A ```` ```python ```` block runs; a ```` ```text ```` block right after it is what it prints, where ``…`` stands for
anything. ``<!-- setup: … -->`` is Python that only a test needs (what an embedded vendor is to say); it runs at its
place and has ``vendors`` at hand. A block after ``<!-- not run: why -->``, or marked ```` ```py ````, is only read.

``python tests/docs/snippets.py`` writes what the blocks print today into the pages. Look at the difference.
"""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
from contextlib import ExitStack, chdir, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from modelmux import Mux
from modelmux.testing import Vendors

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_BLOCK = re.compile(
    r"^<!--\s*(?P<comment>setup|not run):\s*(?P<said>.*?)-->$"
    r"|^```(?P<lang>\w*)[^\n]*\n(?P<code>.*?)^```$"
    r"|(?P<prose>^\S.*?$)",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Block:
    """``kind``: ``setup``, ``python``, or another word behind the fence. ``line`` counts from 1; ``span`` is where
    ``code`` stands in the page. ``expected`` is the block that shows what this one prints.
    """

    kind: str
    code: str
    line: int
    span: tuple[int, int]
    expected: Block | None = None


def blocks(page: str) -> list[Block]:
    """The page's blocks in order, each with its output block."""
    found: list[Block] = []
    adjacent = False
    skip = False
    for match in _BLOCK.finditer(page):
        if match["prose"] is not None:
            adjacent = False
            continue
        line = page.count("\n", 0, match.start()) + 1
        if match["comment"]:
            skip = match["comment"] == "not run"
            if not skip:
                found.append(Block("setup", match["said"], line, match.span("said")))
            adjacent = False
            continue
        block = Block("skipped" if skip else match["lang"], match["code"], line, match.span("code"))
        if adjacent and block.kind == "text":
            before = found.pop()
            found.append(Block(before.kind, before.code, before.line, before.span, expected=block))
        else:
            found.append(block)
        adjacent = block.kind in ("python", "py")
        skip = False
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    block: Block
    printed: str

    @property
    def as_written(self) -> bool:
        expected = self.block.expected
        return expected is None or like(expected.code, self.printed)


def like(expected: str, printed: str) -> bool:
    """Whether the output is what the page says, ``…`` standing for anything and line ends not counting."""
    wanted = [".*?".join(map(re.escape, line.rstrip().split("…"))) for line in expected.rstrip().splitlines()]
    seen = "\n".join(line.rstrip() for line in printed.rstrip().splitlines())
    return re.fullmatch("\n".join(wanted), seen, re.DOTALL) is not None


def run(path: Path, vendors: Vendors) -> list[Outcome]:
    """Run a page's blocks in one namespace, in the current directory. An error names the page and the line."""
    namespace: dict[str, Any] = {"__name__": "__docs__"}
    outcomes = []
    keys = {server: server.key for server in vendors}
    try:
        for block in blocks(path.read_text("utf-8")):
            if block.kind not in ("python", "setup"):
                continue
            if block.kind == "setup":
                namespace["vendors"] = vendors
            else:
                namespace.pop("vendors", None)
            # Lines before the code, so that a traceback points into the page.
            padding = "\n" * (block.line if block.kind == "python" else block.line - 1)
            with redirect_stdout(io.StringIO()) as printed:
                exec(compile(padding + block.code.strip("\n"), str(path), "exec"), namespace)
            outcomes.append(Outcome(block, printed.getvalue()))
    finally:
        for server, key in keys.items():
            server.key = key
        for value in list(namespace.values()):
            if isinstance(value, Mux):
                value.close()
    return outcomes


def written(path: Path, outcomes: list[Outcome]) -> str:
    """The page with its output blocks as printed."""
    page = path.read_text("utf-8")
    for outcome in reversed(outcomes):
        expected = outcome.block.expected
        if expected is not None and not outcome.as_written:
            start, end = expected.span
            lines = (line.rstrip() for line in outcome.printed.rstrip().splitlines())
            page = page[:start] + "\n".join(lines) + "\n" + page[end:]
    return page


def main(names: list[str]) -> None:
    pages = [Path(name).resolve() for name in names] or PAGES
    with Vendors() as vendors:
        for path in pages:
            with ExitStack() as stack:
                stack.enter_context(chdir(stack.enter_context(tempfile.TemporaryDirectory())))
                stack.enter_context(patch.dict(os.environ, vendors.env()))
                vendors.reset()
                name = path.relative_to(ROOT).as_posix()
                page = written(path, run(path, vendors))
            if page != path.read_text("utf-8"):
                path.write_text(page, "utf-8")
                print(f"{name}: rewritten")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "tests"))
    main(sys.argv[1:])
