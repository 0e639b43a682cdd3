"""Every recorded exchange of the Gemini API and Vertex AI, against look-ups on the raw JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from corpus import body_of, recordings
from modelmux import errors, wire
from modelmux._fold import fold, unfold
from modelmux.types import Response, Text
from wire.gemini_generate_content import raw

APIS = ("gemini.generateContent", "vertex.generateContent")
ALL = list(recordings(*APIS))
GOOD = [r for r in ALL if r["response"]["status"] < 400]
STREAMS = [r for r in GOOD if r["stream"]]
BAD = [r for r in ALL if r["response"]["status"] >= 400]
REQUESTS = [r for r in ALL if r["kind"] == "full" and isinstance(r["request"].get("body"), dict)]


def decoded(recording: dict[str, Any]) -> Response:
    codec = wire.get(recording["api"])
    body = body_of(recording["response"])
    return fold(codec.decode_stream([body])) if recording["stream"] else codec.decode_response(body)


def answer_of(recording: dict[str, Any]) -> list[dict[str, Any]]:
    return raw.chunks(recording["response"]["body"])


def differing(check: Callable[[Response, list[dict[str, Any]]], bool]) -> list[str]:
    return [r["id"] for r in GOOD if not check(decoded(r), answer_of(r))]


def test_the_recordings_are_there() -> None:
    assert (len(ALL), len(GOOD), len(STREAMS), len(BAD), len(REQUESTS)) == (535, 508, 171, 27, 509)


def test_text_and_reasoning_are_what_the_bodies_say() -> None:
    assert differing(lambda got, said: (got.text, got.reasoning) == (raw.text(said), raw.reasoning(said))) == []


def test_tool_calls_have_their_names_arguments_and_ids() -> None:
    assert differing(lambda got, said: [(c.name, c.arguments) for c in got.tool_calls] == raw.tool_calls(said)) == []
    for recording in GOOD:
        given = [p["functionCall"]["id"] for p in raw.parts(answer_of(recording)) if "id" in p.get("functionCall", {})]
        got = [call.id for call in decoded(recording).tool_calls]
        assert len(set(got)) == len(got)
        assert set(given) <= set(got)


def test_finish_reasons() -> None:
    assert (
        differing(
            lambda got, said: (
                (got.finish, got.choices[0].finish_raw if got.choices else None)
                == (raw.finish(said), raw.finish_raw(said))
            )
        )
        == []
    )


def test_model_and_id() -> None:
    def same(got: Response, said: list[dict[str, Any]]) -> bool:
        return (got.model, got.id) == (raw.last(said, "modelVersion"), raw.last(said, "responseId"))

    assert differing(same) == []


def test_usage_counters_add_up_to_the_vendors() -> None:
    def same(got: Response, said: list[dict[str, Any]]) -> bool:
        usage, counters = got.usage, raw.counters(said)
        read = sum(usage[unit] for unit in usage if unit.startswith(("input", "cache_read")))
        written = sum(usage[unit] for unit in usage if unit.startswith("output"))
        cached = sum(usage[unit] for unit in usage if unit.startswith("cache_read"))
        return (read, written, cached, usage["reasoning"], usage["tool_input"]) == (
            counters.get("promptTokenCount", 0),
            counters.get("candidatesTokenCount", 0),
            counters.get("cachedContentTokenCount", 0),
            counters.get("thoughtsTokenCount", 0),
            counters.get("toolUsePromptTokenCount", 0),
        )

    assert differing(same) == []


def test_signatures_stay_on_their_parts() -> None:
    for recording in GOOD:
        encoded = wire.get(recording["api"]).encode_response(decoded(recording))
        assert raw.signatures([encoded]) == raw.signatures(answer_of(recording)), recording["id"]


def test_whole_bodies_survive_decoding_and_encoding() -> None:
    """Parts, candidates' fields and counters, value by value: only numbers for enums become names."""
    compared = 0
    for recording in GOOD:
        if recording["stream"] or "enum-encoding" in recording["request"]["url"]:
            continue
        (body,) = answer_of(recording)
        encoded = wire.get(recording["api"]).encode_response(decoded(recording))
        for candidate in body.get("candidates", []):
            candidate.setdefault("index", 0)
            candidate.setdefault("content", {}).setdefault("role", "model")
        if body.get("usageMetadata") == {}:
            del body["usageMetadata"]
        assert encoded == body, recording["id"]
        compared += 1
    assert compared > 300


