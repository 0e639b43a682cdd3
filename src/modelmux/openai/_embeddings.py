"""Embeddings: asked for as base64 where the caller does not say, as the vendor's client does, and made floats."""

from __future__ import annotations

import array
import base64
import sys
from typing import Any

from modelmux._dropin.absent import is_given, omit
from modelmux.openai.lib._parsing._completions import options_of

_ANSWER = "types.create_embedding_response:CreateEmbeddingResponse"


def _floats(response: Any) -> Any:
    if not getattr(response, "data", None):
        raise ValueError("No embedding data received")
    for entry in response.data:
        packed = entry.__dict__.get("embedding")
        if isinstance(packed, str):
            numbers = array.array("f", base64.b64decode(packed))
            if sys.byteorder == "big":
                numbers.byteswap()
            entry.__dict__["embedding"] = numbers.tolist()
    return response


def _prepared(resource: Any, given: dict[str, Any]) -> Any:
    asked = is_given(given.get("encoding_format", omit))
    if not asked:
        given["encoding_format"] = "base64"
    options = options_of(resource, "create", given)
    if not asked:
        options.post_parser = _floats
    return options


class Embeddings:
    """Of the blocking client."""

    _client: Any

    def create(self, **given: Any) -> Any:
        """Embed texts."""
        return self._client._ask(_ANSWER, _prepared(self, given))


class AsyncEmbeddings:
    """Of the async client."""

    _client: Any

    async def create(self, **given: Any) -> Any:
        """Embed texts."""
        return await self._client._ask(_ANSWER, _prepared(self, given))
