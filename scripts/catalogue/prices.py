"""Prices while they are compiled: plain values and the arithmetic that turns the sources' spellings into ours."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

Rates = dict[str, Decimal]


@dataclass
class Version:
    """One price version. ``above``: threshold in input tokens -> rates for the whole call beyond it."""

    rates: Rates
    start: str | None = None
    end: str | None = None
    when: dict[str, str] = field(default_factory=dict)
    windows: list[dict[str, Any]] = field(default_factory=list)
    above: dict[int, Rates] = field(default_factory=dict)
    minimums: dict[str, int] = field(default_factory=dict)
    uplift: dict[str, str] = field(default_factory=dict)
    disputed: dict[str, list[str]] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    currency: str = "USD"
    source: str = ""
    source_date: str = ""
    agreed_by: list[str] = field(default_factory=list)

    def compiled(self) -> dict[str, Any]:
        made: dict[str, Any] = {"rates": {unit: text(rate) for unit, rate in self.rates.items()}}
        for key in ("start", "end", "when", "windows", "minimums", "uplift", "disputed", "unknown", "agreed_by"):
            if value := getattr(self, key):
                made[key] = value
        if self.above:
            made["tiers"] = [
                {"above": at, "rates": {unit: text(rate) for unit, rate in rates.items()}}
                for at, rates in sorted(self.above.items())
            ]
        if self.currency != "USD":
            made["currency"] = self.currency
        made["source"] = self.source
        if self.source_date:
            made["source_date"] = self.source_date
        return made


@dataclass
class Entry:
    """What one source says about one model of one provider."""

    id: str
    versions: list[Version] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    aliases: list[str] = field(default_factory=list)
    loose: bool = False

    def current(self, day: str) -> Version | None:
        """The plain version in force on ``day`` (ISO date)."""
        plain = [v for v in self.versions if not v.when and not v.windows]
        live = [v for v in plain if (v.start or "") <= day and (v.end is None or day < v.end)]
        return live[-1] if live else None


def text(amount: Decimal) -> str:
    """The shortest exact spelling, without an exponent."""
    plain = format(amount.normalize(), "f")
    return plain if plain != "-0" else "0"


def exact(value: Any) -> Decimal:
    """A number of a source as an exact decimal; a float by its shortest form."""
    return Decimal(str(value))


def differ(a: Decimal, b: Decimal, tolerance: Decimal = Decimal("0.005")) -> bool:
    """Whether two prices differ by more than half a percent."""
    return abs(a - b) > tolerance * max(abs(a), abs(b))
