"""A request in one vendor's format answered by another vendor, on replies recorded from the other one.

The oracles are small and independent: what each client would read out of the answer, by the vendors' documented fields.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from corpus import body_of, recordings
from front.upstream import Reply, Upstream, cut
from modelmux import Endpoint, Mux
from modelmux._front import Front, FrontRequest
from modelmux.testing import FakeClock

BACKS = {
    "openai": ("openai.chat", Endpoint("openai/gpt-4.1-mini", api_key="key-a")),
    "anthropic": ("anthropic.messages", Endpoint("anthropic/claude-sonnet-4-5", api_key="key-b")),
    "gemini": ("gemini.generateContent", Endpoint("gemini/gemini-2.5-flash", api_key="key-c")),
}
CHAT_ONLY = Endpoint("groq/llama-3.3-70b-versatile", api_key="key-d")
"""OpenAI itself would be spoken to in the format of Responses."""

MODEL = {name: endpoint.model for name, (_, endpoint) in BACKS.items()}
TOOL = {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}


# --- what a client sends -------------------------------------------------------------------------------------


def to_chat(model: str, stream: bool) -> FrontRequest:
    body = {"model": model, "messages": [{"role": "user", "content": "Weather?"}], "stream": stream}
    body["tools"] = [{"type": "function", "function": TOOL}]
    if stream:
        body["stream_options"] = {"include_usage": True}
    return _post("/v1/chat/completions", body)


def to_responses(model: str, stream: bool) -> FrontRequest:
    return _post("/v1/responses", {"model": model, "input": "Weather?", "stream": stream, "tools": [{"type": "function", **TOOL}]})  # fmt: skip  # noqa: E501


def to_messages(model: str, stream: bool) -> FrontRequest:
    tool = {"name": TOOL["name"], "input_schema": TOOL["parameters"]}
    body = {"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": "Weather?"}], "tools": [tool]}
    return _post("/v1/messages", {**body, "stream": stream})


def to_gemini(model: str, stream: bool) -> FrontRequest:
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    contents = [{"role": "user", "parts": [{"text": "Weather?"}]}]
    return _post(f"/v1beta/models/{model}:{verb}", {"contents": contents, "tools": [{"functionDeclarations": [TOOL]}]})


def _post(path: str, body: Any) -> FrontRequest:
    return FrontRequest(method="POST", url=path, body=json.dumps(body).encode(), direct=False)


FRONTS = {"chat": to_chat, "responses": to_responses, "messages": to_messages, "gemini": to_gemini}
OWN = {"chat": "openai", "messages": "anthropic", "gemini": "gemini"}


# --- what a client reads: (text, calls as (name, arguments), usage in and out or None) -----------------------


def events(body: bytes) -> list[dict[str, Any]]:
    lines = [line[5:].strip() for line in body.replace(b"\r\n", b"\n").split(b"\n") if line.startswith(b"data:")]
    return [json.loads(line) for line in lines if line != b"[DONE]"]


def read_chat(body: bytes, stream: bool) -> tuple[str, list[Any]]:
    if not stream:
        message = json.loads(body)["choices"][0]["message"]
        calls = [call["function"] for call in message.get("tool_calls") or ()]
        return message["content"] or "", [(call["name"], json.loads(call["arguments"] or "{}")) for call in calls]
    text, calls = "", {}
    assert body.endswith(b"data: [DONE]\n\n")
    for chunk in events(body):
        for choice in chunk["choices"]:
            text += choice["delta"].get("content") or ""
            for call in choice["delta"].get("tool_calls") or ():
                name, arguments = calls.get(call["index"], ("", ""))
                function = call.get("function") or {}
                calls[call["index"]] = name or function.get("name"), arguments + (function.get("arguments") or "")
    return text, [(name, json.loads(arguments or "{}")) for name, arguments in calls.values()]


def read_responses(body: bytes, stream: bool) -> tuple[str, list[Any]]:
    if stream:
        seen = events(body)
        assert [event["sequence_number"] for event in seen] == list(range(len(seen)))
        assert seen[-1]["type"] in ("response.completed", "response.incomplete")
        whole = seen[-1]["response"]
        deltas = "".join(event["delta"] for event in seen if event["type"] == "response.output_text.delta")
    else:
        whole = json.loads(body)
    text, calls = "", []
    for item in whole["output"]:
        if item["type"] == "message":
            text += "".join(part.get("text", "") for part in item["content"])
        elif item["type"] == "function_call":
            calls.append((item["name"], json.loads(item["arguments"] or "{}")))
    assert not stream or deltas == text
    return text, calls


def read_messages(body: bytes, stream: bool) -> tuple[str, list[Any]]:
    if not stream:
        blocks = json.loads(body)["content"]
        text = "".join(block["text"] for block in blocks if block["type"] == "text")
        return text, [(block["name"], block["input"]) for block in blocks if block["type"] == "tool_use"]
    seen = events(body)
    assert (seen[0]["type"], seen[-1]["type"]) == ("message_start", "message_stop")
    text, calls, open_blocks = "", {}, set()
    for event in seen:
        if event["type"] == "content_block_start":
            open_blocks.add(event["index"])
            text += event["content_block"].get("text") or ""
            if event["content_block"]["type"] == "tool_use":
                calls[event["index"]] = event["content_block"]["name"], ""
        elif event["type"] == "content_block_delta":
            assert event["index"] in open_blocks
            text += event["delta"].get("text") or ""
            if event["delta"]["type"] == "input_json_delta":
                name, arguments = calls[event["index"]]
                calls[event["index"]] = name, arguments + event["delta"]["partial_json"]
        elif event["type"] == "content_block_stop":
            open_blocks.remove(event["index"])
    assert not open_blocks
    return text, [(name, json.loads(arguments or "{}")) for name, arguments in calls.values()]


def read_gemini(body: bytes, stream: bool) -> tuple[str, list[Any]]:
    text, calls = "", []
    for chunk in events(body) if stream else [json.loads(body)]:
        for candidate in (chunk.get("candidates") or ())[:1]:
            for part in (candidate.get("content") or {}).get("parts") or ():
                if "text" in part and not part.get("thought"):
                    text += part["text"]
                if "functionCall" in part:
                    calls.append((part["functionCall"]["name"], part["functionCall"].get("args") or {}))
    return text, calls


READERS = {"chat": read_chat, "responses": read_responses, "messages": read_messages, "gemini": read_gemini}
BY_BACK = {"openai": read_chat, "anthropic": read_messages, "gemini": read_gemini}


def plain(body: bytes) -> bool:
    """Replies of text and calls of the client's own tools: what every format can say."""
    odd = (
        b"server_tool_use",
        b"citations",
        b"executableCode",
        b"inlineData",
        b'"refusal":"',
        b'"refusal": "',
        b"image_url",
        b"mcp_",
        b'"function_call"',
    )
    return not any(word in body for word in odd)


