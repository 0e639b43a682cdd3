"""The words of Cohere's chat (v2). Source: https://docs.cohere.com/reference/chat, and the recorded traffic."""

from __future__ import annotations

from typing import Any

from modelmux.types import Citation, FinishReason
from modelmux.wire._finish import Finishes
from modelmux.wire._kept import Keeper, word

WIRE = "cohere.chat_v2"
MINE = Keeper(WIRE)

_FINISH: dict[str, FinishReason] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "ERROR_LIMIT": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR": "error",
    "TIMEOUT": "error",
    "USER_CANCEL": "error",
    "ERROR_TOXIC": "filtered",
}
_WORDS: dict[FinishReason, str] = {
    "stop": "COMPLETE",
    "length": "MAX_TOKENS",
    "tool_calls": "TOOL_CALL",
    "filtered": "ERROR_TOXIC",
    "pause": "COMPLETE",
    "error": "ERROR",
}
_FINISHES = Finishes(_FINISH, _WORDS, str.upper)
finish_of, word_of = _FINISHES.read, _FINISHES.say

PLAN = {WIRE: {"$tool_plan": True}}
"""Marks the reasoning that this format calls a tool plan: what the model means to do with its tools."""


def citation_of(item: Any) -> Citation:
    """A citation, with the title and address of the first source that has them."""
    if not isinstance(item, dict):
        return Citation(raw=item)
    sources = item.get("sources")
    facts = [_facts(source) for source in sources] if isinstance(sources, list) else []
    start, end = item.get("start"), item.get("end")
    return Citation(
        url=next((url for url, _ in facts if url), None),
        title=next((title for _, title in facts if title), None),
        text=word(item.get("text")),
        start=start if isinstance(start, int) else None,
        end=end if isinstance(end, int) else None,
        raw=item,
    )


def _facts(source: Any) -> tuple[str | None, str | None]:
    """Address and title of a source: a document that was given, or what a tool gave."""
    if not isinstance(source, dict):
        return None, None
    inner = source.get("document")
    if not isinstance(inner, dict):
        inner = source.get("tool_output")
    if not isinstance(inner, dict):
        return None, None
    return word(inner.get("url")), word(inner.get("title"))


def ours(citation: Citation) -> bool:
    """Whether this citation came from here and can be said again."""
    return isinstance(citation.raw, dict) and "sources" in citation.raw
