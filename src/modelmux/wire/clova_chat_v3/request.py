"""A chat request: body in, canonical request out, and back. The model stands in the address, a stream in a header."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from modelmux.errors import InvalidRequest
from modelmux.types import Output, ReasoningOptions, Request, ServerTool, Source, Tool, ToolChoice, Warning
from modelmux.wire._across import arrived
from modelmux.wire._functions import decode_function, encode_function
from modelmux.wire._kept import Losses, asks, described, number, off, strings, whole
from modelmux.wire._names import OPENAI_NAMES
from modelmux.wire._source import from_source
from modelmux.wire.clova_chat_v3.messages import decode_messages, encode_messages
from modelmux.wire.clova_chat_v3.vocabulary import MINE, WIRE

_SCALARS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "maxTokens": ("max_tokens", whole),
    "maxCompletionTokens": ("max_tokens", whole),
    "temperature": ("temperature", number),
    "topP": ("top_p", number),
    "topK": ("top_k", whole),
    "seed": ("seed", whole),
}
_THINKERS = ("HCX-007",)
"""Models whose limit counts thinking as well, and goes by a name that says so."""

_EFFORTS = {"none": "none", "minimal": "low", "low": "low", "medium": "medium", "high": "high"}
_BUDGETS = ((0, "none"), (2048, "low"), (8192, "medium"))
_UNSAID = (
    *("presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "parallel_tool_calls"),
    *("service_tier", "user", "cache"),
)


def decode_request(body: dict[str, Any]) -> Request:
    """The request that ``body`` makes. Raises InvalidRequest naming the field that is malformed."""
    if not isinstance(body, dict):
        raise InvalidRequest("the request must be a JSON object")
    values: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name, value in body.items():
        scalar = _SCALARS.get(name)
        if scalar is not None and scalar[0] not in values and scalar[1](value):
            values[scalar[0]] = value
            if scalar[0] == "max_tokens":
                extra["$limit"] = name
        elif name in _FIELDS and (decoded := _FIELDS[name][1](value)) is not None:
            values[_FIELDS[name][0]] = decoded
        elif name != "messages":
            extra[name] = value
    if "messages" not in body:
        raise InvalidRequest("messages is missing", field="messages")
    request = Request(decode_messages(body["messages"]), **values, extra=MINE.keep(extra))
    return replace(request, source=Source(WIRE, body, request))


def _tools(value: Any) -> tuple[Tool | ServerTool, ...] | None:
    return tuple(decode_function(tool, MINE) for tool in value) if isinstance(value, list) and value else None


def _choice(value: Any) -> ToolChoice | None:
    if value == "auto" or value == "none":
        return ToolChoice("auto" if value == "auto" else "none")
    inner = value.get("function") if isinstance(value, dict) and value.get("type") == "function" else None
    name = inner.get("name") if isinstance(inner, dict) and inner.keys() == {"name"} and len(value) == 2 else None
    return ToolChoice("tool", (name,)) if isinstance(name, str) else None


def _output(value: Any) -> Output | None:
    if not isinstance(value, dict) or value.get("type") != "json":
        return None
    rest = {name: item for name, item in value.items() if name != "type"}
    schema = rest.pop("schema") if isinstance(rest.get("schema"), dict) else None
    return Output(schema, extra=MINE.keep(rest))


def _thinking(value: Any) -> ReasoningOptions | None:
    effort = value.get("effort") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(effort, str):
        return None
    return ReasoningOptions(
        effort, extra=MINE.keep({**{k: v for k, v in value.items() if k != "effort"}, "$came": effort})
    )


_FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "stop": ("stop", lambda value: tuple(value) if strings(value) else None),
    "tools": ("tools", _tools),
    "toolChoice": ("tool_choice", _choice),
    "responseFormat": ("output", _output),
    "thinking": ("reasoning", _thinking),
}


# --- encoding ------------------------------------------------------------------------------------------------


def encode_request(
    req: Request,
    *,
    model: str,
    stream: bool = False,  # noqa: ARG001  # a header asks for it
) -> tuple[dict[str, Any], list[Warning]]:
    """The body to send, and what it could not say."""
    wanted, lost = arrived(replace(req, model=model or req.model), WIRE, OPENAI_NAMES)
    body, warnings = from_source(wanted, WIRE, _encode) or _encode(wanted)
    return body, [*lost, *warnings]


def _encode(req: Request) -> tuple[dict[str, Any], list[Warning]]:
    losses = Losses()
    body = MINE.fields(req.extra)
    body["messages"] = encode_messages(req.messages, losses)
    limit = "maxCompletionTokens" if (req.model or "").upper().startswith(_THINKERS) else "maxTokens"
    limit = MINE.of(req.extra).get("$limit", limit)
    for name, (attr, _) in _SCALARS.items():
        value = getattr(req, attr)
        if value is not None and (attr != "max_tokens" or name == limit):
            body[name] = value
    if req.stop:
        body["stop"] = list(req.stop)
    _encode_tools(req, body, losses)
    if req.output is not None:
        _encode_output(req.output, body)
    if req.reasoning is not None:
        _encode_reasoning(req.reasoning, body, losses)
    for attr in _UNSAID:
        if asks(req, attr):
            losses.add(attr, "dropped", "this API has no such parameter")
    if req.n is not None and req.n > 1:
        losses.add("n", "dropped", "this API gives one answer a call")
    if req.modalities and tuple(req.modalities) != ("text",):
        losses.add("modalities", "dropped", "this API answers in text")
    return body, losses.warnings


def _encode_tools(req: Request, body: dict[str, Any], losses: Losses) -> None:
    choice, said = req.tool_choice, []
    for tool in req.tools:
        if isinstance(tool, ServerTool):
            if tool.wire == WIRE:
                said.append(tool.config.get("$value", tool.config))
            else:
                losses.add(f"tools.{tool.kind}", "dropped", "a tool run by another vendor")
        elif choice is None or choice.mode != "allowed" or tool.name in choice.names:
            if tool.strict:
                losses.add("tools.strict", "dropped", "this vendor takes no such switch")
            if tool.cache is not None:
                losses.add("cache", "dropped", "there are no cache marks here")
            said.append(encode_function(tool, MINE))
    if said:
        body["tools"] = said
    if choice is None:
        return
    if choice.mode == "tool" and choice.names:
        body["toolChoice"] = {"type": "function", "function": {"name": choice.names[0]}}
    else:
        body["toolChoice"] = "none" if choice.mode == "none" else "auto"
        if choice.mode in ("required", "allowed"):
            losses.add("tool_choice", "emulated", "a model cannot be made to call just any tool here")


def _encode_output(output: Output, body: dict[str, Any]) -> None:
    said = {**MINE.fields(output.extra), "type": "json"}
    schema = described(output)  # its name is a label, and it always binds: nothing lost in `name` and `strict`
    if schema is not None:
        said["schema"] = schema
    body["responseFormat"] = said


def _encode_reasoning(options: ReasoningOptions, body: dict[str, Any], losses: Losses) -> None:
    """Efforts only, ``none`` among them."""
    said, effort = MINE.fields(options.extra), options.effort
    if effort is not None:
        word = effort if MINE.of(options.extra).get("$came") == effort else _EFFORTS.get(effort, "high")
        if word != effort:
            losses.add("reasoning.effort", "clamped", f"{effort!r} said as {word!r}")
        said["effort"] = word
    elif options.enabled is False:
        said["effort"] = "none"
    elif options.budget is not None:
        said["effort"] = next((word for most, word in _BUDGETS if options.budget <= most), "high")
    elif options.enabled:
        said["effort"] = "medium"
    for attr in ("budget", "enabled"):
        if getattr(options, attr) is not None:
            losses.add(f"reasoning.{attr}", "emulated", f"said as effort {said.get('effort')!r}")
    for attr in ("include", "summary"):
        if getattr(options, attr) is not None and not off(options):
            losses.add(f"reasoning.{attr}", "dropped", "thinking is always shown here")
    if said:
        body["thinking"] = said
