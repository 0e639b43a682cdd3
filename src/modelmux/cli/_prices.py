"""Catalogues as the price commands see them: rows, ages, differences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from modelmux import _json, catalogue, providers
from modelmux._clock import Clock, SystemClock
from modelmux.catalogue import Catalogue, Model, PriceVersion
from modelmux.catalogue.updates import read_files
from modelmux.cli.doctor import STALE_DAYS
from modelmux.cost import prices
from modelmux.cost.units import PER
from modelmux.errors import ConfigError, UnknownName

CLOCK: Clock = SystemClock()
"""What day it is; a value, so that tests can say."""

PACKAGED = "packaged"
CURRENT = "current"


def now() -> float:
    return CLOCK.time()


def today() -> date:
    return datetime.fromtimestamp(now(), UTC).date()


def stale(days: Iterable[str], limit: int = STALE_DAYS) -> str:
    """A warning when the oldest of these days (ISO 8601) is more than ``limit`` days ago; else empty."""
    oldest = min(filter(None, days), default="")
    if not oldest:
        return ""
    age = (today() - date.fromisoformat(oldest)).days
    if age <= limit:
        return ""
    return f"these prices are of {oldest}, {age} days old; they may have changed since (modelmux prices update)"


def filed(provider: str) -> str:
    """The catalogue a provider's models are filed under. Raises UnknownName for one nobody knows."""
    if catalogue.load(provider):
        return provider
    row = providers.find(provider)
    if row is None:
        raise UnknownName("provider", provider, [*providers.names(), *catalogue.providers()])
    return row.catalogue or row.id


def found(name: str) -> list[Model]:
    """The models a name stands for: ``provider/model`` one, a bare name one for every provider that has exactly it."""
    provider, slash, rest = name.partition("/")
    if slash and (provider in catalogue.providers() or providers.find(provider) is not None):
        model = catalogue.find(filed(provider), rest)
        if model is None:
            known = [f"{provider}/{one}" for one in catalogue.load(filed(provider))]
            raise UnknownName("model", name, known)
        return [model]
    models = [loaded[name] for each in catalogue.providers() if name in (loaded := catalogue.load(each))]
    if not models:
        raise UnknownName("model", name, [one for each in catalogue.providers() for one in catalogue.load(each)])
    return models


@dataclass(frozen=True, slots=True)
class Row:
    """A model's price today: unit -> exact decimal for the unit's usual quantity."""

    name: str
    rates: Mapping[str, str]
    currency: str
    disputed: Mapping[str, tuple[str, ...]]
    source: str
    agreed_by: tuple[str, ...]


def row(model: Model, at: float) -> Row | None:
    """None where no price is known for then."""
    sheet = prices.sheet(model, at=at)
    if sheet is None:
        return None
    version = next((one for one in model.prices if one.id == sheet.version), PriceVersion({}))
    disputed = {unit: values for one in model.prices for unit, values in one.disputed.items() if unit in sheet.disputed}
    rates = {unit: f"{rate.times(PER[unit]).normalize():f}" for unit, rate in sheet.rates.items()}
    return Row(f"{model.provider}/{model.id}", rates, sheet.currency, disputed, sheet.source, version.agreed_by)


def rows(named: Iterable[str], wanted: str, disputed: bool, at: float) -> Iterator[Row]:
    """The priced models of these catalogues whose name contains ``wanted``."""
    for name in named:
        for model in catalogue.load(name).values():
            if wanted in model.id and (one := row(model, at)) is not None and (one.disputed or not disputed):
                yield one


def read(what: str) -> dict[str, Catalogue]:
    """A whole catalogue by provider: ``packaged``, ``current`` (with what was installed), or a file or directory."""
    if what == CURRENT:
        return {name: catalogue.load(name) for name in catalogue.providers()}
    if what == PACKAGED:
        raw = {name: catalogue.packaged(name) for name in catalogue.providers()}
        return {name: Catalogue(name, _json.loads(text)) for name, text in raw.items() if text is not None}
    path = Path(what)
    if not path.exists():
        raise ConfigError(f"{what} is no file; give one, a directory, {PACKAGED!r} or {CURRENT!r}", field="file")
    return {name: Catalogue(name, _json.loads(text)) for name, text in read_files(path).items()}


@dataclass(frozen=True, slots=True)
class Change:
    """A difference. ``unit`` is empty where a whole model came or went."""

    model: str
    unit: str
    old: str
    new: str


def changes(old: Mapping[str, Catalogue], new: Mapping[str, Catalogue], at: float) -> Iterator[Change]:
    """What differs in prices at ``at``, for the providers that both have."""
    for name in sorted(set(old) & set(new)):
        for model_id in sorted({*old[name], *new[name]}):
            before, after = (side[name].get(model_id) for side in (old, new))
            was, now_ = (None if model is None else row(model, at) for model in (before, after))
            shown = f"{name}/{model_id}"
            if before is None or after is None:
                yield Change(shown, "", "-" if before is None else "listed", "-" if after is None else "listed")
            elif was is not None or now_ is not None:
                yield from _moved(shown, was, now_)


def _moved(model: str, was: Row | None, now_: Row | None) -> Iterator[Change]:
    before, after = (_said(side) for side in (was, now_))
    for unit in PER:
        old, new = before.get(unit, "-"), after.get(unit, "-")
        if old != new:
            yield Change(model, unit, old, new)


def _said(side: Row | None) -> dict[str, str]:
    if side is None:
        return {}
    suffix = "" if side.currency == "USD" else f" {side.currency}"
    return {unit: amount + suffix for unit, amount in side.rates.items()}
