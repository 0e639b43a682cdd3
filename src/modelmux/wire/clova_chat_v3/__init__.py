"""CLOVA Studio's own chat, version 3 (HyperCLOVA X): the model stands in the address, a header asks for a stream.

Format: https://api.ncloud-docs.com/docs/clovastudio-chatcompletionsv3. Written from that documentation alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelmux.errors import ProviderError
from modelmux.types import Response
from modelmux.wire._codec import Codec
from modelmux.wire._names import OPENAI_NAMES
from modelmux.wire.clova_chat_v3 import request, response, stream
from modelmux.wire.clova_chat_v3.vocabulary import WIRE, decode_error

__all__ = ["ClovaChat", "make"]


class ClovaChat(Codec):
    """The codec (see :class:`modelmux.wire.Wire`)."""

    id = WIRE
    tool_names = OPENAI_NAMES
    decoder = stream.ChatStream
    decode_request = staticmethod(request.decode_request)
    encode_request = staticmethod(request.encode_request)
    encode_response = staticmethod(response.encode_response)
    encode_stream = staticmethod(stream.encode_stream)

    def decode_response(self, body: bytes | dict[str, Any]) -> Response:
        return response.decode_response(body, self.provider, self.usage)

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return decode_error(status, headers, body, self.provider)


make = ClovaChat
"""The codec has no dialect."""
