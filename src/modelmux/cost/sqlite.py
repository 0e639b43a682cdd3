"""The embedded ledger: one SQLite file, in WAL mode, shared by any number of processes on one machine."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from time import sleep
from typing import Any, Final

from modelmux._json import dumps_str, loads
from modelmux.cost.filters import Filter, ordering
from modelmux.cost.ledger import Ledger
from modelmux.cost.records import COLUMNS, AttemptRow, storable
from modelmux.errors import LedgerError

logger = logging.getLogger("modelmux.ledger")

FORMAT: Final = 1
BUSY_SECONDS = 5.0
_PAGE = 1000
_WAL_TRIES = 100

_TYPES = {
    "number": "INTEGER NOT NULL",
    "started_at": "REAL NOT NULL",
    "first_token_at": "REAL",
    "ended_at": "REAL",
    "stream": "INTEGER NOT NULL",
    "http_status": "INTEGER",
    "cost_nano": "INTEGER",
    "bound_nano": "INTEGER",
}
_JSON = ("tags", "units")
_TAGS, _UNITS, _STREAM = (COLUMNS.index(name) for name in ("tags", "units", "stream"))

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)",
    "CREATE TABLE IF NOT EXISTS attempts (attempt_id TEXT PRIMARY KEY NOT NULL, call_id TEXT NOT NULL, "
    + ", ".join(f"{name} {_TYPES.get(name, 'TEXT')}" for name in COLUMNS[2:])
    + ")",
    "CREATE INDEX IF NOT EXISTS attempts_by_call ON attempts (call_id)",
    "CREATE INDEX IF NOT EXISTS attempts_by_start ON attempts (started_at)",
)
_RANK = "CASE {}.state WHEN 'intent' THEN 0 WHEN 'unknown' THEN 1 ELSE 2 END"
_UPSERT = (
    f"INSERT INTO attempts ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608 - own names
    "ON CONFLICT (attempt_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in COLUMNS[1:])
    + f" WHERE {_RANK.format('excluded')} > {_RANK.format('attempts')}"
)
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM attempts"  # noqa: S608 - own names

# What a value can do wrong, as against a database that cannot be written now: trying again would never help.
_BAD_VALUE = (
    TypeError,
    ValueError,
    OverflowError,
    sqlite3.InterfaceError,
    sqlite3.DataError,
    sqlite3.ProgrammingError,
    sqlite3.IntegrityError,
)

_left_behind: list[sqlite3.Connection] = []


class SqliteLedger(Ledger):
    """A ledger in the file ``path``, made at the first write. One connection writes; each question opens its own.

    ``full_sync`` makes each commit wait for the disk (``durability="fsync"``); set it before the first write.
    """

    lasting = True

    def __init__(self, path: Path | str, *, full_sync: bool = False) -> None:
        self.place: Path | None = Path(path).expanduser().absolute()
        self._path = self.place
        self.url = f"sqlite:///{self._path}"
        self.full_sync = full_sync
        self._connection: sqlite3.Connection | None = None
        self._lock, self._pid = threading.Lock(), os.getpid()

    def write(self, rows: Sequence[AttemptRow]) -> None:
        if not rows:
            return
        with self._own_lock():
            try:
                self._write(self._open(), rows)
            except sqlite3.Error as error:
                self._disconnect()  # a broken file or disk may be mended by the time of the next try
                raise LedgerError(f"cannot write the ledger {self._path}: {error}") from error

    def rows(self, wanted: Filter, *, order: str = "started_at", limit: int | None = None) -> Iterator[AttemptRow]:
        column, downwards = ordering(order)
        if not self._path.exists():
            return
        where, values = _where(wanted)
        way = " DESC" if downwards else ""
        statement = f"{_SELECT}{where} ORDER BY {column}{way}, attempt_id{way} LIMIT ?"
        try:
            with closing(_connect(self._path)) as connection:
                if _version(connection, self._path) is None:
                    return
                cursor = connection.execute(statement, (*values, -1 if limit is None else limit))
                while page := cursor.fetchmany(_PAGE):
                    yield from map(_row, page)
        except sqlite3.Error as error:
            raise LedgerError(f"cannot read the ledger {self._path}: {error}") from error

    def close(self) -> None:
        with self._own_lock():
            self._disconnect()

    def _own_lock(self) -> threading.Lock:
        # A connection must not be used, nor even closed, on the far side of a fork (sqlite.org/howtocorrupt.html,
        # section 2.6), and the lock may be held by a thread that does not exist there.
        if self._pid != os.getpid():
            if self._connection is not None:
                _left_behind.append(self._connection)
            self._connection, self._lock, self._pid = None, threading.Lock(), os.getpid()
        return self._lock

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise LedgerError(f"cannot make the ledger's directory {self._path.parent}: {error}") from error
            connection = _connect(self._path)
            try:
                _prepare(connection, self._path, full_sync=self.full_sync)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _write(self, connection: sqlite3.Connection, rows: Sequence[AttemptRow]) -> None:
        try:
            _transact(connection, lambda: connection.executemany(_UPSERT, map(_values, rows)))
        except _BAD_VALUE:
            _transact(connection, lambda: _mend(connection, rows))


def _mend(connection: sqlite3.Connection, rows: Sequence[AttemptRow]) -> None:
    """Write a batch that failed row by row, so that one that can't be stored does not keep the others out."""
    for row in rows:
        try:
            connection.execute(_UPSERT, _values(storable(row)))
        except _BAD_VALUE:
            logger.exception("attempt %r cannot be stored and is left out of the ledger: %r", row.attempt_id, row)


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)


