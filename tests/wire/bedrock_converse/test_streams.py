"""Streams that go wrong, errors, and spoilt bodies."""

from __future__ import annotations

import contextlib
import copy
import json
import random
from typing import Any

import pytest

import corpus
from modelmux import errors, wire
from modelmux._eventstream import encode_event, encode_message
from modelmux._fold import fold
from modelmux.errors import MalformedResponse, ProviderError, StreamTruncated
from modelmux.types import Event, TextDelta

CODEC = wire.get("bedrock.converse")

BEGUN = encode_event("messageStart", b'{"role":"assistant","p":"abc"}') + encode_event(
    "contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"Hi"},"p":"abcdef"}'
)
STOPPED = encode_event("messageStop", b'{"stopReason":"end_turn"}')


def until_error(pieces: list[bytes]) -> tuple[list[Event], Exception | None]:
    seen: list[Event] = []
    try:
        seen.extend(CODEC.decode_stream(pieces))
    except ProviderError as error:
        return seen, error
    return seen, None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("throttlingException", errors.RateLimited),
        ("validationException", errors.RequestRejected),
        ("serviceUnavailableException", errors.Overloaded),
        ("internalServerException", errors.ServerError),
        ("modelStreamErrorException", errors.ServerError),
    ],
)
def test_an_exception_in_the_stream_is_classified(name: str, kind: type[ProviderError]):
    """Synthetic, after the API reference: no recording holds one."""
    headers = {":message-type": "exception", ":exception-type": name, ":content-type": "application/json"}
    exception = encode_message(b'{"message":"Not now."}', headers)
    decoder = CODEC.stream_decoder()
    events = decoder.feed(BEGUN + exception)
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["Hi"]
    with pytest.raises(kind, match="Not now") as caught:
        decoder.close()
    assert caught.value.code == name
    assert caught.value.billed is errors.Billed.UNKNOWN
    unframed = json.dumps({name: {"message": "Not now."}}).encode()
    assert isinstance(until_error([unframed])[1], kind)


def test_an_error_that_the_interface_does_not_name():
    headers = {":message-type": "error", ":error-code": "InternalServerException", ":error-message": "Broken."}
    error = until_error([BEGUN, encode_message(b"", headers)])[1]
    assert isinstance(error, errors.ServerError)
    assert error.message == "Broken."


def test_damage_is_no_answer_and_what_came_before_it_is_kept():
    damaged = bytearray(BEGUN + STOPPED)
    damaged[-2] ^= 1
    for pieces in ([bytes(damaged)], [bytes(damaged[place : place + 1]) for place in range(len(damaged))]):
        seen, error = until_error(pieces)
        assert isinstance(error, MalformedResponse)
        assert fold(seen).text == "Hi"


def test_a_stream_without_its_stop_is_cut():
    for end in range(len(BEGUN)):
        assert isinstance(until_error([BEGUN[:end]])[1], StreamTruncated)


def test_a_stream_that_lost_what_follows_the_stop_is_whole():
    answer = fold(CODEC.decode_stream([BEGUN + STOPPED + encode_event("metadata", b"{}")[:-3]]))
    assert (answer.text, answer.finish, answer.usage.reported) == ("Hi", "stop", False)


def test_a_whole_answer_to_a_stream_request_is_read():
    body = next(row for row in corpus.recordings("bedrock.converse") if row["response"]["status"] == 200)["response"]
    one_line = json.dumps(json.loads(body["body"])).encode()
    assert fold(CODEC.decode_stream([one_line])).text == CODEC.decode_response(one_line).text
    with pytest.raises(errors.ProviderError):
        list(CODEC.decode_stream([b'{"message":"Too many requests"}']))


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b"{}", b'{"output":{}}', b'{"output":{"message":{"content":1}}}']
)
def test_what_is_no_answer(body: bytes):
    with pytest.raises(MalformedResponse):
        CODEC.decode_response(body)


@pytest.mark.parametrize(
    ("status", "name", "message", "kind"),
    [
        (400, "ValidationException:http://x", "Input is too long for requested model.", errors.ContextTooLong),
        (400, "ValidationException", "The provided model identifier is invalid.", errors.ModelNotFound),
        (403, "ExpiredTokenException", "The security token included in the request is expired", errors.AuthError),
        (403, "AccessDeniedException", "You don't have access to the model", errors.PermissionDenied),
        (429, "ThrottlingException", "Too many requests", errors.RateLimited),
        (429, "ModelNotReadyException", "Model is not ready", errors.Overloaded),
        (503, "ServiceUnavailableException", "Model is getting throttled. Try your request again.", errors.RateLimited),
        (503, "ServiceUnavailableException", "Bedrock is unable to process your request.", errors.Overloaded),
        (424, "ModelErrorException", "The model failed", errors.ServerError),
    ],
)
def test_errors(status: int, name: str, message: str, kind: type[ProviderError]):
    headers = {"x-amzn-errortype": name, "x-amzn-requestid": "some-request"}
    error = CODEC.decode_error(status, headers, json.dumps({"message": message}).encode())
    assert type(error) is kind
    assert (error.code, error.message, error.request_id) == (name.partition(":")[0], message, "some-request")


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'"text"', b"<html>", b"\xff", b'{"Message":"Upper case"}'])
def test_any_error_body_makes_an_error(body: bytes):
    assert isinstance(CODEC.decode_error(500, {}, body), errors.ServerError)


def spoilt(value: Any, rng: random.Random) -> Any:
    """A copy with one value anywhere replaced by one of another type."""
    value = copy.deepcopy(value)
    places: list[tuple[Any, Any]] = []
    heap = [value]
    while heap:
        found = heap.pop()
        for key in list(found) if isinstance(found, dict) else range(len(found)):
            places.append((found, key))
            if isinstance(found[key], (dict, list)):
                heap.append(found[key])
    holder, key = rng.choice(places)
    holder[key] = rng.choice([None, 1, "odd", [], {}, [None], {"odd": 1}, True])
    return value


def test_spoilt_bodies_raise_nothing_but_typed_errors():
    rng = random.Random(20)
    rows = list(corpus.recordings("bedrock.converse"))
    answered = asked = 0
    for row in rows * 6:
        if row["response"]["status"] == 200:
            body = spoilt(json.loads(row["response"]["body"]), rng)
            with contextlib.suppress(ProviderError):
                CODEC.encode_response(CODEC.decode_response(body))
                answered += 1
        if isinstance(row["request"].get("body"), dict):
            with contextlib.suppress(errors.InvalidRequest):
                CODEC.encode_request(CODEC.decode_request(spoilt(row["request"]["body"], rng)), model="m")
                asked += 1
    # Most survive one odd field: a codec that refused everything would prove nothing here.
    assert min(answered, asked) > len(rows)


def test_spoilt_streams_raise_nothing_but_typed_errors():
    rng = random.Random(21)
    lines = [row for row in corpus.recordings("bedrock.converse-stream") if "ndjson" in str(row["response"]["headers"])]
    assert lines
    for row in lines * 25:
        events = [json.loads(line) for line in row["response"]["body"].splitlines()]
        body = "\n".join(map(json.dumps, spoilt(events, rng))).encode()
        until_error([body])
