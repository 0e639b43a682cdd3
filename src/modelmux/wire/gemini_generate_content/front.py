"""``generateContent`` as a front. Errors: https://ai.google.dev/gemini-api/docs/troubleshooting."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from modelmux._http import sse
from modelmux._json import dumps
from modelmux.types import Request
from modelmux.wire._front import CHAT, COUNT, MODELS, Format, Path, Said
from modelmux.wire.gemini_generate_content._names import WIRE
from modelmux.wire.gemini_generate_content.response import encode_response
from modelmux.wire.gemini_generate_content.stream_out import StreamEncoder

OWNER = "gemini"

_WORDS = {
    "invalid": "INVALID_ARGUMENT",
    "context": "INVALID_ARGUMENT",
    "blocked": "INVALID_ARGUMENT",
    "too_large": "INVALID_ARGUMENT",
    "not_found": "NOT_FOUND",
    "auth": "UNAUTHENTICATED",
    "permission": "PERMISSION_DENIED",
    "quota": "RESOURCE_EXHAUSTED",
    "billing": "FAILED_PRECONDITION",
    "rate": "RESOURCE_EXHAUSTED",
    "overloaded": "UNAVAILABLE",
    "timeout": "DEADLINE_EXCEEDED",
    "upstream": "INTERNAL",
}


def _error(said: Said) -> dict[str, Any]:
    error: dict[str, Any] = {"code": said.status, "message": said.message, "status": _WORDS[said.reason]}
    if said.retry_after is not None:
        delay = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{said.retry_after:g}s"}
        error["details"] = [delay]
    return {"error": error}


def _broken(said: Said) -> bytes:
    return sse(dumps(_error(said)))


def _as_events(query: Mapping[str, str]) -> bool:
    """Without ``alt=sse`` a stream is one JSON array."""
    return query.get("alt") == "sse"


def _encoder(asked: Request, query: Mapping[str, str]) -> StreamEncoder:  # noqa: ARG001  # as the protocol has it
    return StreamEncoder(array=not _as_events(query))


def _relays(query: Mapping[str, str]) -> bool:
    """Enums as numbers, and fields picked out, are asked for in the query: it would not go along."""
    return not query.keys() - {"alt"} and _as_events(query)


def _models(names: list[str]) -> dict[str, Any]:
    methods = ["generateContent", "countTokens"]
    found = [{"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": methods} for name in names]
    return {"models": found}


def _verb(verb: str) -> re.Pattern[str]:
    return re.compile(f"(?P<base>.*?)/models/(?P<model>.+):{verb}")


FORMAT = Format(
    wire=WIRE,
    owner=OWNER,
    paths=(
        Path(CHAT, _verb("generateContent"), stream=False),
        Path(CHAT, _verb("streamGenerateContent"), stream=True),
        Path(COUNT, _verb("countTokens")),
        Path(MODELS, re.compile("(?P<base>.*)/models/?"), "GET"),  # /v1/models too, since Google's SDK 3
    ),
    mark="x-goog-api-key",
    headers=("x-goog-api-client", "user-agent"),
    error=_error,
    broken=_broken,
    encoder=_encoder,
    whole=encode_response,
    models=_models,
    count=lambda tokens: {"totalTokens": tokens},
    relays=_relays,
    media_type=lambda query: "text/event-stream" if _as_events(query) else "application/json; charset=UTF-8",
)
