from __future__ import annotations

import errno
import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ledger.rows import intent, outcome
from modelmux.cost import _backlog, _segment
from modelmux.cost._backlog import Backlog
from modelmux.cost._segment import SUFFIX
from modelmux.cost._writer import Writer
from modelmux.cost.journal import Entry, Journal
from modelmux.cost.memory import MemoryLedger
from modelmux.cost.recorder import Recorder, default_journal, open_recorder
from modelmux.cost.records import AttemptRow, lost
from modelmux.cost.sqlite import SqliteLedger
from modelmux.errors import ConfigError, JournalFull, LedgerError

TESTS = str(Path(__file__).parents[1])


def writer_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "modelmux-ledger"]


def segments(directory: Path) -> list[Path]:
    return list(directory.glob(f"*{SUFFIX}"))


def eventually(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


class Fickle(MemoryLedger):
    """A lasting ledger, as far as the recorder can tell, that can be made to fail or to hang."""

    lasting = True

    def __init__(self) -> None:
        super().__init__()
        self.failing = False
        self.gate = threading.Event()
        self.gate.set()
        self.tries = 0
        self.written: list[AttemptRow] = []

    def write(self, rows: Sequence[AttemptRow]) -> None:
        self.tries += 1
        self.gate.wait(10)
        if self.failing:
            raise LedgerError("the books are closed")
        super().write(rows)
        self.written += rows


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def recorder(url: str) -> Iterator[Recorder]:
    made = open_recorder(url)
    yield made
    made.close()


# --- the ordinary life ---


def test_a_new_recorder_has_no_thread_and_no_file(url: str, tmp_path: Path) -> None:
    recorder = open_recorder(url)
    assert recorder.flush()
    assert recorder.query() == []
    assert recorder.close()
    assert list(tmp_path.iterdir()) == []
    assert writer_threads() == []


def test_memory_needs_neither_thread_nor_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recorder = open_recorder()
    recorder.intent(intent())
    assert recorder.query() == [intent()]
    recorder.outcome(outcome())
    assert recorder.query() == [outcome()]
    assert recorder.sum("model")[0].attempts == 1
    assert recorder.close()
    assert list(tmp_path.iterdir()) == []
    assert writer_threads() == []


def test_what_was_recorded_is_in_the_ledger_after_a_flush(recorder: Recorder, tmp_path: Path) -> None:
    for number in range(200):
        recorder.intent(intent(number))
        recorder.outcome(outcome(number))
    assert recorder.flush()
    assert SqliteLedger(tmp_path / "ledger.db").query() == [outcome(number) for number in range(200)]
    assert len(writer_threads()) == 1


def test_an_attempt_under_way_can_be_seen_and_is_replaced_by_its_outcome(recorder: Recorder) -> None:
    recorder.intent(intent())
    assert recorder.query() == [intent()]
    recorder.outcome(outcome())
    assert recorder.query() == [outcome()]
    assert recorder.sum("status")[0].key == ("ok",)


def test_records_reach_the_ledger_without_being_asked_for(recorder: Recorder) -> None:
    recorder.intent(intent())
    recorder.outcome(outcome())
    assert eventually(lambda: recorder.ledger.query() == [outcome()])


def test_most_attempts_are_written_once(tmp_path: Path) -> None:
    ledger = Fickle()
    recorder = Recorder(ledger, tmp_path)
    recorder.intent(intent())
    time.sleep(0.15)  # the writer has been through: the intent waits for its outcome
    recorder.outcome(outcome())
    assert recorder.close()
    assert ledger.written == [outcome()]


def test_an_intent_that_stays_open_goes_to_the_ledger_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_backlog, "INTENT_SECONDS", 0.1)
    ledger = Fickle()
    recorder = Recorder(ledger, tmp_path)
    recorder.intent(intent())
    assert eventually(lambda: ledger.query() == [intent()])
    recorder.close()


def test_closing_leaves_nothing_behind_and_a_record_opens_again(url: str, tmp_path: Path) -> None:
    recorder = open_recorder(url)
    for number in range(2):
        recorder.outcome(outcome(number))
        assert recorder.close()
        assert writer_threads() == []
        assert segments(tmp_path / "ledger.db.journal") == []
    assert recorder.query() == [outcome(0), outcome(1)]
    assert writer_threads() == []


