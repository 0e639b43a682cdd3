"""Requests: a Messages API body as canonical, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelmux.errors import InvalidRequest
from modelmux.types import (
    NO_EXTRA,
    Message,
    Opaque,
    Output,
    Part,
    ReasoningOptions,
    Request,
    ServerTool,
    Text,
    Tool,
    ToolChoice,
)
from modelmux.wire._source import sourced
from modelmux.wire.anthropic_messages.parts_in import decode_parts, take_cache
from modelmux.wire.anthropic_messages.vocabulary import TOOL_CHOICES, WIRE, server_tool_kind

AS_STRING = {WIRE: {"$content": "string"}}
AS_BLOCKS = {WIRE: {"$content": "blocks"}}
INLINE_STRING = {WIRE: {"$content": "string", "$place": "messages"}}
INLINE_BLOCKS = {WIRE: {"$content": "blocks", "$place": "messages"}}
"""Shape hints of turns: how the content was written, and for a system turn that it stood among the messages."""

Body = dict[str, Any]
_Take = Callable[[Any, Body], Any]


def decode_request(body: Body) -> Request:
    """Raises InvalidRequest naming the field that is malformed."""
    if not isinstance(body, dict):
        raise InvalidRequest(f"the body must be a JSON object, not {type(body).__name__}")
    rest = dict(body)
    messages = rest.pop("messages", None)
    if not isinstance(messages, list):
        raise InvalidRequest("messages must be a list", field="messages")
    system = _system(rest)
    turns = [_turn(turn, number) for number, turn in enumerate(messages)]
    stream = rest.get("stream") is True
    if stream:
        del rest["stream"]
    known: dict[str, Any] = {}
    for key, (field, take) in _FIELDS.items():
        if key in rest:
            value = take(rest[key], rest)
            if value is not None:
                known[field] = value
                del rest[key]
    known.update(_tool_choice(rest), user=_user(rest), cache=take_cache(rest))
    request = Request(
        messages=tuple(system + turns),
        output=_output(rest),
        reasoning=_reasoning(rest),
        stream=stream,
        extra={WIRE: rest} if rest else {},
        **known,
    )
    return sourced(request, WIRE, body)


def _system(rest: Body) -> list[Message]:
    system = rest.get("system")
    if isinstance(system, str):
        content: tuple[Part, ...] = (Text(system),)
    elif isinstance(system, list) and system:
        content = _parts(system, None)
    elif not system:
        return []  # null or an empty list: stays among the fields without meaning
    else:
        raise InvalidRequest("system must be a string or a list of text blocks", field="system")
    del rest["system"]
    return [Message("system", content, extra=AS_STRING if isinstance(system, str) else AS_BLOCKS)]


def _parts(content: list[Any], turn: int | None) -> tuple[Part, ...]:
    parts = decode_parts(content)
    for number, part in enumerate(parts):
        if part.__class__ is Opaque and not isinstance(content[number], dict):
            where = "system" if turn is None else f"messages[{turn}].content"
            raise InvalidRequest(f"{where}[{number}] must be an object", field=f"{where}[{number}]")
    return parts


def _turn(turn: Any, number: int) -> Message:
    if not isinstance(turn, dict):
        raise InvalidRequest(f"messages[{number}] must be an object", field=f"messages[{number}]")
    role, content = turn.get("role"), turn.get("content")
    if role not in ("user", "assistant", "system"):
        raise InvalidRequest(
            f"messages[{number}].role must be user, assistant or system, not {role!r}",
            field=f"messages[{number}].role",
        )
    if isinstance(content, str):
        parts: tuple[Part, ...] = (Text(content, (), None, None, NO_EXTRA),)
        extra = INLINE_STRING if role == "system" else AS_STRING
    elif isinstance(content, list):
        parts = _parts(content, number)
        extra = INLINE_BLOCKS if role == "system" else AS_BLOCKS
    else:
        raise InvalidRequest(
            f"messages[{number}].content must be a string or a list", field=f"messages[{number}].content"
        )
    if len(turn) > 2:
        others = {key: value for key, value in turn.items() if key not in ("role", "content")}
        extra = {WIRE: {**extra[WIRE], **others}}
    return Message(role, parts, None, extra)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _number(value: Any, _: Body) -> Any:
    return value if _is_number(value) else None


def _integer(value: Any, _: Body) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _string(value: Any, _: Body) -> str | None:
    return value if isinstance(value, str) else None


def _strings(value: Any, _: Body) -> tuple[str, ...] | None:
    if isinstance(value, list) and value and all(isinstance(word, str) for word in value):
        return tuple(value)
    return None


def _tools(value: Any, _: Body) -> tuple[Tool | ServerTool, ...] | None:
    if value is not None and not isinstance(value, list):
        raise InvalidRequest("tools must be a list", field="tools")
    return tuple(_tool(tool, number) for number, tool in enumerate(value)) if value else None


_FIELDS: dict[str, tuple[str, _Take]] = {
    "model": ("model", _string),
    "max_tokens": ("max_tokens", _integer),
    "temperature": ("temperature", _number),
    "top_p": ("top_p", _number),
    "top_k": ("top_k", _integer),
    "stop_sequences": ("stop", _strings),
    "service_tier": ("service_tier", _string),
    "tools": ("tools", _tools),
}
"""Field -> canonical field and how it is read; None leaves a value that is not as documented where it was."""


def _tool(tool: Any, number: int) -> Tool | ServerTool:
    if not isinstance(tool, dict):
        raise InvalidRequest(f"tools[{number}] must be an object", field=f"tools[{number}]")
    rest = dict(tool)
    cache = take_cache(rest)
    kind = rest.get("type")
    if isinstance(kind, str) and kind != "custom":
        return ServerTool(server_tool_kind(kind), WIRE, rest, cache)
    name = rest.pop("name", None)
    if not isinstance(name, str):
        raise InvalidRequest(f"tools[{number}].name must be a string", field=f"tools[{number}].name")
    description, schema, strict = rest.get("description"), rest.get("input_schema"), rest.get("strict")
    if isinstance(description, str):
        del rest["description"]
    if isinstance(strict, bool):
        del rest["strict"]
    parameters = schema if isinstance(schema, dict) else None
    if parameters is not None and parameters.get("type") == "object":
        del rest["input_schema"]
    return Tool(
        name,
        description if isinstance(description, str) else None,
        parameters,
        strict if isinstance(strict, bool) else None,
        cache,
        {WIRE: rest} if rest else {},
    )


def _tool_choice(rest: Body) -> dict[str, Any]:
    choice = rest.get("tool_choice")
    if not isinstance(choice, dict):
        return {}
    mode = TOOL_CHOICES.get(str(choice.get("type")))
    name = choice.get("name")
    if mode is None or (mode == "tool" and not isinstance(name, str)):
        return {}
    del rest["tool_choice"]
    left = {key: value for key, value in choice.items() if key != "type" and not (key == "name" and mode == "tool")}
    out: dict[str, Any] = {}
    disabled = left.get("disable_parallel_tool_use")
    if isinstance(disabled, bool) and mode != "none":
        out["parallel_tool_calls"] = not left.pop("disable_parallel_tool_use")
    names = (name,) if mode == "tool" else ()
    out["tool_choice"] = ToolChoice(mode, names, {WIRE: left})  # type: ignore[arg-type]  # table of modes
    return out


def _user(rest: Body) -> str | None:
    metadata = rest.get("metadata")
    user = metadata.get("user_id") if isinstance(metadata, dict) else None
    if not isinstance(user, str):
        return None
    left = {key: value for key, value in rest.pop("metadata").items() if key != "user_id"}
    if left:
        rest["metadata"] = left
    return user


def _take_dict(rest: Body, key: str) -> dict[str, Any] | None:
    value = rest.get(key)
    return dict(value) if isinstance(value, dict) else None


def _output(rest: Body) -> Output | None:
    """``output_config.format``, or the top-level ``output_format`` of the beta before it."""
    for field, holder in (("output_config", _take_dict(rest, "output_config")), ("output_format", rest)):
        form = (holder or {}).get("format" if field == "output_config" else field)
        if not isinstance(form, dict) or form.get("type") != "json_schema" or not isinstance(form.get("schema"), dict):
            continue
        left = {key: value for key, value in form.items() if key not in ("type", "schema")}
        if field == "output_format":
            del rest[field]
            left["$field"] = field
        else:
            _leave(rest, field, "format")
        return Output(form["schema"], extra={WIRE: left})
    return None


def _leave(rest: Body, field: str, taken: str) -> None:
    """Take one key out of an object; the object goes too once it is empty."""
    left = {key: value for key, value in rest[field].items() if key != taken}
    if left:
        rest[field] = left
    else:
        del rest[field]


def _reasoning(rest: Body) -> ReasoningOptions | None:
    """``thinking`` and ``output_config.effort``. The mapping to other vendors' words is in ``thinking.py``."""
    config = rest.get("output_config")
    effort = config.get("effort") if isinstance(config, dict) else None
    effort = effort if isinstance(effort, str) else None
    if effort is not None:
        _leave(rest, "output_config", "effort")
    thinking = rest.get("thinking")
    kind = thinking.get("type") if isinstance(thinking, Mapping) else None
    if kind not in ("enabled", "adaptive", "disabled"):
        return ReasoningOptions(effort=effort, extra={WIRE: {}}) if effort is not None else None
    left = dict(rest.pop("thinking"))
    budget = left.get("budget_tokens")
    if kind == "enabled" and isinstance(budget, int) and not isinstance(budget, bool):
        del left["budget_tokens"]
    else:
        budget = None
    display = left.get("display")
    include = None if display is None else display != "omitted"
    return ReasoningOptions(effort, budget, kind != "disabled", include, extra={WIRE: left})
