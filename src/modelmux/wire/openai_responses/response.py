"""A whole response: body in, canonical response out, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from modelmux.errors import MalformedResponse, ProviderError
from modelmux.types import (
    Choice,
    FinishReason,
    Part,
    Refusal,
    Response,
    Text,
    TokenLogprob,
    ToolCall,
    Usage,
)
from modelmux.wire._classify import provider_error
from modelmux.wire._kept import items as listed
from modelmux.wire._kept import number, present, word
from modelmux.wire._logprobs import logprobs_json, logprobs_of
from modelmux.wire._openai_error import status_in, told
from modelmux.wire._refusal import parse_body
from modelmux.wire._usage import read_usage
from modelmux.wire.openai_responses.dialect import Dialect
from modelmux.wire.openai_responses.items import decode_item
from modelmux.wire.openai_responses.items_out import encode_items
from modelmux.wire.openai_responses.saying import Saying, fields_of, kept, ours

_TOP = frozenset(
    {"id", "object", "created_at", "model", "output", "usage", "service_tier", "error", "status"}
    | {"incomplete_details", "output_text"}
)
_CUT: dict[str, FinishReason] = {"content_filter": "filtered"}
_WORDS: dict[FinishReason, tuple[str, str | None]] = {
    "length": ("incomplete", "max_output_tokens"),
    "filtered": ("incomplete", "content_filter"),
    "pause": ("in_progress", None),
    "error": ("failed", None),
}
_UNDER_WAY = frozenset({"queued", "in_progress"})


def decode_response(data: bytes | dict[str, Any], provider: str, usage: str) -> Response:
    """Raises ProviderError for an error inside a good status, MalformedResponse for what is no response."""
    body = parse_body(data, provider)
    error = error_in(body, provider)
    if error is not None:
        raise error
    output = body.get("output")
    if not isinstance(output, list):
        raise MalformedResponse("the answer has no output", provider=provider, body=body)
    content: list[Part] = []
    logprobs: list[TokenLogprob] = []
    for item in output:
        if isinstance(item, dict):
            content.extend(decode_item(item, provider, asked=False))
            logprobs.extend(logprobs_in(item))
    finish, raw = finish_of(body, content)
    return Response(
        id=word(body.get("id")),
        model=word(body.get("model")),
        choices=(Choice(tuple(map(without_logprobs, content)), finish, raw, logprobs=tuple(logprobs)),),
        usage=read_usage(usage, body),
        created=created_of(body),
        service_tier=word(body.get("service_tier")),
        extra=kept(extra_of(body)),
        raw=body,
    )


def error_in(body: Mapping[str, Any], provider: str) -> ProviderError | None:
    """The error that a body with a good status is, or None when it is an answer."""
    error = body.get("error")
    if not error and body.get("status") != "failed":
        return None
    facts = told({**body, "error": error or {"message": "the response failed without an explanation"}})
    return provider_error(status_in(error), {}, facts, provider=provider)


def extra_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """What no field of a Response says; what every response says unasked is left out."""
    return present(
        {
            name: value
            for name, value in body.items()
            if name not in _TOP and (name not in _BESIDE or value != _BESIDE[name])
        }
    )


def created_of(body: Mapping[str, Any]) -> int | None:
    created: Any = body.get("created_at")
    return int(created) if number(created) and abs(created) < 1e15 else None


def finish_of(body: Mapping[str, Any], content: list[Part]) -> tuple[FinishReason, str | None]:
    """The canonical finish, and the vendor's word: what cut the response short, else its status."""
    status = word(body.get("status"))
    if status in _UNDER_WAY:
        return "pause", status  # a background response, asked for before it was there
    if status == "cancelled":
        return "error", status
    if status == "incomplete":
        details = body.get("incomplete_details")
        reason = word(details.get("reason")) if isinstance(details, dict) else None
        return _CUT.get(reason or "", "length"), reason
    if any(isinstance(part, ToolCall) for part in content):
        return "tool_calls", status
    return ("filtered" if any(isinstance(part, Refusal) for part in content) else "stop"), status


def logprobs_in(item: dict[str, Any]) -> list[TokenLogprob]:
    """The log probabilities of a message's text."""
    if item.get("type") != "message":
        return []
    found = [part["logprobs"] for part in listed(item.get("content")) if isinstance(part, dict) and "logprobs" in part]
    return [logprob for scores in found if scores for logprob in logprobs_of(scores)]


