"""Answers with their heads, under the vendor's path."""

from __future__ import annotations

from modelmux._dropin.binary import Binary
from modelmux._dropin.replies import LegacyReply


class LegacyAPIResponse(LegacyReply):
    """What ``with_raw_response`` gives."""

    def __class_getitem__(cls, item: object) -> object:
        return cls


class HttpxBinaryResponseContent(Binary):
    """An answer whose body is a file."""


__all__ = ["HttpxBinaryResponseContent", "LegacyAPIResponse"]
