"""Answers, streams and errors that nobody recorded. All bodies here are synthetic."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelmux import errors, wire
from modelmux import types as t
from modelmux._fold import fold

GEMINI = wire.get("gemini.generateContent")
VERTEX = wire.get("vertex.generateContent")


def candidate(*parts: Any, **fields: Any) -> dict[str, Any]:
    return {"content": {"role": "model", "parts": list(parts)}, **fields}


def sse(*chunks: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n" for chunk in chunks)


def collected(*pieces: bytes) -> tuple[list[t.Event], errors.ProviderError | None]:
    """The events of a stream, and the error that ends it."""
    decoder = GEMINI.stream_decoder()
    events: list[t.Event] = []
    for piece in pieces:
        events += decoder.feed(piece)
        if decoder.error is not None:
            return events, decoder.error
    try:
        events += decoder.close()
    except errors.ProviderError as error:
        return events, error
    return events, decoder.error


# --- whole answers ---------------------------------------------------------------------------------------------


def test_a_blocked_prompt_is_an_answer() -> None:
    body = {"promptFeedback": {"blockReason": "SAFETY", "safetyRatings": []}, "modelVersion": "m", "responseId": "r"}
    answer = GEMINI.decode_response(body)
    assert (answer.finish, answer.choices[0].finish_raw, answer.content) == ("filtered", "SAFETY", ())
    assert GEMINI.encode_response(answer) == body
    streamed = fold(GEMINI.decode_stream([sse(body)]))
    assert streamed == answer
    assert fold(GEMINI.decode_stream(GEMINI.encode_stream(GEMINI.decode_stream([sse(body)])))) == answer


def test_no_candidates_and_no_reason_is_no_success() -> None:
    assert GEMINI.decode_response({"usageMetadata": {"promptTokenCount": 3}, "candidates": []}).finish == "error"
    for body in (b'{"hello": 1}', b"[1]", b"3", b"<html>busy</html>", b'{"candidates": [{"con', b""):
        with pytest.raises(errors.ProviderError):
            GEMINI.decode_response(body)


def test_several_candidates() -> None:
    body = {
        "candidates": [
            candidate({"text": "one"}, finishReason="STOP", index=0),
            candidate({"functionCall": {"name": "f"}}, finishReason="STOP", index=1),
            {"finishReason": "MAX_TOKENS", "index": 2},
            candidate({"text": "x"}, finishReason="SOME_NEW_SAFETY_RULE"),
            candidate({"text": "x"}, finishReason="SOMETHING_ELSE"),
        ]
    }
    answer = GEMINI.decode_response(body)
    assert [choice.finish for choice in answer.choices] == ["stop", "tool_calls", "length", "filtered", "error"]
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3, 4]
    first, second = candidate({"text": "o"}, index=0), candidate({"functionCall": {"name": "f"}}, index=1)
    ends = [{"finishReason": "STOP", "index": 1}, candidate({"text": "ne"}, index=0, finishReason="STOP")]
    streamed = fold(GEMINI.decode_stream([sse({"candidates": [first, second]}, {"candidates": ends})]))
    assert streamed.choices == answer.choices[:2]


def test_numbers_for_enums_are_each_apis_own() -> None:
    body = {"candidates": [candidate({"text": "x"}, finishReason=10)]}
    assert GEMINI.decode_response(body).choices[0].finish_raw == "MALFORMED_FUNCTION_CALL"
    assert VERTEX.decode_response(body).choices[0].finish_raw == "MODEL_ARMOR"
    assert VERTEX.decode_response(body).finish == "filtered"


def test_citations_count_characters_where_the_vendor_counts_bytes() -> None:
    text = "Zürich liegt schön. Bern auch."
    start = len("Zürich liegt schön. ".encode())
    body = {
        "candidates": [
            candidate(
                {"text": "thinking", "thought": True},
                {"text": text},
                finishReason="STOP",
                groundingMetadata={
                    "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}, {"maps": {"uri": "m"}}],
                    "groundingSupports": [
                        {"segment": {"endIndex": 21, "text": "Zürich liegt schön."}, "groundingChunkIndices": [0, 1]},
                        {"segment": {"startIndex": start, "endIndex": start + 10}, "groundingChunkIndices": [0, 99]},
                        {"segment": {"startIndex": 900, "endIndex": 999, "text": "gone"}, "groundingChunkIndices": [1]},
                        None,
                    ],
                },
                citationMetadata={"citations": [{"uri": "https://b.example"}, {}, 3]},
            )
        ]
    }
    answer = GEMINI.decode_response(body)
    (part,) = [part for part in answer.content if isinstance(part, t.Text)]
    places = [(citation.url, citation.start, citation.end) for citation in part.citations]
    assert places[:3] == [("https://a.example", 0, 19), ("m", 0, 19), ("https://a.example", 20, 30)]
    assert places[3:] == [("m", None, None), ("https://b.example", None, None), (None, None, None)]
    chunks = ({"candidates": [candidate({"text": text[:9]})]}, {"candidates": [candidate({"text": text[9:]})]})
    last = {**body["candidates"][0], "content": {"role": "model"}}
    streamed = fold(GEMINI.decode_stream([sse(*chunks, {"candidates": [last]})]))
    (joined,) = streamed.content
    assert isinstance(joined, t.Text)
    assert joined.citations == part.citations


def test_another_vendors_citations_become_grounding() -> None:
    source = t.Citation("https://a.example", "A", start=5, end=9)
    answer = t.Response(choices=(t.Choice((t.Text("Über Bern und Rom", (source, t.Citation("u"))),)),))
    encoded = GEMINI.encode_response(answer)
    grounding = encoded["candidates"][0]["groundingMetadata"]
    assert grounding["groundingChunks"] == [{"web": {"uri": "https://a.example", "title": "A"}}, {"web": {"uri": "u"}}]
    (support,) = grounding["groundingSupports"]
    assert support["segment"] == {"partIndex": 0, "startIndex": 6, "endIndex": 10, "text": "Bern"}
    back = GEMINI.decode_response(encoded).citations[0]
    assert (back.url, back.start, back.end) == ("https://a.example", 5, 9)


def test_usage_of_another_vendor_adds_up() -> None:
    units = {"input": 5, "cache_read": 7, "input_audio": 3, "output": 11, "reasoning": 13, "tool_input": 2}
    counters = GEMINI.encode_response(t.Response(usage=t.Usage(units)))["usageMetadata"]
    assert counters["promptTokenCount"] == 15
    assert counters["cachedContentTokenCount"] == 7
    assert (counters["candidatesTokenCount"], counters["thoughtsTokenCount"]) == (11, 13)
    assert counters["toolUsePromptTokenCount"] == 2
    assert counters["totalTokenCount"] == 41
    assert GEMINI.decode_response({"candidates": [], "usageMetadata": counters}).usage == t.Usage(units)


@pytest.mark.parametrize(
    "item",
    [
        None,
        3,
        {},
        {"content": None},
        {"content": {"parts": None}},
        {"content": {"parts": {"text": "x"}}},
        {"content": {"parts": [None, {"text": 3}, {"functionCall": {}}, {"inlineData": {"data": 1}}]}},
        {"groundingMetadata": {"groundingSupports": 3}, "content": {"parts": [{"text": "x"}]}},
        {"logprobsResult": {"chosenCandidates": [None, {"token": 1}]}, "index": "0", "finishReason": []},
    ],
)
def test_odd_answers_never_break(item: Any) -> None:
    body = {"candidates": [item], "responseId": 3, "modelVersion": None, "createTime": "soon", "usageMetadata": None}
    answer = GEMINI.decode_response(body)
    assert len(answer.choices) == 1
    again = GEMINI.decode_response(GEMINI.encode_response(answer))
    assert again.choices[0].content == answer.choices[0].content
    events, error = collected(sse(body))
    assert isinstance(events[0], t.Start)
    assert isinstance(error, errors.StreamTruncated | None)


# --- streams ---------------------------------------------------------------------------------------------------


def test_a_signature_does_not_join_the_text_before_it() -> None:
    chunks = [{"candidates": [candidate({"text": text})]} for text in ("a", "b")]
    signed = {"candidates": [candidate({"text": "", "thoughtSignature": "c2ln"}, finishReason="STOP")]}
    answer = fold(GEMINI.decode_stream([sse(*chunks, signed)]))
    assert answer.content == (t.Text("ab"), t.Text("", signature="c2ln"))
    assert answer.text == "ab"


def test_arguments_in_fragments() -> None:
    pieces = [
        {"name": "f", "id": "i", "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.a", "stringValue": "x", "willContinue": True}], "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.a", "stringValue": "y"}], "willContinue": True},
        {"partialArgs": [{"jsonPath": "$.b.c[1]", "numberValue": 2.0}], "willContinue": True},
        {"partialArgs": [{"jsonPath": "$['d']", "boolValue": True}, {"jsonPath": "$.e", "nullValue": "NULL_VALUE"}],
         "willContinue": True},
        {"partialArgs": [{"jsonPath": "$", "stringValue": "?"}, {"jsonPath": "$.z[99999999]", "numberValue": 1}, 3],
         "willContinue": True},
        {},
    ]  # fmt: skip
    chunks = [{"candidates": [candidate({"functionCall": piece})]} for piece in pieces]
    end = {"candidates": [candidate({"functionCall": {"name": "g", "args": {}}}, finishReason="STOP")]}
    answer = fold(GEMINI.decode_stream([sse(*chunks, end)]))
    first, second = answer.tool_calls
    assert (first.id, first.name) == ("i", "f")
    assert first.arguments == {"a": "xy", "b": {"c": [None, 2]}, "d": True, "e": None, "z": []}
    assert (second.name, second.arguments, answer.finish) == ("g", {}, "tool_calls")


def test_an_array_without_sse() -> None:
    chunks = [
        {"candidates": [candidate({"text": 'braces } { ] [ " \\ and \u00e9'})]},
        {"candidates": [candidate({"text": "!"}, finishReason="STOP")], "usageMetadata": {"promptTokenCount": 4}},
    ]
    body = json.dumps(chunks, indent=2, ensure_ascii=False).encode()
    whole = list(GEMINI.decode_stream([body], "application/json"))
    assert fold(whole).text == 'braces } { ] [ " \\ and \u00e9!'
    assert fold(whole).usage == {"input": 4}
    for size in (1, 2, 3, 5, 50):
        assert list(GEMINI.decode_stream([body[at : at + size] for at in range(0, len(body), size)])) == whole
    assert GEMINI.decode_response(body) == fold(whole)
    for cut in range(1, body.rfind(b"finishReason"), 7):
        with pytest.raises(errors.StreamTruncated):
            list(GEMINI.decode_stream([body[:cut]]))


def test_a_closed_array_is_an_end_even_without_a_finish_reason() -> None:
    body = json.dumps([{"candidates": [candidate({"text": "x"})]}]).encode()
    answer = fold(GEMINI.decode_stream([body]))
    assert (answer.text, answer.finish, answer.choices[0].finish_raw) == ("x", "stop", None)
    with pytest.raises(errors.StreamTruncated):
        list(GEMINI.decode_stream([body[:-1]]))
    with pytest.raises(errors.StreamTruncated):
        list(GEMINI.decode_stream([sse({"candidates": [candidate({"text": "x"})]})]))


@pytest.mark.parametrize(
    ("tail", "kind"),
    [
        (
            sse({"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}),
            errors.Overloaded,
        ),
        (sse([{"error": {"code": 429, "message": "Slow down", "status": "RESOURCE_EXHAUSTED"}}]), errors.RateLimited),
        (sse({"error": "odd"}), errors.StreamError),
        (b"data: {not json}\n\n", errors.MalformedResponse),
        (b"data: 3\n\n", errors.MalformedResponse),
        (b'data: {"candidates": [{"cont', errors.StreamTruncated),
        (b"", errors.StreamTruncated),
    ],
)
def test_a_stream_that_breaks_hands_over_what_came_before(tail: bytes, kind: type[errors.ProviderError]) -> None:
    good = sse({"candidates": [candidate({"text": "hello"})], "usageMetadata": {"promptTokenCount": 5}})
    events, error = collected(good + tail)
    assert isinstance(error, kind)
    assert [event.text for event in events if isinstance(event, t.TextDelta)] == ["hello"]
    apart, same = collected(*((good + tail)[at : at + 1] for at in range(len(good + tail))))
    assert apart == events
    assert type(same) is type(error)


def test_a_cut_stream_still_says_what_it_used() -> None:
    events, error = collected(
        sse({"candidates": [candidate({"text": "hello"})], "usageMetadata": {"promptTokenCount": 5}})
    )
    assert isinstance(error, errors.StreamTruncated)
    assert [event.usage for event in events if isinstance(event, t.UsageEvent)] == [t.Usage({"input": 5})]


def test_counters_of_a_late_chunk_complete_the_earlier_ones() -> None:
    chunks = (
        {"candidates": [candidate({"text": "a"})], "usageMetadata": {"promptTokenCount": 5, "thoughtsTokenCount": 9}},
        {
            "candidates": [candidate({"text": "b"}, finishReason="STOP")],
            "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2, "thoughtsTokenCount": None},
        },
    )
    answer = fold(GEMINI.decode_stream([sse(*chunks)]))
    assert answer.usage == {"input": 5, "reasoning": 9, "output": 2}


def test_audio_keeps_its_media_type() -> None:
    kind = "audio/L16;codec=pcm;rate=24000"
    chunks = [
        {"candidates": [candidate({"inlineData": {"mimeType": kind, "data": data}})]} for data in ("AAA=", "AQE=")
    ]
    body = sse(*chunks, {"candidates": [{"finishReason": "STOP"}]})
    events = list(GEMINI.decode_stream([body]))
    assert [event.data for event in events if isinstance(event, t.AudioDelta)] == ["AAA=", "AQE="]
    (audio,) = fold(events).content
    assert isinstance(audio, t.Media)
    assert (audio.kind, audio.media_type, audio.data) == ("audio", kind, "AAABAQ==")


def test_events_of_another_vendor() -> None:
    events: list[t.Event] = [
        t.Start("resp_1", "other-model", 1_700_000_000),
        t.ReasoningDelta("hm", 0, signature="dGhlaXJz"),
        t.TextDelta("Hel", 1),
        t.TextDelta("lo", 1),
        t.ToolCallDelta(0, "c1", "f", '{"a"', part=2),
        t.ToolCallDelta(1, "c2", "g", "", part=3),
        t.ToolCallDelta(0, arguments=":1}", part=2),
        t.UsageEvent(t.Usage({"input": 3, "output": 4})),
        t.Finish("tool_calls", "tool_use"),
    ]
    answer = fold(GEMINI.decode_stream(GEMINI.encode_stream(events)))
    assert (answer.id, answer.model, answer.created) == ("resp_1", "other-model", 1_700_000_000)
    assert (answer.reasoning, answer.text, answer.finish) == ("hm", "Hello", "tool_calls")
    assert [(call.id, call.name, call.arguments) for call in answer.tool_calls] == [
        ("c1", "f", {"a": 1}),
        ("c2", "g", {}),
    ]
    assert all(part.signature is None for part in answer.content if isinstance(part, t.Reasoning))
    assert answer.usage == {"input": 3, "output": 4}


# --- errors ----------------------------------------------------------------------------------------------------


def error_body(code: int, message: str, status: str, *details: Any) -> bytes:
    return json.dumps({"error": {"code": code, "message": message, "status": status, "details": details}}).encode()


def test_the_wait_stands_in_the_body() -> None:
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "36.5s"}
    body = error_body(429, "You exceeded your rate", "RESOURCE_EXHAUSTED", {"@type": "x"}, retry)
    for wrapped in (body, b"[" + body + b"\n]"):
        error = GEMINI.decode_error(429, {}, wrapped)
        assert isinstance(error, errors.RateLimited)
        assert (error.retry_after, error.code, error.provider) == (36.5, "RESOURCE_EXHAUSTED", "gemini")


def test_the_field_that_is_wrong_is_named() -> None:
    violation = {"fieldViolations": [{"field": "generation_config.foo", "description": "no"}]}
    error = GEMINI.decode_error(400, {}, error_body(400, "Invalid JSON payload", "INVALID_ARGUMENT", violation))
    assert isinstance(error, errors.RequestRejected)
    assert error.param == "generation_config.foo"


@pytest.mark.parametrize(
    "body", [b"", b"<html>502</html>", b"null", b"[]", b"3", b'"gone"', b'{"error": null}', b'{"error": [1]}',
             b'{"error": {"details": [null, {"retryDelay": 3}], "code": "x", "message": {}}}', b"\xff\xfe"],
)  # fmt: skip
def test_any_error_body_makes_an_error(body: bytes) -> None:
    error = GEMINI.decode_error(502, {"x-request-id": "r"}, body)
    assert isinstance(error, errors.ServerError)
    assert (error.status, error.request_id) == (502, "r")


def test_an_error_inside_a_good_status() -> None:
    with pytest.raises(errors.Overloaded) as caught:
        GEMINI.decode_response(error_body(503, "overloaded", "UNAVAILABLE"))
    assert caught.value.status == 503
