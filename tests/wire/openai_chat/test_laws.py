"""What holds for every request, answer and stream, whatever is in it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import corpus
from modelmux import errors, wire
from modelmux._fold import fold, unfold
from modelmux.types import (
    Choice,
    Citation,
    Event,
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    Response,
    ServerToolCall,
    ServerToolResult,
    Text,
    TokenLogprob,
    ToolCall,
    Usage,
)

WIRE = "openai.chat"
DIALECTS = ["openai.chat", "openrouter.chat", "mistral.chat", "groq.chat", "deepseek.chat"]

words = st.text('ab 0{"\\\n\u2028é한😀', min_size=1, max_size=8)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words
json_values = (
    scalars
    | st.lists(scalars, max_size=2)
    | st.dictionaries(words, scalars | st.lists(scalars, max_size=2), max_size=2)
)
ids = st.text("abcdefghij0123456789_", min_size=1, max_size=12)


# --- answers -------------------------------------------------------------------------------------------------


def citation(url: str, title: str, start: int, text: str | None) -> Citation:
    inner: dict[str, Any] = {"url": url, "title": title, "start_index": start, "end_index": start + 1}
    if text is not None:
        inner["content"] = text
    return Citation(url, title, text, start, start + 1, {"type": "url_citation", "url_citation": inner})


citations = st.builds(citation, words, words, st.integers(0, 9), st.none() | words)
tool_calls = st.builds(ToolCall, ids, words, st.dictionaries(words, json_values, max_size=3))
logprobs = st.builds(
    TokenLogprob,
    words,
    st.floats(-20, 0),
    st.none() | st.lists(st.integers(0, 255), max_size=4).map(tuple),
    st.lists(st.builds(TokenLogprob, words, st.floats(-20, 0)), max_size=2).map(tuple),
)
audio = st.builds(lambda i, t: Media("audio", data="QUJDRA==", file_id=i, text=t), ids, words)
runs = st.builds(
    lambda name, query, output: (ServerToolCall("0", name, {"query": query}), ServerToolResult("0", name, output)),
    ids,
    words,
    st.fixed_dictionaries({"output": words}),
)
units = st.dictionaries(
    st.sampled_from(["input", "cache_read", "output", "reasoning"]), st.integers(1, 10**6), min_size=1
)


@st.composite
def contents(draw: st.DrawFn) -> tuple[Part, ...]:
    """The parts of an answer in the order in which this wire names them."""
    parts: list[Part] = []
    if draw(st.booleans()):
        parts.append(Reasoning(draw(words)))
    elif draw(st.integers(0, 2)) == 0:
        parts.extend(draw(runs))
    if draw(st.booleans()):
        parts.append(Text(draw(words), tuple(draw(st.lists(citations, max_size=2)))))
    if draw(st.integers(0, 4)) == 0:
        parts.append(Refusal(draw(words)))
    if draw(st.integers(0, 4)) == 0:
        parts.append(draw(audio))
    parts.extend(draw(st.lists(tool_calls, max_size=3)))
    return tuple(parts)


@st.composite
def choices(draw: st.DrawFn, index: int) -> Choice:
    content = draw(contents())
    if any(isinstance(part, ToolCall) for part in content):
        ends = [("tool_calls", "tool_calls"), ("length", "length"), ("tool_calls", "stop")]
    elif any(isinstance(part, Refusal) for part in content):
        ends = [("filtered", "content_filter"), ("filtered", "stop"), ("length", "length")]
    else:
        ends = [("stop", "stop"), ("length", "length"), ("filtered", "content_filter")]
    finish: Any = draw(st.sampled_from(ends))
    has_text = any(isinstance(part, Text) for part in content)
    scores = draw(st.lists(logprobs, max_size=3)) if has_text else []
    extra = draw(st.just({}) | st.just({WIRE: {"content_filter_results": {"violence": {"filtered": False}}}}))
    return Choice(content, *finish, index=index, logprobs=tuple(scores), extra=extra)


@st.composite
def responses(draw: st.DrawFn) -> Response:
    return Response(
        id=draw(ids),
        model=draw(words),
        choices=tuple(draw(choices(index)) for index in range(draw(st.integers(1, 3)))),
        usage=Usage(draw(units)),
        created=draw(st.integers(1, 2**31)),
        service_tier=draw(st.none() | ids),
        extra=draw(st.just({}) | st.just({WIRE: {"system_fingerprint": "fp", "provider": "one"}})),
    )


@pytest.mark.parametrize("api", DIALECTS[:3])
@given(response=responses())
def test_an_answer_said_and_read_is_the_answer(api: str, response: Response) -> None:
    codec = wire.get(api)
    said = json.loads(json.dumps(codec.encode_response(response)))
    assert codec.decode_response(said) == response


@pytest.mark.parametrize("api", DIALECTS[:3])
@given(response=responses())
def test_a_stream_said_and_read_folds_to_the_answer(api: str, response: Response) -> None:
    codec = wire.get(api)
    said = list(codec.encode_stream(unfold(response)))
    assert said[-1] == b"data: [DONE]\n\n"
    assert fold(codec.decode_stream(said)) == response


# --- streams -------------------------------------------------------------------------------------------------

STREAMS = {
    row["id"]: (row["api"], corpus.body_of(row["response"]))
    for api in (*DIALECTS, "perplexity.chat", "azure.chat", "writer.chat", "cerebras.chat", "vercel_gateway.chat")
    for row in list(corpus.recordings(api))
    if row["response"]["status"] < 400 and not row["response"]["body"].lstrip().startswith("{")
}
SHORT = sorted(key for key, (_, body) in STREAMS.items() if len(body) < 6_000)


def events_of(api: str, pieces: Iterable[bytes]) -> tuple[list[Event], type | None]:
    """What comes before the error, and the error."""
    found: list[Event] = []
    try:
        found.extend(wire.get(api).decode_stream(pieces))
    except errors.ProviderError as error:
        return found, type(error)
    return found, None


@given(key=st.sampled_from(SHORT), data=st.data())
def test_any_split_gives_the_same_events(key: str, data: st.DataObject) -> None:
    api, body = STREAMS[key]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=8)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert events_of(api, pieces) == events_of(api, [body])


def test_byte_by_byte_gives_the_same_events() -> None:
    for key in SHORT[::7]:
        api, body = STREAMS[key]
        assert events_of(api, [body[n : n + 1] for n in range(len(body))]) == events_of(api, [body])


def test_recorded_answers_survive_being_said_again() -> None:
    """Decoded, encoded in OpenAI's own dialect, decoded: nothing a caller reads has changed."""
    for api in DIALECTS:
        codec = wire.get(api)
        for row in corpus.recordings(api):
            body = corpus.body_of(row["response"])
            if row["response"]["status"] >= 400 or not body.lstrip().startswith(b"{"):
                continue
            try:
                first = codec.decode_response(body)
            except errors.ProviderError:
                continue
            again = codec.decode_response(codec.encode_response(first))
            assert facts(again) == facts(first), row["id"]
            streamed = fold(codec.decode_stream(codec.encode_stream(unfold(first))))
            assert facts(streamed) == facts(first), row["id"]


