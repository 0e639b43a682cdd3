"""The conversation of a request: messages in, turns out, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from modelmux.errors import InvalidRequest
from modelmux.types import (
    NO_EXTRA,
    Media,
    Message,
    Opaque,
    Part,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
)
from modelmux.wire._calls import with_calls_joined
from modelmux.wire.openai_chat.dialect import WIRE
from modelmux.wire.openai_chat.parts import (
    cache_control,
    cache_of,
    decode_part,
    encode_part,
    encode_thinking,
    is_plain,
)
from modelmux.wire.openai_chat.saying import Saying, fields_of, kept, ours
from modelmux.wire.openai_chat.tools import argument_text, call_id, decode_call, encode_call

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}

_CARRIED = ("reasoning_details", "extra_content", "thought_signature", "reasoning_signature")
"""Message fields that prove or hold reasoning: they have to come back with it, so they live in the Reasoning part."""


# --- decoding ------------------------------------------------------------------------------------------------


def decode_messages(messages: Any) -> tuple[Message, ...]:
    """All turns. Raises InvalidRequest naming the one that is no message."""
    if not isinstance(messages, list):
        raise InvalidRequest("messages must be a list", field="messages")
    return tuple([_decode_message(message, number) for number, message in enumerate(messages)])


def _decode_message(message: Any, number: int) -> Message:
    if not isinstance(message, dict):
        raise InvalidRequest(f"messages[{number}] must be an object", field=f"messages[{number}]")
    said = message.get("role")
    role = _ROLES.get(said) if isinstance(said, str) else None
    content = message.get("content")
    if role is None:
        # A role that only some vendor knows: the turn is kept whole, to be sent back as it is.
        return Message("user", (Opaque(WIRE, message),), extra={WIRE: {"$message": True}})
    if len(message) == 2 and type(content) is str and role != "tool":
        return Message(role, (Text(content, (), None, None, NO_EXTRA),), None, NO_EXTRA)
    rest = dict(message)
    if rest.pop("role") == "function":
        rest["$role"] = "function"
    if role == "tool":
        return _decode_result(rest)
    name = rest.pop("name") if isinstance(rest.get("name"), str) else None
    parts = _decode_content(rest)
    if role == "assistant":
        parts = _decode_assistant(rest, parts)
    if parts and isinstance(parts[-1], Text) and (cache := cache_of(rest.get("cache_control"))) and "$list" not in rest:
        del rest["cache_control"]
        rest["$cache"] = True
        parts[-1] = Text(parts[-1].text, cache=cache)
    return Message(role, tuple(parts), name, kept(rest))


def _decode_content(rest: dict[str, Any]) -> list[Part]:
    """Takes ``content`` out of ``rest``, leaving there what is needed to say it the same way again."""
    content = rest.get("content", rest)
    if isinstance(content, str):
        del rest["content"]
        return [Text(content)]
    if isinstance(content, list) and None not in content:
        del rest["content"]
        rest["$list"] = True
        return [decode_part(part) for part in content]
    if content is rest:
        rest["$absent"] = True
    return []


def _decode_assistant(rest: dict[str, Any], parts: list[Part]) -> list[Part]:
    reasoning = decode_reasoning_fields(rest)
    if reasoning is not None:
        parts.insert(0, reasoning)
    audio = rest.get("audio")
    if isinstance(audio, dict) and isinstance(audio.get("id"), str) and len(audio) == 1:
        del rest["audio"]
        parts.append(Media("audio", file_id=audio["id"]))
    calls = rest.get("tool_calls")
    if isinstance(calls, list) and calls:
        decoded = [decode_call(call, number, asked=True) for number, call in enumerate(calls)]
        if None not in decoded:
            del rest["tool_calls"]
            parts.extend(call for call in decoded if call is not None)
    call = None if any(isinstance(part, ToolCall) for part in parts) else rest.get("function_call")
    if isinstance(call, dict) and call.keys() == {"name", "arguments"} and isinstance(call["arguments"], str):
        legacy = decode_call({"id": "", "type": "function", "function": call}, 0, asked=True)
        if legacy is not None:
            del rest["function_call"]
            rest["$legacy"] = True
            parts.append(legacy)
    return parts


def decode_reasoning_fields(rest: dict[str, Any]) -> Reasoning | None:
    """Takes out of a message's fields what it says of reasoning. ``$reasoning`` remains: the fields that said it."""
    said = [name for name in ("reasoning_content", "reasoning") if isinstance(rest.get(name), str) and rest[name]]
    carried = {name: rest[name] for name in _CARRIED if rest.get(name)}
    if not said and not carried:
        return None
    details = carried.get("reasoning_details")
    text = rest[said[0]] if said else "".join(map(detail_text, details if isinstance(details, list) else ()))
    rest["$reasoning"] = [name for name in said if rest[name] == text]
    for name in (*rest["$reasoning"], *carried):
        del rest[name]
    signature, redacted = proofs(carried)
    return Reasoning(text, signature, redacted, extra=kept(carried))


