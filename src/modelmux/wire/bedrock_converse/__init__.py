"""The Converse API of Amazon Bedrock: ``POST /model/{id}/converse`` and ``/converse-stream``.

Parts keep what this vendor alone can verify under ``extra["bedrock.converse"]``: reasoning and the calls of tools the
vendor runs go back to it only when that key is there, or when they have no ``extra`` at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modelmux.errors import ProviderError
from modelmux.types import Event, Request, Response, Warning
from modelmux.wire import _stream
from modelmux.wire._across import arrived
from modelmux.wire._names import OPENAI_NAMES
from modelmux.wire._source import from_source
from modelmux.wire.bedrock_converse.error import decode_error
from modelmux.wire.bedrock_converse.options import encode_plain
from modelmux.wire.bedrock_converse.request import decode_request
from modelmux.wire.bedrock_converse.response import decode_response, encode_response
from modelmux.wire.bedrock_converse.stream import ConverseStream
from modelmux.wire.bedrock_converse.stream_out import encode_stream
from modelmux.wire.bedrock_converse.vocabulary import WIRE

if TYPE_CHECKING:
    from modelmux.wire import Wire

__all__ = ["make"]


def make(*, provider: str, usage: str) -> Wire:
    """A codec; this wire has no dialects."""
    return _Converse(provider, usage)


class _Converse:
    """See :class:`modelmux.wire.Wire`."""

    id = WIRE
    tool_names = OPENAI_NAMES

    def __init__(self, provider: str, usage: str) -> None:
        self.provider = provider
        self._usage = usage

    def decode_request(self, body: dict[str, Any]) -> Request:
        return decode_request(body)

    def encode_request(
        self,
        req: Request,
        *,
        model: str,
        stream: bool = False,  # noqa: ARG002  # it stands in the URL
    ) -> tuple[dict[str, Any], list[Warning]]:
        req, lost = arrived(req if req.model == model else replace(req, model=model), WIRE, OPENAI_NAMES)
        body, warnings = from_source(req, WIRE, _plain) or _plain(req)
        return body, [*lost, *warnings]

    def decode_response(self, body: bytes | dict[str, Any]) -> Response:
        return decode_response(body, self.provider, self._usage)

    def encode_response(self, resp: Response) -> dict[str, Any]:
        return encode_response(resp, self._usage)

    def stream_decoder(self, content_type: str | None = None) -> ConverseStream:  # noqa: ARG002  # the first byte tells
        return ConverseStream(self.provider, self._usage)

    def decode_stream(self, chunks: Iterable[bytes], content_type: str | None = None) -> Iterator[Event]:
        return _stream.decode_stream(self.stream_decoder(content_type), chunks)

    def encode_stream(self, events: Iterable[Event]) -> Iterator[bytes]:
        return encode_stream(events, self._usage)

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return decode_error(status, headers, body, self.provider)


def _plain(req: Request) -> tuple[dict[str, Any], list[Warning]]:
    body, losses = encode_plain(req)
    return body, losses.warnings
