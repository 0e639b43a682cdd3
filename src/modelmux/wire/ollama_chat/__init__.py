"""Ollama's own chat: newline-delimited JSON, arguments of calls as objects, calls without ids on older servers.

Format: https://docs.ollama.com/api/chat.
"""

from __future__ import annotations

from typing import Any

from modelmux.types import Response
from modelmux.wire._codec import Codec
from modelmux.wire.ollama_chat import request, response, stream
from modelmux.wire.ollama_chat.vocabulary import WIRE

__all__ = ["OllamaChat", "make"]


class OllamaChat(Codec):
    """The codec (see :class:`modelmux.wire.Wire`)."""

    id = WIRE
    decoder = stream.ChatStream
    decode_request = staticmethod(request.decode_request)
    encode_request = staticmethod(request.encode_request)
    encode_response = staticmethod(response.encode_response)
    encode_stream = staticmethod(stream.encode_stream)

    def decode_response(self, body: bytes | dict[str, Any]) -> Response:
        return response.decode_response(body, self.provider, self.usage)


make = OllamaChat
"""The codec has no dialect."""
