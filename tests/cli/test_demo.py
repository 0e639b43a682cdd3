"""``modelmux demo`` as a user runs it: a process of its own, and a ledger that must agree with what it printed."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

DATA = json.loads((Path(__file__).parents[2] / "src/modelmux/cli/data/demo.json").read_text("utf-8"))
ASKED = 24
COMMAND = [sys.executable, "-m", "modelmux.cli", "demo", "--latency", "0"]


def environment(tmp_path: Path, **extra: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_PROXY", "_proxy"))}
    return {**kept, "TMPDIR": str(tmp_path), "COLUMNS": "80", **extra}


def run(tmp_path: Path, *options: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *options],
        env=environment(tmp_path, **extra),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    return run(tmp_path_factory.mktemp("demo"), "--questions", str(ASKED))


@pytest.fixture(scope="module")
def rows(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    place = re.search(r"^ledger: (.+)$", done.stdout, re.MULTILINE)[1]
    with sqlite3.connect(place) as database:
        database.row_factory = sqlite3.Row
        found = [dict(row) for row in database.execute("SELECT * FROM attempts ORDER BY started_at, number")]
    database.close()
    return [{**row, **json.loads(row["tags"])} for row in found]


def line(text: str, label: str) -> list[str]:
    """The cells of the summary's line ``label``: texts two blanks apart."""
    found = re.search(rf"^{re.escape(label)}  +(.+)$", text, re.MULTILINE)
    assert found, text
    return re.split(r"\s{2,}", found[1].strip())


def of(rows: list[dict[str, object]], policy: str) -> list[dict[str, object]]:
    return [row for row in rows if row["policy"] == policy]


