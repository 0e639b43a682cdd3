"""``modelmux prices`` and ``modelmux tokens``: the catalogue, newer ones, and counts. Updates here are made up."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import zipfile
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from modelmux import catalogue
from modelmux.catalogue import installed
from modelmux.cli import _prices
from modelmux.cli.app import app
from modelmux.testing import FakeClock


@pytest.fixture(autouse=True)
def own_data(tmp_path, monkeypatch):
    """A data directory of this test's own, and no catalogue remembered from or for other tests."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(installed.sys, "platform", "linux")
    monkeypatch.delenv("COLUMNS", raising=False)
    forget()
    yield
    forget()


def forget() -> None:
    catalogue.load.cache_clear()
    catalogue.find.cache_clear()


@pytest.fixture
def on(monkeypatch):
    """Sets the day."""

    def set_day(text: str) -> None:
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
        monkeypatch.setattr(_prices, "CLOCK", FakeClock(time=moment))

    set_day("2026-11-25")
    return set_day


def run(*arguments: str, input: str | bytes | None = None):
    return CliRunner().invoke(app, arguments, input=input)


def made(provider: str = "acme", as_of: str = "2026-12-24", **rates: str) -> bytes:
    price = {"rates": rates or {"input": "1", "output": "2"}, "source": "made up"}
    models = {"m": {"abilities": "chat", "prices": [price]}}
    return json.dumps({"provider": provider, "as_of": as_of, "aliases": {}, "models": models}).encode()


def given(tmp_path, raw: bytes, name: str = "acme.json") -> tuple[str, str]:
    path = tmp_path / name
    path.write_bytes(raw)
    return str(path), hashlib.sha256(raw).hexdigest()


# --- list, show


def test_list_shows_prices_and_marks_disputed_ones(on):
    listed = run("prices", "list", "--provider", "xai")
    assert listed.exit_code == 0
    rows = {line.split()[0]: line for line in listed.output.splitlines() if line.startswith("xai/")}
    assert "disputed: cache_read 0.02 or 0.2, input 0.2 or 1" in rows["xai/grok-code-fast-1"]
    assert "disputed" not in rows["xai/grok-3"]
    only = run("prices", "list", "--provider", "xai", "--disputed").output
    assert "xai/grok-code-fast-1" in only
    assert "xai/grok-3 " not in only


def test_list_narrows_by_model_and_speaks_json(on):
    found = json.loads(run("prices", "list", "--provider", "openai", "--model", "gpt-5-mini", "--json").output)
    assert {row["name"] for row in found} >= {"openai/gpt-5-mini"}
    assert all("gpt-5-mini" in row["name"] for row in found)
    mini = next(row for row in found if row["name"] == "openai/gpt-5-mini")
    assert (mini["rates"]["input"], mini["currency"], mini["disputed"]) == ("0.25", "USD", {})


def test_every_disputed_price_of_the_catalogue_is_listed(on):
    listed = {row["name"] for row in json.loads(run("prices", "list", "--disputed", "--json").output)}
    expected = set()
    now = _prices.now()
    for name in catalogue.providers():
        for model in json.loads(catalogue.packaged(name))["models"].items():
            for version in model[1].get("prices", ()):
                days = (version.get("start", "0000"), version.get("end", "9999"))
                held = days[0] <= "2026-11-25" < days[1]
                if version.get("disputed") and held and not version.get("when") and not version.get("windows"):
                    expected.add(f"{name}/{model[0]}")
    assert now
    assert listed == expected
    assert len(expected) > 50


def test_show_has_dates_conditions_and_sources(on):
    shown = run("prices", "show", "openai/gpt-5-mini").output
    assert "always, tier flex" in shown
    assert "source: genai-prices" in shown
    assert "agreed by" in shown
    disputed = run("prices", "show", "xai/grok-code-fast-1").output
    assert "disputed: 0.2 or 1; the higher counts for bounds" in disputed
    peak = run("prices", "show", "deepseek/deepseek-v4-pro").output
    assert " UTC, days " in peak
    assert json.loads(run("prices", "show", "openai/gpt-5-mini", "--json").output)[0]["model"] == "openai/gpt-5-mini"


def test_show_takes_an_exact_name_only(on):
    several = run("prices", "show", "gpt-5-mini").output
    assert "openai/gpt-5-mini" in several
    assert "azure/gpt-5-mini" in several
    missing = run("prices", "show", "openai/gpt-5-min")
    assert missing.exit_code == 1
    assert "gpt-5-mini" in missing.output
    assert run("prices", "show", "gpt-5-min").exit_code == 1


@pytest.mark.parametrize(
    ("day", "options", "warned"),
    [
        ("2026-11-25", (), False),
        ("2027-01-05", (), False),
        ("2027-01-06", (), True),
        ("2026-11-25", ("--stale-days", "3"), True),
        ("2027-06-01", ("--stale-days", "365"), False),
    ],
)
def test_old_prices_come_with_a_warning(on, day, options, warned):
    on(day)
    for command in (["list", "--provider", "xai"], ["show", "xai/grok-4"]):
        done = run("prices", *command, *options)
        assert ("warning: these prices are of 2026-11-21" in done.stderr) is warned


# --- update


