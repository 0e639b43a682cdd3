"""A completion request: body in, canonical request out, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelmux.errors import InvalidRequest
from modelmux.types import (
    Media,
    Message,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Request,
    Text,
    ToolCall,
    ToolResult,
    Warning,
)
from modelmux.wire._body import Scalars, Take, encoded, into, say_call, say_scalars, take_stream, taken_apart
from modelmux.wire._kept import is_text, number, texts, whole
from modelmux.wire._losses import CITED, FAILED, NAMED, REFUSED, WRITTEN, Losses, kind_of, note_marks, note_unsaid
from modelmux.wire._media import text_of
from modelmux.wire._source import sourced
from modelmux.wire.openai_completions.fields import WIRE, fields_of, kept, ours

_SCALARS: Scalars = {
    "model": ("model", is_text),
    "max_tokens": ("max_tokens", whole),
    "temperature": ("temperature", number),
    "top_p": ("top_p", number),
    "n": ("n", whole),
    "seed": ("seed", whole),
    "presence_penalty": ("presence_penalty", number),
    "frequency_penalty": ("frequency_penalty", number),
    "logprobs": ("top_logprobs", whole),
    "user": ("user", is_text),
}

_UNSAID = ("tool_choice", "parallel_tool_calls", "output", "reasoning", "top_k", "service_tier", "cache")
_DETAILS = dict.fromkeys(_UNSAID, "a completion has no such setting")
_ANSWER = {"modalities": "a completion is text"}
_CACHED = ("cache", "dropped", "a completion takes no cache marks")
_SPEAKERS = {"system": "System", "developer": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}


# --- decoding ------------------------------------------------------------------------------------------------


def decode_request(body: dict[str, Any], provider: str) -> Request:
    """The request that ``body`` makes. Raises InvalidRequest naming the field that is malformed."""
    values, extra = taken_apart(body, _SCALARS, _FIELDS)
    extra.pop("prompt", None)
    extra["$provider"] = provider
    if "top_logprobs" in values:
        values["logprobs"] = True
    return sourced(Request(_decode_prompt(body, extra), **values, extra={WIRE: extra}), WIRE, body)


def _stop(value: Any, values: dict[str, Any], extra: dict[str, Any]) -> bool:
    if isinstance(value, str):
        values["stop"], extra["$stop"] = (value,), True
        return True
    return into("stop", texts)(value, values, extra)


def _stream_options(value: Any, values: dict[str, Any], extra: dict[str, Any]) -> bool:
    if not isinstance(value, dict):
        return False
    extra["$stream_options"] = {field: item for field, item in value.items() if field != "include_usage"}
    if isinstance(value.get("include_usage"), bool):
        values["include_usage"] = value["include_usage"]
    elif "include_usage" in value:
        extra["$stream_options"] = value
    return True


_FIELDS: dict[str, Take] = {"stream": take_stream, "stop": _stop, "stream_options": _stream_options}


def _decode_prompt(body: dict[str, Any], extra: dict[str, Any]) -> tuple[Message, ...]:
    """Text, tokens, or a list of these. A stored prompt (Portkey) has none of them."""
    prompt = body.get("prompt")
    if prompt is None:
        if "prompt" in body:
            extra["prompt"] = None
        return ()
    if isinstance(prompt, str):
        return (Message("user", (Text(prompt),)),)
    if not isinstance(prompt, list):
        raise InvalidRequest("prompt must be text, tokens, or a list of these", field="prompt")
    if prompt and all(isinstance(token, int) for token in prompt):
        return (Message("user", (Opaque(WIRE, prompt),)),)
    parts: list[Part] = [Text(item) if isinstance(item, str) else Opaque(WIRE, item) for item in prompt]
    return (Message("user", tuple(parts), extra=kept({"$list": True})),)


# --- encoding ------------------------------------------------------------------------------------------------


def encode_request(req: Request, provider: str, *, model: str, stream: bool) -> tuple[dict[str, Any], list[Warning]]:
    """The body to send, and what it could not say. An empty ``model`` leaves the field out."""
    own = ours(req.extra)
    as_came = own.get("$provider") == provider
    body, warnings = encoded(req, WIRE, _encode, as_came=as_came, stream=stream)
    before = own.get("$stream", True)
    say_call(body, model, stream, before)
    _set_options(body, req, own, stream=stream, stopped="$stream" in own and before is True and not stream)
    return body, warnings


def _set_options(body: dict[str, Any], req: Request, own: Mapping[str, Any], *, stream: bool, stopped: bool) -> None:
    """``stream_options``; they go with the stream where it is ``stopped``."""
    if stopped:
        body.pop("stream_options", None)
        return
    as_asked = own.get("$stream_options")
    said = dict(as_asked or {})
    if req.include_usage is not None and (stream or as_asked is not None):
        said["include_usage"] = req.include_usage
    if said or as_asked is not None:
        body["stream_options"] = said


def _encode(req: Request) -> tuple[dict[str, Any], list[Warning]]:
    """Everything but ``model`` and ``stream``."""
    losses = Losses()
    own = ours(req.extra)
    body = fields_of(req.extra)
    prompt = _prompt(req.messages, losses)
    if prompt is not None:
        body["prompt"] = prompt
    say_scalars(_SCALARS, req, body)
    if req.logprobs and req.top_logprobs is None:
        body["logprobs"] = 0
    if req.stop:
        body["stop"] = req.stop[0] if "$stop" in own and len(req.stop) == 1 else list(req.stop)
    note_unsaid(req, _DETAILS, losses)
    if req.tools:
        losses.add("tools", "dropped", "a completion calls no tools")
    note_unsaid(req, _ANSWER, losses)
    return body, losses.warnings


def _prompt(messages: tuple[Message, ...], losses: Losses) -> Any:
    """The prompt; None where there is none."""
    if not messages:
        return None
    if len(messages) == 1 and messages[0].role == "user":
        parts = messages[0].content
        native = "$list" in ours(messages[0].extra)
        if native or (len(parts) == 1 and _is_ours(parts[0])):
            values = [part.value if isinstance(part, Opaque) else _text(part, losses) for part in parts]
            return values if native else values[0]
        _unsaid(messages[0], losses)
        return "".join(_text(part, losses) for part in parts)
    losses.add("messages", "emulated", "the conversation is sent as its transcript")
    for turn in messages:
        _unsaid(turn, losses)
    turns = [f"{_SPEAKERS[turn.role]}: {''.join(_text(part, losses) for part in turn.content)}" for turn in messages]
    return "\n\n".join([*turns, "Assistant:"] if messages[-1].role != "assistant" else turns)


def _is_ours(part: Part) -> bool:
    return isinstance(part, Opaque) and part.wire == WIRE


def _unsaid(turn: Message, losses: Losses) -> None:
    if turn.name is not None:
        losses.add(*NAMED)
    if turn.role == "developer":
        losses.add("messages.role", "renamed", "a developer's turn goes as the system's")


def _text(part: Part, losses: Losses) -> str:
    note_marks(part, losses, _CACHED, signed=not isinstance(part, Reasoning))
    if isinstance(part, Text):
        if part.citations:
            losses.add(*CITED)
        return part.text
    if isinstance(part, Refusal):
        losses.add(*REFUSED)
        return part.text
    if isinstance(part, ToolResult):
        losses.add("tool_result", "emulated", "what a tool gave goes as text")
        if part.is_error:
            losses.add(*FAILED)
        return "".join(_text(inner, losses) for inner in part.content)
    if isinstance(part, Media) and (text := text_of(part)) is not None:
        losses.add(*WRITTEN)
        return text
    if not isinstance(part, Reasoning) or part.text or part.signature or part.redacted:
        field = "tool_calls" if isinstance(part, ToolCall) else kind_of(part)
        losses.add(field, "dropped", "a completion is text")
    return ""
