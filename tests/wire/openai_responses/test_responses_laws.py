"""What holds for every request, answer and stream of Responses, whatever is in it."""

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
    Message,
    Part,
    Reasoning,
    Refusal,
    Request,
    Response,
    Text,
    TokenLogprob,
    ToolCall,
    Usage,
)

WIRE = "openai.responses"
APIS = sorted({row["api"] for row in corpus.recordings() if row["api"].endswith(".responses")})

ANOTHER_WHOLE = {
    "ae8ca63dc3f6-000": "the pieces' log probabilities are rounded otherwise than the whole's",
    "74430a5d9049-000": "four responses in one stream",
}
"""Streams whose last event, or whose being said again, differs from what was streamed."""

words = st.text('ab 0{"\\\n\u2028é한😀', min_size=1, max_size=8)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words
json_values = (
    scalars
    | st.lists(scalars, max_size=2)
    | st.dictionaries(words, scalars | st.lists(scalars, max_size=2), max_size=2)
)
ids = st.text("abcdefghij0123456789_", min_size=1, max_size=12)


# --- recordings ----------------------------------------------------------------------------------------------


def answered(api: str, *, stream: bool) -> Iterable[tuple[str, bytes]]:
    for row in corpus.recordings(api):
        if row["response"]["status"] < 400 and bool(row["stream"]) is stream:
            yield row["id"], corpus.body_of(row["response"])


def last_response(body: bytes) -> dict[str, Any]:
    """The whole response that a stream ends with."""
    lines = body.decode().replace("\r\n", "\n").split("\n")
    events = [json.loads(line[5:]) for line in lines if line.startswith("data:") and "[DONE]" not in line]
    found: dict[str, Any] = next(event["response"] for event in reversed(events) if "response" in event)
    return found


@pytest.mark.parametrize("api", APIS)
def test_a_recorded_request_rebuilt_is_the_request(api: str) -> None:
    codec = wire.get(api)
    for row in corpus.recordings(api):
        body = row["request"].get("body")
        if row["kind"] != "full" or not isinstance(body, dict):
            continue
        before = json.dumps(body)
        request = codec.decode_request(body)
        model = body.get("model", "")
        said, warnings = codec.encode_request(replace(request, source=None), model=model, stream=request.stream)
        assert said == body, row["id"]
        assert warnings == [], row["id"]
        assert codec.encode_request(request, model=model, stream=request.stream) == (body, []), row["id"]
        assert json.dumps(body) == before


@pytest.mark.parametrize("api", APIS)
def test_with_its_source_only_what_changed_changes(api: str) -> None:
    codec = wire.get(api)
    for row in corpus.recordings(api):
        body = row["request"].get("body")
        if row["kind"] != "full" or not isinstance(body, dict):
            continue
        body = {**body, "a_field_of_next_year": {"deep": [1]}}
        request = replace(codec.decode_request(body), temperature=0.125)
        said, _ = codec.encode_request(request, model="another", stream=request.stream)
        assert said == {**body, "temperature": 0.125, "model": "another"}, row["id"]


@pytest.mark.parametrize("api", APIS)
def test_a_stream_folds_to_the_response_it_ends_with(api: str) -> None:
    codec = wire.get(api)
    for key, body in answered(api, stream=True):
        final = last_response(body)
        if not final["output"] or key in ANOTHER_WHOLE:
            continue
        assert fold(codec.decode_stream([body])) == codec.decode_response(final), key


@pytest.mark.parametrize("api", APIS)
def test_recorded_answers_survive_being_said_again(api: str) -> None:
    """Whole and streamed: ids, encrypted reasoning and the vendor's own tools as well."""
    codec = wire.get(api)
    for key, body in answered(api, stream=False):
        with suppress(errors.ProviderError):
            first = codec.decode_response(body)
            assert codec.decode_response(json.loads(json.dumps(codec.encode_response(first)))) == first, key
            assert fold(codec.decode_stream(codec.encode_stream(unfold(first)))) == first, key
    for key, body in answered(api, stream=True):
        events = list(codec.decode_stream([body]))
        if key not in ANOTHER_WHOLE and all(item.get("type") != "mcp_list_tools" for item in final_items(body)):
            assert fold(codec.decode_stream(codec.encode_stream(events))) == fold(events), key


