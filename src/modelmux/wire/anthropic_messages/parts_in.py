"""Content blocks of the Messages API as parts. Nothing raises: a block that is not as documented is Opaque."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelmux._json import dumps_str
from modelmux.types import (
    NO_EXTRA,
    Cache,
    Citation,
    Media,
    Opaque,
    Part,
    Reasoning,
    ServerToolCall,
    ServerToolResult,
    Text,
    ToolCall,
    ToolResult,
)
from modelmux.wire.anthropic_messages.vocabulary import OWN, WIRE, is_location

Block = dict[str, Any]

_AS_STRING = {WIRE: {"$content": "string"}}


def decode_part(block: Any, *, reply: bool = False) -> Part:
    """One block. ``reply`` leaves out the empty fields that the vendor adds to its answers (``citations: null``)."""
    if not isinstance(block, dict):
        return Opaque(WIRE, block)
    kind = block.get("type")
    if kind == "text" and len(block) == 2 and isinstance(block.get("text"), str):
        return Text(block["text"], (), None, None, NO_EXTRA)
    part = None
    if isinstance(kind, str):
        decode = _DECODERS.get(kind)
        if decode is not None:
            part = decode(block, reply)
        elif kind.endswith("_tool_result"):
            part = _server_result(block)
    return Opaque(WIRE, block) if part is None else part


def decode_parts(content: list[Any], *, reply: bool = False) -> tuple[Part, ...]:
    return tuple([decode_part(block, reply=reply) for block in content])


def decode_citation(raw: Any) -> Citation:
    """The vendor's offsets point into the cited document, not into the answer, so they stay in ``raw``."""
    if not isinstance(raw, dict):
        return Citation(raw=raw)
    return Citation(
        url=_str(raw.get("url")) or _str(raw.get("source")),
        title=_str(raw.get("title")) or _str(raw.get("document_title")),
        text=_str(raw.get("cited_text")),
        raw=raw,
    )


def take_cache(rest: dict[str, Any]) -> Cache | None:
    """The cache mark in ``rest``, taken out of it when a :class:`Cache` says all of it."""
    mark = rest.get("cache_control")
    if not isinstance(mark, dict) or mark.get("type") != "ephemeral":
        return None
    ttl = mark.get("ttl")
    if len(mark) == 1 or (len(mark) == 2 and isinstance(ttl, str)):
        del rest["cache_control"]
        return Cache(ttl)
    return None


