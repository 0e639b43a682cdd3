"""Errors in the right class, whoever says them how. Bodies are quoted from vendors' documentation and issue threads, or
invented after their shapes; the recorded ones are in each wire's own tests.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmux import errors, wire
from modelmux._retry_after import limit_reset, parse_wait, retry_after
from modelmux.errors import Retry
from modelmux.wire._classify import Told, classify, provider_error


def said(
    status: int, body: Any, headers: dict[str, str] | None = None, api: str = "openai.chat"
) -> errors.ProviderError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return wire.get(api).decode_error(status, headers or {}, data)


def error(**fields: Any) -> dict[str, Any]:
    return {"error": fields}


QUOTA = "You exceeded your current quota, please check your plan and billing details."
TPM = (
    "Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Used 14567, "
    "Requested 24754. Please try again in 18.642s."
)

A_CODE = "Client specified an invalid argument"
WINDOW = "This model's maximum context length is 8192 tokens. However, you requested 9000 tokens"
NO_EFFORT = "Model x does not support parameter reasoningEffort."
POLICY = {"code": "ResponsibleAIPolicyViolation"}

CASES: list[tuple[int, Any, type[errors.ProviderError], Retry]] = [
    (401, error(message="Incorrect API key provided", code="invalid_api_key"), errors.AuthError, Retry.ELSEWHERE),
    (400, {"code": A_CODE, "error": "Incorrect API key provided: x."}, errors.AuthError, Retry.ELSEWHERE),
    (401, {"detail": "Invalid API Key"}, errors.AuthError, Retry.ELSEWHERE),
    (401, b"<html><head><title>401 Authorization Required</title></head></html>", errors.AuthError, Retry.ELSEWHERE),
    (403, error(message="Forbidden", code="forbidden"), errors.PermissionDenied, Retry.ELSEWHERE),
    (
        403,
        error(message="Country not supported", code="unsupported_country_region_territory"),
        errors.RegionBlocked,
        Retry.ELSEWHERE,
    ),
    (403, {"code": "denied", "error": "Content violates usage guidelines."}, errors.ContentBlocked, Retry.NEVER),
    (
        402,
        error(message="Insufficient Balance", type="unknown_error", code="invalid_request_error"),
        errors.BillingError,
        Retry.ELSEWHERE,
    ),
    (
        429,
        error(message=QUOTA, type="insufficient_quota", code="insufficient_quota"),
        errors.QuotaSpent,
        Retry.ELSEWHERE,
    ),
    (429, error(message="Insufficient balance", code="1113"), errors.BillingError, Retry.ELSEWHERE),
    (429, error(message=TPM, type="tokens", code="rate_limit_exceeded"), errors.RateLimited, Retry.SAME),
    (429, {"message": "Requests rate limit exceeded"}, errors.RateLimited, Retry.SAME),
    (429, b"", errors.RateLimited, Retry.SAME),
    (404, error(message="The model `x` does not exist", code="model_not_found"), errors.ModelNotFound, Retry.ELSEWHERE),
    (404, error(message="Resource not found", code="404"), errors.ModelNotFound, Retry.ELSEWHERE),
    (404, error(code="DeploymentNotFound", message="..."), errors.ModelNotFound, Retry.ELSEWHERE),
    (
        400,
        error(message="The model `x` has been decommissioned", code="model_decommissioned"),
        errors.ModelNotFound,
        Retry.ELSEWHERE,
    ),
    (
        400,
        {"object": "error", "type": "invalid_model", "code": "1500", "message": "Invalid model: x"},
        errors.ModelNotFound,
        Retry.ELSEWHERE,
    ),
    (400, error(message="x is not a valid model ID", code=400), errors.ModelNotFound, Retry.ELSEWHERE),
    (400, error(message="too long", code="context_length_exceeded"), errors.ContextTooLong, Retry.ELSEWHERE),
    (400, {"object": "error", "message": WINDOW, "code": 400}, errors.ContextTooLong, Retry.ELSEWHERE),
    (
        400,
        error(message="The total length of all messages is too long.", type="too_many_prompt_tokens", code=400),
        errors.ContextTooLong,
        Retry.ELSEWHERE,
    ),
    (
        413,
        error(message="Request too large for model: tokens per minute (TPM): Limit 6000", code="rate_limit_exceeded"),
        errors.RequestTooLarge,
        Retry.ELSEWHERE,
    ),
    (400, error(message="filtered", code="content_filter", innererror=POLICY), errors.ContentBlocked, Retry.NEVER),
    (400, error(message="filtered", code="content_filter", inner_error=POLICY), errors.ContentBlocked, Retry.NEVER),
    (
        400,
        error(message="Unsupported parameter: 'stop'", param="stop", code="unsupported_parameter"),
        errors.UnsupportedParameter,
        Retry.ELSEWHERE,
    ),
    (
        400,
        error(message="`tool calling` is not supported with this model"),
        errors.UnsupportedParameter,
        Retry.ELSEWHERE,
    ),
    (400, {"code": A_CODE, "error": NO_EFFORT}, errors.UnsupportedParameter, Retry.ELSEWHERE),
    (400, error(message="no", code="tool_use_failed", failed_generation="{"), errors.ToolUseFailed, Retry.SAME),
    (
        422,
        {"detail": [{"loc": ["body", "temperature"], "msg": "too big", "type": "value_error"}]},
        errors.RequestRejected,
        Retry.NEVER,
    ),
    (422, b"Failed to deserialize the JSON body", errors.RequestRejected, Retry.NEVER),
    (500, error(message="boom", type="server_error"), errors.ServerError, Retry.SAME),
    (500, error(code=500, message="tools param requires --jinja flag"), errors.ServerError, Retry.ELSEWHERE),
    (400, error(message="Setting 'a' and 'b' at the same time is not supported."), errors.RequestRejected, Retry.NEVER),
    (400, {"message": "Only a && b allowed now, your model c"}, errors.ModelNotFound, Retry.ELSEWHERE),
    (500, error(code=500, message="image input is not supported"), errors.ServerError, Retry.ELSEWHERE),
    (502, b"<html><title>502 Bad Gateway</title>", errors.ServerError, Retry.SAME),
    (503, error(message="The server is overloaded"), errors.Overloaded, Retry.SAME),
    (498, error(message="flex capacity exceeded"), errors.Overloaded, Retry.SAME),
    (529, b"{}", errors.Overloaded, Retry.SAME),
    (503, error(message="This model is getting throttled"), errors.RateLimited, Retry.SAME),
    (404, b"Not Found", errors.ModelNotFound, Retry.ELSEWHERE),
    (418, b"\xff\xfe", errors.RequestRejected, Retry.NEVER),
    (400, error(message="You have reached your specified API usage limits."), errors.QuotaSpent, Retry.ELSEWHERE),
    (429, error(message="Your team has used all available credits"), errors.BillingError, Retry.ELSEWHERE),
    (403, error(message="Sorry, your account balance is insufficient"), errors.BillingError, Retry.ELSEWHERE),
    (402, error(message="You have exceeded your monthly included credits"), errors.QuotaSpent, Retry.ELSEWHERE),
    (429, {"message": "Trial keys are limited to 1000 API calls / month."}, errors.QuotaSpent, Retry.ELSEWHERE),
    (429, {"message": "Trial keys are limited to 40 API calls / minute."}, errors.RateLimited, Retry.SAME),
    (429, error(message="The engine is currently overloaded"), errors.Overloaded, Retry.SAME),
    (429, error(message="x", type="engine_overloaded_error"), errors.Overloaded, Retry.SAME),
    (429, {"message": "Service tier capacity exceeded for this model."}, errors.Overloaded, Retry.SAME),
    (
        429,
        error(message="Request too large for gpt-4 on tokens per min: Limit 10000", code="rate_limit_exceeded"),
        errors.RequestTooLarge,
        Retry.ELSEWHERE,
    ),
    (
        401,
        error(message="You have insufficient permissions. Missing scopes: x"),
        errors.PermissionDenied,
        Retry.ELSEWHERE,
    ),
    (400, error(message="Output blocked by content filtering policy"), errors.ContentBlocked, Retry.NEVER),
    (400, error(message="Content Exists Risk", type="invalid_request_error"), errors.ContentBlocked, Retry.NEVER),
    (400, {"code": "DataInspectionFailed", "message": "Output data may be bad."}, errors.ContentBlocked, Retry.NEVER),
    (400, {"code": "Arrearage", "message": "Access denied."}, errors.BillingError, Retry.ELSEWHERE),
    (400, error(message="User location is not supported for the API use."), errors.RegionBlocked, Retry.ELSEWHERE),
    (
        400,
        error(message="input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000"),
        errors.ContextTooLong,
        Retry.ELSEWHERE,
    ),
    (
        400,
        error(message="This model's maximum prompt length is 131072 but the request contains 537812 tokens."),
        errors.ContextTooLong,
        Retry.ELSEWHERE,
    ),
    (400, error(message="Please reduce the length of the messages."), errors.ContextTooLong, Retry.ELSEWHERE),
    (400, error(message="Model x has been deprecated and removed."), errors.ModelNotFound, Retry.ELSEWHERE),
    (404, error(message="Vector store with id 'x' not found."), errors.ModelNotFound, Retry.NEVER),
    (404, error(message="Previous response with id 'x' not found."), errors.ModelNotFound, Retry.NEVER),
    (409, error(message="Another request holds the lock"), errors.ServerError, Retry.SAME),
    (
        400,
        [error(code=400, message="API key not valid.", status="INVALID_ARGUMENT")],
        errors.AuthError,
        Retry.ELSEWHERE,
    ),
]


@pytest.mark.parametrize(("status", "body", "kind", "retry"), CASES)
def test_class_and_retry(status: int, body: Any, kind: type[errors.ProviderError], retry: Retry) -> None:
    found = said(status, body)
    assert type(found) is kind
    assert found.retry is retry
    assert found.status == status
    assert found.message


def test_everything_said_is_kept() -> None:
    found = said(
        429,
        error(message=TPM, type="tokens", code="rate_limit_exceeded", param=None),
        {"x-request-id": "req_1", "content-type": "application/json"},
        api="groq.chat",
    )
    assert isinstance(found, errors.RateLimited)
    assert (found.code, found.kind, found.request_id, found.provider) == (
        "rate_limit_exceeded",
        "tokens",
        "req_1",
        "groq",
    )
    assert (found.dimension, found.retry_after) == ("tokens", 18.642)
    assert found.body["error"]["message"] == TPM
    assert found.headers["x-request-id"] == "req_1"


@pytest.mark.parametrize(
    ("message", "missing"),
    [
        ("The model `x` does not exist", "model"),
        ("Not found", "model"),
        ("models/x is not found for API version v1beta, or is not supported for generateContent.", "model"),
        ("tools is not supported in this model", "ability"),
        ("No endpoints found that support tool use.", "ability"),
        ("Vector store with id 'x' not found.", "other"),
        ("No file found with id 'x'", "other"),
    ],
)
def test_a_404_says_what_is_missing(message: str, missing: str) -> None:
    found = said(404, error(message=message))
    assert isinstance(found, errors.ModelNotFound)
    assert found.missing == missing


@pytest.mark.parametrize(
    ("message", "dimension"),
    [
        ("Rate limit of 40,000 input tokens per minute", "input_tokens"),
        ("Rate limit of 8,000 output tokens per minute", "output_tokens"),
        ("This request would exceed the rate limit of 50 requests per minute", "requests"),
        ("Limit reached on requests per day (RPD): Limit 200", "requests"),
        ("Number of concurrent connections has exceeded your rate limit", "concurrency"),
        ("Quota exceeded for metric: x/generate_content_free_tier_requests, limit: 10", "requests"),
        ("Quota exceeded for metric: x/generate_content_free_tier_input_token_count", "input_tokens"),
        ("Too many requests", None),
        ("Rate limited", None),
    ],
)
def test_a_limit_says_of_what_it_is(message: str, dimension: str | None) -> None:
    found = said(429, error(message=message))
    assert isinstance(found, errors.RateLimited)
    assert found.dimension == dimension


def test_the_window_and_the_prompt_are_counted() -> None:
    found = said(400, error(message=WINDOW))
    assert isinstance(found, errors.ContextTooLong)
    assert (found.limit, found.asked) == (8192, 9000)


@pytest.mark.parametrize(
    ("raw", "kind", "words"),
    [
        (json.dumps({"code": "x", "error": "Content violates usage guidelines."}), errors.ContentBlocked, "violates"),
        (
            json.dumps(error(message="prompt is too long: 9 > 8", type="invalid_request_error")),
            errors.ContextTooLong,
            "too long",
        ),
        ("x:free is temporarily rate-limited upstream.", errors.RequestRejected, "upstream"),
        (error(message="inner", code="unsupported_parameter", param="stop"), errors.UnsupportedParameter, "inner"),
    ],
)
def test_a_gateway_is_judged_by_what_its_upstream_said(raw: Any, kind: type[Exception], words: str) -> None:
    status = 403 if kind is errors.ContentBlocked else 400
    found = said(
        status, error(code=status, message="Provider returned error", metadata={"raw": raw}), api="openrouter.chat"
    )
    if "rate-limited" in str(raw):
        kind = errors.RateLimited
    assert type(found) is kind
    assert words in found.message
    assert found.message.startswith("Provider returned error")


def test_an_error_that_is_a_message_of_an_error_is_unwrapped() -> None:
    inner = json.dumps(error(code="validation_error", message="Model does not support image modality"))
    found = said(400, error(message=inner, code="validation_error"))
    assert found.message == "Model does not support image modality"
    assert type(found) is errors.UnsupportedParameter


def test_a_html_page_is_named_by_its_title() -> None:
    assert said(502, b"<html><title>Bad\nGateway</title>").message == "an HTML page: Bad\nGateway"


def test_deep_nesting_does_not_raise() -> None:
    body = b'{"error":' * 5_000 + b"1" + b"}" * 5_000
    assert type(said(400, body)) is errors.RequestRejected
    wrapped: Any = "end"
    for _ in range(200):
        wrapped = error(message=json.dumps(wrapped)[:4000])
    assert said(400, wrapped).message


@given(
    status=st.none() | st.integers(100, 599),
    message=st.sampled_from(
        [TPM, QUOTA, "", "prompt is too long", "overloaded", "invalid api key", "model x not found"]
    ),
    code=st.none() | st.sampled_from(["server_error", "invalid_api_key", "overloaded_error", "not_found", "429"]),
)
def test_a_callers_fault_stays_one(status: int | None, message: str, code: str | None) -> None:
    kind = classify(status, Told(message, code=code))
    if status is not None and 400 <= status < 500 and status not in (408, 409, 423, 424, 425, 429, 498):
        assert not issubclass(kind, (errors.ServerError, errors.Overloaded))
    if status is not None and status >= 500:
        assert not issubclass(kind, (errors.AuthError, errors.ModelNotFound, errors.BillingError))


def test_geminis_quota_with_a_delay_is_a_rate_limit() -> None:
    told = Told(QUOTA, kind="RESOURCE_EXHAUSTED", retry_delay=36.0)
    found = provider_error(429, {}, told)
    assert type(found) is errors.RateLimited
    assert found.retry_after == 36.0
    assert type(provider_error(429, {}, Told(QUOTA, kind="RESOURCE_EXHAUSTED"))) is errors.QuotaSpent


# --- waits ---------------------------------------------------------------------------------------------------

NOW = 1_760_000_000.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12ms", 0.012),
        ("1s", 1),
        ("6m0s", 360),
        ("24m28.456s", 1468.456),
        ("1h2m3s", 3723),
        ("2d", 172_800),
        ("7", 7),
        ("0.5", 0.5),
        ("-1", 0),
        (str(int(NOW) + 5), 5),
        (str(int(NOW * 1000) + 2500), 2.5),
        ("2025-10-09T08:53:30Z", 10),
        ("Thu, 09 Oct 2025 08:53:30 GMT", 10),
        ("", None),
        ("soon", None),
        ("inf", None),
        ("nan", None),
        ("5 parsecs", None),
    ],
)
def test_waits(text: str, seconds: float | None) -> None:
    found = parse_wait(text, now=NOW)
    assert found == (None if seconds is None else pytest.approx(seconds))


@given(st.text(max_size=30))
def test_no_text_breaks_the_parser(text: str) -> None:
    wait = parse_wait(text, now=NOW)
    assert wait is None or wait >= 0


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"retry-after": "3"}, 3),
        (429, {"retry-after-ms": "250", "retry-after": "3"}, 0.25),
        (429, {"retry-after-ms": "x", "retry-after": "3"}, 3),
        (503, {"retry-after": "3"}, 3),
        (200, {"retry-after": "3"}, None),
        (400, {"retry-after": "3"}, None),
        (429, {}, None),
    ],
)
def test_retry_after_is_honoured_where_it_means_something(
    status: int, headers: dict[str, str], seconds: float | None
) -> None:
    assert retry_after(headers, status, now=NOW) == seconds


def test_a_limit_that_is_used_up_says_when_it_is_renewed() -> None:
    headers = {
        "x-ratelimit-remaining-requests": "12",
        "x-ratelimit-reset-requests": "6m0s",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "1.5s",
    }
    assert limit_reset(headers) == 1.5
    assert said(429, {"message": "slow"}, headers).retry_after == 1.5
    assert said(429, {"message": "slow"}, {**headers, "retry-after": "9"}).retry_after == 9
    azure = {"x-ratelimit-remaining-tokens": "-1", "x-ratelimit-reset-tokens": "0"}
    assert said(429, {"message": "slow"}, azure).retry_after is None


def test_gateways_tell_their_limit_inside_the_body() -> None:
    renewed = str(int((time.time() + 30) * 1000))
    found = said(
        429, error(code=429, message="Rate limit exceeded", metadata={"headers": {"X-RateLimit-Reset": renewed}})
    )
    assert found.retry_after is not None
    assert 20 < found.retry_after <= 30
