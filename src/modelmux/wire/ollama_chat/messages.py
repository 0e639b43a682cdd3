"""The conversation of a request: messages in, turns out, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from modelmux.errors import InvalidRequest
from modelmux.types import Media, Message, Opaque, Part, Reasoning, Refusal, Role, Text, ToolCall, ToolResult
from modelmux.wire._calls import is_loose, with_calls_joined, with_results_in_order
from modelmux.wire._kept import strings, word
from modelmux.wire._losses import Losses
from modelmux.wire._media import asks_detail, bytes_of, text_of
from modelmux.wire.ollama_chat.vocabulary import MINE, WIRE, decode_call, encode_call

_ROLES: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}

# --- decoding ------------------------------------------------------------------------------------------------


def decode_messages(messages: Any) -> tuple[Message, ...]:
    """All turns. Raises InvalidRequest naming the one that is no message."""
    if not isinstance(messages, list):
        raise InvalidRequest("messages must be a list", field="messages")
    waiting: list[ToolCall] = []
    return tuple([_message(message, place, waiting) for place, message in enumerate(messages)])


def _message(message: Any, place: int, waiting: list[ToolCall]) -> Message:
    """``waiting`` are the calls so far without a result."""
    if not isinstance(message, dict):
        raise InvalidRequest(f"messages[{place}] must be an object", field=f"messages[{place}]")
    said = message.get("role")
    role = _ROLES.get(said) if isinstance(said, str) else None
    if role is None:
        return Message("user", (Opaque(WIRE, message),), extra={WIRE: {"$message": True}})
    rest = dict(message)
    del rest["role"]
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
    calls = rest.get("tool_calls")
    if role == "assistant" and isinstance(calls, list) and calls:
        decoded = [decode_call(call, f"call_{place}_{number}") for number, call in enumerate(calls)]
        known = [call for call in decoded if call is not None]
        if len(known) == len(decoded):
            del rest["tool_calls"]
            parts.extend(known)
            waiting.extend(known)
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
        if "$message" in own and isinstance(message.content[0], Opaque):
            out.append(message.content[0].value)
            continue
        results = [part for part in message.content if isinstance(part, ToolResult)]
        rest = [part for part in message.content if not isinstance(part, ToolResult)]
        beside = own if len(results) == 1 and not rest else {}
        out.extend(_encode_result(result, calls.get(result.id), beside, losses) for result in results)
        if rest or not results:
            out.append(_turn(message, rest, losses))
        calls.update((part.id, part) for part in rest if isinstance(part, ToolCall))
    return out


def _turn(message: Message, parts: Sequence[Part], losses: Losses) -> dict[str, Any]:
    role = message.role
    if role == "developer":
        losses.add("messages.role", "renamed", "a developer's turn goes as system")
        role = "system"
    if message.name is not None:
        losses.add("messages.name", "dropped", "turns have no names here")
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
        _marks(part, losses)
        if isinstance(part, Text):
            texts.append(part.text)
        elif isinstance(part, Reasoning):
            if part.redacted is not None:
                losses.add("reasoning.redacted", "dropped", "encrypted reasoning goes back only to who made it")
            if part.text:
                thoughts.append(part.text)
        elif isinstance(part, ToolCall):
            message.setdefault("tool_calls", []).append(encode_call(part))
            if is_loose(part) and "$arguments" not in MINE.of(part.extra):
                losses.add("tool_call.arguments", "dropped", "arguments that are no JSON object")
        elif isinstance(part, Refusal):
            losses.add("refusal", "renamed", "a refusal goes as text")
            texts.append(part.text)
        elif isinstance(part, Media):
            _media(part, message, texts, losses)
        else:
            losses.add(_NAMES.get(type(part).__name__, "content"), "dropped", "this format has no place for it")
    if thoughts:
        message["thinking"] = "".join(thoughts)
    if len(texts) > 1:
        losses.add("content", "merged", "a turn has one text here")
    message["content"] = glue.join(texts)
    return message


_NAMES = {"Opaque": "opaque", "ServerToolCall": "server_tool_call", "ServerToolResult": "server_tool_result"}


def _marks(part: Part, losses: Losses) -> None:
    if getattr(part, "cache", None) is not None:
        losses.add("cache", "dropped", "there are no cache marks here; the server caches by itself")
    if getattr(part, "signature", None) is not None:
        losses.add("signature", "dropped", "a vendor's signature goes back to that vendor only")
    if isinstance(part, Text) and part.citations:
        losses.add("citations", "dropped", "citations cannot be sent back")


def _media(part: Media, message: dict[str, Any], texts: list[str], losses: Losses) -> None:
    found = bytes_of(part) if part.kind == "image" else None
    if found is not None:
        message.setdefault("images", []).append(found[1])
        if asks_detail(part):
            losses.add("media.detail", "dropped", "images have no detail here")
    elif (text := text_of(part)) is not None:
        losses.add("media.text", "emulated", "a text given as a document goes as text")
        texts.append(text)
    elif part.kind == "image":
        losses.add("media.url", "dropped", "images go by their bytes only; fetch them first")
    else:
        losses.add(f"media.{part.kind}", "dropped", "this server takes images only")


def _encode_result(result: ToolResult, call: ToolCall | None, beside: Any, losses: Losses) -> dict[str, Any]:
    own = MINE.of(result.extra)
    item: dict[str, Any] = {"role": "tool", **{key: value for key, value in beside.items() if key[0:1] != "$"}}
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
    if result.is_error:
        losses.add("tool_result.is_error", "dropped", "a failed tool is told by its text only")
    if result.cache is not None:
        losses.add("cache", "dropped", "there are no cache marks here; the server caches by itself")
    return item
