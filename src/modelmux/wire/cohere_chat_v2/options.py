"""The request's settings: numbers, tools and the choice among them, structured output, thinking."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from modelmux.types import Output, ReasoningOptions, Request, ServerTool, Tool, ToolChoice
from modelmux.wire import _functions
from modelmux.wire._body import Scalars
from modelmux.wire._functions import decode_function
from modelmux.wire._kept import is_switch, is_text, number, whole
from modelmux.wire._losses import CACHED, Losses, note_unsaid, off
from modelmux.wire._settings import output_said
from modelmux.wire.cohere_chat_v2.vocabulary import MINE

SCALARS: Scalars = {
    "model": ("model", is_text),
    "max_tokens": ("max_tokens", whole),
    "temperature": ("temperature", number),
    "p": ("top_p", number),
    "k": ("top_k", whole),
    "seed": ("seed", whole),
    "presence_penalty": ("presence_penalty", number),
    "frequency_penalty": ("frequency_penalty", number),
    "logprobs": ("logprobs", is_switch),
}

_RANGES: dict[str, tuple[float, float]] = {
    "p": (0.01, 0.99),
    "k": (0, 500),
    "presence_penalty": (0.0, 1.0),
    "frequency_penalty": (0.0, 1.0),
}
"""What the reference allows."""

_STOPS = 5

_UNSAID = {
    "top_logprobs": "alternatives are not reported here",
    "parallel_tool_calls": "this vendor takes no such switch",
    "user": "this vendor takes no user id",
    "service_tier": "this vendor has no tiers of that kind",
    "n": "this API gives one answer a call",
    "modalities": "this API answers in text",
    "cache": CACHED[2],
}


def encode_scalars(req: Request, body: dict[str, Any], losses: Losses, *, as_came: bool) -> None:
    for name, (attr, _) in SCALARS.items():
        value = getattr(req, attr)
        if value is None or name == "model":
            continue
        low, high = _RANGES.get(name, (value, value))
        if not as_came and not low <= value <= high:
            nearest = min(max(value, low), high)
            losses.add(attr, "clamped", f"{value} became {nearest}, the nearest that is allowed here")
            value = nearest
        body[name] = value
    if req.stop:
        body["stop_sequences"] = list(req.stop)
        if len(req.stop) > _STOPS and not as_came:
            losses.add("stop", "capped", f"no more than {_STOPS} stop sequences here")
            body["stop_sequences"] = list(req.stop[:_STOPS])
    note_unsaid(req, _UNSAID, losses)


# --- tools ---------------------------------------------------------------------------------------------------


def decode_tools(value: Any, strict: Any) -> tuple[Tool | ServerTool, ...]:
    """``strict`` is the request's ``strict_tools``, which holds for all of them."""
    decoded = tuple(decode_function(tool, MINE) for tool in value) if isinstance(value, list) else ()
    if not isinstance(strict, bool):
        return decoded
    return tuple(replace(tool, strict=strict) if isinstance(tool, Tool) else tool for tool in decoded)


def encode_tools(req: Request, body: dict[str, Any], losses: Losses) -> None:
    choice = req.tool_choice
    named = choice.names if choice is not None and choice.mode in ("tool", "allowed") else None
    said = _functions.encode_tools(req.tools, MINE, losses, named)
    switches = {t.strict for t in req.tools if isinstance(t, Tool) and (named is None or t.name in named)}
    if said:
        body["tools"] = said
    if switches - {None}:
        body["strict_tools"] = True in switches
        if len(switches) > 1:
            losses.add("tools.strict", "merged", "the switch holds for all tools here")
    if choice is not None:
        _encode_choice(choice, body, losses)


def decode_choice(value: Any) -> ToolChoice | None:
    said = value.upper() if isinstance(value, str) else ""
    if said not in ("REQUIRED", "NONE"):
        return None
    return ToolChoice("required" if said == "REQUIRED" else "none", extra=MINE.keep({"$value": value}))


def _encode_choice(choice: ToolChoice, body: dict[str, Any], losses: Losses) -> None:
    own = MINE.of(choice.extra).get("$value")
    if choice.mode in ("tool", "allowed"):
        losses.add("tool_choice", "emulated", "only the tools that may be called are offered")
    if own is not None and own.lower() == choice.mode:
        body["tool_choice"] = own
    elif choice.mode == "none":
        body["tool_choice"] = "NONE"
    elif choice.mode in ("required", "tool"):
        if "tools" in body:
            body["tool_choice"] = "REQUIRED"
        else:
            losses.add("tool_choice", "dropped", "there is no tool to choose")


# --- structured output ---------------------------------------------------------------------------------------


def decode_output(value: Any) -> Output | None:
    """``response_format``, None when it asks for nothing structured."""
    if not isinstance(value, dict) or value.get("type") != "json_object":
        return None
    rest = {name: item for name, item in value.items() if name != "type"}
    for name in ("json_schema", "schema"):
        if isinstance(rest.get(name), dict):
            schema = rest.pop(name)
            hint = {} if name == "json_schema" else {"$schema": name}
            return Output(schema, extra=MINE.keep({**rest, **hint}))
    return Output(extra=MINE.keep(rest))


def output_json(output: Output) -> dict[str, Any]:
    return output_said(output, MINE, {"type": "json_object"}, MINE.of(output.extra).get("$schema", "json_schema"))


# --- thinking ------------------------------------------------------------------------------------------------

_SWITCH = {"enabled": True, "disabled": False}


def decode_reasoning(value: Any) -> ReasoningOptions | None:
    if not isinstance(value, dict):
        return None
    rest = dict(value)
    said, budget = rest.get("type"), rest.get("token_budget")
    enabled = _SWITCH.get(said) if isinstance(said, str) else None
    if enabled is not None:
        del rest["type"]
    limit = int(budget) if isinstance(budget, int | float) and whole(budget) else None
    if limit is not None:
        del rest["token_budget"]
    return ReasoningOptions(budget=limit, enabled=enabled, extra=MINE.keep({**rest, "$came": True}))


def encode_reasoning(options: ReasoningOptions, body: dict[str, Any], losses: Losses) -> None:
    said = MINE.fields(options.extra)
    enabled = options.enabled
    if enabled is None and options.effort is not None:
        enabled = options.effort != "none"
    if options.effort is not None:
        losses.add("reasoning.effort", "emulated", "thinking is only switched on or off here")
    if enabled is None and options.budget is not None and "$came" not in MINE.of(options.extra):
        enabled = options.budget != 0
    if enabled is not None:
        said["type"] = "enabled" if enabled else "disabled"
    if options.budget is not None and enabled is not False:
        said["token_budget"] = options.budget
    elif options.budget:
        losses.add("reasoning.budget", "dropped", "thinking is switched off")
    elif options.budget == 0:
        losses.add("reasoning.budget", "renamed", "said by switching thinking off")
    if options.summary is not None:
        losses.add("reasoning.summary", "dropped", "thinking is shown in full here")
    if options.include is not None and not off(options):
        losses.add("reasoning.include", "dropped", "thinking is always shown here")
    if said or MINE.of(options.extra):
        body["thinking"] = said
