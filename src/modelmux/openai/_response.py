"""Answers whose bodies are read later, under the vendor's path."""

from __future__ import annotations

from modelmux._dropin.replies import AsyncReply as AsyncAPIResponse
from modelmux._dropin.replies import AsyncReplyManager as AsyncResponseContextManager
from modelmux._dropin.replies import BaseReply as BaseAPIResponse
from modelmux._dropin.replies import Reply as APIResponse
from modelmux._dropin.replies import ReplyManager as ResponseContextManager

__all__ = [
    "APIResponse",
    "AsyncAPIResponse",
    "AsyncResponseContextManager",
    "BaseAPIResponse",
    "ResponseContextManager",
]
