"""Every recorded exchange: requests there and back, answers rebuilt. What they say is judged in ``tests/fidelity``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import corpus
from modelmux import wire
from modelmux._fold import fold, unfold
from modelmux.errors import ProviderError, StreamTruncated
from modelmux.types import Response, Usage

APIS = ("bedrock.invoke", "bedrock.invoke-stream")
CODEC = wire.get("bedrock.invoke")

NO_CHAT = frozenset({"texts", "taskType", "documents", "dimensions", "normalize"})
"""Fields of requests for embeddings and ranks, which this wire does not carry."""

IN_ANOTHERS_BODY = "672d2a67d6b1-000"
"""Nova, asked with Titan's field for the prompt."""


def requests() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for row in corpus.recordings(*APIS):
        body = row["request"].get("body")
        if isinstance(body, dict) and not NO_CHAT & body.keys() and body.keys() != {"inputText"}:
            yield row, body


def answers() -> Iterator[tuple[dict[str, Any], Response]]:
    for row in corpus.recordings(*APIS):
        if row["response"]["status"] != 200:
            continue
        body = corpus.body_of(row["response"])
        try:
            yield row, fold(CODEC.decode_stream([body])) if row["stream"] else CODEC.decode_response(body)
        except ProviderError:
            continue


def test_both_names_of_the_corpus_are_one_codec():
    both = [wire.get(api) for api in APIS]
    assert [(codec.id, codec.provider) for codec in both] == [("bedrock.invoke", "bedrock")] * 2


def test_every_request_comes_back_as_it_was():
    counted: Counter[str] = Counter()
    for row, body in requests():
        model, before = row["model"] or "", json.dumps(body)
        request = CODEC.decode_request(body)
        if row["id"] == IN_ANOTHERS_BODY:
            continue
        rebuilt, warnings = CODEC.encode_request(replace(request, source=None), model=model)
        assert rebuilt == body, row["id"]
        assert warnings == [], row["id"]
        assert CODEC.encode_request(request, model=model) == (body, []), row["id"]
        assert json.dumps(body) == before, row["id"]
        counted[row["api"]] += 1
    assert counted == {"bedrock.invoke": 58, "bedrock.invoke-stream": 39}


def test_every_answer_can_be_said_again():
    seen = 0
    for row, answer in answers():
        if row["stream"]:
            continue
        rebuilt = CODEC.encode_response(answer)
        again = CODEC.decode_response(json.dumps(rebuilt).encode())
        assert again.choices == answer.choices, row["id"]
        if answer.usage.reported:
            assert again.usage == answer.usage, row["id"]
        seen += 1
    assert seen == 65


def test_claudes_answers_come_back_as_they_were():
    seen = 0
    for row in corpus.recordings("bedrock.invoke"):
        body = json.loads(row["response"]["body"])
        if row["response"]["status"] == 200 and body.get("type") == "message" and "usage" in body:
            rebuilt = CODEC.encode_response(CODEC.decode_response(body))
            assert without_nulls(rebuilt) == without_nulls(body), row["id"]
            seen += 1
    assert seen > 25


def test_answers_survive_being_streamed_again():
    for row, answer in answers():
        if len(answer.choices) > 1:
            continue
        again = fold(CODEC.decode_stream(CODEC.encode_stream(unfold(answer))))
        assert (again.text, again.reasoning, again.finish) == (answer.text, answer.reasoning, answer.finish), row["id"]
        assert [call.arguments for call in again.tool_calls] == [call.arguments for call in answer.tool_calls]
        if answer.usage.reported:
            assert tokens(again.usage) == tokens(answer.usage), row["id"]


def without_nulls(body: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if value is not None}


def tokens(usage: Usage) -> dict[str, int]:
    return {unit: number for unit, number in usage.items() if number}


def test_a_recording_that_ends_before_the_answer_does_is_cut():
    row = next(row for row in corpus.recordings("bedrock.invoke-stream") if row["id"] == "00212190c695-002")
    with pytest.raises(StreamTruncated):
        fold(CODEC.decode_stream([corpus.body_of(row["response"])]))
