"""A request for an interaction: body in, canonical request out, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from modelmux.errors import InvalidRequest
from modelmux.types import (
    Message,
    Output,
    ReasoningOptions,
    Request,
    ServerTool,
    Source,
    Text,
    Tool,
    ToolChoice,
    Warning,
)
from modelmux.wire._across import arrived
from modelmux.wire._kept import Losses, asks, described, number, strings, whole
from modelmux.wire._names import GEMINI_NAMES
from modelmux.wire._source import from_source
from modelmux.wire.gemini_interactions.turns import decode_input, encode_input
from modelmux.wire.gemini_interactions.vocabulary import MINE, SERVER_KINDS, WIRE, server_tool_name

_CONFIG: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "max_output_tokens": ("max_tokens", whole),
    "temperature": ("temperature", number),
    "top_p": ("top_p", number),
    "seed": ("seed", whole),
}
"""Names inside ``generation_config`` -> names in a Request, and what the value must be to be understood."""

_MODES = {"auto": "auto", "any": "required", "none": "none"}
_LEVELS = {"minimal": "minimal", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_BUDGETS = ((1024, "minimal"), (4096, "low"), (12288, "medium"))
_UNSAID = {
    "top_k": "this API has no such parameter",
    "presence_penalty": "this API has no such parameter",
    "frequency_penalty": "this API has no such parameter",
    "logprobs": "this API reports none",
    "top_logprobs": "this API reports none",
    "parallel_tool_calls": "this vendor takes no such switch",
    "user": "this vendor takes no user id",
    "cache": "there are no cache marks here; the vendor caches by itself",
}

# --- decoding ------------------------------------------------------------------------------------------------


def decode_request(body: dict[str, Any]) -> Request:
    """The request that ``body`` makes. Raises InvalidRequest naming the field that is malformed."""
    if not isinstance(body, dict):
        raise InvalidRequest("the request must be a JSON object")
    values: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name, value in body.items():
        decode = _FIELDS.get(name)
        if name != "input" and not (decode is not None and decode(value, values, extra)):
            extra[name] = value
    if "input" not in body:
        raise InvalidRequest("input is missing", field="input")
    messages = (*values.pop("messages", ()), *decode_input(body["input"]))
    request = Request(messages, **values, extra={WIRE: extra})
    return replace(request, source=Source(WIRE, body, request))


def _model(value: Any, values: dict[str, Any], _extra: dict[str, Any]) -> bool:
    if isinstance(value, str):
        values["model"] = value
    return isinstance(value, str)


def _tier(value: Any, values: dict[str, Any], _extra: dict[str, Any]) -> bool:
    if isinstance(value, str):
        values["service_tier"] = value
    return isinstance(value, str)


def _stream(value: Any, values: dict[str, Any], extra: dict[str, Any]) -> bool:
    values["stream"] = value is True
    extra["$stream"] = value
    return True


def _system(value: Any, values: dict[str, Any], _extra: dict[str, Any]) -> bool:
    if isinstance(value, str):
        values["messages"] = (Message("system", (Text(value),)),)
    return isinstance(value, str)


def _modalities(value: Any, values: dict[str, Any], _extra: dict[str, Any]) -> bool:
    if strings(value):
        values["modalities"] = tuple(value)
    return strings(value)


def _tools(value: Any, values: dict[str, Any], _extra: dict[str, Any]) -> bool:
    if not isinstance(value, list) or not value:
        return False
    values["tools"] = tuple(map(_tool, value))
    return True


def _tool(tool: Any) -> Tool | ServerTool:
    if not isinstance(tool, dict):
        return ServerTool("unknown", WIRE, {"$value": tool})
    if tool.get("type") != "function" or not isinstance(tool.get("name"), str):
        kind = str(tool.get("type") or "unknown")
        return ServerTool(SERVER_KINDS.get(kind, kind), WIRE, tool)
    rest = {name: value for name, value in tool.items() if name not in ("type", "name")}
    description = rest.pop("description") if isinstance(rest.get("description"), str) else None
    parameters = rest.pop("parameters") if isinstance(rest.get("parameters"), dict) else None
    return Tool(tool["name"], description, parameters, extra=MINE.keep(rest))


def _format(value: Any, values: dict[str, Any], _extra: dict[str, Any]) -> bool:
    """``{"type": "text", "mime_type": "application/json", "schema"}``; other kinds of output stay the vendor's."""
    if not isinstance(value, dict) or value.get("type") != "text" or value.get("mime_type") != "application/json":
        return False
    rest = {name: item for name, item in value.items() if name not in ("type", "mime_type")}
    schema = rest.pop("schema") if isinstance(rest.get("schema"), dict) else None
    values["output"] = Output(schema, extra=MINE.keep(rest))
    return True


