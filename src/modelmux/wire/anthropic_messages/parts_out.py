"""Canonical parts as content blocks of the Messages API."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

from modelmux.types import (
    Cache,
    Media,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    ToolCall,
    ToolResult,
)
from modelmux.wire._calls import is_loose
from modelmux.wire._each_loss import Losses
from modelmux.wire._hollow import hollow
from modelmux.wire._kept import put_back
from modelmux.wire._media import asks_detail
from modelmux.wire.anthropic_messages.vocabulary import WIRE, is_location, own

Block = dict[str, Any]

_VALID_ID = re.compile(r"[a-zA-Z0-9_-]+")
_INVALID = re.compile(r"[^a-zA-Z0-9_-]")

_BASE64_HEADS = (("iVBOR", "image/png"), ("/9j/", "image/jpeg"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp"))
"""First characters of base64 data by image type: this API requires the type, others guess it."""

_IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


class CallIds:
    """Foreign ids of tool calls, made to fit ``^[a-zA-Z0-9_-]+$``, the same one always the same way."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._taken: set[str] = set()

    def __call__(self, call_id: str) -> str:
        known = self._given.get(call_id)
        if known is not None:
            return known
        wanted = call_id if _VALID_ID.fullmatch(call_id) else _INVALID.sub("_", call_id) or "call"
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        self._given[call_id] = name
        return name


class PartEncoder:
    """Parts of one request (``reply=False``) or of one answer (``reply=True``), with what was lost on the way."""

    def __init__(self, losses: Losses, *, reply: bool = False) -> None:
        self._losses = losses
        self._reply = reply
        self._id = CallIds()

    def encode(self, part: Part) -> Block | None:
        """The block, or None when this API has none for the part: then it is among the losses."""
        block: Block | None = _ENCODERS[type(part)](self, part)
        if type(part) is not Reasoning and getattr(part, "signature", None) is not None and not self._reply:
            self.lose("signature", "a vendor's signature goes back to that vendor only")
        cache = getattr(part, "cache", None)
        if cache is not None:
            if block is None:
                self.lose("cache", "the part that it marks is left out")
            else:
                block["cache_control"] = cache_control(cache)
        return block

    def lose(self, field: str, detail: str) -> None:
        self._losses.add(field, "dropped", detail)

    def _text(self, part: Text) -> Block | None:
        if self._reply and hollow(part):
            return None
        block: Block = {"type": "text", "text": part.text}
        if part.citations:
            raws = citations(part)
            if raws:
                block["citations"] = raws
            if len(raws) < len(part.citations) and not self._reply:
                self.lose("citations", "citations go back only to the vendor that made them")
        return put_back(block, own(part.extra)) if part.extra else block

    def _refusal(self, part: Refusal) -> Block:
        return put_back({"type": "text", "text": part.text}, own(part.extra))

    def _reasoning(self, part: Reasoning) -> Block | None:
        ours = part.extra.get(WIRE)
        foreign = ours is None and bool(part.extra)
        extra = ours or {}
        if part.redacted is not None and not foreign:
            return put_back({"type": "redacted_thinking", "data": part.redacted}, extra)
        block: Block = {"type": "thinking", "thinking": part.text}
        if self._reply:
            # Clients require the field; an empty one never passes for a signature when it comes back.
            block["signature"] = part.signature or ""
        elif "$signature" not in extra:
            if foreign or not part.signature:
                if part.text or part.signature or part.redacted:
                    self.lose("messages.reasoning", "thinking is only taken back with this vendor's own signature")
                return None
            block["signature"] = part.signature
        return put_back(block, extra)

    def _media(self, part: Media) -> Block | None:
        extra = own(part.extra)
        source = extra.get("source") or self._media_source(part)
        if source is None:
            return None
        kind = "image" if _is_image(part) else "document"
        block: Block = {"type": kind, "source": source}
        if asks_detail(part):
            self.lose("media.detail", "images have no detail here")
        if part.name is not None and kind == "document":
            block["title"] = part.name
        return put_back(block, extra)

    def _media_source(self, part: Media) -> Block | None:
        media_type = part.media_type
        image = _is_image(part)
        if not image and (part.kind in ("audio", "video") or not _is_document(part)):
            self.lose(f"messages.{part.kind}", f"no content block takes {media_type or part.kind}")
            return None
        if part.data is not None:
            if not image and media_type is not None and media_type.startswith("text/"):
                text = _decoded(part.data)
                return None if text is None else {"type": "text", "media_type": "text/plain", "data": text}
            media_type = media_type or (_sniff(part.data) if image else "application/pdf")
            return {"type": "base64", "media_type": media_type, "data": part.data}
        if part.file_id is not None:
            return {"type": "file", "file_id": part.file_id}
        if part.text is not None:
            return {"type": "text", "media_type": media_type or "text/plain", "data": part.text}
        if part.url is not None:
            return {"type": "url", "url": part.url}
        self.lose(f"messages.{part.kind}", "it has no content")
        return None

    def _tool_call(self, part: ToolCall) -> Block:
        block = {"type": "tool_use", "id": self._tool_id(part.id), "name": part.name}
        extra = own(part.extra)
        if "input" not in extra:
            block["input"] = part.arguments  # type: ignore[assignment]  # a JSON object beside strings
            if not self._reply and is_loose(part):
                self._losses.add("messages.tool_calls.arguments", "dropped", "arguments that are no JSON object")
        return put_back(block, extra)

    def _tool_result(self, part: ToolResult) -> Block:
        extra = own(part.extra)
        block: Block = {"type": "tool_result", "tool_use_id": self._tool_id(part.id)}
        form = extra.get("$content")
        content = part.content
        if form == "string" and len(content) == 1 and type(content[0]) is Text:
            block["content"] = content[0].text
        elif not content and (form == "absent" or "content" in extra):
            pass
        else:
            kept = content if form == "blocks" else filter(_says_something, content)
            blocks = map(self.encode, kept)
            block["content"] = [inner for inner in blocks if inner is not None]
        if part.is_error:
            block["is_error"] = True
        return put_back(block, extra) if extra else block

    def _server_call(self, part: ServerToolCall) -> Block | None:
        if WIRE not in part.extra:
            self.lose("messages.server_tools", f"{part.name} was run by another vendor")
            return None
        extra = own(part.extra)
        block: Block = {"type": extra.get("$type", "server_tool_use"), "name": part.name, "input": part.arguments}
        if part.id is not None:
            block["id"] = part.id
        if "input" in extra:
            block["input"] = extra["input"]
        return put_back(block, extra)

    def _server_result(self, part: ServerToolResult) -> Block | None:
        if WIRE not in part.extra:
            self.lose("messages.server_tools", f"{part.name} was run by another vendor")
            return None
        block: Block = {"type": f"{part.name}_tool_result", "tool_use_id": part.id, "content": part.content}
        return put_back(block, own(part.extra))

    def _opaque(self, part: Opaque) -> Any:
        if part.wire != WIRE or not isinstance(part.value, dict):
            self.lose("messages.content", f"a block that only {part.wire} understands")
            return None
        return part.value

    def _tool_id(self, call_id: str) -> str:
        return call_id if self._reply else self._id(call_id)


