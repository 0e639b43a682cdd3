"""Which price holds: by the time of the call, the tier that served it, processing, speed, region and prompt length.

A :class:`Sheet` is one set of rates ready for arithmetic: every unit resolved, in whole numbers over one
denominator. Sheets are made once per price version and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import inf, lcm

from modelmux.catalogue import Model, PriceVersion
from modelmux.cost.units import ALTERNATIVES, FALLBACK, PER, SOLD_BY, TOKENS
from modelmux.money import NANO, Rate

__all__ = ["Sheet", "sheet"]

_TIERS: Mapping[str, str | None] = {
    "": None,
    "auto": None,
    "default": None,
    "standard": None,
    "standard_only": None,
    "on_demand": None,
    "on_demand_priority": "priority",
    "on_demand_flex": "flex",
    "unspecified": None,
}
"""Vendors' words for the tier that list prices are for, and for the others where they differ."""

_TOKENS = frozenset(TOKENS)
_PRECEDENCE = ("processing", "speed", "tier")


class Sheet:
    """Rates in force for one kind of call.

    ``version`` names the price version, ``source`` where it comes from, ``currency`` what it is in.
    ``long_context`` is ``(threshold, sheet)``: with more input tokens than that, all of that sheet holds instead.
    ``assumed`` says why the rates are a guess (a tier without a published price), else it is empty.
    ``disputed`` names the units on whose rates the sources differ, ``unknown`` those whose own price nobody names.
    ``exchanged`` says by which rate another currency's prices became these; empty where they are as billed.
    """

    __slots__ = ("_dearest", "_den", "_num", "assumed", "currency", "disputed", "exchanged", "long_context",
                 "minimums", "rates", "source", "unknown", "version")  # fmt: skip

    def __init__(
        self,
        rates: Mapping[str, Rate],
        *,
        currency: str = "USD",
        version: str = "",
        source: str = "",
        assumed: str = "",
        minimums: Mapping[str, int] | None = None,
        disputed: Iterable[str] = (),
        unknown: Iterable[str] = (),
        long_context: tuple[int, Sheet] | None = None,
        dearest: Callable[[], Sheet] | None = None,
        exchanged: str = "",
    ) -> None:
        self.exchanged = exchanged
        self.rates = dict(rates)
        self.currency = currency
        self.version = version
        self.source = source
        self.assumed = assumed
        self.minimums = dict(minimums or {})
        self.disputed = frozenset(disputed)
        self.unknown = frozenset(unknown)
        self.long_context = long_context
        self._dearest: Callable[[], Sheet] | Sheet | None = dearest
        self._den = 1
        self._num: dict[str, int] | None = None

    def _whole(self) -> dict[str, int]:
        """Nano-units for one of each unit, as whole numbers over one denominator. Worked out on first use."""
        exact = {unit: Fraction(rate.amount) * NANO / rate.per for unit in PER if (rate := self.rate(unit)) is not None}
        self._den = lcm(*(part.denominator for part in exact.values())) if exact else 1
        self._num = {unit: int(part * self._den) for unit, part in exact.items()}
        return self._num

    def rate(self, unit: str) -> Rate | None:
        """The price of ``unit``: its own, else that of the unit it is billed as (:data:`~units.FALLBACK`), zero
        where the model is sold by another measure of the same thing; None where no price is known.
        """
        wanted: str | None = unit
        while wanted is not None:
            if (own := self.rates.get(wanted)) is not None:
                return own
            if wanted in self.unknown:
                return None
            wanted = FALLBACK.get(wanted)
        if any(other in self.rates for other in ALTERNATIVES.get(unit, ())):
            return Rate(Decimal(0), PER[unit], self.currency)
        return None

    def per_token(self, unit: str) -> float:
        """Money per one of ``unit`` as a float, for scores: the same fallbacks as :meth:`rate`, 0.0 if unknown."""
        whole = self._whole() if self._num is None else self._num
        return whole.get(unit, 0) / self._den / NANO

    def knows(self, unit: str) -> bool:
        """Whether ``unit`` has a price here."""
        return self.rate(unit) is not None

    def for_input(self, tokens: int) -> Sheet:
        """The sheet that holds for a prompt of ``tokens``."""
        chosen = self
        while chosen.long_context is not None and tokens > chosen.long_context[0]:
            chosen = chosen.long_context[1]
        return chosen

    def nano(self, units: Mapping[str, int]) -> tuple[int, int] | None:
        """What ``units`` cost, in nano-units of the currency as an exact fraction (numerator, denominator), or
        None if one of them has no price here. The caller has chosen the sheet for the prompt's length.
        """
        total, prices = 0, self._whole() if self._num is None else self._num
        if self.minimums:
            units = {unit: max(count, self.minimums.get(unit, 0)) for unit, count in units.items()}
        for unit, count in units.items():
            price = prices.get(unit)
            if price is None:
                if self.covered(unit, units):
                    continue
                return None
            total += price * count
        return total, self._den

    def covered(self, unit: str, units: Mapping[str, int]) -> bool:
        """Whether ``unit`` is paid for by another measure of the same use, counted and priced beside it."""
        other = SOLD_BY.get(unit, "")
        return other in self.rates and bool(units.get(other))

    @property
    def dearest(self) -> Sheet:
        """The most each unit may cost at this time: any tier, hour or region that may serve the call, and the
        higher value where sources differ.
        """
        made = self._dearest
        if made is None:
            return self
        if not isinstance(made, Sheet):
            made = self._dearest = made()
        return made

    def __repr__(self) -> str:
        rates = ", ".join(f"{unit}={rate.amount}" for unit, rate in self.rates.items())
        return f"Sheet({self.version}: {rates} {self.currency})"


