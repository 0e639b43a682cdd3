"""What the formats of OpenAI share as fronts: paths, headers, errors, and usage in streams.

Errors: https://platform.openai.com/docs/guides/error-codes. Azure's addresses put a deployment before the same ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from modelmux._http import sse
from modelmux._json import dumps
from modelmux.types import Request
from modelmux.wire._front import Said

OWNER = "openai"

HEADERS = ("openai-", "x-stainless-", "user-agent", "idempotency-key", "x-client-request-id")

_INVALID, _SERVER = "invalid_request_error", "server_error"

_WORDS: dict[str, tuple[str, str | None]] = {
    "invalid": (_INVALID, None),
    "context": (_INVALID, "context_length_exceeded"),
    "blocked": (_INVALID, "content_filter"),
    "too_large": (_INVALID, "request_too_large"),
    "not_found": (_INVALID, "model_not_found"),
    "auth": ("authentication_error", "invalid_api_key"),
    "permission": ("permission_error", None),
    "quota": ("insufficient_quota", "insufficient_quota"),
    "billing": ("billing_error", "billing_not_active"),
    "rate": ("rate_limit_error", "rate_limit_exceeded"),
    "overloaded": (_SERVER, "server_overloaded"),
    "timeout": (_SERVER, "timeout"),
    "upstream": (_SERVER, None),
}
"""Reason -> ``type``, ``code``. What another vendor calls its error would tell this format's clients nothing."""

_ONLY_USAGE = re.compile(rb'\A(?=[^\n]*"choices"\s*:\s*\[\s*\])(?=[^\n]*"usage"\s*:\s*\{)data:[^\n]*\Z')
"""The event that ``stream_options.include_usage`` adds: no choice, and the counters. Azure's first event has no choice
either, but says nothing of usage.
"""


def ending(path: str) -> re.Pattern[str]:
    return re.compile(f"(?P<base>.*){path}/?")


def error(said: Said) -> dict[str, Any]:
    kind, code = _WORDS[said.reason]
    return {"error": {"message": said.message, "type": kind, "param": said.param, "code": code}}


def broken(said: Said) -> bytes:
    """An event with ``error`` in it, at which clients stop and raise."""
    return sse(dumps(error(said)))


def models(names: list[str]) -> dict[str, Any]:
    data = [{"id": name, "object": "model", "created": 0, "owned_by": name.partition("/")[0]} for name in names]
    return {"object": "list", "data": data}


def dropped(asked: Request, sent: Mapping[str, Any]) -> re.Pattern[bytes] | None:
    """What finds the event that only we asked for."""
    options = sent.get("stream_options")
    ours = isinstance(options, dict) and options.get("include_usage") is True and asked.include_usage is not True
    return _ONLY_USAGE if ours else None