def test_threads_that_record_first_start_one_thread(recorder: Recorder) -> None:
    barrier = threading.Barrier(8)

    def work(who: int) -> None:
        barrier.wait()
        for number in range(50):
            recorder.intent(intent(who * 100 + number))
            recorder.outcome(outcome(who * 100 + number))

    threads = [threading.Thread(target=work, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(writer_threads()) == 1
    assert len(recorder.query(status="ok")) == 400


def test_garbage_is_written_down_before_it_goes(url: str, tmp_path: Path) -> None:
    recorder = open_recorder(url)
    recorder.outcome(outcome())
    gone = weakref.ref(recorder)
    del recorder
    gc.collect()
    assert gone() is None
    assert eventually(lambda: not writer_threads())
    assert SqliteLedger(tmp_path / "ledger.db").query() == [outcome()]
    assert segments(tmp_path / "ledger.db.journal") == []


def test_a_process_that_ends_writes_what_is_queued(url: str, tmp_path: Path) -> None:
    code = (
        "import sys; from ledger.rows import intent, outcome; from modelmux.cost.recorder import open_recorder\n"
        f"r = open_recorder({url!r})\n"
        "for n in range(30): r.intent(intent(n)); r.outcome(outcome(n))\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], env={"PYTHONPATH": TESTS}, check=True, timeout=60)
    assert len(SqliteLedger(tmp_path / "ledger.db").query()) == 30
    assert segments(tmp_path / "ledger.db.journal") == []


def test_durability_none_has_no_journal(url: str, tmp_path: Path) -> None:
    recorder = open_recorder(url, durability="none")
    recorder.outcome(outcome())
    assert recorder.query() == [outcome()]
    assert not (tmp_path / "ledger.db.journal").exists()
    assert recorder.close()


def test_durability_fsync_reaches_journal_and_ledger(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(_segment, "_sync", synced.append)
    monkeypatch.setattr(os, "fsync", lambda _: None)
    recorder = open_recorder(url, durability="fsync")
    recorder.intent(intent())
    recorder.outcome(outcome())
    assert len(synced) == 2
    assert recorder.ledger.full_sync
    assert recorder.close()


def test_wrong_settings_name_their_field() -> None:
    with pytest.raises(ConfigError, match=r"durability=.*journal, fsync, none"):
        open_recorder(durability="yes")
    with pytest.raises(ConfigError, match=r"on_journal_full=.*memory, refuse"):
        open_recorder(on_journal_full="panic")


def test_where_a_journal_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "state"))
    assert default_journal(SqliteLedger(tmp_path / "a.db")) == tmp_path / "a.db.journal"
    there, elsewhere = Fickle(), Fickle()
    there.url, elsewhere.url = "redwood://user:word@host/a", "redwood://host/b"
    assert default_journal(there).is_relative_to(tmp_path / "state")
    assert default_journal(there) != default_journal(elsewhere)
    assert "word" not in str(default_journal(there))


# --- a ledger that fails ---


def test_a_failing_ledger_blocks_nobody_and_loses_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ledger = Fickle()
    ledger.failing = True
    recorder = Recorder(ledger, tmp_path)
    for number in range(100):
        recorder.intent(intent(number))
        recorder.outcome(outcome(number))
    assert recorder.flush(0.2) is False
    assert "the books are closed" in caplog.text
    assert segments(tmp_path)
    ledger.failing = False
    assert recorder.flush()
    assert ledger.query() == [outcome(number) for number in range(100)]
    assert recorder.close()
    assert segments(tmp_path) == []


def test_a_failing_ledger_is_tried_again_by_itself(tmp_path: Path) -> None:
    ledger = Fickle()
    ledger.failing = True
    recorder = Recorder(ledger, tmp_path)
    recorder.outcome(outcome())
    assert eventually(lambda: ledger.tries >= 2)
    ledger.failing = False
    assert eventually(lambda: ledger.query() == [outcome()])
    assert recorder.close()


def test_a_hanging_ledger_holds_up_no_record(tmp_path: Path) -> None:
    ledger = Fickle()
    recorder = Recorder(ledger, tmp_path)
    ledger.gate.clear()
    recorder.outcome(outcome(0))
    assert eventually(lambda: ledger.tries > 0)
    for number in range(1, 50):
        recorder.outcome(outcome(number))
    assert recorder.flush(0.05) is False
    ledger.gate.set()
    assert recorder.flush()
    assert len(ledger.query()) == 50
    assert recorder.close()


def test_what_a_ledger_never_took_is_recovered_by_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Fickle()
    ledger.failing = True
    recorder = Recorder(ledger, tmp_path)
    recorder.outcome(outcome(1))
    recorder.intent(intent(2))
    assert recorder.close(0.2) is False
    assert "before the end" in caplog.text
    assert writer_threads() == []
    del recorder  # its locks go with it, as with a process
    gc.collect()
    following = Recorder(Fickle(), tmp_path)
    assert following.query() == [outcome(1), lost(intent(2))]
    assert following.close()
    assert segments(tmp_path) == []


def test_rows_that_do_not_fit_in_memory_are_read_from_the_journal_again(tmp_path: Path) -> None:
    journal, ledger, backlog = Journal(tmp_path, segment_bytes=4096), Fickle(), Backlog(most=10)
    queue: list[Entry] = []
    for number in range(100):
        journal.append(intent(number), queue.append)
        journal.append(outcome(number), queue.append)
    queue.append((outcome(100), None))
    ledger.failing = True
    for row, segment in queue:
        backlog.add(row, segment, now=0.0)
        assert len(backlog) <= 12
    with pytest.raises(LedgerError):
        backlog.write(ledger, 0.0)
    assert backlog.unjournalled() == 1
    assert not any(backlog.done_with(segment) for segment in journal.complete())
    ledger.failing = False
    backlog.write(ledger, 0.0)
    assert {row.attempt_id for row in ledger.query(status="ok")} == {f"attempt-{number}" for number in range(101)}
    assert all(backlog.done_with(segment) for segment in journal.complete())
    assert len(ledger.query()) == 101


# --- segments ---


def test_a_segment_goes_when_all_of_it_is_committed(tmp_path: Path) -> None:
    ledger = Fickle()
    writer = Writer(ledger, Journal(tmp_path, segment_bytes=8192))
    for number in range(300):
        writer.record(intent(number))
        writer.record(outcome(number))
        if number % 60 == 0:
            assert writer.flush(10)
    assert writer.flush(10)
    assert eventually(lambda: writer.flush(10) and len(segments(tmp_path)) <= 2)
    assert len(ledger.query()) == 300
    assert writer.close(10)


def test_the_segment_of_an_open_attempt_stays_until_its_outcome(tmp_path: Path) -> None:
    writer = Writer(Fickle(), Journal(tmp_path, segment_bytes=4096))
    writer.record(intent(10_000))
    (first,) = segments(tmp_path)
    for number in range(100):
        writer.record(outcome(number))
    for _ in range(3):
        assert writer.flush(10)
    assert first.exists()
    assert len(segments(tmp_path)) <= 3
    writer.record(outcome(10_000))
    assert writer.flush(10)
    assert not first.exists()
    assert writer.close(10)


def test_a_record_whose_append_was_interrupted_is_found_all_the_same(tmp_path: Path) -> None:
    ledger = Fickle()
    writer = Writer(ledger, Journal(tmp_path, segment_bytes=4096))

    def interrupted(_: Entry) -> None:
        raise KeyboardInterrupt

    writer.record(intent(1))
    with pytest.raises(KeyboardInterrupt):
        writer.journal.append(outcome(1), interrupted)  # type: ignore[union-attr]
    for number in range(2, 30):
        writer.record(outcome(number))
    assert eventually(lambda: writer.flush(10) and len(ledger.query(status="ok")) == 29)
    assert writer.close(10)


# --- a full disk ---


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(_segment, "_create", refuse)


@pytest.mark.usefixtures("full_disk")
def test_without_a_journal_rows_are_kept_in_memory_and_it_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = Fickle()
    recorder = Recorder(ledger, tmp_path)
    for number in range(5):
        recorder.intent(intent(number))
        recorder.outcome(outcome(number))
    assert recorder.close()
    assert len(ledger.query(status="ok")) == 5
    assert caplog.text.count("TAKES NO MORE RECORDS") == 1


@pytest.mark.usefixtures("full_disk")
def test_refuse_stops_the_call_before_it_is_sent_and_never_a_reply(tmp_path: Path) -> None:
    ledger = Fickle()
    recorder = Recorder(ledger, tmp_path, on_journal_full="refuse")
    with pytest.raises(JournalFull, match=str(tmp_path)):
        recorder.intent(intent(1))
    recorder.outcome(outcome(2))
    assert recorder.close()
    assert ledger.query() == [outcome(2)]


FULL = """
import resource, sys
from ledger.rows import intent, outcome
from modelmux.cost.recorder import open_recorder

recorder = open_recorder(sys.argv[1])
for number in range(10):
    recorder.intent(intent(number))
assert recorder.flush()
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))  # journal and database alike: no file may grow beyond this
for number in range(20):
    recorder.outcome(outcome(number))
assert recorder.flush(0.5) is False
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
for number in range(20, 30):
    recorder.outcome(outcome(number))
assert recorder.close()
"""


def test_neither_journal_nor_ledger_can_grow_for_a_while(url: str, tmp_path: Path) -> None:
    """The operating system's own refusal, not a simulated one."""
    child = subprocess.run(
        [sys.executable, "-c", FULL, url], env={"PYTHONPATH": TESTS}, capture_output=True, text=True, timeout=60
    )
    assert child.returncode == 0, child.stderr
    assert "TAKES NO MORE RECORDS" in child.stderr
    assert SqliteLedger(tmp_path / "ledger.db").query() == [outcome(number) for number in range(30)]
    assert segments(tmp_path / "ledger.db.journal") == []


# --- forks ---

forks = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # from 3.12 on: we fork on purpose


def in_child(work: Callable[[], bool]) -> bool:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if work() else 2
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@forks
def test_a_forked_child_opens_its_own_journal_and_both_write(recorder: Recorder, tmp_path: Path) -> None:
    recorder.intent(intent(1))
    before = set(segments(tmp_path / "ledger.db.journal"))

    def child() -> bool:
        recorder.outcome(outcome(2))
        own = set(segments(tmp_path / "ledger.db.journal")) - before
        return bool(own) and recorder.close()

    assert in_child(child)
    recorder.outcome(outcome(1))
    assert recorder.query() == [outcome(1), outcome(2)]


@forks
def test_a_child_that_records_nothing_touches_nothing(recorder: Recorder, tmp_path: Path) -> None:
    recorder.intent(intent(1))
    assert in_child(lambda: recorder.close())
    assert len(segments(tmp_path / "ledger.db.journal")) >= 1
    recorder.outcome(outcome(1))
    assert recorder.query() == [outcome(1)]


@forks
def test_a_child_that_dies_is_recovered_while_the_parent_lives(recorder: Recorder) -> None:
    recorder.intent(intent(1))

    def child() -> bool:
        recorder.intent(intent(2))
        recorder.outcome(outcome(3))
        return True  # ends at once, without flush or exit hooks

    assert in_child(child)
    found = recorder.recover()
    assert (found.outcomes, found.unfinished, found.damaged) == (1, 1, 0)
    assert recorder.query() == [intent(1), lost(intent(2)), outcome(3)]


@forks
def test_forking_while_the_ledger_hangs_gives_a_working_child(tmp_path: Path) -> None:
    ledger = Fickle()
    recorder = Recorder(ledger, tmp_path)
    ledger.gate.clear()
    recorder.outcome(outcome(1))
    assert eventually(lambda: ledger.tries > 0)

    def child() -> bool:
        ledger.gate = threading.Event()
        ledger.gate.set()
        recorder.outcome(outcome(2))
        return recorder.flush() and [row.attempt_id for row in ledger.query()] == ["attempt-2"]

    assert in_child(child)
    ledger.gate.set()
    assert recorder.close()
