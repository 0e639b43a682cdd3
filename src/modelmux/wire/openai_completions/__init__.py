"""OpenAI's text completions, the form before chat, and the servers that still speak it.

Format: https://platform.openai.com/docs/api-reference/completions. A prompt is text (or tokens) that the model goes on
with; canonically it is one turn of the user's. A conversation is sent as its transcript.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from modelmux.errors import ProviderError
from modelmux.types import Event, Request, Response, Warning
from modelmux.wire._openai_error import decode_error
from modelmux.wire._stream import StreamDecoder, decode_stream
from modelmux.wire.openai_completions import request, response, stream
from modelmux.wire.openai_completions.fields import WIRE

__all__ = ["OpenAICompletions", "make"]


class OpenAICompletions:
    """The codec (see :class:`modelmux.wire.Wire`); its one dialect is OpenAI's."""

    id = WIRE

    def __init__(self, provider: str, usage: str) -> None:
        self.provider = provider
        self.usage = usage

    def decode_request(self, body: dict[str, Any]) -> Request:
        return request.decode_request(body, self.provider)

    def encode_request(self, req: Request, *, model: str, stream: bool = False) -> tuple[dict[str, Any], list[Warning]]:
        return request.encode_request(req, self.provider, model=model, stream=stream)

    def decode_response(self, body: bytes | dict[str, Any]) -> Response:
        return response.decode_response(body, self.provider, self.usage)

    def encode_response(self, resp: Response) -> dict[str, Any]:
        return response.encode_response(resp)

    def stream_decoder(self, content_type: str | None = None) -> StreamDecoder:  # noqa: ARG002  # the protocol names it
        """``content_type`` is not needed: what comes says itself whether it is a stream."""
        return stream.CompletionStream(self.provider, self.usage)

    def decode_stream(self, chunks: Iterable[bytes], content_type: str | None = None) -> Iterator[Event]:
        return decode_stream(self.stream_decoder(content_type), chunks)

    def encode_stream(self, events: Iterable[Event]) -> Iterator[bytes]:
        return stream.encode_stream(events)

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return decode_error(status, headers, body, self.provider)


def make(*, provider: str, usage: str) -> OpenAICompletions:
    """The codec. There are no dialect options: any is a TypeError."""
    return OpenAICompletions(provider, usage)
