"""A canonical request as a Converse body. The model stands in the URL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelmux import _json
from modelmux.types import Request, ServerTool, Tool, ToolCall, ToolResult
from modelmux.wire._each_loss import Losses
from modelmux.wire._kept import put_back
from modelmux.wire.bedrock_converse.blocks_out import Block, cache_point
from modelmux.wire.bedrock_converse.model_fields import encode_reasoning, merged, top_k_path
from modelmux.wire.bedrock_converse.request import SYSTEM_TOOLS
from modelmux.wire.bedrock_converse.turns import encode_conversation
from modelmux.wire.bedrock_converse.vocabulary import WIRE, own

_NOT_HERE = ("seed", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "user")
"""Canonical fields without a counterpart in this API. False, and 0 for all but a seed, ask for nothing."""

_TIERS = {"auto": "default", "standard_only": "default", "standard": "default", "scale": "reserved"}
_KNOWN_TIERS = frozenset({"default", "priority", "flex", "reserved"})

_HERE = {kind: name for name, kind in SYSTEM_TOOLS.items()}


def encode_plain(req: Request) -> tuple[dict[str, Any], Losses]:
    """The body without regard to where the request came from."""
    losses = Losses()
    extra = own(req.extra)
    body: dict[str, Any] = {}
    system, body["messages"] = encode_conversation(req.messages, losses)
    if system:
        body["system"] = system
    _cache(req, body["messages"], losses)
    ours = any(WIRE in message.extra for message in req.messages)
    _inference(req, ours, body, losses)
    _tools(req, body, losses)
    _output(req, body, losses)
    _model_fields(req, extra, body, losses)
    _rest(req, body, losses)
    put_back(body, extra)
    for key in ("inferenceConfig", "toolConfig"):
        if isinstance(extra.get(key), dict) and body[key] is not extra[key]:
            body[key] = {**extra[key], **body[key]}
    return body, losses


def _cache(req: Request, turns: list[dict[str, Any]], losses: Losses) -> None:
    """A cache of all that is sent: a point at its end."""
    if req.cache is not None and turns and not any("cachePoint" in block for block in turns[-1]["content"][-1:]):
        losses.add("cache", "emulated", "a cache point ends the last turn")
        turns[-1] = {**turns[-1], "content": [*turns[-1]["content"], cache_point(req.cache)]}


def _inference(req: Request, ours: bool, body: dict[str, Any], losses: Losses) -> None:
    config: dict[str, Any] = {}
    if req.max_tokens is not None:
        config["maxTokens"] = req.max_tokens
    if req.temperature is not None:
        config["temperature"] = req.temperature
        if req.temperature > 1 and not ours:
            losses.add("temperature", "clamped", f"{req.temperature} became 1, the highest here")
            config["temperature"] = 1.0
    if req.top_p is not None:
        config["topP"] = req.top_p
    stop = [word for word in req.stop if word.strip() or ours]
    if len(stop) != len(req.stop):
        losses.add("stop", "dropped", "a stop sequence of white space")
    if stop:
        config["stopSequences"] = stop
    if config:
        body["inferenceConfig"] = config


# --- tools ---------------------------------------------------------------------------------------------------


def _tools(req: Request, body: dict[str, Any], losses: Losses) -> None:
    tools, choice = req.tools, req.tool_choice
    if choice is not None and choice.mode == "allowed":
        losses.add("tool_choice", "emulated", "only the allowed tools are sent")
        tools = tuple(tool for tool in tools if not isinstance(tool, Tool) or tool.name in choice.names)
    names = _names_used(req)
    if choice is not None and choice.mode == "none" and tools:
        if names:
            losses.add("tool_choice", "dropped", "none cannot be said here, and the conversation needs its tools")
        else:
            losses.add("tool_choice", "emulated", "none cannot be said here: no tools are sent")
            tools = ()
    specs: list[Block] = []
    for tool in tools:
        spec = _tool(tool, losses)
        if spec is not None:
            specs.append(spec)
            if tool.cache is not None:
                specs.append(cache_point(tool.cache))
    if not specs and names and not any(WIRE in message.extra for message in req.messages):
        losses.add("tools", "emulated", "tools are named as the conversation used them: calls are refused without")
        specs = [{"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object"}}}} for name in names]
    config: dict[str, Any] = {"tools": specs} if specs else {}
    said = _choice(req, bool(specs), losses)
    if said is not None:
        config["toolChoice"] = said
    if config:
        body["toolConfig"] = config
    if req.parallel_tool_calls is False:
        losses.add("parallel_tool_calls", "dropped", "this API has no such parameter")


def _names_used(req: Request) -> list[str]:
    """Names of the tools that the conversation calls, in order."""
    parts = [part for message in req.messages for part in message.content if isinstance(part, (ToolCall, ToolResult))]
    return list(dict.fromkeys(part.name for part in parts if part.name))


_MODES = {"auto": "auto", "required": "any", "allowed": "any"}


def _choice(req: Request, any_tool: bool, losses: Losses) -> dict[str, Any] | None:
    choice = req.tool_choice
    if choice is None or choice.mode == "none":
        return None
    if not any_tool and WIRE not in choice.extra:
        if choice.mode != "auto":
            losses.add("tool_choice", "dropped", "there is no tool to choose")
        return None
    if choice.mode == "tool":
        return {"tool": {"name": choice.names[0] if choice.names else ""}}
    if choice.mode == "allowed" and any(fields.get("mode") == "auto" for fields in choice.extra.values()):
        return {"auto": {}}
    return {_MODES[choice.mode]: {}}


def _tool(tool: Tool | ServerTool, losses: Losses) -> Block | None:
    if isinstance(tool, ServerTool):
        if tool.wire == WIRE:
            return dict(tool.config)
        name = _HERE.get(tool.kind)
        if name is None:
            losses.add("tools", "dropped", f"{tool.kind} of {tool.wire}")
            return None
        losses.add("tools", "emulated", f"{tool.kind} of {tool.wire} became {name}, without its settings")
        return {"systemTool": {"name": name}}
    spec: Block = {"name": tool.name}
    if tool.description or (tool.description is not None and WIRE in tool.extra):  # an empty one is refused
        spec["description"] = tool.description
    if tool.strict is not None:
        spec["strict"] = tool.strict
    extra = own(tool.extra)
    put_back(spec, extra)
    if WIRE not in tool.extra:
        spec["inputSchema"] = {"json": _object_schema(tool.parameters)}
    elif tool.parameters is not None and "inputSchema" not in extra:
        spec["inputSchema"] = {"json": tool.parameters}
    return {"toolSpec": spec}


def _object_schema(schema: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """This API wants ``type: object`` spelled out."""
    if not schema:
        return {"type": "object", "properties": {}}
    return schema if "type" in schema else {"type": "object", **schema}


# --- the rest ------------------------------------------------------------------------------------------------


def _output(req: Request, body: dict[str, Any], losses: Losses) -> None:
    output = req.output
    if output is None:
        return
    if output.schema is None:
        losses.add("output", "dropped", "this API has no JSON mode without a schema")
        return
    extra = own(output.extra)
    text = extra.get("$schema")
    if text is None or _json.loads(text) != output.schema:
        text = _json.dumps_str(output.schema)
    said: dict[str, Any] = {"schema": text}
    if output.name is not None:
        said["name"] = output.name
    if output.description is not None:
        said["description"] = output.description
    put_back(said, extra)
    body["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": said}}}


def _model_fields(req: Request, extra: Mapping[str, Any], body: dict[str, Any], losses: Losses) -> None:
    given = extra.get("additionalModelRequestFields")
    fields: dict[str, Any] = encode_reasoning(req, req.max_tokens, losses)
    if fields and req.reasoning is not None and WIRE not in req.reasoning.extra:
        _make_room_for_thinking(fields, body, losses)
    if req.top_k is not None:
        more: Any = req.top_k
        for key in reversed(tuple(extra.get("$top_k") or top_k_path(req.model or ""))):
            more = {key: more}
        if _thinks(fields) and WIRE not in (req.reasoning.extra if req.reasoning else {}):
            losses.add("top_k", "dropped", "not beside thinking")
        else:
            fields = merged(fields, more)
    if fields:
        body["additionalModelRequestFields"] = merged(given, fields) if isinstance(given, dict) else fields


def _thinks(fields: Mapping[str, Any]) -> bool:
    thinking = fields.get("thinking")
    return isinstance(thinking, dict) and thinking.get("type") != "disabled"


def _make_room_for_thinking(fields: Mapping[str, Any], body: dict[str, Any], losses: Losses) -> None:
    """What Claude refuses beside thinking ("Extended thinking", feature compatibility)."""
    if not _thinks(fields):
        return
    config = body.get("inferenceConfig", {})
    if config.get("temperature", 1) != 1:
        del config["temperature"]
        losses.add("temperature", "dropped", "not beside thinking")
    if config.get("topP", 1) < 0.95:
        del config["topP"]
        losses.add("top_p", "dropped", "below 0.95 not beside thinking")
    if not config:
        body.pop("inferenceConfig", None)
    tools = body.get("toolConfig", {})
    if tools.get("toolChoice", {"auto": {}}) != {"auto": {}}:
        tools["toolChoice"] = {"auto": {}}
        losses.add("tool_choice", "clamped", "no tool can be forced beside thinking: auto")


def _rest(req: Request, body: dict[str, Any], losses: Losses) -> None:
    for name in _NOT_HERE:
        if getattr(req, name) or (name == "seed" and req.seed is not None):
            losses.add(name, "dropped", "this API has no such parameter")
    if req.n is not None and req.n != 1:
        losses.add("n", "dropped", "this API gives one answer a call")
    if any(modality != "text" for modality in req.modalities):
        losses.add("modalities", "dropped", "this API answers in text")
    if req.service_tier is not None:
        tier = _TIERS.get(req.service_tier, req.service_tier)
        if tier in _KNOWN_TIERS or any(WIRE in message.extra for message in req.messages):
            body["serviceTier"] = {"type": tier}
        else:
            losses.add("service_tier", "dropped", f"{req.service_tier} is not offered here")