def final_items(body: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = last_response(body)["output"]
    return found


def test_recorded_answers_go_back_as_they_came() -> None:
    """An answer appended to the next request is, item for item, what the vendor sent; null and empty fields apart."""
    compared = 0
    for key, body in answered("openai.responses", stream=False):
        sent = json.loads(body)
        if sent.get("error") or not sent["output"] or sent["output"][-1]["type"] == "reasoning":
            continue
        codec = wire.get("openai.responses")
        said, warnings = codec.encode_request(Request((codec.decode_response(body).message,)), model="m")
        assert warnings == [], key
        assert list(map(trimmed, said["input"])) == list(map(trimmed, sent["output"])), key
        compared += 1
    assert compared > 400


def trimmed(item: Any) -> Any:
    if item.get("type") in ("message", "reasoning", "function_call"):
        item = {name: value for name, value in item.items() if value not in (None, [])}
        item["content"] = [
            {name: value for name, value in part.items() if value not in (None, []) and name != "logprobs"}
            for part in item.get("content", ())
        ]
    return item


# --- answers made up -----------------------------------------------------------------------------------------


def citation(url: str, title: str, start: int) -> Citation:
    raw = {"type": "url_citation", "url": url, "title": title, "start_index": start, "end_index": start + 1}
    return Citation(url, title, None, start, start + 1, raw)


def of_item(**item: Any) -> dict[str, Any]:
    return {WIRE: {"$item": item, "$from": "openai"}}


FROM = {WIRE: {"$from": "openai"}}
texts = st.builds(
    lambda text, cited, key: Text(text, tuple(cited), extra=of_item(id=key, status="completed")),
    words,
    st.lists(st.builds(citation, words, words, st.integers(0, 9)), max_size=2),
    ids,
)
calls = st.builds(
    lambda key, name, arguments: ToolCall(
        key, name, arguments, extra={WIRE: {"id": key, "status": "completed", "$from": "openai"}}
    ),
    ids,
    words,
    st.dictionaries(words, json_values, max_size=3),
)
thoughts = st.builds(
    lambda text, key, proof: Reasoning(text, redacted=proof, id=key, extra=FROM), words | st.just(""), ids, ids
)
refusals = st.builds(lambda text, key: Refusal(text, of_item(id=key, status="completed")), words, ids)
contents = st.lists(st.one_of(texts, calls, thoughts, refusals), max_size=4).map(tuple)


@st.composite
def responses(draw: st.DrawFn) -> Response:
    content: tuple[Part, ...] = draw(contents)
    finish: Any = ("stop", "completed")
    if any(isinstance(part, ToolCall) for part in content):
        finish = ("tool_calls", "completed")
    elif any(isinstance(part, Refusal) for part in content):
        finish = ("filtered", "completed")
    finish = draw(st.sampled_from([finish, ("length", "max_output_tokens"), ("filtered", "content_filter")]))
    scores = [] if not any(isinstance(part, Text) for part in content) else draw(st.lists(logprobs, max_size=2))
    units = draw(st.dictionaries(st.sampled_from(["input", "cache_read", "output"]), st.integers(1, 999), min_size=1))
    return Response(
        id=draw(ids),
        model=draw(words),
        choices=(Choice(content, *finish, logprobs=tuple(scores)),),
        usage=Usage(units),
        created=draw(st.integers(1, 2**31)),
        service_tier=draw(st.none() | ids),
        extra=draw(st.just({}) | st.just({WIRE: {"background": False, "top_p": 1.0}})),
    )


logprobs = st.builds(
    TokenLogprob, words, st.floats(-20, 0), st.none() | st.lists(st.integers(0, 255), max_size=4).map(tuple)
)


@given(response=responses())
def test_an_answer_said_and_read_is_the_answer(response: Response) -> None:
    codec = wire.get(WIRE)
    said = json.loads(json.dumps(codec.encode_response(response)))
    assert codec.decode_response(said) == response
    streamed = list(codec.encode_stream(unfold(response)))
    assert fold(codec.decode_stream(streamed)) == response


# --- streams -------------------------------------------------------------------------------------------------

STREAMS = {key: (api, body) for api in APIS for key, body in answered(api, stream=True) if key not in ANOTHER_WHOLE}
SHORT = sorted(key for key, (_, body) in STREAMS.items() if len(body) < 9_000)


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


@given(key=st.sampled_from(sorted(STREAMS)), data=st.data())
def test_a_stream_cut_anywhere_is_truncated(key: str, data: st.DataObject) -> None:
    api, body = STREAMS[key]
    ends = [body.rfind(b'"response.' + word) for word in (b"completed", b"incomplete")]
    place = data.draw(st.integers(0, max(ends)))
    assert events_of(api, [body[:place]])[1] is errors.StreamTruncated


# --- requests made up ----------------------------------------------------------------------------------------

text_parts = st.fixed_dictionaries(
    {"type": st.just("input_text"), "text": words},
    optional={"prompt_cache_breakpoint": st.sampled_from([{"mode": "explicit"}, {"mode": "other"}])},
)
image_parts = st.fixed_dictionaries(
    {"type": st.just("input_image")},
    optional={
        "image_url": st.sampled_from(["data:image/png;base64,QUJD", "https://example.com/a.png", "data:,x", None]),
        "file_id": ids | st.none(),
        "detail": st.sampled_from(["low", "auto", None]),
    },
)
file_parts = st.fixed_dictionaries(
    {"type": st.just("input_file")},
    optional={
        "file_data": st.sampled_from(["data:application/pdf;base64,QUJD", "QUJD"]),
        "file_url": st.just("https://example.com/a.pdf"),
        "file_id": ids,
        "filename": st.sampled_from(["a.pdf", "notes.txt", None]),
    },
)
odd_parts = st.fixed_dictionaries({"type": words, "value": json_values}) | words
asked = st.lists(text_parts | image_parts | file_parts | odd_parts, max_size=3)
told = st.lists(
    st.fixed_dictionaries(
        {"type": st.just("output_text"), "text": words},
        optional={
            "annotations": st.sampled_from([[], None, [{"type": "url_citation", "url": "u", "title": "t"}], [3]]),
            "logprobs": st.sampled_from([[], None]),
        },
    )
    | st.fixed_dictionaries({"type": st.just("refusal"), "refusal": words})
    | odd_parts,
    max_size=2,
)
status = {"id": ids, "status": st.sampled_from(["completed", "in_progress"])}
raw_items = st.one_of(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["user", "system", "developer"]), "content": words | asked},
        optional={"type": st.just("message"), **status},
    ),
    st.fixed_dictionaries(
        {"role": st.just("assistant"), "content": words | told},
        optional={"type": st.just("message"), "phase": words, **status},
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("function_call"),
            "call_id": ids,
            "name": words,
            "arguments": st.sampled_from(["", "{}", '{"a": 1}', '{"a":1}', '{"a":', "[1]"]),
        },
        optional={"namespace": words, **status},
    ),
    st.fixed_dictionaries({"type": st.just("custom_tool_call"), "call_id": ids, "name": words, "input": words}),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["function_call_output", "custom_tool_call_output"]), "call_id": ids},
        optional={"output": words | asked | st.none(), **status},
    ),
    st.fixed_dictionaries(
        {"type": st.just("reasoning")},
        optional={
            "id": ids,
            "encrypted_content": ids | st.none(),
            "summary": st.sampled_from(
                [[], [{"type": "summary_text", "text": "s"}], [{"type": "summary_text", "text": "a"}, {"text": "b"}]]
            ),
            "content": st.sampled_from([[], None, [{"type": "reasoning_text", "text": "t"}]]),
            "status": words,
        },
    ),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["web_search_call", "mcp_call", "code_interpreter_call", "shell_call_output"])},
        optional={"id": ids, "action": json_values, "arguments": json_values, "output": json_values, "code": words},
    ),
    st.fixed_dictionaries({"type": words}, optional={"role": words, "content": json_values}),
    st.fixed_dictionaries({"type": st.just("item_reference"), "id": ids}),
)
number = st.integers(0, 100) | st.floats(0, 2) | st.none() | words
bodies = st.fixed_dictionaries(
    {},
    optional={
        "input": words | st.lists(raw_items, max_size=4) | st.none(),
        "instructions": words | st.none() | st.just(""),
        "model": words,
        "max_output_tokens": number,
        "temperature": number,
        "top_logprobs": number,
        "include": st.sampled_from([None, [], ["message.output_text.logprobs"], ["reasoning.encrypted_content"]]),
        "stream": st.booleans() | st.none(),
        "tools": st.sampled_from(
            [
                None,
                [],
                [{"type": "function", "name": "f", "parameters": {}, "strict": None}],
                [{"type": "function", "name": "f", "description": None, "parameters": None, "defer_loading": True}],
                [{"type": "web_search_preview"}, {"type": "mcp", "server_label": "s"}, 3],
            ]
        ),
        "tool_choice": st.sampled_from(
            [
                None,
                "auto",
                "required",
                "odd",
                {"type": "function", "name": "f"},
                {"type": "function", "function": {"name": "f"}},
                {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
                {"mode": "required", "tools": [{"type": "mcp"}]},
                {"type": "web_search"},
                {"type": "custom", "name": "f"},
            ]
        ),
        "text": st.sampled_from(
            [
                None,
                {},
                {"verbosity": "low"},
                {"format": {"type": "text"}},
                {"format": {"type": "json_object"}, "verbosity": "low"},
                {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}},
                {"format": {"type": "json_schema", "schema": {}, "strict": None}},
            ]
        ),
        "reasoning": st.sampled_from([None, {}, {"effort": "high"}, {"effort": None, "summary": "auto", "mode": "x"}]),
        "previous_response_id": ids | st.none(),
        "store": st.booleans(),
        "metadata": json_values,
    },
)


