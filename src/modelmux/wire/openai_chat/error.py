"""Errors inside a good status. What an error says is read by :mod:`modelmux.wire._openai_error`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelmux.errors import ProviderError
from modelmux.wire._classify import provider_error
from modelmux.wire._openai_error import status_in, told


def in_band_error(body: Mapping[str, Any], provider: str) -> ProviderError | None:
    """The error that a body with a good status is, or None when it is an answer."""
    error = body.get("error")
    choices = body.get("choices")
    if not error and isinstance(choices, list) and choices and isinstance(choices[0], dict):
        error = choices[0].get("error")
    if not error and not isinstance(choices, list) and body.get("object") == "error":
        error = body
    if not error:
        return None
    facts = told({**body, "error": error} if error is not body else body)
    return provider_error(status_in(error), {}, facts, provider=provider)
