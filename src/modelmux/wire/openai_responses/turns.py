"""The conversation of a request: ``instructions`` and the items of ``input``, as turns and back."""

from __future__ import annotations

from typing import Any

from modelmux.errors import InvalidRequest
from modelmux.types import NO_EXTRA, Message, Opaque, Part, Role, Text, ToolCall, ToolResult
from modelmux.wire._calls import with_unique_ids
from modelmux.wire.openai_responses.dialect import WIRE
from modelmux.wire.openai_responses.items import decode_item
from modelmux.wire.openai_responses.items_out import call_id, encode_items
from modelmux.wire.openai_responses.parts import decode_part, encode_input_part, is_plain
from modelmux.wire.openai_responses.saying import Saying, fields_of, kept, ours

_SPEAKERS: dict[str, Role] = {"user": "user", "system": "system", "developer": "developer"}
_RESULTS = ("function_call_output", "custom_tool_call_output")
_ANSWERS = ("mcp_approval_response",)
"""Items of the caller's that no other format has: turns of their own."""


# --- decoding ------------------------------------------------------------------------------------------------


def decode_input(items: Any, provider: str) -> list[Message]:
    """All turns. What the model made one after the other is one turn. Raises InvalidRequest naming what is no item."""
    if not isinstance(items, list):
        raise InvalidRequest("input must be a string or a list of items", field="input")
    turns: list[Message] = []
    made: list[Part] = []
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            raise InvalidRequest(f"input[{number}] must be an object", field=f"input[{number}]")
        turn = _turn(item)
        if turn is None:
            parts = decode_item(item, provider, asked=True)
            if parts:
                made.extend(parts)
                continue
            turn = Message("assistant", (), extra=kept({"$items": item}))
        if made:
            turns.append(Message("assistant", tuple(made)))
            made = []
        turns.append(turn)
    if made:
        turns.append(Message("assistant", tuple(made)))
    return turns


def _turn(item: dict[str, Any]) -> Message | None:
    """A turn of the caller's; None for what the model made."""
    kind, said = item.get("type"), item.get("role")
    if kind is None or kind == "message":
        if said == "assistant":
            return None
        role = _SPEAKERS.get(said) if isinstance(said, str) else None
        if role is not None:
            turn = _spoken(role, item)
            if turn is not None:
                return turn
    elif kind in _RESULTS:
        result = _result(item)
        if result is not None:
            return result
    elif "role" not in item and kind not in _ANSWERS:
        return None
    return Message("user", (Opaque(WIRE, item),), extra=kept({"$items": True}))


def _spoken(role: Role, item: dict[str, Any]) -> Message | None:
    content = item.get("content")
    if len(item) == 2 and type(content) is str:
        return Message(role, (Text(content, (), None, None, NO_EXTRA),), None, NO_EXTRA)
    rest = {name: value for name, value in item.items() if name not in ("type", "role", "content")}
    if "type" in item:
        rest["$typed"] = True
    if isinstance(content, str):
        return Message(role, (Text(content),), extra=kept(rest))
    if not isinstance(content, list):
        return None
    rest["$list"] = True
    return Message(role, _parts(content), extra=kept(rest))


def _parts(content: list[Any]) -> tuple[Part, ...]:
    return tuple(decode_part(part, {}, asked=True) or Opaque(WIRE, part) for part in content)


def _result(item: dict[str, Any]) -> Message | None:
    rest = dict(item)
    kind, result_id, output = rest.pop("type"), rest.pop("call_id", None), rest.get("output")
    if not isinstance(result_id, str):
        return None
    parts: tuple[Part, ...] = ()
    if isinstance(output, str):
        del rest["output"]
        parts = (Text(output),)
    elif isinstance(output, list):
        del rest["output"]
        rest["$list"] = True
        parts = _parts(output)
    elif "output" not in item:
        rest["$absent"] = True
    if kind != "function_call_output":
        rest["$type"] = kind
    return Message("tool", (ToolResult(result_id, parts, extra=kept(rest)),))


# --- encoding ------------------------------------------------------------------------------------------------


