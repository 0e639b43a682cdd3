"""Cohere's chat, version 2.

Format: https://docs.cohere.com/reference/chat. What a model means to do with its tools (``tool_plan``) is reasoning
here; documents that stand beside the turns stay among the request's vendor fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from modelmux.errors import ProviderError
from modelmux.types import Event, Request, Response, Warning
from modelmux.wire import _refusal
from modelmux.wire._names import OPENAI_NAMES
from modelmux.wire._stream import StreamDecoder, decode_stream
from modelmux.wire.cohere_chat_v2 import request, response, stream_out
from modelmux.wire.cohere_chat_v2.stream import ChatStream
from modelmux.wire.cohere_chat_v2.vocabulary import WIRE

__all__ = ["CohereChat", "make"]


class CohereChat:
    """The codec (see :class:`modelmux.wire.Wire`)."""

    id = WIRE
    tool_names = OPENAI_NAMES

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
        return ChatStream(self.provider, self.usage)

    def decode_stream(self, chunks: Iterable[bytes], content_type: str | None = None) -> Iterator[Event]:
        return decode_stream(self.stream_decoder(content_type), chunks)

    def encode_stream(self, events: Iterable[Event]) -> Iterator[bytes]:
        return stream_out.encode_stream(events)

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return _refusal.decode_error(status, headers, body, self.provider)


def make(*, provider: str, usage: str) -> CohereChat:
    """The codec. It has no dialect."""
    return CohereChat(provider, usage)
