"""Cohere's chat, version 2.

Format: https://docs.cohere.com/reference/chat. What a model means to do with its tools (``tool_plan``) is reasoning
here; documents that stand beside the turns stay among the request's vendor fields.
"""

from __future__ import annotations

from typing import Any

from modelmux.types import Response
from modelmux.wire._codec import Codec
from modelmux.wire._names import OPENAI_NAMES
from modelmux.wire.cohere_chat_v2 import request, response, stream_out
from modelmux.wire.cohere_chat_v2.stream import ChatStream
from modelmux.wire.cohere_chat_v2.vocabulary import WIRE

__all__ = ["CohereChat", "make"]


class CohereChat(Codec):
    """The codec (see :class:`modelmux.wire.Wire`)."""

    id = WIRE
    tool_names = OPENAI_NAMES
    decoder = ChatStream
    decode_request = staticmethod(request.decode_request)
    encode_request = staticmethod(request.encode_request)
    encode_response = staticmethod(response.encode_response)
    encode_stream = staticmethod(stream_out.encode_stream)

    def decode_response(self, body: bytes | dict[str, Any]) -> Response:
        return response.decode_response(body, self.provider, self.usage)


make = CohereChat
"""The codec has no dialect."""
