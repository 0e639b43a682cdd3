"""The words of Google's Interactions API. Source: https://ai.google.dev/gemini-api/docs/interactions, its guide to the
changes of May 2026 (steps for outputs), and the recorded traffic, which has both forms.
"""

from __future__ import annotations

from typing import Any

from modelmux.types import Citation, FinishReason
from modelmux.wire._finish import Finishes
from modelmux.wire._kept import Keeper, word

WIRE = "gemini.interactions"
MINE = Keeper(WIRE)

SIGNED = {WIRE: {"$signed": True}}
"""Marks what was signed here: a signature of another vendor's is worth nothing to this one."""

STATUS: dict[str, FinishReason] = {
    "completed": "stop",
    "requires_action": "tool_calls",
    "incomplete": "length",
    "in_progress": "pause",
    "failed": "error",
    "cancelled": "error",
}
WORDS: dict[FinishReason, str] = {
    "stop": "completed",
    "tool_calls": "requires_action",
    "length": "incomplete",
    "pause": "in_progress",
    "error": "failed",
    "filtered": "incomplete",
}

SERVER_KINDS = {"google_search": "web_search", "mcp_server": "mcp", "computer_use": "computer"}
"""Names of the vendor's own tools that are canonical under another; the others are so under their own."""
_NAMES = {kind: name for name, kind in SERVER_KINDS.items()} | {"code_execution": "code_execution"}
_NAMES |= {"url_context": "url_context"}


def server_tool_name(kind: str) -> str | None:
    """What this vendor calls a tool of that kind, None where it has none that needs no settings."""
    name = _NAMES.get(kind)
    return None if name in ("mcp_server", "computer_use") else name


finish_of = Finishes(STATUS, WORDS).read


def word_of(reason: FinishReason, raw: str | None) -> str:
    """The vendor's word: its own where that still means the same."""
    return raw if raw is not None and STATUS.get(raw) in (reason, "stop") else WORDS[reason]


def citation_of(item: Any) -> Citation:
    if not isinstance(item, dict):
        return Citation(raw=item)
    start, end = item.get("start_index"), item.get("end_index")
    return Citation(
        word(item.get("url")) or word(item.get("source")),
        word(item.get("title")),
        start=start if isinstance(start, int) else None,
        end=end if isinstance(end, int) else None,
        raw=item,
    )
