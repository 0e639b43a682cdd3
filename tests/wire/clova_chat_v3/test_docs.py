"""CLOVA Studio's own chat. Synthetic throughout: shaped by the vendor's documentation, no traffic was at hand."""

from __future__ import annotations

import itertools
import json
import random
from dataclasses import replace

import pytest

from modelmux import wire
from modelmux._fold import fold, unfold
from modelmux._http import sse
from modelmux.errors import (
    ContextTooLong,
    MalformedResponse,
    ModelNotFound,
    ProviderError,
    RateLimited,
    StreamTruncated,
)
from modelmux.types import (
    Finish,
    Media,
    Message,
    Output,
    Reasoning,
    ReasoningOptions,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

CLOVA = wire.get("clova_native.chat_v3")
HI = Message("user", (Text("안녕"),))

REQUEST = {
    "messages": [
        {"role": "system", "content": "간단히 답하세요."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "뭐가 보여요?"},
                {"type": "image_url", "imageUrl": {"url": "https://example.com/a.png"}},
                {"type": "image_url", "dataUri": {"data": "QUJD"}},
            ],
        },
        {
            "role": "assistant",
            "content": "",
            "toolCalls": [
                {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": {"city": "서울"}}}
            ],
        },
        {"role": "tool", "toolCallId": "c1", "content": "맑음"},
    ],
    "maxTokens": 100,
    "topP": 0.8,
    "topK": 0,
    "temperature": 0.5,
    "repetitionPenalty": 1.1,
    "stop": ["."],
    "seed": 0,
    "includeAiFilters": True,
    "tools": [{"type": "function", "function": {"name": "weather", "description": "날씨", "parameters": {}}}],
    "toolChoice": {"type": "function", "function": {"name": "weather"}},
    "thinking": {"effort": "low"},
    "responseFormat": {"type": "json", "schema": {"type": "object"}},
}

RESULT = {
    "message": {
        "role": "assistant",
        "content": "맑아요.",
        "thinkingContent": "음",
        "toolCalls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}],
    },
    "finishReason": "tool_calls",
    "created": 1_791_043_155,
    "seed": 7,
    "usage": {
        "promptTokens": 10,
        "completionTokens": 9,
        "totalTokens": 19,
        "completionTokensDetails": {"thinkingTokens": 4},
    },
    "aiFilter": [{"groupName": "curse", "name": "insult", "score": "0"}],
}
ANSWER = {"status": {"code": "20000", "message": "OK"}, "result": RESULT}


def token(**message: str) -> bytes:
    said = {"role": "assistant", "content": "", "thinkingContent": "", **message}
    return sse(json.dumps({"created": RESULT["created"], "message": said, "finishReason": None}).encode(), "token")


STREAM = [
    token(thinkingContent="음"),
    token(content="맑아"),
    token(content="요."),
    sse(json.dumps(RESULT).encode(), "result"),
    sse(b'{"data":"[DONE]"}', "signal"),
]


def said(request: Request, model: str = "HCX-005"):
    body, warnings = CLOVA.encode_request(request, model=model)
    return body, {(warning.field, warning.action) for warning in warnings}


def test_a_request_is_said_again():
    request = CLOVA.decode_request(REQUEST)
    assert (request.max_tokens, request.top_k, request.tool_choice.names) == (100, 0, ("weather",))
    assert CLOVA.encode_request(request, model="HCX-005")[0] == REQUEST
    assert CLOVA.encode_request(replace(request, source=None), model="HCX-005") == (REQUEST, [])
    assert CLOVA.encode_request(request, model="HCX-005", stream=True)[0] == REQUEST


def test_a_models_limit_goes_by_the_name_it_knows():
    assert said(Request((HI,), max_tokens=9))[0]["maxTokens"] == 9
    body, _ = said(Request((HI,), max_tokens=9), "HCX-007")
    assert body["maxCompletionTokens"] == 9
    assert "maxTokens" not in body


