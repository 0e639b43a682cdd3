"""Content blocks of the Converse API as parts. Nothing raises: a block that is not as documented is Opaque.

A block is an object with one key, its kind. What stands beside that key is kept under the hint ``$beside``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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
from modelmux.wire.bedrock_converse.vocabulary import FORMATS, WIRE, kept, text_or_none

Block = dict[str, Any]


def decode_blocks(content: list[Any]) -> tuple[Part, ...]:
    """A turn's blocks; a cache point becomes the mark of the part before it."""
    parts: list[Part] = []
    for block in content:
        mark = cache_point(block)
        if mark is not None and parts and getattr(parts[-1], "cache", mark) is None:
            parts[-1] = replace(parts[-1], cache=mark)  # type: ignore[arg-type]  # those without the field are excluded
        else:
            parts.append(decode_block(block))
    return tuple(parts)


def cache_point(block: Any) -> Cache | None:
    """The mark that a ``cachePoint`` block is, when a :class:`Cache` says all of it."""
    if not isinstance(block, dict) or len(block) != 1:
        return None
    point = block.get("cachePoint")
    if not isinstance(point, dict) or point.get("type") != "default":
        return None
    ttl = point.get("ttl")
    if len(point) == 1 or (len(point) == 2 and isinstance(ttl, str)):
        return Cache(ttl)
    return None


def decode_block(block: Any) -> Part:
    if not isinstance(block, dict):
        return Opaque(WIRE, block)
    text = block.get("text")
    if isinstance(text, str):
        if len(block) == 1:
            return Text(text, (), None, None, NO_EXTRA)
        return Text(text, extra=kept({"$beside": {key: value for key, value in block.items() if key != "text"}}))
    kind = next((key for key in block if key in _DECODERS), None)
    part = None
    if kind is not None and isinstance(block[kind], dict):
        beside = {key: value for key, value in block.items() if key != kind}
        part = _DECODERS[kind](block[kind], kind, {"$beside": beside} if beside else {})
    return Opaque(WIRE, block) if part is None else part


def _rest(value: Block, hints: dict[str, Any], *known: str) -> dict[str, Any]:
    return {**{key: field for key, field in value.items() if key not in known}, **hints}


_SOURCES = {"bytes": "data", "text": "text"}


def _media(value: Block, kind: str, hints: dict[str, Any]) -> Part | None:
    source = value.get("source")
    if not isinstance(source, dict):
        return None
    name, form = value.get("name"), value.get("format")
    named = isinstance(name, str) and kind == "document"
    media_type = FORMATS[kind].get(form) if isinstance(form, str) else None
    known = ["source", *(["name"] if named else []), *(["format"] if media_type is not None else [])]
    rest = _rest(value, hints, *known)
    content: dict[str, Any] = {}
    for key, field in _SOURCES.items():
        if isinstance(source.get(key), str):
            content[field] = source[key]
            if len(source) > 1:
                rest["source"] = source
            break
    else:
        rest["source"] = source
        location = source.get("s3Location")
        if isinstance(location, dict) and isinstance(location.get("uri"), str):
            content["url"] = location["uri"]
        elif isinstance(source.get("content"), list):
            # Chunks of the caller's own: citable one by one, so they are kept as they are.
            chunks = (text_or_none(chunk.get("text")) for chunk in source["content"] if isinstance(chunk, dict))
            content["text"] = "\n".join(chunk for chunk in chunks if chunk)
        else:
            return None
    return Media(kind, media_type, name=name if named else None, extra=kept(rest), **content)  # type: ignore[arg-type]


def _tool_use(value: Block, _: str, hints: dict[str, Any]) -> Part | None:
    call_id, name, given = value.get("toolUseId"), value.get("name"), value.get("input")
    if not isinstance(call_id, str) or not isinstance(name, str):
        return None
    rest = _rest(value, hints, "toolUseId", "name", "input")
    if not isinstance(given, dict) and "input" in value:
        rest["input"] = given
    arguments = given if isinstance(given, dict) else {}
    if value.get("type") == "server_tool_use":
        return ServerToolCall(call_id, name, arguments, extra={WIRE: rest})
    raw = None if given is None or arguments is given else given if isinstance(given, str) else dumps_str(given)
    return ToolCall(call_id, name, arguments, raw, extra=kept(rest))


