"""Canonical parts as content blocks of the Converse API."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable
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
from modelmux.wire._kept import put_back
from modelmux.wire._media import asks_detail
from modelmux.wire.bedrock_converse.vocabulary import FORMATS, MEDIA_FORMATS, WIRE, own

Block = dict[str, Any]

_VALID_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_INVALID = re.compile(r"[^a-zA-Z0-9_-]")
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9()\[\] -]+")

_BASE64_HEADS = (("iVBOR", "png"), ("/9j/", "jpeg"), ("R0lGOD", "gif"), ("UklGR", "webp"))
"""First characters of base64 data by image format: this API requires the format, others guess it."""


class CallIds:
    """Ids of tool calls, made to fit ``[a-zA-Z0-9_-]{1,64}`` and to be given once in a conversation.

    Some vendors number their calls anew in every answer: a later call of an id gets another one, and a result goes with
    the oldest unanswered call of its id.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._open: dict[str, list[str]] = {}
        self._answered: dict[str, str] = {}

    def call(self, call_id: str) -> str:
        wanted = call_id if _VALID_ID.fullmatch(call_id) else _INVALID.sub("_", call_id)[:56] or "call"
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted[:56]}_{number}"
        self._taken.add(name)
        self._open.setdefault(call_id, []).append(name)
        return name

    def result(self, call_id: str) -> str:
        waiting = self._open.get(call_id)
        if waiting:
            self._answered[call_id] = waiting.pop(0)
        elif call_id not in self._answered:
            return call_id if _VALID_ID.fullmatch(call_id) else _INVALID.sub("_", call_id)[:64] or "call"
        return self._answered[call_id]


