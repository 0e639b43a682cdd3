"""Whole answers: a Messages API body as canonical, and back."""

from __future__ import annotations

from typing import Any

from modelmux import _json
from modelmux.types import Choice, Media, Response
from modelmux.wire._each_loss import Losses
from modelmux.wire._kept import put_back
from modelmux.wire._refusal import malformed, parsed
from modelmux.wire._usage import read_usage
from modelmux.wire.anthropic_messages.error import in_band
from modelmux.wire.anthropic_messages.parts_in import decode_parts
from modelmux.wire.anthropic_messages.parts_out import PartEncoder
from modelmux.wire.anthropic_messages.usage import encode_usage
from modelmux.wire.anthropic_messages.vocabulary import WIRE, finish_of, own, stop_reason_of

_KNOWN = frozenset({"type", "role", "id", "model", "content", "stop_reason", "stop_sequence", "stop_details", "usage"})
_OF_CHOICE = ("stop_sequence", "stop_details")


def decode_response(body: bytes | dict[str, Any], provider: str, reader: str) -> Response:
    """Raises ProviderError for an error inside a good status, MalformedResponse for nonsense."""
    value = parsed(body, provider)
    if value.get("type") == "error" or (isinstance(value.get("error"), dict) and "content" not in value):
        raise in_band(value, provider, status=200)
    content = value.get("content")
    if not isinstance(content, list):
        raise malformed("the answer has no content list", provider, _json.dumps_str(value))
    finish, raw = finish_of(value.get("stop_reason"))
    usage = value.get("usage")
    return Response(
        id=text_or_none(value.get("id")),
        model=text_or_none(value.get("model")),
        choices=(Choice(decode_parts(content, reply=True), finish, raw, extra=choice_extra(value)),),
        usage=read_usage(reader, value),
        service_tier=tier_of(usage),
        extra=response_extra(value),
        raw=value,
    )


def text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def tier_of(usage: Any) -> str | None:
    """The tier that served the call, which the vendor reports among the usage."""
    return text_or_none(usage.get("service_tier")) if isinstance(usage, dict) else None


def choice_extra(value: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Which stop sequence was hit, and why the vendor refused."""
    extra = {key: value[key] for key in _OF_CHOICE if value.get(key) is not None}
    return {WIRE: extra} if extra else {}


def response_extra(value: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """``container``, ``context_management`` and what else the answer as a whole carries."""
    extra = {key: field for key, field in value.items() if key not in _KNOWN and field is not None}
    return {WIRE: extra} if extra else {}


def encode_response(resp: Response, reader: str) -> dict[str, Any]:
    """An answer as the vendor sends it. Parts that its blocks cannot say are left out."""
    encoder = PartEncoder(Losses(), reply=True)
    choice = resp.choices[0] if resp.choices else Choice()
    blocks = (encoder.encode(part) for part in choice.content if not isinstance(part, Media))
    body: dict[str, Any] = {
        "id": resp.id or "",
        "type": "message",
        "role": "assistant",
        "model": resp.model or "",
        "content": [block for block in blocks if block is not None],
        "stop_reason": stop_reason_of(choice.finish, choice.finish_raw),
        "stop_sequence": None,
        **own(choice.extra),
        "usage": encode_usage(resp.usage, resp.service_tier, reader, resp.model),
    }
    return put_back(body, own(resp.extra))