def _str(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _rest(block: Block, *known: str) -> tuple[Cache | None, dict[str, Any]]:
    """What is left of a block once its type and the ``known`` keys are read: the cache mark, and the unknown."""
    rest = {key: value for key, value in block.items() if key != "type" and key not in known}
    return (take_cache(rest) if rest else None), rest


def _extra(rest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {WIRE: rest} if rest else {}


def _text(block: Block, reply: bool) -> Part | None:
    text, citations = block.get("text"), block.get("citations")
    if not isinstance(text, str):
        return None
    cache, rest = _rest(block, "text")
    cited: tuple[Citation, ...] = ()
    if isinstance(citations, list) and citations:
        cited = tuple(map(decode_citation, citations))
        del rest["citations"]
        if not rest and not all(map(is_location, citations)):
            return Text(text, cited, cache, extra=OWN)
    elif reply:
        rest.pop("citations", None)
    return Text(text, cited, cache, extra=_extra(rest))


def _thinking(block: Block, reply: bool) -> Part | None:
    text = block.get("thinking")
    if not isinstance(text, str):
        return None
    cache, rest = _rest(block, "thinking", "signature")
    signature = _str(block.get("signature")) or None
    if signature is None and not reply and "signature" not in block:
        rest["$signature"] = None
    return Reasoning(text, signature, cache=cache, extra={WIRE: rest} if rest else OWN)


def _redacted(block: Block, _: bool) -> Part | None:
    data = block.get("data")
    if not isinstance(data, str):
        return None
    cache, rest = _rest(block, "data")
    return Reasoning(redacted=data, cache=cache, extra={WIRE: rest} if rest else OWN)


_SOURCES = {
    "base64": ("data", "data", {"type", "media_type", "data"}),
    "text": ("text", "data", {"type", "media_type", "data"}),
    "url": ("url", "url", {"type", "url"}),
    "file": ("file_id", "file_id", {"type", "file_id"}),
}
"""Source type -> the part's field, the source's key for it, and the keys that say all there is to say."""


def _media(block: Block, _: bool) -> Part | None:
    source = block.get("source")
    if not isinstance(source, dict):
        return None
    kind = source.get("type")
    cache, rest = _rest(block, "source")
    media_type = _str(source.get("media_type"))
    if kind == "content":
        # A document of the caller's own chunks: they are citable one by one, so the chunks are kept as they are.
        field, value = "text", _chunks_text(source.get("content"))
        rest["source"] = source
    elif isinstance(kind, str) and kind in _SOURCES:
        field, key, keys = _SOURCES[kind]
        if not isinstance(source.get(key), str):
            return None
        value = source[key]
        plain = kind != "base64" or block["type"] == "image" or media_type == "application/pdf"
        if source.keys() != keys or not plain or (media_type is None and "media_type" in keys):
            rest["source"] = source
    else:
        return None
    document = block["type"] == "document"
    name = rest.pop("title") if document and isinstance(rest.get("title"), str) else None
    content: dict[str, Any] = {field: value}
    return Media("document" if document else "image", media_type, name=name, cache=cache, extra=_extra(rest), **content)


def _chunks_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (chunk.get("text") for chunk in content if isinstance(chunk, dict))
    return "\n".join(text for text in texts if isinstance(text, str))


def _tool_use(block: Block, _: bool) -> Part | None:
    call_id, name = block.get("id"), block.get("name")
    if not isinstance(call_id, str) or not isinstance(name, str):
        return None
    given = block.get("input")
    if len(block) == 4 and isinstance(given, dict):
        return ToolCall(call_id, name, given, None, None, None, NO_EXTRA)
    cache, rest = _rest(block, "id", "name", "input")
    arguments, raw = _input(block, rest)
    return ToolCall(call_id, name, arguments, raw, cache=cache, extra=_extra(rest))


def _input(block: Block, rest: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    given = block.get("input")
    if isinstance(given, dict):
        return given, None
    if "input" in block:
        rest["input"] = given
    return {}, None if given is None else given if isinstance(given, str) else dumps_str(given)


def _tool_result(block: Block, _: bool) -> Part | None:
    call_id = block.get("tool_use_id")
    content = block.get("content")
    if not isinstance(call_id, str):
        return None
    if len(block) == 3 and content.__class__ is str:
        return ToolResult(call_id, (Text(content, (), None, None, NO_EXTRA),), None, False, None, _AS_STRING)
    cache, rest = _rest(block, "tool_use_id", "content")
    parts: tuple[Part, ...] = ()
    if isinstance(content, str):
        parts = (Text(content),)
        rest["$content"] = "string"
    elif isinstance(content, list):
        parts = decode_parts(content)
        if any(isinstance(part, Text) and not part.text for part in parts):
            rest["$content"] = "blocks"  # empty text is left out unless it came in on this wire
    elif "content" in block:
        rest["content"] = content
    else:
        rest["$content"] = "absent"
    is_error = rest.get("is_error") is True
    if is_error:
        del rest["is_error"]
    return ToolResult(call_id, parts, is_error=is_error, cache=cache, extra=_extra(rest))


def _server_call(block: Block, _: bool) -> Part | None:
    name = block.get("name")
    if not isinstance(name, str):
        return None
    call_id = block.get("id")
    cache, rest = _rest(block, "name", *(("id",) if isinstance(call_id, str) else ()), "input")
    arguments = _input(block, rest)[0]
    if block["type"] != "server_tool_use":
        rest["$type"] = block["type"]
    return ServerToolCall(_str(call_id), name, arguments, cache, {WIRE: rest} if rest else OWN)


def _server_result(block: Block) -> Part | None:
    call_id = block.get("tool_use_id")
    if not isinstance(call_id, str) or "content" not in block:
        return None
    cache, rest = _rest(block, "tool_use_id", "content")
    name = block["type"].removesuffix("_tool_result")
    return ServerToolResult(call_id, name, block["content"], cache, {WIRE: rest} if rest else OWN)


_DECODERS: dict[str, Callable[[Block, bool], Part | None]] = {
    "text": _text,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "image": _media,
    "document": _media,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
    "server_tool_use": _server_call,
    "mcp_tool_use": _server_call,
}
