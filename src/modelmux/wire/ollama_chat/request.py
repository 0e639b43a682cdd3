"""A chat request: body in, canonical request out, and back."""

from __future__ import annotations

from functools import partial
from typing import Any

from modelmux.types import Output, ReasoningOptions, Request, ToolChoice, Warning
from modelmux.wire import _body
from modelmux.wire._functions import decode_function, encode_tools
from modelmux.wire._kept import is_switch, is_text, number, strings, whole, word
from modelmux.wire._losses import Losses, note_unsaid
from modelmux.wire._settings import described, note_shown, word_of_budget, word_of_effort
from modelmux.wire._source import sourced
from modelmux.wire.ollama_chat.messages import decode_messages, encode_messages
from modelmux.wire.ollama_chat.vocabulary import CACHED, MINE, WIRE

_OPTIONS: _body.Scalars = {
    # Negative limits mean "no limit" and stay the vendor's own.
    "num_predict": ("max_tokens", lambda value: whole(value) and value >= 0),
    "temperature": ("temperature", number),
    "top_p": ("top_p", number),
    "top_k": ("top_k", whole),
    "seed": ("seed", whole),
    "presence_penalty": ("presence_penalty", number),
    "frequency_penalty": ("frequency_penalty", number),
}
"""Fields inside ``options``."""

_TOP: _body.Scalars = {
    "model": ("model", is_text),
    "logprobs": ("logprobs", is_switch),
    "top_logprobs": ("top_logprobs", whole),
}

_UNSAID = {
    "parallel_tool_calls": "this server takes no such switch",
    "user": "this server takes no user id",
    "service_tier": "this server has no tiers",
    "cache": CACHED[2],
    "n": "this server gives one answer a call",
    "modalities": "this server answers in text",
}
_STRICT = ("tools.strict", "dropped", "a model is not held to a tool's schema here")


def decode_request(body: dict[str, Any]) -> Request:
    """The request that ``body`` makes. Raises InvalidRequest naming the field that is malformed."""
    values, extra = _body.taken_apart(body, _TOP, _FIELDS, "messages")
    # A request streams unless it says that it does not.
    values["stream"], extra["$stream"] = body.get("stream") is not False, body.get("stream", "absent")
    return sourced(Request(decode_messages(body["messages"]), **values, extra={WIRE: extra}), WIRE, body)


def _options(value: Any, values: dict[str, Any], extra: dict[str, Any]) -> bool:
    if not isinstance(value, dict):
        return False
    rest = dict(value)
    _body.take_scalars(_OPTIONS, rest, values)
    if strings(rest.get("stop")):
        values["stop"] = tuple(rest.pop("stop"))
    elif isinstance(rest.get("stop"), str):
        values["stop"] = (rest.pop("stop"),)
        extra["$stop"] = True
    extra["$options"] = rest
    return True


def _format(value: Any) -> Output | None:
    return Output(value if isinstance(value, dict) else None) if value == "json" or isinstance(value, dict) else None


def _think(value: Any) -> ReasoningOptions | None:
    if isinstance(value, bool):
        return ReasoningOptions(enabled=value)
    return ReasoningOptions(effort=value, extra=MINE.keep({"$came": value})) if word(value) else None


_FIELDS: dict[str, _body.Take] = {
    "stream": _body.take_stream,
    "options": _options,
    "tools": _body.into("tools", _body.each(partial(decode_function, keeper=MINE))),
    "format": _body.into("output", _format),
    "think": _body.into("reasoning", _think),
}


# --- encoding ------------------------------------------------------------------------------------------------


def encode_request(req: Request, *, model: str, stream: bool = False) -> tuple[dict[str, Any], list[Warning]]:
    """The body to send, and what it could not say. An empty ``model`` leaves the field out."""
    body, warnings = _body.encoded(req, WIRE, _encode, stream=stream)
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
    return body, warnings


def _encode(req: Request) -> tuple[dict[str, Any], list[Warning]]:
    losses = Losses()
    own = MINE.of(req.extra)
    body = MINE.fields(req.extra)
    _body.say_scalars(_TOP, req, body)
    body["messages"] = encode_messages(req.messages, losses)
    settings = dict(own.get("$options", {}))
    _body.say_scalars(_OPTIONS, req, settings)
    if req.stop:
        settings["stop"] = req.stop[0] if "$stop" in own and len(req.stop) == 1 else list(req.stop)
    if settings or "$options" in own:
        body["options"] = settings
    tools = encode_tools(req.tools, MINE, losses, _offered(req.tool_choice, losses), cached=CACHED, strict=_STRICT)
    if tools:
        body["tools"] = tools
    if req.output is not None:
        # Its name is a label, and it always binds: nothing lost in `name` and `strict`.
        body["format"] = "json" if req.output.schema is None else described(req.output)
    if req.reasoning is not None:
        _encode_reasoning(req.reasoning, body, losses)
    note_unsaid(req, _UNSAID, losses)
    return body, losses.warnings


def _offered(choice: ToolChoice | None, losses: Losses) -> tuple[str, ...] | None:
    """The tools that may be offered, None for all of them: there is no other way to say a choice."""
    if choice is None or choice.mode == "auto":
        return None
    if choice.mode == "required":
        losses.add("tool_choice", "dropped", "a model cannot be made to call a tool here")
        return None
    losses.add("tool_choice", "emulated", "only the tools that may be called are offered")
    return () if choice.mode == "none" else choice.names


_LEVELS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "high"}
_BUDGETS = ((2048, "low"), (8192, "medium"))


def _encode_reasoning(options: ReasoningOptions, body: dict[str, Any], losses: Losses) -> None:
    """``think``: a switch, or a level for the models that know levels (the others take one as "on")."""
    effort = options.effort
    if options.enabled is False or effort == "none" or (options.budget == 0 and effort is None):
        body["think"] = False
    elif effort is not None:
        body["think"] = word_of_effort(effort, MINE.of(options.extra).get("$came"), _LEVELS, losses)
    elif options.budget is not None:
        body["think"] = word_of_budget(options.budget, _BUDGETS)
    elif options.enabled is not None:
        body["think"] = True
    if effort == "none":
        losses.add("reasoning.effort", "emulated", "said by switching thinking off")
    if options.budget is not None:
        losses.add("reasoning.budget", "emulated", "thinking has levels here, not a number of tokens")
    if options.enabled is not None and (effort is not None or options.budget is not None):
        losses.add("reasoning.enabled", "merged", "said by the level")
    note_shown(options, "thinking is shown in full here", losses)
