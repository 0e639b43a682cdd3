"""Whole answers: a Converse body as canonical, and back."""

from __future__ import annotations

from typing import Any

from modelmux import _json
from modelmux.types import NO_USAGE, Choice, Media, Response
from modelmux.wire._each_loss import Losses
from modelmux.wire._kept import put_back
from modelmux.wire._refusal import malformed, parsed
from modelmux.wire._usage import read_usage
from modelmux.wire.bedrock_converse.blocks_in import decode_blocks
from modelmux.wire.bedrock_converse.blocks_out import BlockEncoder
from modelmux.wire.bedrock_converse.error import in_band
from modelmux.wire.bedrock_converse.usage import encode_usage
from modelmux.wire.bedrock_converse.vocabulary import finish_of, kept, own, stop_reason_of

_KNOWN = frozenset({"output", "stopReason", "usage", "serviceTier"})


def decode_response(body: bytes | dict[str, Any], provider: str, reader: str) -> Response:
    """Raises ProviderError for an error inside a good status, MalformedResponse for nonsense."""
    value = parsed(body, provider)
    output = value.get("output")
    message = output.get("message") if isinstance(output, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list):
        if "output" not in value and ("__type" in value or isinstance(value.get("message"), str)):
            raise in_band(value, None, provider, status=200)
        raise malformed("the answer has no output message", provider, _json.dumps_str(value))
    finish, raw = finish_of(value.get("stopReason"))
    return Response(
        choices=(Choice(decode_blocks(content), finish, raw),),
        usage=read_usage(reader, value) if isinstance(value.get("usage"), dict) else NO_USAGE,
        service_tier=tier_of(value),
        extra=kept({key: field for key, field in value.items() if key not in _KNOWN and field is not None}),
        raw=value,
    )


def tier_of(value: dict[str, Any]) -> str | None:
    tier = value.get("serviceTier")
    word = tier.get("type") if isinstance(tier, dict) else None
    return word if isinstance(word, str) else None


def encode_response(resp: Response, reader: str) -> dict[str, Any]:
    """An answer as the vendor sends it. Parts that its blocks cannot say are left out."""
    choice = resp.choices[0] if resp.choices else Choice()
    parts = [part for part in choice.content if not isinstance(part, Media)]
    body: dict[str, Any] = {
        "output": {"message": {"role": "assistant", "content": BlockEncoder(Losses(), reply=True).encode_all(parts)}},
        "stopReason": stop_reason_of(choice.finish, choice.finish_raw),
    }
    if resp.usage.reported:
        body["usage"] = encode_usage(resp.usage, reader)
    if resp.service_tier is not None:
        body["serviceTier"] = {"type": resp.service_tier}
    put_back(body, own(resp.extra))
    body.setdefault("metrics", {"latencyMs": 0})
    return body
