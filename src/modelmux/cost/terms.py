"""What a user pays, where that is not the catalogue's price: prices of their own, a discount, an exchange rate.

A price is a mapping, with any of

- units (see :mod:`modelmux.cost.units`): the price of a million tokens (of the usual quantity for other units), or with
  ``_per_1k``, ``_per_1m``, ``_per_unit`` of a thousand, a million, one. They replace the catalogue's altogether;
- ``currency``: what they are in, USD unless said;
- ``discount``: the factor on the catalogue's rates that a contract grants: ``"0.85"`` pays 85 % of the list price;
- ``exchange``: rates to compare by, with their day: ``{"KRW": {"usd": "0.00068", "at": "2026-11-01"}}``. Bills stay in
  their own currency; only routing and ceilings compare by it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Context, Decimal
from functools import lru_cache
from typing import Any

from modelmux.catalogue import Model
from modelmux.cost.prices import Sheet, sheet
from modelmux.cost.units import PER
from modelmux.errors import ConfigError, UnknownName
from modelmux.money import Rate

__all__ = ["Exchange", "Terms", "agreed", "sheet_by", "terms", "user_sheet"]

_EXACT = Context(prec=60)
_PER_SUFFIX = {"_per_1k": 1000, "_per_1m": 1_000_000, "_per_token": 1, "_per_unit": 1}
_WORDS = ("currency", "discount", "exchange")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One of a currency is ``rate`` of ``to``, as of the day ``at`` (ISO 8601)."""

    to: str
    rate: Decimal
    at: str


@dataclass(frozen=True, slots=True)
class Terms:
    """A user's price, checked. ``own`` are rates of their own, ``discount`` the factor on those of the catalogue,
    ``exchange`` has what other currencies are compared by.
    """

    own: Sheet | None = None
    discount: Decimal | None = None
    exchange: Mapping[str, Exchange] = field(default_factory=dict)

    def compared(self, native: Sheet, currency: str | None = None) -> Sheet:
        """``native`` in the currency it is compared in; as it is where that is ``currency`` or no rate is given."""
        known = self.exchange.get(native.currency)
        if known is None or native.currency == currency:
            return native
        return _scaled(native, known.rate, known.to, f"{native.currency} at {known.rate} {known.to} of {known.at}")


def terms(price: Mapping[str, Any] | Terms) -> Terms:
    """A price as a user writes it, checked. Raises ConfigError for what makes no sense in it."""
    if isinstance(price, Terms):
        return price
    if not isinstance(price, Mapping):
        raise ConfigError(f"price is a {type(price).__name__}; give a mapping of unit to price", field="price")
    return _terms(json.dumps(dict(price), default=str))


@lru_cache(maxsize=1024)
def _terms(text: str) -> Terms:
    given: dict[str, Any] = json.loads(text, parse_float=str, parse_int=str)
    rates = {key: value for key, value in given.items() if key not in _WORDS}
    discount = given.get("discount")
    if rates and discount is not None:
        raise ConfigError(
            "price: discount is a factor on the catalogue's rates, and these rates are your own; give one of them",
            field="discount",
        )
    if given.get("currency") is not None and not rates:
        raise ConfigError("price: currency says what rates of your own are in, and there are none", field="currency")
    exchange = given.get("exchange") or {}
    if not isinstance(exchange, dict):
        raise ConfigError("price: exchange is a mapping of currency to its rate", field="exchange")
    return Terms(
        own=_own(rates, str(given.get("currency") or "USD").upper()) if rates else None,
        discount=None if discount is None else _factor(discount),
        exchange={name.upper(): _exchange(name, rate) for name, rate in exchange.items()},
    )


def user_sheet(price: Mapping[str, Any]) -> Sheet:
    """The rates of a price that names units. Raises ConfigError as :func:`terms` does, and when there are none."""
    own = terms(price).own
    if own is None:
        raise ConfigError("price: no unit is priced", field="price")
    return own


def _own(given: Mapping[str, Any], currency: str) -> Sheet:
    rates: dict[str, Rate] = {}
    for key, value in given.items():
        unit, per = next(
            ((key.removesuffix(suffix), per) for suffix, per in _PER_SUFFIX.items() if key.endswith(suffix)),
            (key, PER.get(key, 0)),
        )
        if unit not in PER:
            raise ConfigError(f"price: {UnknownName('unit', unit, [*PER, *_WORDS])}", field=key)
        rates[unit] = Rate(_number(key, value), per, currency)
    return Sheet(rates, currency=currency, version="user", source="user")


def _number(key: str, value: Any) -> Decimal:
    try:
        amount = Decimal(str(value))
    except ArithmeticError:
        raise ConfigError(f"price: {key} must be a number, not {value!r}", field=key) from None
    if not amount.is_finite() or amount < 0:
        raise ConfigError(f"price: {key} must be a number that is not negative, got {value!r}", field=key)
    return amount


def _factor(value: Any) -> Decimal:
    factor = _number("discount", value)
    if factor > 1:
        raise ConfigError(
            f"price: discount is the factor you pay, at most 1 ('0.85' for 85 % of the list price), got {value!r}",
            field="discount",
        )
    return factor