def detail_text(item: Any) -> str:
    """The text of one of ``reasoning_details``; encrypted ones have none."""
    text = (item.get("text") or item.get("summary")) if isinstance(item, dict) else None
    return text if isinstance(text, str) else ""


def proofs(carried: Any) -> tuple[str | None, str | None]:
    """The (last) signature and the encrypted reasoning among a message's reasoning fields."""
    signature, redacted = carried.get("thought_signature"), None
    details = carried.get("reasoning_details")
    for item in details if isinstance(details, list) else ():
        if isinstance(item, dict):
            signature = item.get("signature") or signature
            redacted = item.get("data") or redacted
    return (
        signature if isinstance(signature, str) else None,
        redacted if isinstance(redacted, str) else None,
    )


def _decode_result(rest: dict[str, Any]) -> Message:
    said = rest.get("tool_call_id")
    result_id: str = rest.pop("tool_call_id") if isinstance(said, str) and said else ""
    name = rest.pop("name") if isinstance(rest.get("name"), str) else None
    parts = _decode_content(rest)
    hints: dict[str, Any] = {hint: rest.pop(hint) for hint in ("$list", "$absent") if hint in rest}
    return Message("tool", (ToolResult(result_id, tuple(parts), name, extra=kept(hints)),), extra=kept(rest))


# --- encoding ------------------------------------------------------------------------------------------------


def encode_messages(messages: tuple[Message, ...], say: Saying) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    shown: list[dict[str, Any]] = []
    for message in messages if say.as_came else with_calls_joined(messages):
        content = message.content
        if shown and message.role != "tool":
            out.append({"role": "user", "content": shown})
            shown = []
        first = content[0] if len(content) == 1 and not message.extra and message.role != "tool" else None
        if type(first) is Text and is_plain(first):
            out.append(_bare(message, first, say))
            continue
        own = ours(message.extra)
        if "$message" in own and isinstance(content[0], Opaque):
            out.append(content[0].value)
            continue
        results = [part for part in content if isinstance(part, ToolResult)]
        rest = tuple(part for part in content if not isinstance(part, ToolResult)) if results else content
        beside = own if len(results) == 1 and not rest else {}
        out.extend(_encode_result(result, beside, say, shown) for result in results)
        if rest or not results:
            if shown:
                out.append({"role": "user", "content": shown})
                shown = []
            encode = _encode_assistant if message.role == "assistant" else _encode_turn
            out.append(encode(message, rest, own, say))
    if shown:
        out.append({"role": "user", "content": shown})
    return out


def _role(message: Message, say: Saying) -> str:
    if message.role == "developer" and not (say.dialect.developer or say.as_came):
        say.lost("messages.role", "a developer's turn goes as system", "renamed")
        return "system"
    return message.role


def _bare(message: Message, text: Text, say: Saying) -> dict[str, Any]:
    item: dict[str, Any] = {"role": _role(message, say), "content": text.text}
    if message.name is not None:
        item["name"] = message.name
    return item


def _encode_turn(message: Message, parts: tuple[Part, ...], own: Any, say: Saying) -> dict[str, Any]:
    item: dict[str, Any] = {"role": _role(message, say)}
    if own:
        item.update(fields_of(own))
    if message.name is not None:
        item["name"] = message.name
    if "content" not in item and "$absent" not in own:
        parts = _whole_turn_cache(parts, own, item, say)
        item["content"] = _content(parts, own, say)
    return item


def _whole_turn_cache(parts: tuple[Part, ...], own: Any, item: dict[str, Any], say: Saying) -> tuple[Part, ...]:
    """A cache mark beside ``content`` instead of inside it is said there again."""
    if "$cache" not in own or not parts or not (say.as_came or say.dialect.cache):
        return parts
    last = parts[-1]
    if not isinstance(last, Text) or last.cache is None:
        return parts
    item["cache_control"] = cache_control(last.cache)
    return (*parts[:-1], Text(last.text, last.citations, None, last.signature, last.extra))


def _content(parts: tuple[Part, ...], own: Any, say: Saying) -> Any:
    if len(parts) == 1 and "$list" not in own and is_plain(parts[0]):
        return parts[0].text  # type: ignore[union-attr]  # is_plain: it is a Text
    said = [item for part in parts if (item := encode_part(part, say)) is not None]
    if len(said) == 1 and "$list" not in own and said[0].keys() == {"type", "text"}:
        return said[0]["text"]
    return said if said or "$list" in own else ""


