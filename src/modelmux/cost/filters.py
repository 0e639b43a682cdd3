"""Which attempts a question is about: the same words for every ledger."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any

from modelmux.cost.records import COLUMNS, AttemptRow
from modelmux.errors import InvalidRequest, UnknownName

_ORDERABLE = tuple(name for name in COLUMNS if name not in {"tags", "units", "text", "decision"})


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that must all hold; None asks nothing. ``since`` is included, ``until`` is not.

    ``model`` is met by the model asked or served, alone or as ``provider/model``. ``states`` lists what the attempt's
    state may be; ``tags`` are name and value pairs that must all be there.
    """

    since: float | None = None
    until: float | None = None
    model: str | None = None
    provider: str | None = None
    user: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    states: tuple[str, ...] = ()
    call_id: str | None = None

    @classmethod
    def of(
        cls,
        *,
        since: float | datetime | None = None,
        until: float | datetime | None = None,
        model: str | None = None,
        provider: str | None = None,
        user: str | None = None,
        tags: Mapping[str, str] | None = None,
        status: str | Collection[str] | None = None,
        call_id: str | None = None,
    ) -> Filter:
        """From what a caller may say: times as seconds since the epoch or as datetimes with a time zone."""
        states = (status,) if isinstance(status, str) else tuple(status or ())
        return cls(
            _seconds("since", since), _seconds("until", until), model, provider, user, dict(tags or {}), states, call_id
        )

    def matches(self, row: AttemptRow) -> bool:
        return (
            (self.since is None or row.started_at >= self.since)
            and (self.until is None or row.started_at < self.until)
            and (self.model is None or self.model in _names(row))
            and (self.provider is None or row.provider == self.provider)
            and (self.user is None or row.user == self.user)
            and (self.call_id is None or row.call_id == self.call_id)
            and (not self.states or row.state in self.states)
            and all(row.tags.get(name) == value for name, value in self.tags.items())
        )


def _names(row: AttemptRow) -> tuple[str | None, ...]:
    return (
        row.model_asked,
        row.model_served,
        f"{row.provider}/{row.model_asked}",
        row.model_served and f"{row.provider}/{row.model_served}",
    )


def _seconds(name: str, when: float | datetime | None) -> float | None:
    if not isinstance(when, datetime):
        return when
    if when.tzinfo is None:
        raise InvalidRequest(f"{name}= is a datetime without a time zone: give it one", field=name)
    return when.timestamp()


def ordering(order: str) -> tuple[str, bool]:
    """The column to order by, and whether downwards: ``"started_at"``, ``"-started_at"``. Raises UnknownName."""
    column = order.removeprefix("-")
    if column not in _ORDERABLE:
        raise UnknownName("ledger column to order by", column, _ORDERABLE)
    return column, order.startswith("-")


def ordered(rows: Iterable[AttemptRow], order: str) -> list[AttemptRow]:
    """Rows in the order that SQL gives: missing values first, ties by attempt id."""
    column, downwards = ordering(order)
    value: Callable[[AttemptRow], Any] = attrgetter(column)
    return sorted(
        rows,
        key=lambda row: ((found := value(row)) is not None, 0 if found is None else found, row.attempt_id),
        reverse=downwards,
    )
