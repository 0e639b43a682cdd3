from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from ledger.rows import intent, outcome
from modelmux.cost._segment import SUFFIX, frame
from modelmux.cost.journal import Journal
from modelmux.cost.memory import MemoryLedger
from modelmux.cost.records import AttemptRow, encode, lost
from modelmux.cost.recovery import Recovered, recover
from modelmux.cost.sqlite import SqliteLedger
from modelmux.errors import LedgerError


def left_behind(directory: Path, rows: Sequence[AttemptRow], *, segment_bytes: int = 1 << 16) -> None:
    """Journal files as a dead process leaves them."""
    journal = Journal(directory, segment_bytes=segment_bytes)
    for row in rows:
        assert journal.append(row, lambda _: None)
    journal.abandon()


def test_outcomes_are_committed_and_open_attempts_become_unknown(tmp_path: Path) -> None:
    left_behind(tmp_path, [intent(1), intent(2), outcome(1), intent(3), outcome(4)])
    ledger = MemoryLedger()
    assert recover(ledger, tmp_path) == Recovered(files=1, outcomes=2, unfinished=2)
    assert ledger.query() == [outcome(1), lost(intent(2)), lost(intent(3)), outcome(4)]
    assert list(tmp_path.iterdir()) == []
    assert recover(ledger, tmp_path) == Recovered()
    assert ledger.query(status="unknown")[0].bound_nano == 5_000_000


def test_an_intent_and_its_outcome_may_stand_in_different_files(tmp_path: Path) -> None:
    rows = [intent(number) for number in range(30)] + [outcome(number) for number in range(29)]
    left_behind(tmp_path, rows, segment_bytes=4096)
    assert len(list(tmp_path.iterdir())) > 3
    ledger = MemoryLedger()
    found = recover(ledger, tmp_path)
    assert (found.outcomes, found.unfinished) == (29, 1)
    assert [row.state for row in ledger.query()] == ["ok"] * 29 + ["unknown"]


def test_an_outcome_already_in_the_ledger_is_not_undone(tmp_path: Path) -> None:
    left_behind(tmp_path, [intent(1)])
    ledger = MemoryLedger()
    ledger.write([outcome(1)])
    recover(ledger, tmp_path)
    assert ledger.query() == [outcome(1)]


def test_a_torn_last_record_is_dropped_without_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    torn = frame(encode(outcome(2)))[:-5]
    (tmp_path / f"a{SUFFIX}").write_bytes(frame(encode(intent(2))) + torn + bytes(100))
    ledger = MemoryLedger()
    assert recover(ledger, tmp_path).damaged == 0
    assert ledger.query() == [lost(intent(2))]
    assert list(tmp_path.iterdir()) == []
    assert caplog.text == ""


def test_a_damaged_file_is_kept_aside_and_its_whole_records_are_not_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hurt = bytearray(frame(encode(outcome(2))))
    hurt[40] ^= 1
    content = frame(encode(outcome(1))) + bytes(hurt) + frame(encode(outcome(3))) + frame(b'{"not": "a row"}')
    (tmp_path / f"a{SUFFIX}").write_bytes(content)
    ledger = MemoryLedger()
    assert recover(ledger, tmp_path) == Recovered(files=1, outcomes=2, damaged=2)
    assert ledger.query() == [outcome(1), outcome(3)]
    assert [path.name for path in tmp_path.iterdir()] == ["a.damaged"]
    assert (tmp_path / "a.damaged").read_bytes() == content
    assert "damaged" in caplog.text
    assert recover(ledger, tmp_path) == Recovered()


def test_a_file_of_a_later_version_is_left_for_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / f"a{SUFFIX}").write_bytes(frame(b'[9999, "new", "columns"]'))
    left_behind(tmp_path, [outcome(1)])
    ledger = MemoryLedger()
    assert recover(ledger, tmp_path).files == 1
    assert [path.name for path in tmp_path.iterdir()] == [f"a{SUFFIX}"]
    assert "9999" in caplog.text


def test_files_stay_while_the_ledger_cannot_be_written(tmp_path: Path) -> None:
    class Closed(MemoryLedger):
        def write(self, rows: Sequence[AttemptRow]) -> None:
            raise LedgerError("closed")

    left_behind(tmp_path, [outcome(1), intent(2)])
    with pytest.raises(LedgerError):
        recover(Closed(), tmp_path)
    ledger = MemoryLedger()
    assert recover(ledger, tmp_path) == Recovered(files=1, outcomes=1, unfinished=1)


def test_no_directory_is_nothing_to_recover(tmp_path: Path) -> None:
    assert recover(MemoryLedger(), tmp_path / "none") == Recovered()


RECOVERER = """
import sys
from pathlib import Path
from modelmux.cost.recovery import recover
from modelmux.cost.sqlite import SqliteLedger
ledger = SqliteLedger(sys.argv[1])
print("ready", flush=True)
sys.stdin.read()
print(recover(ledger, Path(sys.argv[2])).files)
ledger.close()
"""


def test_processes_that_start_at_once_recover_each_file_once(tmp_path: Path) -> None:
    journal, books = tmp_path / "journal", tmp_path / "ledger.db"
    left_behind(journal, [row for n in range(300) for row in (intent(n), outcome(n))], segment_bytes=4096)
    files = len(list(journal.iterdir()))
    children = [
        subprocess.Popen(
            [sys.executable, "-c", RECOVERER, str(books), str(journal)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for child in children:
        assert child.stdout.readline() == "ready\n"  # type: ignore[union-attr]
    for child in children:
        child.stdin.close()  # type: ignore[union-attr]
    found = []
    for child in children:
        found.append(int(child.stdout.read()))  # type: ignore[union-attr]
        child.stdout.close()  # type: ignore[union-attr]
        assert child.wait(60) == 0
    assert sum(found) == files
    rows = SqliteLedger(books).query()
    assert [row.state for row in rows] == ["ok"] * 300
    assert list(journal.iterdir()) == []
