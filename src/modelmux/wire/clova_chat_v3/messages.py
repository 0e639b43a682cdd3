"""The conversation of a request: messages in, turns out, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelmux._json import parse_arguments
from modelmux.errors import InvalidRequest
from modelmux.types import Media, Message, Opaque, Part, Reasoning, Refusal, Role, Text, ToolCall, ToolResult
from modelmux.wire._calls import is_loose
from modelmux.wire._kept import word
from modelmux.wire._losses import Losses
from modelmux.wire._media import asks_detail, text_of
from modelmux.wire.clova_chat_v3.vocabulary import MINE, WIRE

_ROLES: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}

# --- decoding ------------------------------------------------------------------------------------------------


def decode_messages(messages: Any) -> tuple[Message, ...]:
    """All turns. Raises InvalidRequest naming the one that is no message."""
    if not isinstance(messages, list):
        raise InvalidRequest("messages must be a list", field="messages")
    return tuple([_message(message, place) for place, message in enumerate(messages)])


def _message(message: Any, place: int) -> Message:
    if not isinstance(message, dict):
        raise InvalidRequest(f"messages[{place}] must be an object", field=f"messages[{place}]")
    said = message.get("role")
    role = _ROLES.get(said) if isinstance(said, str) else None
    if role is None:
        return Message("user", (Opaque(WIRE, message),), extra={WIRE: {"$message": True}})
    rest = dict(message)
    del rest["role"]
    parts = _content(rest)
    if role == "tool":
        call_id = rest.pop("toolCallId") if word(rest.get("toolCallId")) else ""
        hints = {"$list": rest.pop("$list")} if "$list" in rest else {}
        return Message("tool", (ToolResult(call_id, tuple(parts), extra=MINE.keep(hints)),), extra=MINE.keep(rest))
    calls = rest.get("toolCalls")
    decoded = [decode_call(call) for call in calls] if role == "assistant" and isinstance(calls, list) else []
    known = [call for call in decoded if call is not None]
    if known and len(known) == len(decoded):
        del rest["toolCalls"]
        parts.extend(known)
    return Message(role, tuple(parts), extra=MINE.keep(rest))


def _content(rest: dict[str, Any]) -> list[Part]:
    content = rest.get("content", rest)
    if isinstance(content, str):
        del rest["content"]
        return [Text(content)]
    if isinstance(content, list):
        del rest["content"]
        rest["$list"] = True
        return [_part(part) for part in content]
    if content is rest:
        rest["$absent"] = True
    return []


def _part(part: Any) -> Part:
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        rest = {name: value for name, value in part.items() if name not in ("type", "text")}
        return Text(part["text"], extra=MINE.keep(rest))
    if isinstance(part, dict) and part.get("type") == "image_url":
        url, data = part.get("imageUrl"), part.get("dataUri")
        if isinstance(url, dict) and url.keys() == {"url"} and isinstance(url["url"], str) and len(part) == 2:
            return Media("image", url=url["url"])
        if isinstance(data, dict) and data.keys() == {"data"} and isinstance(data["data"], str) and len(part) == 2:
            return Media("image", data=data["data"])
    return Opaque(WIRE, part)


def decode_call(call: Any) -> ToolCall | None:
    """One item of ``toolCalls``, None when it is nothing of the kind."""
    inner = call.get("function") if isinstance(call, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        return None
    rest, more = dict(call), dict(inner)
    del rest["function"]
    if rest.pop("type", None) != "function":
        rest["$type"] = call.get("type")
    name, given = more.pop("name"), more.pop("arguments", None)
    raw = None
    arguments: dict[str, Any] = given if isinstance(given, dict) else {}
    if isinstance(given, str):
        arguments, raw = parse_arguments(given)
    if not isinstance(given, dict):
        rest["$arguments"] = given
    if more:
        rest["function"] = more
    call_id = rest.pop("id", None)
    return ToolCall(word(call_id) or "", name, arguments, raw, extra=MINE.keep(rest))


# --- encoding ------------------------------------------------------------------------------------------------


def encode_messages(messages: tuple[Message, ...], losses: Losses) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for message in messages:
        own = MINE.of(message.extra)
        if "$message" in own and isinstance(message.content[0], Opaque):
            out.append(message.content[0].value)
            continue
        results = [part for part in message.content if isinstance(part, ToolResult)]
        rest = [part for part in message.content if not isinstance(part, ToolResult)]
        beside = own if len(results) == 1 and not rest else {}
        out.extend(_result(result, beside, losses) for result in results)
        if rest or not results:
            out.append(_turn(message, rest, losses))
    return out


def _turn(message: Message, parts: Sequence[Part], losses: Losses) -> dict[str, Any]:
    role, own = message.role, MINE.of(message.extra)
    if role == "developer":
        losses.add("messages.role", "renamed", "a developer's turn goes as system")
        role = "system"
    if message.name is not None:
        losses.add("messages.name", "dropped", "turns have no names here")
    item: dict[str, Any] = {"role": role, **MINE.fields(message.extra)}
    calls = [encode_call(part) for part in parts if isinstance(part, ToolCall)]
    for part in parts:
        if isinstance(part, ToolCall):
            _marks(part, losses)
            if is_loose(part) and "$arguments" not in MINE.of(part.extra):
                losses.add("tool_call.arguments", "dropped", "arguments that are no JSON object")
    blocks = _blocks([part for part in parts if not isinstance(part, ToolCall)], losses, pictures=role == "user")
    if blocks or ("content" not in item and "$absent" not in own):
        item["content"] = _plain(blocks, own, losses)
    if calls:
        item["toolCalls"] = calls
    return item


def _plain(blocks: list[Any], own: Any, losses: Losses) -> Any:
    """Texts as a string, unless they came as a list."""
    if "$list" in own:
        return blocks
    if all(isinstance(block, dict) and block.keys() == {"type", "text"} for block in blocks):
        if len(blocks) > 1:
            losses.add("content", "merged", "a turn without images has one text here")
        return "\n".join(block["text"] for block in blocks)
    return blocks


def _marks(part: Part, losses: Losses) -> None:
    if getattr(part, "cache", None) is not None:
        losses.add("cache", "dropped", "there are no cache marks here")
    if getattr(part, "signature", None) is not None and not isinstance(part, Reasoning):
        losses.add("signature", "dropped", "a vendor's signature goes back to that vendor only")


def _blocks(parts: Sequence[Part], losses: Losses, *, pictures: bool) -> list[Any]:
    out = []
    for part in parts:
        _marks(part, losses)
        if isinstance(part, Text):
            if part.citations:
                losses.add("citations", "dropped", "citations cannot be sent back")
            out.append({**MINE.fields(part.extra), "type": "text", "text": part.text})
        elif isinstance(part, Reasoning):
            if part.text or part.signature or part.redacted:
                losses.add("reasoning", "dropped", "this vendor does not take reasoning back")
        elif isinstance(part, Refusal):
            losses.add("refusal", "renamed", "a refusal goes as text")
            out.append({"type": "text", "text": part.text})
        elif isinstance(part, Media) and (text := text_of(part)) is not None:
            losses.add("media.text", "emulated", "a text given as a document goes as text")
            out.append({"type": "text", "text": text})
        elif isinstance(part, Media) and part.kind == "image" and pictures and (part.data or part.url):
            given = {"dataUri": {"data": part.data}} if part.data else {"imageUrl": {"url": part.url}}
            out.append({"type": "image_url", **given})
            if asks_detail(part):
                losses.add("media.detail", "dropped", "images have no detail here")
        elif isinstance(part, Opaque) and part.wire == WIRE:
            out.append(part.value)
        else:
            losses.add(
                _FIELDS.get(type(part).__name__, type(part).__name__.lower()),
                "dropped",
                "this format has no place for it here",
            )
    return out


_FIELDS = {"ServerToolCall": "server_tool_call", "ServerToolResult": "server_tool_result"}


def encode_call(call: ToolCall) -> dict[str, Any]:
    own, fields = MINE.of(call.extra), MINE.fields(call.extra)
    arguments: Any = own["$arguments"] if "$arguments" in own and not call.arguments else call.arguments
    function = {**fields.pop("function", {}), "name": call.name, "arguments": arguments}
    item: dict[str, Any] = {"id": call.id, "type": "function", **fields, "function": function}
    if "$type" in own:
        del item["type"]
    return item


def _result(result: ToolResult, beside: Any, losses: Losses) -> dict[str, Any]:
    item: dict[str, Any] = {"role": "tool", **{key: value for key, value in beside.items() if key[0:1] != "$"}}
    if result.id:
        item["toolCallId"] = result.id
    if result.is_error:
        losses.add("tool_result.is_error", "dropped", "a failed tool is told by its text only")
    if result.cache is not None:
        losses.add("cache", "dropped", "there are no cache marks here")
    blocks = _blocks(result.content, losses, pictures=False)
    if blocks or ("content" not in item and "$absent" not in beside):
        item["content"] = _plain(blocks, MINE.of(result.extra), losses)
    return item