def _config(value: Any, values: dict[str, Any], extra: dict[str, Any]) -> bool:
    if not isinstance(value, dict):
        return False
    rest = dict(value)
    for name, (attr, understood) in _CONFIG.items():
        if name in rest and understood(rest[name]):
            values[attr] = rest.pop(name)
    if strings(rest.get("stop_sequences")):
        values["stop"] = tuple(rest.pop("stop_sequences"))
    level, shown = rest.get("thinking_level"), rest.get("thinking_summaries")
    options: dict[str, Any] = {}
    if isinstance(level, str) and level:
        options["effort"] = rest.pop("thinking_level")
    if shown in ("auto", "none") and isinstance(shown, str):
        options["include"] = rest.pop("thinking_summaries") == "auto"
    if options:
        values["reasoning"] = ReasoningOptions(**options, extra={WIRE: {"$level": options.get("effort")}})
    choice = _choice(rest.get("tool_choice"))
    if choice is not None:
        values["tool_choice"] = choice
        del rest["tool_choice"]
    extra["$config"] = rest
    return True


def _choice(value: Any) -> ToolChoice | None:
    if isinstance(value, str) and value in _MODES:
        return ToolChoice(_MODES[value])  # type: ignore[arg-type]  # the values are modes
    allowed = value.get("allowed_tools") if isinstance(value, dict) and len(value) == 1 else None
    if isinstance(allowed, dict) and strings(allowed.get("tools")) and allowed.keys() == {"mode", "tools"}:
        names = tuple(allowed["tools"])
        one = len(names) == 1 and allowed["mode"] == "any"
        return ToolChoice("tool" if one else "allowed", names, MINE.keep({"mode": allowed["mode"]}))
    return None


_FIELDS: dict[str, Callable[[Any, dict[str, Any], dict[str, Any]], bool]] = {
    "model": _model,
    "stream": _stream,
    "system_instruction": _system,
    "response_modalities": _modalities,
    "service_tier": _tier,
    "tools": _tools,
    "response_format": _format,
    "generation_config": _config,
}


# --- encoding ------------------------------------------------------------------------------------------------


def encode_request(req: Request, *, model: str, stream: bool = False) -> tuple[dict[str, Any], list[Warning]]:
    """The body to send, and what it could not say. An empty ``model`` leaves the field out: an agent answers."""
    wanted, lost = arrived(req if req.stream == stream else replace(req, stream=stream), WIRE, GEMINI_NAMES)
    said = from_source(wanted, WIRE, _encode)
    body, warnings = said if said is not None else _encode(wanted)
    if model:
        body["model"] = model
    before = MINE.of(req.extra).get("$stream", True)
    if stream:
        body["stream"] = True
    elif before is True:
        body.pop("stream", None)
    else:
        body["stream"] = before
    return body, [*lost, *warnings]


def _encode(req: Request) -> tuple[dict[str, Any], list[Warning]]:
    losses = Losses()
    body = MINE.fields(req.extra)
    for name, value in (("model", req.model), ("service_tier", req.service_tier)):
        if value is not None:
            body[name] = value
    _encode_system(req.messages, body, losses)
    body["input"] = encode_input(req.messages, losses)
    if not body["input"] and WIRE not in req.extra and body.get("system_instruction"):
        losses.add("messages.system", "renamed", "a conversation needs a user's turn: the instructions became it")
        body["input"] = body.pop("system_instruction")
    if req.tools:
        _encode_tools(req.tools, body, losses)
    if req.output is not None:
        _encode_output(req.output, body)
    if req.modalities:
        body["response_modalities"] = list(req.modalities)
    _encode_config(req, body, losses)
    for attr, detail in _UNSAID.items():
        if asks(req, attr):
            losses.add(attr, "dropped", detail)
    if req.n is not None and req.n > 1:
        losses.add("n", "dropped", "this API gives one answer a call")
    return body, losses.warnings