def _tool_result(value: Block, _: str, hints: dict[str, Any]) -> Part | None:
    call_id, content = value.get("toolUseId"), value.get("content")
    if not isinstance(call_id, str) or not isinstance(content, list):
        return None
    rest = _rest(value, hints, "toolUseId", "content")
    kind = value.get("type")
    if isinstance(kind, str) and kind.endswith("_result") and kind != "tool_result":
        return ServerToolResult(call_id, kind.removesuffix("_result"), content, extra={WIRE: rest})
    is_error = rest.get("status") == "error"
    if is_error:
        del rest["status"]
    parts = tuple(map(_result_block, content))
    if any(isinstance(part, Text) and not part.text.strip() for part in parts):
        rest["$blank"] = True  # blank text is left out unless it came in on this wire
    return ToolResult(call_id, parts, is_error=is_error, extra=kept(rest))


def _result_block(block: Any) -> Part:
    """A JSON result is text to every other vendor."""
    if isinstance(block, dict) and len(block) == 1 and "json" in block:
        return Text(dumps_str(block["json"]), extra={WIRE: {"$json": block["json"]}})
    return decode_block(block)


def _reasoning(value: Block, _: str, hints: dict[str, Any]) -> Part | None:
    redacted, said = value.get("redactedContent"), value.get("reasoningText")
    if isinstance(redacted, str):
        return Reasoning(redacted=redacted, extra={WIRE: _rest(value, hints, "redactedContent")})
    if not isinstance(said, dict) or not isinstance(said.get("text"), str):
        return None
    signature = text_or_none(said.get("signature"))
    rest = _rest(value, hints, "reasoningText")
    others = {key: field for key, field in said.items() if key != "text" and not (key == "signature" and signature)}
    if others:
        rest["$text"] = others
    return Reasoning(said["text"], signature or None, extra={WIRE: rest})


def _guard(value: Block, _: str, hints: dict[str, Any]) -> Part | None:
    """Content that a guardrail is to look at: plain text to everybody else."""
    said = value.get("text")
    if not isinstance(said, dict) or not isinstance(said.get("text"), str):
        return None
    return Text(said["text"], extra={WIRE: {"$guard": value, **hints}})


CITED = {WIRE: {"$cited": True}}
"""``extra`` of text whose sources are named, which is a kind of block here."""


def _cited(value: Block, _: str, hints: dict[str, Any]) -> Part | None:
    pieces, citations = value.get("content"), value.get("citations")
    if not isinstance(pieces, list) or not isinstance(citations, list):
        return None
    texts = [piece.get("text") if isinstance(piece, dict) else None for piece in pieces]
    if not all(isinstance(text, str) for text in texts):
        return None
    rest = _rest(value, hints, "content", "citations")
    if len(pieces) != 1 or len(pieces[0]) != 1:
        rest["$content"] = pieces
    text = "".join(text for text in texts if text)
    return Text(text, tuple(map(decode_citation, citations)), extra={WIRE: {**CITED[WIRE], **rest}})


def decode_citation(raw: Any) -> Citation:
    """The vendor's offsets point into the cited document, not into the answer, so they stay in ``raw``."""
    if not isinstance(raw, dict):
        return Citation(raw=raw)
    location = raw.get("location")
    web = location.get("web") if isinstance(location, dict) else None
    content = raw.get("sourceContent")
    quoted = [
        text_or_none(piece.get("text"))
        for piece in (content if isinstance(content, list) else ())
        if isinstance(piece, dict)
    ]
    return Citation(
        url=text_or_none(web.get("url")) if isinstance(web, dict) else None,
        title=text_or_none(raw.get("title")),
        text="".join(text for text in quoted if text) or None,
        raw=raw,
    )


_DECODERS: dict[str, Callable[[Block, str, dict[str, Any]], Part | None]] = {
    "image": _media,
    "document": _media,
    "video": _media,
    "audio": _media,
    "toolUse": _tool_use,
    "toolResult": _tool_result,
    "reasoningContent": _reasoning,
    "guardContent": _guard,
    "citationsContent": _cited,
}
