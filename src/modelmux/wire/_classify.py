"""From what a vendor says about a failure to the class of error it is.

Every vendor has its own shapes and words, but they say the same dozen things. The words are matched here, once, for
all wires; a wire's ``error.py`` only has to dig ``code``, ``kind`` and ``message`` out of its body.

The status says the coarse class, the vendor's code may refine it, its words may refine that; :data:`_REFINES` says
which refinements are believed. So a caller's fault never turns into a vendor's, or back, because of a stray word.

Sources: the recorded error answers (see ``docs/fidelity.md``) and the vendors' error references: OpenAI "Error
codes", Anthropic "Errors", Gemini API "Troubleshooting", Bedrock "Troubleshooting API error codes", Z.ai "Errors".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelmux import errors as e
from modelmux._retry_after import limit_reset, retry_after

Kind = type[e.ProviderError]

_CODES: dict[str, Kind] = {
    # OpenAI and the many who copied its codes
    "invalid_api_key": e.AuthError,
    "invalid_authentication": e.AuthError,
    "unauthorized": e.AuthError,
    "insufficient_quota": e.QuotaSpent,
    "exceeded_current_quota_error": e.QuotaSpent,
    "billing_hard_limit_reached": e.QuotaSpent,
    "billing_not_active": e.BillingError,
    "insufficient_balance": e.BillingError,
    "insufficient_credits": e.BillingError,
    "account_deactivated": e.AuthError,
    "rate_limit_exceeded": e.RateLimited,
    "model_not_found": e.ModelNotFound,
    "model_decommissioned": e.ModelNotFound,
    "model_not_available": e.ModelNotFound,
    "model_not_supported": e.ModelNotFound,
    "deploymentnotfound": e.ModelNotFound,
    "invalid_model": e.ModelNotFound,
    "unknown_model": e.ModelNotFound,
    "context_length_exceeded": e.ContextTooLong,
    "string_above_max_length": e.ContextTooLong,
    "too_many_prompt_tokens": e.ContextTooLong,
    "exceed_context_size_error": e.ContextTooLong,
    "unsupported_parameter": e.UnsupportedParameter,
    "unsupported_value": e.UnsupportedParameter,
    "model_no_support_for_function": e.UnsupportedParameter,
    "content_filter": e.ContentBlocked,
    "content_policy_violation": e.ContentBlocked,
    "content_blocked": e.ContentBlocked,
    "moderation_blocked": e.ContentBlocked,
    "responsibleaipolicyviolation": e.ContentBlocked,
    "tool_use_failed": e.ToolUseFailed,
    "unsupported_country_region_territory": e.RegionBlocked,
    "forbidden": e.PermissionDenied,
    "server_error": e.ServerError,
    "server_overloaded": e.Overloaded,
    "engine_overloaded": e.Overloaded,
    "engine_overloaded_error": e.Overloaded,
    "overloaded": e.Overloaded,
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
    # DashScope
    "arrearage": e.BillingError,
    "data_inspection_failed": e.ContentBlocked,
    "datainspectionfailed": e.ContentBlocked,
    # Z.ai
    "1001": e.AuthError,
    "1002": e.AuthError,
    "1003": e.AuthError,
    "1004": e.AuthError,
    "1112": e.AuthError,
    "1113": e.BillingError,
    "1121": e.AuthError,
    "1211": e.ModelNotFound,
    "1261": e.ContextTooLong,
    "1301": e.ContentBlocked,
    "1302": e.RateLimited,
    "1303": e.RateLimited,
    "1304": e.QuotaSpent,
    "1305": e.RateLimited,
    "1308": e.QuotaSpent,
    "1309": e.BillingError,
}

_SAYS: tuple[tuple[Kind, re.Pattern[str]], ...] = tuple(
    (cls, re.compile(pattern, re.IGNORECASE))
    for cls, pattern in (
        (
            e.ContextTooLong,
            (
                r"maximum context length|context[ _]length|context window|prompt is too long|input is too long"
                r"|input tokens exceeded|input token count .{0,20}exceeds|exceeds the available context size"
                r"|too many prompt tokens|total length of all messages is too long"
                r"|prompt contains .{0,40}tokens.{0,80}too large|maximum prompt length|exceeds? (the )?context limit"
                r"|reduce the length of the (messages|prompt|input)|range of input length"
                r"|exceed(s|ed)? (the )?model token limit|total number of tokens .{0,40}(exceeds|cannot exceed)"
                r"|inputs`? tokens .{0,40}must be <=|input length .{0,40}exceeds|input exceeds the"
            ),
        ),
        (e.UnsupportedParameter, r"\bno endpoints found that (support|can handle)\b"),
        (
            e.ModelNotFound,
            (
                r"model.{0,80}(does not exist|not found|not exist\b|is deprecated|decommissioned"
                r"|no longer (available|supported)|(has been|was) (deprecated|retired|removed|discontinued|shut ?down))"
            ),
        ),
        (e.ModelNotFound, r"model identifier is invalid|invalid model\b|end of (its )?life|unknown model"),
        (
            e.ModelNotFound,
            (
                r"\bnot a valid model id\b|\bno endpoints found\b|is not a chat model|allowed now, your model"
                r"|on-demand throughput isn.t supported"
            ),
        ),
        (e.AuthError, r"(incorrect|invalid|missing|no).{0,20}api[ -]key|api key (not valid|expired|not found)"),
        (
            e.QuotaSpent,
            (
                r"exceeded your (current quota|monthly)|api calls / month"
                r"|(billing|spend|spending|monthly|specified api) (hard |usage )?limit"
            ),
        ),
        (
            e.BillingError,
            (
                r"insufficient.{0,20}(balance|credits?\b|funds)|not enough (balance|credits?\b)"
                r"|used all available credits|extra usage is required"
                r"|(balance|credits?|funds)( is| are)? (too low|insufficient|exhausted|not enough)"
                r"|account.{0,40}(overdue|in arrears|suspended)"
            ),
        ),
        (e.RegionBlocked, r"(country|region|location|territory).{0,40}(not supported|unsupported|not available)"),
        (
            e.ContentBlocked,
            (
                r"content management policy|violat(es?|ing) (our |the )?usage (guidelines|polic)|content polic"
                r"|content filtering policy|flagged (by|as)|(in|out)put was blocked"
                r"|blocked by (the |our )?(content|safety)"
                r"|rejected .{0,20}safety system|considered high risk|content exists risk|inappropriate content"
                r"|(contains?|contained) sensitive|prohibited content"
            ),
        ),
        (e.RequestTooLarge, r"request too large for"),
        (e.RateLimited, r"getting throttled|too many requests|rate[- ]limit"),
        (
            e.Overloaded,
            r"\boverloaded\b|\b(at|over) capacity\b|capacity exceeded|temporarily unavailable|no capacity",
        ),
        (
            e.PermissionDenied,
            r"insufficient permissions|missing scopes|(not|n.t) have (permission|access)|not authorized to",
        ),
        (e.ToolUseFailed, r"failed to call a function|tool call validation failed"),
        (
            e.UnsupportedParameter,
            (
                r"unsupported (parameter|value)|(does|do)( not|n't) support|not supported with this|requires --\w+ flag"
                r"|(?<!at the same time )is not supported"  # what the caller combined is wrong everywhere
                r"|(is|are) not enabled for|unknown variant `(image|file|input_audio|video)"
                r"|unrecognized request argument|unknown parameter|unknown name|extra inputs are not permitted"
            ),
        ),
    )
)
"""Tried in order; the more telling come first."""

_STATUSES: dict[int, Kind] = {
    401: e.AuthError,
    402: e.BillingError,
    403: e.PermissionDenied,
    404: e.ModelNotFound,
    408: e.ServerError,
    409: e.ServerError,
    410: e.ModelNotFound,
    413: e.RequestTooLarge,
    424: e.ServerError,
    423: e.ServerError,
    425: e.Overloaded,
    429: e.RateLimited,
    451: e.RegionBlocked,
    498: e.Overloaded,
    503: e.Overloaded,
    529: e.Overloaded,
}

_NAMED = re.compile(
    r"\b(response|file|vector store|container|conversation|batch|cached ?content|thread|assistant)s?\b"
    r".{0,80}\b(not found|does not exist)|\bno (response|file|conversation|container|vector store|batch) found\b",
    re.IGNORECASE,
)

_ALL: frozenset[Kind] = frozenset(_CODES.values())
_VENDORS_FAULT: frozenset[Kind] = frozenset({e.Overloaded, e.ServerError})

_REFINES: dict[Kind, frozenset[Kind]] = {
    e.RequestRejected: _ALL - _VENDORS_FAULT,
    e.UnsupportedParameter: frozenset({e.ContextTooLong}),
    e.AuthError: frozenset({e.PermissionDenied, e.RegionBlocked, e.BillingError}),
    e.PermissionDenied: frozenset(
        {e.AuthError, e.RegionBlocked, e.ContentBlocked, e.BillingError, e.QuotaSpent, e.ModelNotFound, e.RateLimited}
    ),
    e.BillingError: frozenset({e.QuotaSpent}),
    e.RateLimited: frozenset({e.QuotaSpent, e.BillingError, e.AuthError, e.Overloaded, e.RequestTooLarge}),
    e.RequestTooLarge: frozenset({e.ContextTooLong}),
    e.ServerError: frozenset({e.Overloaded, e.RateLimited, e.ContextTooLong}),
    e.Overloaded: frozenset({e.RateLimited, e.ContextTooLong}),
    e.StreamError: _ALL,
    e.MalformedResponse: _ALL,
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

_WINDOW = re.compile(r"maximum context length is (\d+)|> (\d+) maximum|maximum number of tokens allowed \((\d+)\)")
_ASKED = re.compile(r"you requested (\d+) tokens|prompt is too long: (\d+)|input token count \((\d+)\)", re.IGNORECASE)
_PER = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("concurrency", r"concurren|simultaneous|parallel requests"),
        ("input_tokens", r"input[ _]tokens?|\bitpm\b"),
        ("output_tokens", r"output[ _]tokens?|\botpm\b"),
        ("tokens", r"(?<![a-z])tokens?(?![a-z])|\btp[mdh]\b"),
        ("requests", r"(?<![a-z])(?<!many )requests(?![a-z])|\brp[mdsh]\b|requests?[ _-]per[ _-]|api calls"),
    )
)
"""What a limit is of, by the vendor's words; the more telling come first."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a vendor said about a failure, dug out of its body by a wire.

    ``retry_delay`` is a wait in seconds named in the body, for vendors that send no header.
    """

    message: str
    code: str | None = None
    kind: str | None = None
    param: str | None = None
    request_id: str | None = None
    body: Any = None
    retry_delay: float | None = None


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """The vendor's id of this exchange, under whichever header name it goes."""
    for name in _REQUEST_ID_HEADERS:
        if found := headers.get(name):
            return found
    return None


