"""Requests: a Converse body as canonical. The way back is in ``options.py``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from modelmux import _json
from modelmux.errors import InvalidRequest
from modelmux.types import (
    Message,
    Output,
    Part,
    ReasoningOptions,
    Request,
    ServerTool,
    Tool,
    ToolChoice,
)
from modelmux.wire import _kept
from modelmux.wire._body import Scalars, take_scalars
from modelmux.wire._source import sourced
from modelmux.wire.bedrock_converse.blocks_in import cache_point, decode_blocks
from modelmux.wire.bedrock_converse.model_fields import decode_reasoning, take_top_k, without
from modelmux.wire.bedrock_converse.vocabulary import WIRE, kept

Body = dict[str, Any]

AS_BLOCKS = {WIRE: {"$content": "blocks"}}
"""Shape hint of turns that came in on this wire."""

TOOL_CHOICES = {"auto": "auto", "any": "required", "tool": "tool"}


def decode_request(body: Body) -> Request:
    """Raises InvalidRequest naming the field that is malformed."""
    if not isinstance(body, dict):
        raise InvalidRequest(f"the body must be a JSON object, not {type(body).__name__}")
    rest = dict(body)
    messages = rest.pop("messages", None)
    if not isinstance(messages, list):
        raise InvalidRequest("messages must be a list", field="messages")
    turns = [*_system(rest), *(_turn(turn, number) for number, turn in enumerate(messages))]
    known: dict[str, Any] = {**_inference(rest), **_tool_config(rest), **_model_fields(rest)}
    known["output"] = _output(rest)
    known["service_tier"] = _tier(rest)
    return sourced(Request(messages=tuple(turns), **known, extra=kept(rest)), WIRE, body)


def _parts(content: list[Any], where: str) -> tuple[Part, ...]:
    for number, block in enumerate(content):
        if not isinstance(block, dict):
            raise InvalidRequest(f"{where}[{number}] must be an object", field=f"{where}[{number}]")
    return decode_blocks(content)


def _system(rest: Body) -> list[Message]:
    system = rest.get("system")
    if not system:
        return []  # null or an empty list: stays among the fields without meaning
    if not isinstance(system, list):
        raise InvalidRequest("system must be a list of blocks", field="system")
    del rest["system"]
    return [Message("system", _parts(system, "system"), extra=AS_BLOCKS)]


def _turn(turn: Any, number: int) -> Message:
    where = f"messages[{number}]"
    if not isinstance(turn, dict):
        raise InvalidRequest(f"{where} must be an object", field=where)
    role, content = turn.get("role"), turn.get("content")
    if role not in ("user", "assistant"):
        raise InvalidRequest(f"{where}.role must be user or assistant, not {role!r}", field=f"{where}.role")
    if not isinstance(content, list):
        raise InvalidRequest(f"{where}.content must be a list", field=f"{where}.content")
    others = {key: value for key, value in turn.items() if key not in ("role", "content")}
    extra = {WIRE: {**AS_BLOCKS[WIRE], **others}} if others else AS_BLOCKS
    return Message(role, _parts(content, f"{where}.content"), None, extra)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_INFERENCE: Scalars = {
    "maxTokens": ("max_tokens", _is_whole),
    "temperature": ("temperature", _kept.number),
    "topP": ("top_p", _kept.number),
    "stopSequences": ("stop", _kept.strings),
}


def _inference(rest: Body) -> dict[str, Any]:
    config = rest.get("inferenceConfig")
    if not isinstance(config, dict):
        return {}
    left = dict(config)
    known: dict[str, Any] = {}
    take_scalars(_INFERENCE, left, known)
    if "stop" in known:
        known["stop"] = tuple(known["stop"])
    _leave(rest, "inferenceConfig", left, known)
    return known


def _leave(rest: Body, key: str, left: Body, known: Any) -> None:
    """Keep of an object what was not understood; all of it when nothing was."""
    if left:
        rest[key] = left
    elif known:
        del rest[key]


def _tool_config(rest: Body) -> dict[str, Any]:
    config = rest.get("toolConfig")
    if not isinstance(config, dict):
        return {}
    left = dict(config)
    known: dict[str, Any] = {}
    tools = left.get("tools")
    if tools is not None and not isinstance(tools, list):
        raise InvalidRequest("toolConfig.tools must be a list", field="toolConfig.tools")
    if tools:
        known["tools"] = _tools(left.pop("tools"))
    choice = left.get("toolChoice")
    mode = next((mode for key, mode in TOOL_CHOICES.items() if isinstance(choice, dict) and key in choice), None)
    if mode is not None and isinstance(choice, dict):
        said = next(iter(choice.values()))
        name = said.get("name") if isinstance(said, dict) else None
        fields = {key: value for key, value in said.items() if key != "name"} if isinstance(said, dict) else {"": 0}
        if len(choice) == 1 and not fields and isinstance(name, str) == (mode == "tool"):
            del left["toolChoice"]
            known["tool_choice"] = ToolChoice(mode, (name,) if mode == "tool" else (), {WIRE: {}})  # type: ignore[arg-type]  # table of modes
    _leave(rest, "toolConfig", left, known)
    return known


def _tools(tools: list[Any]) -> tuple[Tool | ServerTool, ...]:
    found: list[Tool | ServerTool] = []
    for number, tool in enumerate(tools):
        where = f"toolConfig.tools[{number}]"
        if not isinstance(tool, dict):
            raise InvalidRequest(f"{where} must be an object", field=where)
        mark = cache_point(tool)
        if mark is not None and found and found[-1].cache is None:
            found[-1] = replace(found[-1], cache=mark)
        elif isinstance(tool.get("toolSpec"), dict) and len(tool) == 1:
            found.append(_tool(tool["toolSpec"], where))
        else:
            named = tool.get("systemTool")
            name = named.get("name") if isinstance(named, dict) else None
            kind = SYSTEM_TOOLS.get(name, name) if isinstance(name, str) else next(iter(tool), "")
            found.append(ServerTool(kind, WIRE, tool))
    return tuple(found)


SYSTEM_TOOLS = {"nova_grounding": "web_search", "nova_code_interpreter": "code_execution"}


def _tool(spec: Body, where: str) -> Tool:
    rest = dict(spec)
    name = rest.pop("name", None)
    if not isinstance(name, str):
        raise InvalidRequest(f"{where}.toolSpec.name must be a string", field=f"{where}.toolSpec.name")
    description, schema, strict = rest.get("description"), rest.get("inputSchema"), rest.get("strict")
    if isinstance(description, str):
        del rest["description"]
    if isinstance(strict, bool):
        del rest["strict"]
    parameters = schema.get("json") if isinstance(schema, dict) else None
    if isinstance(schema, dict) and isinstance(parameters, dict) and len(schema) == 1:
        del rest["inputSchema"]
    return Tool(
        name,
        description if isinstance(description, str) else None,
        parameters if isinstance(parameters, dict) else None,
        strict if isinstance(strict, bool) else None,
        extra={WIRE: rest},
    )


def _model_fields(rest: Body) -> dict[str, Any]:
    fields = rest.get("additionalModelRequestFields")
    if not isinstance(fields, dict):
        return {}
    known: dict[str, Any] = {}
    options, taken = decode_reasoning(fields)
    left = fields
    if options is not None:
        known["reasoning"] = ReasoningOptions(
            options.effort, options.budget, options.enabled, options.include, extra={WIRE: {"$fields": taken}}
        )
        for key in taken:
            left = without(left, key, "effort") if key == "output_config" else without(left, key)
    top_k, path = take_top_k(left)
    if top_k is not None:
        known["top_k"] = top_k
        left = without(left, *path)
        rest["$top_k"] = list(path)
    _leave(rest, "additionalModelRequestFields", left, known)
    return known


def _output(rest: Body) -> Output | None:
    """The schema is JSON text here; its spelling is kept."""
    said: Any = rest.get("outputConfig")
    for key, size in (("textFormat", 1), ("structure", 2), ("jsonSchema", 1)):
        if not isinstance(said, dict) or len(said) != size or said.get("type", "json_schema") != "json_schema":
            return None
        said = said.get(key)
    if not isinstance(said, dict) or not isinstance(said.get("schema"), str):
        return None
    try:
        schema = _json.load_object(said["schema"])
    except ValueError:
        return None
    del rest["outputConfig"]
    left = {key: value for key, value in said.items() if key != "schema"}
    names = {key: left.pop(key) for key in ("name", "description") if isinstance(left.get(key), str)}
    return Output(schema, **names, extra={WIRE: {"$schema": said["schema"], **left}})


def _tier(rest: Body) -> str | None:
    tier = rest.get("serviceTier")
    if not isinstance(tier, dict) or len(tier) != 1 or not isinstance(tier.get("type"), str):
        return None
    word: str = rest.pop("serviceTier")["type"]
    return word
