"""Completions as a front."""

from __future__ import annotations

import re
from collections.abc import Mapping

from modelmux.types import Request
from modelmux.wire import _openai_front as shared
from modelmux.wire._front import CHAT, Format, Path
from modelmux.wire.openai_completions.fields import WIRE
from modelmux.wire.openai_completions.response import encode_response
from modelmux.wire.openai_completions.stream import StreamEncoder


def _encoder(asked: Request, query: Mapping[str, str]) -> StreamEncoder:  # noqa: ARG001  # as the protocol has it
    return StreamEncoder(usage=asked.include_usage is True)


FORMAT = Format(
    wire=WIRE,
    owner=shared.OWNER,
    paths=(Path(CHAT, re.compile("(?P<base>.*)(?<!/chat)/completions/?")),),
    headers=shared.HEADERS,
    error=shared.error,
    broken=shared.broken,
    encoder=_encoder,
    whole=encode_response,
    drops=shared.dropped,
)
