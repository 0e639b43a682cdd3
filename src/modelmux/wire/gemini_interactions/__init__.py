"""Google's Interactions API: a conversation as steps, its state kept by the vendor where that is wanted.

Format: https://ai.google.dev/gemini-api/docs/interactions. ``previous_interaction_id``, ``store``, ``agent`` and
``background`` stay among the request's vendor fields. Requests are written in the form of May 2026; the form before it
is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelmux.errors import ProviderError
from modelmux.types import Response
from modelmux.wire._codec import Codec
from modelmux.wire._names import GEMINI_NAMES
from modelmux.wire.gemini_interactions import request, response, stream_out
from modelmux.wire.gemini_interactions.error import decode_error
from modelmux.wire.gemini_interactions.stream import InteractionStream
from modelmux.wire.gemini_interactions.vocabulary import WIRE

__all__ = ["GeminiInteractions", "make"]


class GeminiInteractions(Codec):
    """The codec (see :class:`modelmux.wire.Wire`)."""

    id = WIRE
    tool_names = GEMINI_NAMES
    decoder = InteractionStream
    decode_request = staticmethod(request.decode_request)
    encode_request = staticmethod(request.encode_request)
    encode_response = staticmethod(response.encode_response)
    encode_stream = staticmethod(stream_out.encode_stream)

    def decode_response(self, body: bytes | dict[str, Any]) -> Response:
        return response.decode_response(body, self.provider, self.usage)

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return decode_error(status, headers, body, self.provider)


make = GeminiInteractions
"""The codec has no dialect."""