_ENCODERS: dict[type, Callable[[PartEncoder, Any], Any]] = {
    Text: PartEncoder._text,
    Refusal: PartEncoder._refusal,
    Reasoning: PartEncoder._reasoning,
    Media: PartEncoder._media,
    ToolCall: PartEncoder._tool_call,
    ToolResult: PartEncoder._tool_result,
    ServerToolCall: PartEncoder._server_call,
    ServerToolResult: PartEncoder._server_result,
    Opaque: PartEncoder._opaque,
}


def cache_control(cache: Cache) -> Block:
    return {"type": "ephemeral"} if cache.ttl is None else {"type": "ephemeral", "ttl": cache.ttl}


def citations(part: Text) -> list[Any]:
    """The vendor's own objects. Citations of another vendor are left out: no location of this API says them."""
    ours = WIRE in part.extra
    return [cited.raw for cited in part.citations if ours or is_location(cited.raw)]


def _says_something(part: Part) -> bool:
    return not isinstance(part, Text) or bool(part.text.strip())


def _is_image(part: Media) -> bool:
    if part.kind != "file":
        return part.kind == "image"
    return part.media_type in _IMAGE_TYPES


def _is_document(part: Media) -> bool:
    if part.media_type is None:
        return part.kind == "document" or part.file_id is not None or part.text is not None
    return part.media_type == "application/pdf" or part.media_type.startswith("text/") or part.text is not None


def _sniff(data: str) -> str:
    return next((media_type for head, media_type in _BASE64_HEADS if data.startswith(head)), "image/png")


def _decoded(data: str) -> str | None:
    try:
        return base64.b64decode(data).decode("utf-8", "replace")
    except binascii.Error:
        return None
