"""A chat request: body in, canonical request out, and back. The model stands in the address, a stream in a header."""

from __future__ import annotations

from functools import partial
from typing import Any

from modelmux.types import Output, ReasoningOptions, Request, ToolChoice, Warning
from modelmux.wire._body import Scalars, Take, each, encoded, into, say_scalars, taken_apart
from modelmux.wire._functions import decode_function, encode_tools
from modelmux.wire._kept import number, texts, whole
from modelmux.wire._losses import STRICT, Losses, note_unsaid
from modelmux.wire._names import OPENAI_NAMES
from modelmux.wire._settings import note_shown, output_said, word_of_budget, word_of_effort
from modelmux.wire._source import sourced
from modelmux.wire.clova_chat_v3.messages import decode_messages, encode_messages
from modelmux.wire.clova_chat_v3.vocabulary import CACHED, MINE, WIRE

_SCALARS: Scalars = {
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
_DETAILS = dict.fromkeys(_UNSAID, "this API has no such parameter") | {
    "n": "this API gives one answer a call",
    "modalities": "this API answers in text",
}


def decode_request(body: dict[str, Any]) -> Request:
    """The request that ``body`` makes. Raises InvalidRequest naming the field that is malformed."""
    values, extra = taken_apart(body, _SCALARS, _FIELDS, "messages")
    return sourced(Request(decode_messages(body["messages"]), **values, extra=MINE.keep(extra)), WIRE, body)


def _limit(name: str) -> Take:
    def take(value: Any, values: dict[str, Any], extra: dict[str, Any]) -> bool:
        if "max_tokens" in values or not whole(value):
            return False
        values["max_tokens"], extra["$limit"] = value, name
        return True

    return take


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


_FIELDS = {
    "maxTokens": _limit("maxTokens"),
    "maxCompletionTokens": _limit("maxCompletionTokens"),
    "stop": into("stop", texts),
    "tools": into("tools", each(partial(decode_function, keeper=MINE))),
    "toolChoice": into("tool_choice", _choice),
    "responseFormat": into("output", _output),
    "thinking": into("reasoning", _thinking),
}


# --- encoding ------------------------------------------------------------------------------------------------


def encode_request(
    req: Request,
    *,
    model: str,
    stream: bool = False,  # noqa: ARG001  # a header asks for it
) -> tuple[dict[str, Any], list[Warning]]:
    """The body to send, and what it could not say."""
    return encoded(req, WIRE, _encode, OPENAI_NAMES, model=model or req.model)


def _encode(req: Request) -> tuple[dict[str, Any], list[Warning]]:
    losses = Losses()
    body = MINE.fields(req.extra)
    body["messages"] = encode_messages(req.messages, losses)
    if req.max_tokens is not None:
        limit = "maxCompletionTokens" if (req.model or "").upper().startswith(_THINKERS) else "maxTokens"
        body[MINE.of(req.extra).get("$limit", limit)] = req.max_tokens
    say_scalars(_SCALARS, req, body)
    if req.stop:
        body["stop"] = list(req.stop)
    _encode_tools(req, body, losses)
    if req.output is not None:
        body["responseFormat"] = output_said(req.output, MINE, {"type": "json"}, "schema")
    if req.reasoning is not None:
        _encode_reasoning(req.reasoning, body, losses)
    note_unsaid(req, _DETAILS, losses)
    return body, losses.warnings


def _encode_tools(req: Request, body: dict[str, Any], losses: Losses) -> None:
    choice = req.tool_choice
    offered = choice.names if choice is not None and choice.mode == "allowed" else None
    said = encode_tools(req.tools, MINE, losses, offered, cached=CACHED, strict=STRICT)
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


def _encode_reasoning(options: ReasoningOptions, body: dict[str, Any], losses: Losses) -> None:
    """Efforts only, ``none`` among them."""
    said, effort = MINE.fields(options.extra), options.effort
    if effort is not None:
        said["effort"] = word_of_effort(effort, MINE.of(options.extra).get("$came"), _EFFORTS, losses)
    elif options.enabled is False:
        said["effort"] = "none"
    elif options.budget is not None:
        said["effort"] = word_of_budget(options.budget, _BUDGETS)
    elif options.enabled:
        said["effort"] = "medium"
    for attr in ("budget", "enabled"):
        if getattr(options, attr) is not None:
            losses.add(f"reasoning.{attr}", "emulated", f"said as effort {said.get('effort')!r}")
    note_shown(options, "thinking is always shown here", losses)
    if said:
        body["thinking"] = said
