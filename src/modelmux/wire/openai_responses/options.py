"""The request's settings: numbers and words, structured output, reasoning, tools and the choice among them."""

from __future__ import annotations

from typing import Any, Literal

from modelmux.types import Output, ReasoningOptions, Request, ServerTool, Tool, ToolChoice
from modelmux.wire._body import Scalars
from modelmux.wire._kept import is_switch, is_text, number, whole
from modelmux.wire._settings import word_of_budget
from modelmux.wire.openai_responses.dialect import WIRE
from modelmux.wire.openai_responses.saying import Saying, fields_of, kept, ours

SCALARS: Scalars = {
    "model": ("model", is_text),
    "max_output_tokens": ("max_tokens", whole),
    "temperature": ("temperature", number),
    "top_p": ("top_p", number),
    "top_logprobs": ("top_logprobs", whole),
    "parallel_tool_calls": ("parallel_tool_calls", is_switch),
    "service_tier": ("service_tier", is_text),
    "user": ("user", is_text),
}

_SAID = tuple((name, attr) for name, (attr, _) in SCALARS.items() if attr not in ("model", "max_tokens"))

_TIERS = {"standard_only": "default", "standard": "default"}
"""Other formats' words for the service tier that everybody gets."""

_UNKNOWN = ("top_k", "seed", "presence_penalty", "frequency_penalty")

LOGPROBS = "message.output_text.logprobs"
"""What ``include`` has to name for log probabilities."""


def encode_scalars(req: Request, body: dict[str, Any], say: Saying) -> None:
    for name, attr in _SAID:
        value = getattr(req, attr)
        if value is not None:
            body[name] = value
    if not say.native and req.service_tier in _TIERS:
        body["service_tier"] = _TIERS[req.service_tier]
    if req.max_tokens is not None:
        _encode_limit(req.max_tokens, ours(req.extra).get("$limit"), body, say)
    for attr in _UNKNOWN:
        if getattr(req, attr) is not None:
            say.lost(attr, "this format has no such setting")
    if req.stop:
        say.lost("stop", "this format has no stop sequences")
    if req.n is not None and req.n != 1:
        say.lost("n", "this format gives one answer")
    if any(modality != "text" for modality in req.modalities):
        say.lost("modalities", "this format answers in text")
    if req.cache is not None:
        say.lost("cache", "the vendor caches by itself")
    _encode_include(req.logprobs, body)


def _encode_limit(limit: int, asked: Any, body: dict[str, Any], say: Saying) -> None:
    """``asked``: the limit as the caller wrote it for this format; an error of the caller's is not mended."""
    least = say.dialect.min_output_tokens
    if limit < least and limit != asked:
        say.lost("max_tokens", f"{limit} raised to {least}, the least this vendor takes", "clamped")
        limit = least
    body["max_output_tokens"] = limit


def _encode_include(logprobs: bool | None, body: dict[str, Any]) -> None:
    include = body.get("include")
    named = include if isinstance(include, list) else []
    if logprobs and LOGPROBS not in named:
        body["include"] = [*named, LOGPROBS]
    elif not logprobs and LOGPROBS in named:
        body["include"] = [item for item in named if item != LOGPROBS]


# --- structured output ---------------------------------------------------------------------------------------


def decode_format(value: Any) -> Output | None:
    """``text.format``, None when it asks for nothing structured or in a way only its vendor knows."""
    if not isinstance(value, dict):
        return None
    rest = dict(value)
    kind = rest.pop("type", None)
    if kind == "json_object":
        return Output(extra=kept(rest))
    if kind != "json_schema" or not isinstance(rest.get("schema"), dict):
        return None
    schema = rest.pop("schema")
    name = rest.pop("name") if isinstance(rest.get("name"), str) else None
    description = rest.pop("description") if isinstance(rest.get("description"), str) else None
    strict = rest.pop("strict") if isinstance(rest.get("strict"), bool) else None
    if name is None:
        rest["$nameless"] = True
    return Output(schema, name, description, strict, kept(rest))


def encode_format(output: Output, body: dict[str, Any]) -> None:
    own = ours(output.extra)
    text = dict(body["text"]) if isinstance(body.get("text"), dict) else {}
    text["format"] = said = fields_of(output.extra)
    body["text"] = text
    said["type"] = "json_object" if output.schema is None else "json_schema"
    if output.schema is None:
        return
    if output.name is not None or "$nameless" not in own:
        said["name"] = output.name or "output"
    if output.description is not None:
        said["description"] = output.description
    if output.strict is not None:
        said["strict"] = output.strict
    said["schema"] = output.schema


# --- reasoning -----------------------------------------------------------------------------------------------

_EFFORT_OF_BUDGET = ((2048, "low"), (8192, "medium"))


def decode_reasoning(value: Any) -> ReasoningOptions | None:
    if not isinstance(value, dict):
        return None
    rest = dict(value)
    effort = rest.pop("effort") if isinstance(rest.get("effort"), str) else None
    summary = rest.pop("summary") if isinstance(rest.get("summary"), str) else None
    return ReasoningOptions(effort, summary=summary, extra={WIRE: rest})