def _exchange(name: str, given: Any) -> Exchange:
    """``{"usd": "0.00068", "at": "2026-11-01"}``. A rate without its day is refused."""
    where = f"exchange.{name}"
    others = [key for key in given if key != "at"] if isinstance(given, dict) else []
    if len(others) != 1 or "at" not in given:
        raise ConfigError(
            f"price: {where} needs one rate and its day, such as {{'usd': '0.00068', 'at': '2026-11-01'}}", field=where
        )
    rate = _number(f"{where}.{others[0]}", given[others[0]])
    try:
        day = date.fromisoformat(str(given["at"])[:10]).isoformat()
    except ValueError:
        raise ConfigError(
            f"price: {where}.at must be a day such as '2026-11-01', not {given['at']!r}", field=where
        ) from None
    if not rate:
        raise ConfigError(f"price: {where}.{others[0]} must be more than nothing", field=where)
    return Exchange(others[0].upper(), rate, day)


def agreed(
    price: Mapping[str, Any] | None,
    *,
    names: tuple[str, ...],
    provider_price: Mapping[str, Any] | None = None,
    discount: Any = None,
    exchange: Mapping[str, Any] | None = None,
) -> Terms | None:
    """The terms of one endpoint: its own ``price``, else its provider's; None where neither says anything.

    ``provider_price`` holds for all of a provider's models, or is a mapping of model to price; of it, the first of
    ``names`` counts. ``discount`` is for the models without a price. An endpoint's exchange rates go before the
    provider's.
    """
    mine = Terms() if price is None else terms(price)
    general = _of_model(provider_price, names)
    theirs = Terms() if general is None else terms(general)
    if theirs.own is None and theirs.discount is None and discount is not None:
        theirs = replace(theirs, discount=terms({"discount": discount}).discount)
    chosen = mine if mine.own is not None or mine.discount is not None else theirs
    shared = {} if exchange is None else terms({"exchange": exchange}).exchange
    made = replace(chosen, exchange={**shared, **theirs.exchange, **mine.exchange})
    return None if made == Terms() else made


def _of_model(price: Mapping[str, Any] | None, names: tuple[str, ...]) -> Mapping[str, Any] | None:
    if price is None:
        return None
    if not isinstance(price, Mapping):
        raise ConfigError(f"price is a {type(price).__name__}; give a mapping", field="price")
    nested = [key for key, value in price.items() if isinstance(value, Mapping) and key != "exchange"]
    if not nested:
        return price
    if len(nested) < len(price):
        raise ConfigError("price: give prices of units, or a price for each model by its name; not both", field="price")
    return next((price[name] for name in names if name in price), None)


def check(settings: Mapping[str, Any]) -> None:
    """Raises ConfigError when a provider's ``price``, ``discount`` or ``exchange`` makes no sense."""
    price, discount = settings.get("price"), settings.get("discount")
    by_model = isinstance(price, Mapping) and _of_model(price, ()) is None
    each: list[Any] = list(price.values()) if by_model and price is not None else [] if price is None else [price]
    for one in each:
        if terms(one).own is not None and discount is not None and not by_model:
            raise ConfigError(
                "price holds for every model of this provider, so that discount has nothing to apply to",
                field="discount",
            )
    agreed(None, names=(), discount=discount, exchange=settings.get("exchange"))


def sheet_by(
    price: Mapping[str, Any] | Terms | None,
    model: Model | None,
    *,
    at: float,
    tier: str | None = None,
    region: str | None = None,
    processing: str | None = None,
    speed: str | None = None,
) -> Sheet | None:
    """The rates a call of ``model`` is billed at, in their own currency: the user's, else the catalogue's times the
    user's discount; None where neither is known. The rest is as in :func:`modelmux.cost.prices.sheet`.
    """
    given = None if price is None else price if type(price) is Terms else terms(price)
    if given is not None and given.own is not None:
        return given.own
    if model is None:
        return None
    listed = sheet(model, at=at, tier=tier, region=region, processing=processing, speed=speed)
    if listed is None or given is None or given.discount is None:
        return listed
    return _scaled(listed, given.discount, listed.currency, "")


@lru_cache(maxsize=4096)
def _scaled(base: Sheet, factor: Decimal, currency: str, exchanged: str) -> Sheet:
    """Every rate times ``factor``. ``exchanged`` names the exchange rate where that is what the factor is."""
    above = base.long_context
    return Sheet(
        {unit: Rate(_EXACT.multiply(rate.amount, factor), rate.per, currency) for unit, rate in base.rates.items()},
        currency=currency,
        version=base.version if exchanged else f"{base.version}*{factor}",
        source=base.source,
        assumed=base.assumed,
        minimums=base.minimums,
        disputed=base.disputed,
        unknown=base.unknown,
        long_context=None if above is None else (above[0], _scaled(above[1], factor, currency, exchanged)),
        dearest=lambda: _scaled(base.dearest, factor, currency, exchanged),
        exchanged=exchanged,
    )
