"""From what a vendor says about a failure to the class of error it is.

Every vendor has its own shapes and words, but they say the same dozen things. The words are matched here, once, for
all wires; a wire's ``error.py`` only has to dig ``code``, ``kind`` and ``message`` out of its body.

Sources: the recorded error answers (see ``docs/fidelity.md``) and the vendors' error references: OpenAI "Error
codes", Anthropic "Errors", Gemini API "Troubleshooting", Bedrock "Troubleshooting API error codes".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelmux import errors as e
from modelmux._retry_after import retry_after

_CODES: dict[str, type[e.ProviderError]] = {
    # OpenAI and the many who copied its codes
    "invalid_api_key": e.AuthError,
    "invalid_authentication": e.AuthError,
    "insufficient_quota": e.QuotaSpent,
    "billing_hard_limit_reached": e.QuotaSpent,
    "rate_limit_exceeded": e.RateLimited,
    "model_not_found": e.ModelNotFound,
    "model_decommissioned": e.ModelNotFound,
    "model_not_available": e.ModelNotFound,
    "deploymentnotfound": e.ModelNotFound,
    "invalid_model": e.ModelNotFound,
    "unknown_model": e.ModelNotFound,
    "context_length_exceeded": e.ContextTooLong,
    "string_above_max_length": e.ContextTooLong,
    "too_many_prompt_tokens": e.ContextTooLong,
    "exceed_context_size_error": e.ContextTooLong,
    "unsupported_parameter": e.UnsupportedParameter,
    "unsupported_value": e.UnsupportedParameter,
    "content_filter": e.ContentBlocked,
    "content_policy_violation": e.ContentBlocked,
    "moderation_blocked": e.ContentBlocked,
    "responsibleaipolicyviolation": e.ContentBlocked,
    "tool_use_failed": e.ToolUseFailed,
    "unsupported_country_region_territory": e.RegionBlocked,
    "server_error": e.ServerError,
    "server_overloaded": e.Overloaded,
    "model_overloaded": e.Overloaded,
    # Anthropic
    "authentication_error": e.AuthError,
    "billing_error": e.BillingError,
    "permission_error": e.PermissionDenied,
    "not_found_error": e.ModelNotFound,
    "request_too_large": e.RequestTooLarge,
    "rate_limit_error": e.RateLimited,
    "api_error": e.ServerError,
    "timeout_error": e.ServerError,
    "overloaded_error": e.Overloaded,
    # Google
    "unauthenticated": e.AuthError,
    "permission_denied": e.PermissionDenied,
    "not_found": e.ModelNotFound,
    "resource_exhausted": e.RateLimited,
    "unavailable": e.Overloaded,
    "deadline_exceeded": e.ServerError,
    "internal": e.ServerError,
    "api_key_invalid": e.AuthError,
    "failed_precondition": e.PermissionDenied,
    # AWS
    "unrecognizedclientexception": e.AuthError,
    "invalidsignatureexception": e.AuthError,
    "expiredtokenexception": e.AuthError,
    "accessdeniedexception": e.PermissionDenied,
    "resourcenotfoundexception": e.ModelNotFound,
    "throttlingexception": e.RateLimited,
    "servicequotaexceededexception": e.QuotaSpent,
    "modelnotreadyexception": e.Overloaded,
    "serviceunavailableexception": e.Overloaded,
    "internalserverexception": e.ServerError,
    "modelerrorexception": e.ServerError,
    "modelstreamerrorexception": e.ServerError,
    "modeltimeoutexception": e.ServerError,
}

_SAYS: tuple[tuple[type[e.ProviderError], re.Pattern[str]], ...] = tuple(
    (cls, re.compile(pattern, re.IGNORECASE))
    for cls, pattern in (
        (
            e.ContextTooLong,
            r"maximum context length|context[ _]length|context window|prompt is too long|input is too long"
            r"|input tokens exceeded|input token count .{0,20}exceeds|exceeds the available context size"
            r"|too many prompt tokens|prompt contains .{0,40}tokens.{0,80}too large",
        ),
        (e.ModelNotFound, r"model.{0,80}(does not exist|not found|is deprecated|decommissioned|has been retired)"),
        (e.ModelNotFound, r"model identifier is invalid|invalid model\b|end of (its )?life|unknown model"),
        (e.ModelNotFound, r"\bnot a valid model id\b|\bno endpoints found\b|is not a chat model"),
        (e.AuthError, r"(incorrect|invalid|missing).{0,20}api[ -]key|api key (not valid|expired|not found)"),
        (e.BillingError, r"credit balance is too low|insufficient (balance|credits|funds)|extra usage is required"),
        (e.QuotaSpent, r"exceeded your current quota"),
        (e.RegionBlocked, r"(country|region|location).{0,40}(not supported|unsupported|not available)"),
        (e.ContentBlocked, r"content management policy|violates? (our |the )?usage (guidelines|polic)|content polic"),
        (e.RateLimited, r"getting throttled|too many requests|rate limit"),
        (e.Overloaded, r"\boverloaded\b|\bat capacity\b|temporarily unavailable|no capacity"),
        (e.ToolUseFailed, r"failed to call a function"),
        (
            e.UnsupportedParameter,
            r"unsupported (parameter|value)|(does|do) not support|is not supported (with|by|for)|not supported with this"
            r"|unrecognized request argument|unknown parameter|unknown name|extra inputs are not permitted",
        ),
    )
)
"""Tried in order; the more telling come first. Only consulted when the code says nothing better."""

_STATUSES: dict[int, type[e.ProviderError]] = {
    401: e.AuthError,
    402: e.BillingError,
    403: e.PermissionDenied,
    404: e.ModelNotFound,
    408: e.ServerError,
    410: e.ModelNotFound,
    413: e.RequestTooLarge,
    424: e.ServerError,
    425: e.Overloaded,
    429: e.RateLimited,
    451: e.RegionBlocked,
    498: e.Overloaded,
    503: e.Overloaded,
    529: e.Overloaded,
}

_REQUEST_ID_HEADERS = (
    "x-request-id",
    "request-id",
    "apim-request-id",
    "x-amzn-requestid",
    "mistral-correlation-id",
    "x-ds-trace-id",
    "x-generation-id",
    "x-goog-request-id",
)

_HTTP_WORDS = frozenset({"400", "401", "402", "403", "404", "408", "409", "413", "422", "429", "500", "502", "503"})


@dataclass(frozen=True, slots=True)
class Told:
    """What a vendor said about a failure, dug out of its body by a wire."""

    message: str
    code: str | None = None
    kind: str | None = None
    param: str | None = None
    request_id: str | None = None
    body: Any = None
    retry_delay: float | None = None


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """The vendor's id of this exchange, under whichever header name it goes."""
    return next((headers[name] for name in _REQUEST_ID_HEADERS if headers.get(name)), None)