def without_logprobs(part: Part) -> Part:
    """An answer's part without the log probabilities, which its choice has."""
    if not isinstance(part, Text) or "logprobs" not in ours(part.extra):
        return part
    own = ours(part.extra)
    return replace(part, extra=kept({name: value for name, value in own.items() if name != "logprobs"}))


# --- encoding ------------------------------------------------------------------------------------------------

_BESIDE: dict[str, Any] = {
    "instructions": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "temperature": None,
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
}
"""Fields every response has, which an answer of another format says nothing of."""

_PREFIX = {"message": "msg", "function_call": "fc", "reasoning": "rs", "custom_tool_call": "ctc"}


def encode_response(response: Response, provider: str) -> dict[str, Any]:
    choice = response.choices[0] if response.choices else Choice()
    items = answer_items(choice.content, provider)
    if choice.logprobs:
        score(items, choice.logprobs)
    body = {**head(response.id, response.model, response.created), **fields_of(response.extra), "output": items}
    body["status"], body["incomplete_details"] = status_of(choice.finish, choice.finish_raw)
    if response.service_tier is not None:
        body["service_tier"] = response.service_tier
    if response.usage.reported:
        body["usage"] = usage_json(response.usage)
    return body


def head(response_id: str | None, model: str | None, created: int | None) -> dict[str, Any]:
    """A response before there is anything in it."""
    return {
        "id": response_id or "resp_0",
        "object": "response",
        "created_at": created or 0,
        "model": model or "",
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "output": [],
        **_BESIDE,
    }


def status_of(finish: FinishReason, raw: str | None) -> tuple[str, dict[str, Any] | None]:
    """``status`` and ``incomplete_details``: the vendor's own words where they still mean the same."""
    if raw in _UNDER_WAY or raw == "cancelled":
        return raw, None
    status, reason = _WORDS.get(finish, ("completed", None))
    if finish == "filtered" and raw == "completed":
        return "completed", None  # refused in words
    if finish == "length" and raw is not None and raw.startswith("max_"):
        reason = raw
    return status, None if reason is None else {"reason": reason}


def answer_items(content: tuple[Part, ...], provider: str) -> list[dict[str, Any]]:
    """The items of an answer, with all that an item has to have."""
    said = encode_items(content, Saying(Dialect(), provider), answer=True)
    return [whole_item(item, number) for number, item in enumerate(said) if isinstance(item, dict)]


def whole_item(item: dict[str, Any], number: int) -> dict[str, Any]:
    kind = str(item.get("type"))
    item = {"id": f"{_PREFIX.get(kind, 'item')}_{number}", **item}
    if kind in ("message", "function_call", "image_generation_call"):
        item.setdefault("status", "completed")
    if kind == "message":
        item["content"] = [whole_part(part) for part in item["content"]]
    return item


def whole_part(part: Any) -> Any:
    if isinstance(part, dict) and part.get("type") == "output_text":
        return {"annotations": [], "logprobs": [], **part}
    return part


def score(items: list[dict[str, Any]], logprobs: tuple[TokenLogprob, ...]) -> None:
    """Log probabilities stand at the first text: canonically they belong to the answer, not to one of its texts."""
    for item in items:
        for part in item["content"] if item.get("type") == "message" else ():
            if isinstance(part, dict) and part.get("type") == "output_text":
                part["logprobs"] = logprobs_json(logprobs)
                return


_IN = (
    *("input", "cache_read", "cache_write_5m", "cache_write_1h", "input_audio", "cache_read_audio"),
    *("input_image", "input_video", "tool_input"),
)
_OUT = ("output", "reasoning", "output_audio", "output_image")


def usage_json(usage: Usage) -> dict[str, Any]:
    """Usage in this format's words: its own object where it came from here, else built from the units."""
    raw = usage.raw
    if isinstance(raw, dict) and isinstance(raw.get("input_tokens"), int) and "input_tokens_details" in raw:
        return raw
    given, made = sum(usage[unit] for unit in _IN), sum(usage[unit] for unit in _OUT)
    return {
        "input_tokens": given,
        "input_tokens_details": {
            "cached_tokens": usage["cache_read"] + usage["cache_read_audio"],
            "cache_write_tokens": usage["cache_write_5m"] + usage["cache_write_1h"],
        },
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": usage["reasoning"]},
        "total_tokens": given + made,
    }