def tarred(raw: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo("catalogue/data/acme.json")
        info.size = len(raw)
        archive.addfile(info, io.BytesIO(raw))
    return buffer.getvalue()


def zipped(raw: bytes, name: str = "modelmux/catalogue/data/acme.json") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, raw)
        archive.writestr("modelmux/other.json", '{"not": "a catalogue"}')
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "pack"),
    [("acme.json", bytes), ("prices.tar.gz", tarred), ("prices.zip", zipped), ("modelmux.whl", zipped)],
)
def test_an_update_is_checked_and_installed(tmp_path, on, name, pack):
    path, digest = given(tmp_path, pack(made()), name)
    done = run("prices", "update", path, "--sha256", digest.upper())
    assert done.exit_code == 0, done.output
    assert "installed 1 models of 1 providers, prices of 2026-12-24" in done.output
    assert catalogue.find("acme", "m").prices[0].rates == {"input": "1", "output": "2"}
    assert "acme" in catalogue.providers()
    assert "acme/m" in run("prices", "list", "--provider", "acme").output


def test_an_update_with_another_hash_is_refused(tmp_path, on):
    path, digest = given(tmp_path, made())
    done = run("prices", "update", path, "--sha256", "0" * 64)
    assert done.exit_code == 1
    assert digest in done.output.replace("\n", "")
    assert not (tmp_path / "data").exists()
    assert run("prices", "update", path).exit_code == 2


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("acme.json", b"{}"),
        ("acme.json", b"not json"),
        ("acme.tar", b"not an archive"),
        ("acme.zip", zipped(b"[]")),
        ("acme.json", made(provider="../../evil")),
        ("acme.json", made(as_of="someday")),
        ("acme.json", made(input="cheap")),
        ("acme.json", made(input="-1")),
        ("acme.json", made(thoughts="1")),
        ("acme.json", b'{"provider": "acme", "as_of": "2026-12-24", "models": {"m": []}}'),
    ],
)
def test_what_is_no_catalogue_is_refused_whole(tmp_path, on, name, raw):
    path, digest = given(tmp_path, raw, name)
    done = run("prices", "update", path, "--sha256", digest)
    assert done.exit_code == 1
    assert done.output.startswith("error: ")
    assert not (tmp_path / "data").exists()


def test_an_archive_with_one_bad_file_installs_nothing(tmp_path, on):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("acme.json", made())
        archive.writestr("bad.json", made(provider="bad", input="cheap"))
    path, digest = given(tmp_path, buffer.getvalue(), "both.zip")
    assert run("prices", "update", path, "--sha256", digest).exit_code == 1
    assert not (tmp_path / "data").exists()


def test_a_file_that_is_not_there(tmp_path, on):
    done = run("prices", "update", str(tmp_path / "none.json"), "--sha256", "0" * 64)
    assert (done.exit_code, "cannot read" in done.output) == (1, True)


@pytest.mark.parametrize(
    ("as_of", "installed_holds"), [("2026-12-24", True), ("2026-11-21", True), ("2026-10-01", False)]
)
def test_of_two_files_the_later_day_holds(tmp_path, on, as_of, installed_holds):
    path, digest = given(tmp_path, made("xai", as_of, input="7"), "xai.json")
    assert run("prices", "update", path, "--sha256", digest).exit_code == 0
    assert (set(catalogue.load("xai")) == {"m"}) is installed_holds
    assert "gpt-5-mini" in catalogue.load("openai")


def test_diff_tells_what_changed(tmp_path, on):
    raw = json.loads(catalogue.packaged("xai"))
    models = raw["models"]
    models["grok-3"]["prices"] = [{"rates": {"input": "4", "output": "15"}}]
    del models["grok-code-fast-1"]
    path, digest = given(tmp_path, json.dumps({**raw, "as_of": "2026-12-24"}).encode(), "xai.json")
    changes = json.loads(run("prices", "diff", "packaged", path, "--json").output)
    found = {(one["model"], one["unit"]): (one["old"], one["new"]) for one in changes}
    assert found["xai/grok-3", "input"][1] == "4"
    assert found["xai/grok-code-fast-1", ""] == ("listed", "-")
    assert {model for model, _ in found} == {"xai/grok-3", "xai/grok-code-fast-1"}
    assert "0 differences in" in run("prices", "diff", "packaged", "current").output
    assert run("prices", "update", path, "--sha256", digest).exit_code == 0
    table = run("prices", "diff", "packaged", "current")
    assert "grok-code-fast-1" in table.output
    assert run("prices", "diff", "packaged", str(tmp_path / "none")).exit_code == 1


# --- tokens


def test_tokens_of_a_text_by_model(tmp_path, on):
    path, _ = given(tmp_path, "안녕하세요, 오늘 날씨가 좋습니다.".encode(), "text.txt")
    both = ("-m", "openai/gpt-5-mini", "-m", "anthropic/claude-haiku-4-5")
    found = json.loads(run("tokens", path, *both, "--json").output)
    assert [one["method"] for one in found] == ["tiktoken", "estimate"]
    assert found[0]["tokens"] == found[0]["upper"] == 10
    assert found[0]["input_cost"] == {"amount": "0.0000025", "currency": "USD"}
    assert found[1]["tokens"] <= found[1]["upper"] <= found[1]["bound"] == 47
    shown = run("tokens", path, "-m", "openai/gpt-5-mini").output
    assert "script hangul" in shown


def test_tokens_of_a_request_count_what_is_around_the_text(on):
    body = json.dumps({"messages": [{"role": "user", "content": "hi there"}]})
    found = json.loads(run("tokens", "-", "-m", "openai/gpt-5-mini", "--json", input=body).output)
    bare = json.loads(run("tokens", "-", "-m", "openai/gpt-5-mini", "--json", input="hi there").output)
    assert (bare[0]["tokens"], found[0]["tokens"]) == (2, 8)


def test_tokens_of_a_model_nobody_knows_have_no_price(on):
    done = run("tokens", "-", "-m", "mystery", input="hello")
    assert done.exit_code == 0
    assert "estimate" in done.output
    assert "unknown" in done.output
    assert run("tokens", "/nowhere/at/all", "-m", "mystery").exit_code == 1