def test_a_conversation_of_other_vendors():
    history = (
        Message("developer", (Text("A"),)),
        Message("user", (Text("B"), Media("image", "image/png", "QUJD", detail="low"))),
        Message("assistant", (Reasoning("hm", signature="s"), Text("C"), ToolCall("c", "f", {"a": 1}))),
        Message("tool", (ToolResult("c", (Text("D"), Media("image", data="REVG"))),)),
    )
    request = Request(history, tools=(Tool("f", strict=True),), tool_choice=ToolChoice("required"), user="u")
    body, warnings = said(request)
    assert body["messages"] == [
        {"role": "system", "content": "A"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "B"}, {"type": "image_url", "dataUri": {"data": "QUJD"}}],
        },
        {
            "role": "assistant",
            "content": "C",
            "toolCalls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}],
        },
        {"role": "tool", "toolCallId": "c", "content": "D"},
    ]
    assert body["toolChoice"] == "auto"
    assert warnings == {
        ("messages.role", "renamed"),
        ("media.detail", "dropped"),
        ("reasoning", "dropped"),
        ("media", "dropped"),
        ("tools.strict", "dropped"),
        ("tool_choice", "emulated"),
        ("user", "dropped"),
    }


@pytest.mark.parametrize(
    ("options", "effort"),
    [
        (ReasoningOptions(effort="high"), "high"),
        (ReasoningOptions(effort="xhigh"), "high"),
        (ReasoningOptions(enabled=False), "none"),
        (ReasoningOptions(budget=1000), "low"),
    ],
)
def test_thinking_has_efforts(options, effort):
    assert said(Request((HI,), reasoning=options, output=Output({"type": "object"})))[0]["thinking"]["effort"] == effort


def test_an_answer_and_its_stream():
    answer = CLOVA.decode_response(ANSWER)
    assert (answer.text, answer.reasoning, answer.finish, answer.created) == (
        "맑아요.",
        "음",
        "tool_calls",
        1_791_043_155,
    )
    assert [(call.id, call.name, call.arguments) for call in answer.tool_calls] == [("c1", "f", {"a": 1})]
    assert dict(answer.usage) == {"input": 10, "output": 5, "reasoning": 4}
    assert CLOVA.encode_response(answer) == ANSWER
    assert fold(CLOVA.decode_stream(STREAM)) == answer
    assert fold(CLOVA.decode_stream(CLOVA.encode_stream(CLOVA.decode_stream(STREAM)))) == answer
    assert fold(CLOVA.decode_stream(CLOVA.encode_stream(unfold(answer)))) == answer
    assert fold(CLOVA.decode_stream([json.dumps(ANSWER).encode()])) == answer


def test_any_split_gives_the_same_and_a_break_gives_none():
    body, rng = b"".join(STREAM), random.Random(3)
    events = list(CLOVA.decode_stream([body]))
    assert isinstance(events[-1], Finish)
    for _ in range(50):
        edges = sorted({0, len(body), *(rng.randrange(len(body)) for _ in range(20))})
        pieces = [body[start:end] for start, end in itertools.pairwise(edges)]
        assert list(CLOVA.decode_stream(pieces)) == events
    before = len(b"".join(STREAM[:3]))
    for place in range(0, before, 7):
        with pytest.raises(StreamTruncated):
            list(CLOVA.decode_stream([body[:place]]))


def test_what_was_not_streamed_comes_with_the_result():
    assert fold(CLOVA.decode_stream(STREAM[3:])) == CLOVA.decode_response(ANSWER)


@pytest.mark.parametrize(
    ("code", "kind"), [("40003", ContextTooLong), ("40080", ModelNotFound), ("42901", RateLimited)]
)
def test_a_failure_may_come_with_a_good_status(code, kind):
    body = {"status": {"code": code, "message": "no"}, "result": None}
    with pytest.raises(kind):
        CLOVA.decode_response(body)
    with pytest.raises(kind):
        list(CLOVA.decode_stream([*STREAM[:2], sse(json.dumps(body).encode(), "error")]))
    error = CLOVA.decode_error(int(code[:3]), {}, json.dumps(body).encode())
    assert (type(error), error.code) == (kind, code)


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"[]", b'{"status":{"code":"20000"}}', b'{"result":{}}'])
def test_what_is_no_answer_is_an_error(body: bytes):
    with pytest.raises(MalformedResponse):
        CLOVA.decode_response(body)
    with pytest.raises(ProviderError):
        list(CLOVA.decode_stream([body]))
    assert CLOVA.decode_error(500, {}, body).status == 500
