"""On every recording that carries usage, the units add up to what the vendor says it counted."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import corpus
from modelmux.cost.units import TOKENS
from modelmux.cost.usage import Reader, reader
from modelmux.errors import UnknownName
from modelmux.types import Usage

# Recordings whose own counters contradict one another, with the reason; the number is how many may be like that.
CONTRADICT = {
    "gemini.generateContent": "bodies of the 1.5 era: the total repeats the output counter",
    "openai.responses": "a body with negative counters",
    "vertex.generateContent": "totals that are off by more than one",
}
MOST = {"gemini.generateContent": 6, "openai.responses": 1, "vertex.generateContent": 2}

# Vendors whose total leaves units out, as their rows say.
OUTSIDE = {"vercel_gateway": {"reasoning"}, "perplexity": {"reasoning", "citation"}}


def _messages(recording: dict[str, Any]) -> Any:
    """The body as JSON, or the JSON items of a stream; None for anything else."""
    response = recording["response"]
    if response["status"] >= 400 or response.get("body_encoding") != "text" or not response.get("body"):
        return None
    try:
        return json.loads(response["body"])
    except ValueError:
        pass
    items = []
    for line in response["body"].splitlines():
        text = line.removeprefix("data:").strip()
        if text.startswith("{"):
            try:
                items.append(json.loads(text))
            except ValueError:
                continue
    return items or None


def _read(read: Reader, found: Any) -> Usage:
    return read(read.fold(found) if isinstance(found, list) else found)


def _usages() -> Iterator[tuple[dict[str, Any], Usage]]:
    for recording in corpus.recordings():
        try:
            read = reader(recording["api"])
        except UnknownName:
            continue  # listings, files, token counts: calls that use nothing
        found = _messages(recording)
        if found is not None:
            yield recording, _read(read, found)


@pytest.fixture(scope="module")
def usages() -> list[tuple[dict[str, Any], Usage]]:
    return list(_usages())


def test_most_recordings_report_usage(usages: list[tuple[dict[str, Any], Usage]]) -> None:
    reported = sum(usage.reported for _, usage in usages)
    assert reported > 1500
    assert reported > 0.9 * len(usages)


def test_no_unit_is_negative(usages: list[tuple[dict[str, Any], Usage]]) -> None:
    assert [r["id"] for r, usage in usages if any(count < 0 for count in usage.values())] == []


def test_units_add_up_to_the_vendors_total(usages: list[tuple[dict[str, Any], Usage]]) -> None:
    wrong: Counter[str] = Counter()
    for recording, usage in usages:
        if usage.total is None:
            continue
        counted = sum(
            count
            for unit, count in usage.items()
            if unit in TOKENS and unit not in OUTSIDE.get(recording["vendor"], ())
        )
        # Where the vendor counts cached tokens beside the prompt, its total leaves them out as well.
        beside = sum(
            usage[unit] for unit in usage if any(note.startswith(f"{unit} exceeds") for note in usage.anomalies)
        )
        if min(abs(counted - usage.total), abs(counted - beside - usage.total)) > 1:
            wrong[recording["api"]] += 1
    assert {api for api in wrong if api not in CONTRADICT} == set()
    assert {api: count for api, count in wrong.items() if count > MOST[api]} == {}


@pytest.mark.parametrize(
    ("api", "prompt", "completion"),
    [
        ("openai.chat", "prompt_tokens", "completion_tokens"),
        ("azure.chat", "prompt_tokens", "completion_tokens"),
        ("groq.chat", "prompt_tokens", "completion_tokens"),
        ("deepseek.chat", "prompt_tokens", "completion_tokens"),
    ],
)
def test_reasoning_and_cache_are_inside(
    usages: list[tuple[dict[str, Any], Usage]], api: str, prompt: str, completion: str
) -> None:
    checked = 0
    for recording, usage in usages:
        raw = usage.raw
        if recording["api"] != api or not usage.reported or not isinstance(raw.get(completion), int):
            continue
        outputs = sum(usage[unit] for unit in ("output", "reasoning", "output_audio", "output_image"))
        assert outputs == raw[completion], recording["id"]
        assert sum(usage.values()) - outputs == raw[prompt], recording["id"]
        checked += 1
    assert checked > 20


def test_reasoning_is_beside_the_completion_in_xai_chat(usages: list[tuple[dict[str, Any], Usage]]) -> None:
    checked = 0
    for recording, usage in usages:
        if recording["api"] == "xai.chat" and usage["reasoning"]:
            assert usage["output"] == usage.raw["completion_tokens"], recording["id"]
            checked += 1
    assert checked > 10


def test_anthropic_counters_are_disjoint(usages: list[tuple[dict[str, Any], Usage]]) -> None:
    checked = 0
    for recording, usage in usages:
        raw = usage.raw
        if recording["api"] != "anthropic.messages" or not usage.reported or raw.get("iterations"):
            continue
        assert usage["input"] == raw.get("input_tokens", 0), recording["id"]
        assert usage["cache_read"] == (raw.get("cache_read_input_tokens") or 0), recording["id"]
        written = usage["cache_write_5m"] + usage["cache_write_1h"]
        assert written == (raw.get("cache_creation_input_tokens") or 0), recording["id"]
        assert usage["output"] + usage["reasoning"] == raw.get("output_tokens", 0), recording["id"]
        checked += 1
    assert checked > 200
