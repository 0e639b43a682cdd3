"""After a crash: read the journals that dead processes left, and bring the ledger up to date."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from modelmux.cost._segment import Orphan, orphans, read_frames
from modelmux.cost.ledger import Ledger
from modelmux.cost.records import AttemptRow, NewerRecord, decode, lost

logger = logging.getLogger("modelmux.ledger")


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a recovery found: ``files`` read, ``outcomes`` of attempts, attempts ``unfinished`` when their process
    died (now ``unknown``), and records too ``damaged`` to read.
    """

    files: int = 0
    outcomes: int = 0
    unfinished: int = 0
    damaged: int = 0

    def __add__(self, other: Recovered) -> Recovered:
        return Recovered(
            self.files + other.files,
            self.outcomes + other.outcomes,
            self.unfinished + other.unfinished,
            self.damaged + other.damaged,
        )


def read_rows(data: bytes) -> tuple[list[AttemptRow], int]:
    """The records in a segment's bytes, and how many are damaged. Raises NewerRecord."""
    payloads, damaged = read_frames(data)
    rows = []
    for payload in payloads:
        try:
            rows.append(decode(payload))
        except NewerRecord:
            raise
        except ValueError:  # whole by its checksum and still no record
            damaged += 1
    return rows, damaged


def recover(ledger: Ledger, directory: Path) -> Recovered:
    """Commit what dead processes left in ``directory`` and unlink it.

    Each file is locked while it is read, so of several processes that start at once only one takes it. If the ledger
    cannot be written the files stay as they are. An outcome whose intent another process recovers at the same time
    still wins: the ledger puts it above ``unknown``. Raises LedgerError.
    """
    held: list[Orphan] = []
    spoilt: list[Orphan] = []
    unfinished: dict[str, AttemptRow] = {}
    outcomes: set[str] = set()
    damaged = 0
    try:
        for orphan in orphans(directory):
            try:
                rows, bad = read_rows(orphan.read())
            except (NewerRecord, OSError) as error:
                logger.warning("journal segment %s is left as it is: %s", orphan.path, error)
                orphan.release()
                continue
            (spoilt if bad else held).append(orphan)
            damaged += bad
            finals = [row for row in rows if row.final]
            if finals:
                ledger.write(finals)
            outcomes.update(row.attempt_id for row in finals)
            unfinished.update((row.attempt_id, row) for row in rows if not row.final)
        for attempt_id in outcomes & unfinished.keys():
            del unfinished[attempt_id]
        if unfinished:
            ledger.write([lost(row) for row in unfinished.values()])
        _dispose(held, spoilt)
    finally:
        for orphan in (*held, *spoilt):
            orphan.release()
    found = Recovered(len(held) + len(spoilt), len(outcomes), len(unfinished), damaged)
    if outcomes or unfinished:
        logger.info("recovered %d attempts and %d unfinished ones from %s", len(outcomes), len(unfinished), directory)
    return found


def _dispose(whole: Iterable[Orphan], spoilt: Iterable[Orphan]) -> None:
    for orphan in whole:
        orphan.unlink()
    for orphan in spoilt:
        orphan.set_aside()
        logger.error(
            "journal segment %s has damaged records; the whole ones are in the ledger, the file is kept as %s",
            orphan.path,
            orphan.path.with_suffix(".damaged").name,
        )
