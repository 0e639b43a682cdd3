"""What every ledger must do, and what the SQLite one must besides."""

from __future__ import annotations

import itertools
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger.rows import START, intent, outcome
from modelmux.cost.ledger import Ledger, open_ledger
from modelmux.cost.memory import MemoryLedger
from modelmux.cost.records import lost
from modelmux.cost.sqlite import SqliteLedger
from modelmux.errors import ConfigError, InvalidRequest, LedgerError, UnknownName


@pytest.fixture(params=["memory", "sqlite"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    made: Ledger = MemoryLedger() if request.param == "memory" else SqliteLedger(tmp_path / "books" / "ledger.db")
    yield made
    made.close()


# --- any ledger ---


def test_an_empty_ledger_answers(ledger: Ledger) -> None:
    assert ledger.query() == []
    assert ledger.sum(("model",)) == []
    ledger.write([])
    assert ledger.query() == []


def test_a_row_comes_back_as_it_was_written(ledger: Ledger) -> None:
    rows = [outcome(1, text="prompt\n“é”", units={"input": 2**80}), intent(2), outcome(3, tags={}, units={}, user=None)]
    ledger.write(rows)
    assert ledger.query() == rows
    assert ledger.query()[0].stream is True


@pytest.mark.parametrize("order", list(itertools.permutations(["intent", "unknown", "ok"])))
def test_the_outcome_stands_in_whatever_order_records_come(ledger: Ledger, order: tuple[str, ...]) -> None:
    versions = {"intent": intent(), "unknown": lost(intent()), "ok": outcome()}
    for state in order:
        ledger.write([versions[state]])
    assert ledger.query() == [outcome()]


@pytest.mark.parametrize("order", list(itertools.permutations(["intent", "unknown", "ok"])))
def test_the_same_holds_within_one_batch(ledger: Ledger, order: tuple[str, ...]) -> None:
    versions = {"intent": intent(), "unknown": lost(intent()), "ok": outcome()}
    ledger.write([versions[state] for state in order])
    assert ledger.query() == [outcome()]


def test_unknown_replaces_an_intent_and_never_the_reverse(ledger: Ledger) -> None:
    ledger.write([intent(), lost(intent())])
    ledger.write([intent()])
    assert ledger.query() == [lost(intent())]


def test_the_first_of_two_outcomes_stands(ledger: Ledger) -> None:
    ledger.write([outcome(cost_nano=1)])
    ledger.write([outcome(cost_nano=2), outcome(cost_nano=3, state="failed")])
    assert [row.cost_nano for row in ledger.query()] == [1]


MANY = [
    outcome(1, provider="maple", model_asked="leaf-2", user="a", tags={"team": "x"}),
    outcome(2, provider="birch", model_asked="leaf-2", user="b", tags={"team": "y", "env": "test"}, state="failed"),
    outcome(3, provider="birch", model_asked="twig", model_served="twig-7", user=None, tags={}, call_id="call-2"),
    outcome(4, provider="maple", model_asked="leaf-3", user="a", tags={'qu"o\\te': "é"}, state="cut"),
    intent(5, provider="maple", tags={"team": "x", "env": "prod"}),
]


@pytest.mark.parametrize(
    ("conditions", "numbers"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"since": START + 3}, [3, 4, 5]),
        ({"until": START + 3}, [1, 2]),
        ({"since": datetime.fromtimestamp(START + 2, UTC), "until": datetime.fromtimestamp(START + 4, UTC)}, [2, 3]),
        ({"model": "leaf-2"}, [1, 2, 5]),
        ({"model": "birch/leaf-2"}, [2]),
        ({"model": "twig-7"}, [3]),
        ({"model": "birch/twig-7"}, [3]),
        ({"provider": "maple"}, [1, 4, 5]),
        ({"user": "a"}, [1, 4]),
        ({"tags": {"team": "x"}}, [1, 5]),
        ({"tags": {"team": "x", "env": "prod"}}, [5]),
        ({"tags": {'qu"o\\te': "é"}}, [4]),
        ({"status": "failed"}, [2]),
        ({"status": ("failed", "cut")}, [2, 4]),
        ({"call_id": "call-2"}, [2, 3]),
        ({"provider": "nobody"}, []),
        ({"provider": "maple", "user": "a", "status": "ok"}, [1]),
    ],
)
def test_questions(ledger: Ledger, conditions: dict, numbers: list[int]) -> None:
    ledger.write(MANY)
    assert [row.attempt_id for row in ledger.query(**conditions)] == [f"attempt-{number}" for number in numbers]


def test_order_and_limit(ledger: Ledger) -> None:
    ledger.write(list(reversed(MANY)))

    def numbers(**asked: object) -> str:
        return "".join(row.attempt_id[-1] for row in ledger.query(**asked))  # type: ignore[arg-type]

    assert numbers(limit=2) == "12"
    assert numbers(order="-started_at", limit=2) == "54"
    assert numbers(order="provider") == "23145"
    assert numbers(order="-user")[-1] == "3"  # nobody comes last when the order is reversed, first when it is not
    assert numbers(order="user")[0] == "3"
    assert numbers(limit=0) == ""


def test_a_wrong_order_and_a_time_without_zone_are_named(ledger: Ledger) -> None:
    with pytest.raises(UnknownName, match="started_at"):
        ledger.query(order="start_at")
    with pytest.raises(InvalidRequest, match="since="):
        ledger.query(since=datetime(2026, 1, 1))


