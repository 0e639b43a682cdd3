"""A chat completion request: body in, canonical request out, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from modelmux.errors import InvalidRequest
from modelmux.types import Request, ServerTool, Tool, Warning
from modelmux.wire._across import arrived
from modelmux.wire._names import OPENAI_NAMES
from modelmux.wire._source import from_source, sourced
from modelmux.wire.openai_chat import options, tools
from modelmux.wire.openai_chat.dialect import WIRE, Dialect
from modelmux.wire.openai_chat.messages import decode_messages, encode_messages
from modelmux.wire.openai_chat.parts import cache_control, cache_of
from modelmux.wire.openai_chat.saying import Saying, fields_of, ours

_REASONING = frozenset({"reasoning_effort", "reasoning", "thinking", "enable_thinking"})


def decode_request(body: dict[str, Any], provider: str) -> Request:
    """The request that ``body`` makes. Raises InvalidRequest naming the field that is malformed."""
    if not isinstance(body, dict):
        raise InvalidRequest("the request must be a JSON object")
    extra: dict[str, Any] = {"$provider": provider}
    values: dict[str, Any] = {}
    names: dict[str, str] = {}
    for name, value in body.items():
        scalar = options.SCALARS.get(name)
        if scalar is not None:
            attr, understood = scalar
            if attr in values or not understood(value):
                extra[name] = value
            else:
                values[attr] = value
                if attr in options.RENAMED:
                    names[attr] = name
                if attr == "max_tokens":
                    extra["$limit"] = value
        elif name in _FIELDS:
            if not _FIELDS[name](value, values, extra):
                extra[name] = value
        elif name not in _REASONING and name != "messages":
            extra[name] = value
    if names:
        extra["$names"] = names
    if not _REASONING.isdisjoint(body):
        values["reasoning"] = options.decode_reasoning(body, extra)
    if "messages" not in body:
        raise InvalidRequest("messages is missing", field="messages")
    values["extra"] = {WIRE: extra}
    return sourced(Request(decode_messages(body["messages"]), **values), WIRE, body)


def _stream(value: Any, values: dict[str, Any], extra: dict[str, Any]) -> bool:
    values["stream"] = value is True
    extra["$stream"] = value
    return True


def _stream_options(value: Any, values: dict[str, Any], extra: dict[str, Any]) -> bool:
    if not isinstance(value, dict):
        return False
    rest = dict(value)
    if isinstance(rest.get("include_usage"), bool):
        values["include_usage"] = rest.pop("include_usage")
    extra["$stream_options"] = rest
    return True


def _stop(value: Any, values: dict[str, Any], extra: dict[str, Any]) -> bool:
    if isinstance(value, str):
        values["stop"] = (value,)
        extra["$stop"] = True
    elif isinstance(value, list) and value and all(isinstance(item, str) for item in value):
        values["stop"] = tuple(value)
    else:
        return False
    return True


def _tools(value: Any, values: dict[str, Any], _extra: dict[str, Any]) -> bool:
    if not isinstance(value, list) or not value:
        return False
    _add_tools(values, [tools.decode_tool(tool) for tool in value])
    return True


def _functions(value: Any, values: dict[str, Any], _extra: dict[str, Any]) -> bool:
    decoded = [tools.decode_legacy_function(item) for item in value] if isinstance(value, list) else []
    known = [tool for tool in decoded if tool is not None]
    if not known or len(known) != len(decoded):
        return False
    _add_tools(values, known)
    return True


def _web_search(value: Any, values: dict[str, Any], _extra: dict[str, Any]) -> bool:
    if value is None:
        return False
    _add_tools(values, [ServerTool("web_search", WIRE, {"web_search_options": value})])
    return True


def _add_tools(values: dict[str, Any], more: list[Any]) -> None:
    known: tuple[Tool | ServerTool, ...] = values.get("tools", ())
    values["tools"] = (*known, *more)


def _tool_choice(value: Any, values: dict[str, Any], _extra: dict[str, Any]) -> bool:
    choice = tools.decode_tool_choice(value)
    if choice is not None and "tool_choice" not in values:
        values["tool_choice"] = choice
        return True
    return False


def _function_call(value: Any, values: dict[str, Any], _extra: dict[str, Any]) -> bool:
    choice = tools.decode_legacy_choice(value)
    if choice is not None and "tool_choice" not in values:
        values["tool_choice"] = choice
        return True
    return False


def _response_format(value: Any, values: dict[str, Any], _extra: dict[str, Any]) -> bool:
    values["output"] = options.decode_output(value)
    return values["output"] is not None


def _modalities(value: Any, values: dict[str, Any], _extra: dict[str, Any]) -> bool:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
        return False
    values["modalities"] = tuple(value)
    return True


def _cache(value: Any, values: dict[str, Any], _extra: dict[str, Any]) -> bool:
    values["cache"] = cache_of(value)
    return values["cache"] is not None


_FIELDS = {
    "stream": _stream,
    "stream_options": _stream_options,
    "stop": _stop,
    "tools": _tools,
    "functions": _functions,
    "web_search_options": _web_search,
    "tool_choice": _tool_choice,
    "function_call": _function_call,
    "response_format": _response_format,
    "modalities": _modalities,
    "cache_control": _cache,
}


def encode_request(
    req: Request, dialect: Dialect, provider: str, *, model: str, stream: bool
) -> tuple[dict[str, Any], list[Warning]]:
    """The body to send, and what it could not say. An empty ``model`` leaves the field out."""
    as_came = ours(req.extra).get("$provider") == provider
    wanted, lost = arrived(req if req.stream == stream else replace(req, stream=stream), WIRE, OPENAI_NAMES)

    def rebuilt(request: Request) -> tuple[dict[str, Any], list[Warning]]:
        return _encode(request, dialect, as_came=as_came)

    said = from_source(wanted, WIRE, rebuilt) if as_came else None
    body, warnings = said if said is not None else rebuilt(wanted)
    if model:
        body["model"] = model
    _set_stream(body, wanted, dialect)
    return body, [*lost, *warnings]


def _set_stream(body: dict[str, Any], req: Request, dialect: Dialect) -> None:
    own = ours(req.extra)
    before, as_asked = own.get("$stream", True), own.get("$stream_options")
    if req.stream:
        body["stream"] = True
    elif before is True:
        body.pop("stream", None)
    else:
        body["stream"] = before
    if not req.stream and "$stream" in own and before is True:
        # It streamed and no longer does: OpenAI rejects stream_options then.
        body.pop("stream_options", None)
        return
    said = dict(as_asked or {})
    if req.include_usage is not None and (as_asked is not None or (req.stream and dialect.stream_usage == "ask")):
        said["include_usage"] = req.include_usage
    if said or as_asked is not None:
        body["stream_options"] = said


def _encode(req: Request, dialect: Dialect, *, as_came: bool) -> tuple[dict[str, Any], list[Warning]]:
    """Everything but ``model``, ``stream`` and ``stream_options``."""
    say = Saying(dialect, as_came=as_came)
    own = ours(req.extra)
    body = fields_of(own)
    if req.model is not None:
        body["model"] = req.model
    body["messages"] = encode_messages(req.messages, say)
    options.encode_scalars(req, body, say)
    if req.tools:
        tools.encode_tools(req.tools, body, say)
    if req.tool_choice is not None:
        if as_came or "tools" in body:
            tools.encode_tool_choice(req.tool_choice, body, say)
        elif req.tool_choice.mode not in ("auto", "none"):
            say.lost("tool_choice", "there is no tool to choose")
    if not (as_came or "tools" in body) and body.pop("parallel_tool_calls", None) is False:
        say.lost("parallel_tool_calls", "there are no tools to call")
    if req.output is not None:
        options.encode_output(req.output, body, say)
    if req.reasoning is not None:
        options.encode_reasoning(req.reasoning, body, say)
    if req.stop:
        body["stop"] = req.stop[0] if "$stop" in own and len(req.stop) == 1 else list(req.stop)
    if req.modalities and (as_came or req.modalities != ("text",)):  # text comes unasked; few vendors know the field
        body["modalities"] = list(req.modalities)
    if req.cache is not None:
        if as_came or dialect.cache:
            body["cache_control"] = cache_control(req.cache)
        else:
            say.lost("cache", "cache marks are not part of this dialect; the vendor may cache by itself")
    return body, say.warnings
