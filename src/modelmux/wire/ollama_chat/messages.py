"""The conversation of a request: messages in, turns out, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import count
from typing import Any

from modelmux.types import Media, Message, Part, Reasoning, Refusal, Role, Text, ToolCall, ToolResult
from modelmux.wire import _losses
from modelmux.wire._calls import is_loose, with_calls_joined, with_results_in_order
from modelmux.wire._kept import strings, word
from modelmux.wire._losses import Losses
from modelmux.wire._media import asks_detail, bytes_of, text_of
from modelmux.wire._turns import decode_turns, kept_whole, result_head, results_apart, take_calls
from modelmux.wire.ollama_chat.vocabulary import CACHED, MINE, WIRE, decode_call, encode_call

# --- decoding ------------------------------------------------------------------------------------------------


def decode_messages(messages: Any) -> tuple[Message, ...]:
    """All turns. Raises InvalidRequest naming the one that is no message."""
    return decode_turns(messages, WIRE, partial(_message, []))


def _message(waiting: list[ToolCall], role: Role, rest: dict[str, Any], place: int) -> Message:
    """``waiting`` are the calls so far without a result."""
    parts: list[Part] = []
    if role == "assistant" and word(rest.get("thinking")):
        parts.append(Reasoning(rest.pop("thinking")))
    if "content" not in rest:
        rest["$absent"] = True
    elif isinstance(rest["content"], str):
        text = rest.pop("content")
        if text:
            parts.append(Text(text))
    if strings(rest.get("images")):
        parts.extend(Media("image", data=data) for data in rest.pop("images"))
    if role == "tool":
        return _result(rest, parts, waiting)
    if role == "assistant":
        numbers = count()
        calls = take_calls("tool_calls", rest, lambda call: decode_call(call, f"call_{place}_{next(numbers)}"))
        parts.extend(calls)
        waiting.extend(calls)
    return Message(role, tuple(parts), extra=MINE.keep(rest))


def _result(rest: dict[str, Any], parts: list[Part], waiting: list[ToolCall]) -> Message:
    """A tool's answer. Without the id of a call it answers the first one of that name that waits, else the first."""
    call_id = rest.pop("tool_call_id") if word(rest.get("tool_call_id")) else ""
    name = rest.pop("tool_name") if word(rest.get("tool_name")) else None
    hints: dict[str, Any] = {} if name is not None else {"$nameless": True}
    if call_id:
        answered = next((call for call in waiting if call.id == call_id), None)
    else:
        hints["$id"] = True
        answered = next((call for call in waiting if call.name == name), None) or (waiting[0] if waiting else None)
    if answered is not None:
        waiting.remove(answered)
        call_id = answered.id
    result = ToolResult(call_id, tuple(parts), name, extra=MINE.keep(hints))
    return Message("tool", (result,), extra=MINE.keep(rest))


# --- encoding ------------------------------------------------------------------------------------------------


def encode_messages(messages: tuple[Message, ...], losses: Losses) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    calls: dict[str, ToolCall] = {}
    # Calls may have no ids here: a result is told by its tool and its place among the results.
    for message in with_results_in_order(with_calls_joined(messages)):
        own = MINE.of(message.extra)
        whole = kept_whole(message, own)
        if whole is not None:
            out.append(whole)
            continue
        results, rest, beside = results_apart(message, own)
        out.extend(_encode_result(result, calls.get(result.id), beside, losses) for result in results)
        if rest or not results:
            out.append(_turn(message, rest, losses))
        calls.update((part.id, part) for part in rest if isinstance(part, ToolCall))
    return out


def _turn(message: Message, parts: Sequence[Part], losses: Losses) -> dict[str, Any]:
    role = _losses.role_of(message, losses)
    own = MINE.of(message.extra)
    item: dict[str, Any] = {"role": role, **MINE.fields(message.extra)}
    said = encode_parts(parts, losses, glue="" if role == "assistant" else "\n")
    if said["content"] or ("content" not in item and "$absent" not in own):
        item["content"] = said["content"]
    del said["content"]
    return {**item, **said}


def encode_parts(parts: Iterable[Part], losses: Losses, *, glue: str = "") -> dict[str, Any]:
    """Parts as the fields of a message."""
    texts: list[str] = []
    thoughts: list[str] = []
    message: dict[str, Any] = {"content": ""}
    for part in parts:
        _losses.note_marks(part, losses, CACHED)
        if isinstance(part, Text):
            if part.citations:
                losses.add(*_losses.CITED)
            texts.append(part.text)
        elif isinstance(part, Reasoning):
            if part.redacted is not None:
                losses.add("reasoning.redacted", "dropped", "encrypted reasoning goes back only to who made it")
            if part.text:
                thoughts.append(part.text)
        elif isinstance(part, ToolCall):
            message.setdefault("tool_calls", []).append(encode_call(part))
            if is_loose(part) and "$arguments" not in MINE.of(part.extra):
                losses.add(*_losses.LOOSE)
        elif isinstance(part, Refusal):
            losses.add(*_losses.REFUSED)
            texts.append(part.text)
        elif isinstance(part, Media):
            _media(part, message, texts, losses)
        else:
            losses.add(_losses.kind_of(part), "dropped", "this format has no place for it")
    if thoughts:
        message["thinking"] = "".join(thoughts)
    if len(texts) > 1:
        losses.add("content", "merged", "a turn has one text here")
    message["content"] = glue.join(texts)
    return message


def _media(part: Media, message: dict[str, Any], texts: list[str], losses: Losses) -> None:
    found = bytes_of(part) if part.kind == "image" else None
    if found is not None:
        message.setdefault("images", []).append(found[1])
        if asks_detail(part):
            losses.add(*_losses.DETAILED)
    elif (text := text_of(part)) is not None:
        losses.add(*_losses.WRITTEN)
        texts.append(text)
    elif part.kind == "image":
        losses.add("media.url", "dropped", "images go by their bytes only; fetch them first")
    else:
        losses.add(f"media.{part.kind}", "dropped", "this server takes images only")


def _encode_result(result: ToolResult, call: ToolCall | None, beside: Any, losses: Losses) -> dict[str, Any]:
    own = MINE.of(result.extra)
    item = result_head(beside)
    said = encode_parts(result.content, losses, glue="\n")
    if said["content"] or ("content" not in item and "$absent" not in beside):
        item["content"] = said["content"]
    if "images" in said:
        item["images"] = said["images"]
    name = result.name or (call.name if call is not None and "$nameless" not in own else None)
    if name is not None:
        item["tool_name"] = name
    made_up = "$id" in own or (call is not None and "$id" in MINE.of(call.extra))
    if result.id and not made_up:
        item["tool_call_id"] = result.id
    _losses.note_result(result, losses, CACHED)
    return item
