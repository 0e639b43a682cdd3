"""Every recorded stream of the corpus, ended between two events as if it were over: an error, or nothing is missing."""

from __future__ import annotations

import pytest

import corpus
from fidelity import oracle
from fidelity.expected import Whole
from modelmux import wire
from modelmux._fold import fold
from modelmux.errors import ProviderError
from modelmux.types import Text, ToolCall
from reliability.tape import frames

PLACES = 6
"""Boundaries tried of a stream in the first tier: the last ones, where ends are mistaken."""

_ENDS = (b"event: message_stop\n", b"event: response.completed\n")

LARGE = 60_000
"""Bytes beyond which a stream is left to the second tier."""


def streams(name: str):
    """All but recordings of several answers, one after another: there an end between two of them is a proper one."""
    for row in corpus.vendor(name):
        response = row["response"]
        if row["stream"] and response["status"] == 200 and oracle.covers(row["api"]):
            expected, body = oracle.expect(row), corpus.body_of(response)
            if isinstance(expected, Whole) and expected.answers and not any(body.count(end) > 1 for end in _ENDS):
                headers = {key.lower(): value for key, value in (response.get("headers") or {}).items()}
                yield row, body, headers.get("content-type", ""), expected


def judge(row, body: bytes, kind: str, expected: Whole, places: int | None) -> list[str]:
    codec = wire.get(row["api"])
    found = frames(body, kind)
    ends = range(max(0, len(found) - places) if places else 0, len(found))
    wrong = []
    for end in ends:
        try:
            response = fold(codec.decode_stream([b"".join(found[:end])], kind))
        except ProviderError:
            continue
        for answer, choice in zip(expected.answers, response.choices, strict=False):
            said = "".join(part.text for part in choice.content if isinstance(part, Text))
            called = sum(isinstance(part, ToolCall) for part in choice.content)
            if (said, called) != (answer.text, len(answer.calls)):
                wrong.append(f"{row['id']} ({row['api']}): {end} of {len(found)} events pass for the whole")
    return wrong


VENDORS = sorted(path.name.removesuffix(".jsonl.gz") for path in corpus.ROOT.glob("*.jsonl.gz"))


@pytest.mark.parametrize("name", VENDORS)
def test_an_end_between_events_is_no_success(name) -> None:
    wrong = []
    for row, body, kind, expected in streams(name):
        if len(body) <= LARGE:
            wrong += judge(row, body, kind, expected, PLACES)
    assert wrong == []


@pytest.mark.full
@pytest.mark.parametrize("name", VENDORS)
def test_no_end_between_any_events_is_a_success(name) -> None:
    """The last 40 of long ones: the time it takes grows with the square of the events."""
    wrong = []
    for row, body, kind, expected in streams(name):
        wrong += judge(row, body, kind, expected, None if len(body) <= LARGE else 40)
    assert wrong == []
