"""What callers write as messages, tools and the rest, made canonical.

``messages`` may be a string, OpenAI-shaped dicts, :class:`~modelmux.types.Message` objects, earlier replies, or a mix.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modelmux import wire
from modelmux.errors import InvalidRequest, UnknownName
from modelmux.types import Message, Part, ReasoningOptions, Response, Text, ToolChoice

Messages = str | Message | Response | Mapping[str, Any] | Sequence[Any]

_DICT_WIRE = "openai.chat"
"""The format of messages given as dicts: the one everybody writes by hand."""


def canonical_messages(messages: Messages, system: str | Sequence[Part] | None = None) -> tuple[Message, ...]:
    """Turns in order, ``system`` first. Raises InvalidRequest naming the message and field that is wrong."""
    if type(messages) is list:
        pass  # what nearly everybody gives
    elif isinstance(messages, (str, Message, Response, Mapping)):
        messages = [messages]
    elif not isinstance(messages, Iterable):
        raise InvalidRequest(
            f"messages is a {type(messages).__name__}; give a string, or a list of messages", field="messages"
        )
    given = list(messages)
    out: list[Message] = []
    if system is not None:
        if not isinstance(system, (str, Sequence)):
            raise InvalidRequest(f"system is a {type(system).__name__}; give a string, or parts", field="system")
        out.append(Message("system", (Text(system),) if isinstance(system, str) else tuple(system)))
    dicts: list[dict[str, Any]] = []
    for index, item in enumerate(given):
        if type(item) is dict or isinstance(item, Mapping):
            dicts.append(_checked(item, index))
            continue
        out.extend(_decoded(dicts))
        dicts = []
        out.append(_turn(item, index))
    out.extend(_decoded(dicts))
    if not out or all(message.role == "system" for message in out):
        raise InvalidRequest("messages is empty: give a string, or at least one user message", field="messages")
    return tuple(out)


def _turn(item: Any, index: int) -> Message:
    if isinstance(item, Message):
        return item
    if isinstance(item, Response):
        return item.message
    if isinstance(item, str):
        return Message("user", (Text(item),))
    raise InvalidRequest(
        f"messages[{index}] is a {type(item).__name__}; give a string, a dict with role and content, or a Message",
        field=f"messages[{index}]",
    )


_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def _checked(item: Mapping[str, Any], index: int) -> dict[str, Any]:
    """A message given as a dict. A role no vendor knows would come back as the vendor's error, later and dearer."""
    where = f"messages[{index}]"
    role = item.get("role")
    if role not in _ROLES:
        raise InvalidRequest(str(UnknownName(f"role of {where}", str(role), _ROLES)), field=f"{where}.role")
    if "content" not in item and role != "assistant":
        raise InvalidRequest(f"{where} has no content", field=f"{where}.content")
    return dict(item)


def _decoded(dicts: list[dict[str, Any]]) -> tuple[Message, ...]:
    return wire.get(_DICT_WIRE).decode_request({"messages": dicts}).messages if dicts else ()


def canonical_tool_choice(choice: str | Mapping[str, Any] | ToolChoice | None) -> ToolChoice | None:
    """``auto``, ``none``, ``required``, a tool's name, an OpenAI-shaped dict, or a ToolChoice."""
    if choice is None or isinstance(choice, ToolChoice):
        return choice
    if isinstance(choice, str):
        if choice in ("auto", "none", "required"):
            return ToolChoice(choice)  # type: ignore[arg-type]  # one of the literals, as just tested
        return ToolChoice("tool", (choice,))
    return wire.get(_DICT_WIRE).decode_request({"messages": [], "tool_choice": dict(choice)}).tool_choice


def canonical_reasoning(value: str | int | bool | ReasoningOptions | None) -> ReasoningOptions | None:
    """An effort word, a budget in tokens, on or off, or ReasoningOptions."""
    if value is None or isinstance(value, ReasoningOptions):
        return value
    if isinstance(value, bool):
        return ReasoningOptions(enabled=value)
    if isinstance(value, int):
        if value < 0:
            raise InvalidRequest(f"reasoning={value}: a budget in tokens cannot be negative", field="reasoning")
        return ReasoningOptions(budget=value)
    if isinstance(value, str):
        if value not in _EFFORTS:
            raise InvalidRequest(str(UnknownName("reasoning effort", value, _EFFORTS)), field="reasoning")
        return ReasoningOptions(effort=value)
    raise InvalidRequest(
        f"reasoning is a {type(value).__name__}; give an effort word, a number of tokens, or ReasoningOptions",
        field="reasoning",
    )


def canonical_stop(stop: str | Sequence[str] | None) -> tuple[str, ...]:
    """One text or several. Raises InvalidRequest for anything else."""
    stops = () if stop is None else (stop,) if isinstance(stop, str) else stop
    if not isinstance(stops, Sequence) or not all(isinstance(text, str) for text in stops):
        raise InvalidRequest(f"stop={stop!r}: give a text, or a list of texts", field="stop")
    return tuple(stops)
