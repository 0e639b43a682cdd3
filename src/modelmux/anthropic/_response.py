"""Answers with their heads, under the vendor's path."""

from __future__ import annotations

from typing import Any

from modelmux._dropin.replies import AsyncReply, AsyncReplyManager, BaseReply, Reply, ReplyManager

AsyncResponseContextManager = AsyncReplyManager
ResponseContextManager = ReplyManager


class BaseAPIResponse(BaseReply):
    """Head and body of an answer."""

    def __class_getitem__(cls, item: object) -> Any:
        return cls

    @property
    def workspace_id(self) -> str | None:
        return self._got.headers.get("anthropic-workspace-id")


class APIResponse(BaseAPIResponse, Reply):
    """What ``with_raw_response`` gives: ``text()``, ``json()`` and ``parse()`` are methods."""


class AsyncAPIResponse(BaseAPIResponse, AsyncReply):
    """:class:`APIResponse`, awaited."""


class BinaryAPIResponse(APIResponse):
    """An answer whose body is a file."""


class AsyncBinaryAPIResponse(AsyncAPIResponse):
    """:class:`BinaryAPIResponse`, awaited."""


class StreamedBinaryAPIResponse(APIResponse):
    """A file that is read as it comes."""


class AsyncStreamedBinaryAPIResponse(AsyncAPIResponse):
    """:class:`StreamedBinaryAPIResponse`, awaited."""


__all__ = [
    "APIResponse",
    "AsyncAPIResponse",
    "AsyncBinaryAPIResponse",
    "AsyncResponseContextManager",
    "AsyncStreamedBinaryAPIResponse",
    "BaseAPIResponse",
    "BinaryAPIResponse",
    "ResponseContextManager",
    "StreamedBinaryAPIResponse",
]
