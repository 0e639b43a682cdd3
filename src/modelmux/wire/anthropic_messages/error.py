"""Errors of the Messages API: ``{"type": "error", "error": {"type", "message"}, "request_id"}``, and what stands in
for them when a proxy or an outage answers instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelmux import _json
from modelmux.errors import ProviderError
from modelmux.wire._classify import Told, provider_error
from modelmux.wire._refusal import inside
from modelmux.wire.anthropic_messages.vocabulary import ERROR_STATUSES

_SHOWN = 500
"""How many characters of a body that is no JSON an error shows."""


def decode_error(status: int, headers: Mapping[str, str], body: bytes, provider: str) -> ProviderError:
    """Never raises: anything at all makes some ProviderError."""
    try:
        value = _json.loads(body)
    except ValueError:
        value = None
    if value is None:
        text = body.decode("utf-8", "replace").strip()[:_SHOWN]
        return provider_error(status, headers, Told(text, body=text or None), provider=provider)
    return provider_error(status, headers, told(value), provider=provider)


def told(value: Any) -> Told:
    """What an error body says, in the vendor's shape or in those of the gateways before it."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return Told(str(value)[:_SHOWN], body=value)
    error = value.get("error")
    if isinstance(error, dict):
        kind, message = _str(error.get("type")), _str(error.get("message"))
        details = error.get("details")
        code = _str(error.get("code")) or (_str(details.get("error_code")) if isinstance(details, dict) else None)
    else:
        kind, code = _str(value.get("type")), _str(value.get("code"))
        message = _str(error) or _str(value.get("message")) or _str(value.get("detail"))
    if kind == "error":
        kind = None
    return Told(
        message or _json.dumps_str(value)[:_SHOWN],
        # The vendor has no codes beside its types.
        code=code or kind,
        kind=kind,
        request_id=_str(value.get("request_id")),
        body=value,
    )


def in_band(value: Any, provider: str, *, status: int | None = None) -> ProviderError:
    """An error that came with a good status: classified as the status that its type has elsewhere."""
    said = told(value)
    return inside(said, provider, ERROR_STATUSES.get(said.kind or ""), status=status)


def _str(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
