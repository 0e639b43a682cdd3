"""The prices of a fleet at one moment, as columns; kept for a quarter of an hour.

Price versions begin at midnight and peak hours at a quarter of an hour in every published price list, so rates looked
up once hold until the next quarter. (Bills are priced by the time of the call itself, elsewhere.)
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from modelmux.cost import prices, terms

if TYPE_CHECKING:
    from modelmux.endpoint import Target

QUARTER = 900.0
UNKNOWN = float("inf")
"""A price that is not known: later than any other when sorted."""


class Prices:
    """Money per token of every target, in ``currency``. A target priced in another currency, without an exchange rate
    of the user's, is UNKNOWN here.
    """

    __slots__ = ("_dearest", "_steps", "audio", "currency", "fee", "input", "long", "output", "pools", "sheets")

    def __init__(self, targets: Sequence[Target], *, at: float, tier: str | None, currency: str) -> None:
        self.currency = currency
        self.sheets = [sheet_of(target, at=at, tier=tier, currency=currency) for target in targets]
        self.input: list[float] = []
        self.output: list[float] = []
        self.audio: list[float] = []
        self.fee: list[float] = []
        self.long: dict[int, int] = {}
        self.pools: dict[object, object] = {}
        self._dearest: dict[object, tuple[list[float], list[float], list[float]]] = {}
        self._steps: list[int] | None = None
        for index, sheet in enumerate(self.sheets):
            if sheet is None or sheet.currency != currency or not (sheet.knows("input") and sheet.knows("output")):
                row = (UNKNOWN, UNKNOWN, UNKNOWN, 0.0)
            else:
                rate = sheet.per_token
                row = (rate("input"), rate("output"), rate("input_audio"), rate("request"))
                if sheet.long_context is not None:
                    self.long[index] = sheet.long_context[0]
            for column, value in zip((self.input, self.output, self.audio, self.fee), row, strict=True):
                column.append(value)

    def dearest(
        self, units: tuple[tuple[str, ...], tuple[str, ...]], tokens: int
    ) -> tuple[list[float], list[float], list[float]]:
        """Columns of the most that a token in, a call and a token out may cost, for any prompt up to ``tokens``."""
        if self._steps is None:
            self._steps = sorted({step for sheet in self.sheets if sheet is not None for step in _steps(sheet.dearest)})
        reach = bisect_left(self._steps, tokens)
        found = self._dearest.get((units, reach))
        if found is None:
            rows = [self._dearest_row(sheet, units, tokens) for sheet in self.sheets]
            found = ([row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows])
            self._dearest[units, reach] = found
        return found

    def _dearest_row(
        self, sheet: prices.Sheet | None, units: tuple[tuple[str, ...], tuple[str, ...]], tokens: int
    ) -> tuple[float, float, float]:
        if sheet is None or sheet.currency != self.currency or sheet.dearest.minimums:
            return UNKNOWN, UNKNOWN, UNKNOWN
        short, long = (dearest_rates(sheet.dearest.for_input(size), *units) for size in (0, tokens))
        return max(short[0], long[0]), max(short[1], long[1]), max(short[2], long[2])


def _steps(sheet: prices.Sheet) -> Iterator[int]:
    while sheet.long_context is not None:
        yield sheet.long_context[0]
        sheet = sheet.long_context[1]


@lru_cache(maxsize=4096)
def dearest_rates(
    sheet: prices.Sheet, units_in: tuple[str, ...], units_out: tuple[str, ...]
) -> tuple[float, float, float]:
    """The most a token in, a call, and a token out cost by ``sheet`` when they may be billed as any of those units."""
    rate = sheet.per_token
    return max(map(rate, units_in)), rate("request"), max(map(rate, units_out))


def sheet_of(target: Target, *, at: float, tier: str | None = None, currency: str | None = None) -> prices.Sheet | None:
    """The rates of ``target`` at epoch second ``at``: the user's own, else the catalogue's, else None.

    Where the user gave an exchange rate, in the currency it leads to, unless they are in ``currency`` already.
    """
    given = target.price
    if given is None:
        return None if target.info is None else prices.sheet(target.info, at=at, tier=tier, region=target.region)
    agreed = terms.terms(given)
    native = terms.sheet_by(agreed, target.info, at=at, tier=tier, region=target.region)
    return None if native is None else agreed.compared(native, currency)


def common_currency(sheets: Sequence[prices.Sheet | None]) -> str:
    """The currency most targets are priced in; dollars where none is."""
    count: dict[str, int] = {}
    for sheet in sheets:
        if sheet is not None:
            count[sheet.currency] = count.get(sheet.currency, 0) + 1
    return max(count, key=lambda currency: (count[currency], currency == "USD"), default="USD")