def facts(response: Response) -> Any:
    return (
        response.text,
        response.reasoning,
        response.refusal,
        [(call.id, call.name, call.arguments) for call in response.tool_calls],
        [(cited.url, cited.title) for cited in response.citations],
        [choice.finish for choice in response.choices],
        response.usage,
        response.model,
        [
            [part.extra.get(WIRE) for part in choice.content if isinstance(part, Reasoning)]
            for choice in response.choices
        ],
    )


# --- requests ------------------------------------------------------------------------------------------------

text_parts = st.fixed_dictionaries(
    {"type": st.just("text"), "text": words},
    optional={"cache_control": st.sampled_from([{"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}, None])},
)
image_parts = st.fixed_dictionaries(
    {
        "type": st.just("image_url"),
        "image_url": st.sampled_from(["data:image/png;base64,QUJD", "https://example.com/a.png"])
        | st.fixed_dictionaries(
            {"url": st.sampled_from(["data:image/png;base64,QUJD", "data:,x", "https://example.com/a.png"])},
            optional={"detail": st.sampled_from(["low", None]), "other": words},
        ),
    }
)
audio_parts = st.builds(
    lambda form: {"type": "input_audio", "input_audio": {"data": "QUJD", "format": form}},
    st.sampled_from(["wav", "mp3", "opus"]),
)
file_parts = st.builds(
    lambda file: {"type": "file", "file": file},
    st.fixed_dictionaries(
        {},
        optional={
            "file_data": st.sampled_from(["data:application/pdf;base64,QUJD", "QUJD", "https://example.com/a.pdf"]),
            "file_id": ids,
            "filename": st.sampled_from(["a.pdf", "notes.txt"]),
        },
    ),
)
odd_parts = st.fixed_dictionaries({"type": words, "value": json_values}) | words
parts = text_parts | image_parts | audio_parts | file_parts | odd_parts
content = words | st.lists(parts, max_size=3) | st.none() | st.just("")
raw_calls = st.fixed_dictionaries(
    {
        "id": ids,
        "type": st.just("function"),
        "function": st.fixed_dictionaries(
            {
                "name": words,
                "arguments": st.sampled_from(["", "{}", '{"a": 1}', '{"a":1}', '{"a":', "[1]", "free text"]),
            }
        ),
    },
    optional={"index": st.integers(0, 3), "extra_content": st.just({"google": {"thought_signature": "x"}})},
)
messages = st.one_of(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "system", "developer"]), "content": content},
        optional={"name": words, "cache_control": st.just({"type": "ephemeral"}), "else": json_values},
    ),
    st.fixed_dictionaries(
        {"role": st.just("assistant")},
        optional={
            "content": content,
            "tool_calls": st.lists(raw_calls, max_size=2) | st.none(),
            "reasoning_content": words | st.none() | st.just(""),
            "reasoning": words,
            "reasoning_details": st.just([{"type": "reasoning.text", "text": "t", "signature": "s", "index": 0}]),
            "refusal": words | st.none(),
            "audio": st.just({"id": "audio_1"}) | st.none(),
            "function_call": st.just({"name": "f", "arguments": "{}"}),
            "prefix": st.booleans(),
        },
    ),
    st.fixed_dictionaries({"role": st.just("tool"), "content": content}, optional={"tool_call_id": ids, "name": words}),
    st.fixed_dictionaries({"role": st.just("function"), "name": words, "content": words}),
    st.fixed_dictionaries({"role": words, "content": json_values}),
)
raw_tools = st.one_of(
    st.fixed_dictionaries(
        {
            "function": st.fixed_dictionaries(
                {"name": words},
                optional={
                    "description": words | st.none(),
                    "parameters": st.dictionaries(words, json_values, max_size=2),
                    "strict": st.booleans() | st.none(),
                },
            )
        },
        optional={"type": st.just("function"), "cache_control": st.just({"type": "ephemeral"})},
    ),
    st.fixed_dictionaries({"type": words}),
)
tool_choices = st.sampled_from(
    [
        "auto",
        "none",
        "required",
        "any",
        "REQUIRED",
        None,
        {"type": "function", "function": {"name": "f"}},
        {"function": {"name": "f"}},
        {"type": "tool", "name": "f"},
        {
            "type": "allowed_tools",
            "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]},
        },
        {"type": "allowed_tools", "allowed_tools": {"tools": ["f"]}},
    ]
)
formats = st.sampled_from(
    [
        None,
        {"type": "text"},
        {"type": "json_object"},
        {"type": "json_object", "schema": {"type": "object"}},
        {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True}},
        {"type": "json_schema", "json_schema": {"schema": {"type": "object"}, "more": 1}},
        {"type": "regex", "regex": {"regex": "a+"}},
    ]
)
number = st.integers(0, 100) | st.floats(0, 2) | st.none() | words
bodies = st.fixed_dictionaries(
    {"messages": st.lists(messages, max_size=4)},
    optional={
        "model": words,
        "max_tokens": number,
        "max_completion_tokens": number,
        "temperature": number,
        "seed": number,
        "random_seed": number,
        "top_k": number,
        "n": number,
        "logprobs": st.booleans() | st.integers(0, 5),
        "stop": st.none() | words | st.lists(words | st.integers(), max_size=2),
        "stream": st.booleans() | st.none(),
        "stream_options": st.sampled_from([None, {}, {"include_usage": True}, {"include_usage": False, "more": 1}]),
        "tools": st.lists(raw_tools, max_size=3) | st.none(),
        "functions": st.just([{"name": "f", "parameters": {}}]),
        "function_call": st.sampled_from(["auto", {"name": "f"}, None]),
        "tool_choice": tool_choices,
        "response_format": formats,
        "reasoning_effort": st.sampled_from(["low", "none", None, 3]),
        "reasoning": st.sampled_from(
            [None, {}, {"effort": "high"}, {"max_tokens": 99, "exclude": True}, {"x": 1}, "y"]
        ),
        "thinking": st.sampled_from([{"type": "enabled", "budget_tokens": 5}, {"type": "auto"}, {"type": 1}, True]),
        "enable_thinking": st.booleans() | st.none(),
        "modalities": st.sampled_from([[], ["text", "audio"], None]),
        "web_search_options": st.sampled_from([{}, None, {"search_context_size": "low"}]),
        "parallel_tool_calls": st.booleans() | st.none(),
        "user": words | st.none(),
        "metadata": json_values,
    },
)