def readable(back: str, body: bytes, stream: bool) -> bool:
    """Arguments that a model cut short, or wrote as free text, are no JSON to compare; an error is no answer."""
    try:
        BY_BACK[back](body, stream)
    except (ValueError, KeyError):
        return False
    return True


def replies(back: str, stream: bool, most: int) -> list[dict[str, Any]]:
    found = [
        row
        for row in recordings(BACKS[back][0])
        if row["kind"] == "full" and bool(row["stream"]) == stream and row["response"]["status"] == 200
        and isinstance(row["request"]["body"], dict) and (row["request"]["body"].get("n") or 1) == 1
        and plain(body_of(row["response"]))
        and not body_of(row["response"]).lstrip().startswith(b"[")
        and readable(back, body_of(row["response"]), stream)
    ]  # fmt: skip
    step = max(1, len(found) // most)
    return found[::step][:most]


CASES = [(front, back, stream) for front in FRONTS for back in BACKS for stream in (False, True)]


def crossed(ask: Any, front: str, back: str, stream: bool, row: dict[str, Any]) -> None:
    body = body_of(row["response"])
    pieces = cut(body, range(0, len(body), max(1, len(body) // 9)))
    upstream = Upstream(Reply(200, row["response"]["headers"], pieces))
    endpoint = CHAT_ONLY if (front, back) == ("responses", "openai") else BACKS[back][1]
    mux = upstream.under(Mux([endpoint], clock=FakeClock()))
    got = ask(Front(mux), FRONTS[front](endpoint.model, stream))
    assert got.status == 200, got.body[:300]
    expected = BY_BACK[back](body, stream)
    assert READERS[front](got.body, stream) == expected
    assert got.error is None
    [attempt] = mux.ledger.query()
    assert attempt.state == "ok"


@pytest.mark.parametrize(("front", "back", "stream"), CASES)
def test_a_recorded_reply_says_the_same_in_every_format(ask, front, back, stream):
    rows = replies(back, stream, 8)
    assert len(rows) >= 5
    for row in rows:
        crossed(ask, front, back, stream, row)


@pytest.mark.full
@pytest.mark.parametrize(("front", "back", "stream"), CASES)
def test_every_recorded_reply_says_the_same_in_every_format(ask, front, back, stream):
    failed = []
    for row in replies(back, stream, 10_000):
        try:
            crossed(ask, front, back, stream, row)
        except Exception as error:
            failed.append(f"{row['id']}: {type(error).__name__} {error}"[:300])
    assert failed == []
    assert len(replies(back, stream, 10_000)) > 50


FINISH = {
    "chat": lambda body: json.loads(body)["choices"][0]["finish_reason"],
    "messages": lambda body: json.loads(body)["stop_reason"],
    "gemini": lambda body: json.loads(body)["candidates"][0]["finishReason"],
}


@pytest.mark.parametrize("front", FINISH)
def test_every_format_has_its_own_word_for_the_end(ask, front):
    words = {"chat": "stop", "messages": "end_turn", "gemini": "STOP"}
    for back in BACKS:
        own = {"openai": ("chat", "stop"), "anthropic": ("messages", "end_turn"), "gemini": ("gemini", "STOP")}[back]
        row = next(
            row for row in replies(back, False, 10_000) if FINISH[own[0]](body_of(row["response"])) == own[1]
        )  # fmt: skip
        upstream = Upstream(Reply(200, row["response"]["headers"], [body_of(row["response"])]))
        got = ask(Front(upstream.under(Mux([BACKS[back][1]], clock=FakeClock()))), FRONTS[front](MODEL[back], False))
        assert FINISH[front](got.body) == words[front]


@pytest.mark.parametrize("front", ["responses", "messages", "chat"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_text_that_is_only_a_signature_is_no_second_text(front, stream, ask):
    """Synthetic, after the end of Gemini 3's recorded streams. SDKs parse each text of a structured answer."""
    said = [{"text": '{"a": 1}'}, {"text": "", "thoughtSignature": "c2ln"}]
    chunks = [
        {"candidates": [{"content": {"role": "model", "parts": parts}, **end}], "modelVersion": "gemini-3-pro"}
        for parts, end in (
            [([said[0]], {}), ([said[1]], {"finishReason": "STOP"})] if stream else [(said, {"finishReason": "STOP"})]
        )
    ]
    body = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks)
    kind = "text/event-stream" if stream else "application/json"
    reply = Reply(200, {"content-type": kind}, [body if stream else json.dumps(chunks[0]).encode()])
    with Upstream(reply).under(Mux([BACKS["gemini"][1]], clock=FakeClock())) as mux:
        got = ask(Front(mux), FRONTS[front](MODEL["gemini"], stream))
    assert READERS[front](got.body, stream)[0] == '{"a": 1}'
    told = got.body.decode()
    if front == "messages":
        assert told.count('"type":"text",') == 1
    if front == "responses":
        assert told.count('"type":"response.content_part.added"') == stream
        whole = events(got.body)[-1]["response"] if stream else json.loads(got.body)
        assert [part["text"] for item in whole["output"] for part in item["content"]] == ['{"a": 1}']
