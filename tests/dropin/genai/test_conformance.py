"""Case by case: the drop-in sends, gives back and raises what the SDK was recorded to (``tests/data/dropin_genai``)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dropin.genai.cases import CALLS, CHATS, VALUES
from dropin.genai.conform import Package

RECORDED = json.loads((Path(__file__).parents[2] / "data" / "dropin_genai" / "outcomes.json").read_text("utf-8"))
KINDS = ("sync", "async")


@pytest.fixture(scope="module")
def package() -> Iterator[Package]:
    found = Package("modelmux.google.genai")
    yield found
    found.server.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CALLS)
def test_a_call(package, case, kind):
    assert package.call(CALLS[case], is_async=kind == "async") == RECORDED[f"{case} ({kind})"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", CHATS)
def test_a_chat(package, case, kind):
    assert package.chat(CHATS[case], is_async=kind == "async") == RECORDED[f"{case} ({kind})"]


@pytest.mark.parametrize("case", VALUES)
def test_a_value(package, case):
    assert package.value(VALUES[case]) == RECORDED[f"{case} (value)"]


def test_every_recording_has_its_case():
    calls = {f"{case} ({kind})" for case in (*CALLS, *CHATS) for kind in KINDS}
    assert set(RECORDED) == calls | {f"{case} (value)" for case in VALUES}
