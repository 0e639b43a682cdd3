"""What goes out and comes in by family. Synthetic: made by hand after the user guide, unless a recording is named."""

from __future__ import annotations

import base64
import copy
import json
import random
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

import corpus
from modelmux import errors, wire
from modelmux._eventstream import encode_event, encode_message
from modelmux._fold import fold
from modelmux.errors import InvalidRequest, MalformedResponse, ProviderError, StreamTruncated
from modelmux.types import Message, Request, Text, Tool, ToolCall

CODEC = wire.get("bedrock.invoke")

TALK = (
    Message("system", (Text("Be brief."),)),
    Message("user", (Text("One and one?"),)),
    Message("assistant", (Text("Two."),)),
    Message("user", (Text("And two and two?"),)),
)


def sent(model: str, **fields: Any) -> tuple[dict[str, Any], set[str]]:
    body, warnings = CODEC.encode_request(Request(fields.pop("messages", TALK), **fields), model=model, stream=True)
    return body, {f"{warning.field} {warning.action}" for warning in warnings}


@pytest.mark.parametrize("api", ["bedrock.invoke", "vertex.anthropic"])
def test_the_version_in_a_claude_body_stays_with_its_cloud(api: str):
    asked = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "?"}]}
    request = wire.get(api).decode_request(asked)
    crossed, _ = wire.get("anthropic.messages").encode_request(request, model="claude-haiku-4-5")
    assert crossed == {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "?"}]}


def test_claude():
    body, warnings = sent("eu.anthropic.claude-haiku-4-5-20251001-v1:0", max_tokens=9)
    assert body == {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 9,
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "One and one?"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "Two."}]},
            {"role": "user", "content": [{"type": "text", "text": "And two and two?"}]},
        ],
    }
    assert warnings == set()


def test_nova():
    body, warnings = sent("us.amazon.nova-lite-v1:0", max_tokens=9, top_k=5, tools=(Tool("a"),))
    assert body["schemaVersion"] == "messages-v1"
    assert body["system"] == [{"text": "Be brief."}]
    assert body["inferenceConfig"] == {"maxTokens": 9, "topK": 5}
    assert body["toolConfig"]["tools"][0]["toolSpec"]["name"] == "a"
    assert "additionalModelRequestFields" not in body
    assert warnings == set()


def test_an_openai_shaped_family():
    body, warnings = sent("ai21.jamba-1-5-mini-v1:0", max_tokens=9)
    assert (body["max_tokens"], body["messages"][0]) == (9, {"role": "system", "content": "Be brief."})
    assert body.keys() == {"max_tokens", "messages"}
    assert warnings == set()


@pytest.mark.parametrize(
    ("model", "field", "prompt", "limit"),
    [
        (
            "meta.llama3-70b-instruct-v1:0",
            "prompt",
            (
                "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
                "<|start_header_id|>user<|end_header_id|>\n\nOne and one?<|eot_id|>"
                "<|start_header_id|>assistant<|end_header_id|>\n\nTwo.<|eot_id|>"
                "<|start_header_id|>user<|end_header_id|>\n\nAnd two and two?<|eot_id|>"
                "<|start_header_id|>assistant<|end_header_id|>\n\n"
            ),
            {"max_gen_len": 9},
        ),
        (
            "amazon.titan-text-express-v1",
            "inputText",
            "Be brief.\n\nUser: One and one?\nBot: Two.\nUser: And two and two?\nBot:",
            {"textGenerationConfig": {"maxTokenCount": 9}},
        ),
    ],
)
def test_families_of_prompts(model: str, field: str, prompt: str, limit: dict[str, Any]):
    body, warnings = sent(model, max_tokens=9)
    assert body == {field: prompt, **limit}
    assert warnings == {"messages emulated"}


