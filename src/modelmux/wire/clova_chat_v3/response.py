"""A whole answer: body in, canonical response out, and back."""

from __future__ import annotations

from typing import Any

from modelmux.errors import MalformedResponse
from modelmux.types import Choice, Part, Reasoning, Response, Text, ToolCall, Usage
from modelmux.wire._kept import items, present, word
from modelmux.wire._refusal import parse_body
from modelmux.wire._usage import read_usage
from modelmux.wire.clova_chat_v3.messages import decode_call, encode_call
from modelmux.wire.clova_chat_v3.vocabulary import MINE, OK, failed, finish_of, in_band, word_of

_TOP = frozenset({"message", "finishReason", "created", "usage"})


def decode_response(data: bytes | dict[str, Any], provider: str, usage: str) -> Response:
    """Raises ProviderError for an error inside a good status, MalformedResponse for what is no answer."""
    body = parse_body(data, provider)
    if failed(body):
        raise in_band(body, provider)
    result = body.get("result")
    message = result.get("message") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(message, dict):
        raise MalformedResponse("the answer has no message", provider=provider, body=body)
    parts = parts_of(message)
    reason, raw = finish_of(result.get("finishReason"), called=any(isinstance(part, ToolCall) for part in parts))
    created = result.get("created")
    return Response(
        choices=(Choice(parts, reason, raw),),
        usage=read_usage(usage, body),
        created=created if type(created) is int else None,
        extra=MINE.keep(extra_of(result)),
        raw=body,
    )


def extra_of(result: dict[str, Any]) -> dict[str, Any]:
    return present({name: value for name, value in result.items() if name not in _TOP})


def parts_of(message: dict[str, Any]) -> tuple[Part, ...]:
    """The parts of a message in the order thinking, text, calls."""
    thinking, text = word(message.get("thinkingContent")), word(message.get("content"))
    parts: list[Part] = [Reasoning(thinking)] if thinking else []
    parts += [Text(text)] if text else []
    for place, item in enumerate(items(message.get("toolCalls"))):
        call = decode_call(item)
        if call is not None:
            kept = present(MINE.fields(call.extra))
            parts.append(
                ToolCall(call.id or f"call_{place}", call.name, call.arguments, call.raw, extra=MINE.keep(kept))
            )
    return tuple(parts)


# --- encoding ------------------------------------------------------------------------------------------------

_READ = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "input_image")


def encode_response(response: Response) -> dict[str, Any]:
    choice = response.choices[0] if response.choices else Choice()
    result = result_of(choice.content, word_of(choice.finish, choice.finish_raw), response.usage)
    if response.created is not None:
        result["created"] = response.created
    return {"status": {"code": OK, "message": "OK"}, "result": {**MINE.fields(response.extra), **result}}


def result_of(parts: tuple[Part, ...], finish: str, usage: Usage) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(p.text for p in parts if isinstance(p, Text))}
    thinking = "".join(part.text for part in parts if isinstance(part, Reasoning))
    calls = [encode_call(part) for part in parts if isinstance(part, ToolCall)]
    if thinking:
        message["thinkingContent"] = thinking
    if calls:
        message["toolCalls"] = calls
    said: dict[str, Any] = {"message": message, "finishReason": finish}
    if usage.reported:
        said["usage"] = _usage_json(usage)
    return said


def _usage_json(usage: Usage) -> dict[str, Any]:
    raw = usage.raw
    if isinstance(raw, dict) and "promptTokens" in raw:
        return raw
    read, written = sum(usage[unit] for unit in _READ), usage["output"] + usage["reasoning"]
    return {
        "promptTokens": read,
        "completionTokens": written,
        "totalTokens": read + written,
        "completionTokensDetails": {"thinkingTokens": usage["reasoning"]},
    }
