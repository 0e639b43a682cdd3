"""Every recorded exchange: requests and answers there and back. What they say is judged in ``tests/fidelity``."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

import corpus
from modelmux import wire
from modelmux._fold import fold, unfold
from modelmux.cost.usage import reader

APIS = ("bedrock.converse", "bedrock.converse-stream")
CODEC = wire.get("bedrock.converse")


def whole() -> list[tuple[str, dict[str, Any]]]:
    return [
        (row["id"], json.loads(corpus.body_of(row["response"])))
        for row in corpus.recordings("bedrock.converse")
        if row["response"]["status"] == 200
    ]


def streams() -> list[tuple[str, bytes]]:
    rows = corpus.recordings("bedrock.converse-stream")
    return [(row["id"], corpus.body_of(row["response"])) for row in rows if row["response"]["status"] == 200]


def test_both_names_of_the_corpus_are_one_codec():
    both = [wire.get(api) for api in APIS]
    assert [(codec.id, codec.provider) for codec in both] == [("bedrock.converse", "bedrock")] * 2


def test_every_request_comes_back_as_it_was():
    counted: Counter[str] = Counter()
    for row in corpus.recordings(*APIS):
        body = row["request"].get("body")
        if not isinstance(body, dict):
            continue
        before = json.dumps(body)
        request = CODEC.decode_request(body)
        rebuilt, warnings = CODEC.encode_request(replace(request, source=None), model=row["model"] or "")
        assert rebuilt == body, row["id"]
        assert warnings == [], row["id"]
        assert CODEC.encode_request(request, model=row["model"] or "") == (body, []), row["id"]
        assert json.dumps(body) == before, row["id"]
        counted[row["api"]] += 1
    assert counted == {"bedrock.converse": 108, "bedrock.converse-stream": 36}


def test_every_answer_comes_back_as_it_was():
    bodies = whole()
    assert len(bodies) == 106
    for name, body in bodies:
        rebuilt = CODEC.encode_response(CODEC.decode_response(body))
        assert {"metrics": {"latencyMs": 0}, **body} == rebuilt, name


def test_every_answer_survives_being_streamed():
    for name, body in whole():
        answer = CODEC.decode_response(body)
        streamed = fold(CODEC.decode_stream(CODEC.encode_stream(unfold(answer))))
        for aspect in ("text", "reasoning", "tool_calls", "citations", "finish", "usage"):
            assert getattr(streamed, aspect) == getattr(answer, aspect), (name, aspect)


def test_every_stream_comes_back_as_it_was():
    bodies = streams()
    assert len(bodies) == 42
    for name, body in bodies:
        events = list(CODEC.decode_stream([body]))
        answer = fold(events)
        again = fold(CODEC.decode_stream(CODEC.encode_stream(events)))
        extra = {"metrics": {"latencyMs": 0}, **answer.extra.get("bedrock.converse", {})}
        assert replace(answer, extra={"bedrock.converse": extra}) == again, name


def test_usage_is_what_the_reader_says():
    read = reader("bedrock.converse")
    for name, body in whole():
        usage = CODEC.decode_response(body).usage
        assert usage.reported == ("usage" in body), name
        if usage.reported:
            assert usage == read(body), name
            assert usage.anomalies == (), name


def test_written_caches_are_told_apart_by_their_lifetime():
    """Synthetic, after the documented shape: one write of each lifetime."""
    usage = {
        "inputTokens": 3, "outputTokens": 5, "totalTokens": 48, "cacheReadInputTokens": 10,
        "cacheWriteInputTokens": 30,
        "cacheDetails": [{"ttl": "5m", "inputTokens": 20}, {"ttl": "1h", "inputTokens": 10}],
    }  # fmt: skip
    body = {"output": {"message": {"role": "assistant", "content": []}}, "stopReason": "end_turn", "usage": usage}
    units = {"input": 3, "output": 5, "cache_read": 10, "cache_write_5m": 20, "cache_write_1h": 10}
    answer = CODEC.decode_response(body)
    assert dict(answer.usage) == units
    assert (
        dict(CODEC.decode_response(CODEC.encode_response(replace(answer, usage=type(answer.usage)(units)))).usage)
        == units
    )


@pytest.mark.parametrize(
    ("word", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("guardrail_intervened", "filtered"),
        ("content_filtered", "filtered"),
        ("malformed_tool_use", "error"),
        ("a_word_from_the_future", "stop"),
    ],
)
def test_stop_reasons(word: str, finish: str):
    body = {"output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}}, "stopReason": word}
    choice = CODEC.decode_response(body).choices[0]
    assert (choice.finish, choice.finish_raw) == (finish, word)