@pytest.mark.parametrize("api", DIALECTS[:3])
@given(body=bodies)
def test_a_request_read_and_said_is_the_request(api: str, body: dict[str, Any]) -> None:
    codec = wire.get(api)
    before = json.dumps(body)
    request = codec.decode_request(body)
    rebuilt = replace(request, source=None)
    said, warnings = codec.encode_request(rebuilt, model=body.get("model", ""), stream=request.stream)
    assert said == body
    assert warnings == []
    assert codec.encode_request(request, model=body.get("model", ""), stream=request.stream)[0] == body
    assert json.dumps(body) == before


@pytest.mark.parametrize("api", DIALECTS[:1])
@given(body=bodies)
def test_a_request_can_be_said_in_every_dialect(api: str, body: dict[str, Any]) -> None:
    """What it becomes is judged by cases; here: it is JSON, it is read again, and the talk is the same."""
    request = wire.get("openai.chat").decode_request(body)
    for target in DIALECTS:
        said, warnings = wire.get(target).encode_request(request, model="m", stream=True)
        json.dumps(said)
        assert all(warning.action and warning.field for warning in warnings)
        again = wire.get(target).decode_request(said)
        assert talk(again.messages) == talk(request.messages)


def talk(turns: Iterable[Message]) -> list[str]:
    return [turn.text for turn in turns if turn.role == "user" and turn.text]


