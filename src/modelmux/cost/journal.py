"""The journal: what this process has done and not yet committed, on disk within microseconds.

An append is one system call into the process's own segment, under no lock, so that it works in a signal handler, in a
finalizer, and in a generator that is being closed. What was appended survives the death of the process, SIGKILL
included; with ``fsync`` it survives power loss too.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import TypeAlias

from modelmux.cost._segment import SEGMENT_BYTES, SUPPORTED, Segment, allocate, frame
from modelmux.cost.records import AttemptRow, encode

Entry: TypeAlias = tuple[AttemptRow, Segment | None]
"""A record on its way to the ledger, and the segment that holds it (None: only memory does)."""

_RETRY_AFTER = 1.0


class Journal:
    """The segments of this process in ``directory``. Nothing is created before the first append.

    ``segment_bytes`` is the size at which the next segment begins; ``fill`` gives a new file its disk blocks.
    """

    def __init__(
        self,
        directory: Path,
        *,
        fsync: bool = False,
        segment_bytes: int = SEGMENT_BYTES,
        fill: Callable[[int, int], None] = allocate,
    ) -> None:
        self.directory = directory
        self._fsync, self._segment_bytes, self._fill = fsync, segment_bytes, fill
        # The last of the chain is the one in use, all before it are complete. Adding to a list and reading its end
        # are single steps of the interpreter, so threads and signal handlers may race to add: each result is valid.
        # None at the end says that the next append begins a segment.
        self._chain: list[Segment | None] = []
        self._spares: deque[Segment] = deque()
        self._not_before = 0.0

    def append(self, row: AttemptRow, deliver: Callable[[Entry], None]) -> bool:
        """Write the record and deliver it with its segment; False, with nothing delivered, if the disk did not take it.

        While an append is under way it stands in ``segment.writers``. Whoever enters looks again whether the segment
        is still in use; so once a completed segment has no writers, all its records have been delivered, for good.
        """
        record, failed = frame(encode(row)), 0
        while True:
            segment = self._in_use() or self._begin()
            if segment is None:
                return False
            segment.writers.append(None)
            try:
                if segment is not self._in_use():
                    continue
                written = segment.write(record) and (not self._fsync or segment.sync())
                if written:
                    deliver((row, segment))
            except BaseException:  # Ctrl-C between the two: what was written must be found although nobody was told
                segment.doubtful = True
                raise
            finally:
                segment.writers.pop()
            if written:
                if segment.used >= segment.size:
                    self._roll(segment)
                return True
            failed += 1
            self._not_before = monotonic() + _RETRY_AFTER  # a new segment would not help: the disk is full or broken
            self._roll(segment)
            if failed > 1 or segment is self._in_use():
                return False
            # The next segment has its blocks already.

    def _in_use(self) -> Segment | None:
        try:
            return self._chain[-1]
        except IndexError:
            return None

    def _begin(self) -> Segment | None:
        segment = self._create()
        if segment is not None:
            self._chain.append(segment)
        return segment

    def _roll(self, segment: Segment) -> None:
        """Go on to the next segment, once, whoever comes first. Without one the old one grows beyond its room."""
        try:
            segment.roll_ticket.pop()
        except IndexError:
            return
        try:
            following: Segment | None = self._spares.popleft()
        except IndexError:
            following = self._create()
        if following is None:
            segment.roll_ticket.append(None)
        else:
            self._chain.append(following)

    def _create(self) -> Segment | None:
        if not SUPPORTED or monotonic() < self._not_before:
            return None
        try:
            self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            segment = Segment(self.directory, self._segment_bytes, self._fill)
            if self._fsync:
                self._sync_directory()
        except OSError:
            self._not_before = monotonic() + _RETRY_AFTER  # asking a full disk again costs more than an append
            return None
        return segment

    def _sync_directory(self) -> None:
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    # --- the writer thread's side ---

    def prepare(self) -> None:
        """Have the next segment ready, so that no append waits for the disk to find room."""
        if self._in_use() is not None and not self._spares:
            segment = self._create()
            if segment is not None:
                self._spares.append(segment)

    def complete(self) -> list[Segment]:
        """The segments that take no more records and whose records have all been delivered."""
        return [segment for segment in self._chain[:-1] if segment is not None and not segment.writers]

    def retire(self, segment: Segment) -> None:
        """Unlink a segment all of whose records are committed. Raises OSError; then it may be tried again."""
        segment.unlink()
        self._chain.remove(segment)

    def seal(self) -> None:
        """Complete the segment in use and drop the spare one, before the process or its recorder ends."""
        while self._spares:
            with suppress(OSError):
                self._spares.pop().unlink()
        if self._in_use() is not None:
            self._chain.append(None)

    def abandon(self) -> None:
        """Let go of every segment without unlinking it: in a forked child they are the parent's."""
        for segment in (*self._chain, *self._spares):
            if segment is not None:
                segment.abandon()
        self._chain, self._spares = [], deque()