@pytest.mark.parametrize("api", ["openai.responses", "xai.responses"])
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


@given(body=bodies)
def test_a_request_can_be_said_in_every_format(body: dict[str, Any]) -> None:
    """What it becomes is judged by cases; here: it is JSON, it is read again, and the talk is the same."""
    request = wire.get(WIRE).decode_request(body)
    for target in ("azure.responses", "xai.responses", "openai.chat", "anthropic.messages", "gemini.generateContent"):
        said, warnings = wire.get(target).encode_request(request, model="m", stream=True)
        json.dumps(said)
        assert all(warning.action and warning.field for warning in warnings)
    again = wire.get("azure.responses").decode_request(
        wire.get("azure.responses").encode_request(request, model="m")[0]
    )
    assert talk(again.messages) == talk(request.messages)


def talk(turns: Iterable[Message]) -> list[str]:
    return [turn.text for turn in turns if turn.role == "user" and turn.text]


@given(value=json_values)
def test_nonsense_is_an_invalid_request_or_read(value: Any) -> None:
    items = ("message", "reasoning", "function_call", "function_call_output", "mcp_call", "custom_tool_call")
    bodies = [value, {"input": value}, {"input": [value]}, {"tools": value, "tool_choice": value, "text": value}]
    bodies += [{"input": [{"type": kind, "role": value, "content": value, "call_id": value}]} for kind in items]
    bodies += [{"input": [{"type": kind, "name": "f", "arguments": value, "summary": value}]} for kind in items]
    bodies += [{"input": [{"role": role, "content": [value]}]} for role in ("user", "assistant")]
    for body in bodies:
        with suppress(errors.InvalidRequest):
            codec = wire.get(WIRE)
            json.dumps(codec.encode_request(replace(codec.decode_request(body), source=None), model="m")[0])