def test_what_a_prompt_cannot_say_is_reported():
    messages = (*TALK, Message("assistant", (ToolCall("1", "a"),)))
    _, warnings = sent("meta.llama3-70b-instruct-v1:0", messages=messages, tools=(Tool("a"),), seed=3, stop=("x",))
    assert warnings == {"messages emulated", "messages dropped", "tools dropped", "seed dropped", "stop dropped"}


def test_a_request_that_moves_to_another_family_is_rebuilt():
    request = CODEC.decode_request({"inputText": "Hi", "textGenerationConfig": {"maxTokenCount": 5}})
    body, _ = CODEC.encode_request(request, model="anthropic.claude-3-haiku-20240307-v1:0")
    assert body["messages"][0]["content"] == [{"type": "text", "text": "Hi"}]
    assert body["max_tokens"] == 5
    assert body.keys() == {"anthropic_version", "max_tokens", "messages"}


def test_a_change_leaves_the_rest_of_the_body_alone():
    body = {"inputText": "Hi", "textGenerationConfig": {"maxTokenCount": 5, "odd": 1}, "new": {"x": 1}}
    request = CODEC.decode_request(body)
    changed, _ = CODEC.encode_request(replace(request, max_tokens=7), model="amazon.titan-text-express-v1")
    assert changed == {**body, "textGenerationConfig": {"maxTokenCount": 7, "odd": 1}}


@pytest.mark.parametrize("body", [{"prompt": 1}, {"inputText": None}, {}, {"messages": "x"}, []])
def test_malformed_requests(body: Any):
    with pytest.raises(InvalidRequest):
        CODEC.decode_request(body)


# --- answers -------------------------------------------------------------------------------------------------


def chunk(value: Any) -> bytes:
    return encode_event("chunk", json.dumps({"bytes": base64.b64encode(json.dumps(value).encode()).decode()}).encode())


METRICS = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 7, "outputTokenCount": 2}}


def test_the_runtimes_counters_stand_in_for_the_familys():
    events = [
        {"completion": "Two", "stop_reason": None},
        {"completion": ".", "stop_reason": "stop_sequence", **METRICS},
    ]
    answer = fold(CODEC.decode_stream(map(chunk, events)))
    assert (answer.text, dict(answer.usage), answer.finish) == ("Two.", {"input": 7, "output": 2}, "stop")
    chat = [{"choices": [{"index": 0, "delta": {"content": "Two."}, "finish_reason": "stop"}], **METRICS}]
    answer = fold(CODEC.decode_stream(map(chunk, chat)))
    assert (answer.text, dict(answer.usage), answer.finish) == ("Two.", {"input": 7, "output": 2}, "stop")


