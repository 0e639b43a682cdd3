"""The Converse API of Amazon Bedrock: ``POST /model/{id}/converse`` and ``/converse-stream``.

Parts keep what this vendor alone can verify under ``extra["bedrock.converse"]``: reasoning and the calls of tools the
vendor runs go back to it only when that key is there, or when they have no ``extra`` at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from modelmux.errors import ProviderError
from modelmux.types import Event, Request, Response, Warning
from modelmux.wire._body import encoded
from modelmux.wire._codec import Codec
from modelmux.wire._names import OPENAI_NAMES
from modelmux.wire.bedrock_converse.error import decode_error
from modelmux.wire.bedrock_converse.options import encode_plain
from modelmux.wire.bedrock_converse.request import decode_request
from modelmux.wire.bedrock_converse.response import decode_response, encode_response
from modelmux.wire.bedrock_converse.stream import ConverseStream
from modelmux.wire.bedrock_converse.stream_out import encode_stream
from modelmux.wire.bedrock_converse.vocabulary import WIRE

__all__ = ["Converse", "make"]


class Converse(Codec):
    """The codec (see :class:`modelmux.wire.Wire`)."""

    id = WIRE
    tool_names = OPENAI_NAMES
    decoder = ConverseStream
    decode_request = staticmethod(decode_request)

    def encode_request(
        self,
        req: Request,
        *,
        model: str,
        stream: bool = False,  # noqa: ARG002  # it stands in the URL
    ) -> tuple[dict[str, Any], list[Warning]]:
        return encoded(req, WIRE, _plain, OPENAI_NAMES, model=model)

    def decode_response(self, body: bytes | dict[str, Any]) -> Response:
        return decode_response(body, self.provider, self.usage)

    def encode_response(self, resp: Response) -> dict[str, Any]:
        return encode_response(resp, self.usage)

    def encode_stream(self, events: Iterable[Event]) -> Iterator[bytes]:
        return encode_stream(events, self.usage)

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return decode_error(status, headers, body, self.provider)


make = Converse
"""The codec has no dialect."""


def _plain(req: Request) -> tuple[dict[str, Any], list[Warning]]:
    body, losses = encode_plain(req)
    return body, losses.warnings