def sheet(
    model: Model,
    *,
    at: float,
    tier: str | None = None,
    region: str | None = None,
    processing: str | None = None,
    speed: str | None = None,
) -> Sheet | None:
    """The rates for a call of ``model`` at epoch second ``at``, or None where no price is known for then.

    ``tier`` is the vendor's word for the service tier, served rather than asked where it is known; ``batch`` as a
    tier means processing. ``region`` is the vendor's word for a place with an uplift.
    """
    if tier is not None or processing is not None or speed is not None or region is not None:
        tier, processing, speed, region = _normal(tier, processing, speed, region)
    for start, end, plain, windows in _book(model, tier, region, processing, speed):
        if start <= at < end:
            if windows:
                day, minute = int(at // 86400 + 3) % 7 + 1, int(at % 86400) // 60
                for days, since, until, there in windows:
                    if day in days and since <= minute < until:
                        return there
            return plain
    return None


def _normal(
    tier: str | None, processing: str | None, speed: str | None, region: str | None
) -> tuple[str | None, str | None, str | None, str | None]:
    tier = tier.lower() if tier else None
    if tier == "batch":
        tier, processing = None, "batch"
    return (
        _TIERS.get(tier, tier) if tier else None,
        None if processing in (None, "standard", "default", "realtime") else processing,
        None if speed is None or speed.lower() in ("standard", "default") else speed.lower(),
        region.lower() if region else None,
    )


@lru_cache(maxsize=8192)
def _book(
    model: Model, tier: str | None, region: str | None, processing: str | None, speed: str | None
) -> tuple[tuple[float, float, Sheet, tuple[tuple[frozenset[int], int, int, Sheet], ...]], ...]:
    """The model's prices for one kind of call as (start, end, sheet, peak hours), latest first."""
    asked = {"processing": processing, "speed": speed, "tier": tier}
    edges = sorted({-inf, inf, *(e for v in model.prices for e in (v.start, v.end) if e is not None)})
    book = []
    for start, end in pairwise(edges):
        there = [v for v in model.prices if (v.start or -inf) <= start and end <= (v.end or inf)]
        base = next((v for v in reversed(there) if not v.when and not v.windows), None)
        if base is None:
            continue
        layers, assumed = _layers(there, asked)
        hours = [v for v in there if v.windows and not v.when]
        dear = _dear_layers(there, asked)

        def dearest(base: PriceVersion = base, dear: list[PriceVersion] = dear) -> Sheet:
            return _dearest(base, dear)

        plain = _sheet([base, *layers], region, assumed, dearest)
        windows = tuple(
            (
                frozenset(map(int, window.get("days", "1234567"))),
                int(window["from"]),
                int(window["to"]),
                _sheet([base, peak, *layers], region, assumed, dearest),
            )
            for peak in hours
            for window in peak.windows
        )
        book.append((start, end, plain, windows))
    return tuple(reversed(book))


def _layers(there: list[PriceVersion], asked: Mapping[str, str | None]) -> tuple[list[PriceVersion], str]:
    """The version that replaces rates for what was ``asked``, and what had to be assumed."""
    wanted = {key: value for key, value in asked.items() if value is not None}
    for key in _PRECEDENCE:
        if key not in wanted:
            continue
        for version in reversed(there):
            if version.when and key in version.when and all(wanted.get(k) == v for k, v in version.when.items()):
                return [version], ""
        return [], f"no price is known for {key} {wanted[key]!r}; the standard one is assumed"
    return [], ""


def _dear_layers(there: list[PriceVersion], asked: Mapping[str, str | None]) -> list[PriceVersion]:
    """Every version that may turn out to hold: peak hours, the tier asked, or any tier where none was asked."""

    def may_hold(version: PriceVersion) -> bool:
        if not version.when:
            return bool(version.windows)
        if set(version.when) == {"tier"} and asked["tier"] is None:
            return True
        return all(asked.get(key) == value for key, value in version.when.items())

    return [version for version in there if may_hold(version)]


def _sheet(
    versions: list[PriceVersion], region: str | None, assumed: str, dearest: Callable[[], Sheet] | None
) -> Sheet:
    """One sheet from a plain version and what is laid over it, in order."""
    base = versions[0]
    factor = _uplift(base, region)
    steps = sorted({int(tier["above"]) for version in versions for tier in version.tiers}, reverse=True)
    above: tuple[int, Sheet] | None = None
    for threshold in (*steps, None):
        rates: dict[str, str] = {}
        for version in versions:
            rates.update(version.rates)
            for tier in sorted(version.tiers, key=lambda t: int(t["above"])):
                if threshold is not None and int(tier["above"]) <= threshold:
                    rates.update(tier["rates"])
        made = Sheet(
            {unit: _rate(unit, amount, base.currency, factor) for unit, amount in rates.items()},
            currency=base.currency,
            version=versions[-1].id,
            source=base.source,
            assumed=assumed,
            minimums={unit: least for version in versions for unit, least in version.minimums.items()},
            disputed={unit for version in versions for unit in version.disputed},
            unknown={unit for version in versions for unit in version.unknown},
            long_context=above,
            dearest=dearest if threshold is None else None,
        )
        if threshold is not None:
            above = (threshold, made)
    return made


def _uplift(version: PriceVersion, region: str | None) -> Decimal:
    """The factor for a region; ``regional`` stands for every place but the global one."""
    if region is None or not version.uplift:
        return Decimal(1)
    default = "1" if region == "global" else version.uplift.get("regional", "1")
    return Decimal(version.uplift.get(region, default))


def _rate(unit: str, amount: str | Decimal, currency: str, factor: Decimal = Decimal(1)) -> Rate:
    exact = Decimal(amount)
    return Rate(exact * factor if unit in _TOKENS else exact, PER[unit], currency)


def _dearest(base: PriceVersion, layers: list[PriceVersion]) -> Sheet:
    """Unit by unit the most of all that may hold, for each length of prompt."""
    region = max(base.uplift, key=lambda place: Decimal(base.uplift[place]), default=None)
    choices = [_sheet([base, *layer], region, "", None) for layer in ([], *([v] for v in layers))]
    steps = sorted({t for choice in choices for t in _thresholds(choice)}, reverse=True)
    above: tuple[int, Sheet] | None = None
    for threshold in (*steps, None):
        each = [choice.for_input(0 if threshold is None else threshold + 1) for choice in choices]
        rates: dict[str, Rate] = {}
        for unit in PER:
            found = [rate for choice in each if (rate := choice.rate(unit)) is not None]
            found += [_rate(unit, value, base.currency) for version in (base, *layers)
                      for value in version.disputed.get(unit, ())]  # fmt: skip
            if found:
                rates[unit] = max(found, key=lambda rate: rate.amount / rate.per)
        made = Sheet(rates, currency=base.currency, version=base.id, source=base.source,
                     minimums=each[0].minimums, unknown=each[0].unknown, long_context=above)  # fmt: skip
        if threshold is not None:
            above = (threshold, made)
    return made


def _thresholds(chosen: Sheet) -> Iterable[int]:
    while chosen.long_context is not None:
        yield chosen.long_context[0]
        chosen = chosen.long_context[1]