def answers(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return [row for row in rows if row["state"] == "ok"]


def recorded(row: dict[str, object]) -> tuple[bool, int, int]:
    """Whether the model that answered was right, by the data file, and the tokens in and out."""
    names = [model["model"] for model in DATA["models"]]
    place = names.index(f"{row['provider']}/{row['model_asked']}")
    question = next(one for one in DATA["questions"] if one["id"] == row["question"])
    return bool(question["right"][place]), question["input"], question["output"][place]


def test_it_ends_well_and_says_what_it_is_made_of(done):
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    for said in ("MATH level 5", "MIT licence", "ZeroEval", "Apache-2.0 licence", "list prices of late 2024"):
        assert said in done.stdout
    assert "\x1b" not in done.stdout
    soft = ("ledger: ", "ask it: ")
    assert [text for text in done.stdout.splitlines() if len(text) > 80 and not text.startswith(soft)] == []


def test_every_figure_of_the_table_is_in_the_ledger(done, rows):
    text = done.stdout
    policies = ("cheapest", "best")
    assert line(text, "calls") == [str(len({row["call_id"] for row in of(rows, name)})) for name in policies] + ["24"]
    good = {name: answers(of(rows, name)) for name in policies}
    assert line(text, "failed calls") == [str(ASKED - len(good[name])) for name in policies]
    assert line(text, "failovers") == [str(sum(row["number"] > 1 for row in good[name])) for name in policies]
    right = {name: sum(recorded(row)[0] for row in good[name]) for name in policies}
    assert [cell.split()[0] for cell in line(text, "answered right")][:2] == [str(right[name]) for name in policies]
    spent = {name: sum(row["cost_nano"] for row in of(rows, name)) for name in policies}
    assert line(text, "cost")[:2] == [f"${spent[name] / 1e9:.4f}" for name in policies]


def test_the_bill_is_tokens_times_the_listed_prices(rows):
    prices = {model["model"]: model["price"] for model in DATA["models"]}
    for row in answers(rows):
        price = prices[f"{row['provider']}/{row['model_asked']}"]
        _, tokens_in, tokens_out = recorded(row)
        assert json.loads(row["units"]) == {"input": tokens_in, "output": tokens_out}
        exact = (tokens_in * float(price["input"]) + tokens_out * float(price["output"])) * 1000
        assert row["cost_nano"] == pytest.approx(exact, abs=0.51)


def test_what_is_saved_is_measured_against_the_model_with_the_most_right_answers(done):
    questions = DATA["questions"][:ASKED]

    def bill(place: int) -> float:
        price = DATA["models"][place]["price"]
        tokens = [(q["input"], q["output"][place]) for q in questions]
        return sum(a * float(price["input"]) + b * float(price["output"]) for a, b in tokens) / 1e6

    places = range(len(DATA["models"]))
    best = max(places, key=lambda place: (sum(q["right"][place] for q in questions), -bill(place)))
    assert DATA["models"][best]["model"].partition("/")[2] in done.stdout
    full = line(done.stdout, "cost")[-1]
    assert full == f"${bill(best):.4f}"
    for spent, saved in zip(line(done.stdout, "cost"), line(done.stdout, "saved"), strict=False):
        difference = float(full[1:]) - float(spent[1:])
        assert float(saved.split()[0].replace("$", "")) == pytest.approx(difference, abs=0.00011)


def test_answers_by_model_add_up(done, rows):
    for model in DATA["models"]:
        name = model["model"].partition("/")[2]
        served = [row for row in answers(rows) if row["model_asked"] == name]
        shown = re.findall(r"(\d+)  (\$[\d.]+)", next(t for t in done.stdout.splitlines() if t.startswith(name)))
        assert sum(int(count) for count, _ in shown) == len(served)


def test_half_way_the_vendor_in_use_goes_down_and_no_call_is_lost(done, rows):
    for policy in ("cheapest", "best"):
        mine = of(rows, policy)
        calls = list(dict.fromkeys(row["call_id"] for row in mine))
        early = [row for row in mine if row["call_id"] in calls[: ASKED // 2]]
        late = [row for row in mine if row["call_id"] in calls[ASKED // 2 :]]
        assert {row["state"] for row in early} == {"ok"}
        fallen = max({row["provider"] for row in early}, key=[row["provider"] for row in early].count)
        assert f"{policy}: {fallen} goes down after {ASKED // 2} of {ASKED} questions" in done.stdout
        assert {row["state"] for row in late if row["provider"] == fallen} == {"failed"}
        assert len(answers(late)) == ASKED - ASKED // 2


def test_the_same_seed_gives_the_same_run(tmp_path, done):
    again = run(tmp_path, "--questions", str(ASKED), HTTP_PROXY="http://127.0.0.1:9", HOME="/nonexistent")
    assert again.returncode == 0, again.stderr

    def timeless(text: str) -> list[str]:
        return [one for one in text.splitlines() if not one.startswith(("p50 latency", "ledger: ", "ask it: "))]

    assert timeless(again.stdout) == timeless(done.stdout)


def test_a_ledger_of_ones_own_may_hold_several_runs(tmp_path):
    url = f"sqlite:///{tmp_path}/mine.db"
    first = run(tmp_path, "--questions", "4", "--policy", "cheapest", "--ledger", url)
    second = run(tmp_path, "--questions", "4", "--policy", "cheapest", "--ledger", url)
    assert line(first.stdout, "calls")[0] == line(second.stdout, "calls")[0] == "4"
    assert f"ledger: {tmp_path}/mine.db" in second.stdout
    with sqlite3.connect(tmp_path / "mine.db") as database:
        assert database.execute("SELECT count(DISTINCT call_id) FROM attempts").fetchone() == (8,)
    database.close()


@pytest.mark.parametrize("wrong", [["--questions", "1"], ["--questions", "500"], ["--latency", "-1"], ["--nonsense"]])
def test_wrong_usage_exits_2(tmp_path, wrong):
    done = run(tmp_path, *wrong)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_an_unknown_policy_is_one_line(tmp_path):
    done = run(tmp_path, "--policy", "cheepest")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: ")
    assert "'cheapest'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_ctrl_c_leaves_cleanly(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "modelmux.cli", "demo", "--latency", "0.5"],
        env=environment(tmp_path, PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # a background job ignores it
    ) as process:
        deadline = time.monotonic() + 20
        while not list(tmp_path.glob("modelmux-demo-*/ledger.db*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "interrupted" in said
