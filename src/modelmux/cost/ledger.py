"""Ledgers: where attempts are kept for good, one row each, and how they are asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, Unpack

from modelmux._registry import Registry
from modelmux.cost.filters import Filter
from modelmux.cost.records import AttemptRow
from modelmux.errors import ConfigError, UnknownName

if TYPE_CHECKING:
    from modelmux.cost.report import Line


class Conditions(TypedDict, total=False):
    """What ``query`` and ``sum`` may be asked for; see :meth:`modelmux.cost.filters.Filter.of`."""

    since: float | datetime | None
    until: float | datetime | None
    model: str | None
    provider: str | None
    user: str | None
    tags: Mapping[str, str] | None
    status: str | Collection[str] | None
    call_id: str | None


class Ledger(Protocol):
    """What the recorder writes to; derive from it to get ``query`` and ``sum`` for ``rows``.

    ``write`` and ``close`` come from one thread at a time, ``rows`` from any.

    ``lasting`` is False where nothing outlives the process, so that a journal before it would be in vain.
    ``full_sync`` asks that a row written survives power loss. ``place`` is the file it is kept in, where it has one.
    """

    url: str
    lasting: bool
    full_sync: bool
    place: Path | None

    def write(self, rows: Sequence[AttemptRow]) -> None:
        """Keep the rows, all or none: a row replaces one of the same attempt only if its state ranks higher (see
        :func:`modelmux.cost.records.rank`). Raises LedgerError; the same rows may be written again.
        """

    def rows(self, wanted: Filter, *, order: str = "started_at", limit: int | None = None) -> Iterator[AttemptRow]:
        """The rows that the filter matches. Raises LedgerError."""

    def close(self) -> None:
        """Let go of connections; the next ``write`` opens them again."""

    def query(
        self, *, order: str = "started_at", limit: int | None = None, **conditions: Unpack[Conditions]
    ) -> list[AttemptRow]:
        """Attempts that meet all conditions, by ``order`` (a column; ``-`` before it reverses), at most ``limit``.

        ``since`` and ``until`` are seconds since the epoch or datetimes with a time zone, ``status`` one state or
        several. Raises LedgerError, UnknownName for an order that is no column.
        """
        return list(self.rows(Filter.of(**conditions), order=order, limit=limit))

    def sum(
        self, by: str | Sequence[str] = ("model",), *, tz: str = "UTC", **conditions: Unpack[Conditions]
    ) -> list[Line]:
        """Attempts added up by the dimensions in ``by``; see :func:`modelmux.cost.report.summarise`."""
        from modelmux.cost.report import summarise

        return summarise(self.rows(Filter.of(**conditions)), by, tz=tz)


def _sqlite(rest: str) -> Ledger:
    from modelmux.cost.sqlite import SqliteLedger

    if not rest.startswith("/") or rest == "/":
        raise ConfigError(
            "a SQLite ledger needs a file: sqlite:///relative.db or sqlite:////absolute/path.db", field="ledger"
        )
    return SqliteLedger(Path(rest[1:]))


def _memory(rest: str) -> Ledger:
    from modelmux.cost.memory import MemoryLedger

    if rest:
        raise ConfigError(f"memory:// takes nothing after it, not {rest!r}", field="ledger")
    return MemoryLedger()


_OPENERS: dict[str, Callable[[str], Any]] = {"sqlite": _sqlite, "memory": _memory}
openers: Registry[Callable[[str], Any]] = Registry("ledger", _OPENERS, group="modelmux.ledgers")
"""URL scheme -> a function that makes a ledger of what stands behind ``scheme://``."""


def open_ledger(url: str) -> Ledger:
    """The ledger at a URL: ``sqlite:///relative.db``, ``sqlite:////absolute.db``, ``memory://``, or a plugin's.

    Nothing is opened or created before the first row. Raises UnknownName for a scheme nobody has, ConfigError for an
    address that says too little.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise ConfigError(f"a ledger is named by a URL such as sqlite:///modelmux.db, not {url!r}", field="ledger")
    if scheme not in openers:
        known = openers.names()
        raise UnknownName("ledger", f"{scheme}://", [f"{name}://" for name in known], hint=f"known: {', '.join(known)}")
    ledger: Ledger = openers[scheme](rest)
    return ledger
