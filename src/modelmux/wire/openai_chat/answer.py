"""What an answer is made of, whole or streamed: finish words, usage, citations, logprobs, tools the vendor ran."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelmux._json import parse_arguments
from modelmux.types import (
    Citation,
    FinishReason,
    Media,
    ServerToolCall,
    ServerToolResult,
    Usage,
)
from modelmux.wire.openai_chat.parts import split_data_url
from modelmux.wire.openai_chat.saying import kept, present

FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "complete": "stop",
    "completed": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "tool_calls": "tool_calls",
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "filtered",
    "content_filtered": "filtered",
    "guardrail_intervened": "filtered",
    "refusal": "filtered",
    "safety": "filtered",
    "recitation": "filtered",
    "blocklist": "filtered",
    "prohibited_content": "filtered",
    "sensitive": "filtered",
    "pause": "pause",
    "pause_turn": "pause",
    "error": "error",
    "abort": "error",
    "network_error": "error",
    "insufficient_system_resource": "error",
    "malformed_function_call": "error",
}
"""Finish words, lower case. Groq, xAI, DeepSeek and most say OpenAI's; TGI ``eos_token``, Together ``eos``, Mistral
``model_length``, Z.ai ``sensitive``, DeepSeek ``insufficient_system_resource``, gateways their upstream's.
"""

WORDS: dict[FinishReason, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "filtered": "content_filter",
    "pause": "stop",
    "error": "error",
}


def finish_of(raw: Any, *, called: bool, refused: bool) -> tuple[FinishReason, str | None]:
    """The canonical finish and the vendor's word. Some vendors say ``stop`` though tools were called."""
    word = raw if isinstance(raw, str) and raw else None
    reason: FinishReason = "stop" if word is None else FINISH.get(word.lower(), "stop")
    if reason == "stop":
        reason = "tool_calls" if called else "filtered" if refused else "stop"
    return reason, word


def word_of(reason: FinishReason, raw: str | None, *, called: bool, refused: bool) -> str:
    """The finish word to say: the vendor's own where it is one of this wire's and still means the same."""
    if raw is not None and raw.lower() in FINISH and finish_of(raw, called=called, refused=refused)[0] == reason:
        return raw
    return WORDS[reason]


# --- citations -----------------------------------------------------------------------------------------------

_SEARCHED = (("search_results",), ("citations",), ("venice_parameters", "web_search_citations"))
_SEARCHING = frozenset(path[0] for path in _SEARCHED)


def citation_of(annotation: Any) -> Citation:
    """One item of ``annotations``."""
    inner: Any = annotation
    if isinstance(annotation, dict):
        kind = annotation.get("type")
        inner = annotation.get(kind, annotation) if isinstance(kind, str) else annotation
    if not isinstance(inner, dict):
        return Citation(raw=annotation)
    return Citation(
        url=_str(inner.get("url")),
        title=_str(inner.get("title") or inner.get("name")),
        text=_str(inner.get("content")),
        start=_int(inner.get("start_index")),
        end=_int(inner.get("end_index")),
        raw=annotation,
    )


def annotation_of(citation: Citation) -> Any:
    """A citation as an item of ``annotations``; the vendor's own object where it is one."""
    raw = citation.raw
    if isinstance(raw, dict) and isinstance(raw.get("type"), str) and isinstance(raw.get(raw["type"]), dict):
        return raw
    inner = {
        "url": citation.url or "",
        "title": citation.title or "",
        "start_index": citation.start or 0,
        "end_index": citation.end or 0,
    }
    if citation.text is not None:
        inner["content"] = citation.text
    return {"type": "url_citation", "url_citation": inner}


def searched(body: Mapping[str, Any]) -> tuple[Citation, ...]:
    """Sources that a searching model lists beside its answer (Perplexity, Venice), the richest list of them."""
    if _SEARCHING.isdisjoint(body):
        return ()
    for path in _SEARCHED:
        found: Any = body
        for name in path:
            found = found.get(name) if isinstance(found, Mapping) else None
        if isinstance(found, list) and found:
            return tuple(Citation(url=item, raw=item) if isinstance(item, str) else citation_of(item) for item in found)
    return ()


# --- media and tools in answers ------------------------------------------------------------------------------


def image_of(item: Any) -> Media | None:
    """One item of ``images``: pictures a model drew (OpenRouter)."""
    inner = item.get("image_url") if isinstance(item, dict) else None
    url = inner.get("url") if isinstance(inner, dict) else inner
    if not isinstance(url, str):
        return None
    split = split_data_url(url)
    return Media("image", url=url) if split is None else Media("image", split[0], split[1])


def executed(item: Any) -> tuple[ServerToolCall, ServerToolResult | None] | None:
    """One item of ``executed_tools``: a tool the vendor ran, and what it gave (Groq)."""
    if not isinstance(item, dict):
        return None
    rest = present(item)
    name, number = str(rest.pop("type", "tool")), rest.pop("index", None)
    text = rest.pop("arguments", "")
    arguments, raw = parse_arguments(text) if isinstance(text, str) else ({}, None)
    named = rest.pop("id", None)
    call_id = named if isinstance(named, str) else None if number is None else str(number)
    call = ServerToolCall(call_id, name, arguments, extra=kept({} if raw is None else {"arguments": raw}))
    return call, ServerToolResult(call_id, name, rest) if rest else None


# --- usage ---------------------------------------------------------------------------------------------------

_PROMPT = (
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "input_audio",
    "cache_read_audio",
    "input_image",
    "input_video",
    "tool_input",
)
_COMPLETION = ["output", "reasoning", "output_audio", "output_image"]


def usage_json(usage: Usage) -> dict[str, Any]:
    """Usage in this wire's words: its own object where it came from here, else built from the units."""
    raw = usage.raw
    if isinstance(raw, dict) and isinstance(raw.get("prompt_tokens"), int):
        return raw
    prompt, completion = sum(usage[unit] for unit in _PROMPT), sum(usage[unit] for unit in _COMPLETION)
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {
            "cached_tokens": usage["cache_read"] + usage["cache_read_audio"],
            "audio_tokens": usage["input_audio"] + usage["cache_read_audio"],
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage["reasoning"],
            "audio_tokens": usage["output_audio"],
        },
    }


def _str(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _int(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
