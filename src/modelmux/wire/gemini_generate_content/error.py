"""Error answers: ``{"error": {"code", "message", "status", "details"}}``, sometimes inside a JSON array."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from modelmux._json import loads
from modelmux.errors import ProviderError
from modelmux.wire._classify import Told, provider_error

_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")
_SHOWN = 500
"""Characters of a body that is no JSON to show in the message."""


def decode_error(status: int, headers: Mapping[str, str], body: bytes, provider: str) -> ProviderError:
    """Never raises: anything at all makes some ProviderError."""
    try:
        value = loads(body)
    except ValueError:
        text = body.decode("utf-8", "replace").strip() if isinstance(body, bytes) else ""
        return provider_error(status, headers, Told(text[:_SHOWN], body=text or None), provider=provider)
    return provider_error(status, headers, told(value), provider=provider)


def in_band(body: Any, provider: str) -> ProviderError:
    """The error that stands where an answer should: its status is in it."""
    error = told(body)
    code = error_object(body).get("code")
    status = code if isinstance(code, int) and not isinstance(code, bool) and 400 <= code <= 599 else None
    return provider_error(status, {}, error, provider=provider)


def is_error(body: Any) -> bool:
    return isinstance(body, dict) and bool(body.get("error")) and "candidates" not in body


def error_object(body: Any) -> dict[str, Any]:
    """The error inside a body, whatever it is wrapped in; empty when there is none."""
    if isinstance(body, list):
        body = next((item for item in body if isinstance(item, dict)), {})
    error = body.get("error", body) if isinstance(body, dict) else {}
    if isinstance(error, str):
        return {"message": error}
    return error if isinstance(error, dict) else {}


def told(body: Any) -> Told:
    error = error_object(body)
    details = error.get("details")
    found = [item for item in details if isinstance(item, dict)] if isinstance(details, list) else []
    reason = next((item["reason"] for item in found if isinstance(item.get("reason"), str)), None)
    message = error.get("message") or error.get("detail")
    status = error.get("status")
    kind = status if isinstance(status, str) else None
    return Told(
        message if isinstance(message, str) else body[:_SHOWN] if isinstance(body, str) else "",
        code=reason or kind,
        kind=kind,
        param=_field(found),
        body=error or body,
        retry_delay=_retry_delay(found),
    )


def _retry_delay(details: list[dict[str, Any]]) -> float | None:
    """Seconds from a ``google.rpc.RetryInfo``, whose durations read ``36s`` or ``0.5s``."""
    for item in details:
        delay = item.get("retryDelay")
        match = _DELAY.fullmatch(delay) if isinstance(delay, str) else None
        if match:
            return float(match[1])
    return None


def _field(details: list[dict[str, Any]]) -> str | None:
    """The first field that a ``google.rpc.BadRequest`` names."""
    for item in details:
        violations = item.get("fieldViolations")
        for violation in violations if isinstance(violations, list) else ():
            if isinstance(violation, dict) and isinstance(violation.get("field"), str):
                return str(violation["field"])
    return None