# --- nonsense from vendors -----------------------------------------------------------------------------------

FIELDS = ("type", "id", "content", "summary", "arguments", "input", "call_id", "name", "action", "output", "result")
KINDS = ("message", "reasoning", "function_call", "web_search_call", "image_generation_call", "shell_call_output")


@given(value=json_values)
def test_nonsense_is_a_provider_error_or_an_answer(value: Any) -> None:
    """Anything at all where a field should stand: never an AttributeError, KeyError or TypeError."""
    codec = wire.get(WIRE)
    for body in nonsense(value):
        data = json.dumps(body).encode()
        with suppress(errors.ProviderError):
            codec.encode_response(codec.decode_response(data))
        assert isinstance(codec.decode_error(400, {}, data), errors.ProviderError)
        events_of(WIRE, [b"data: " + data + b"\n\n"])
        for kind in ("completed", "failed", "created"):
            event = json.dumps({"type": f"response.{kind}", "response": body}).encode()
            events_of(WIRE, [b"data: " + event + b"\n\n"])
    for kind in ("output_text.delta", "function_call_arguments.delta", "refusal.delta", "reasoning_text.delta"):
        for field in ("delta", "output_index", "content_index", "logprobs"):
            event = json.dumps({"type": f"response.{kind}", "delta": "d", field: value}).encode()
            events_of(WIRE, [b"data: " + event + b"\n\n"])


def nonsense(value: Any) -> Iterable[Any]:
    yield value
    for name in ("id", "model", "created_at", "output", "error", "status", "incomplete_details", "usage"):
        yield {"output": [], name: value}
    yield {"output": [value]}
    for kind in KINDS:
        for field in FIELDS:
            item = {"type": kind, "name": "f", "call_id": "c", "arguments": "{}", "content": [], field: value}
            yield {"output": [item]}
            yield {"output": [{**item, field: [value]}]}
    for field in ("type", "text", "annotations", "logprobs", "refusal"):
        yield {"output": [{"type": "message", "content": [{"type": "output_text", "text": "t", field: value}]}]}
        yield {"output": [{"type": "message", "content": [{"type": "output_text", "text": "t", field: [value]}]}]}
