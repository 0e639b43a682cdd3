"""The conversation of a request: steps in, turns out, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from modelmux.errors import InvalidRequest
from modelmux.types import Media, Message, Opaque, Part, Refusal, Role, Text, ToolCall, ToolResult
from modelmux.wire._calls import with_unique_ids
from modelmux.wire._losses import NAMED, Losses
from modelmux.wire.gemini_interactions.items import Item, decode_item, encode_item
from modelmux.wire.gemini_interactions.vocabulary import MINE, WIRE

_BARE = frozenset({"text", "image", "audio", "video", "document"})
_ROLES: dict[str, Role] = {"user": "user", "model": "assistant"}
_SPOKEN = Text | Media | Refusal
"""What stands inside a step of output; everything else is a step of its own."""

# --- decoding ------------------------------------------------------------------------------------------------


def decode_input(value: Any) -> list[Message]:
    """All turns. Raises InvalidRequest where the input is nothing of the kind."""
    if isinstance(value, str):
        return [Message("user", (Text(value),), extra={WIRE: {"$plain": True}})]
    if isinstance(value, dict):
        return [Message("user", (decode_item(value),), extra={WIRE: {"$one": True}})]
    if not isinstance(value, list):
        raise InvalidRequest("input must be text or a list", field="input")
    out: list[Message] = []
    for place, item in enumerate(value):
        if not isinstance(item, dict):
            raise InvalidRequest(f"input[{place}] must be an object", field=f"input[{place}]")
        _take(item, out)
    return out


def _take(item: Item, out: list[Message]) -> None:
    kind, role = item.get("type"), item.get("role")
    last = out[-1] if out else None
    own = MINE.of(last.extra) if last is not None else {}
    if kind is None and isinstance(role, str) and role in _ROLES:
        out.append(_turn(item, _ROLES[role]))
    elif kind == "user_input":
        rest, parts = _content(item)
        inside = {"$inside": True} if any(isinstance(part, ToolResult) for part in parts) else {}
        out.append(Message("user", parts, extra=MINE.keep({**rest, **inside})))
    elif kind == "function_result":
        result = decode_item(item)
        out.append(Message("tool", (result,)) if isinstance(result, ToolResult) else _whole(item))
    elif isinstance(kind, str) and kind in _BARE:
        if last is not None and "$bare" in own:
            out[-1] = Message("user", (*last.content, decode_item(item)), extra=last.extra)
        else:
            out.append(Message("user", (decode_item(item),), extra={WIRE: {"$bare": True}}))
    elif kind == "model_output" or (isinstance(kind, str) and not isinstance(decode_item(item), Opaque)):
        parts, outputs = (decode_item(item),), []
        if kind == "model_output":
            rest, parts = _content(item)
            outputs = [[len(parts), rest]]
            if not parts:
                parts, outputs = (Opaque(WIRE, item),), []
        if last is not None and last.role == "assistant" and "$outputs" in own:
            hints = {"$outputs": [*own["$outputs"], *outputs]}
            out[-1] = Message("assistant", (*last.content, *parts), extra={WIRE: hints})
        else:
            out.append(Message("assistant", parts, extra={WIRE: {"$outputs": outputs}}))
    else:
        out.append(_whole(item))


def _whole(item: Item) -> Message:
    """A step nobody understands, to be sent back as it is."""
    return Message("user", (Opaque(WIRE, item),), extra={WIRE: {"$whole": True}})


def _content(item: Item) -> tuple[Item, tuple[Part, ...]]:
    """What a step has beside its content, and its content."""
    rest = {name: value for name, value in item.items() if name != "type"}
    content = rest.get("content")
    if isinstance(content, str):
        rest["$text"] = rest.pop("content")
        return rest, (Text(content),)
    if isinstance(content, list):
        del rest["content"]
        return rest, tuple(map(decode_item, content))
    rest["$absent"] = True  # whatever stood there instead is among the rest
    return rest, ()


def _turn(item: Item, role: Role) -> Message:
    """A turn of the older form."""
    rest, parts = _content(item)
    return Message(role, parts, extra=MINE.keep({**rest, "$turn": True}))


# --- encoding ------------------------------------------------------------------------------------------------


def encode_input(messages: Iterable[Message], losses: Losses) -> Any:
    """The value of ``input``, without what the system says: that stands elsewhere."""
    turns = [message for message in with_unique_ids(tuple(messages)) if message.role not in ("system", "developer")]
    names: dict[str, str] = {}
    out: list[Any] = []
    for message in turns:
        if message.name is not None:
            losses.add(*NAMED)
        if len(turns) == 1 and len(message.content) == 1:
            own, only = MINE.of(message.extra), message.content[0]
            if "$plain" in own and isinstance(only, Text):
                return only.text
            if "$one" in own:
                return encode_item(only, losses)
        _say(message, names, out, losses)
    return out


def _say(message: Message, names: dict[str, str], out: list[Any], losses: Losses) -> None:
    own = MINE.of(message.extra)
    parts = message.content
    if "$whole" in own and isinstance(parts[0], Opaque):
        out.append(parts[0].value)
    elif "$bare" in own:
        out.extend(_blocks(parts, losses))
    elif "$turn" in own:
        out.append({**MINE.fields(message.extra), **_said(parts, own, losses)})
    elif message.role == "assistant":
        names.update((part.id, part.name) for part in parts if isinstance(part, ToolCall))
        out.extend(encode_steps(parts, losses, own.get("$outputs", ())))
    elif "$inside" in own:
        out.append({**MINE.fields(message.extra), "type": "user_input", **_said(parts, own, losses)})
    else:
        rest = tuple(part for part in parts if not isinstance(part, ToolResult))
        for part in parts:
            if isinstance(part, ToolResult) and (step := encode_item(part, losses)) is not None:
                if "name" not in step and part.id in names and "$nameless" not in MINE.of(part.extra):
                    step["name"] = names[part.id]
                out.append(step)
        if rest or len(rest) == len(parts):
            out.append({**MINE.fields(message.extra), "type": "user_input", **_said(rest, own, losses)})


def _said(parts: tuple[Part, ...], own: Any, losses: Losses) -> Item:
    if "$text" in own and len(parts) == 1 and isinstance(parts[0], Text):
        return {"content": parts[0].text}
    if not parts and "$absent" in own:
        return {}
    return {"content": _blocks(parts, losses)}


def _blocks(parts: Iterable[Part], losses: Losses) -> list[Any]:
    return [item for part in parts if (item := encode_item(part, losses)) is not None]


def encode_steps(parts: Iterable[Part], losses: Losses, outputs: Iterable[Any] = ()) -> list[Any]:
    """A model's parts as steps. ``outputs``: how many parts, and which fields beside them, each step of output had."""
    steps: list[Any] = []
    known = iter(outputs)
    room = 0
    output: Item | None = None
    for part in parts:
        item = encode_item(part, losses)
        if item is None:
            continue
        if not isinstance(part, _SPOKEN):
            steps.append(item)
            output, room = None, 0
            continue
        if output is None or room == 0:
            room, rest = next(known, (-1, {}))
            output = {**{key: value for key, value in rest.items() if key[0:1] != "$"}, "type": "model_output"}
            output["content"] = item["text"] if "$text" in rest and room == 1 and "text" in item else []
            steps.append(output)
        if isinstance(output["content"], list):
            output["content"].append(item)
        room -= 1
    return steps