def test_every_split_of_the_bytes_gives_the_same_events() -> None:
    for recording in STREAMS:
        codec, body = wire.get(recording["api"]), body_of(recording["response"])
        whole = list(codec.decode_stream([body]))
        for size in (1, 13, 1024) if len(body) < 20_000 else (997,):
            pieces = [body[at : at + size] for at in range(0, len(body), size)]
            assert list(codec.decode_stream(pieces)) == whole, (recording["id"], size)


def test_an_answer_is_the_same_after_encoding_and_decoding() -> None:
    for recording in GOOD:
        codec, answer = wire.get(recording["api"]), decoded(recording)
        assert codec.decode_response(codec.encode_response(answer)) == answer, recording["id"]


def test_events_are_the_same_answer_after_encoding_and_decoding() -> None:
    for recording in STREAMS:
        codec = wire.get(recording["api"])
        events = list(codec.decode_stream([body_of(recording["response"])]))
        again = fold(codec.decode_stream(codec.encode_stream(events)))
        assert again == fold(events), recording["id"]


def test_a_whole_answer_streamed_is_the_same_answer() -> None:
    """But for empty and neighbouring pieces of plain text, which a stream has no way to keep apart."""
    for recording in GOOD:
        answer = decoded(recording)
        if not answer.choices:
            continue  # a batch's creation has no answer to stream
        codec = wire.get(recording["api"])
        again = fold(codec.decode_stream(codec.encode_stream(unfold(answer))))
        assert _joined(again) == _joined(answer), recording["id"]


def _joined(answer: Response) -> Response:
    choices = []
    for choice in answer.choices:
        content: list[Any] = []
        for part in choice.content:
            plain = isinstance(part, Text) and not (part.signature or part.extra or part.citations)
            if plain and not part.text:
                continue
            if plain and content and isinstance(content[-1], Text) and not content[-1].signature:
                content[-1] = replace(content[-1], text=content[-1].text + part.text)
            else:
                content.append(part)
        choices.append(replace(choice, content=tuple(content)))
    return replace(answer, choices=tuple(choices))


def test_cut_streams_are_never_taken_for_whole() -> None:
    for recording in STREAMS[::3]:
        codec, body = wire.get(recording["api"]), body_of(recording["response"])
        end = body.rfind(b"finishReason")
        for cut in (0, end // 3, end // 2, end - 1):
            with pytest.raises(errors.StreamTruncated):
                list(codec.decode_stream([body[:cut]]))


def test_requests_survive_decoding_and_encoding_without_their_source() -> None:
    same = 0
    for recording in REQUESTS:
        codec, body = wire.get(recording["api"]), recording["request"]["body"]
        before = json.dumps(body)
        request = codec.decode_request(body)
        encoded, _ = codec.encode_request(replace(request, source=None), model=request.model or recording["model"])
        assert encoded == body, recording["id"]
        assert json.dumps(body) == before
        same += 1
    assert same == 509


def test_a_changed_request_keeps_everything_else() -> None:
    for recording in REQUESTS:
        codec = wire.get(recording["api"])
        body = {**recording["request"]["body"], "someNewField": {"a": [1, {"b": None}]}}
        request = replace(codec.decode_request(body), max_tokens=77)
        encoded, _ = codec.encode_request(request, model=request.model or recording["model"])
        key = "generation_config" if "generation_config" in body else "generationConfig"
        options = dict(body.get(key) or {})
        options.pop("max_output_tokens", None)
        options["maxOutputTokens"] = 77
        assert encoded == {**body, key: options}, recording["id"]


def test_errors_are_in_the_right_class() -> None:
    found = Counter()
    for recording in BAD:
        response = recording["response"]
        error = wire.get(recording["api"]).decode_error(response["status"], response["headers"], body_of(response))
        said = json.loads(response["body"])["error"]
        assert error.message == said["message"]
        assert error.kind == said["status"]
        assert error.status == response["status"]
        found[type(error), _expected(response["status"], response["body"])] += 1
    assert all(issubclass(got, wanted) for got, wanted in found), found
    assert sum(found.values()) == len(BAD)


def _expected(status: int, body: str) -> type[errors.ProviderError]:
    """The class that status and stated reason amount to."""
    if "API_KEY_INVALID" in body or status == 401:
        return errors.AuthError
    if "exceeds the maximum number of tokens" in body:
        return errors.ContextTooLong
    by_status = {404: errors.ModelNotFound, 429: errors.RateLimited}
    return by_status.get(status, errors.RequestRejected)