def classify(status: int | None, told: Told) -> Kind:
    """The class of error that a status (None inside a stream) and the vendor's words amount to."""
    found = _by_status(status)
    by_words = _by_words(told.message)
    if by_words is e.QuotaSpent and told.retry_delay is not None:
        by_words = e.RateLimited  # Gemini calls its limits per minute a quota, and says when to come back
    for finer in (_by_code(told), by_words):
        if finer is not None and finer in _REFINES.get(found, ()):
            found = finer
    return found


def _by_status(status: int | None) -> Kind:
    if status is None:
        return e.StreamError
    if status in _STATUSES:
        return _STATUSES[status]
    if status >= 500:
        return e.ServerError
    return e.RequestRejected if status >= 400 else e.MalformedResponse


def _by_code(told: Told) -> Kind | None:
    words = (word.lower() for word in (told.code, told.kind) if word)
    return next((_CODES[word] for word in words if word in _CODES), None)


def _by_words(message: str) -> Kind | None:
    return next((cls for cls, pattern in _SAYS if pattern.search(message)), None)


def provider_error(
    status: int | None, headers: Mapping[str, str], told: Told, *, provider: str | None = None
) -> e.ProviderError:
    """The classified error, with everything the vendor said about it."""
    cls = classify(status, told)
    wait = retry_after(headers, status) if status is not None else None
    if wait is None:
        wait = told.retry_delay
    if wait is None and cls is e.RateLimited:
        wait = limit_reset(headers)
    error = cls(
        told.message or (f"HTTP {status} without an explanation" if status else "an error without an explanation"),
        status=status,
        code=told.code,
        kind=told.kind,
        param=told.param,
        request_id=told.request_id or request_id_of(headers),
        retry_after=wait,
        provider=provider,
        body=told.body,
        headers=headers,
    )
    if isinstance(error, e.ContextTooLong):
        error.limit, error.asked = _count(_WINDOW, told.message), _count(_ASKED, told.message)
    elif isinstance(error, e.RateLimited):
        said = f"{told.kind or ''} {told.message}".lower()
        error.dimension = next((name for name, pattern in _PER if pattern.search(said)), None)
    elif isinstance(error, e.ModelNotFound) and _by_code(told) is not e.ModelNotFound:
        if _NAMED.search(told.message):
            error.missing, error.retry = "other", e.Retry.NEVER
        elif _by_words(told.message) is e.UnsupportedParameter:
            error.missing = "ability"
    elif cls is e.ServerError and _by_words(told.message) is e.UnsupportedParameter:
        error.retry = e.Retry.ELSEWHERE  # llama.cpp answers 500 to what its model cannot do; it never will
    return error


def _count(pattern: re.Pattern[str], message: str) -> int | None:
    found = pattern.search(message)
    return next((int(group) for group in found.groups() if group), None) if found else None
