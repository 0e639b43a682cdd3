"""Responses as a front."""

from __future__ import annotations

from collections.abc import Mapping

from modelmux._http import sse
from modelmux._json import dumps
from modelmux.types import Request
from modelmux.wire import _openai_front as shared
from modelmux.wire._front import CHAT, Format, Path, Said
from modelmux.wire.openai_responses.dialect import WIRE
from modelmux.wire.openai_responses.encode_stream import StreamEncoder
from modelmux.wire.openai_responses.response import encode_response


def _encoder(asked: Request, query: Mapping[str, str]) -> StreamEncoder:  # noqa: ARG001  # as the protocol has it
    return StreamEncoder(shared.OWNER)


def _broken(said: Said) -> bytes:
    """An ``error`` event. Its fields stand at the top, as documented, and inside ``error``, as they are sent."""
    body = shared.error(said)["error"]
    fields = {name: body[name] for name in ("code", "message", "param")}
    return sse(dumps({"type": "error", **fields, "error": body}), "error")


FORMAT = Format(
    wire=WIRE,
    owner=shared.OWNER,
    paths=(Path(CHAT, shared.ending("/responses")),),
    headers=shared.HEADERS,
    error=shared.error,
    broken=_broken,
    encoder=_encoder,
    whole=lambda answer: encode_response(answer, shared.OWNER),
)
