"""Errors of the Interactions API: ``{"error": {"message", "code"}}`` with a word for a code, or Google's older form
with the status as code, the word in ``status``, and a wait in ``details``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modelmux._retry_after import parse_wait
from modelmux.errors import ProviderError
from modelmux.wire import _refusal
from modelmux.wire._classify import Told
from modelmux.wire._kept import items

_STATUSES = {
    "invalid_request": 400,
    "invalid_argument": 400,
    "failed_precondition": 400,
    "unauthenticated": 401,
    "permission_denied": 403,
    "not_found": 404,
    "resource_exhausted": 429,
    "internal": 500,
    "internal_error": 500,
    "api_error": 500,
    "unavailable": 503,
    "deadline_exceeded": 504,
    "gateway_timeout": 504,
}
"""Words for a code -> the status they have elsewhere, for errors that come with a good one."""


def decode_error(status: int, headers: Mapping[str, str], body: bytes, provider: str) -> ProviderError:
    """An error answer, classified. Never raises."""
    return _refusal.decode_error(status, headers, body, provider, told)


def told(value: Any) -> Told:
    if isinstance(value, list) and value:
        value = value[0]
    facts = _refusal.usual(value)
    error = value.get("error") if isinstance(value, dict) else None
    details = (
        [detail for detail in items(error.get("details")) if isinstance(detail, dict)]
        if isinstance(error, dict)
        else []
    )
    waits = [detail["retryDelay"] for detail in details if isinstance(detail.get("retryDelay"), str)]
    reasons = [detail["reason"] for detail in details if isinstance(detail.get("reason"), str)]
    code = facts.code if facts.code is None or not facts.code.isdigit() else (reasons[0] if reasons else facts.kind)
    return replace(facts, code=code, retry_delay=parse_wait(waits[0].removesuffix("s")) if waits else None)


def in_band(value: Any, provider: str) -> ProviderError:
    """An error that came with a good status."""
    facts = told(value)
    word = (facts.code or facts.kind or "").lower()
    return _refusal.inside(facts, provider, _STATUSES.get(word))
