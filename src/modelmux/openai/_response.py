"""Answers whose bodies are read later, under the vendor's path."""

from __future__ import annotations

from modelmux._dropin.contexts import AsyncManager as AsyncResponseContextManager
from modelmux._dropin.contexts import Manager as ResponseContextManager
from modelmux._dropin.replies import AsyncReply as AsyncAPIResponse
from modelmux._dropin.replies import BaseReply as BaseAPIResponse
from modelmux._dropin.replies import Reply as APIResponse
from modelmux.openai._exceptions import OpenAIError


class BinaryAPIResponse(APIResponse):
    """An answer whose body is a file."""


class AsyncBinaryAPIResponse(AsyncAPIResponse):
    """The same, async."""


StreamedBinaryAPIResponse = BinaryAPIResponse
AsyncStreamedBinaryAPIResponse = AsyncBinaryAPIResponse


class StreamAlreadyConsumed(OpenAIError):
    """A body that was streamed is asked for again."""

    def __init__(self) -> None:
        super().__init__("The content has been streamed already; read() it before streaming to have it twice.")


__all__ = [
    "APIResponse",
    "AsyncAPIResponse",
    "AsyncBinaryAPIResponse",
    "AsyncResponseContextManager",
    "AsyncStreamedBinaryAPIResponse",
    "BaseAPIResponse",
    "BinaryAPIResponse",
    "ResponseContextManager",
    "StreamAlreadyConsumed",
    "StreamedBinaryAPIResponse",
]
