"""The other commands, in this process, against embedded vendors."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from modelmux import Mux
from modelmux.cli.app import app
from modelmux.testing import Fault, Vendors

MODELS = {"openai": "openai/gpt-5-mini", "anthropic": "anthropic/claude-haiku-4-5"}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, no configuration, 80 columns."""
    for name in list(os.environ):
        if name.startswith("MODELMUX_") or name.endswith(("_API_KEY", "_PROXY", "_proxy", "_BASE_URL")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def vendors(modelmux_vendors: Vendors, monkeypatch: pytest.MonkeyPatch) -> Vendors:
    for name, value in modelmux_vendors.env().items():
        monkeypatch.setenv(name, value)
    return modelmux_vendors


def run(*arguments: str, input: str | None = None):
    return CliRunner().invoke(app, arguments, input=input)


# --- chat --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", [(), ("--no-stream",)])
def test_the_answer_goes_out_and_its_figures_beside_it(vendors, how):
    vendors.openai.reply(text="Forty-two.", usage={"input": 1000, "output": 2000})
    done = run("chat", "What is six by seven?", "-m", MODELS["openai"], *how)
    assert done.exit_code == 0, done.stderr
    assert done.stdout == "Forty-two.\n"
    assert "openai/gpt-5-mini · 1,000 tokens in, 2,000 out · $0.00" in done.stderr
    assert vendors.openai.requests[0].asked.stream is (how == ())


def test_the_prompt_may_come_from_standard_input(vendors):
    done = run("chat", "-", "-m", MODELS["anthropic"], "--system", "Be brief.", input="Hello from a pipe")
    assert done.exit_code == 0, done.stderr
    asked = vendors.anthropic.requests[0]
    assert asked.asked.last == "Hello from a pipe"
    assert "Be brief." in asked.body.decode()


def test_an_empty_prompt_is_wrong_usage():
    assert run("chat", "-", input=" \n").exit_code == 2


def test_json_says_it_all(vendors):
    vendors.openai.fail(Fault(status=500))
    vendors.anthropic.reply(text="Bonjour", usage={"input": 10, "output": 5})
    options = [option for name in MODELS.values() for option in ("-m", name)]
    done = run("chat", "hi", *options, "--policy", "priority", "--json")
    assert done.exit_code == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["text"], said["provider"], said["usage"]) == ("Bonjour", "anthropic", {"input": 10, "output": 5})
    assert [attempt["status"] for attempt in said["attempts"]] == ["failed", "ok"]
    assert said["attempts"][0]["error"] == "ServerError"
    assert float(said["cost"] or 0) >= 0


def test_a_broken_stream_ends_with_a_line_of_its_own(vendors):
    vendors.openai.reply(text=["one ", "two ", "three "], fault=Fault(cut_after=-20))
    done = run("chat", "count", "-m", MODELS["openai"])
    assert done.exit_code == 1
    assert done.stdout.endswith("\n")
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize("command", ["chat", "explain"])
def test_without_a_key_there_is_one_line_on_what_to_do(command):
    done = run(command, "hi")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "key" in done.stderr
    assert "modelmux doctor" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_key_is_never_printed(vendors):
    shown = [run("doctor").output, run("chat", "hi", "-m", MODELS["openai"], "--json").output]
    vendors.openai.fail(Fault(status=401), times=1)
    shown.append(run("chat", "hi", "-m", MODELS["openai"]).output)
    assert all(server.key not in text for server in vendors for text in shown)


def test_debug_shows_the_traceback():
    done = run("--debug", "chat", "hi", "-m", "nosuch/model")
    assert type(done.exception).__name__ == "UnknownName"


# --- explain -----------------------------------------------------------------------------------------------------


def test_explaining_needs_no_key_and_sends_nothing():
    options = [option for name in MODELS.values() for option in ("-m", name)]
    done = run("explain", "What is six by seven?", *options, "--policy", "cheapest")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("openai/gpt-5-mini chosen by cheapest")
    assert "no key here for anthropic, openai: explained as if there were one" in done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_explaining_with_keys_agrees_with_what_is_then_done(vendors):
    options = [option for name in MODELS.values() for option in ("-m", name)]
    explained = json.loads(run("explain", "hi", *options, "--policy", "cheapest", "--json").stdout)
    assert vendors.requests() == []
    done = json.loads(run("chat", "hi", *options, "--policy", "cheapest", "--json").stdout)
    assert explained["chosen"] == done["attempts"][0]["endpoint"]
    assert explained["without_key"] == []


def test_who_is_left_out_is_said_with_the_reason():
    done = run("explain", "hi", "-m", MODELS["openai"], "--max-cost", "0.0000001")
    assert done.exit_code == 0
    assert "left out" in done.stdout


# --- models ------------------------------------------------------------------------------------------------------


def test_models_of_a_provider_with_unknown_as_unknown():
    done = run("models", "--provider", "anthropic")
    assert done.exit_code == 0
    assert "anthropic/claude-haiku-4-5" in done.stdout
    assert "unknown" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_models_by_ability():
    found = json.loads(run("models", "--provider", "openai", "--ability", "reasoning", "--json").stdout)
    every = json.loads(run("models", "--provider", "openai", "--all", "--json").stdout)
    assert 0 < len(found) < len(every)
    assert all("reasoning" in model["abilities"] for model in found)