class BlockEncoder:
    """Parts of one request (``reply=False``) or of one answer (``reply=True``), with what was lost on the way."""

    def __init__(self, losses: Losses, *, reply: bool = False) -> None:
        self._losses = losses
        self._reply = reply
        self._id = CallIds()
        self._documents: set[str] = set()

    def encode_all(self, parts: Iterable[Part]) -> list[Any]:
        """The blocks, each followed by its cache point. What this API has no block for is among the losses."""
        out: list[Any] = []
        for part in parts:
            block = self._block(part)
            cache = getattr(part, "cache", None)
            if block is not None:
                out.append(block)
                if cache is not None:
                    out.append(cache_point(cache))
            elif cache is not None:
                self.lose("cache", "the part that it marks is left out")
        return out

    def _block(self, part: Part) -> Any:
        if type(part) is not Reasoning and getattr(part, "signature", None) is not None and not self._reply:
            self.lose("signature", "a vendor's signature goes back to that vendor only")
        return _ENCODERS[type(part)](self, part)

    def lose(self, field: str, detail: str) -> None:
        self._losses.add(field, "dropped", detail)

    def _text(self, part: Text) -> Block:
        if not part.extra or WIRE not in part.extra:
            if part.citations and not self._reply:
                self.lose("citations", "citations go back only to the vendor that made them")
            return {"text": part.text}
        extra = own(part.extra)
        beside = extra.get("$beside") or {}
        if "$guard" in extra:
            guard = extra["$guard"]
            return {"guardContent": {**guard, "text": {**guard["text"], "text": part.text}}, **beside}
        if "$cited" not in extra:
            return {"text": part.text, **beside}
        pieces = extra.get("$content")
        if pieces is None or "".join(piece["text"] for piece in pieces) != part.text:
            pieces = [{"text": part.text}]
        value: Block = {"content": pieces, "citations": [citation.raw for citation in part.citations]}
        return _wrapped("citationsContent", value, extra)

    def _refusal(self, part: Refusal) -> Block:
        return {"text": part.text}

    def _reasoning(self, part: Reasoning) -> Block | None:
        ours = part.extra.get(WIRE)
        if not self._reply and (ours is None if part.extra else not (part.signature or part.redacted)):
            if part.text or part.signature or part.redacted:
                self.lose("messages.reasoning", "reasoning is only taken back with this vendor's own signature")
            return None
        extra = ours or {}
        if part.redacted is not None:
            return _wrapped("reasoningContent", {"redactedContent": part.redacted}, extra)
        said: Block = {"text": part.text}
        if part.signature is not None:
            said["signature"] = part.signature
        return _wrapped("reasoningContent", {"reasoningText": said | (extra.get("$text") or {})}, extra)

    def _media(self, part: Media) -> Block | None:
        extra = own(part.extra)
        kind = _kind(part)
        form = MEDIA_FORMATS.get(kind, {}).get(part.media_type or "")
        source = extra.get("source") or self._source(part, kind, form)
        if source is None:
            return None
        value: Block = {}
        if asks_detail(part):
            self.lose("media.detail", "images have no detail here")
        if form is None and WIRE not in part.extra:
            form = _guess(part, kind)
        if form is not None:
            value["format"] = form
        if kind == "document":
            if WIRE not in part.extra:
                value["name"] = self._name(part)
            elif part.name is not None:
                value["name"] = part.name
        return _wrapped(kind, value | {"source": source}, extra)

    def _source(self, part: Media, kind: str, form: str | None) -> Block | None:
        if kind not in FORMATS or (form is None and part.media_type is not None and WIRE not in part.extra):
            self.lose(f"messages.{part.kind}", f"no content block takes {part.media_type or part.kind}")
        elif part.data is not None:
            return {"bytes": part.data}
        elif part.text is not None and kind == "document":
            if WIRE in part.extra:
                return {"text": part.text}
            return {"bytes": base64.b64encode(part.text.encode()).decode()}
        elif part.url is not None and part.url.startswith("s3://"):
            return {"s3Location": {"uri": part.url}}
        elif part.url is not None:
            self.lose(f"messages.{part.kind}", "this API takes data or an S3 address, no other URL")
        else:
            self.lose(f"messages.{part.kind}", "files are known to their own vendor only")
        return None

    def _name(self, part: Media) -> str:
        """A name is required, unique, and of few characters: the vendor shows it to the model."""
        stem = (part.name or "document").rpartition(".")[0] or part.name or "document"
        wanted = " ".join(_NOT_IN_NAMES.sub(" ", stem).split())[:190] or "document"
        name, number = wanted, 1
        while name in self._documents:
            number += 1
            name = f"{wanted} {number}"
        self._documents.add(name)
        if part.name is not None and name != stem:
            self._losses.add(
                "media.name", "renamed", f"{part.name!r} became {name!r}: few characters are taken, once each"
            )
        return name

    def _tool_call(self, part: ToolCall) -> Block:
        extra = own(part.extra)
        value: Block = {"toolUseId": part.id if self._reply else self._id.call(part.id), "name": part.name}
        if "input" not in extra:
            value["input"] = part.arguments
            if not self._reply and is_loose(part):
                self._losses.add("messages.tool_calls.arguments", "dropped", "arguments that are no JSON object")
        return _wrapped("toolUse", value, extra)

    def _tool_result(self, part: ToolResult) -> Block:
        extra = own(part.extra)
        kept = part.content if "$blank" in extra else filter(_says_something, part.content)
        content = [block for inner in kept if (block := self._result_block(inner)) is not None]
        value: Block = {"toolUseId": part.id if self._reply else self._id.result(part.id), "content": content}
        if part.is_error:
            value["status"] = "error"
        return _wrapped("toolResult", value, extra)

    def _result_block(self, part: Part) -> Block | None:
        if isinstance(part, Text) and "$json" in own(part.extra):
            return {"json": own(part.extra)["$json"]}
        block: Block | None = self._block(part)
        return block

    def _server_call(self, part: ServerToolCall) -> Block | None:
        if WIRE not in part.extra:
            self.lose("messages.server_tools", f"{part.name} was run by another vendor")
            return None
        value = {"toolUseId": part.id, "name": part.name, "input": part.arguments}
        extra = own(part.extra)
        return _wrapped("toolUse", {**value, "input": extra["input"]} if "input" in extra else value, extra)

    def _server_result(self, part: ServerToolResult) -> Block | None:
        if WIRE not in part.extra:
            self.lose("messages.server_tools", f"{part.name} was run by another vendor")
            return None
        return _wrapped("toolResult", {"toolUseId": part.id, "content": part.content}, own(part.extra))

    def _opaque(self, part: Opaque) -> Any:
        if part.wire != WIRE or not isinstance(part.value, dict):
            self.lose("messages.content", f"a block that only {part.wire} understands")
            return None
        return part.value


_ENCODERS: dict[type, Callable[[BlockEncoder, Any], Any]] = {
    Text: BlockEncoder._text,
    Refusal: BlockEncoder._refusal,
    Reasoning: BlockEncoder._reasoning,
    Media: BlockEncoder._media,
    ToolCall: BlockEncoder._tool_call,
    ToolResult: BlockEncoder._tool_result,
    ServerToolCall: BlockEncoder._server_call,
    ServerToolResult: BlockEncoder._server_result,
    Opaque: BlockEncoder._opaque,
}


def _says_something(part: Part) -> bool:
    return not isinstance(part, Text) or bool(part.text.strip())


def _wrapped(kind: str, value: Block, extra: Any) -> Block:
    return {kind: put_back(value, extra), **(extra.get("$beside") or {})}


def cache_point(cache: Cache) -> Block:
    return {"cachePoint": {"type": "default"} if cache.ttl is None else {"type": "default", "ttl": cache.ttl}}


def _kind(part: Media) -> str:
    if part.kind != "file":
        return part.kind
    found = (kind for kind, table in MEDIA_FORMATS.items() if part.media_type in table)
    return next(found, "document")


def _guess(part: Media, kind: str) -> str | None:
    """The format of what came without a type."""
    if kind == "image":
        return next((form for head, form in _BASE64_HEADS if (part.data or "").startswith(head)), "png")
    if kind == "document":
        ending = (part.name or "").rpartition(".")[2].lower()
        return ending if ending in FORMATS["document"] else "txt" if part.text is not None else "pdf"
    return next(iter(FORMATS[kind]))