CALL = {"id": "c1", "type": "function", "function": {"name": "a", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("choice", "text", "finish"),
    [
        ({"text": "Two.", "stop_reason": "length"}, "Two.", "length"),
        ({"index": 0, "message": {"role": "assistant", "content": "Two."}, "stop_reason": "stop"}, "Two.", "stop"),
        ({"index": 0, "message": {"content": "", "tool_calls": [CALL]}, "stop_reason": "tool_calls"}, "", "tool_calls"),
    ],
)
def test_openais_shape_in_other_words(choice: dict[str, Any], text: str, finish: str):
    whole = CODEC.decode_response({"choices": [choice]})
    streamed = fold(CODEC.decode_stream([chunk({"choices": [choice], **METRICS})]))
    for answer in (whole, streamed):
        assert (answer.text, answer.finish) == (text, finish)
        assert [call.name for call in answer.tool_calls] == (["a"] if finish == "tool_calls" else [])
    assert dict(streamed.usage) == {"input": 7, "output": 2}


def test_several_generations_are_told_apart():
    events = [
        {"index": 0, "is_finished": False, "text": "One"},
        {"index": 1, "is_finished": False, "text": "Two"},
        {"finish_reason": "MAX_TOKENS", "is_finished": True, **METRICS},
    ]
    answer = fold(CODEC.decode_stream(map(chunk, events)))
    assert [(choice.content[0].text, choice.finish) for choice in answer.choices] == [
        ("One", "length"),
        ("Two", "length"),
    ]


def test_an_exception_in_the_stream_is_classified():
    headers = {":message-type": "exception", ":exception-type": "throttlingException"}
    decoder = CODEC.stream_decoder()
    begun = chunk({"generation": "Hi", "stop_reason": None})
    assert fold(decoder.feed(begun + encode_message(b'{"message":"Slow down."}', headers))).text == "Hi"
    with pytest.raises(errors.RateLimited, match="Slow down"):
        decoder.close()
    with pytest.raises(errors.RateLimited):
        list(CODEC.decode_stream([b'{"throttlingException":{"message":"Slow down."}}']))


def test_a_stream_without_its_reason_is_cut():
    for value in ({"generation": "Hi", "stop_reason": None}, {"type": "message_start", "message": {"content": []}}):
        with pytest.raises(StreamTruncated):
            list(CODEC.decode_stream([chunk(value)]))
    with pytest.raises(StreamTruncated):
        list(CODEC.decode_stream([]))


@pytest.mark.parametrize(
    "body",
    [
        encode_event("chunk", b'{"bytes":"?"}'),
        encode_event("chunk", b'{"bytes":1}'),
        encode_event("chunk", b"no json"),
        chunk([]),
        chunk({"unheard": "of"}),
        b"<html>\n",
    ],
)
def test_what_is_no_stream(body: bytes):
    with pytest.raises(MalformedResponse):
        list(CODEC.decode_stream([body]))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"embedding":[1]}', b'{"results":[{"index":0}]}'])
def test_what_is_no_answer(body: bytes):
    with pytest.raises(MalformedResponse):
        CODEC.decode_response(body)


def test_an_error_inside_a_good_status():
    with pytest.raises(errors.RateLimited, match="Too many requests"):
        CODEC.decode_response(b'{"__type":"a.b#ThrottlingException","message":"Too many requests"}')


def test_a_guardrail_that_stepped_in():
    """As recorded (624e8a74c3ea-000): no reason, and the guardrail's word beside the text."""
    body = {"outputText": "Input blocked", "index": 0.0, "amazon-bedrock-guardrailAction": "INTERVENED"}
    assert fold(CODEC.decode_stream([chunk(body)])).finish == "filtered"


def spoilt(value: Any, rng: random.Random) -> Any:
    """A copy with one value anywhere replaced by one of another type."""
    value = copy.deepcopy(value)
    places: list[tuple[Any, Any]] = []
    heap = [value]
    while heap:
        found = heap.pop()
        for key in list(found) if isinstance(found, dict) else range(len(found)):
            places.append((found, key))
            if isinstance(found[key], (dict, list)) and len(found[key]) < 50:
                heap.append(found[key])
    holder, key = rng.choice(places)
    holder[key] = rng.choice([None, 1, "odd", [], {}, [None], {"odd": 1}, True])
    return value


def test_spoilt_bodies_raise_nothing_but_typed_errors():
    rng = random.Random(22)
    rows = list(corpus.recordings("bedrock.invoke"))
    answered = asked = 0
    for row in rows * 4:
        body = json.loads(row["response"]["body"])
        if row["response"]["status"] == 200:
            with suppress(ProviderError):
                CODEC.encode_response(CODEC.decode_response(spoilt(body, rng)))
                answered += 1
            with suppress(ProviderError):
                fold(CODEC.decode_stream([chunk(spoilt(body, rng))]))
        if isinstance(row["request"].get("body"), dict):
            with suppress(InvalidRequest):
                CODEC.encode_request(CODEC.decode_request(spoilt(row["request"]["body"], rng)), model="amazon.nova-pro")
                asked += 1
    # Most survive one odd field: a codec that refused everything would prove nothing here.
    assert min(answered, asked) > len(rows)
