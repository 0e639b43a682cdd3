"""Streams, under the vendor's path."""

from __future__ import annotations

from modelmux._dropin.streams import AsyncStream, Stream
from modelmux._http import SSE as ServerSentEvent
from modelmux._http import SSEDecoder

__all__ = ["AsyncStream", "SSEDecoder", "ServerSentEvent", "Stream"]
