from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import zlib
from pathlib import Path

import pytest

from ledger.rows import intent, outcome
from modelmux.cost import _segment
from modelmux.cost._segment import SUFFIX, Segment, orphans, read_frames
from modelmux.cost.journal import Entry, Journal
from modelmux.cost.records import AttemptRow, encode
from modelmux.cost.recovery import read_rows

MARK = b"\xffmux"


def framed(payload: bytes) -> bytes:
    """A record as the format says, written down independently."""
    return MARK + len(payload).to_bytes(4, "little") + zlib.crc32(payload).to_bytes(4, "little") + payload


def rows_on_disk(directory: Path) -> list[AttemptRow]:
    return [row for path in directory.glob(f"*{SUFFIX}") for row in read_rows(path.read_bytes())[0]]


class Sink(list[Entry]):
    """Takes what a journal delivers."""

    @property
    def rows(self) -> list[AttemptRow]:
        return [row for row, _ in self]


# --- the format ---


def test_records_are_found_before_the_room_not_yet_used() -> None:
    data = framed(b"one") + framed(b"two") + bytes(4096)
    assert read_frames(data) == ([b"one", b"two"], 0)
    assert read_frames(b"") == read_frames(bytes(64)) == ([], 0)


@pytest.mark.parametrize("kept", range(1, len(framed(b"last one"))))
def test_a_torn_last_record_is_dropped(kept: int) -> None:
    torn = framed(b"last one")[:kept]
    assert read_frames(framed(b"one") + torn) == ([b"one"], 0)
    assert read_frames(framed(b"one") + torn + bytes(64)) == ([b"one"], 0)


@pytest.mark.parametrize("at", range(len(framed(b"damaged"))))
def test_damage_costs_one_record_and_is_counted(at: int) -> None:
    hurt = bytearray(framed(b"damaged"))
    hurt[at] ^= 0x55
    found, damaged = read_frames(framed(b"before") + bytes(hurt) + framed(b"after"))
    assert found == [b"before", b"after"]
    assert damaged == (1 if at >= len(MARK) else 0)  # without its mark there is nothing to count


def test_a_length_that_leads_astray_does_not_swallow_what_follows() -> None:
    lying = MARK + (2**32 - 1).to_bytes(4, "little") + bytes(4) + b"x"
    assert read_frames(lying + framed(b"after")) == ([b"after"], 1)


def test_no_record_contains_the_mark() -> None:
    assert MARK not in encode(outcome(text="\u00ff\u00ffmux \xff", tags={"\xffmux": "ÿmux"}))


# --- appending ---


def test_nothing_is_created_before_the_first_record(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.prepare()
    assert not (tmp_path / "journal").exists()
    assert journal.append(intent(), Sink().append)
    assert rows_on_disk(tmp_path / "journal") == [intent()]


def test_records_are_on_disk_when_append_returns_and_delivered_once(tmp_path: Path) -> None:
    journal, sink = Journal(tmp_path), Sink()
    for number in range(5):
        assert journal.append(intent(number), sink.append)
        assert journal.append(outcome(number), sink.append)
        assert len(rows_on_disk(tmp_path)) == len(sink) == 2 * number + 2
    assert rows_on_disk(tmp_path) == sink.rows


def test_segments_have_their_disk_blocks_before_they_are_needed(tmp_path: Path) -> None:
    journal, sink = Journal(tmp_path, segment_bytes=64 * 1024), Sink()
    journal.append(intent(), sink.append)
    journal.prepare()
    files = list(tmp_path.glob(f"*{SUFFIX}"))
    assert len(files) == 2
    assert all(path.stat().st_size == 64 * 1024 and path.stat().st_blocks * 512 >= 64 * 1024 for path in files)
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)


def test_a_full_segment_is_followed_by_the_next_and_unlinked_when_told(tmp_path: Path) -> None:
    journal, sink = Journal(tmp_path, segment_bytes=4096), Sink()
    for number in range(60):
        journal.append(outcome(number), sink.append)
    assert len(rows_on_disk(tmp_path)) == 60
    complete = journal.complete()
    assert len(complete) > 3
    for segment in complete:
        journal.retire(segment)
    assert journal.complete() == []
    assert set(tmp_path.glob(f"*{SUFFIX}")) == {sink[-1][1].path}  # type: ignore[union-attr]


def test_sealing_completes_the_last_segment_and_a_later_record_begins_another(tmp_path: Path) -> None:
    journal, sink = Journal(tmp_path), Sink()
    journal.append(intent(), sink.append)
    journal.prepare()
    journal.seal()
    for segment in journal.complete():
        journal.retire(segment)
    assert list(tmp_path.iterdir()) == []
    assert journal.append(outcome(), sink.append)
    assert rows_on_disk(tmp_path) == [outcome()]


def test_a_segment_being_written_is_not_complete(tmp_path: Path) -> None:
    """Whoever is between choosing a segment and delivering its record keeps it from being unlinked."""
    journal, seen = Journal(tmp_path, segment_bytes=1024), []

    def deliver(entry: Entry) -> None:
        journal.seal()
        seen.append(entry[1] in journal.complete())

    for number in range(4):
        journal.append(outcome(number), deliver)
    assert seen == [False] * 4
    assert len(journal.complete()) == 4


