"""A request for an interaction: body in, canonical request out, and back."""

from __future__ import annotations

from typing import Any

from modelmux.types import (
    Message,
    Output,
    ReasoningOptions,
    Request,
    ServerTool,
    Text,
    Tool,
    ToolChoice,
    Warning,
)
from modelmux.wire import _body
from modelmux.wire._kept import is_text, number, strings, texts, whole
from modelmux.wire._losses import CACHED, STRICT, Losses, note_unsaid
from modelmux.wire._names import GEMINI_NAMES
from modelmux.wire._settings import output_said, word_of_budget, word_of_effort
from modelmux.wire._source import sourced
from modelmux.wire.gemini_interactions.turns import decode_input, encode_input
from modelmux.wire.gemini_interactions.vocabulary import MINE, SERVER_KINDS, WIRE, server_tool_name

_SCALARS: _body.Scalars = {"model": ("model", is_text), "service_tier": ("service_tier", is_text)}

_CONFIG: _body.Scalars = {
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
    "cache": CACHED[2],
    "n": "this API gives one answer a call",
}

# --- decoding ------------------------------------------------------------------------------------------------


def decode_request(body: dict[str, Any]) -> Request:
    """The request that ``body`` makes. Raises InvalidRequest naming the field that is malformed."""
    values, extra = _body.taken_apart(body, _SCALARS, _FIELDS, "input")
    messages = (*values.pop("messages", ()), *decode_input(body["input"]))
    return sourced(Request(messages, **values, extra={WIRE: extra}), WIRE, body)


def _system(value: Any) -> tuple[Message, ...] | None:
    return (Message("system", (Text(value),)),) if isinstance(value, str) else None


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


def _format(value: Any) -> Output | None:
    """``{"type": "text", "mime_type": "application/json", "schema"}``; other kinds of output stay the vendor's."""
    if not isinstance(value, dict) or value.get("type") != "text" or value.get("mime_type") != "application/json":
        return None
    rest = {name: item for name, item in value.items() if name not in ("type", "mime_type")}
    schema = rest.pop("schema") if isinstance(rest.get("schema"), dict) else None
    return Output(schema, extra=MINE.keep(rest))


def _config(value: Any, values: dict[str, Any], extra: dict[str, Any]) -> bool:
    if not isinstance(value, dict):
        return False
    rest = dict(value)
    _body.take_scalars(_CONFIG, rest, values)
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


_FIELDS: dict[str, _body.Take] = {
    "stream": _body.take_stream,
    "system_instruction": _body.into("messages", _system),
    "response_modalities": _body.into("modalities", texts),
    "tools": _body.into("tools", _body.each(_tool)),
    "response_format": _body.into("output", _format),
    "generation_config": _config,
}


# --- encoding ------------------------------------------------------------------------------------------------


def encode_request(req: Request, *, model: str, stream: bool = False) -> tuple[dict[str, Any], list[Warning]]:
    """The body to send, and what it could not say. An empty ``model`` leaves the field out: an agent answers."""
    body, warnings = _body.encoded(req, WIRE, _encode, GEMINI_NAMES, stream=stream)
    _body.say_call(body, model, stream, MINE.of(req.extra).get("$stream", True))
    return body, warnings


def _encode(req: Request) -> tuple[dict[str, Any], list[Warning]]:
    losses = Losses()
    body = MINE.fields(req.extra)
    _body.say_scalars(_SCALARS, req, body)
    _encode_system(req.messages, body, losses)
    body["input"] = encode_input(req.messages, losses)
    if not body["input"] and WIRE not in req.extra and body.get("system_instruction"):
        losses.add("messages.system", "renamed", "a conversation needs a user's turn: the instructions became it")
        body["input"] = body.pop("system_instruction")
    if req.tools:
        _encode_tools(req.tools, body, losses)
    if req.output is not None:
        kind = {"type": "text", "mime_type": "application/json"}
        body["response_format"] = output_said(req.output, MINE, kind, "schema")
    if req.modalities:
        body["response_modalities"] = list(req.modalities)
    _encode_config(req, body, losses)
    note_unsaid(req, _UNSAID, losses)
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
        losses.add(*CACHED)
    words = (part.text for message in said for part in message.content if isinstance(part, Text))
    body["system_instruction"] = "\n\n".join(words)


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
            losses.add(*STRICT)
        if tool.cache is not None:
            losses.add(*CACHED)
        said.append(item)
    if said:
        body["tools"] = said


def _encode_config(req: Request, body: dict[str, Any], losses: Losses) -> None:
    own = MINE.of(req.extra)
    config = dict(own.get("$config", {}))
    _body.say_scalars(_CONFIG, req, config)
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
        level = word_of_effort(effort, MINE.of(options.extra).get("$level"), _LEVELS, losses)
    elif options.budget is not None:
        level = word_of_budget(options.budget, _BUDGETS)
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