def test_sums_come_from_the_same_rows(ledger: Ledger) -> None:
    ledger.write(MANY)
    lines = {line.key: line for line in ledger.sum("provider", until=START + 5)}
    assert {key: (line.attempts, line.failed) for key, line in lines.items()} == {
        ("birch",): (2, 1),
        ("maple",): (2, 1),
    }


# --- memory ---


def test_memory_keeps_the_last_attempts_only() -> None:
    ledger = MemoryLedger(kept=100)
    for number in range(250):
        ledger.write([intent(number)])
        ledger.write([outcome(number)])
    rows = ledger.query()
    assert [row.attempt_id for row in rows] == [f"attempt-{number}" for number in range(150, 250)]
    assert {row.state for row in rows} == {"ok"}


def test_memory_serves_threads() -> None:
    ledger = MemoryLedger(kept=10_000)

    def work(who: int) -> None:
        for number in range(500):
            ledger.write([intent(who * 1000 + number)])
            ledger.write([outcome(who * 1000 + number)])
            if number % 100 == 0:
                ledger.query(limit=1)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ledger.query(status="ok")) == 2000


# --- SQLite ---


def test_the_file_has_one_row_an_attempt_and_columns_by_name(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.db")
    ledger.write([intent(), outcome()])
    ledger.close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        found = raw.execute("SELECT attempt_id, state, cost_nano, currency, tags FROM attempts").fetchall()
    assert found == [("attempt-1", "ok", 1_000_000, "USD", '{"user":"42","team":"growth"}')]


def test_asking_makes_no_file(tmp_path: Path) -> None:
    assert SqliteLedger(tmp_path / "none" / "ledger.db").query() == []
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_a_later_format_is_refused_with_a_way_out(tmp_path: Path) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.db")
    ledger.write([outcome()])
    ledger.close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as raw, raw:
        raw.execute("UPDATE schema_version SET version = 99")
    for ask in (ledger.query, lambda: ledger.write([outcome(2)])):
        with pytest.raises(LedgerError, match=r"later modelmux.*99.*upgrade"):
            ask()
    ledger.close()


def test_a_file_that_is_no_database_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"these are not the books you look for" * 100)
    ledger = SqliteLedger(tmp_path / "ledger.db")
    with pytest.raises(LedgerError, match=r"ledger\.db"):
        ledger.write([outcome()])
    with pytest.raises(LedgerError, match=r"ledger\.db"):
        ledger.query()
    ledger.close()


def test_a_ledger_that_failed_works_again_when_it_can(tmp_path: Path) -> None:
    (tmp_path / "books").write_text("a file where the directory should be")
    ledger = SqliteLedger(tmp_path / "books" / "ledger.db")
    with pytest.raises(LedgerError):
        ledger.write([outcome()])
    (tmp_path / "books").unlink()
    ledger.write([outcome()])
    assert ledger.query() == [outcome()]
    ledger.close()


def test_a_row_that_cannot_be_stored_does_not_keep_the_others_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = SqliteLedger(tmp_path / "ledger.db")
    hopeless = outcome(3, call_id=None)
    ledger.write([outcome(1), outcome(2, cost_nano=2**70, user="\ud800"), hopeless, outcome(4, tags={1: object()})])
    rows = {row.attempt_id: row for row in ledger.query()}
    ledger.close()
    assert set(rows) == {"attempt-1", "attempt-2", "attempt-4"}
    assert (rows["attempt-2"].cost_nano, rows["attempt-2"].cost_status, rows["attempt-2"].user) == (
        None,
        "unknown",
        "?",
    )
    assert "attempt-3" in caplog.text


def test_full_sync_is_passed_on(tmp_path: Path) -> None:
    levels = []
    for full in (False, True):
        ledger = SqliteLedger(tmp_path / f"{full}.db", full_sync=full)
        ledger.write([outcome()])
        levels.append(ledger._connection.execute("PRAGMA synchronous").fetchone()[0])  # type: ignore[union-attr]
        ledger.close()
    assert levels == [1, 2]  # sqlite.org/pragma.html#pragma_synchronous: NORMAL, FULL


WRITER = """
import sys
from ledger.rows import outcome
from modelmux.cost.sqlite import SqliteLedger
ledger = SqliteLedger(sys.argv[1])
sys.stdin.read()
for number in range(int(sys.argv[2]), int(sys.argv[2]) + 100, 5):
    ledger.write([outcome(n) for n in range(number, number + 5)])
ledger.close()
"""


def test_processes_share_a_file_and_may_all_be_the_first(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    children = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(first)],
            stdin=subprocess.PIPE,
            env={"PYTHONPATH": str(Path(__file__).parents[1])},
        )
        for first in (0, 50, 100)
    ]
    for child in children:
        child.stdin.close()  # type: ignore[union-attr]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    assert len(SqliteLedger(path).query()) == 200


# --- by URL ---


def test_ledgers_by_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert isinstance(open_ledger("memory://"), MemoryLedger)
    assert open_ledger("sqlite:///books/a.db").place == tmp_path / "books" / "a.db"
    assert open_ledger(f"sqlite:///{tmp_path}/b.db").place == tmp_path / "b.db"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite://relative.db", "memory://10", "ledger.db", ""])
def test_urls_that_say_too_little(url: str) -> None:
    with pytest.raises(ConfigError):
        open_ledger(url)


def test_an_unknown_scheme_names_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="memory, sqlite"):
        open_ledger("redwood://host/db")
    with pytest.raises(UnknownName, match="'sqlite://'"):
        open_ledger("sqlit:///a.db")
