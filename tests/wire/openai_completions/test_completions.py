"""Text completions: every recording, and what holds for any. Bodies written here are synthetic."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import corpus
from modelmux import errors, providers, wire
from modelmux._fold import fold, unfold
from modelmux.errors import StreamTruncated
from modelmux.types import (
    Choice,
    Event,
    Finish,
    Media,
    Message,
    Opaque,
    Request,
    Response,
    Start,
    Text,
    TextDelta,
    TokenLogprob,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)

WIRE = "openai.completions"
APIS = sorted({row["api"] for row in corpus.recordings() if row["api"].endswith(".completions")})

words = st.text('ab 0{"\\\n\u2028é한😀', min_size=1, max_size=8)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words
json_values = (
    scalars
    | st.lists(scalars, max_size=2)
    | st.dictionaries(words, scalars | st.lists(scalars, max_size=2), max_size=2)
)


# --- recordings ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", APIS)
def test_a_recorded_request_rebuilt_is_the_request(api: str) -> None:
    codec = wire.get(api)
    for row in corpus.recordings(api):
        body = row["request"].get("body")
        if row["kind"] == "response_only" or not isinstance(body, dict):
            continue
        request = codec.decode_request(body)
        rebuilt, model = replace(request, source=None), body.get("model", "")
        assert codec.encode_request(rebuilt, model=model, stream=request.stream) == (body, []), row["id"]
        changed = replace(codec.decode_request({**body, "new": [1]}), temperature=0.125)
        said, _ = codec.encode_request(changed, model="m", stream=request.stream)
        assert said == {**body, "new": [1], "temperature": 0.125, "model": "m"}, row["id"]


@pytest.mark.parametrize("api", APIS)
def test_recorded_answers_survive_being_said_again(api: str) -> None:
    codec = wire.get(api)
    for row in corpus.recordings(api):
        body = corpus.body_of(row["response"])
        if row["response"]["status"] >= 400:
            continue
        first = fold(codec.decode_stream([body])) if row["stream"] else codec.decode_response(body)
        again = codec.decode_response(json.loads(json.dumps(codec.encode_response(first))))
        streamed = fold(codec.decode_stream(codec.encode_stream(unfold(first))))
        for other in (again, streamed):
            assert facts(other) == facts(first), row["id"]


def facts(response: Response) -> Any:
    """What a caller reads; one vendor leaves the id and the finish out, which are then said all the same."""
    choices = [(choice.content, choice.finish, choice.index, choice.logprobs) for choice in response.choices]
    return choices, response.model, response.usage, response.extra


# --- requests ------------------------------------------------------------------------------------------------

prompts = words | st.lists(words, max_size=2) | st.just([5, 6]) | st.just([[5], "a", [6, 7]]) | st.none() | st.just("")
number = st.integers(0, 100) | st.floats(0, 2) | st.none() | words
bodies = st.fixed_dictionaries(
    {},
    optional={
        "prompt": prompts,
        "model": words,
        "max_tokens": number,
        "temperature": number,
        "n": number,
        "logprobs": number | st.booleans(),
        "seed": number,
        "stop": st.none() | words | st.lists(words | st.integers(), max_size=2),
        "stream": st.booleans() | st.none(),
        "stream_options": st.sampled_from([None, {}, {"include_usage": True}, {"include_usage": 3}, {"more": 1}]),
        "suffix": words | st.none(),
        "echo": st.booleans(),
        "best_of": st.integers(1, 3),
        "logit_bias": json_values,
    },
)


@given(body=bodies)
def test_a_request_read_and_said_is_the_request(body: dict[str, Any]) -> None:
    codec = wire.get(WIRE)
    request = codec.decode_request(body)
    rebuilt = replace(request, source=None)
    model = body.get("model", "")
    assert codec.encode_request(rebuilt, model=model, stream=request.stream) == (body, [])
    assert codec.encode_request(request, model=model, stream=request.stream)[0] == body
    for target in ("openai.chat", "openai.responses", "anthropic.messages", "gemini.generateContent"):
        json.dumps(wire.get(target).encode_request(request, model="m", stream=True)[0])


def test_a_prompt_is_one_turn_and_tokens_are_nobody_elses() -> None:
    decode = wire.get(WIRE).decode_request
    assert decode({"prompt": "Once"}).messages == (Message("user", (Text("Once"),)),)
    assert [part.text for part in decode({"prompt": ["a", "b"]}).messages[0].content] == ["a", "b"]  # type: ignore[union-attr]
    tokens = decode({"prompt": [5, 6], "logprobs": 2})
    assert tokens.messages[0].content == (Opaque(WIRE, [5, 6]),)
    assert (tokens.logprobs, tokens.top_logprobs) == (True, 2)
    _, warnings = wire.get("openai.chat").encode_request(tokens, model="m")
    assert [warning.field for warning in warnings] == ["opaque"]
    with pytest.raises(errors.InvalidRequest, match="prompt"):
        decode({"prompt": 3})


def test_a_single_turn_is_the_prompt_and_a_conversation_its_transcript() -> None:
    codec = wire.get(WIRE)
    one, reported = codec.encode_request(Request((Message("user", (Text("Hi"),)),), max_tokens=5), model="m")
    assert (one, reported) == ({"model": "m", "prompt": "Hi", "max_tokens": 5}, [])
    turns = (
        Message("system", (Text("Be brief."),)),
        Message("user", (Text("Hi"), Media("image", url="https://e.org/a"))),
        Message("assistant", (ToolCall("c", "f"), Text("Wait."))),
        Message("tool", (ToolResult("c", (Text("2"),)),)),
    )
    body, warnings = codec.encode_request(Request(turns, tools=(Tool("f"),), top_k=3), model="m", stream=True)
    assert body["prompt"] == "System: Be brief.\n\nUser: Hi\n\nAssistant: Wait.\n\nTool: 2\n\nAssistant:"
    assert body["stream"] is True
    assert {warning.field: warning.action for warning in warnings} == {
        "messages": "emulated",
        "media": "dropped",
        "tool_calls": "dropped",
        "tool_result": "emulated",
        "tools": "dropped",
        "top_k": "dropped",
    }


# --- answers -------------------------------------------------------------------------------------------------

logprobs = st.builds(
    TokenLogprob,
    words,
    st.floats(-20, 0),
    st.none(),
    st.lists(st.builds(TokenLogprob, words, st.floats(-20, 0)), max_size=2, unique_by=lambda one: one.token).map(tuple),
)
choices = st.builds(
    lambda text, end, scores: Choice((Text(text),), *end, logprobs=tuple(scores)),
    words,
    st.sampled_from([("stop", "stop"), ("length", "length"), ("filtered", "content_filter"), ("stop", "eos")]),
    st.lists(logprobs, max_size=3),
)
responses = st.builds(
    lambda found, count: Response(
        id="cmpl-1",
        model="m",
        created=7,
        choices=tuple(replace(choice, index=index) for index, choice in enumerate(found)),
        usage=Usage({"input": count, "output": count}),
        extra={WIRE: {"system_fingerprint": "fp"}},
    ),
    st.lists(choices, min_size=1, max_size=3),
    st.integers(1, 99),
)


@given(response=responses)
def test_an_answer_said_and_read_is_the_answer(response: Response) -> None:
    codec = wire.get(WIRE)
    assert codec.decode_response(json.loads(json.dumps(codec.encode_response(response)))) == response
    said = list(codec.encode_stream(unfold(response)))
    assert said[-1].endswith(b"data: [DONE]\n\n")
    assert fold(codec.decode_stream(said)) == response


def test_an_echoed_prompts_first_token_has_no_probability() -> None:
    old = {"tokens": ["a", "b"], "token_logprobs": [None, -1.0], "top_logprobs": [None, {}], "text_offset": [0, 1]}
    body = {"choices": [{"text": "ab", "index": 0, "logprobs": old, "finish_reason": "stop"}]}
    reply = wire.get(WIRE).decode_response(body)
    assert reply.choices[0].logprobs == ()
    assert wire.get(WIRE).encode_response(reply)["choices"][0]["logprobs"] == old


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"id": "x"}', b'{"choices": []}', b'{"choices": [3]}'])
def test_what_is_no_completion_is_malformed(body: bytes) -> None:
    with pytest.raises(errors.MalformedResponse):
        wire.get(WIRE).decode_response(body)


# --- streams -------------------------------------------------------------------------------------------------


def chunk(text: str, finish: str | None = None, index: int = 0, **more: Any) -> bytes:
    choice = {"text": text, "index": index, "logprobs": None, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "x", "model": "m", "choices": [choice], **more}).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"


def events_of(pieces: Iterable[bytes]) -> tuple[list[Event], type | None]:
    """What comes before the error, and the error."""
    found: list[Event] = []
    try:
        found.extend(wire.get(WIRE).decode_stream(pieces))
    except errors.ProviderError as error:
        return found, type(error)
    return found, None


@pytest.mark.parametrize("pieces", [[chunk("a", "stop")], [chunk("a"), DONE], [chunk("a"), chunk("", "stop"), DONE]])
def test_proper_ends(pieces: list[bytes]) -> None:
    events, error = events_of(pieces)
    assert error is None
    assert (fold(events).text, fold(events).finish) == ("a", "stop")


@pytest.mark.parametrize(
    "pieces", [[], [DONE], [chunk("a")], [chunk("a", "stop"), chunk("b", index=1)], [chunk("a")[:9]]]
)
def test_a_stream_without_its_end_is_truncated(pieces: list[bytes]) -> None:
    assert events_of(pieces)[1] is StreamTruncated


def test_choices_are_kept_apart_and_an_error_comes_after_what_was_said() -> None:
    events, error = events_of([chunk("a"), chunk("b", index=1), b'data: {"error": {"message": "Overloaded"}}\n\n'])
    assert events == [Start("x", "m"), TextDelta("a"), TextDelta("b", choice=1)]
    assert error is errors.Overloaded


def test_a_stream_that_broke_off_is_given_no_end() -> None:
    said = list(wire.get(WIRE).encode_stream([Start("x", "m"), TextDelta("a")]))
    assert DONE not in said
    assert list(wire.get(WIRE).encode_stream([Start("x", "m"), TextDelta("a"), Finish()]))[-1] == DONE


@given(cuts=st.lists(st.integers(0, 400), max_size=8))
def test_any_split_gives_the_same_events(cuts: list[int]) -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    body = chunk("a") + chunk("é한", "length", usage=usage) + DONE
    edges = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    pieces = [body[start:end] for start, end in itertools.pairwise(edges)]
    assert events_of(pieces) == events_of([body])
    assert fold(events_of([body])[0]).usage == {"input": 3, "output": 2}


@given(value=json_values)
def test_nonsense_is_an_error_or_an_answer(value: Any) -> None:
    """Anything at all where a field should stand: never an AttributeError, KeyError or TypeError."""
    codec = wire.get(WIRE)
    answers = [value, *({"choices": [{"text": "a"}], name: value} for name in ("id", "created", "usage", "error"))]
    names = ("text", "index", "logprobs", "finish_reason", "message")
    answers += [{"choices": [{"text": "a", name: value}]} for name in names]
    answers += [
        {"choices": [{"text": "a", "logprobs": {"tokens": value, "token_logprobs": value, "top_logprobs": [value]}}]}
    ]
    for answer in answers:
        data = json.dumps(answer).encode()
        with suppress(errors.ProviderError):
            codec.encode_response(codec.decode_response(data))
        events_of([b"data: " + data + b"\n\n", DONE])
        assert isinstance(codec.decode_error(400, {}, data), errors.ProviderError)
    for body in (value, {"prompt": value}, {"prompt": [value]}, {"stop": value, "stream_options": value}):
        with suppress(errors.InvalidRequest):
            json.dumps(codec.encode_request(replace(codec.decode_request(body), source=None), model="m")[0])


# --- rows ----------------------------------------------------------------------------------------------------

ROWS = [row for row in map(providers.get, providers.names()) if "completions" in row.calls]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_speaks_chat_first(row: providers.Row) -> None:
    codec = wire.get(f"{row.id}.completions")
    assert (codec.id, codec.provider) == (WIRE, row.id)
    assert row.calls["completions"].path.endswith("/completions")
    assert next(iter(row.calls)) == "chat"
