"""Attempts added up: what was called, how it went, what it cost, how long it took. Pure functions over rows."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import TypeAlias

from modelmux.cost.records import AttemptRow
from modelmux.errors import ConfigError, UnknownName
from modelmux.money import Money

NONE = "(none)"
"""Stands where an attempt has no value for a dimension."""

_ALL = "all"
_UNSUCCESSFUL = frozenset({"failed", "cut"})

_Key: TypeAlias = Callable[[AttemptRow, tzinfo], "str | None"]

_DIMENSIONS: dict[str, _Key] = {
    "model": lambda row, _: row.model_asked,
    "model_served": lambda row, _: row.model_served,
    "provider": lambda row, _: row.provider,
    "endpoint": lambda row, _: row.endpoint,
    "region": lambda row, _: row.region,
    "tier": lambda row, _: row.tier,
    "key": lambda row, _: row.key_hash,
    "user": lambda row, _: row.user,
    "status": lambda row, _: row.state,
    "error": lambda row, _: row.error,
    "finish": lambda row, _: row.finish,
    "tag": lambda row, _: ", ".join(f"{name}={row.tags[name]}" for name in sorted(row.tags)),
    "day": lambda row, zone: datetime.fromtimestamp(row.started_at, zone).strftime("%Y-%m-%d"),
    "month": lambda row, zone: datetime.fromtimestamp(row.started_at, zone).strftime("%Y-%m"),
}

DIMENSIONS = (*_DIMENSIONS, "tag:<name>")
"""What ``by=`` may name. ``tag`` is the whole set of tags, ``tag:<name>`` the value of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The attempts of one group.

    ``key`` is the group's value for each dimension of ``by``. ``calls`` counts distinct calls with an attempt in the
    group, so a call that failed over counts in two. ``failed`` are attempts that failed or were cut. ``cost`` is what
    is known, one amount for each currency, never mixed; ``estimated`` attempts are in it. ``unknown`` attempts are
    not: together they cost at most ``unknown_bound``, apart from the ``unbounded`` ones, which nothing bounds.
    Latencies are seconds of successful attempts: to the end, and to the first token; None where there were none.
    """

    by: tuple[str, ...]
    key: tuple[str, ...]
    calls: int = 0
    attempts: int = 0
    failed: int = 0
    units: Mapping[str, int] = field(default_factory=dict)
    cost: tuple[Money, ...] = ()
    estimated: int = 0
    unknown: int = 0
    unknown_bound: tuple[Money, ...] = ()
    unbounded: int = 0
    latency_p50: float | None = None
    latency_p95: float | None = None
    first_token_p50: float | None = None
    first_token_p95: float | None = None


class _Group:
    """Sums while rows go by."""

    __slots__ = (
        "attempts",
        "bounds",
        "calls",
        "costs",
        "estimated",
        "failed",
        "first",
        "seconds",
        "unbounded",
        "units",
        "unknown",
    )

    def __init__(self) -> None:
        self.calls: set[str] = set()
        self.attempts = self.failed = self.estimated = self.unknown = self.unbounded = 0
        self.units: dict[str, int] = {}
        self.costs: dict[str, int] = {}
        self.bounds: dict[str, int] = {}
        self.seconds, self.first = array("d"), array("d")

    def add(self, row: AttemptRow) -> None:
        self.calls.add(row.call_id)
        self.attempts += 1
        self.failed += row.state in _UNSUCCESSFUL
        for unit, count in row.units.items():
            self.units[unit] = self.units.get(unit, 0) + count
        self._add_cost(row)
        if row.state == "ok" and row.ended_at is not None:
            self.seconds.append(row.ended_at - row.started_at)
            if row.first_token_at is not None:
                self.first.append(row.first_token_at - row.started_at)

    def _add_cost(self, row: AttemptRow) -> None:
        cost, bound = row.cost, row.bound
        if cost is not None:
            self.estimated += row.cost_status == "estimated"
            self.costs[cost.currency] = self.costs.get(cost.currency, 0) + cost.nano
            return
        self.unknown += 1
        if bound is None:
            self.unbounded += 1
        else:
            self.bounds[bound.currency] = self.bounds.get(bound.currency, 0) + bound.nano

    def line(self, by: tuple[str, ...], key: tuple[str, ...]) -> Line:
        seconds, first = sorted(self.seconds), sorted(self.first)
        return Line(
            by=by,
            key=key,
            calls=len(self.calls),
            attempts=self.attempts,
            failed=self.failed,
            units=self.units,
            cost=_amounts(self.costs),
            estimated=self.estimated,
            unknown=self.unknown,
            unknown_bound=_amounts(self.bounds),
            unbounded=self.unbounded,
            latency_p50=percentile(seconds, 50),
            latency_p95=percentile(seconds, 95),
            first_token_p50=percentile(first, 50),
            first_token_p95=percentile(first, 95),
        )


def _amounts(sums: Mapping[str, int]) -> tuple[Money, ...]:
    return tuple(Money(sums[currency], currency) for currency in sorted(sums))


def percentile(ascending: Sequence[float], percent: float) -> float | None:
    """The value below which ``percent`` of the sorted values lie, between two neighbours in proportion."""
    if not ascending:
        return None
    place = (len(ascending) - 1) * percent / 100
    below = int(place)
    above = min(below + 1, len(ascending) - 1)
    return ascending[below] + (ascending[above] - ascending[below]) * (place - below)


def dimensions(by: str | Iterable[str]) -> tuple[str, ...]:
    """The dimensions named, from names or from one string with commas. Raises UnknownName."""
    names = tuple(part.strip() for part in by.split(",")) if isinstance(by, str) else tuple(by)
    for name in names:
        if name not in _DIMENSIONS and not (name.startswith("tag:") and len(name) > len("tag:")):
            raise UnknownName("report dimension", name, DIMENSIONS, hint=f"known: {', '.join(DIMENSIONS)}")
    return names


def summarise(rows: Iterable[AttemptRow], by: str | Iterable[str] = ("model",), *, tz: str = "UTC") -> list[Line]:
    """The rows added up, one line for each combination of ``by`` that occurs, sorted by it.

    ``by`` names dimensions (:data:`DIMENSIONS`); days and months begin at midnight in the time zone ``tz``, an IANA
    name. Raises UnknownName, ConfigError for a time zone that is none.
    """
    names = dimensions(by)
    zone = _zone(tz)
    keys = [_key(name) for name in names]
    groups: dict[tuple[str, ...], _Group] = {}
    for row in rows:
        key = tuple(value(row, zone) or NONE for value in keys)
        group = groups.get(key)
        if group is None:
            group = groups[key] = _Group()
        group.add(row)
    return [groups[key].line(names, key) for key in sorted(groups)]


def total(rows: Iterable[AttemptRow]) -> Line:
    """All rows in one line, whose key is ``("all",)``."""
    group = _Group()
    for row in rows:
        group.add(row)
    return group.line((), (_ALL,))


def _key(name: str) -> _Key:
    tag = name.removeprefix("tag:")
    return _DIMENSIONS[name] if tag == name else lambda row, _: row.tags.get(tag)


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed, or a directory of zones
        raise ConfigError(f"no time zone is called {name!r}", field="tz") from None
