"""A whole answer: body in, canonical response out, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from modelmux.errors import MalformedResponse
from modelmux.types import Choice, Part, Reasoning, Response, Text, TokenLogprob, ToolCall, Usage
from modelmux.wire._kept import items, present, word
from modelmux.wire._logprobs import logprobs_of
from modelmux.wire._losses import Losses
from modelmux.wire._refusal import in_band, parse_body
from modelmux.wire._times import seconds, time_of
from modelmux.wire._usage import read_usage
from modelmux.wire.ollama_chat.messages import encode_parts
from modelmux.wire.ollama_chat.vocabulary import MINE, answered_call, finish_of, word_of

_COUNTERS = ("prompt_eval_count", "eval_count")
TOP = frozenset({"model", "message", "done", "done_reason", "logprobs", *_COUNTERS})
MESSAGE = frozenset({"role", "content", "thinking", "tool_calls"})


def decode_response(data: bytes | dict[str, Any], provider: str, usage: str) -> Response:
    """Raises ProviderError for an error inside a good status, MalformedResponse for what is no (whole) answer."""
    body = parse_body(data, provider)
    if body.get("error"):
        raise in_band(body, provider)
    message, finish = body.get("message"), body.get("done_reason")
    created, rest = seconds(body.get("created_at")), extra_of(body)
    choices = body.get("choices")
    if not isinstance(message, dict) and isinstance(choices, list) and choices and isinstance(choices[0], dict):
        # The same server's other route, behind an address given by mistake.
        message, finish = choices[0].get("message"), choices[0].get("finish_reason")
        created, rest = body["created"] if isinstance(body.get("created"), int) else None, {}
    if not isinstance(message, dict):
        raise MalformedResponse("the answer has no message", provider=provider, body=body)
    if body.get("done") is False:
        raise MalformedResponse("the answer is not done", provider=provider, body=body)
    parts = _parts(message, body.get("created_at"))
    reason, raw = finish_of(finish, called=any(isinstance(part, ToolCall) for part in parts))
    unknown = present({name: value for name, value in message.items() if name not in MESSAGE})
    extra = MINE.keep({"message": unknown} if unknown else {})
    return Response(
        model=word(body.get("model")),
        choices=(Choice(parts, reason, raw, logprobs=logprobs_of(body.get("logprobs")), extra=extra),),
        usage=read_usage(usage, body),
        created=created,
        extra=MINE.keep(rest),
        raw=body,
    )


def _parts(message: dict[str, Any], when: Any) -> tuple[Part, ...]:
    """The parts of a message in the order thinking, text, calls."""
    parts: list[Part] = []
    thinking, text = word(message.get("thinking")), word(message.get("content"))
    if thinking:
        parts.append(Reasoning(thinking))
    if text:
        parts.append(Text(text))
    for item in items(message.get("tool_calls")):
        place = sum(isinstance(part, ToolCall) for part in parts)
        call = answered_call(item, place, when)
        if call is not None:
            parts.append(call)
    return tuple(parts)


def extra_of(body: dict[str, Any]) -> dict[str, Any]:
    """The vendor fields of an answer or of a line of it; its time only where it is finer than seconds."""
    rest = present({name: value for name, value in body.items() if name not in TOP})
    when = rest.get("created_at")
    if when is not None and when == time_of(seconds(when)):
        del rest["created_at"]
    return rest


# --- encoding ------------------------------------------------------------------------------------------------

_READ = (
    ("input", "cache_read", "cache_write_5m", "cache_write_1h", "input_audio", "input_image", "tool_input"),
    ("output", "reasoning"),
)


def encode_response(response: Response) -> dict[str, Any]:
    choice = response.choices[0] if response.choices else Choice()
    time = {} if response.created is None else {"created_at": time_of(response.created)}
    body: dict[str, Any] = {
        "model": response.model or "",
        **time,
        "message": message_of(choice.content, choice.extra),
        "done": True,
        "done_reason": word_of(choice.finish, choice.finish_raw),
        **MINE.fields(response.extra),
        **usage_json(response.usage),
    }
    if choice.logprobs:
        body["logprobs"] = logprobs_json(choice.logprobs)
    return body


def message_of(parts: Iterable[Part], extra: Any = None) -> dict[str, Any]:
    return {**MINE.fields(extra or {}).get("message", {}), "role": "assistant", **encode_parts(parts, Losses())}


def usage_json(usage: Usage) -> dict[str, Any]:
    """The counters: the vendor's own where they came from here, else built from the units."""
    if not usage.reported:
        return {}
    raw = usage.raw
    if isinstance(raw, dict) and any(name in raw for name in _COUNTERS):
        return {name: raw[name] for name in _COUNTERS if name in raw}
    return {name: sum(usage[unit] for unit in units) for name, units in zip(_COUNTERS, _READ, strict=True)}


def logprobs_json(logprobs: Iterable[TokenLogprob]) -> list[dict[str, Any]]:
    out = []
    for item in logprobs:
        said: dict[str, Any] = {"token": item.token, "logprob": item.logprob}
        if item.bytes is not None:
            said["bytes"] = list(item.bytes)
        if item.top:
            said["top_logprobs"] = logprobs_json(item.top)
        out.append(said)
    return out