def encode_input(messages: tuple[Message, ...], say: Saying) -> list[Any]:
    out: list[Any] = []
    custom: set[str] = set()
    for message in messages if say.as_came else with_unique_ids(messages):
        own = ours(message.extra)
        if "$items" in own:
            opaque = message.content[0] if message.content else None
            out.append(opaque.value if isinstance(opaque, Opaque) else own["$items"])
            continue
        if message.name is not None:
            say.lost("messages.name", "a turn has no name here")
        if message.role == "assistant":
            custom.update(part.id for part in message.content if isinstance(part, ToolCall) and _is_custom(part))
            out.extend(encode_items(message.content, say))
            continue
        results = [part for part in message.content if isinstance(part, ToolResult)]
        out.extend(_encode_result(result, custom, say) for result in results)
        rest = message.content
        if results:
            rest = tuple(part for part in rest if not isinstance(part, ToolResult))
        if rest or not results:
            out.append(_encode_turn(message, rest, own, say))
    return out


def _is_custom(part: ToolCall) -> bool:
    return bool(ours(part.extra).get("$type") == "custom_tool_call")


def _encode_turn(message: Message, parts: tuple[Part, ...], own: Any, say: Saying) -> dict[str, Any]:
    role = "user" if message.role == "tool" else message.role
    if role == "developer" and not (say.dialect.developer or say.as_came):
        role = "system"
        say.lost("messages.role", "a developer's turn goes as system", "renamed")
    item: dict[str, Any] = {"type": "message"} if "$typed" in own else {}
    item["role"] = role
    if own:
        item.update(fields_of(message.extra))
    item["content"] = _content(parts, own, say)
    return item


def _content(parts: tuple[Part, ...], own: Any, say: Saying) -> Any:
    if len(parts) == 1 and "$list" not in own and is_plain(parts[0]):
        return parts[0].text  # type: ignore[union-attr]  # is_plain: it is a Text
    said = [item for part in parts if (item := encode_input_part(part, say)) is not None]
    if len(said) == 1 and "$list" not in own and isinstance(said[0], dict) and said[0].keys() == {"type", "text"}:
        return said[0]["text"]
    return said if said or "$list" in own else ""


def _encode_result(result: ToolResult, custom: set[str], say: Saying) -> dict[str, Any]:
    own = ours(result.extra)
    kind = "custom_tool_call_output" if result.id in custom else "function_call_output"
    item = {**fields_of(result.extra), "type": own.get("$type", kind), "call_id": call_id(result.id, say)}
    if result.is_error:
        say.lost("tool_result.is_error", "a failed tool is told by its text only")
    if result.cache is not None:
        say.lost("cache", "the vendor caches by itself")
    if "output" not in item and "$absent" not in own:
        item["output"] = _content(result.content, own, say)
    return item


# --- instructions --------------------------------------------------------------------------------------------


def instructions_of(messages: tuple[Message, ...], say: Saying) -> tuple[str | None, tuple[Message, ...]]:
    """What goes into ``instructions``, and the turns that remain.

    A request of this format says which turn that is; of any other, it is a system message of text that leads.
    """
    if not messages:
        return None, messages
    first = messages[0]
    if not say.native:
        if first.role != "system" or not say.dialect.instructions or first.name is not None:
            return None, messages
    elif "$instructions" not in ours(first.extra):
        return None, messages
    texts = [part for part in first.content if isinstance(part, Text)]
    if not texts or len(texts) != len(first.content):
        return None, messages
    if any(text.cache is not None for text in texts):
        say.lost("cache", "the vendor caches by itself")
    return "\n\n".join(text.text for text in texts), messages[1:]


def instructions_turn(text: str) -> Message:
    return Message("system", (Text(text),), extra=kept({"$instructions": True}))


def only_text(messages: tuple[Message, ...]) -> str | None:
    """The text of a conversation of one plain turn of the user's, which may stand without any item."""
    if len(messages) != 1 or messages[0].role != "user" or messages[0].extra or len(messages[0].content) != 1:
        return None
    part = messages[0].content[0]
    return part.text if isinstance(part, Text) and is_plain(part) else None
