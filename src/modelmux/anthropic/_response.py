"""Answers with their heads, under the vendor's path."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from modelmux._dropin.by_client import answer_of
from modelmux._dropin.contexts import AsyncManager, Manager
from modelmux._dropin.replies import AsyncReply, BaseReply, Reply
from modelmux._dropin.timeouts import DEFAULT_TIMEOUT
from modelmux._dropin.transport import Asked

AsyncResponseContextManager = AsyncManager
ResponseContextManager = Manager


R = TypeVar("R")


class BaseAPIResponse(BaseReply, Generic[R]):
    """Head and body of an answer. ``raw``: a response of an HTTP family, in the place of one of ours."""

    def __init__(self, got: Any = None, *args: Any, raw: Any = None, stream_cls: Any = None, **options: Any) -> None:
        if raw is None:
            super().__init__(got, *args, **options)
            return
        call = options["options"]
        asked = Asked(str(call.method).upper(), str(call.url), {}, None, DEFAULT_TIMEOUT)
        made = answer_of(asked, raw, is_async=isinstance(self, AsyncReply))
        item = (stream_cls or options["cast_to"]) if options.pop("stream", False) else None
        values = {"retries_taken": 0, **options}
        super().__init__(made, stream=item, **values)

    @property
    def workspace_id(self) -> str | None:
        return self._got.headers.get("anthropic-workspace-id")


class APIResponse(BaseAPIResponse[R], Reply):
    """What ``with_raw_response`` gives: ``text()``, ``json()`` and ``parse()`` are methods."""


class AsyncAPIResponse(BaseAPIResponse[R], AsyncReply):
    """:class:`APIResponse`, awaited."""


class BinaryAPIResponse(APIResponse[bytes]):
    """An answer whose body is a file."""


class AsyncBinaryAPIResponse(AsyncAPIResponse[bytes]):
    """:class:`BinaryAPIResponse`, awaited."""


class StreamedBinaryAPIResponse(APIResponse[bytes]):
    """A file that is read as it comes."""


class AsyncStreamedBinaryAPIResponse(AsyncAPIResponse[bytes]):
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
