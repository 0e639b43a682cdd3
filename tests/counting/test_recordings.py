"""Counts against the input tokens that vendors reported for recorded requests."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

import pytest

import corpus
from modelmux import tokens, wire
from modelmux.catalogue.encodings import rule_of
from modelmux.counting.count import TokenCount, count_request

WIRE = "openai.chat"


class Case(NamedTuple):
    """``kind``: ``text``, ``calls`` (tools were called before, none are offered), ``tools``, ``schema``, or ``odd``
    for what is not judged: media were cut down in the recordings, and some input is the vendor's own.
    """

    id: str
    vendor: str
    kind: str
    count: TokenCount
    reported: int

    @property
    def off(self) -> float:
        return abs(self.count.tokens / self.reported - 1)


def _documents(body: str) -> Iterator[dict[str, Any]]:
    lines = [line[5:] for line in body.splitlines() if line.startswith("data:")] or [body]
    for line in lines:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            yield value


def _reported(body: str) -> int | None:
    """Input tokens as the vendor reported them, read from the raw JSON."""
    found = [(document.get("usage") or {}).get("prompt_tokens") for document in _documents(body)]
    return next((count for count in reversed(found) if count), None)


def _kind(body: dict[str, Any], measured: tokens.Measure) -> str:
    if measured.media or measured.open:
        return "odd"
    if (body.get("response_format") or {}).get("type") == "json_schema":
        return "schema"
    if body.get("tools"):
        return "tools"
    return "calls" if measured.calls else "text"


@cache
def cases() -> tuple[Case, ...]:
    """Every recording of a model whose tokenizer is public."""
    found = []
    for row in corpus.recordings():
        request, response, model = row["request"], row["response"], row.get("model") or ""
        chat = row["api"].endswith(".chat") and row["kind"] == "full" and response["status"] < 400
        if not chat or request.get("body_encoding") != "json" or response.get("body_encoding") != "text":
            continue
        reported = _reported(response["body"])
        if not reported or rule_of(model, WIRE, row["vendor"]) is None:
            continue
        asked = wire.get(WIRE).decode_request(request["body"])
        kind = _kind(request["body"], tokens.measure(asked))
        count = count_request(asked, model, WIRE, row["vendor"])
        found.append(Case(row["id"], row["vendor"], kind, count, reported))
    return tuple(found)


def of(kind: str, vendor: str | None = None) -> list[Case]:
    return [case for case in cases() if case.kind == kind and vendor in (None, case.vendor)]


def judged() -> list[Case]:
    return [case for case in cases() if case.kind != "odd"]


def share(chosen: list[Case], off: float = 0.02) -> float:
    return sum(case.off <= off for case in chosen) / len(chosen)


def test_there_are_recordings_to_judge_by():
    assert (len(of("text")), len(of("tools")), len(of("schema"))) >= (250, 250, 50)


@pytest.mark.parametrize(
    ("kind", "vendor", "median", "within"),
    [
        ("text", "openai", 0.0, 0.965),
        ("text", None, 0.0, 0.97),
        ("tools", "openai", 0.0, 0.90),
        ("tools", None, 0.005, 0.80),
        ("calls", None, 0.03, 0.45),
        ("schema", None, 0.03, 0.35),
    ],
)
def test_counts_are_near_what_was_billed(kind, vendor, median, within):
    """``within``: the share that is at most 2 % off."""
    chosen = of(kind, vendor)
    assert statistics.median(case.off for case in chosen) <= median
    assert share(chosen) >= within


def test_the_upper_figure_holds_for_99_percent():
    held = [case.count.upper >= case.reported for case in judged()]
    assert sum(held) / len(held) >= 0.99


def test_the_bound_is_never_exceeded():
    assert {case.id for case in judged() if case.count.bound is None or case.reported > case.count.bound} == set()


def test_only_what_was_counted_in_full_calls_itself_exact():
    assert {case.count.method for case in of("text") if not case.count.estimated} == {"tiktoken"}
    assert {case.count.method for case in of("schema")} == {"estimate"}
