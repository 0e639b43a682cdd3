"""A chat request: body in, canonical request out, and back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from modelmux.errors import InvalidRequest
from modelmux.types import Output, ReasoningOptions, Request, ServerTool, Source, ToolChoice, Warning
from modelmux.wire._across import arrived
from modelmux.wire._functions import decode_function, encode_function
from modelmux.wire._kept import Losses, asks, described, number, off, strings, whole
from modelmux.wire._source import from_source
from modelmux.wire.ollama_chat.messages import decode_messages, encode_messages
from modelmux.wire.ollama_chat.vocabulary import MINE, WIRE

OPTIONS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    # Negative limits mean "no limit" and stay the vendor's own.
    "num_predict": ("max_tokens", lambda value: whole(value) and value >= 0),
    "temperature": ("temperature", number),
    "top_p": ("top_p", number),
    "top_k": ("top_k", whole),
    "seed": ("seed", whole),
    "presence_penalty": ("presence_penalty", number),
    "frequency_penalty": ("frequency_penalty", number),
}
"""Names inside ``options`` -> names in a Request, and what the value must be to be understood."""

_TOP: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "model": ("model", lambda value: isinstance(value, str)),
    "logprobs": ("logprobs", lambda value: isinstance(value, bool)),
    "top_logprobs": ("top_logprobs", whole),
}

_UNSAID = {
    "parallel_tool_calls": "this server takes no such switch",
    "user": "this server takes no user id",
    "service_tier": "this server has no tiers",
    "cache": "there are no cache marks here; the server caches by itself",
}


def decode_request(body: dict[str, Any]) -> Request:
    """The request that ``body`` makes. Raises InvalidRequest naming the field that is malformed."""
    if not isinstance(body, dict):
        raise InvalidRequest("the request must be a JSON object")
    # A request streams unless it says that it does not.
    values: dict[str, Any] = {"stream": body.get("stream") is not False}
    extra: dict[str, Any] = {"$stream": body.get("stream", "absent")}
    for name, value in body.items():
        scalar = _TOP.get(name)
        decode = _FIELDS.get(name)
        if scalar is not None and scalar[1](value):
            values[scalar[0]] = value
        elif not (decode is not None and decode(value, values, extra)) and name not in ("messages", "stream"):
            extra[name] = value
    if "messages" not in body:
        raise InvalidRequest("messages is missing", field="messages")
    request = Request(decode_messages(body["messages"]), **values, extra={WIRE: extra})
    return replace(request, source=Source(WIRE, body, request))


def _options(value: Any, values: dict[str, Any], extra: dict[str, Any]) -> bool:
    if not isinstance(value, dict):
        return False
    rest = dict(value)
    for name, (attr, understood) in OPTIONS.items():
        if name in rest and understood(rest[name]):
            values[attr] = rest.pop(name)
    if strings(rest.get("stop")):
        values["stop"] = tuple(rest.pop("stop"))
    elif isinstance(rest.get("stop"), str):
        values["stop"] = (rest.pop("stop"),)
        extra["$stop"] = True
    extra["$options"] = rest
    return True


def _tools(value: Any, values: dict[str, Any], _extra: dict[str, Any]) -> bool:
    if not isinstance(value, list) or not value:
        return False
    values["tools"] = tuple(decode_function(tool, MINE) for tool in value)
    return True


def _format(value: Any, values: dict[str, Any], _extra: dict[str, Any]) -> bool:
    if value == "json" or isinstance(value, dict):
        values["output"] = Output(value if isinstance(value, dict) else None)
        return True
    return False


def _think(value: Any, values: dict[str, Any], _extra: dict[str, Any]) -> bool:
    if isinstance(value, bool):
        values["reasoning"] = ReasoningOptions(enabled=value)
    elif isinstance(value, str) and value:
        values["reasoning"] = ReasoningOptions(effort=value, extra=MINE.keep({"$came": value}))
    else:
        return False
    return True


_FIELDS: dict[str, Callable[[Any, dict[str, Any], dict[str, Any]], bool]] = {
    "options": _options,
    "tools": _tools,
    "format": _format,
    "think": _think,
}


# --- encoding ------------------------------------------------------------------------------------------------


def encode_request(req: Request, *, model: str, stream: bool = False) -> tuple[dict[str, Any], list[Warning]]:
    """The body to send, and what it could not say. An empty ``model`` leaves the field out."""
    wanted, lost = arrived(req if req.stream == stream else replace(req, stream=stream), WIRE)
    said = from_source(wanted, WIRE, _encode)
    body, warnings = said if said is not None else _encode(wanted)
    if model:
        body["model"] = model
    before = MINE.of(req.extra).get("$stream", stream)
    if before is not stream and (before is not False) == stream:
        # It came without a word on streaming, or with an odd one: as the server reads it, it still says the same.
        if before == "absent":
            body.pop("stream", None)
        else:
            body["stream"] = before
    else:
        body["stream"] = stream
    return body, [*lost, *warnings]


def _encode(req: Request) -> tuple[dict[str, Any], list[Warning]]:
    losses = Losses()
    own = MINE.of(req.extra)
    body = MINE.fields(req.extra)
    for name, (attr, _) in _TOP.items():
        if getattr(req, attr) is not None:
            body[name] = getattr(req, attr)
    body["messages"] = encode_messages(req.messages, losses)
    settings = dict(own.get("$options", {}))
    for name, (attr, _) in OPTIONS.items():
        if getattr(req, attr) is not None:
            settings[name] = getattr(req, attr)
    if req.stop:
        settings["stop"] = req.stop[0] if "$stop" in own and len(req.stop) == 1 else list(req.stop)
    if settings or "$options" in own:
        body["options"] = settings
    _encode_tools(req, body, losses)
    if req.output is not None:
        _encode_output(req.output, body)
    if req.reasoning is not None:
        _encode_reasoning(req.reasoning, body, losses)
    for attr, detail in _UNSAID.items():
        if asks(req, attr):
            losses.add(attr, "dropped", detail)
    if req.n is not None and req.n > 1:
        losses.add("n", "dropped", "this server gives one answer a call")
    if req.modalities and tuple(req.modalities) != ("text",):
        losses.add("modalities", "dropped", "this server answers in text")
    return body, losses.warnings


def _encode_tools(req: Request, body: dict[str, Any], losses: Losses) -> None:
    offered = _offered(req.tool_choice, losses)
    said: list[Any] = []
    for tool in req.tools:
        if isinstance(tool, ServerTool):
            if tool.wire == WIRE:
                said.append(tool.config.get("$value", tool.config))
            else:
                losses.add(f"tools.{tool.kind}", "dropped", "a tool run by another vendor")
            continue
        if offered is not None and tool.name not in offered:
            continue
        if tool.strict:
            losses.add("tools.strict", "dropped", "a model is not held to a tool's schema here")
        if tool.cache is not None:
            losses.add("cache", "dropped", "there are no cache marks here; the server caches by itself")
        said.append(encode_function(tool, MINE))
    if said:
        body["tools"] = said


def _offered(choice: ToolChoice | None, losses: Losses) -> tuple[str, ...] | None:
    """The tools that may be offered, None for all of them: there is no other way to say a choice."""
    if choice is None or choice.mode == "auto":
        return None
    if choice.mode == "required":
        losses.add("tool_choice", "dropped", "a model cannot be made to call a tool here")
        return None
    losses.add("tool_choice", "emulated", "only the tools that may be called are offered")
    return () if choice.mode == "none" else choice.names


def _encode_output(output: Output, body: dict[str, Any]) -> None:
    # Its name is a label, and it always binds: nothing lost in `name` and `strict`.
    body["format"] = "json" if output.schema is None else described(output)


_LEVELS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_BUDGETS = ((2048, "low"), (8192, "medium"))


def _encode_reasoning(options: ReasoningOptions, body: dict[str, Any], losses: Losses) -> None:
    """``think``: a switch, or a level for the models that know levels (the others take one as "on")."""
    effort = options.effort
    if options.enabled is False or effort == "none" or (options.budget == 0 and effort is None):
        body["think"] = False
    elif effort is not None:
        level = effort if MINE.of(options.extra).get("$came") == effort else _LEVELS.get(effort, "high")
        if level != effort:
            losses.add("reasoning.effort", "clamped", f"{effort!r} said as {level!r}")
        body["think"] = level
    elif options.budget is not None:
        body["think"] = next((level for most, level in _BUDGETS if options.budget <= most), "high")
    elif options.enabled is not None:
        body["think"] = True
    if effort == "none":
        losses.add("reasoning.effort", "emulated", "said by switching thinking off")
    if options.budget is not None:
        losses.add("reasoning.budget", "emulated", "thinking has levels here, not a number of tokens")
    if options.enabled is not None and (effort is not None or options.budget is not None):
        losses.add("reasoning.enabled", "merged", "said by the level")
    for attr in ("include", "summary"):
        if getattr(options, attr) is not None and not off(options):
            losses.add(f"reasoning.{attr}", "dropped", "thinking is shown in full here")