def encode_reasoning(options: ReasoningOptions, body: dict[str, Any], say: Saying) -> None:
    """Effort and summary are the words of this format; what else there is becomes the nearest of them."""
    said = fields_of(options.extra)
    effort = options.effort
    if effort is None and options.budget is not None:
        effort = word_of_budget(options.budget, _EFFORT_OF_BUDGET)
        say.lost("reasoning.budget", f"{options.budget} tokens said as effort {effort!r}", "emulated")
    elif effort is None and options.enabled is not None:
        effort = "medium" if options.enabled else "none"
        say.lost("reasoning.enabled", f"said as effort {effort!r}", "emulated")
    elif options.budget is not None:
        say.lost("reasoning.budget", "the effort says it")
    if effort is not None:
        if say.dialect.efforts or say.as_came:
            said["effort"] = effort
        else:
            say.lost("reasoning.effort", "this vendor has no such setting")
    if options.summary is not None:
        said["summary"] = options.summary
    elif options.include:
        said["summary"] = "auto"
    if said or WIRE in options.extra:
        body["reasoning"] = said


# --- tools ---------------------------------------------------------------------------------------------------

_SERVER_KINDS = {
    "web_search_preview": "web_search",
    "code_interpreter": "code_execution",
    "computer_use_preview": "computer",
    "computer_use": "computer",
}


def decode_tool(tool: Any) -> Tool | ServerTool:
    """One item of ``tools``. Anything that is no function is kept as it is."""
    if not isinstance(tool, dict):
        return ServerTool("unknown", WIRE, {"$value": tool})
    kind = str(tool.get("type") or "unknown")
    if kind != "function" or not isinstance(tool.get("name"), str):
        # web_search_2025_08_26 is the web search of that day.
        name = "web_search" if kind.startswith("web_search_") else kind
        return ServerTool(_SERVER_KINDS.get(name, name), WIRE, tool)
    rest = {name: value for name, value in tool.items() if name not in ("type", "name")}
    description = rest.pop("description") if isinstance(rest.get("description"), str) else None
    parameters = rest.pop("parameters") if isinstance(rest.get("parameters"), dict) else None
    strict = rest.pop("strict") if isinstance(rest.get("strict"), bool) else None
    return Tool(tool["name"], description, parameters, strict, extra={WIRE: rest})


def encode_tools(tools: tuple[Tool | ServerTool, ...], say: Saying) -> list[Any]:
    said: list[Any] = []
    for tool in tools:
        if isinstance(tool, Tool):
            said.append(_encode_function(tool, say))
        elif tool.wire == WIRE:
            said.append(tool.config.get("$value", tool.config))
        elif tool.kind in say.dialect.server_tools:
            said.append(dict(say.dialect.server_tools[tool.kind]))
            say.lost(f"tools.{tool.kind}", "asked for in this vendor's words, without its settings", "emulated")
        else:
            say.lost(f"tools.{tool.kind}", "a tool run by another vendor")
    return said


def _encode_function(tool: Tool, say: Saying) -> dict[str, Any]:
    item = {**fields_of(tool.extra), "type": "function", "name": tool.name}
    if tool.description is not None:
        item["description"] = tool.description
    if tool.parameters is not None:
        item["parameters"] = tool.parameters
    if tool.strict is not None:
        item["strict"] = tool.strict
    elif WIRE not in tool.extra:
        # Elsewhere "not strict" is what is not said; here "strict" is, and refuses many a schema.
        item["strict"] = False
        item.setdefault("parameters", {"type": "object", "properties": {}})
    if tool.cache is not None:
        say.lost("cache", "the vendor caches by itself")
    return item


_MODES: dict[str, Literal["auto", "none", "required"]] = {"auto": "auto", "none": "none", "required": "required"}


def decode_tool_choice(value: Any) -> ToolChoice | None:
    """``tool_choice``, None when it is none of the spellings known: one of the vendor's own tools, say."""
    choice = _tool_choice(value)
    if choice is None or _said_choice(choice) == value:
        return choice
    return ToolChoice(choice.mode, choice.names, {WIRE: {**ours(choice.extra), "$value": value}})


def _tool_choice(value: Any) -> ToolChoice | None:
    if isinstance(value, str):
        mode = _MODES.get(value)
        return None if mode is None else ToolChoice(mode)
    if not isinstance(value, dict):
        return None
    if value.get("type", "allowed_tools") == "allowed_tools" and isinstance(value.get("tools"), list):
        names = tuple(name for tool in value["tools"] if (name := _named(tool)))
        return ToolChoice("allowed", names, kept({"mode": value.get("mode", "auto")}))
    name = _named(value)
    return None if name is None or value.get("type", "function") != "function" else ToolChoice("tool", (name,))


def _named(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    inner = value.get("function")  # chat's spelling, which some callers use here
    name = inner.get("name") if isinstance(inner, dict) else value.get("name")
    return name if isinstance(name, str) else None


def encode_tool_choice(choice: ToolChoice, body: dict[str, Any], say: Saying) -> None:
    original = ours(choice.extra).get("$value")
    before = None if original is None else _tool_choice(original)
    if before is not None and say.as_came and (before.mode, before.names) == (choice.mode, choice.names):
        body["tool_choice"] = original
        return
    if choice.mode == "allowed" and not (say.dialect.allowed_tools or say.as_came):
        say.lost("tool_choice", "this vendor cannot restrict the choice to some of the tools", "emulated")
        if isinstance(body.get("tools"), list):
            body["tools"] = [tool for tool in body["tools"] if _named(tool) is None or _named(tool) in choice.names]
        body["tool_choice"] = "required" if ours(choice.extra).get("mode") == "required" else "auto"
        return
    body["tool_choice"] = _said_choice(choice)


def _said_choice(choice: ToolChoice) -> Any:
    if choice.mode == "tool" and choice.names:
        return {"type": "function", "name": choice.names[0]}
    if choice.mode == "allowed":
        tools = [{"type": "function", "name": name} for name in choice.names]
        return {"type": "allowed_tools", "mode": ours(choice.extra).get("mode", "auto"), "tools": tools}
    return "required" if choice.mode == "tool" else choice.mode
