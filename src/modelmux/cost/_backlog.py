"""What the writer thread still has to bring to the ledger. Used by that thread alone."""

from __future__ import annotations

from typing import Final

from modelmux.cost._segment import Segment
from modelmux.cost.ledger import Ledger
from modelmux.cost.records import AttemptRow, rank
from modelmux.cost.recovery import read_rows

INTENT_SECONDS: Final = 10.0
"""An intent goes to the ledger when its attempt has been open this long, or when somebody asks: most attempts are
over before, and are then written once instead of twice."""

MOST_ROWS: Final = 20_000
"""More rows than this wait in memory only if no journal holds them; the others are read from there again."""


class Backlog:
    """Intents that wait for their outcome, rows that wait for the ledger, and segments to be read again."""

    def __init__(self, most: int = MOST_ROWS) -> None:
        self._young: dict[str, tuple[AttemptRow, float]] = {}
        self._home: dict[str, Segment] = {}
        self._pending: dict[str, tuple[AttemptRow, Segment | None]] = {}
        self._unread: list[Segment] = []
        self._most = self._spill_at = most

    def __len__(self) -> int:
        return len(self._pending)

    def unjournalled(self) -> int:
        """How many of the waiting rows stand in no journal."""
        return sum(segment is None for _, segment in self._pending.values())

    def add(self, row: AttemptRow, segment: Segment | None, *, now: float) -> None:
        attempt_id = row.attempt_id
        if row.state == "intent":
            self._young[attempt_id] = row, now + INTENT_SECONDS
            if segment is not None:
                self._home[attempt_id] = segment
                segment.open_ids.add(attempt_id)
            return
        self._young.pop(attempt_id, None)
        home = self._home.pop(attempt_id, None)
        if home is not None:
            home.open_ids.discard(attempt_id)
        self._put(row, segment)

    def next_due(self) -> float | None:
        """When the oldest intent is to go to the ledger, on the monotonic clock."""
        return next((due for _, due in self._young.values()), None)

    def write(self, ledger: Ledger, now: float, *, everything: bool = False) -> None:
        """Bring to the ledger what is due, or everything. Raises what the ledger raises, and then forgets nothing."""
        ripe = [attempt_id for attempt_id, (_, due) in self._young.items() if everything or due <= now]
        for attempt_id in ripe:
            row, _ = self._young.pop(attempt_id)
            self._put(row, self._home.get(attempt_id))
        if self._pending:
            ledger.write([row for row, _ in self._pending.values()])
            self._pending.clear()
            self._spill_at = self._most
        while self._unread:
            rows, _ = read_rows(self._unread[-1].read())
            ledger.write([row for row in rows if row.final])
            self._unread.pop()

    def read_again(self, segment: Segment) -> None:
        """Bring to the ledger, at the next ``write``, whatever outcomes stand in a segment."""
        segment.doubtful = False
        if segment not in self._unread:
            self._unread.append(segment)

    def done_with(self, segment: Segment) -> bool:
        """Whether a complete segment, everything being written, is of no more use.

        The segment of an intent is kept until the attempt is over: if the process dies, it alone says that the
        attempt will never be.
        """
        return not segment.open_ids and segment not in self._unread

    def _put(self, row: AttemptRow, segment: Segment | None) -> None:
        known = self._pending.get(row.attempt_id)
        if known is None or rank(row.state) > rank(known[0].state):
            self._pending[row.attempt_id] = row, segment
        if len(self._pending) > self._spill_at:
            self._spill()

    def _spill(self) -> None:
        kept = {attempt_id: entry for attempt_id, entry in self._pending.items() if entry[1] is None}
        for _, segment in self._pending.values():
            if segment is not None and segment not in self._unread:
                self._unread.append(segment)
        self._pending = kept
        self._spill_at = len(kept) + self._most
