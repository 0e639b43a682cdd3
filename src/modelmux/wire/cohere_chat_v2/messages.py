"""The conversation of a request: messages in, turns out, and back."""

from __future__ import annotations

from typing import Any

from modelmux._json import dumps_str, parse_arguments
from modelmux.errors import InvalidRequest
from modelmux.types import Media, Message, Opaque, Part, Reasoning, Refusal, Role, Text, ToolCall, ToolResult
from modelmux.wire._calls import with_calls_joined
from modelmux.wire._kept import word
from modelmux.wire._losses import Losses
from modelmux.wire._media import split_data_url, text_of, url_of
from modelmux.wire.cohere_chat_v2.vocabulary import MINE, PLAN, WIRE, ours

_ROLES: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}

# --- decoding ------------------------------------------------------------------------------------------------


def decode_messages(messages: Any) -> tuple[Message, ...]:
    """All turns. Raises InvalidRequest naming the one that is no message."""
    if not isinstance(messages, list):
        raise InvalidRequest("messages must be a list", field="messages")
    return tuple([_message(message, number) for number, message in enumerate(messages)])


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
        call_id = rest.pop("tool_call_id") if word(rest.get("tool_call_id")) else ""
        hints = {"$list": rest.pop("$list")} if "$list" in rest else {}
        return Message("tool", (ToolResult(call_id, tuple(parts), extra=MINE.keep(hints)),), extra=MINE.keep(rest))
    if role == "assistant":
        if word(rest.get("tool_plan")):
            parts.insert(0, Reasoning(rest.pop("tool_plan"), extra=PLAN))
        calls = rest.get("tool_calls")
        decoded = [decode_call(call) for call in calls] if isinstance(calls, list) else []
        if decoded and None not in decoded:
            del rest["tool_calls"]
            parts.extend(call for call in decoded if call is not None)
    return Message(role, tuple(parts), extra=MINE.keep(rest))


def _content(rest: dict[str, Any]) -> list[Part]:
    """Takes ``content`` out of ``rest``, leaving there what is needed to say it the same way again."""
    content = rest.get("content", rest)
    if isinstance(content, str):
        del rest["content"]
        return [Text(content)]
    if isinstance(content, list):
        del rest["content"]
        rest["$list"] = True
        return [decode_part(part) for part in content]
    if content is rest:
        rest["$absent"] = True
    return []


def decode_part(part: Any) -> Part:
    """One item of a ``content`` list. What is not understood is kept whole."""
    if not isinstance(part, dict):
        return Opaque(WIRE, part)
    kind = part.get("type")
    rest = {name: value for name, value in part.items() if name != "type"}
    if kind == "text" and isinstance(rest.get("text"), str):
        return Text(rest.pop("text"), extra=MINE.keep(rest))
    if kind == "thinking" and isinstance(rest.get("thinking"), str):
        return Reasoning(rest.pop("thinking"), extra=MINE.keep(rest))
    if kind == "image_url":
        inner = rest.get("image_url")
        url = inner.get("url") if isinstance(inner, dict) else None
        if isinstance(inner, dict) and isinstance(url, str):
            more = {name: value for name, value in inner.items() if name != "url"}
            given = more.get("detail")
            detail = more.pop("detail") if isinstance(given, str) and given != "auto" else None
            rest["image_url"] = more
            media_type, data = split_data_url(url) or (None, None)
            extra = MINE.keep({name: value for name, value in rest.items() if value != {}})
            return Media("image", media_type, data, None if data else url, detail=detail, extra=extra)
    if kind == "document" and isinstance(rest.get("document"), dict):
        text, title = _document(rest["document"])
        return Media("document", "text/plain", text=text, name=title, extra=MINE.keep(rest))
    return Opaque(WIRE, part)


def _document(document: dict[str, Any]) -> tuple[str, str | None]:
    """What a document says: its text, else all of its data as JSON; and its title."""
    data = document.get("data")
    if not isinstance(data, dict):
        return (data if isinstance(data, str) else dumps_str(data)), None
    text = data.get("text")
    return (text if isinstance(text, str) else dumps_str(data)), word(data.get("title"))


