"""Messages as a front. Errors: https://platform.claude.com/docs/en/api/errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from modelmux._http import sse
from modelmux._json import dumps
from modelmux.types import Request
from modelmux.wire._front import CHAT, COUNT, MODELS, Format, Path, Said
from modelmux.wire.anthropic_messages.response import encode_response
from modelmux.wire.anthropic_messages.stream_out import StreamEncoder
from modelmux.wire.anthropic_messages.vocabulary import WIRE

OWNER = "anthropic"

_WORDS = {
    "invalid": "invalid_request_error",
    "context": "invalid_request_error",
    "blocked": "invalid_request_error",
    "too_large": "request_too_large",
    "not_found": "not_found_error",
    "auth": "authentication_error",
    "permission": "permission_error",
    "quota": "rate_limit_error",
    "billing": "billing_error",
    "rate": "rate_limit_error",
    "overloaded": "overloaded_error",
    "timeout": "timeout_error",
    "upstream": "api_error",
}


def _error(said: Said) -> dict[str, Any]:
    body = {"type": "error", "error": {"type": _WORDS[said.reason], "message": said.message}}
    return {**body, "request_id": said.request_id}


def _broken(said: Said) -> bytes:
    return sse(dumps({"type": "error", "error": {"type": _WORDS[said.reason], "message": said.message}}), "error")


def _encoder(asked: Request, query: Mapping[str, str]) -> StreamEncoder:  # noqa: ARG001  # as the protocol has it
    return StreamEncoder(WIRE)


def _models(names: list[str]) -> dict[str, Any]:
    made = "1970-01-01T00:00:00Z"
    data = [{"type": "model", "id": name, "display_name": name, "created_at": made} for name in names]
    ends = {"first_id": names[0] if names else None, "last_id": names[-1] if names else None}
    return {"data": data, "has_more": False, **ends}


FORMAT = Format(
    wire=WIRE,
    owner=OWNER,
    paths=(
        Path(CHAT, re.compile("(?P<base>.*)/messages/?")),
        Path(COUNT, re.compile("(?P<base>.*)/messages/count_tokens/?")),
        Path(MODELS, re.compile("(?P<base>(?!.*/v1(?:beta|alpha)).*)/models/?"), "GET"),  # those are Google's versions
    ),
    headers=("anthropic-", "x-stainless-", "user-agent", "idempotency-key"),
    error=_error,
    broken=_broken,
    encoder=_encoder,
    whole=lambda answer: encode_response(answer, WIRE),
    mark="anthropic-version",
    models=_models,
    count=lambda tokens: {"input_tokens": tokens},
)
