"""CLOVA Studio's own chat, version 3 (HyperCLOVA X): the model stands in the address, a header asks for a stream.

Format: https://api.ncloud-docs.com/docs/clovastudio-chatcompletionsv3. Written from that documentation alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from modelmux.errors import ProviderError
from modelmux.types import Event, Request, Response, Warning
from modelmux.wire._names import OPENAI_NAMES
from modelmux.wire._stream import StreamDecoder, decode_stream
from modelmux.wire.clova_chat_v3 import request, response, stream
from modelmux.wire.clova_chat_v3.stream import ChatStream
from modelmux.wire.clova_chat_v3.vocabulary import WIRE, decode_error

__all__ = ["ClovaChat", "make"]


class ClovaChat:
    """The codec (see :class:`modelmux.wire.Wire`)."""

    id = WIRE
    tool_names = OPENAI_NAMES

    def __init__(self, provider: str, usage: str) -> None:
        self.provider = provider
        self.usage = usage

    def decode_request(self, body: dict[str, Any]) -> Request:
        return request.decode_request(body)

    def encode_request(
        self,
        req: Request,
        *,
        model: str,
        stream: bool = False,  # noqa: ARG002  # a header asks for it
    ) -> tuple[dict[str, Any], list[Warning]]:
        return request.encode_request(req, model=model)

    def decode_response(self, body: bytes | dict[str, Any]) -> Response:
        return response.decode_response(body, self.provider, self.usage)

    def encode_response(self, resp: Response) -> dict[str, Any]:
        return response.encode_response(resp)

    def stream_decoder(self, content_type: str | None = None) -> StreamDecoder:  # noqa: ARG002  # the protocol names it
        return ChatStream(self.provider, self.usage)

    def decode_stream(self, chunks: Iterable[bytes], content_type: str | None = None) -> Iterator[Event]:
        return decode_stream(self.stream_decoder(content_type), chunks)

    def encode_stream(self, events: Iterable[Event]) -> Iterator[bytes]:
        return stream.encode_stream(events)

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return decode_error(status, headers, body, self.provider)


def make(*, provider: str, usage: str) -> ClovaChat:
    """The codec. It has no dialect."""
    return ClovaChat(provider, usage)