def decode_call(call: Any) -> ToolCall | None:
    """One item of ``tool_calls``, None when it is nothing of the kind."""
    inner = call.get("function") if isinstance(call, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        return None
    rest, more = dict(call), dict(inner)
    del rest["function"]
    kept: dict[str, Any] = {}
    if rest.pop("type", None) != "function":
        kept["$type"] = call.get("type")
    call_id = rest.pop("id", None)
    name, given = more.pop("name"), more.pop("arguments", None)
    if isinstance(given, dict):
        arguments, raw = given, None
    else:
        arguments, raw = parse_arguments(given if isinstance(given, str) else "")
    if not isinstance(given, str) or not given:
        kept["$arguments"] = given
    if more:
        rest["function"] = more
    return ToolCall(word(call_id) or "", name, arguments, raw, extra=MINE.keep({**rest, **kept}))


# --- encoding ------------------------------------------------------------------------------------------------


def encode_messages(messages: tuple[Message, ...], losses: Losses, documents: list[Any]) -> list[dict[str, Any]]:
    """All turns. ``documents`` takes the texts that the caller gave as documents: they stand beside the turns here."""
    out: list[dict[str, Any]] = []
    shown: list[Media] = []
    for message in messages if all(WIRE in message.extra for message in messages) else with_calls_joined(messages):
        if shown and message.role != "tool":
            _show(shown, out)
        own = MINE.of(message.extra)
        if "$message" in own and isinstance(message.content[0], Opaque):
            out.append(message.content[0].value)
            continue
        results = [part for part in message.content if isinstance(part, ToolResult)]
        rest = tuple(part for part in message.content if not isinstance(part, ToolResult)) if results else None
        beside = own if len(results) == 1 and not rest else {}
        out.extend(_result(result, beside, losses, shown) for result in results)
        if rest is None or rest:
            _show(shown, out)
            parts = message.content if rest is None else rest
            if message.role == "assistant":
                out.append(_assistant(message, parts, losses))
            else:
                out.append(_turn(message, parts, losses, documents))
    _show(shown, out)
    return out


def _show(shown: list[Media], out: list[dict[str, Any]]) -> None:
    """Images that tools gave, in a turn after the results: this format has no place for them inside."""
    if shown:
        out.append({"role": "user", "content": [_image(image) for image in shown]})
        shown.clear()


def _turn(message: Message, parts: tuple[Part, ...], losses: Losses, documents: list[Any]) -> dict[str, Any]:
    role = message.role
    if role == "developer":
        losses.add("messages.role", "renamed", "a developer's turn goes as system")
        role = "system"
    if message.name is not None:
        losses.add("messages.name", "dropped", "turns have no names here")
    own = MINE.of(message.extra)
    item = {"role": role, **MINE.fields(message.extra)}
    if "content" in item or "$absent" in own:
        return item
    said = []
    for part in parts:
        if isinstance(part, Media) and not MINE.of(part.extra) and (text := text_of(part)) is not None:
            losses.add("media.document", "renamed", "a text goes beside the turns, in documents")
            data = {"text": text} if part.name is None else {"title": part.name, "text": text}
            documents.append({"id": f"doc:{len(documents)}", "data": data})
        elif (block := _block(part, losses)) is not None:
            said.append(block)
    item["content"] = _plain(said, own)
    return item


def _plain(blocks: list[Any], own: Any) -> Any:
    """A single text as a string, unless it came as a list."""
    if "$list" not in own:
        if not blocks:
            return ""
        if len(blocks) == 1 and isinstance(blocks[0], dict) and blocks[0].keys() == {"type", "text"}:
            return blocks[0]["text"]
    return blocks


def _assistant(message: Message, parts: tuple[Part, ...], losses: Losses) -> dict[str, Any]:
    own = MINE.of(message.extra)
    item: dict[str, Any] = {"role": "assistant", **MINE.fields(message.extra)}
    if message.name is not None:
        losses.add("messages.name", "dropped", "turns have no names here")
    item.update(encode_parts(parts, losses))
    blocks = item.pop("content")
    if blocks or "$list" in own:
        item["content"] = _plain(blocks, own)
    elif "content" in own:
        item["content"] = own["content"]
    elif "$absent" not in own and "tool_calls" not in item:
        item["content"] = ""
    return item


def encode_parts(parts: tuple[Part, ...], losses: Losses) -> dict[str, Any]:
    """Parts of an assistant's turn as the fields of its message; ``content`` is always a list."""
    message: dict[str, Any] = {"content": []}
    for part in parts:
        if isinstance(part, ToolCall):
            message.setdefault("tool_calls", []).append(encode_call(part, losses))
        elif isinstance(part, Reasoning) and "$tool_plan" in MINE.of(part.extra):
            message["tool_plan"] = message.get("tool_plan", "") + part.text
        elif isinstance(part, Media):
            losses.add("media", "dropped", "an assistant turn carries text only")
        elif (block := _block(part, losses)) is not None:
            message["content"].append(block)
            if isinstance(part, Text) and part.citations:
                own = [citation.raw for citation in part.citations if ours(citation)]
                if own:
                    message.setdefault("citations", []).extend(own)
                if len(own) < len(part.citations):
                    losses.add("citations", "dropped", "citations go back only to the vendor that made them")
    return message


def _block(part: Part, losses: Losses) -> Any:
    """One item of a ``content`` list, or None when this format cannot say it (reported)."""
    if getattr(part, "cache", None) is not None:
        losses.add("cache", "dropped", "there are no cache marks here; the vendor caches by itself")
    if getattr(part, "signature", None) is not None:
        losses.add("signature", "dropped", "a vendor's signature goes back to that vendor only")
    if isinstance(part, Text):
        return {**MINE.fields(part.extra), "type": "text", "text": part.text}
    if isinstance(part, Reasoning):
        if part.redacted is not None:
            losses.add("reasoning.redacted", "dropped", "encrypted reasoning goes back only to the vendor that made it")
        if not part.text and not part.extra:
            return None
        return {**MINE.fields(part.extra), "type": "thinking", "thinking": part.text}
    if isinstance(part, Refusal):
        losses.add("refusal", "renamed", "a refusal goes as text")
        return {"type": "text", "text": part.text}
    if isinstance(part, Media):
        return _media(part, losses)
    if isinstance(part, Opaque) and part.wire == WIRE:
        return part.value
    losses.add(_NAMES.get(type(part).__name__, "content"), "dropped", "this format has no place for it")
    return None


_NAMES = {"Opaque": "opaque", "ServerToolCall": "server_tool_call", "ServerToolResult": "server_tool_result"}


def _media(part: Media, losses: Losses) -> Any:
    own = MINE.of(part.extra).get("document")
    if isinstance(own, dict) and _document(own) == (part.text, part.name):
        return {**MINE.fields(part.extra), "type": "document"}
    text = text_of(part)
    if text is not None:
        data = {"text": text} if part.name is None else {"title": part.name, "text": text}
        return {"type": "document", "document": {"data": data}}
    if part.kind == "image" and (part.data is not None or part.url is not None):
        return _image(part)
    losses.add(f"media.{part.kind}", "dropped", "this vendor takes images and texts only, by address or by their bytes")
    return None


def _image(part: Media) -> dict[str, Any]:
    own = MINE.fields(part.extra)
    inner = {**own.pop("image_url", {}), "url": url_of(part, "image/png")}
    if part.detail is not None:
        inner["detail"] = part.detail
    return {**own, "type": "image_url", "image_url": inner}


def _result(result: ToolResult, beside: Any, losses: Losses, shown: list[Media]) -> dict[str, Any]:
    own = MINE.of(result.extra)
    item = {"role": "tool", **{name: value for name, value in beside.items() if name[0:1] != "$"}}
    if result.id:
        item["tool_call_id"] = result.id
    if result.is_error:
        losses.add("tool_result.is_error", "dropped", "a failed tool is told by its text only")
    if result.cache is not None:
        losses.add("cache", "dropped", "there are no cache marks here; the vendor caches by itself")
    if "content" in item or "$absent" in beside:
        return item
    blocks = []
    for part in result.content:
        if isinstance(part, Media) and part.kind == "image" and (part.data is not None or part.url is not None):
            losses.add("tool_result.media", "emulated", "images that a tool gave follow in a turn of the user's")
            shown.append(part)
        elif (block := _block(part, losses)) is not None:
            blocks.append(block)
    item["content"] = _plain(blocks, own)
    return item


def encode_call(call: ToolCall, losses: Losses) -> dict[str, Any]:
    own = MINE.of(call.extra)
    if call.signature is not None:
        losses.add("signature", "dropped", "a vendor's signature goes back to that vendor only")
    if call.cache is not None:
        losses.add("cache", "dropped", "there are no cache marks here; the vendor caches by itself")
    text: Any = call.raw if call.raw is not None else dumps_str(call.arguments)
    if "$arguments" in own and call.arguments == (own["$arguments"] or {}):
        text = own["$arguments"]
    fields = MINE.fields(call.extra)
    function = {**fields.pop("function", {}), "name": call.name, "arguments": text}
    item: dict[str, Any] = {"id": call.id, **fields, "type": "function", "function": function}
    if "$type" in own:
        del item["type"]
    return item
