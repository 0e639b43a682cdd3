"""Money as integers: :class:`Money` counts nano-units of one currency, :class:`Rate` says what a quantity costs.

Binary floating point never touches an amount. Currencies never mix silently: adding dollars to won raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import total_ordering
from typing import Any

from modelmux._quick import quick
from modelmux.errors import CurrencyMismatch

NANO = 10**9
_EXACT = Context(prec=60)
_WHOLE = Decimal(1)


@total_ordering
@quick
@dataclass(frozen=True, slots=True)
class Money:
    """An amount: ``nano`` billionths of one unit of ``currency`` (ISO 4217 code)."""

    nano: int
    currency: str = "USD"

    @classmethod
    def of(cls, amount: Decimal | str | float, currency: str = "USD") -> Money:
        """From a decimal amount (``"$0.5"`` will do), rounded half-even to the nano. A float is read by its shortest
        decimal form. Raises ArithmeticError for text that is no number, ValueError for one that is not finite.
        """
        if isinstance(amount, str) and currency == "USD":
            amount = amount.strip().removeprefix("$")
        exact = Decimal(str(amount)) if isinstance(amount, float) else Decimal(amount)
        if not exact.is_finite():
            raise ValueError(f"an amount of money must be finite, not {amount!r}")
        scaled = _EXACT.multiply(exact, Decimal(NANO)).quantize(_WHOLE, rounding=ROUND_HALF_EVEN, context=_EXACT)
        return cls(int(scaled), currency)

    @property
    def amount(self) -> Decimal:
        """The exact amount in whole units of the currency."""
        return _EXACT.divide(Decimal(self.nano), Decimal(NANO))

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise CurrencyMismatch(self.currency, other.currency)

    def __add__(self, other: Any) -> Money:
        if not isinstance(other, Money):
            return NotImplemented
        self._same(other)
        return Money(self.nano + other.nano, self.currency)

    def __sub__(self, other: Any) -> Money:
        if not isinstance(other, Money):
            return NotImplemented
        self._same(other)
        return Money(self.nano - other.nano, self.currency)

    def __mul__(self, count: Any) -> Money:
        if not isinstance(count, int):
            return NotImplemented
        return Money(self.nano * count, self.currency)

    __rmul__ = __mul__

    def __neg__(self) -> Money:
        return Money(-self.nano, self.currency)

    def __lt__(self, other: Any) -> bool:
        if not isinstance(other, Money):
            return NotImplemented
        self._same(other)
        return self.nano < other.nano

    def __bool__(self) -> bool:
        return self.nano != 0

    def __float__(self) -> float:
        return self.nano / NANO

    def __str__(self) -> str:
        amount = format(self.amount.normalize(_EXACT), "f")
        return f"${amount}" if self.currency == "USD" else f"{amount} {self.currency}"


@dataclass(frozen=True, slots=True)
class Rate:
    """A price: ``amount`` (exact decimal, in ``currency``) for every ``per`` units."""

    amount: Decimal
    per: int = 1_000_000
    currency: str = "USD"

    @classmethod
    def parse(cls, amount: str | int | Decimal, per: int = 1_000_000, currency: str = "USD") -> Rate:
        return cls(Decimal(amount), per, currency)

    def times(self, quantity: int | Decimal) -> Decimal:
        """The exact price of ``quantity`` units, not rounded."""
        return _EXACT.divide(_EXACT.multiply(self.amount, Decimal(quantity)), Decimal(self.per))