def test_threads_append_without_losing_or_mixing_records(tmp_path: Path) -> None:
    journal, sink, each, threads = Journal(tmp_path, segment_bytes=16 * 1024), Sink(), 300, 8
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:

        def work(who: int) -> None:
            for number in range(each):
                assert journal.append(outcome(who * each + number), sink.append)
                if number % 50 == 0:
                    journal.prepare()

        running = [threading.Thread(target=work, args=(who,)) for who in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    expected = sorted(f"attempt-{number}" for number in range(each * threads))
    assert sorted(row.attempt_id for row in rows_on_disk(tmp_path)) == expected
    assert sorted(row.attempt_id for row in sink.rows) == expected


def test_a_signal_handler_may_append_in_the_midst_of_an_append(tmp_path: Path) -> None:
    journal, sink, handled = Journal(tmp_path, segment_bytes=8192), Sink(), []

    def handler(*_: object) -> None:
        handled.append(1)
        assert journal.append(outcome(1_000_000 + len(handled)), sink.append)
        signal.setitimer(signal.ITIMER_REAL, 0.0003)  # set again from here, lest a slow machine nest without end

    before = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0003)
    try:
        number = 0
        while len(handled) < 100:
            number += 1
            assert journal.append(outcome(number), sink.append)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    ids = sorted(row.attempt_id for row in rows_on_disk(tmp_path))
    assert ids == sorted(row.attempt_id for row in sink.rows)
    assert len(ids) == number + len(handled) == len(set(ids))


def test_fsync_waits_for_the_disk_on_every_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(_segment, "_sync", synced.append)
    directories: list[int] = []
    monkeypatch.setattr(os, "fsync", directories.append)  # a new file's name must reach the disk as well
    journal = Journal(tmp_path, fsync=True)
    journal.append(intent(), Sink().append)
    journal.append(outcome(), Sink().append)
    assert (len(synced), len(directories)) == (2, 1)

    def broken(_: int) -> None:
        raise OSError(errno.EIO, "no")

    monkeypatch.setattr(_segment, "_sync", broken)
    assert [journal.append(outcome(number), Sink().append) for number in range(20)] == [False] * 20
    assert len(list(tmp_path.iterdir())) == 1  # a disk that fails is not answered with ever more files


# --- who is alive ---


def test_a_segment_is_locked_while_its_journal_lives_and_an_orphan_after(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.append(intent(), Sink().append)
    assert list(orphans(tmp_path)) == []
    journal.abandon()
    (found,) = orphans(tmp_path)
    assert list(orphans(tmp_path)) == []  # the first to come holds it
    found.release()
    (again,) = orphans(tmp_path)
    again.unlink()
    assert list(tmp_path.iterdir()) == []


def test_a_segment_taken_for_an_orphan_while_it_is_made_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, taken = _segment._lock, []

    def stolen_once(descriptor: int) -> bool:
        if not taken:
            (path,) = tmp_path.iterdir()
            path.unlink()
            taken.append(path)
        return real(descriptor)

    monkeypatch.setattr(_segment, "_lock", stolen_once)
    segment = Segment(tmp_path, 4096)
    assert taken != [segment.path]
    assert list(tmp_path.iterdir()) == [segment.path]


# --- a full disk ---


class Disk:
    """A disk with ``left`` bytes for what is not preallocated; segments of 4 KiB while ``segments`` last."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, segments: int, left: int = 0) -> None:
        self.segments, self.left = segments, left
        self.write = os.write
        monkeypatch.setattr(_segment.os, "write", self._write)

    def fill(self, descriptor: int, size: int) -> None:
        if not self.segments:
            raise OSError(errno.ENOSPC, "no space")
        self.segments -= 1
        os.ftruncate(descriptor, size)

    def _write(self, descriptor: int, data: bytes) -> int:
        at = os.lseek(descriptor, 0, os.SEEK_CUR)
        beyond = at + len(data) - max(4096, at)
        room = len(data) if beyond <= self.left else len(data) - beyond + self.left
        if room <= 0:
            raise OSError(errno.ENOSPC, "no space")
        self.left -= max(0, beyond) if room == len(data) else self.left
        return self.write(descriptor, data[:room])


def test_on_a_full_disk_what_is_preallocated_still_takes_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch, segments=2)
    journal, sink = Journal(tmp_path, segment_bytes=4096, fill=disk.fill), Sink()
    journal.append(outcome(0), sink.append)
    journal.prepare()
    results = [journal.append(outcome(number), sink.append) for number in range(1, 40)]
    size = len(framed(encode(outcome(10))))
    assert results == sorted(results, reverse=True)
    assert 2 * (4096 // size) - 1 <= sum(results) + 1 <= 2 * (4096 // size) + 2
    assert [row.attempt_id for row in sink.rows] == [f"attempt-{number}" for number in range(len(sink))]
    assert {row.attempt_id for row in rows_on_disk(tmp_path)} == {row.attempt_id for row in sink.rows}


def test_a_journal_goes_on_when_the_disk_has_room_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch, segments=1)
    journal, sink = Journal(tmp_path, segment_bytes=4096, fill=disk.fill), Sink()
    number = 0
    while journal.append(outcome(number), sink.append):
        number += 1
    disk.left = 1 << 20
    assert journal.append(outcome(99), sink.append)
    # The torn record lies between whole ones now: it is skipped, and known to be damaged.
    (path,) = tmp_path.glob(f"*{SUFFIX}")
    rows, damaged = read_rows(path.read_bytes())
    assert [row.attempt_id for row in rows] == [row.attempt_id for row in sink.rows]
    assert rows[-1].attempt_id == "attempt-99"
    assert damaged <= 1


def test_a_directory_that_cannot_be_made_is_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    journal = Journal(tmp_path / "file" / "journal")
    sink = Sink()
    assert journal.append(intent(), sink.append) is False
    assert sink == []
