"""Where the commands write: consoles, tables, and numbers as people read them.

Markup is off everywhere: what is printed comes from users, vendors and models, and a bracket in it is a bracket.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

from modelmux.money import Money

UNKNOWN = "unknown"

_WIDEST = 200

_CONTROL = {code: None for code in (*range(32), 127, *range(128, 160)) if chr(code) not in "\n\t"}


def out() -> Console:
    return Console(highlight=False, markup=False, emoji=False)


def err() -> Console:
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def write(text: str) -> None:
    """Text as it is, at once. On a terminal without control characters: a model's words must not steer it."""
    sys.stdout.write(text.translate(_CONTROL) if sys.stdout.isatty() else text)
    sys.stdout.flush()


def write_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, words: Iterable[str] = (), **options: Any) -> Table:
    """A table without rules. Columns named in ``words`` hold text and may fold; of the others, all but the first are
    set to the right.
    """
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", **options)
    text = set(words)
    for name in columns:
        if name in text:
            made.add_column(name, overflow="fold", min_width=min(len(name), 12))
        else:
            made.add_column(name, justify="right" if made.columns else "left", no_wrap=True)
    for row in rows:
        made.add_row(*row)
    return made


def show(console: Console, what: Table) -> None:
    """Print a table: folded to a terminal's width; whole where nobody said how wide the other side is (a pipe)."""
    if not console.is_terminal and "COLUMNS" not in os.environ:
        natural = Measurement.get(console, console.options.update(max_width=_WIDEST), what).maximum
        console.width = max(console.width, natural)
    console.print(what)


def money(amount: Money | None, digits: int = 4) -> str:
    """An amount to so many decimals, more where it would vanish; unknown as unknown."""
    if amount is None:
        return UNKNOWN
    exact = amount.amount
    while digits < 9 and exact and abs(exact) < Decimal(10) ** (1 - digits):
        digits += 1
    text = f"{exact:,.{digits}f}"
    return f"${text}" if amount.currency == "USD" else f"{text} {amount.currency}"


def seconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.1f} s"


def tokens(count: int | None) -> str:
    """A count of tokens, short: 950, 12.3k, 1.05M."""
    if count is None:
        return UNKNOWN
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if count >= size:
            return f"{count / size:.3g}{letter}" if count < 1000 * size else f"{count / size:,.0f}{letter}"
    return str(count)
