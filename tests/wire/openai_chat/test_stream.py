"""How a streamed chat completion begins, ends and breaks.

The streams are invented, after shapes that vendors were seen to send.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelmux import errors, wire
from modelmux._fold import fold
from modelmux.types import (
    MODEL_OUTPUT,
    AudioDelta,
    Citation,
    Event,
    Finish,
    PartEvent,
    Response,
    ServerToolCall,
    ServerToolResult,
    Start,
    Text,
    TextDelta,
    ToolCallDelta,
    UsageEvent,
)

DONE = b"data: [DONE]\n\n"


def chunk(delta: Any = None, finish: str | None = None, **top: Any) -> bytes:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": finish}
    body = {"id": "c1", "model": "m", "created": 1, "choices": [choice], **top}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def events(*pieces: bytes, api: str = "openai.chat") -> list[Event]:
    return list(wire.get(api).decode_stream(pieces))


def answer(*pieces: bytes, api: str = "openai.chat") -> Response:
    return fold(events(*pieces, api=api))


def compact(delta: Any, finish: str | None = None, **top: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "c1", "model": "m", "created": 1, "choices": [choice], **top}
    return b"data: " + json.dumps(body, separators=(",", ":")).encode() + b"\n\n"


TEXT = compact({"content": "he"})


@pytest.mark.parametrize(
    "read",
    [
        compact({"content": ""}),
        compact({"role": "assistant", "content": None}),
        compact({"content": "."}, "stop"),
        compact({"content": "."}, usage={"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}),
        compact({"tool_calls": [{"index": 0, "id": "t", "function": {"name": "f", "arguments": ""}}]}),
        compact({"content": "."}, error={"message": "overloaded"}),
        TEXT + compact({}, "stop"),
        TEXT + TEXT[:-1],
        TEXT[3:],
        b": comment\n\n" + TEXT,
        DONE,
        TEXT + DONE,
    ],
)
def test_what_is_more_than_text_is_not_left_undecoded(read: bytes) -> None:
    decoder = wire.get("openai.chat").stream_decoder()
    assert not decoder.only_text(TEXT)  # nothing has come yet: it may be the beginning of anything
    decoder.feed(compact({"role": "assistant", "content": ""}))
    assert decoder.only_text(TEXT)
    assert decoder.only_text(TEXT * 3)
    assert not decoder.only_text(read)
    decoder.feed(TEXT[:9])
    assert not decoder.only_text(TEXT)


def test_events_come_as_their_chunks_do_and_end_with_usage_and_finish() -> None:
    decoder = wire.get("openai.chat").stream_decoder()
    assert decoder.feed(chunk({"role": "assistant", "content": ""})) == [Start("c1", "m", 1)]
    assert decoder.feed(chunk({"content": "he"})) == [TextDelta("he")]
    assert decoder.feed(chunk({}, "stop")) == []
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    assert decoder.feed(chunk(choices=[], usage=usage)) == []
    last = decoder.feed(DONE)
    assert [type(event) for event in last] == [UsageEvent, Finish]
    assert last[0].usage == {"input": 3, "output": 1}
    assert last[1] == Finish("stop", "stop")
    assert decoder.close() == []


@pytest.mark.parametrize(
    ("pieces", "finish", "raw"),
    [
        ([chunk({"content": "a"}, "stop")], "stop", "stop"),
        ([chunk({"content": "a"}, "eos_token")], "stop", "eos_token"),
        ([chunk({"content": "a"}), DONE], "stop", None),
        ([chunk({"content": "a"}, ""), DONE], "stop", None),
        ([chunk({"content": "a"}, "a word nobody knows")], "stop", "a word nobody knows"),
        (
            [chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}]}), DONE],
            "tool_calls",
            None,
        ),
        ([chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f"}}]}, "stop")], "tool_calls", "stop"),
        ([chunk({"refusal": "no"}), chunk({}, "stop")], "filtered", "stop"),
        ([chunk({}, "content_filter")], "filtered", "content_filter"),
        ([chunk({"content": "a"}, "length"), b"data: {}\n\n"], "length", "length"),
    ],
)
def test_proper_ends(pieces: list[bytes], finish: str, raw: str | None) -> None:
    got = answer(*pieces)
    assert (got.finish, got.choices[0].finish_raw) == (finish, raw)


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b": keep-alive\n\n"],
        [DONE],
        [chunk({"content": "a"})],
        [chunk({"content": "a"}), chunk(choices=[], usage={"prompt_tokens": 1})],
        [
            chunk(choices=[{"index": 0, "delta": {"content": "a"}}, {"index": 1, "delta": {"content": "b"}}]),
            chunk({}, "stop"),
        ],
    ],
)
def test_a_stream_without_its_end_is_truncated(pieces: list[bytes]) -> None:
    with pytest.raises(errors.StreamTruncated):
        events(*pieces)


def test_what_came_before_the_cut_is_handed_over_first() -> None:
    found: list[Event] = []
    with pytest.raises(errors.StreamTruncated):
        found.extend(wire.get("openai.chat").decode_stream([chunk({"content": "a"})]))
    assert TextDelta("a") in found


@pytest.mark.parametrize(
    ("piece", "kind"),
    [
        (b'data: {"error":{"message":"Overloaded","code":503}}\n\n', errors.Overloaded),
        (b'event: error\ndata: {"message":"boom","code":"server_error"}\n\n', errors.ServerError),
        (b'event: error\ndata: {"error":{"message":"x","code":"tool_use_failed"}}\n\n', errors.ToolUseFailed),
        (b'data: {"error":"something broke"}\n\n', errors.StreamError),
        (chunk({"content": ""}, "error", error={"code": 502, "message": "Provider disconnected"}), errors.ServerError),
        (
            chunk(choices=[{"index": 0, "delta": {}, "error": {"code": 429, "message": "slow down"}}]),
            errors.RateLimited,
        ),
        (b'data: {"object":"error","message":"too long","code":400}\n\n', errors.RequestRejected),
        (b"data: <html>\n\n", errors.MalformedResponse),
        (b'data: {"choices":[{"del\n\n', errors.MalformedResponse),
        (b"data: [1]\n\n", errors.MalformedResponse),
    ],
)
def test_an_error_inside_a_stream_comes_after_the_events_before_it(piece: bytes, kind: type[Exception]) -> None:
    found: list[Event] = []
    with pytest.raises(kind) as raised:
        found.extend(wire.get("openai.chat").decode_stream([chunk({"content": "a"}) + piece + DONE]))
    assert type(raised.value) is kind
    assert found == [Start("c1", "m", 1), TextDelta("a")]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<!DOCTYPE html><title>502 Bad Gateway</title>", errors.MalformedResponse),
        (b"upstream connect error", errors.StreamTruncated),
        (b'\n\n {"error":{"code":502,"message":"Provider returned error"}}', errors.ServerError),
        (b'{"choices":[{"message":{"content":"cut', errors.MalformedResponse),
        (b'{"choices":[]}', errors.MalformedResponse),
    ],
)
def test_what_comes_instead_of_a_stream(body: bytes, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        events(body[:9], body[9:])
    if kind is not errors.StreamTruncated:
        with pytest.raises(kind):
            wire.get("openai.chat").decode_response(body)


def test_whitespace_comments_and_padding_are_nothing() -> None:
    pieces = [
        b"\n\n: OPENROUTER PROCESSING\n\n",
        chunk({"content": "a"}, obfuscation="xyz", p="abc"),
        b"\n",
        chunk({}, "stop"),
        DONE,
    ]
    assert answer(*pieces).text == "a"
    assert answer(*pieces).extra == {}
    body = b" \n\n " + json.dumps({"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}).encode()
    assert wire.get("openai.chat").decode_response(body).text == "a"


def call(index: Any = None, id: Any = None, name: Any = None, arguments: Any = None) -> dict[str, Any]:
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    item = {key: value for key, value in (("index", index), ("id", id)) if value is not None}
    return {**item, "function": function}


@pytest.mark.parametrize(
    "deltas",
    [
        [[call(0, "a", "f", '{"x"')], [call(1, "b", "g", "{}")], [call(0, None, None, ":1}")]],
        [[call(0, "a", "f", '{"x":1}'), call(1, "b", "g", "")]],
        [[call(None, "a", "f", '{"x"')], [call(None, None, None, ":1}")], [call(None, "b", "g", "{}")]],
        [[call(None, "a", "f", '{"x"')], [call(None, "a", None, ":1}"), call(None, "b", "g", "{}")]],
        [[call(0, "a", "f", '{"x":1}')], [call(0, "b", "g", "{}")]],
        [[call(0, "a", "f", '{"x"')], [call(0, "a", "f", ":1}")], [call(1, "b", "g", None)]],
        [[call(0, "a", "f", {"x": 1})], [call(1, "b", "g", None)]],
    ],
)
def test_pieces_of_tool_calls_find_together(deltas: list[Any]) -> None:
    got = answer(*[chunk({"tool_calls": delta}) for delta in deltas], chunk({}, "tool_calls"))
    assert [(c.id, c.name, c.arguments) for c in got.tool_calls] == [("a", "f", {"x": 1}), ("b", "g", {})]


def test_a_call_without_an_id_gets_one() -> None:
    got = answer(
        chunk({"function_call": {"name": "f", "arguments": "{"}}), chunk({"function_call": {"arguments": "}"}}), DONE
    )
    assert [(c.id, c.name, c.arguments) for c in got.tool_calls] == [("call_0", "f", {})]


def test_arguments_that_are_no_json_are_kept_as_text() -> None:
    got = answer(chunk({"tool_calls": [call(0, "a", "f", '{"x": "cut')]}), chunk({}, "length"))
    assert (got.tool_calls[0].arguments, got.tool_calls[0].raw) == ({}, '{"x": "cut')
    assert got.finish == "length"


def test_several_choices_are_kept_apart() -> None:
    def both(first: Any, second: Any, finish: str | None = None) -> bytes:
        made = [{"index": i, "delta": d, "finish_reason": finish} for i, d in enumerate((first, second))]
        return chunk(choices=made)

    got = answer(
        both({"content": "a"}, {"content": "x"}), both({"content": "b"}, {"content": "y"}), both({}, {}, "stop")
    )
    assert ["".join(part.text for part in choice.content) for choice in got.choices] == ["ab", "xy"]
    finishes = [e for e in events(both({"content": "a"}, {"content": "x"}, "stop")) if isinstance(e, Finish)]
    assert [finish.choice for finish in finishes] == [0, 1]


@pytest.mark.parametrize(
    ("api", "pieces", "units"),
    [
        (
            "openai.chat",
            [chunk({"content": "a"}, "stop"), chunk(choices=[], usage={"prompt_tokens": 9, "completion_tokens": 2})],
            {"input": 9, "output": 2},
        ),
        (
            "groq.chat",
            [
                chunk({"content": "a"}),
                chunk({}, "stop", x_groq={"id": "r", "usage": {"prompt_tokens": 9, "completion_tokens": 2}}),
            ],
            {"input": 9, "output": 2},
        ),
        (
            "moonshot.chat",
            [
                chunk({"content": "a"}),
                chunk(
                    choices=[
                        {
                            "index": 0,
                            "delta": {},
                            "finish_reason": "stop",
                            "usage": {"prompt_tokens": 9, "completion_tokens": 2, "cached_tokens": 4},
                        }
                    ]
                ),
            ],
            {"input": 5, "cache_read": 4, "output": 2},
        ),
        (
            "openai.chat",
            [
                chunk({"content": "a"}, usage={"prompt_tokens": 9, "completion_tokens": 1}),
                chunk({}, "stop", usage={"prompt_tokens": None, "completion_tokens": 2}),
            ],
            {"input": 9, "output": 2},
        ),
    ],
)
def test_usage_wherever_it_stands(api: str, pieces: list[bytes], units: dict[str, int]) -> None:
    assert answer(*pieces, api=api).usage == units


def test_no_usage_is_not_zero_usage() -> None:
    found = events(chunk({"content": "a"}, "stop"))
    assert not any(isinstance(event, UsageEvent) for event in found)
    assert fold(found).usage.reported is False


def test_starts_carry_no_output_and_text_is_text() -> None:
    found = events(
        chunk({"role": "assistant", "content": ""}), chunk({"content": None}), chunk({"content": "a"}, "stop")
    )
    assert [isinstance(event, MODEL_OUTPUT) for event in found] == [False, True, False]


def test_audio() -> None:
    pieces = [
        chunk({"audio": {"id": "au", "transcript": "he"}}),
        chunk({"audio": {"data": "QUJD"}}),
        chunk({"audio": {"data": "RA==", "expires_at": 5}}, "stop"),
    ]
    assert next(event for event in events(*pieces) if isinstance(event, AudioDelta)).id == "au"
    (part,) = answer(*pieces).content
    assert (part.data, part.text, part.file_id) == ("QUJDRA==", "he", "au")


def test_logprobs_and_filters_are_kept() -> None:
    scored = {"content": [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []}], "refusal": None}
    verdict = {"hate": {"filtered": False, "severity": "safe"}}
    choice = {"index": 0, "delta": {"content": "a"}, "finish_reason": "stop", "logprobs": scored}
    got = answer(
        chunk(choices=[], prompt_filter_results=[1]), chunk(choices=[{**choice, "content_filter_results": verdict}])
    )
    assert [(t.token, t.logprob, t.bytes) for t in got.choices[0].logprobs] == [("a", -0.5, (97,))]
    assert got.choices[0].extra == {"openai.chat": {"content_filter_results": verdict}}
    assert got.extra == {"openai.chat": {"prompt_filter_results": [1]}}


def test_sources_beside_the_answer_are_citations_of_it() -> None:
    found = {"search_results": [{"title": "T", "url": "https://e.x"}], "citations": ["https://e.x"]}
    for got in (
        answer(chunk({"content": "a"}, **found), chunk({}, "stop", **found)),
        wire.get("perplexity.chat").decode_response({"choices": [{"message": {"content": "a"}}], **found}),
    ):
        assert [(c.url, c.title) for c in got.citations] == [("https://e.x", "T")]
        assert got.text == "a"


def test_a_custom_tools_input_is_text() -> None:
    item = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "sql", "input": "select"}}
    more = {"index": 0, "custom": {"input": " 1"}}
    got = answer(chunk({"tool_calls": [item]}), chunk({"tool_calls": [more]}), chunk({}, "tool_calls"))
    assert (got.tool_calls[0].name, got.tool_calls[0].raw) == ("sql", "select 1")
    said = wire.get("openai.chat").encode_response(got)["choices"][0]["message"]["tool_calls"]
    assert said == [{"id": "a", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}]


def test_nothing_after_done_counts() -> None:
    assert answer(chunk({"content": "a"}, "stop"), DONE, chunk({"content": "b"})).text == "a"


def test_a_tool_call_starts_with_its_name_and_goes_on_without() -> None:
    pieces = [call(0, "a", "f", ""), call(0, "a", "f", "{"), call(0, None, None, "}")]
    found = [
        event
        for event in events(*[chunk({"tool_calls": [p]}) for p in pieces], DONE)
        if isinstance(event, ToolCallDelta)
    ]
    assert [(event.id, event.name, event.arguments) for event in found] == [
        ("a", "f", ""),
        (None, None, "{"),
        (None, None, "}"),
    ]


def test_items_of_lists_say_their_place_as_clients_that_join_the_pieces_want_it():
    """OpenAI's own client raises at a second piece of a list whose items have no whole number as index, and joins the
    texts of fields that come twice.
    """
    cited = [Text("", (Citation(url=f"https://example.com/{number}"),)) for number in range(2)]
    said: list[Event] = [
        Start(id="c1", model="m", created=1),
        PartEvent(ServerToolCall("call-a", "web_search", {"query": "Seoul"}), 0, replace=True),
        PartEvent(ServerToolCall("call-b", "web_search", {"query": "Busan"}), 1, replace=True),
        PartEvent(ServerToolResult("call-a", "web_search", {"found": "much"}), 2, replace=True),
        TextDelta("Seoul", 3),
        *[PartEvent(part, 3) for part in cited],
        Finish("stop", raw="stop"),
    ]
    sent = list(wire.get("openai.chat").encode_stream(said))
    deltas = [json.loads(data[6:])["choices"][0]["delta"] for data in sent if data != DONE]
    run = [item for delta in deltas for item in delta.get("executed_tools", ())]
    assert [(item["index"], item.get("id")) for item in run] == [(0, "call-a"), (1, "call-b"), (0, None)]
    assert [item["index"] for delta in deltas for item in delta.get("annotations", ())] == [0, 1]
    back = fold(wire.get("openai.chat").decode_stream(sent)).choices[0].content
    assert [part.id for part in back if isinstance(part, ServerToolCall | ServerToolResult)] == [
        *("call-a", "call-b"),
        "call-a",
    ]
    (text,) = (part for part in back if isinstance(part, Text))
    assert [citation.url for citation in text.citations] == ["https://example.com/0", "https://example.com/1"]
    assert all("index" not in citation.raw for citation in text.citations)
