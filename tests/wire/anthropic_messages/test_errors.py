"""Error answers. The bodies are made up in the vendor's documented shape, or in those of proxies before it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelmux import errors, wire
from modelmux.errors import Retry

CODEC = wire.get("anthropic.messages")


def body(kind: str, message: str = "so it is") -> bytes:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}).encode()


@pytest.mark.parametrize(
    ("status", "kind", "message", "cls"),
    [
        (400, "invalid_request_error", "max_tokens: required", errors.RequestRejected),
        (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", errors.ContextTooLong),
        (400, "invalid_request_error", "Your credit balance is too low to access the API", errors.BillingError),
        (401, "authentication_error", "invalid x-api-key", errors.AuthError),
        (402, "billing_error", "no", errors.BillingError),
        (403, "permission_error", "no", errors.PermissionDenied),
        (404, "not_found_error", "model: nothing", errors.ModelNotFound),
        (413, "request_too_large", "no", errors.RequestTooLarge),
        (429, "rate_limit_error", "slow down", errors.RateLimited),
        (500, "api_error", "oops", errors.ServerError),
        (529, "overloaded_error", "Overloaded", errors.Overloaded),
    ],
)
def test_classes(status: int, kind: str, message: str, cls: type[errors.ProviderError]) -> None:
    error = CODEC.decode_error(status, {"retry-after": "3"}, body(kind, message))
    assert type(error) is cls
    assert (error.status, error.kind, error.message, error.request_id) == (status, kind, message, "req_1")
    assert error.provider == "anthropic"


def test_retry_after_is_kept() -> None:
    error = CODEC.decode_error(429, {"retry-after": "3", "request-id": "req_2"}, body("rate_limit_error"))
    assert (error.retry_after, error.retry) == (3, Retry.SAME)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        b"null",
        b"[]",
        b'["x"]',
        b'"text"',
        b"7",
        b"{}",
        b'{"error": null}',
        b'{"error": "text"}',
        b'{"error": {"type": 5, "message": {"a": 1}}}',
        b'{"message": "upstream gone"}',
        b'[{"error": {"message": "in a list"}}]',
        b"\xff\xfe",
    ],
)
@pytest.mark.parametrize("status", [400, 429, 502])
def test_anything_makes_an_error(status: int, data: bytes) -> None:
    error = CODEC.decode_error(status, {}, data)
    assert isinstance(error, errors.ProviderError)
    assert error.status == status
    assert error.message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"message": "upstream gone"}', "upstream gone"),
        (b'{"error": "text"}', "text"),
        (b'{"detail": "nope"}', "nope"),
        (b"plain words", "plain words"),
    ],
)
def test_other_shapes_say_what_they_say(data: bytes, message: str) -> None:
    assert CODEC.decode_error(502, {}, data).message == message


@pytest.mark.parametrize("data", [b"<html></html>", b"", b"[]", b'"x"', b'{"half": ', b"{}", b'{"content": "x"}'])
def test_a_good_status_with_nonsense_is_malformed(data: bytes) -> None:
    with pytest.raises(errors.MalformedResponse) as raised:
        CODEC.decode_response(data)
    assert raised.value.provider == "anthropic"


def test_a_good_status_with_an_error_is_that_error() -> None:
    with pytest.raises(errors.Overloaded) as raised:
        CODEC.decode_response(body("overloaded_error", "Overloaded"))
    assert (raised.value.status, raised.value.request_id) == (200, "req_1")


@pytest.mark.parametrize(
    "value",
    [
        {"content": []},
        {"content": [None, 5, "x", {}, {"type": None}, {"type": ["a"]}, {"type": "text", "text": None}]},
        {"content": [{"type": "tool_use"}, {"type": "thinking"}, {"type": "image", "source": {"type": {}}}]},
        {"content": [{"type": "web_search_tool_result"}, {"type": "tool_use", "id": "a", "name": "b", "input": "c"}]},
        {"content": [{"type": "text", "text": "a", "citations": [None, {"url": 3}]}]},
        {"content": [], "usage": None, "model": 4, "id": None, "stop_reason": 7},
        {"content": [], "usage": {"input_tokens": None, "output_tokens": "3"}},
    ],
)
def test_odd_answers_never_break_the_decoder(value: dict[str, Any]) -> None:
    reply = CODEC.decode_response(json.dumps(value).encode())
    assert len(reply.content) == len(value["content"])
    CODEC.decode_response(CODEC.encode_response(reply))


def test_an_unknown_stop_reason_is_kept() -> None:
    reply = CODEC.decode_response({"content": [], "stop_reason": "bored"})
    assert (reply.finish, reply.choices[0].finish_raw) == ("stop", "bored")