def _encode_system(messages: tuple[Message, ...], body: dict[str, Any], losses: Losses) -> None:
    said = [message for message in messages if message.role in ("system", "developer")]
    if not said:
        return
    if sum(len(message.content) for message in said) > 1 or messages[0] is not said[0]:
        losses.add("messages.system", "merged", "what the system says stands at the front, as one text")
    if any(message.role == "developer" for message in said):
        losses.add("messages.role", "renamed", "a developer's turn goes as the system's")
    if not all(isinstance(part, Text) for message in said for part in message.content):
        losses.add("messages.system", "dropped", "the system says text only")
    if any(isinstance(part, Text) and part.cache is not None for message in said for part in message.content):
        losses.add("cache", "dropped", "there are no cache marks here; the vendor caches by itself")
    texts = (part.text for message in said for part in message.content if isinstance(part, Text))
    body["system_instruction"] = "\n\n".join(texts)


def _encode_tools(tools: tuple[Tool | ServerTool, ...], body: dict[str, Any], losses: Losses) -> None:
    said: list[Any] = []
    for tool in tools:
        if isinstance(tool, ServerTool):
            name = server_tool_name(tool.kind)
            if tool.wire == WIRE:
                said.append(tool.config.get("$value", tool.config))
            elif name is None:
                losses.add(f"tools.{tool.kind}", "dropped", "a tool run by another vendor")
            else:
                losses.add(f"tools.{tool.kind}", "emulated", "asked for in this vendor's words, without its settings")
                said.append({"type": name})
            continue
        item = {**MINE.fields(tool.extra), "type": "function", "name": tool.name}
        if tool.description is not None:
            item["description"] = tool.description
        if tool.parameters is not None:
            item["parameters"] = tool.parameters
        if tool.strict:
            losses.add("tools.strict", "dropped", "this vendor takes no such switch")
        if tool.cache is not None:
            losses.add("cache", "dropped", "there are no cache marks here; the vendor caches by itself")
        said.append(item)
    if said:
        body["tools"] = said


def _encode_output(output: Output, body: dict[str, Any]) -> None:
    said = {**MINE.fields(output.extra), "type": "text", "mime_type": "application/json"}
    schema = described(output)  # its name is a label, and it always binds: nothing lost in `name` and `strict`
    if schema is not None:
        said["schema"] = schema
    body["response_format"] = said


def _encode_config(req: Request, body: dict[str, Any], losses: Losses) -> None:
    own = MINE.of(req.extra)
    config = dict(own.get("$config", {}))
    for name, (attr, _) in _CONFIG.items():
        if getattr(req, attr) is not None:
            config[name] = getattr(req, attr)
    if req.stop:
        config["stop_sequences"] = list(req.stop)
    if req.reasoning is not None:
        _encode_reasoning(req.reasoning, config, losses)
    if req.tool_choice is not None:
        config["tool_choice"] = _said_choice(req.tool_choice)
    if config or "$config" in own:
        body["generation_config"] = config


def _said_choice(choice: ToolChoice) -> Any:
    if choice.mode in ("tool", "allowed") and choice.names:
        mode = "any" if choice.mode == "tool" else MINE.of(choice.extra).get("mode", "auto")
        return {"allowed_tools": {"mode": mode, "tools": list(choice.names)}}
    return {"auto": "auto", "none": "none"}.get(choice.mode, "any")


def _encode_reasoning(options: ReasoningOptions, config: dict[str, Any], losses: Losses) -> None:
    """Levels only: thinking cannot be switched off, and has no budget."""
    effort, level = options.effort, None
    if options.enabled is False or effort == "none" or (options.budget == 0 and effort is None):
        level = "minimal"
        name = "effort" if effort is not None else "budget" if options.enabled is None else "enabled"
        losses.add(f"reasoning.{name}", "clamped", "thinking cannot be switched off: as little as there is")
    elif effort is not None:
        level = effort if MINE.of(options.extra).get("$level") == effort else _LEVELS.get(effort, "high")
        if level != effort:
            losses.add("reasoning.effort", "clamped", f"{effort!r} said as {level!r}")
    elif options.budget is not None:
        level = next((word for most, word in _BUDGETS if options.budget <= most), "high")
    if options.budget is not None:
        losses.add("reasoning.budget", "emulated", "thinking has levels here, not a number of tokens")
    if options.enabled:
        losses.add("reasoning.enabled", "merged", "the models that think do so unasked")
    if options.summary is not None:
        losses.add("reasoning.summary", "dropped", "a summary has no kinds here")
    if level is not None:
        config["thinking_level"] = level
    if options.include is not None:
        config["thinking_summaries"] = "auto" if options.include else "none"