def test_without_keys_models_says_which_variables_there_are():
    done = run("models")
    assert done.exit_code == 0
    assert "OPENAI_API_KEY" in done.stdout


def test_a_misspelt_provider_is_answered_with_the_nearest():
    done = run("models", "--provider", "antropic")
    assert done.exit_code == 1
    assert "'anthropic'" in done.stderr


# --- report ------------------------------------------------------------------------------------------------------


@pytest.fixture
def ledger(vendors, tmp_path):
    """Three calls of one team, one of another; one more whose server never says what it used up."""
    place = tmp_path / "ledger.db"
    vendors.openai.reply(text="yes", usage={"input": 1_000_000, "output": 100_000}, times=4)
    with Mux(vendors.endpoints(MODELS["openai"]), ledger=f"sqlite:///{place}") as mux:
        for team in ("red", "red", "red", "blue"):
            mux.chat("hi", tags={"team": team})
    return str(place)


def test_report_adds_up_by_tag(ledger):
    done = run("report", ledger, "--by", "tag:team", "--json")
    assert done.exit_code == 0, done.stderr
    blue, red = json.loads(done.stdout)
    assert (blue["tag:team"], blue["calls"], red["calls"]) == ("blue", 1, 3)
    assert float(red["cost"]["USD"]) == pytest.approx(3 * float(blue["cost"]["USD"]))


def test_report_as_csv_and_as_a_table_say_the_same(ledger):
    table = list(csv.DictReader(io.StringIO(run("report", ledger, "--by", "model,tag:team", "--csv").stdout)))
    assert [(row["model"], row["tag:team"], row["calls"]) for row in table] == [
        ("gpt-5-mini", "blue", "1"),
        ("gpt-5-mini", "red", "3"),
    ]
    shown = run("report", f"sqlite:///{ledger}", "--by", "model,tag:team").stdout
    assert f"${float(table[1]['cost_USD']):.4f}" in shown
    assert f"${sum(float(row['cost_USD']) for row in table):.4f}" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_an_unknown_cost_is_counted_and_bounded(vendors, tmp_path):
    vendors.openai.fail(Fault(status=500))
    with Mux(vendors.endpoints(MODELS["openai"]), ledger=f"sqlite:///{tmp_path}/l.db") as mux, pytest.raises(Exception):  # noqa: B017
        mux.chat("hi", max_cost=0.01)
    done = run("report", f"{tmp_path}/l.db")
    assert "unknown cost: " in done.stdout
    assert "together at most $" in done.stdout


def test_report_keeps_to_the_time_asked_for(ledger):
    assert json.loads(run("report", ledger, "--since", "7d", "--json").stdout)[0]["calls"] == 4
    assert json.loads(run("report", ledger, "--until", "7d", "--json").stdout) == []
    tomorrow = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 86400))
    assert "no attempts" in run("report", ledger, "--since", tomorrow).stdout


@pytest.mark.parametrize(
    "wrong", [["--since", "soon"], ["--tag", "team"], ["--tag", "=x"], ["--since", "2026-01-01", "--tz", "Mars/Base"]]
)
def test_report_refuses_what_it_does_not_understand(ledger, wrong):
    assert run("report", ledger, *wrong).exit_code == 2


def test_a_ledger_that_is_not_there_is_not_an_empty_one(tmp_path):
    assert run("report", str(tmp_path / "none.db")).exit_code == 2
    assert run("report").exit_code == 2


def test_an_unknown_dimension_names_the_known(ledger):
    done = run("report", ledger, "--by", "modle")
    assert done.exit_code == 1
    assert "'model'" in done.stderr


# --- doctor ------------------------------------------------------------------------------------------------------


def test_doctor_finds_nothing_usable():
    done = run("doctor")
    assert done.exit_code == 1
    assert "nothing is usable" in done.stdout


def test_doctor_finds_keys_addresses_and_the_journal(vendors, monkeypatch, tmp_path):
    monkeypatch.setenv("MODELMUX_LEDGER", f"sqlite:///{tmp_path}/books.db")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:hidden@proxy.example:3128")
    done = run("doctor")
    assert done.exit_code == 0, done.output
    flat = " ".join(done.stdout.split())
    assert "key OPENAI_API_KEY, fingerprint" in flat
    assert vendors.openai.origin in flat.replace(" ", "")
    assert "writable" in flat
    assert "proxy.example:3128" in flat
    assert "hidden" not in flat


def test_doctor_names_a_wrong_variable(monkeypatch):
    monkeypatch.setenv("MODELMUX_POLICI", "cheapest")
    done = run("doctor")
    assert done.exit_code == 1
    assert "MODELMUX_POLICY" in " ".join(done.stdout.split())


# --- the whole ---------------------------------------------------------------------------------------------------


def test_help_and_version():
    assert run("--version").stdout.startswith("modelmux ")
    shown = run("--help").stdout
    assert all(name in shown for name in ("demo", "chat", "models", "explain", "report", "doctor"))


def test_without_the_extra_there_is_one_line():
    code = (
        "import sys, importlib.util as u\n"
        "real = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name in ('rich', 'typer') else real(name, *a)\n"
        "from modelmux.cli import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'modelmux[cli]'" in done.stderr
    assert done.stderr.count("\n") == 1


def test_nothing_else_imports_the_command_line():
    code = "import sys, modelmux, modelmux._mux, modelmux.testing.server; print('modelmux.cli' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
