"""The recipes for vendors' SDKs and frameworks, run with these: the code of each page, and the cases of
``benchmarks/recipes``. And recorded replies of three vendors, read through unmodified SDKs of each. A run over all
writes the tables of ``docs/recipes/index.md``.
"""

from __future__ import annotations

import json
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from full.environments import CHECKOUT, directory, python_of

WORKERS = CHECKOUT / "benchmarks" / "recipes"
PAGES = CHECKOUT / "docs" / "recipes"
CLIENTS: dict[str, dict[str, Any]] = tomllib.loads((WORKERS / "clients.toml").read_text("utf-8"))
SECONDS = 600

FRONTS = {"chat": "openai-3", "responses": "openai-3", "messages": "anthropic-2", "gemini": "google-genai"}
"""What an SDK speaks -> the client whose environment has that SDK."""

TOLD = ("texts", "tool calls", "structured")
ANSWERS = (*TOLD, *(f"streamed {kind}" for kind in TOLD), "parsed", "errors")

BEGIN, END = "<!-- clients: written by tests/full/test_recipes.py -->", "<!-- end of clients -->"


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return directory(tmp_path_factory.getbasetemp() / "sdks")


def python_for(client: str, homes: Path) -> Path:
    home = CLIENTS[client].get("home", client)
    return python_of(homes / f"recipes-{home}", *CLIENTS[home]["requires"], with_modelmux=True)


@cache
def outcomes(client: str, homes: Path) -> dict[str, Any]:
    """What ``run.py`` says of a client: its versions, and each case."""
    return said_by([python_for(client, homes), WORKERS / "run.py", client])


@cache
def crossed(front: str, homes: Path) -> dict[str, Any]:
    """What ``crossing.py`` says of a front: by back, how many were compared, and what differs."""
    found: dict[str, Any] = said_by([python_for(FRONTS[front], homes), WORKERS / "crossing.py", front])["backs"]
    return found


def said_by(command: list[Any]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.full
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_goes_through_modelmux_as_its_page_says(client: str, homes: Path) -> None:
    cases = outcomes(client, homes)["cases"]
    assert {name: said for name, said in cases.items() if said != "ok" and not said.startswith("none: ")} == {}
    assert {name for name, said in cases.items() if said != "ok"} == set(CLIENTS[client].get("without", {}))


@pytest.mark.full
@pytest.mark.parametrize("front", FRONTS)
def test_an_sdk_reads_what_other_vendors_were_recorded_to_say(front: str, homes: Path) -> None:
    backs = crossed(front, homes)
    assert {back: found["differing"] for back, found in backs.items() if found["differing"]} == {}
    for found in backs.values():
        assert set(ANSWERS) <= set(found["counts"])


@pytest.mark.full
def test_the_tables_are_written(homes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = PAGES / "index.md"
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    assert rest
    rows = [outcomes(client, homes) for client in CLIENTS]
    crossings = {front: crossed(front, homes) for front in FRONTS}
    page.write_text(f"{before}{BEGIN}\n{table(rows)}\n\n{crossing_table(crossings)}\n{END}{after}", "utf-8")
    cases = [said for row in rows for said in row["cases"].values() if not said.startswith("none: ")]
    pairs = [found for backs in crossings.values() for found in backs.values()]
    read, parsed, errors = (
        sum(found["counts"].get(kind, 0) for found in pairs for kind in kinds)
        for kinds in ((*ANSWERS, "others"), ("parsed",), ("errors",))
    )
    differ = sum(len(found["differing"]) for found in pairs)
    with capsys.disabled():
        print(f"\n{cases.count('ok')} of {len(cases)} cases of {len(rows)} clients passed")
        print(
            f"{read:,} recorded replies read over {len(pairs)} pairs, {parsed:,} of them as the SDK's own structured "
            f"results, {errors:,} as errors of the class it has for them; {differ} differ"
        )


def table(rows: list[dict[str, Any]]) -> str:
    lines = ["| client | tried with | cases passed | not there |", "|---|---|---|---|"]
    for row in rows:
        client, cases = CLIENTS[row["client"]], row["cases"]
        title, page = client.get("title", row["client"]), client.get("page", row["client"])
        versions = ", ".join(f"{name} {version}" for name, version in row["versions"].items())
        passed = sum(said == "ok" for said in cases.values())
        there = sum(not said.startswith("none: ") for said in cases.values())
        absent = "; ".join(f"{name}: {said.partition(': ')[2]}" for name, said in cases.items() if said[:5] == "none:")
        lines.append(f"| [{title}]({page}.md) | {versions} | {passed} of {there} | {absent} |")
    return "\n".join(lines)


def crossing_table(crossings: dict[str, dict[str, Any]]) -> str:
    lines = [
        "Recorded replies, read through an unmodified SDK (`benchmarks/recipes/crossing.py`): how many of each were",
        "compared with the recording, and how many differ. *Parsed* are answers to a JSON schema, once more by",
        "the SDK's helper that makes objects of them; *errors* are told to who asked for a stream and to who did not,",
        "and must be of the class that the SDK has for them. *Others* are replies with parts that only their",
        "vendor has: these are read to their end. What an SDK cannot read in its own vendor's bytes with nothing in",
        "between either is no difference.",
        "",
        f"| SDK | vendor recorded | {' | '.join(ANSWERS)} | others | differ |",
        f"|---|---|{'---:|' * (len(ANSWERS) + 2)}",
    ]
    for front, backs in crossings.items():
        for back, found in backs.items():
            counts = [str(found["counts"].get(name, 0)) for name in (*ANSWERS, "others")]
            cells = (f"{FRONTS[front]}, {front}", back, *counts, str(len(found["differing"])))
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def test_every_client_has_a_page_with_a_set_up_and_its_use() -> None:
    for name, client in CLIENTS.items():
        text = (PAGES / f"{client.get('page', name)}.md").read_text("utf-8")
        assert text.count("```py\n") >= 2, name
        assert "What works: " in text or "all else is as with" in text, name
        assert (WORKERS / f"{client['adapter']}.py").exists()
        assert CLIENTS[client.get("home", name)]["requires"]
