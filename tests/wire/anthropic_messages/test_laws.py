"""Laws that hold for every request and answer of this wire, on generated ones and on spoilt recordings."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import corpus
from modelmux import wire
from modelmux._fold import fold, unfold
from modelmux.errors import InvalidRequest, ProviderError
from modelmux.types import (
    Choice,
    Citation,
    Opaque,
    Part,
    Reasoning,
    Response,
    ServerToolCall,
    ServerToolResult,
    Text,
    ToolCall,
    Usage,
)

API = "anthropic.messages"
CODEC = wire.get(API)

calm = settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ids = st.from_regex(r"[a-zA-Z0-9_-]{1,12}", fullmatch=True)
scalars = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | words
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3))
objects = st.dictionaries(words, values, max_size=3)


def fields(required: dict[str, Any], **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    given = {key: value if isinstance(value, st.SearchStrategy) else st.just(value) for key, value in required.items()}
    return st.fixed_dictionaries(given, optional=optional)


mark = fields({"type": "ephemeral"}, ttl=st.sampled_from(["5m", "1h"])) | st.none()
unknown = {"from_the_future": values, "cache_control": mark}

text = fields({"type": "text", "text": words}, citations=st.none() | st.lists(objects, max_size=2), **unknown)
sources = st.one_of(
    fields({"type": "base64", "media_type": "image/png", "data": words}),
    fields({"type": "url", "url": words}, media_type=words),
    fields({"type": "file", "file_id": words}),
    fields({"type": "content", "content": words | st.lists(text, max_size=2)}),
    fields({"type": "hologram"}, data=words),
)
media = fields(
    {"type": st.sampled_from(["image", "document"]), "source": sources},
    title=words | st.none(),
    context=words,
    **unknown,
)
thinking = fields({"type": "thinking", "thinking": words, "signature": ids}, **unknown) | fields(
    {"type": "redacted_thinking", "data": words}, **unknown
)
tool_use = fields({"type": "tool_use", "id": ids, "name": ids, "input": objects | words}, caller=objects, **unknown)
tool_result = fields(
    {"type": "tool_result", "tool_use_id": ids},
    content=words | st.none() | st.lists(text | media, max_size=2),
    is_error=st.booleans() | st.none(),
    **unknown,
)
server = st.one_of(
    fields({"type": "server_tool_use", "id": ids, "name": ids, "input": objects}, **unknown),
    fields({"type": "mcp_tool_use", "id": ids, "name": ids, "input": objects}, server_name=words),
    fields({"type": "web_search_tool_result", "tool_use_id": ids, "content": values}, **unknown),
    fields({"type": "hologram"}, **unknown),
)
blocks = st.one_of(text, media, thinking, tool_use, tool_result, server)
turns = fields(
    {"role": st.sampled_from(["user", "assistant", "system"]), "content": words | st.lists(blocks, max_size=3)},
    from_the_future=values,
)
tools = fields(
    {"name": ids, "input_schema": objects | st.just({"type": "object"})},
    type=st.just("custom"),
    description=words | st.none(),
    strict=st.booleans() | st.none(),
    **unknown,
) | fields({"type": st.sampled_from(["web_search_20250305", "bash_20250124"]), "name": ids}, **unknown)
formats = fields({"type": "json_schema", "schema": objects}, name=words) | fields({"type": "hologram"})
bodies = fields(
    {"model": ids, "max_tokens": st.integers(1, 9999), "messages": st.lists(turns, min_size=1, max_size=4)},
    system=words | st.none() | st.lists(text, max_size=2),
    stream=st.booleans() | st.none(),
    temperature=st.floats(0, 1) | st.none(),
    top_p=st.floats(0, 1),
    top_k=st.integers(0, 9) | words,
    stop_sequences=st.lists(words, max_size=2) | st.none(),
    tools=st.lists(tools, max_size=2),
    tool_choice=fields(
        {"type": st.sampled_from(["auto", "any", "none", "tool", "hologram"])},
        name=ids,
        disable_parallel_tool_use=st.booleans(),
        from_the_future=values,
    ),
    thinking=fields(
        {"type": st.sampled_from(["enabled", "adaptive", "disabled", "hologram"])},
        budget_tokens=st.integers(0, 9999) | st.none(),
        display=words,
    ),
    output_config=fields({}, format=formats, effort=st.sampled_from(["low", "max"]) | st.none(), task_budget=objects),
    output_format=formats,
    metadata=fields({}, user_id=words | st.none(), more=words),
    service_tier=st.sampled_from(["auto", "standard_only"]) | st.none(),
    **unknown,
)


@calm
@given(bodies)
def test_a_request_comes_out_as_it_went_in(body: dict[str, Any]) -> None:
    before = copy.deepcopy(body)
    req = CODEC.decode_request(body)
    out, warnings = CODEC.encode_request(replace(req, source=None), model=req.model or "", stream=req.stream)
    assert out == before
    assert warnings == []
    assert CODEC.encode_request(req, model=req.model or "", stream=req.stream) == (before, [])
    assert body == before


@calm
@given(bodies, st.integers(1, 99))
def test_a_change_leaves_every_other_field_alone(body: dict[str, Any], limit: int) -> None:
    req = CODEC.decode_request(body)
    out, _ = CODEC.encode_request(replace(req, max_tokens=limit), model="other", stream=True)
    assert out == {**body, "max_tokens": limit, "model": "other", "stream": True}
    longer = replace(req, messages=(*req.messages, CODEC.decode_request(body).messages[-1])) if req.messages else req
    out, _ = CODEC.encode_request(longer, model="other", stream=True)
    for key in body.keys() - {"messages", "model", "stream", "system"}:
        assert out[key] == body[key]


extras = st.just({}) | st.builds(lambda value: {API: {"caller": value}}, values.filter(lambda value: value is not None))
own = {API: dict[str, Any]()}
reply_parts: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, words, extra=extras),
    st.builds(
        lambda body, cited: Text(body, tuple(Citation(text=one, raw={"cited_text": one}) for one in cited)),
        words,
        st.lists(words, min_size=1, max_size=2),
    ),
    st.builds(Reasoning, words, ids, extra=st.just(own)),
    st.builds(lambda data: Reasoning(redacted=data, extra=own), ids),
    st.builds(ToolCall, ids, ids, objects, extra=extras),
    st.builds(ServerToolCall, ids, ids, objects, extra=st.just(own)),
    st.builds(ServerToolResult, ids, st.just("web_search"), values, extra=st.just(own)),
    st.builds(lambda value: Opaque(API, {"type": "hologram", "value": value}), values),
)
counts = st.integers(0, 10**7)
usages = st.fixed_dictionaries(
    {"input": counts, "output": counts},
    optional=dict.fromkeys(("cache_read", "cache_write_5m", "cache_write_1h", "reasoning", "search"), counts),
).map(Usage)
finishes = st.sampled_from(
    [("stop", "end_turn"), ("stop", "stop_sequence"), ("length", "max_tokens"), ("filtered", "refusal")]
)
replies = st.builds(
    lambda parts, finish, usage, tier: Response(
        id="msg_1",
        model="m",
        choices=(Choice(tuple(parts), finish[0], finish[1]),),
        usage=usage,
        service_tier=tier,
    ),
    st.lists(reply_parts, max_size=4),
    finishes,
    usages,
    st.none() | st.just("standard"),
)


@calm
@given(replies)
def test_an_answer_comes_back_as_it_went_out(reply: Response) -> None:
    assert CODEC.decode_response(json.dumps(CODEC.encode_response(reply)).encode()) == reply


@calm
@given(replies, st.randoms(use_true_random=False))
def test_a_streamed_answer_amounts_to_the_whole_one_however_it_is_cut(reply: Response, rng: random.Random) -> None:
    body = b"".join(CODEC.encode_stream(unfold(reply)))
    events = list(CODEC.decode_stream([body]))
    assert fold(events) == reply
    cuts = sorted(rng.randrange(len(body)) for _ in range(rng.randrange(1, 30)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert list(CODEC.decode_stream(pieces)) == events


def spoil(value: Any, rng: random.Random) -> Any:
    """The value with something inside replaced by what should not be there, or gone."""
    junk = rng.choice([None, 7, -1.5, "", "x", [], {}, ["x"], {"type": "text"}, True])
    if not isinstance(value, dict | list) or not value or rng.random() < 0.15:
        return junk
    out = copy.copy(value)
    key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
    if rng.random() < 0.1:
        del out[key]
    else:
        out[key] = spoil(out[key], rng)
    return out


def test_spoilt_recordings_raise_nothing_but_our_errors() -> None:
    rng = random.Random(3)
    rows = [row for row in corpus.recordings(API) if row["response"]["status"] == 200]
    raised = decoded = 0
    for row in rng.sample(rows, 200):
        for _ in range(3):
            try:
                reply = fold(CODEC.decode_stream([spoilt_stream(row, rng)])) if row["stream"] else whole(row, rng)
                CODEC.encode_response(reply)
                list(CODEC.encode_stream(unfold(reply)))
                decoded += 1
            except ProviderError:
                raised += 1
            if isinstance(row["request"]["body"], dict):
                try:
                    req = CODEC.decode_request(spoil(row["request"]["body"], rng))
                    CODEC.encode_request(replace(req, source=None), model="claude-sonnet-4-5")
                except InvalidRequest:
                    raised += 1
    assert decoded > 300
    assert raised > 20


def whole(row: dict[str, Any], rng: random.Random) -> Response:
    return CODEC.decode_response(json.dumps(spoil(json.loads(row["response"]["body"]), rng)).encode())


def spoilt_stream(row: dict[str, Any], rng: random.Random) -> bytes:
    lines = corpus.body_of(row["response"]).split(b"\n")
    data = [number for number, line in enumerate(lines) if line.startswith(b"data:")]
    for number in rng.sample(data, min(3, len(data))):
        lines[number] = b"data: " + json.dumps(spoil(json.loads(lines[number][5:]), rng)).encode()
    return b"\n".join(lines)
