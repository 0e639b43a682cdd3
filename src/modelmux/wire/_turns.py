"""Turns in the shape that OpenAI's chat gave them and several other formats took over: messages with a role and
content, calls beside it, results of tools as messages of their own.

Hints: ``$message`` marks a message kept whole, ``$list`` content that is a list, ``$absent`` a message without any,
``$arguments`` holds arguments that are not what they should be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelmux._json import parse_arguments
from modelmux.errors import InvalidRequest
from modelmux.types import Message, Opaque, Part, Role, Text, ToolCall, ToolResult
from modelmux.wire._kept import Keeper, unhinted, word

_ROLES: dict[str, Role] = {"system": "system", "user": "user", "assistant": "assistant", "tool": "tool"}

# --- decoding ------------------------------------------------------------------------------------------------


def decode_turns(
    messages: Any, wire: str, decode: Callable[[Role, dict[str, Any], int], Message]
) -> tuple[Message, ...]:
    """All turns; one of a role that nobody knows is kept whole. ``decode`` takes a role, the message's other fields and
    its place. Raises InvalidRequest naming the message that is none.
    """
    if not isinstance(messages, list):
        raise InvalidRequest("messages must be a list", field="messages")
    turns: list[Message] = []
    for place, message in enumerate(messages):
        if not isinstance(message, dict):
            raise InvalidRequest(f"messages[{place}] must be an object", field=f"messages[{place}]")
        said = message.get("role")
        role = _ROLES.get(said) if isinstance(said, str) else None
        if role is None:
            turns.append(Message("user", (Opaque(wire, message),), extra={wire: {"$message": True}}))
        else:
            turns.append(decode(role, {name: value for name, value in message.items() if name != "role"}, place))
    return tuple(turns)


def take_content(rest: dict[str, Any], decode: Callable[[Any], Part]) -> list[Part]:
    """Takes ``content`` out of ``rest``, leaving there what is needed to say it the same way again."""
    content = rest.get("content", rest)
    if isinstance(content, str):
        del rest["content"]
        return [Text(content)]
    if isinstance(content, list):
        del rest["content"]
        rest["$list"] = True
        return [decode(part) for part in content]
    if content is rest:
        rest["$absent"] = True
    return []


def decode_result(id_field: str, rest: dict[str, Any], parts: list[Part], keeper: Keeper) -> Message:
    """A tool's message, whose call's id stands in ``id_field``."""
    call_id = rest.pop(id_field) if word(rest.get(id_field)) else ""
    hints = {"$list": rest.pop("$list")} if "$list" in rest else {}
    result = ToolResult(call_id, tuple(parts), extra=keeper.keep(hints))
    return Message("tool", (result,), extra=keeper.keep(rest))


def take_calls(field: str, rest: dict[str, Any], decode: Callable[[Any], ToolCall | None]) -> list[ToolCall]:
    """The calls in ``field``, which stays among the ``rest`` unless all of them are understood."""
    calls = rest.get(field)
    decoded = [decode(call) for call in calls] if isinstance(calls, list) else []
    known = [call for call in decoded if call is not None]
    if not known or len(known) < len(decoded):
        return []
    del rest[field]
    return known


def decode_call(item: Any, keeper: Keeper, kind: type[str | dict[Any, Any]]) -> ToolCall | None:
    """One of a message's calls, None when it is nothing of the kind; ``kind`` is what arguments should be."""
    found = call_of(item, kind)
    if found is None:
        return None
    name, arguments, raw, rest = found
    if rest.pop("type", None) != "function":
        rest["$type"] = item.get("type")
    call_id = word(rest.pop("id", None)) or ""
    return ToolCall(call_id, name, arguments, raw, extra=keeper.keep(rest))


def call_of(
    item: Any, kind: type[str | dict[Any, Any]]
) -> tuple[str, dict[str, Any], str | None, dict[str, Any]] | None:
    """Name, arguments and their text, and whatever else a call says."""
    inner = item.get("function") if isinstance(item, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        return None
    rest = {name: value for name, value in item.items() if name != "function"}
    more = {name: value for name, value in inner.items() if name not in ("name", "arguments")}
    given = inner.get("arguments")
    arguments, raw = arguments_of(given)
    if not isinstance(given, kind) or given == "":
        rest["$arguments"] = given
    if more:
        rest["function"] = more
    return inner["name"], arguments, raw, rest


def arguments_of(given: Any) -> tuple[dict[str, Any], str | None]:
    """Arguments from the object that they are, or from text; and the text where it says more than the object."""
    if isinstance(given, dict):
        return given, None
    return parse_arguments(given) if isinstance(given, str) else ({}, None)


# --- encoding ------------------------------------------------------------------------------------------------


def kept_whole(message: Message, own: Mapping[str, Any]) -> Any:
    """The message itself where it was not understood, else None."""
    part = message.content[0] if "$message" in own else None
    return part.value if isinstance(part, Opaque) else None


def results_apart(
    message: Message, own: Mapping[str, Any]
) -> tuple[list[ToolResult], tuple[Part, ...], Mapping[str, Any]]:
    """A turn's results, its other parts, and what the message of a result had beside its content."""
    results = [part for part in message.content if isinstance(part, ToolResult)]
    rest = tuple(part for part in message.content if not isinstance(part, ToolResult)) if results else message.content
    return results, rest, own if len(results) == 1 and not rest else {}


def encode_call(call: ToolCall, keeper: Keeper, arguments: Any) -> dict[str, Any]:
    """The call, saying these ``arguments``."""
    fields = keeper.fields(call.extra)
    function = {**fields.pop("function", {}), "name": call.name, "arguments": arguments}
    item: dict[str, Any] = {"id": call.id, **fields, "type": "function", "function": function}
    if "$type" in keeper.of(call.extra):
        del item["type"]
    return item


def said_object(call: ToolCall, own: Mapping[str, Any]) -> Any:
    """The arguments where they are said as an object: what stood there instead, as long as there are none."""
    return own["$arguments"] if "$arguments" in own and not call.arguments else call.arguments


def result_head(beside: Mapping[str, Any]) -> dict[str, Any]:
    return {"role": "tool", **unhinted(beside)}
