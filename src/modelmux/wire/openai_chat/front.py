"""Chat completions as a front."""

from __future__ import annotations

import re
from collections.abc import Mapping

from modelmux.types import Request
from modelmux.wire import _openai_front as shared
from modelmux.wire._front import CHAT, EMBED, MODELS, Format, Path
from modelmux.wire.openai_chat.dialect import WIRE, Dialect
from modelmux.wire.openai_chat.encode_stream import StreamEncoder
from modelmux.wire.openai_chat.response import encode_response

_OWN = Dialect(reasoning_field="reasoning_content")
"""Reasoning has no place in OpenAI's own streams; clients know it by the name that most other vendors use."""


def _encoder(asked: Request, query: Mapping[str, str]) -> StreamEncoder:  # noqa: ARG001  # as the protocol has it
    return StreamEncoder(_OWN, usage=asked.include_usage is True)


FORMAT = Format(
    wire=WIRE,
    owner=shared.OWNER,
    paths=(
        Path(CHAT, shared.ending("/chat/completions")),
        Path(EMBED, shared.ending("/embeddings")),
        Path(MODELS, re.compile("(?P<base>(?!.*/v1(?:beta|alpha)).*)/models/?"), "GET"),  # those are Google's versions
    ),
    headers=shared.HEADERS,
    error=shared.error,
    broken=shared.broken,
    encoder=_encoder,
    whole=lambda answer: encode_response(answer, _OWN),
    models=shared.models,
    drops=shared.dropped,
)
