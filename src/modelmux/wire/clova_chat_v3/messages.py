"""The conversation of a request: messages in, turns out, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelmux.types import Media, Message, Opaque, Part, Reasoning, Refusal, Role, Text, ToolCall, ToolResult
from modelmux.wire import _losses, _turns
from modelmux.wire._calls import is_loose
from modelmux.wire._losses import Losses
from modelmux.wire._media import asks_detail, text_of
from modelmux.wire.clova_chat_v3.vocabulary import CACHED, MINE, WIRE

# --- decoding ------------------------------------------------------------------------------------------------


def decode_messages(messages: Any) -> tuple[Message, ...]:
    """All turns. Raises InvalidRequest naming the one that is no message."""
    return _turns.decode_turns(messages, WIRE, _message)


def _message(role: Role, rest: dict[str, Any], _place: int) -> Message:
    parts = _turns.take_content(rest, _part)
    if role == "tool":
        return _turns.decode_result("toolCallId", rest, parts, MINE)
    if role == "assistant":
        parts.extend(_turns.take_calls("toolCalls", rest, decode_call))
    return Message(role, tuple(parts), extra=MINE.keep(rest))


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
    return _turns.decode_call(call, MINE, dict)


# --- encoding ------------------------------------------------------------------------------------------------


def encode_messages(messages: tuple[Message, ...], losses: Losses) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    for message in messages:
        own = MINE.of(message.extra)
        whole = _turns.kept_whole(message, own)
        if whole is not None:
            out.append(whole)
            continue
        results, rest, beside = _turns.results_apart(message, own)
        out.extend(_result(result, beside, losses) for result in results)
        if rest or not results:
            out.append(_turn(message, rest, losses))
    return out


def _turn(message: Message, parts: Sequence[Part], losses: Losses) -> dict[str, Any]:
    role, own = _losses.role_of(message, losses), MINE.of(message.extra)
    item: dict[str, Any] = {"role": role, **MINE.fields(message.extra)}
    calls = [encode_call(part) for part in parts if isinstance(part, ToolCall)]
    for part in parts:
        if isinstance(part, ToolCall):
            _losses.note_marks(part, losses, CACHED)
            if is_loose(part) and "$arguments" not in MINE.of(part.extra):
                losses.add(*_losses.LOOSE)
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


def _blocks(parts: Sequence[Part], losses: Losses, *, pictures: bool) -> list[Any]:
    out = []
    for part in parts:
        _losses.note_marks(part, losses, CACHED, signed=not isinstance(part, Reasoning))
        if isinstance(part, Text):
            if part.citations:
                losses.add(*_losses.CITED)
            out.append({**MINE.fields(part.extra), "type": "text", "text": part.text})
        elif isinstance(part, Reasoning):
            if part.text or part.signature or part.redacted:
                losses.add("reasoning", "dropped", "this vendor does not take reasoning back")
        elif isinstance(part, Refusal):
            losses.add(*_losses.REFUSED)
            out.append({"type": "text", "text": part.text})
        elif isinstance(part, Media) and (text := text_of(part)) is not None:
            losses.add(*_losses.WRITTEN)
            out.append({"type": "text", "text": text})
        elif isinstance(part, Media) and part.kind == "image" and pictures and (part.data or part.url):
            given = {"dataUri": {"data": part.data}} if part.data else {"imageUrl": {"url": part.url}}
            out.append({"type": "image_url", **given})
            if asks_detail(part):
                losses.add(*_losses.DETAILED)
        elif isinstance(part, Opaque) and part.wire == WIRE:
            out.append(part.value)
        else:
            losses.add(_losses.kind_of(part), "dropped", "this format has no place for it here")
    return out


def encode_call(call: ToolCall) -> dict[str, Any]:
    return _turns.encode_call(call, MINE, _turns.said_object(call, MINE.of(call.extra)))


def _result(result: ToolResult, beside: Any, losses: Losses) -> dict[str, Any]:
    item = _turns.result_head(beside)
    if result.id:
        item["toolCallId"] = result.id
    _losses.note_result(result, losses, CACHED)
    blocks = _blocks(result.content, losses, pictures=False)
    if blocks or ("content" not in item and "$absent" not in beside):
        item["content"] = _plain(blocks, MINE.of(result.extra), losses)
    return item
