"""From usage and a price to money: :func:`charge`, called once for every attempt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any, Literal, TypeAlias

from modelmux.catalogue import Model, find
from modelmux.cost.prices import Sheet, sheet
from modelmux.cost.terms import Terms, sheet_by, terms
from modelmux.cost.units import INPUT_TOKENS
from modelmux.money import NANO, Money, Rate
from modelmux.types import Usage

__all__ = ["Charge", "Line", "charge"]

_EXACT = Context(prec=60)

Status = Literal["priced", "estimated", "unknown"]
Bill: TypeAlias = tuple[Sheet | None, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Line:
    """One item of a bill: ``quantity`` of ``unit`` at ``rate`` makes ``amount`` (exact, in ``currency``).

    ``amount`` and ``rate`` are None where no price is known. ``note`` says what is uncertain about it.
    """

    unit: str
    quantity: int
    rate: Rate | None
    amount: Decimal | None
    currency: str
    note: str = ""


class Charge:
    """What an attempt cost.

    ``cost`` is None when it is not known, and then ``status`` is ``unknown``; ``estimated`` means that a part of it
    was assumed (``reason`` says which). ``source`` is ``vendor`` where the vendor stated the price, ``user`` for a
    price of the caller's own, else the catalogue's source; ``version`` names the price version. ``lines``,
    ``exact`` and ``ours`` (our own arithmetic where the vendor's statement won) are worked out when asked for.
    """

    __slots__ = ("_bills", "_usage", "cost", "reason", "source", "status", "version")

    def __init__(
        self,
        cost: Money | None,
        status: Status,
        source: str = "",
        version: str = "",
        reason: str = "",
        bills: tuple[Bill, ...] = (),
        usage: Usage | None = None,
    ) -> None:
        self.cost = cost
        self.status = status
        self.source = source
        self.version = version
        self.reason = reason
        self._bills = bills
        self._usage = usage

    @property
    def lines(self) -> tuple[Line, ...]:
        """The bill, one line for each unit used; a single line where the vendor stated the price."""
        usage = self._usage
        if usage is None:
            return ()
        if self.source == "vendor" and usage.vendor_cost is not None:
            amount, currency = usage.vendor_cost
            return (Line("stated_by_vendor", 1, Rate(Decimal(amount), 1, currency), Decimal(amount), currency),)
        return tuple(line for used, units in self._bills for line in _lines(used, units))

    @property
    def exact(self) -> Decimal | None:
        """The cost before rounding to the nano, in the currency of ``cost``."""
        if self.cost is None or self._usage is None:
            return None
        if self.source == "vendor" and self._usage.vendor_cost is not None:
            return Decimal(self._usage.vendor_cost[0])
        return self.ours

    @property
    def ours(self) -> Decimal | None:
        """What our own prices make of the usage, kept beside a price that the vendor stated."""
        counted = _add(self._bills)
        if counted is None:
            return None
        return _EXACT.divide(Decimal(counted[0]), Decimal(counted[1] * NANO)).normalize(_EXACT)

    def __repr__(self) -> str:
        return f"Charge({self.cost if self.cost is not None else 'unknown'}, {self.status}, {self.source!r})"


def _lines(used: Sheet | None, units: Mapping[str, int]) -> Iterator[Line]:
    for unit, count in units.items():
        rate = None if used is None else used.rate(unit)
        if used is not None and rate is None and used.covered(unit, units):
            continue
        if used is None or rate is None:
            yield Line(unit, count, None, None, "" if used is None else used.currency, "no price is known")
        elif rate.amount or unit in used.rates:
            quantity = max(count, used.minimums.get(unit, 0))
            note = used.assumed or ("the sources differ on this price" if unit in used.disputed else "")
            yield Line(unit, quantity, rate, rate.times(quantity), used.currency, note)


def _add(bills: tuple[Bill, ...]) -> tuple[int, int] | None:
    """Several bills in nano-units as one exact fraction; None if any is unknown or in another currency."""
    total = Fraction(0)
    for used, units in bills:
        counted = None if used is None else used.nano(units)
        if used is None or counted is None or bills[0][0] is None or used.currency != bills[0][0].currency:
            return None
        total += Fraction(*counted)
    return (total.numerator, total.denominator) if bills else None


def _bills(
    used: Sheet | None, model: Model, usage: Usage, price: Terms | None, how: dict[str, Any]
) -> tuple[Bill, ...]:
    """The usage split by the models it is billed at: the rest of it first, then each part at its own price."""
    rest = dict(usage)
    bills: list[Bill] = []
    for name, units in usage.parts:
        other = find(model.provider, name)
        bills.append((sheet_by(price, other, **how), units))
        for unit, count in units.items():
            rest[unit] = rest.get(unit, 0) - count
    every = [(used, {unit: count for unit, count in rest.items() if count}), *bills]
    return tuple((None if one is None else one.for_input(_input(units)), units) for one, units in every)


def _input(units: Mapping[str, int]) -> int:
    return sum([units.get(unit, 0) for unit in INPUT_TOKENS])


def charge(
    model: Model | None,
    usage: Usage,
    *,
    at: float,
    tier: str | None = None,
    region: str | None = None,
    price: Mapping[str, Any] | Terms | None = None,
    processing: str | None = None,
    speed: str | None = None,
) -> Charge:
    """The cost of ``usage`` of ``model`` at epoch second ``at``.

    A price the vendor states wins, then the caller's ``price`` (:mod:`modelmux.cost.terms`), then the catalogue.
    ``tier``, ``region`` and ``speed`` are in the vendor's words; what the usage says of them wins over what is given
    here, because served wins over asked. ``processing`` is ``batch`` for batches. An unknown model, a unit without a
    price or missing usage make the cost unknown, never zero. Usage that was counted locally (``reported`` is False but
    units are given) makes an estimate.
    """
    if usage.served:
        tier, region = usage.served.get("tier", tier), usage.served.get("region", region)
        speed = usage.served.get("speed", speed)
    used: Sheet | None = None
    given: Terms | None = None
    if price is not None:
        given = price if type(price) is Terms else terms(price)
        used = sheet_by(given, model, at=at, tier=tier, region=region, processing=processing, speed=speed)
    elif model is not None:
        used = sheet(model, at=at, tier=tier, region=region, processing=processing, speed=speed)
    if used is not None and used.long_context is not None:
        used = used.for_input(_input(usage))
    bills: tuple[Bill, ...] = ((used, usage),)
    if usage.parts and model is not None and (given is None or given.own is None):
        how: dict[str, Any] = {"at": at, "tier": tier, "region": region, "processing": processing, "speed": speed}
        bills = _bills(sheet_by(given, model, **how), model, usage, given, how)
    if usage.vendor_cost is not None:
        stated = Money.of(*usage.vendor_cost)
        return Charge(stated, "priced", "vendor", "" if used is None else used.version, "", bills, usage)
    if not usage.reported and not usage:
        return Charge(None, "unknown", reason="the vendor reported no usage")
    if used is None:
        return Charge(None, "unknown", reason="no price is known for this model and time", bills=bills, usage=usage)
    counted = used.nano(usage) if len(bills) == 1 else _add(bills)
    if counted is None:
        missing = ", ".join(line.unit for bill in bills for line in _lines(*bill) if line.rate is None)
        return Charge(None, "unknown", used.source, used.version, f"no price is known for {missing}", bills, usage)
    numerator, denominator = counted
    nano, rest = divmod(numerator, denominator)
    if rest and (2 * rest > denominator or (2 * rest == denominator and nano & 1)):
        nano += 1
    status: Status = "priced"
    reason = used.assumed
    if not usage.reported:
        reason = "the usage was counted here, not by the vendor"
    elif usage.anomalies and not reason:
        reason = next((note for note in usage.anomalies if note.startswith("price: ")), "")
    if reason:
        status = "estimated"
    return Charge(Money(nano, used.currency), status, used.source, used.version, reason, bills, usage)
