"""The thread that carries records from the journal to the ledger."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from dataclasses import dataclass, field
from math import inf
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Final, TypeAlias

from modelmux.cost._backlog import Backlog
from modelmux.cost._segment import Segment
from modelmux.cost.journal import Entry, Journal
from modelmux.cost.ledger import Ledger
from modelmux.cost.records import AttemptRow
from modelmux.cost.recovery import Recovered, recover
from modelmux.errors import JournalFull, LedgerError

logger = logging.getLogger("modelmux.ledger")

LINGER: Final = 0.05
"""Seconds that the thread waits after it is woken, so that what comes together is written together."""

RECOVER_EVERY: Final = 30.0
_BACKOFF_FIRST, _BACKOFF_MOST = 0.05, 30.0
_BACKOFF_ASKED = 0.5
_FORK_WAIT = 2.0
_GRACE = 1.0
_EXIT_WAIT = 5.0


@dataclass(slots=True, eq=False)
class _Request:
    """Asks the thread to commit all that was queued before; ``end`` asks it to stop then. Void after ``deadline``."""

    deadline: float
    end: bool = False
    done: threading.Event = field(default_factory=threading.Event)
    complete: bool = False


_Item: TypeAlias = Entry | _Request


class Writer:
    """Queue, thread, and what the thread knows. Nothing here refers to the Recorder, so that it can be garbage."""

    def __init__(self, ledger: Ledger, journal: Journal | None, *, refuse: bool = False) -> None:
        self.ledger, self.journal = ledger, journal
        self.recovered = Recovered()
        self._refuse = refuse
        self._warned = False
        self._fresh()

    def _fresh(self) -> None:
        """The state of a process in which nothing has been recorded: a new one, or a forked child."""
        # SimpleQueue, because its put() is re-entrant (docs.python.org/3/library/queue.html): safe in a signal handler.
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        self._start_ticket: list[None] = [None]
        self._hurry = threading.Event()
        self._ledger_lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._backlog = Backlog()
        self._requests: list[_Request] = []
        self._recover_at = 0.0
        self._retry_at: float | None = None
        self._backoff = _BACKOFF_FIRST

    # --- any thread ---

    def record(self, row: AttemptRow, *, refusable: bool = False) -> None:
        if self._start_ticket:
            self._start()
        if self.journal is None:
            self._queue.put((row, None))
        elif not self.journal.append(row, self._queue.put):
            if refusable and self._refuse:
                raise JournalFull(f"the journal in {self.journal.directory} takes no more records: is the disk full?")
            self._warn_full(self.journal)
            self._queue.put((row, None))

    def flush(self, timeout: float | None) -> bool:
        if self._idle():
            return True
        request = _Request(inf if timeout is None else monotonic() + timeout)
        self._ask(request)
        request.done.wait(timeout)
        return request.complete

    def recover_soon(self) -> None:
        self._recover_at = 0.0

    def close(self, timeout: float) -> bool:
        thread = self._thread
        if thread is None and self._queue.empty():
            self.ledger.close()
            return True
        request = _Request(monotonic() + timeout, end=True)
        self._ask(request)
        request.done.wait(timeout + _GRACE)
        if thread is not None:
            thread.join(_GRACE)
        return request.complete

    def finish(self) -> None:
        """End the thread when its work is done, without waiting: the recorder is garbage."""
        if self._thread is not None:
            self._ask(_Request(monotonic() + _BACKOFF_MOST, end=True))

    def _idle(self) -> bool:
        """Nothing recorded and nothing to recover: then no thread is needed to say that all is written."""
        if self._thread is not None or not self._queue.empty():
            return False
        return self.journal is None or self._recover_at > 0 or not self.journal.directory.is_dir()

    def _ask(self, request: _Request) -> None:
        self._queue.put(request)
        self._hurry.set()
        if self._start_ticket:
            self._start()

    def _warn_full(self, journal: Journal) -> None:
        if not self._warned:
            self._warned = True
            logger.error(
                "THE JOURNAL IN %s TAKES NO MORE RECORDS (is the disk full?): attempts are kept in memory until the "
                "ledger takes them, and are lost if this process dies before that",
                journal.directory,
            )

    def _start(self) -> None:
        try:
            self._start_ticket.pop()  # whoever gets it starts the thread: no lock, no second thread
        except IndexError:
            return
        _watch(self)
        self._thread = threading.Thread(target=self._run, name="modelmux-ledger", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no thread to be had, or the interpreter is shutting down: the journal has the records
            self._thread = None
            self._start_ticket.append(None)
            logger.exception("no thread could be started for the ledger; records wait in the journal")

    # --- the writer thread ---

    def _run(self) -> None:
        while True:
            try:
                self._wait()
                if self._ended(self._work()):
                    return
            except Exception:
                logger.exception("the ledger's thread met what it should not; it goes on")
                self._hurry.wait(_BACKOFF_ASKED)

    def _wait(self) -> None:
        """Until there is something to do; then a moment more, for what comes with it, unless somebody waits."""
        waits = [at for at in (self._backlog.next_due(), self._retry_at) if at is not None]
        if self._requests:  # the ledger fails and somebody waits: try at short intervals
            waits.append(monotonic() + min(self._backoff, _BACKOFF_ASKED))
        timeout = max(0.001, min(waits) - monotonic()) if waits else None
        try:
            item = self._queue.get(timeout=timeout)
        except Empty:
            return
        self._take(item)
        self._hurry.wait(LINGER)

    def _take(self, item: _Item) -> None:
        if isinstance(item, _Request):
            self._requests.append(item)
        else:
            self._backlog.add(*item, now=monotonic())

    def _work(self) -> bool:
        """Bring all that is queued to the ledger; False, with a time set to try again, if the ledger fails."""
        segments = self.journal.complete() if self.journal else []  # before the queue is emptied: see Journal.append
        self._hurry.clear()
        while True:
            try:
                self._take(self._queue.get_nowait())
            except Empty:
                break
        if self.journal:
            self.journal.prepare()
        now = monotonic()
        if not self._requests and self._retry_at is not None and now < self._retry_at:
            return False
        if not self._commit(now):
            return False
        self._retire(segments)
        for request in self._requests:
            request.complete = True
            if not request.end:
                request.done.set()
        self._requests = [request for request in self._requests if request.end]
        return True

    def _commit(self, now: float) -> bool:
        try:
            with self._ledger_lock:
                self._backlog.write(self.ledger, now, everything=bool(self._requests))
                if self.journal and now >= self._recover_at:
                    self.recovered += recover(self.ledger, self.journal.directory)
                    self._recover_at = now + RECOVER_EVERY
        except LedgerError as error:
            logger.warning("%s; %d attempts wait, next try in %.2f s", str(error), len(self._backlog), self._backoff)
        except Exception:
            logger.exception(
                "%d attempts wait for a ledger that fails, next try in %.2f s", len(self._backlog), self._backoff
            )
        else:
            self._retry_at, self._backoff = None, _BACKOFF_FIRST
            return True
        self._retry_at = now + self._backoff
        self._backoff = min(self._backoff * 2, _BACKOFF_MOST)
        self._requests = [request for request in self._requests if request.end or now < request.deadline]
        return False

    def _retire(self, segments: list[Segment]) -> None:
        for segment in segments:
            if segment.doubtful:
                self._backlog.read_again(segment)
            elif self.journal and self._backlog.done_with(segment):
                try:
                    self.journal.retire(segment)
                except OSError:
                    logger.exception("the journal segment %s cannot be unlinked", segment.path)

    def _ended(self, written: bool) -> bool:
        """Whether the thread was asked to end and has ended: when all is written, or when its time is up."""
        ends = [request for request in self._requests if request.end]
        if not ends or not (written or monotonic() >= max(request.deadline for request in ends)):
            return False
        if self.journal:
            self.journal.seal()
        complete = written and self._work()  # now the last segment is complete too
        if not complete:
            waiting, unjournalled = len(self._backlog), self._backlog.unjournalled()
            logger.error(
                "the ledger could not be written before the end: %d attempts wait, %d of them in memory only",
                waiting,
                unjournalled,
            )
        try:
            with self._ledger_lock:
                self.ledger.close()
        except Exception:
            logger.exception("the ledger cannot be closed")
        self._requests, self._thread = [], None
        self._start_ticket.append(None)
        for request in ends:
            request.complete = complete
            request.done.set()
        if not self._queue.empty() and self._start_ticket:
            self._start()  # a record slipped in behind the last look
        return True

    # --- forks and the end of the process ---

    def _before_fork(self) -> bool:
        """Keep the thread out of the ledger while the process forks: the child would inherit a lock held by nobody,
        and an open connection that it must not touch. True if the lock was had.
        """
        if not self._ledger_lock.acquire(timeout=_FORK_WAIT):
            return False
        try:
            self.ledger.close()
        except Exception:
            logger.exception("the ledger cannot be closed before a fork")
        return True

    def _after_fork_in_parent(self) -> None:
        self._ledger_lock.release()

    def _after_fork_in_child(self) -> None:
        """What is queued and journalled is the parent's, which will write it."""
        if self.journal:
            self.journal.abandon()
        self._fresh()


_live: weakref.WeakSet[Writer] = weakref.WeakSet()
_forking: list[Writer] = []
_hooked: list[bool] = []


def _watch(writer: Writer) -> None:
    _live.add(writer)
    if not _hooked:
        _hooked.append(True)
        atexit.register(_at_exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
            )


def _at_exit() -> None:
    for writer in list(_live):
        writer.close(_EXIT_WAIT)


def _before_fork() -> None:
    _forking[:] = [writer for writer in list(_live) if writer._before_fork()]


def _after_fork_in_parent() -> None:
    while _forking:
        _forking.pop()._after_fork_in_parent()


def _after_fork_in_child() -> None:
    _forking.clear()
    for writer in list(_live):
        writer._after_fork_in_child()
