"""How one unit of a usage reader is counted, compiled from its declaration."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from modelmux.cost._paths import first_step, numeric
from modelmux.cost.units import PER
from modelmux.errors import ConfigError, UnknownName

_DISTINCT = frozenset({"cache_write_5m", "cache_write_1h"})
"""Units that share no token with another one that a counter includes (audio may well have been cached)."""
_UNIT_KEYS = frozenset({"from", "add", "less", "times", "scale", "over"})


def as_list(given: Any) -> list[str]:
    """One path or several, as TOML rows may give them."""
    return [given] if isinstance(given, str) else list(given)


class Unit:
    """How one unit is counted. ``plain``: nothing but the first number found. ``reads``: the fields of a usage object
    without all of which it has no count, "" among them where that takes more than a look.
    """

    __slots__ = ("add", "beside", "less", "places", "plain", "reads", "scale", "times")

    def __init__(self, of: Mapping[str, Any]) -> None:
        self.reads = frozenset(map(first_step, (*as_list(of.get("from", ())), *as_list(of.get("add", ())))))
        self.places = [numeric(path) for path in as_list(of.get("from", ()))]
        self.add = [numeric(path) for path in as_list(of.get("add", ()))]
        self.times = [numeric(path) for path in as_list(of.get("times", ()))]
        self.less = tuple(as_list(of.get("less", ())))
        self.scale = of.get("scale", 1)
        self.beside = of.get("over", "trim") == "beside"
        self.plain = not self.add and not self.times and self.scale == 1

    def work(self, raw: Any, usage: Any, body: Any) -> int | None:
        """The count where it takes arithmetic: what is added, multiplied, scaled. ``raw`` is the first number found."""
        added = [n for from_body, get in self.add if (n := get(body if from_body else usage)) is not None]
        if raw is None and not added:
            return None
        exact = Decimal(str(raw or 0)) + sum((Decimal(str(n)) for n in added), Decimal(0))
        for from_body, get in self.times:
            exact *= Decimal(str(get(body if from_body else usage) or 0))
        return round(Decimal(exact * self.scale))


def take_out(spec: Unit, count: int, units: dict[str, int], anomalies: list[str]) -> int:
    """What is left of a counter without the units it includes; what does not fit is trimmed, or was beside it."""
    left = count
    for part in spec.less:
        inside = units.get(part)
        if not inside:
            continue
        if inside <= left:
            left -= inside
            continue
        anomalies.append(f"{part} exceeds the counter it is inside of ({inside} > {left})")
        if spec.beside and (inside > count or part in _DISTINCT):
            continue  # more than all of the counter cannot be a part of it, nor one token both read and written
        units[part] = left
        left = 0
    return left


def make_unit(unit: str, of: Any) -> Unit:
    """One unit from its declaration. Raises ConfigError naming an unknown unit or key."""
    if unit not in PER:
        raise ConfigError(str(UnknownName("unit", unit, list(PER))), field="readers")
    if isinstance(of, str | list):
        of = {"from": of}
    for key in of:
        if key not in _UNIT_KEYS:
            raise ConfigError(str(UnknownName("key", key, sorted(_UNIT_KEYS))), field=f"readers.*.units.{unit}")
    return Unit(of)


def in_order(name: str, units: dict[str, Unit]) -> list[tuple[str, Unit]]:
    """Units after all that is taken out of them."""
    ordered: dict[str, Unit] = {}

    def place(unit: str, above: tuple[str, ...]) -> None:
        if unit in above:
            raise ConfigError(f"reader {name!r}: {unit!r} is inside itself", field="readers")
        if unit in ordered or unit not in units:
            return
        for part in units[unit].less:
            place(part, (*above, unit))
        ordered[unit] = units[unit]

    for unit in units:
        place(unit, ())
    return list(ordered.items())
