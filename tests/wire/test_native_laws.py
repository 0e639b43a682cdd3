"""Laws of the formats that one vendor each has to itself, on every recording of them."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest

import corpus
from modelmux import wire
from modelmux._fold import fold, unfold
from modelmux.errors import InvalidRequest, ProviderError, StreamTruncated
from modelmux.types import Event, Finish, Message, Request, Response, Text, Tool

NATIVE = ("cohere.chat_v2", "ollama.chat", "gemini.interactions")

ROUND_TRIPS = {"cohere.chat_v2": 67, "ollama.chat": 34, "gemini.interactions": 17}
"""Recordings whose request is there."""

NO_ANSWER = frozenset({"b59f47775785-000", "b9e728414570-000"})
"""Recordings with a good status that are no answer."""


def answers(api: str) -> Iterator[tuple[dict[str, Any], bytes]]:
    for row in corpus.recordings(api):
        if row["response"]["status"] < 400 and row["id"] not in NO_ANSWER:
            yield row, corpus.body_of(row["response"])


def decoded(codec: wire.Wire, row: dict[str, Any], body: bytes) -> Any:
    return fold(codec.decode_stream([body])) if row["stream"] else codec.decode_response(body)


def settled(answer: Response) -> Response:
    """An answer without what a stream of interactions tells only at its end, beside the answer."""
    extra = {name: dict(fields) for name, fields in answer.extra.items()}
    for kept in extra.values():
        kept.pop("created", None)
        kept.pop("service_tier", None)
    extra = {name: kept for name, kept in extra.items() if kept}
    return replace(answer, created=None, service_tier=None, extra=extra)


def requests(api: str) -> list[dict[str, Any]]:
    bodies = (row["request"].get("body") for row in corpus.recordings(api))
    return [body for body in bodies if isinstance(body, dict)]


# --- requests ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", NATIVE)
def test_a_request_is_said_again_without_its_source(api: str):
    codec, bodies = wire.get(api), requests(api)
    for body in bodies:
        request = replace(codec.decode_request(body), source=None)
        assert codec.encode_request(request, model=body.get("model", ""), stream=request.stream) == (body, [])
    assert len(bodies) == ROUND_TRIPS[api]


@pytest.mark.parametrize("api", NATIVE)
def test_only_what_was_changed_differs_from_the_source(api: str):
    codec = wire.get(api)
    for body in requests(api):
        body = {**body, "vendor_field_of_tomorrow": {"a": [1]}}
        request = codec.decode_request(body)
        same, _ = codec.encode_request(request, model=body.get("model", ""), stream=request.stream)
        assert same == body
        warmer = replace(request, temperature=0.125)
        after, _ = codec.encode_request(warmer, model=body.get("model", ""), stream=request.stream)
        assert codec.decode_request(after).temperature == 0.125
        changed = {name for name in after.keys() | body.keys() if after.get(name) != body.get(name)}
        assert changed <= {"temperature", "options", "generation_config"}


@pytest.mark.parametrize("api", NATIVE)
def test_encoding_leaves_the_source_alone(api: str):
    codec = wire.get(api)
    for body in requests(api):
        before = json.dumps(body, sort_keys=True)
        request = codec.decode_request(body)
        more = replace(request, messages=(*request.messages, Message("user", (Text("And?"),))), stream=True)
        codec.encode_request(more, model="another", stream=True)
        assert json.dumps(body, sort_keys=True) == before


@pytest.mark.parametrize("other", ["openai.chat", "anthropic.messages", "gemini.generateContent"])
@pytest.mark.parametrize("api", NATIVE)
def test_a_conversation_crosses_to_another_format_and_its_words_stay(api: str, other: str):
    codec, there = wire.get(api), wire.get(other)
    for body in requests(api):
        request = codec.decode_request(body)
        crossed, _ = there.encode_request(request, model="a-model")
        again = there.decode_request(crossed)
        if spoken(request):  # some formats need one, and are given one
            assert sorted(spoken(again)) == sorted(spoken(request))
        # A history with calls may need its tools declared there.
        names = {tool.name for tool in request.tools if isinstance(tool, Tool)}
        assert names <= {tool.name for tool in again.tools if isinstance(tool, Tool)}


def spoken(request: Request) -> list[str]:
    """The words of the user's and the assistant's texts."""
    texts = (message.text for message in request.messages if message.role in ("user", "assistant"))
    return " ".join(texts).split()


# --- answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", NATIVE)
def test_an_answer_is_said_again(api: str):
    codec, seen = wire.get(api), 0
    for row, body in answers(api):
        answer = decoded(codec, row, body)
        again = codec.decode_response(codec.encode_response(answer))
        assert settled(again) == settled(answer), row["id"]
        assert row["stream"] or again == answer, row["id"]
        seen += 1
    assert seen > 20


@pytest.mark.parametrize("api", NATIVE)
def test_a_stream_is_said_again(api: str):
    codec, seen = wire.get(api), 0
    for row, body in answers(api):
        answer = decoded(codec, row, body)
        events = list(codec.decode_stream([body])) if row["stream"] else unfold(answer)
        assert fold(codec.decode_stream(codec.encode_stream(events))) == fold(events), row["id"]
        assert settled(fold(codec.decode_stream(codec.encode_stream(unfold(answer))))) == settled(answer), row["id"]
        seen += 1
    assert seen > 20


@pytest.mark.parametrize("api", NATIVE)
def test_a_stream_amounts_to_the_answer_it_would_have_been(api: str):
    codec, seen = wire.get(api), 0
    for row, body in answers(api):
        if row["stream"]:
            streamed = fold(codec.decode_stream([body]))
            whole = codec.decode_response(codec.encode_response(streamed))
            assert settled(whole) == settled(streamed), row["id"]
            seen += 1
    assert seen > 5


@pytest.mark.parametrize("api", NATIVE)
def test_any_split_gives_the_same_events(api: str):
    codec = wire.get(api)
    for row, body in answers(api):
        if not row["stream"]:
            continue
        rng = random.Random(row["id"])
        edges = sorted({0, len(body), *(rng.randrange(len(body)) for _ in range(40))})
        pieces = [body[start:end] for start, end in itertools.pairwise(edges)]
        assert list(codec.decode_stream(pieces)) == list(codec.decode_stream([body]))


@pytest.mark.parametrize("api", NATIVE)
def test_a_whole_answer_where_a_stream_was_asked_for_is_taken(api: str):
    codec = wire.get(api)
    for row, body in answers(api):
        if not row["stream"]:
            # On one line, as servers send it.
            line = json.dumps(json.loads(body)).encode()
            assert fold(codec.decode_stream([line[:9], line[9:]])) == codec.decode_response(body)


@pytest.mark.parametrize("api", NATIVE)
def test_a_stream_ends_with_its_finish_and_says_it_once(api: str):
    codec = wire.get(api)
    for row, body in answers(api):
        if row["stream"]:
            kinds = [type(event) for event in codec.decode_stream([body])]
            assert kinds.count(Finish) == 1
            assert kinds[-1] is Finish


@pytest.mark.parametrize("api", NATIVE)
def test_a_stream_that_breaks_off_is_no_answer(api: str):
    codec, seen = wire.get(api), 0
    for row, body in answers(api):
        if not row["stream"]:
            continue
        events = len(list(codec.decode_stream([body])))
        rng = random.Random(row["id"])
        for place in (0, *(rng.randrange(len(body) * 4 // 5) for _ in range(4))):
            got: list[Event] = []
            try:
                got.extend(codec.decode_stream([body[:place]]))
            except StreamTruncated:
                assert len(got) < events
                seen += 1
            else:
                # Only padding may be missing after a proper end.
                assert any(isinstance(event, Finish) for event in got), (row["id"], place)
    assert seen > 20


# --- nonsense ------------------------------------------------------------------------------------------------

ODD = (None, 0, -1, True, 1.5, "", "x", [], [None], [[]], {}, {"x": None}, {"type": 7}, [{"type": "text", "text": 3}])


def mutated(value: Any, rng: random.Random) -> Any:
    """The same JSON with something odd in one place."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(sorted(value))
        return {**value, key: mutated(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.85:
        place = rng.randrange(len(value))
        return [*value[:place], mutated(value[place], rng), *value[place + 1 :]]
    return rng.choice(ODD)


@pytest.mark.parametrize("api", NATIVE)
def test_odd_answers_are_answers_or_errors_of_the_vendor(api: str):
    codec = wire.get(api)
    rng = random.Random(11)
    survived = 0
    for row, body in answers(api):
        if row["stream"]:
            continue
        for _ in range(12):
            odd = mutated(json.loads(body), rng)
            try:
                answer = codec.decode_response(json.dumps(odd).encode())
            except ProviderError:
                continue
            codec.encode_response(answer)
            list(codec.encode_stream(unfold(answer)))
            survived += 1
    assert survived > 0


@pytest.mark.parametrize("api", NATIVE)
def test_odd_streams_are_answers_or_errors_of_the_vendor(api: str):
    codec = wire.get(api)
    rng = random.Random(12)
    survived = 0
    for row, body in answers(api):
        if not row["stream"] or len(body) > 40_000 or row["kind"] == "sdk_level":
            continue
        lines = body.split(b"\n")
        places = [place for place, line in enumerate(lines) if line.startswith((b"data: {", b"{"))]
        for _ in range(12):
            place = rng.choice(places)
            head, _, text = lines[place].rpartition(b"data: ")
            prefix = b"data: " if lines[place].startswith(b"data: ") else b""
            odd = json.dumps(mutated(json.loads(text), rng)).encode()
            changed = b"\n".join([*lines[:place], head + prefix + odd, *lines[place + 1 :]])
            try:
                events = list(codec.decode_stream([changed]))
            except ProviderError:
                continue
            list(codec.encode_stream(events))
            survived += 1
    assert survived > 0


@pytest.mark.parametrize("api", NATIVE)
def test_odd_requests_are_requests_or_refused_with_a_reason(api: str):
    codec = wire.get(api)
    rng = random.Random(13)
    survived = 0
    for body in requests(api):
        for _ in range(12):
            odd = mutated(body, rng)
            try:
                request = codec.decode_request(odd)
            except InvalidRequest:
                continue
            codec.encode_request(replace(request, source=None), model="m")
            wire.get("openai.chat").encode_request(request, model="m")
            survived += 1
    assert survived > 0


@pytest.mark.parametrize("api", NATIVE)
@pytest.mark.parametrize("body", [b"", b"<html><title>Bad Gateway</title></html>", b"[]", b"null", b'"no"', b"{"])
def test_what_is_no_answer_is_an_error(api: str, body: bytes):
    codec = wire.get(api)
    with pytest.raises(ProviderError):
        codec.decode_response(body)
    with pytest.raises(ProviderError):
        list(codec.decode_stream([body]))
    for status in (400, 401, 404, 429, 500, 503):
        assert codec.decode_error(status, {}, body).status == status


@pytest.mark.parametrize("api", NATIVE)
def test_every_field_of_a_request_is_said_or_warned_of(api: str):
    """Each field of a canonical request, alone: it comes back, or a warning names it."""
    codec = wire.get(api)
    bare = Request((Message("user", (Text("Hi"),)),))
    for name, value in FIELDS.items():
        body, warnings = codec.encode_request(replace(bare, **{name: value}), model="m")
        again = codec.decode_request(body)
        named = {warning.field.partition(".")[0] for warning in warnings}
        assert getattr(again, name) == value or name in named, name
    assert FIELDS.keys() <= {field.name for field in fields(Request)}


FIELDS: dict[str, Any] = {
    "max_tokens": 9,
    "temperature": 0.5,
    "top_p": 0.5,
    "top_k": 5,
    "stop": ("a", "b"),
    "seed": 3,
    "n": 2,
    "presence_penalty": 0.5,
    "frequency_penalty": 0.5,
    "top_logprobs": 2,
    "logprobs": True,
    "parallel_tool_calls": False,
    "service_tier": "flex",
    "user": "somebody",
    "modalities": ("text", "audio"),
}
