"""The words of the Converse API, as tables.

Source: the Amazon Bedrock Runtime API reference (Converse, ConverseStream, ContentBlock) and the recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelmux.types import FinishReason
from modelmux.wire._finish import Finishes
from modelmux.wire._kept import Keeper

WIRE = "bedrock.converse"
MINE = Keeper(WIRE)
own, kept = MINE.of, MINE.keep

OWN: Mapping[str, Mapping[str, Any]] = {WIRE: {}}
"""``extra`` of a part that only this vendor can verify: says where its signature comes from."""

STOP_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "filtered",
    "content_filtered": "filtered",
    "refusal": "filtered",
    "pause_turn": "pause",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}

_WORDS: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "filtered": "content_filtered",
    "pause": "pause_turn",
    "error": "malformed_model_output",
}

_FINISHES = Finishes(STOP_REASONS, _WORDS)
finish_of, stop_reason_of = _FINISHES.read, _FINISHES.say

_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

FORMATS: dict[str, dict[str, str]] = {
    "image": {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"},
    "document": {
        "pdf": "application/pdf",
        "csv": "text/csv",
        "doc": "application/msword",
        "docx": _WORD,
        "xls": "application/vnd.ms-excel",
        "xlsx": _SHEET,
        "html": "text/html",
        "txt": "text/plain",
        "md": "text/markdown",
    },
    "video": {
        "mp4": "video/mp4",
        "mov": "video/quicktime",
        "mkv": "video/x-matroska",
        "webm": "video/webm",
        "flv": "video/x-flv",
        "mpeg": "video/mpeg",
        "mpg": "video/mpg",
        "wmv": "video/x-ms-wmv",
        "three_gp": "video/3gpp",
    },
    "audio": {
        "mp3": "audio/mpeg",
        "wav": "audio/wav",
        "aac": "audio/aac",
        "flac": "audio/flac",
        "ogg": "audio/ogg",
        "opus": "audio/opus",
        "m4a": "audio/mp4",
        "webm": "audio/webm",
    },
}
"""Kind of media -> the vendor's format -> IANA type."""

MEDIA_FORMATS: dict[str, dict[str, str]] = {
    kind: {media_type: name for name, media_type in table.items()} for kind, table in FORMATS.items()
}
MEDIA_FORMATS["image"]["image/jpg"] = "jpeg"
MEDIA_FORMATS["audio"] |= {"audio/mp3": "mp3", "audio/x-wav": "wav"}

EXCEPTION_STATUSES: dict[str, int] = {
    "validationexception": 400,
    "unrecognizedclientexception": 403,
    "accessdeniedexception": 403,
    "resourcenotfoundexception": 404,
    "modeltimeoutexception": 408,
    "modelstreamerrorexception": 424,
    "modelerrorexception": 424,
    "throttlingexception": 429,
    "modelnotreadyexception": 429,
    "servicequotaexceededexception": 400,
    "internalserverexception": 500,
    "serviceunavailableexception": 503,
}
"""The status each exception has where it is not inside a stream (API reference, "Errors" of Converse)."""


def text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