def _transact(connection: sqlite3.Connection, work: Callable[[], object]) -> None:
    # IMMEDIATE: a lock taken at the beginning is waited for; one that a reading transaction asks for later is not.
    connection.execute("BEGIN IMMEDIATE")
    try:
        work()
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _prepare(connection: sqlite3.Connection, path: Path, *, full_sync: bool) -> None:
    _use_wal(connection)
    connection.execute(f"PRAGMA synchronous = {'FULL' if full_sync else 'NORMAL'}")
    if _version(connection, path) is not None:
        return

    def create() -> None:
        for statement in _SCHEMA:
            connection.execute(statement)
        connection.execute(
            "INSERT INTO schema_version SELECT ? WHERE NOT EXISTS (SELECT 1 FROM schema_version)", (FORMAT,)
        )

    _transact(connection, create)


def _use_wal(connection: sqlite3.Connection) -> None:
    # Changing the mode does not wait for a lock as other statements do: two processes that start at once collide.
    for attempt in range(_WAL_TRIES):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or attempt == _WAL_TRIES - 1:
                raise
            sleep(BUSY_SECONDS / _WAL_TRIES)
        else:
            return


def _version(connection: sqlite3.Connection, path: Path) -> int | None:
    """The file's format, None where there is no ledger in it yet. Raises LedgerError for a later one than ours."""
    known = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'")
    if known.fetchone() is None:
        return None
    found = connection.execute("SELECT max(version) FROM schema_version").fetchone()[0]
    if found is None:
        return None
    if found > FORMAT:
        raise LedgerError(
            f"the ledger {path} was written by a later modelmux (format {found}; this one knows {FORMAT}): "
            "upgrade modelmux, or name another file"
        )
    return int(found)


def _values(row: AttemptRow) -> list[Any]:
    values: list[Any] = list(row)
    for place in (_TAGS, _UNITS):
        values[place] = dumps_str(dict(values[place])) if values[place] else None
    return values


def _row(values: tuple[Any, ...]) -> AttemptRow:
    fields = list(values)
    fields[_TAGS] = loads(fields[_TAGS]) if fields[_TAGS] else {}
    fields[_UNITS] = loads(fields[_UNITS]) if fields[_UNITS] else {}
    fields[_STREAM] = bool(fields[_STREAM])
    return AttemptRow(*fields)


def _where(wanted: Filter) -> tuple[str, list[Any]]:
    conditions: list[tuple[str, Sequence[Any]]] = []
    for condition, value in (
        ("started_at >= ?", wanted.since),
        ("started_at < ?", wanted.until),
        ("provider = ?", wanted.provider),
        ("user = ?", wanted.user),
        ("call_id = ?", wanted.call_id),
    ):
        if value is not None:
            conditions.append((condition, (value,)))
    if wanted.model is not None:
        names = "model_asked", "model_served", "provider || '/' || model_asked", "provider || '/' || model_served"
        conditions.append(("? IN (" + ", ".join(names) + ")", (wanted.model,)))
    if wanted.states:
        conditions.append((f"state IN ({', '.join('?' * len(wanted.states))})", wanted.states))
    conditions += [
        ("EXISTS (SELECT 1 FROM json_each(attempts.tags) WHERE key = ? AND value = ?)", pair)
        for pair in wanted.tags.items()
    ]
    if not conditions:
        return "", []
    return " WHERE " + " AND ".join(text for text, _ in conditions), [v for _, values in conditions for v in values]
