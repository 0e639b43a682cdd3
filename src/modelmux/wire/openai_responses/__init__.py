"""OpenAI's Responses, and the vendors that speak it.

Format: https://platform.openai.com/docs/api-reference/responses. A conversation is a list of *items*: messages,
reasoning, calls, results. How a vendor differs is its row's ``[calls.responses.dialect]``
(:mod:`modelmux.wire.openai_responses.dialect`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from modelmux.errors import ProviderError
from modelmux.types import Event, Request, Response, Warning
from modelmux.wire._codec import Codec
from modelmux.wire._names import OPENAI_NAMES
from modelmux.wire._openai_error import decode_error
from modelmux.wire.openai_responses import encode_stream, request, response
from modelmux.wire.openai_responses.dialect import WIRE, Dialect, dialect
from modelmux.wire.openai_responses.stream import ResponseStream

__all__ = ["Dialect", "OpenAIResponses", "make"]


class OpenAIResponses(Codec):
    """The codec (see :class:`modelmux.wire.Wire`) in one provider's dialect."""

    id = WIRE
    tool_names = OPENAI_NAMES
    decoder = ResponseStream

    def __init__(self, *, provider: str, usage: str, dialect: Dialect) -> None:
        super().__init__(provider=provider, usage=usage)
        self.dialect = dialect

    def decode_request(self, body: dict[str, Any]) -> Request:
        return request.decode_request(body, self.provider)

    def encode_request(self, req: Request, *, model: str, stream: bool = False) -> tuple[dict[str, Any], list[Warning]]:
        return request.encode_request(req, self.dialect, self.provider, model=model, stream=stream)

    def decode_response(self, body: bytes | dict[str, Any]) -> Response:
        return response.decode_response(body, self.provider, self.usage)

    def encode_response(self, resp: Response) -> dict[str, Any]:
        return response.encode_response(resp, self.provider)

    def encode_stream(self, events: Iterable[Event]) -> Iterator[bytes]:
        return encode_stream.encode_stream(events, self.provider)

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return decode_error(status, headers, body, self.provider)


def make(*, provider: str, usage: str, **options: Any) -> OpenAIResponses:
    """The codec in a dialect. Raises TypeError naming the dialect option that is wrong."""
    return OpenAIResponses(provider=provider, usage=usage, dialect=dialect(options))
