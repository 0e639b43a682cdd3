"""Everything of a request beside the conversation: limits, sampling, tools, structured output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelmux.types import Request, ServerTool, Tool, ToolCall
from modelmux.wire._each_loss import Losses
from modelmux.wire._kept import put_back
from modelmux.wire.anthropic_messages.parts_out import cache_control
from modelmux.wire.anthropic_messages.thinking import encode_thinking
from modelmux.wire.anthropic_messages.turns import encode_conversation
from modelmux.wire.anthropic_messages.vocabulary import SERVER_TOOL_TYPES, TOOL_MODES, WIRE, own

_NOT_HERE = ("seed", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs")
"""Canonical fields without a counterpart in this API. 0 (but for a seed) and False ask for nothing: lost in silence."""

_TIERS = {"auto": "auto", "standard_only": "standard_only", "default": "standard_only", "priority": "auto"}


def encode_plain(req: Request, default_max_tokens: int, *, conversation: bool = True) -> tuple[dict[str, Any], Losses]:
    """The body without regard to where the request came from, and without ``stream``.

    ``conversation=False`` leaves out ``system`` and ``messages``, for when it is known that they did not change.
    """
    losses = Losses()
    extra = own(req.extra)
    body: dict[str, Any] = {}
    if req.model is not None:
        body["model"] = req.model
    _limits(req, default_max_tokens, body, losses)
    if conversation:
        system, body["messages"] = encode_conversation(req.messages, losses)
        if system is not None:
            body["system"] = system
    _sampling(req, body, losses)
    _tools(req, body, losses)
    _structure(req, body, losses)
    _rest(req, body, losses)
    put_back(body, extra)
    if not all(WIRE in message.extra for message in req.messages):
        _limit_cache_marks(body, losses)
    for key in ("output_config", "metadata"):
        if isinstance(extra.get(key), dict) and body[key] is not extra[key]:
            body[key] = {**extra[key], **body[key]}
    return body, losses


_MOST_CACHE_MARKS = 4


def _limit_cache_marks(body: dict[str, Any], losses: Losses) -> None:
    """The vendor refuses more than four. The first stays, for it marks what changes least, and so do the last."""
    marked = [block for key in ("tools", "system", "messages") for block in _marked(body.get(key))]
    room = _MOST_CACHE_MARKS - ("cache_control" in body)
    if len(marked) > room:
        for block in marked[1 : len(marked) - room + 1]:
            del block["cache_control"]
        losses.add("cache", "clamped", f"{len(marked)} cache marks, {_MOST_CACHE_MARKS} are taken")


def _marked(blocks: Any) -> Iterator[dict[str, Any]]:
    """The marked ones among these blocks and turns, and what is inside them, in order."""
    for block in blocks if isinstance(blocks, list) else ():
        if isinstance(block, dict):
            yield from _marked(block.get("content"))
            if "cache_control" in block:
                yield block


def _limits(req: Request, default: int, body: dict[str, Any], losses: Losses) -> None:
    if req.max_tokens is not None:
        body["max_tokens"] = req.max_tokens
    elif "max_tokens" not in own(req.extra):
        body["max_tokens"] = default
        losses.add("max_tokens", "capped", f"this API requires a limit: {default}")


def _sampling(req: Request, body: dict[str, Any], losses: Losses) -> None:
    ours = any(WIRE in message.extra for message in req.messages)
    temperature = req.temperature
    if temperature is not None:
        if temperature > 1 and not ours:
            losses.add("temperature", "clamped", f"{temperature} became 1, the highest here")
            temperature = 1.0
        body["temperature"] = temperature
    if req.top_p is not None:
        body["top_p"] = req.top_p
    if req.top_k is not None:
        body["top_k"] = req.top_k
    if req.stop:
        kept = [word for word in req.stop if word.strip() or ours]
        if len(kept) != len(req.stop):
            losses.add("stop", "dropped", "a stop sequence of white space")
        if kept:
            body["stop_sequences"] = kept
    for name in _NOT_HERE:
        if getattr(req, name) or (name == "seed" and req.seed is not None):
            losses.add(name, "dropped", "this API has no such parameter")
    if req.n is not None and req.n != 1:
        losses.add("n", "dropped", "this API gives one answer a call")
    if any(modality != "text" for modality in req.modalities):
        losses.add("modalities", "dropped", "this API answers in text")


def _tools(req: Request, body: dict[str, Any], losses: Losses) -> None:
    choice = req.tool_choice
    tools = req.tools
    if choice is not None and choice.mode == "allowed":
        losses.add("tool_choice", "emulated", "only the allowed tools are sent")
        tools = tuple(tool for tool in tools if not isinstance(tool, Tool) or tool.name in choice.names)
    blocks = [block for block in (_tool(tool, losses) for tool in tools) if block is not None]
    if not blocks and (names := _names_used(req)):
        losses.add("tools", "emulated", "tools are named as the conversation used them: calls are refused without")
        blocks = [{"name": name, "input_schema": _object_schema(None)} for name in names]
    if blocks:
        body["tools"] = blocks
    parallel = req.parallel_tool_calls
    if choice is None:
        if parallel is False and blocks:
            body["tool_choice"] = {"type": "auto", "disable_parallel_tool_use": True}
        elif parallel is False:
            losses.add("parallel_tool_calls", "dropped", "there are no tools to call")
        return
    if not blocks and WIRE not in choice.extra:
        if choice.mode not in ("auto", "none"):
            losses.add("tool_choice", "dropped", "there is no tool to choose")
        if parallel is False:
            losses.add("parallel_tool_calls", "dropped", "there are no tools to call")
        return
    said: dict[str, Any] = {"type": TOOL_MODES[choice.mode]}
    if choice.mode == "allowed" and any(fields.get("mode") == "auto" for fields in choice.extra.values()):
        said["type"] = "auto"
    if choice.mode == "tool" and choice.names:
        said["name"] = choice.names[0]
    if parallel is not None and choice.mode != "none":
        said["disable_parallel_tool_use"] = not parallel
    body["tool_choice"] = put_back(said, own(choice.extra))


def _names_used(req: Request) -> list[str]:
    """Names of the tools that a conversation made elsewhere calls, in order."""
    if all(WIRE in message.extra for message in req.messages):
        return []
    calls = (part for message in req.messages for part in message.content if isinstance(part, ToolCall))
    return list(dict.fromkeys(call.name for call in calls))


def _tool(tool: Tool | ServerTool, losses: Losses) -> dict[str, Any] | None:
    if isinstance(tool, ServerTool):
        block = _server_tool(tool, losses)
    else:
        block = {"name": tool.name}
        if tool.description is not None:
            block["description"] = tool.description
        if tool.strict is not None:
            block["strict"] = tool.strict
        extra = own(tool.extra)
        put_back(block, extra)
        if "input_schema" not in extra:
            block["input_schema"] = _object_schema(tool.parameters)
    if block is not None and tool.cache is not None:
        block["cache_control"] = cache_control(tool.cache)
    return block


def _object_schema(schema: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """This API wants ``type: object`` spelled out."""
    if not schema:
        return {"type": "object", "properties": {}}
    return schema if "type" in schema else {"type": "object", **schema}


def _server_tool(tool: ServerTool, losses: Losses) -> dict[str, Any] | None:
    if tool.wire == WIRE:
        return dict(tool.config)
    here = SERVER_TOOL_TYPES.get(tool.kind)
    if here is None:
        losses.add("tools", "dropped", f"{tool.kind} of {tool.wire}")
        return None
    losses.add("tools", "emulated", f"{tool.kind} of {tool.wire} became {here}, without its settings")
    return {"type": here, "name": here.rpartition("_")[0]}


def _structure(req: Request, body: dict[str, Any], losses: Losses) -> None:
    output = req.output
    config: dict[str, Any] = {}
    if output is not None and output.schema is not None:
        extra = own(output.extra)
        schema = output.schema if WIRE in output.extra else _closed(output.schema, losses)
        if output.description is not None and "description" not in schema:
            schema = {**schema, "description": output.description}
        form = put_back({"type": "json_schema", "schema": schema}, extra)
        if extra.get("$field") == "output_format":
            body["output_format"] = form
        else:
            config["format"] = form
    elif output is not None:
        losses.add("output", "dropped", "this API has no JSON mode without a schema")
    if req.reasoning is not None:
        limit = body.get("max_tokens")
        thinking, effort = encode_thinking(
            req.reasoning, req.model or "", limit if isinstance(limit, int) else 0, losses
        )
        if thinking is not None:
            body["thinking"] = thinking
        if effort is not None:
            config["effort"] = effort
        if thinking is not None and thinking["type"] != "disabled" and WIRE not in req.reasoning.extra:
            _make_room_for_thinking(body, losses)
    if config:
        body["output_config"] = config


_OF_SCHEMAS = ("properties", "$defs", "definitions", "patternProperties")
_SCHEMAS = ("anyOf", "oneOf", "allOf", "prefixItems")


def _closed(schema: dict[str, Any], losses: Losses) -> dict[str, Any]:
    """The schema with every object closed: the vendor refuses objects that leave ``additionalProperties`` open."""
    out = dict(schema)
    for key, value in schema.items():
        if key in _OF_SCHEMAS and isinstance(value, dict):
            out[key] = {
                name: _closed(inner, losses) if isinstance(inner, dict) else inner for name, inner in value.items()
            }
        elif key in _SCHEMAS and isinstance(value, list):
            out[key] = [_closed(inner, losses) if isinstance(inner, dict) else inner for inner in value]
        elif key == "items" and isinstance(value, dict):
            out[key] = _closed(value, losses)
    if (out.get("type") == "object" or "properties" in out) and "additionalProperties" not in out:
        out["additionalProperties"] = False
        losses.add("output.schema", "clamped", "objects take no properties beside the named ones")
    return out


def _make_room_for_thinking(body: dict[str, Any], losses: Losses) -> None:
    """What the vendor refuses beside thinking ("Extended thinking", feature compatibility)."""
    if body.get("temperature", 1) != 1:
        del body["temperature"]
        losses.add("temperature", "dropped", "not beside thinking")
    if "top_k" in body:
        del body["top_k"]
        losses.add("top_k", "dropped", "not beside thinking")
    if body.get("top_p", 1) < 0.95:
        del body["top_p"]
        losses.add("top_p", "dropped", "below 0.95 not beside thinking")
    choice = body.get("tool_choice")
    if choice is not None and choice["type"] in ("any", "tool"):
        body["tool_choice"] = {key: value for key, value in choice.items() if key != "name"} | {"type": "auto"}
        losses.add("tool_choice", "clamped", "no tool can be forced beside thinking: auto")


def _rest(req: Request, body: dict[str, Any], losses: Losses) -> None:
    if req.user is not None:
        body["metadata"] = {"user_id": req.user}
    if req.service_tier is not None:
        tier = _TIERS.get(req.service_tier)
        if tier is None:
            losses.add("service_tier", "dropped", f"{req.service_tier} is not offered here")
        else:
            body["service_tier"] = tier
            if req.service_tier == "priority":
                losses.add("service_tier", "renamed", "priority is had by agreement here: auto")
    if req.cache is not None:
        body["cache_control"] = cache_control(req.cache)