@given(body=json_values)
def test_nonsense_is_an_invalid_request(body: Any) -> None:
    for candidate in (body, {"messages": body}, {"messages": [body]}):
        try:
            wire.get("openai.chat").decode_request(candidate)
        except errors.InvalidRequest:
            continue


# --- nonsense from vendors -----------------------------------------------------------------------------------


@given(value=json_values)
def test_nonsense_is_a_provider_error_or_an_answer(value: Any) -> None:
    """Anything at all where a field should stand: never an AttributeError, KeyError or TypeError."""
    codec = wire.get("openai.chat")
    for body in nonsense(value):
        data = json.dumps(body).encode()
        with suppress(errors.ProviderError):
            codec.decode_response(data)
        assert isinstance(codec.decode_error(400, {}, data), errors.ProviderError)
        chunk = b"data: " + data + b"\n\ndata: [DONE]\n\n"
        events_of("openai.chat", [chunk])


FIELDS = (
    *("content", "tool_calls", "function_call", "refusal", "annotations", "audio", "images", "executed_tools"),
    *("reasoning", "reasoning_content", "reasoning_details", "thought_signature"),
)


def nonsense(value: Any) -> Iterable[Any]:
    yield value
    for name in ("id", "model", "created", "choices", "error", "citations", "search_results", "service_tier"):
        yield {"choices": [{"index": 0, "message": {"content": "a"}, "delta": {"content": "a"}}], name: value}
    for name in ("index", "message", "delta", "finish_reason", "logprobs", "error", "text"):
        yield {"choices": [{"index": 0, "message": {"content": "a"}, "delta": {"content": "a"}, name: value}]}
    for name in FIELDS:
        for inner in (value, [value], {"name": value, "type": value, "text": value}, [{"type": value, "id": value}]):
            yield {"choices": [{"message": {name: inner}, "delta": {name: inner}}]}
    yield {"choices": [{"message": {"tool_calls": [{"function": {"name": value, "arguments": value}, "id": value}]}}]}
    yield {"choices": [{"delta": {"tool_calls": [{"function": {"name": "f", "arguments": value}, "index": value}]}}]}
    yield {"error": {"message": value, "code": value, "type": value, "metadata": value, "innererror": value}}
    yield {"error": {"message": "m", "metadata": {"raw": value, "headers": {"retry-after": value}}}}
    yield {"detail": value, "message": value, "errors": [value]}


@given(body=st.binary(max_size=200), status=st.integers(100, 599))
def test_any_error_body_makes_an_error(body: bytes, status: int) -> None:
    error = wire.get("openai.chat").decode_error(status, {"retry-after": "soon"}, body)
    assert error.status == status
    assert error.message
