"""The conversation of a request: messages in, turns out, and back."""

from __future__ import annotations

from typing import Any

from modelmux._json import dumps_str
from modelmux.types import Media, Message, Opaque, Part, Reasoning, Refusal, Role, Text, ToolCall, ToolResult
from modelmux.wire import _turns
from modelmux.wire._calls import arguments_text, with_calls_joined
from modelmux.wire._kept import word
from modelmux.wire._losses import REFUSED, Losses, kind_of, note_marks, note_result, role_of
from modelmux.wire._media import split_data_url, text_of, url_of
from modelmux.wire.cohere_chat_v2.vocabulary import MINE, PLAN, WIRE, ours

# --- decoding ------------------------------------------------------------------------------------------------


def decode_messages(messages: Any) -> tuple[Message, ...]:
    """All turns. Raises InvalidRequest naming the one that is no message."""
    return _turns.decode_turns(messages, WIRE, _message)


def _message(role: Role, rest: dict[str, Any], _place: int) -> Message:
    parts = _turns.take_content(rest, decode_part)
    if role == "tool":
        return _turns.decode_result("tool_call_id", rest, parts, MINE)
    if role == "assistant":
        if word(rest.get("tool_plan")):
            parts.insert(0, Reasoning(rest.pop("tool_plan"), extra=PLAN))
        parts.extend(_turns.take_calls("tool_calls", rest, decode_call))
    return Message(role, tuple(parts), extra=MINE.keep(rest))


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
    return _turns.decode_call(call, MINE, str)


# --- encoding ------------------------------------------------------------------------------------------------


def encode_messages(messages: tuple[Message, ...], losses: Losses, documents: list[Any]) -> list[dict[str, Any]]:
    """All turns. ``documents`` takes the texts that the caller gave as documents: they stand beside the turns here."""
    out: list[dict[str, Any]] = []
    shown: list[Media] = []
    for message in messages if all(WIRE in message.extra for message in messages) else with_calls_joined(messages):
        if shown and message.role != "tool":
            _show(shown, out)
        own = MINE.of(message.extra)
        whole = _turns.kept_whole(message, own)
        if whole is not None:
            out.append(whole)
            continue
        results, parts, beside = _turns.results_apart(message, own)
        out.extend(_result(result, beside, losses, shown) for result in results)
        if parts or not results:
            _show(shown, out)
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
    own = MINE.of(message.extra)
    item: dict[str, Any] = {"role": role_of(message, losses), **MINE.fields(message.extra)}
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
    item: dict[str, Any] = {"role": role_of(message, losses), **MINE.fields(message.extra)}
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
    note_marks(part, losses)
    if isinstance(part, Text):
        return {**MINE.fields(part.extra), "type": "text", "text": part.text}
    if isinstance(part, Reasoning):
        if part.redacted is not None:
            losses.add("reasoning.redacted", "dropped", "encrypted reasoning goes back only to the vendor that made it")
        if not part.text and not part.extra:
            return None
        return {**MINE.fields(part.extra), "type": "thinking", "thinking": part.text}
    if isinstance(part, Refusal):
        losses.add(*REFUSED)
        return {"type": "text", "text": part.text}
    if isinstance(part, Media):
        return _media(part, losses)
    if isinstance(part, Opaque) and part.wire == WIRE:
        return part.value
    losses.add(kind_of(part), "dropped", "this format has no place for it")
    return None


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
    item = _turns.result_head(beside)
    if result.id:
        item["tool_call_id"] = result.id
    note_result(result, losses)
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
    note_marks(call, losses)
    arguments: Any = arguments_text(call)
    if "$arguments" in own and call.arguments == (own["$arguments"] or {}):
        arguments = own["$arguments"]
    return _turns.encode_call(call, MINE, arguments)