def _encode_assistant(message: Message, parts: tuple[Part, ...], own: Any, say: Saying) -> dict[str, Any]:
    item: dict[str, Any] = {"role": "assistant"}
    item.update(fields_of(own))
    if message.name is not None:
        item["name"] = message.name
    content: list[Part] = []
    calls: list[ToolCall] = []
    thoughts: list[Reasoning] = []
    for part in parts:
        if isinstance(part, ToolCall):
            calls.append(part)
        elif isinstance(part, Reasoning) and not _as_block(part, own, say):
            thoughts.append(part)
        elif isinstance(part, Media) and part.kind == "audio" and part.file_id is not None:
            item["audio"] = {"id": part.file_id}
        elif isinstance(part, Media) and not say.as_came:
            say.lost("media", "an assistant turn carries text only")
        else:
            content.append(part)
    if thoughts:
        _encode_thoughts(thoughts, own, item, say)
    if content:
        tail = _whole_turn_cache(tuple(content), own, item, say)
        item["content"] = _assistant_content(tail, own, say)
    elif "$list" in own:
        item["content"] = []
    elif "content" not in item and "$absent" not in own:
        item["content"] = None if calls else ""
    if calls:
        _encode_calls(calls, own, item, say)
    return item


def _assistant_content(parts: tuple[Part, ...], own: Any, say: Saying) -> Any:
    if not any(isinstance(part, Reasoning) for part in parts):
        return _content(parts, own, say)
    blocks = (encode_thinking(part) if isinstance(part, Reasoning) else encode_part(part, say) for part in parts)
    return [block for block in blocks if block is not None]


def _as_block(part: Reasoning, own: Any, say: Saying) -> bool:
    if say.as_came and ("$type" in ours(part.extra) or "$reasoning" in own):
        return "$type" in ours(part.extra)
    return say.dialect.reasoning_field == "content" and bool(part.text)


def _encode_thoughts(thoughts: list[Reasoning], own: Any, item: dict[str, Any], say: Saying) -> None:
    text = "".join(thought.text for thought in thoughts)
    names = own.get("$reasoning") if say.as_came else None
    if names is None:
        field = say.dialect.reasoning_field
        names = [field] if field and field != "content" and text else []
        if text and not names and not say.dialect.reasoning_details:
            say.lost("reasoning", "this vendor does not take reasoning back")
    for name in names:
        item[name] = text
    for thought in thoughts:
        carried = fields_of(ours(thought.extra))
        if carried and not (say.as_came or say.dialect.reasoning_details):
            carried.pop("reasoning_details", None)
            say.lost("reasoning.signature", "this vendor does not take signed reasoning back")
        elif not carried and (thought.signature is not None or thought.redacted is not None):
            say.lost("reasoning.signature", "signed reasoning goes back only to the vendor that signed it")
        for name, value in carried.items():
            both = isinstance(value, list) and isinstance(item.get(name), list)
            item[name] = [*item[name], *value] if both else value


def _encode_calls(calls: list[ToolCall], own: Any, item: dict[str, Any], say: Saying) -> None:
    if "$legacy" in own and len(calls) == 1 and not calls[0].id:
        item["function_call"] = {"name": calls[0].name, "arguments": argument_text(calls[0], as_came=say.as_came)}
        return
    if any(call.signature is not None for call in calls):
        say.lost("signature", "a vendor's signature goes back to that vendor only")
    if any(call.cache is not None for call in calls):
        say.lost("cache", "a tool call takes no cache mark here")
    item["tool_calls"] = [
        encode_call(replace(call, id=known), as_came=say.as_came)
        if (known := call_id(call.id, say)) != call.id
        else encode_call(call, as_came=say.as_came)
        for call in calls
    ]


def _encode_result(result: ToolResult, own: Any, say: Saying, shown: list[dict[str, Any]]) -> dict[str, Any]:
    hints = ours(result.extra)
    item: dict[str, Any] = {"role": own.get("$role", "tool")}
    item.update(fields_of(own))
    if result.id:
        item["tool_call_id"] = call_id(result.id, say)
    if result.name is not None and (say.as_came or "$role" in own):
        item["name"] = result.name
    if result.is_error:
        say.lost("tool_result.is_error", "a failed tool is told by its text only")
    if result.cache is not None:
        say.lost("cache", "a tool result takes no cache mark here")
    if "content" in item or "$absent" in hints:
        return item
    parts = result.content
    if not (say.as_came or say.dialect.tool_media):
        media = [part for part in parts if isinstance(part, Media) and part.text is None]
        said = [block for part in media if (block := encode_part(part, say)) is not None]
        if said:
            say.lost("tool_result.media", "shown in a user turn after the tool's", "emulated")
            shown.extend(said)
            parts = tuple(part for part in parts if part not in media)
            parts = parts or (Text("(see the next message)"),)
    item["content"] = _content(parts, hints, say)
    return item