def classify(status: int | None, told: Told) -> type[e.ProviderError]:
    """The class of error that a status and the vendor's words amount to."""
    by_code = _by_code(told)
    said = _by_words(told.message)
    by_status = _by_status(status)
    if by_code is e.ModelNotFound and by_status is not e.ModelNotFound and status not in (None, 400, 422):
        by_code = None
    if by_code is None or by_code in _VAGUE:
        if said is not None and _may_override(said, by_code or by_status):
            return said
        return by_code or by_status
    return by_code


_VAGUE = frozenset(
    {e.RateLimited, e.PermissionDenied, e.AuthError, e.ServerError, e.UnsupportedParameter, e.Overloaded}
)


def _may_override(said: type[e.ProviderError], coarse: type[e.ProviderError]) -> bool:
    """Words refine what code and status leave open; they never turn a caller's fault into a vendor's or back."""
    if coarse is e.RequestRejected:
        return said is not e.Overloaded
    if coarse is e.RateLimited:
        return said in (e.QuotaSpent, e.BillingError, e.RateLimited)
    if coarse in (e.AuthError, e.PermissionDenied):
        return said in (e.RegionBlocked, e.ContentBlocked, e.BillingError, e.AuthError, e.ModelNotFound)
    if coarse in (e.ServerError, e.Overloaded):
        return said in (e.Overloaded, e.RateLimited, e.ContextTooLong)
    if coarse is e.UnsupportedParameter:
        return said is e.ContextTooLong
    return issubclass(said, coarse)


def _by_code(told: Told) -> type[e.ProviderError] | None:
    for word in (told.code, told.kind):
        if word and word not in _HTTP_WORDS:
            found = _CODES.get(word.lower())
            if found is not None:
                return found
    return None


def _by_words(message: str) -> type[e.ProviderError] | None:
    return next((cls for cls, pattern in _SAYS if pattern.search(message)), None)


def _by_status(status: int | None) -> type[e.ProviderError]:
    if status is None:
        return e.StreamError
    if status in _STATUSES:
        return _STATUSES[status]
    if status >= 500:
        return e.ServerError
    if status >= 400:
        return e.RequestRejected
    return e.MalformedResponse


def provider_error(
    status: int | None, headers: Mapping[str, str], told: Told, *, provider: str | None = None
) -> e.ProviderError:
    """The classified error, with everything the vendor said about it."""
    cls = classify(status, told)
    wait = retry_after(headers, status) if status is not None else None
    error = cls(
        told.message or f"HTTP {status} without an explanation",
        status=status,
        code=told.code,
        kind=told.kind,
        param=told.param,
        request_id=told.request_id or request_id_of(headers),
        retry_after=told.retry_delay if wait is None else wait,
        provider=provider,
        body=told.body,
        headers=headers,
    )
    return error
