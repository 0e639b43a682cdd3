"""The recorder: what the exchange is handed to write down each attempt.

``intent`` and ``outcome`` are plain calls of microseconds. One daemon thread, started by the first of them, carries
what they append from the journal to the ledger.
"""

from __future__ import annotations

import logging
import os
import sys
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar, Unpack

from modelmux.cost._segment import SUPPORTED
from modelmux.cost._writer import Writer
from modelmux.cost.journal import Journal
from modelmux.cost.ledger import Conditions, Ledger, open_ledger
from modelmux.cost.memory import MemoryLedger
from modelmux.cost.records import AttemptRow
from modelmux.cost.recovery import Recovered
from modelmux.errors import ConfigError

if TYPE_CHECKING:
    from modelmux.cost.report import Line

Durability: TypeAlias = Literal["journal", "fsync", "none"]
OnJournalFull: TypeAlias = Literal["memory", "refuse"]

_DURABILITIES: dict[str, Durability] = {"journal": "journal", "fsync": "fsync", "none": "none"}
_WHEN_FULL: dict[str, OnJournalFull] = {"memory": "memory", "refuse": "refuse"}

T = TypeVar("T")

logger = logging.getLogger("modelmux.ledger")


class Recorder:
    """Writes down every attempt, once. Usable from any thread, event loop, signal handler and forked child.

    ``journal`` is a directory; by default it stands beside the ledger's file, else in the user's state directory.
    ``durability``: a record that was appended survives the death of the process (``"journal"``), power loss too
    (``"fsync"``: each append waits for the disk), or only a clean end (``"none"``: no journal). When the disk is full,
    ``on_journal_full="memory"`` keeps rows in memory until the ledger takes them, ``"refuse"`` makes ``intent`` raise
    JournalFull, so that nothing is sent that cannot be written down.

    Creating one opens no file and starts no thread. When it is garbage, what is queued is still written.
    """

    def __init__(
        self,
        ledger: Ledger,
        journal: Path | str | None = None,
        *,
        durability: Durability = "journal",
        on_journal_full: OnJournalFull = "memory",
    ) -> None:
        self.ledger = ledger
        self.journal_dir: Path | None = None
        self._writer: Writer | None = None
        if self.ledger.lasting:
            files = None
            if durability == "fsync":
                self.ledger.full_sync = True
            if durability != "none" and not SUPPORTED:
                logger.warning("no journal on this platform: it has no advisory locks that say which process is alive")
            elif durability != "none":
                self.journal_dir = Path(journal).expanduser().absolute() if journal else default_journal(self.ledger)
                files = Journal(self.journal_dir, fsync=durability == "fsync")
            self._writer = Writer(self.ledger, files, refuse=on_journal_full == "refuse")
            weakref.finalize(self, self._writer.finish).atexit = False  # the writer has its own hook for that

    def intent(self, row: AttemptRow) -> None:
        """Write down that an attempt is about to be made: before the request is sent. Raises JournalFull only under
        ``on_journal_full="refuse"``.
        """
        if self._writer is None:
            self.ledger.write((row,))
        else:
            self._writer.record(row, refusable=True)

    def outcome(self, row: AttemptRow) -> None:
        """Write down how an attempt ended: before the caller gets the reply. Never raises for a full disk."""
        if self._writer is None:
            self.ledger.write((row,))
        else:
            self._writer.record(row)

    def flush(self, timeout: float | None = 10.0) -> bool:
        """Wait until all that was appended before is in the ledger; False if that took more than ``timeout`` seconds.

        The first flush also recovers the journals of dead processes.
        """
        return self._writer is None or self._writer.flush(timeout)

    def recover(self, timeout: float | None = 10.0) -> Recovered:
        """Bring in what dead processes left in the journal directory, and say what was found since the start."""
        if self._writer is None:
            return Recovered()
        self._writer.recover_soon()
        self._writer.flush(timeout)
        return self._writer.recovered

    def query(
        self, *, order: str = "started_at", limit: int | None = None, **conditions: Unpack[Conditions]
    ) -> list[AttemptRow]:
        """Attempts that meet the conditions, those just recorded included; see :meth:`Ledger.query`."""
        self.flush()
        return self.ledger.query(order=order, limit=limit, **conditions)

    def sum(
        self, by: str | Sequence[str] = ("model",), *, tz: str = "UTC", **conditions: Unpack[Conditions]
    ) -> list[Line]:
        """Attempts added up, those just recorded included; see :meth:`Ledger.sum`."""
        self.flush()
        return self.ledger.sum(by, tz=tz, **conditions)

    def close(self, timeout: float = 10.0) -> bool:
        """Write what is queued, end the thread and let go of files. True if all of it is in the ledger; what is not
        stays in the journal for the next start. A record after this starts the thread again.
        """
        if self._writer is not None:
            return self._writer.close(timeout)
        self.ledger.close()
        return True


def open_recorder(
    ledger: Ledger | str | None = None,
    *,
    journal: Path | str | None = None,
    durability: str = "journal",
    on_journal_full: str = "memory",
) -> Recorder:
    """A recorder from what a configuration may say. ``ledger`` is a URL, a :class:`~modelmux.cost.ledger.Ledger`, or
    None for the last 10,000 attempts in memory. Raises ConfigError, naming the field.
    """
    durable = _choice("durability", durability, _DURABILITIES)
    full = _choice("on_journal_full", on_journal_full, _WHEN_FULL)
    if ledger is None:
        ledger = MemoryLedger()
    elif isinstance(ledger, str):
        ledger = open_ledger(ledger)
    return Recorder(ledger, journal, durability=durable, on_journal_full=full)


def _choice(field: str, value: str, choices: Mapping[str, T]) -> T:
    if value not in choices:
        raise ConfigError(f"{field}= is one of {', '.join(choices)}, not {value!r}", field=field)
    return choices[value]


def default_journal(ledger: Ledger) -> Path:
    """Where a ledger's journal stands unless the user says otherwise: ``<file>.journal`` beside its file, else a
    directory of its own in the user's state directory, named after its URL without revealing it.
    """
    if ledger.place is not None:
        return ledger.place.with_name(ledger.place.name + ".journal")
    import hashlib  # 3 ms, for the rare ledger without a file

    return _state_directory() / "modelmux" / "journal" / hashlib.sha256(ledger.url.encode()).hexdigest()[:16]


def _state_directory() -> Path:
    named = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_STATE_HOME")
    if named:
        return Path(named)
    return Path.home() / ("Library/Application Support" if sys.platform == "darwin" else ".local/state")
