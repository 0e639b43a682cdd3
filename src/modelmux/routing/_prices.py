"""The prices of a fleet at one moment, as columns; kept for a quarter of an hour.

Price versions begin at midnight and peak hours at a quarter of an hour in every published price list, so rates looked
up once hold until the next quarter. (Bills are priced by the time of the call itself, elsewhere.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from modelmux.cost import prices

if TYPE_CHECKING:
    from modelmux.endpoint import Target

QUARTER = 900.0
UNKNOWN = float("inf")
"""A price that is not known: later than any other when sorted."""


class Prices:
    """Money per token of every target, in ``currency``. A target priced in another currency is UNKNOWN here."""

    __slots__ = ("audio", "currency", "fee", "input", "long", "output", "pools", "sheets")

    def __init__(self, targets: Sequence[Target], *, at: float, tier: str | None, currency: str) -> None:
        self.currency = currency
        self.sheets = [sheet_of(target, at=at, tier=tier) for target in targets]
        self.input: list[float] = []
        self.output: list[float] = []
        self.audio: list[float] = []
        self.fee: list[float] = []
        self.long: dict[int, int] = {}
        self.pools: dict[object, object] = {}
        for index, sheet in enumerate(self.sheets):
            if sheet is None or sheet.currency != currency or not (sheet.knows("input") and sheet.knows("output")):
                row = (UNKNOWN, UNKNOWN, UNKNOWN, 0.0)
            else:
                rate = sheet.per_token
                row = (rate("input"), rate("output"), rate("input_audio"), rate("request") + rate("search_prompt"))
                if sheet.long_context is not None:
                    self.long[index] = sheet.long_context[0]
            for column, value in zip((self.input, self.output, self.audio, self.fee), row, strict=True):
                column.append(value)


def sheet_of(target: Target, *, at: float, tier: str | None = None) -> prices.Sheet | None:
    """The rates of ``target`` at epoch second ``at``: the user's own, else the catalogue's, else None."""
    if target.price is not None:
        return prices.user_sheet(target.price)
    if target.info is None:
        return None
    return prices.sheet(target.info, at=at, tier=tier, region=target.region)


def common_currency(sheets: Sequence[prices.Sheet | None]) -> str:
    """The currency most targets are priced in; dollars where none is."""
    count: dict[str, int] = {}
    for sheet in sheets:
        if sheet is not None:
            count[sheet.currency] = count.get(sheet.currency, 0) + 1
    return max(count, key=lambda currency: (count[currency], currency == "USD"), default="USD")
