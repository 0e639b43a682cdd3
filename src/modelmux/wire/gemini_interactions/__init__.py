"""Google's Interactions API: a conversation as steps, its state kept by the vendor where that is wanted.

Format: https://ai.google.dev/gemini-api/docs/interactions. ``previous_interaction_id``, ``store``, ``agent`` and
``background`` stay among the request's vendor fields. Requests are written in the form of May 2026; the form before it
is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from modelmux.errors import ProviderError
from modelmux.types import Event, Request, Response, Warning
from modelmux.wire._names import GEMINI_NAMES
from modelmux.wire._stream import StreamDecoder, decode_stream
from modelmux.wire.gemini_interactions import request, response, stream_out
from modelmux.wire.gemini_interactions.error import decode_error
from modelmux.wire.gemini_interactions.stream import InteractionStream
from modelmux.wire.gemini_interactions.vocabulary import WIRE

__all__ = ["GeminiInteractions", "make"]


class GeminiInteractions:
    """The codec (see :class:`modelmux.wire.Wire`)."""

    id = WIRE
    tool_names = GEMINI_NAMES

    def __init__(self, provider: str, usage: str) -> None:
        self.provider = provider
        self.usage = usage

    def decode_request(self, body: dict[str, Any]) -> Request:
        return request.decode_request(body)

    def encode_request(self, req: Request, *, model: str, stream: bool = False) -> tuple[dict[str, Any], list[Warning]]:
        return request.encode_request(req, model=model, stream=stream)

    def decode_response(self, body: bytes | dict[str, Any]) -> Response:
        return response.decode_response(body, self.provider, self.usage)

    def encode_response(self, resp: Response) -> dict[str, Any]:
        return response.encode_response(resp)

    def stream_decoder(self, content_type: str | None = None) -> StreamDecoder:  # noqa: ARG002  # the protocol names it
        return InteractionStream(self.provider, self.usage)

    def decode_stream(self, chunks: Iterable[bytes], content_type: str | None = None) -> Iterator[Event]:
        return decode_stream(self.stream_decoder(content_type), chunks)

    def encode_stream(self, events: Iterable[Event]) -> Iterator[bytes]:
        return stream_out.encode_stream(events)

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return decode_error(status, headers, body, self.provider)


def make(*, provider: str, usage: str) -> GeminiInteractions:
    """The codec. It has no dialect."""
    return GeminiInteractions(provider, usage)
