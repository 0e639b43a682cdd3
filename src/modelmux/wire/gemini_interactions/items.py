"""The items that steps and contents are made of: one item, one part, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from modelmux._json import dumps_str
from modelmux.types import (
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
from modelmux.wire._kept import items, word
from modelmux.wire._losses import CACHED, LOOSE, REFUSED, SIGNED, WRITTEN, Losses
from modelmux.wire._media import asks_detail, split_data_url
from modelmux.wire._turns import arguments_of, said_object
from modelmux.wire.gemini_interactions.vocabulary import MINE, SERVER_KINDS, WIRE, citation_of

Item = dict[str, Any]
Kind = Literal["image", "document", "audio", "video"]

_MEDIA: dict[str, Kind] = {"image": "image", "document": "document", "audio": "audio", "video": "video"}
_RESOLUTIONS = frozenset({"low", "medium", "high", "ultra_high"})

# --- decoding ------------------------------------------------------------------------------------------------


def decode_item(item: Any) -> Part:
    """One step or content block. What is not understood is kept whole."""
    kind = item.get("type") if isinstance(item, dict) else None
    if isinstance(item, dict) and isinstance(kind, str):
        rest = {name: value for name, value in item.items() if name != "type"}
        decode = _DECODERS.get(kind)
        part = decode(rest) if decode is not None else None
        if part is None and kind in _MEDIA:
            part = _media(_MEDIA[kind], rest)
        elif part is None and decode is None and kind.endswith(("_call", "_result")):
            part = _server_tool(kind, rest)
        if part is not None:
            return part
    return Opaque(WIRE, item)


def _text(rest: Item) -> Part | None:
    if not isinstance(rest.get("text"), str):
        return None
    cited = tuple(map(citation_of, items(rest.get("annotations"))))
    if cited:
        del rest["annotations"]
    return Text(rest.pop("text"), cited, extra=MINE.keep(rest))


def _thought(rest: Item) -> Part:
    signature = rest.pop("signature") if word(rest.get("signature")) else None
    pieces = [piece for piece in items(rest.get("summary")) if isinstance(piece, dict)]
    text = "".join(piece["text"] for piece in pieces if isinstance(piece.get("text"), str))
    if rest.get("summary") == summary_of(text):
        del rest["summary"]
    return Reasoning(text, signature, extra=MINE.keep({**rest, "$signed": True}))


def summary_of(text: str) -> list[Item]:
    return [{"type": "text", "text": text}]


def _function_call(rest: Item) -> Part | None:
    name, given = rest.get("name"), rest.get("arguments")
    if not isinstance(name, str):
        return None
    del rest["name"]
    rest.pop("arguments", None)
    arguments, raw = arguments_of(given)
    if not isinstance(given, dict):
        rest["$arguments"] = given
    call_id = rest.pop("id") if word(rest.get("id")) else ""
    signature = rest.pop("signature") if word(rest.get("signature")) else None
    if signature is not None:
        rest["$signed"] = True
    return ToolCall(call_id, name, arguments, raw, signature, extra=MINE.keep(rest))


def _function_result(rest: Item) -> Part:
    call_id = rest.pop("call_id") if word(rest.get("call_id")) else ""
    name = rest.pop("name") if word(rest.get("name")) else None
    if name is None:
        rest["$nameless"] = True
    failed = rest.get("is_error") is True
    if failed:
        del rest["is_error"]
    result = rest.pop("result", None)
    content: tuple[Part, ...]
    if isinstance(result, str):
        content = (Text(result),)
    elif isinstance(result, list) and result and all(isinstance(block, dict) and "type" in block for block in result):
        content = tuple(map(decode_item, result))
        rest["$list"] = True
    else:
        content = (Text(dumps_str(result)),)
        rest["$result"] = result
    return ToolResult(call_id, content, name, failed, extra=MINE.keep(rest))


def _media(kind: Kind, rest: Item) -> Part | None:
    data, url = word(rest.get("data")), word(rest.get("uri"))
    if (data is None) == (url is None):
        return None
    rest.pop("uri" if data is None else "data")
    media_type = rest.pop("mime_type") if word(rest.get("mime_type")) else None
    detail = rest.pop("resolution") if word(rest.get("resolution")) else None
    return Media(kind, media_type, data, url, detail=detail, extra=MINE.keep(rest))


def _server_tool(kind: str, rest: Item) -> Part:
    extra = MINE.keep({"type": kind, **rest})
    name = kind.rpartition("_")[0]
    name = SERVER_KINDS.get(name, name)
    if kind.endswith("_call"):
        arguments = rest.get("arguments")
        return ServerToolCall(word(rest.get("id")), name, arguments if isinstance(arguments, dict) else {}, extra=extra)
    return ServerToolResult(word(rest.get("call_id")), name, rest.get("result"), extra=extra)


_DECODERS: dict[str, Callable[[Item], Part | None]] = {
    "text": _text,
    "thought": _thought,
    "function_call": _function_call,
    "function_result": _function_result,
}


# --- encoding ------------------------------------------------------------------------------------------------


def encode_item(part: Part, losses: Losses) -> Any:
    """A step or content block, or None when this format cannot say it (reported)."""
    if getattr(part, "cache", None) is not None:
        losses.add(*CACHED)
    encode = _ENCODERS.get(type(part))
    if encode is not None:
        return encode(part, losses)
    if isinstance(part, Opaque) and part.wire == WIRE:
        return part.value
    losses.add("opaque", "dropped", "a content block of another vendor's")
    return None


def _say_text(part: Text, losses: Losses) -> Item:
    item = {**MINE.fields(part.extra), "type": "text", "text": part.text}
    if part.signature is not None:
        losses.add(*SIGNED)
    own = [c.raw for c in part.citations if isinstance(c.raw, dict) and "start_index" in c.raw]
    if own:
        item["annotations"] = own
    if len(own) < len(part.citations):
        losses.add("citations", "dropped", "citations go back only to the vendor that made them")
    return item


def _say_refusal(part: Refusal, losses: Losses) -> Item:
    losses.add(*REFUSED)
    return {"type": "text", "text": part.text}


def _say_thought(part: Reasoning, losses: Losses) -> Item | None:
    if "$signed" not in MINE.of(part.extra):
        if part.text or part.signature or part.redacted:
            losses.add("reasoning", "dropped", "reasoning goes back only to the vendor that signed it")
        return None
    item: Item = {"type": "thought"}
    if part.text:
        item["summary"] = summary_of(part.text)
    item.update(MINE.fields(part.extra))
    if part.signature is not None:
        item["signature"] = part.signature
    return item


def _say_call(part: ToolCall, losses: Losses) -> Item:
    own = MINE.of(part.extra)
    if is_loose(part) and "$arguments" not in own:
        losses.add(*LOOSE)
    said = {"type": "function_call", "name": part.name, "arguments": said_object(part, own)}
    item = {**MINE.fields(part.extra), **said}
    if part.id:
        item["id"] = part.id
    if part.signature is not None and "$signed" in own:
        item["signature"] = part.signature
    elif part.signature is not None:
        losses.add(*SIGNED)
    return item


def _say_result(part: ToolResult, losses: Losses) -> Item:
    own = MINE.of(part.extra)
    item: Item = {**MINE.fields(part.extra), "type": "function_result"}
    if part.id:
        item["call_id"] = part.id
    if part.name is not None:
        item["name"] = part.name
    if part.is_error:
        item["is_error"] = True
    said = [block for inner in part.content if (block := encode_item(inner, losses)) is not None]
    only = part.content[0] if len(part.content) == 1 else None
    if "$result" in own and isinstance(only, Text) and only.text == dumps_str(own["$result"]):
        if own["$result"] is not None:
            item["result"] = own["$result"]
    elif isinstance(only, Text) and "$list" not in own:
        item["result"] = only.text
    else:
        item["result"] = said or ""
    return item


def _say_media(part: Media, losses: Losses) -> Item | None:
    own = MINE.fields(part.extra)
    if part.name is not None:
        losses.add("media.name", "dropped", "media have no names here")
    if part.text is not None and part.data is None:
        losses.add(*WRITTEN)
        return {"type": "text", "text": part.text}
    split = split_data_url(part.url) if part.url is not None else None
    media_type, data = (part.media_type, part.data) if split is None else split
    if (data is None and part.url is None) or part.kind not in _MEDIA:
        losses.add(f"media.{part.kind}", "dropped", "media go by their bytes or address here, and have a kind")
        return None
    item = {**own, "type": part.kind}
    item.update({"uri": part.url} if data is None else {"data": data})
    if media_type is not None:
        item["mime_type"] = media_type
    if part.detail in _RESOLUTIONS or (part.detail is not None and part.extra):
        item["resolution"] = part.detail
    elif asks_detail(part):
        losses.add("media.detail", "dropped", "the vendor chooses the resolution")
    return item


def _say_server_tool(part: ServerToolCall | ServerToolResult, losses: Losses) -> Item | None:
    own = MINE.fields(part.extra)
    if "type" not in own:
        field = "server_tool_call" if isinstance(part, ServerToolCall) else "server_tool_result"
        losses.add(field, "dropped", "a tool run by another vendor")
        return None
    return own


_ENCODERS: dict[type, Callable[[Any, Losses], Any]] = {
    Text: _say_text,
    Refusal: _say_refusal,
    Reasoning: _say_thought,
    ToolCall: _say_call,
    ToolResult: _say_result,
    Media: _say_media,
    ServerToolCall: _say_server_tool,
    ServerToolResult: _say_server_tool,
}
