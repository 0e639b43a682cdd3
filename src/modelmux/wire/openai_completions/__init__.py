"""OpenAI's text completions, the form before chat, and the servers that still speak it.

Format: https://platform.openai.com/docs/api-reference/completions. A prompt is text (or tokens) that the model goes on
with; canonically it is one turn of the user's. A conversation is sent as its transcript.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelmux.errors import ProviderError
from modelmux.types import Request, Response, Warning
from modelmux.wire._codec import Codec
from modelmux.wire._openai_error import decode_error
from modelmux.wire.openai_completions import request, response, stream
from modelmux.wire.openai_completions.fields import WIRE

__all__ = ["OpenAICompletions", "make"]


class OpenAICompletions(Codec):
    """The codec (see :class:`modelmux.wire.Wire`); its one dialect is OpenAI's."""

    id = WIRE
    decoder = stream.CompletionStream
    encode_response = staticmethod(response.encode_response)
    encode_stream = staticmethod(stream.encode_stream)

    def decode_request(self, body: dict[str, Any]) -> Request:
        return request.decode_request(body, self.provider)

    def encode_request(self, req: Request, *, model: str, stream: bool = False) -> tuple[dict[str, Any], list[Warning]]:
        return request.encode_request(req, self.provider, model=model, stream=stream)

    def decode_response(self, body: bytes | dict[str, Any]) -> Response:
        return response.decode_response(body, self.provider, self.usage)

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return decode_error(status, headers, body, self.provider)


make = OpenAICompletions
"""The codec has no dialect: any option is a TypeError."""
