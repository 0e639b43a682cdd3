"""The ledger of a Mux that was given none: the last attempts, in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from modelmux.cost.filters import Filter, ordered
from modelmux.cost.ledger import Ledger
from modelmux.cost.records import AttemptRow, rank

KEPT = 10_000


class MemoryLedger(Ledger):
    """Keeps the last ``kept`` attempts. Holds no lock: every step on its containers is one of the interpreter's."""

    url = "memory://"
    lasting = False
    full_sync = False
    place: Path | None = None

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._rows: dict[str, AttemptRow] = {}
        self._ids: deque[str] = deque()

    def write(self, rows: Sequence[AttemptRow]) -> None:
        for row in rows:
            known = self._rows.setdefault(row.attempt_id, row)
            if known is row:
                self._ids.append(row.attempt_id)
                if len(self._ids) > self._kept:
                    self._rows.pop(self._ids.popleft(), None)
            elif rank(row.state) > rank(known.state):
                self._rows[row.attempt_id] = row

    def rows(self, wanted: Filter, *, order: str = "started_at", limit: int | None = None) -> Iterator[AttemptRow]:
        return islice(iter(ordered(filter(wanted.matches, self._snapshot()), order)), limit)

    def close(self) -> None:
        """Nothing to let go of."""

    def _snapshot(self) -> list[AttemptRow]:
        while True:
            try:
                return list(self._rows.values())
            except RuntimeError:  # an attempt was recorded, by a finalizer, while the list was being made
                continue
