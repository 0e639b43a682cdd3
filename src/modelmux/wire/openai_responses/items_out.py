"""Parts of an assistant's turn, as items."""

from __future__ import annotations

from typing import Any

from modelmux._json import dumps_str, loads
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
)
from modelmux.wire._hollow import hollow
from modelmux.wire.openai_responses.dialect import WIRE
from modelmux.wire.openai_responses.items import summary_of, texts_of
from modelmux.wire.openai_responses.parts import encode_output_part
from modelmux.wire.openai_responses.saying import Saying, fields_of, ours

Item = dict[str, Any]

_LONGEST_ID = 64
"""OpenAI refuses a longer ``call_id``."""


def encode_items(parts: tuple[Part, ...], say: Saying, *, answer: bool = False) -> list[Any]:
    """The items that these parts amount to. In an ``answer`` there is nothing to be refused: all is said."""
    out: list[Any] = []
    message: Item | None = None
    for part in parts:
        own = _own(part)
        if "$derived" in own or (answer and hollow(part)):
            continue
        content = _content(part, own)
        if content is not None:
            if isinstance(part, Text):
                _unsaid(part, say)
            joins = message is not None and ("$join" in own or ("$item" not in own and "$item" not in message))
            if not joins:
                message = _message(own, say)
                out.append(message)
            message["content"].append(content)  # type: ignore[index]  # joins: it is a message
            continue
        item = _item(part, own, say, answer=answer)
        if item is not None:
            message = None
            out.append(item)
    if not (answer or say.as_came):
        _drop_unfollowed(out, say)
    for number, item in enumerate(out):
        if isinstance(item, dict) and "$own" in item:
            out[number] = _closed(item, answer=answer)
    return out


def _unsaid(part: Text | ToolCall, say: Saying) -> None:
    if part.signature is not None:
        say.lost("signature", "a vendor's signature goes back to that vendor only")
    if part.cache is not None:
        say.lost("cache", "the vendor caches by itself")


def _own(part: Part) -> Any:
    if isinstance(part, Opaque):
        value = part.value
        return value if part.wire == WIRE and isinstance(value, dict) and "$part" in value else {}
    return ours(part.extra)


# --- messages ------------------------------------------------------------------------------------------------


def _content(part: Part, own: Any) -> Any:
    """What stands in a message's ``content`` for this part; None when it is an item of its own."""
    if isinstance(part, Text | Refusal):
        return encode_output_part(part)
    if isinstance(part, Opaque) and "$part" in own:
        return own["$part"]
    return None


def _message(own: Any, say: Saying) -> Item:
    """An open message: ``$own`` is what its first part knows of it, until it is closed."""
    item: Item = {"$own": own, "content": []}
    if "$item" in own:
        item["$item"] = known = dict(own["$item"])
        if _foreign(own, say):
            known.pop("id", None)
            known.pop("status", None)
    return item


def _closed(message: Item, *, answer: bool) -> Item:
    own, content = message["$own"], message["content"]
    typed = answer or ("$item" in message and "$bare" not in own)
    item: Item = {"type": "message"} if typed else {}
    item.update(message.get("$item", {}))
    item["role"] = "assistant"
    first = content[0] if len(content) == 1 else None
    bare = isinstance(first, dict) and first.keys() == {"type", "text"} and first["type"] == "output_text"
    as_string = bare and ("$string" in own or "$item" not in message)
    item["content"] = content[0]["text"] if as_string and not answer else content
    return item


# --- everything else -----------------------------------------------------------------------------------------


def _item(part: Part, own: Any, say: Saying, *, answer: bool) -> Any:
    if isinstance(part, ToolCall):
        return _call(part, own, say)
    if isinstance(part, Reasoning):
        return _reasoning(part, own, say, answer=answer)
    if isinstance(part, Opaque):
        if part.wire == WIRE:
            return part.value
        say.lost("opaque", f"a content block only {part.wire} understands")
    elif isinstance(part, ServerToolCall | ServerToolResult):
        if "$item" in own and not _foreign(own, say):
            return own["$item"]
        field = "server_tool_call" if isinstance(part, ServerToolCall) else "server_tool_result"
        say.lost(field, "a tool that another vendor ran")
    elif isinstance(part, Media) and part.kind == "image" and part.data is not None and answer:
        return {"type": "image_generation_call", "result": part.data}
    else:
        say.lost("media", "an assistant turn carries text only")
    return None


def _foreign(own: Any, say: Saying) -> bool:
    return bool(own.get("$from", say.provider) != say.provider)


def _call(part: ToolCall, own: Any, say: Saying) -> Item:
    fields = fields_of(part.extra)
    if _foreign(own, say):
        fields = {name: value for name, value in fields.items() if name not in ("id", "status")}
    _unsaid(part, say)
    kind = own.get("$type", "function_call")
    item: Item = {**fields, "type": kind, "name": part.name}
    item["input" if kind == "custom_tool_call" else "arguments"] = _arguments(part, own)
    if "$call_id" not in own:
        item["call_id"] = call_id(part.id, say)
    elif own["$call_id"] is not None:
        item["call_id"] = own["$call_id"]
    return item


def call_id(given: str, say: Saying) -> str:
    """A tool call's id as this format takes it: 1 to 64 characters, the same for call and result."""
    if len(given) <= _LONGEST_ID:
        return given or "call_0"
    say.lost("tool_call.id", f"longer than {_LONGEST_ID} characters", "renamed")
    return given[:31] + "_" + given[-32:]


def _arguments(part: ToolCall, own: Any) -> Any:
    """The arguments as the model spelled them, as long as they still mean the same."""
    if "$given" in own and part.arguments == (own["$given"] if isinstance(own["$given"], dict) else {}):
        return own["$given"]
    if part.raw is not None and (not part.arguments or _means(part.raw, part.arguments)):
        return part.raw
    return dumps_str(part.arguments)


def _means(text: str, arguments: dict[str, Any]) -> bool:
    try:
        return bool(loads(text) == arguments)
    except ValueError:
        return False


def _reasoning(part: Reasoning, own: Any, say: Saying, *, answer: bool) -> Item | None:
    if not answer and (not own or _foreign(own, say)):
        if part.text or part.signature or part.redacted:
            say.lost("reasoning", "reasoning goes back only to the vendor that made it")
        return None
    item: Item = {**fields_of(part.extra), "type": "reasoning"}
    if part.id is not None:
        item["id"] = part.id
    if part.redacted is not None and (own or part.id is not None):
        item["encrypted_content"] = part.redacted
    said = texts_of(item.get("content")) or texts_of(item.get("summary"))
    if ("summary" in item or "content" in item) and said != part.text and part.text:
        item.pop("content", None)
        item["summary"] = summary_of(part.text)
    if "summary" not in item and "$unsummed" not in own:
        item["summary"] = [] if texts_of(item.get("content")) else summary_of(part.text)
    return item


def _drop_unfollowed(out: list[Any], say: Saying) -> None:
    """A reasoning item without the item it led to is refused with 400."""
    while out and isinstance(out[-1], dict) and out[-1].get("type") == "reasoning":
        out.pop()
        say.lost("reasoning", "reasoning goes back only with the item it led to")
