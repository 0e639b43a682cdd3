"""The words of the Messages API, as tables. Source: platform.claude.com/docs/en/api/messages and the recordings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from modelmux.types import FinishReason

WIRE = "anthropic.messages"

OWN: Mapping[str, Mapping[str, Any]] = {WIRE: {}}
"""``extra`` of a part that only this vendor can verify: says where its signature comes from."""

STOP_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "filtered",
    "pause_turn": "pause",
    # The vendor compacted the conversation and waits for it to be sent again (pause_after_compaction).
    "compaction": "pause",
    "error": "error",
}

FINISHES: dict[str, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "filtered": "refusal",
    "pause": "pause_turn",
    "error": "error",
}

ERROR_STATUSES: dict[str, int] = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""The status each error type comes with when it is not inside a stream ("Errors" in the vendor's API reference)."""

TOOL_CHOICES: dict[str, str] = {"auto": "auto", "any": "required", "tool": "tool", "none": "none"}
TOOL_MODES: dict[str, str] = {"auto": "auto", "required": "any", "tool": "tool", "none": "none", "allowed": "any"}

_DATED = re.compile(r"_20\d{6}$")

SERVER_TOOL_KINDS: dict[str, str] = {"web_fetch": "url_context"}
"""Where the canonical word differs from the vendor's tool type without its date."""

SERVER_TOOL_TYPES: dict[str, str] = {
    "web_search": "web_search_20250305",
    "code_execution": "code_execution_20250825",
    "url_context": "web_fetch_20250910",
}
"""What a tool that another vendor runs becomes here: the release that every current model takes."""


def server_tool_kind(tool_type: str) -> str:
    """``web_search_20250305`` -> ``web_search``; the canonical word where there is one."""
    bare = _DATED.sub("", tool_type)
    return SERVER_TOOL_KINDS.get(bare, bare)


def finish_of(stop_reason: Any) -> tuple[FinishReason, str | None]:
    """Canonical finish and the vendor's own word. An unknown word counts as ``stop`` and is kept."""
    if not isinstance(stop_reason, str):
        return "stop", None
    return STOP_REASONS.get(stop_reason, "stop"), stop_reason


def stop_reason_of(finish: str, raw: str | None) -> str:
    """The vendor's word: the one it used itself where it still means the same."""
    if raw is not None and STOP_REASONS.get(raw) == finish:
        return raw
    return FINISHES.get(finish, "end_turn")


def own(extra: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """What ``extra`` holds for this wire."""
    return extra.get(WIRE) or {}


_LOCATIONS = ("cited_text", "encrypted_index", "file_id", "document_index", "search_result_index")


def is_location(raw: Any) -> bool:
    """Whether a citation has one of this API's shapes, whoever wrote it down."""
    if not isinstance(raw, Mapping) or not str(raw.get("type", "_location")).endswith("_location"):
        return False
    return any(key in raw for key in _LOCATIONS)
