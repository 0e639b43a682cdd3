"""A whole interaction: body in, canonical response out, and back."""

from __future__ import annotations

from typing import Any

from modelmux.errors import MalformedResponse
from modelmux.types import Choice, Part, Response, ToolCall, Usage
from modelmux.wire._kept import items, present, word
from modelmux.wire._losses import Losses
from modelmux.wire._refusal import parse_body
from modelmux.wire._times import seconds, time_of
from modelmux.wire._usage import read_usage
from modelmux.wire.gemini_interactions.error import in_band
from modelmux.wire.gemini_interactions.items import decode_item
from modelmux.wire.gemini_interactions.turns import encode_steps
from modelmux.wire.gemini_interactions.vocabulary import MINE, STATUS, finish_of, word_of

TOP = frozenset({"id", "object", "model", "status", "steps", "outputs", "usage", "role", "error", "input"})


def decode_response(data: bytes | dict[str, Any], provider: str, usage: str) -> Response:
    """Raises ProviderError for an error inside a good status, MalformedResponse for what is no interaction."""
    body = parse_body(data, provider)
    if body.get("error"):
        raise in_band(body, provider)
    steps = body.get("steps")
    if not isinstance(steps, list):
        steps = body.get("outputs")
    if not isinstance(steps, list) and body.get("status") not in _STATUSES:
        raise MalformedResponse("the answer is no interaction", provider=provider, body=body)
    parts = _parts(items(steps))
    reason, raw = finish_of(body.get("status"), called=any(isinstance(part, ToolCall) for part in parts))
    rest = present({name: value for name, value in body.items() if name not in TOP})
    created, tier = seconds(rest.get("created")), rest.pop("service_tier", None)
    if created is not None and time_of(created) == rest["created"]:
        del rest["created"]
    return Response(
        id=word(body.get("id")),
        model=word(body.get("model")),
        choices=(Choice(parts, reason, raw),),
        usage=read_usage(usage, body),
        created=created,
        service_tier=word(tier),
        extra=MINE.keep(rest),
        raw=body,
    )


_STATUSES = tuple(STATUS)


def _parts(steps: list[Any]) -> tuple[Part, ...]:
    """What the model and the vendor's tools said; what the user had said is given back as well at times."""
    parts: list[Part] = []
    for step in steps:
        kind = step.get("type") if isinstance(step, dict) else None
        if kind == "model_output":
            content = step.get("content")
            blocks = [{"type": "text", "text": content}] if isinstance(content, str) else items(content)
            parts.extend(answered(block, len(parts)) for block in blocks)
        elif kind not in ("user_input", "function_result"):
            parts.append(answered(step, len(parts)))
    return tuple(parts)


def answered(item: Any, place: int) -> Part:
    """An item of an answer, without the fields that are null in it; a call without an id is given one."""
    if isinstance(item, dict):
        item = {name: value for name, value in item.items() if (value is not None and value != "") or name == "text"}
    part = decode_item(item)
    if isinstance(part, ToolCall) and not part.id:
        return ToolCall(f"call_{place}", part.name, part.arguments, part.raw, part.signature, extra=part.extra)
    return part


# --- encoding ------------------------------------------------------------------------------------------------

_READ = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "input_audio", "input_image", "input_video")


def encode_response(response: Response) -> dict[str, Any]:
    choice = response.choices[0] if response.choices else Choice()
    body: dict[str, Any] = {
        "id": response.id or "",
        "object": "interaction",
        "status": word_of(choice.finish, choice.finish_raw),
        "steps": encode_steps(choice.content, Losses()),
    }
    if response.model is not None:
        body["model"] = response.model
    if response.created is not None:
        body["created"] = time_of(response.created)
    if response.service_tier is not None:
        body["service_tier"] = response.service_tier
    body.update(MINE.fields(response.extra))
    if response.usage.reported:
        body["usage"] = usage_json(response.usage)
    return body


def usage_json(usage: Usage) -> dict[str, Any]:
    """Usage in this format's words: its own object where it came from here, else built from the units."""
    raw = usage.raw
    if isinstance(raw, dict) and any(name.startswith("total_") and name.endswith("_tokens") for name in raw):
        return raw
    media = {kind: usage[f"input_{kind}"] for kind in ("audio", "image", "video")}
    read = sum(usage[unit] for unit in _READ)
    counted = {
        "total_input_tokens": read,
        "input_tokens_by_modality": [
            {"modality": "text", "tokens": read - sum(media.values())},
            *({"modality": kind, "tokens": count} for kind, count in media.items() if count),
        ],
        "total_cached_tokens": usage["cache_read"],
        "total_output_tokens": usage["output"],
        "total_tool_use_tokens": usage["tool_input"],
        "total_thought_tokens": usage["reasoning"],
    }
    total = read + usage["output"] + usage["tool_input"] + usage["reasoning"]
    return {"total_tokens": total, **counted}
