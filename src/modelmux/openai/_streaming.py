"""Streams, under the vendor's path."""

from __future__ import annotations

from modelmux import _http
from modelmux._dropin.streams import AsyncStream, Stream
from modelmux._http import SSEDecoder

ServerSentEvent = _http.SSE

__all__ = ["AsyncStream", "SSEDecoder", "ServerSentEvent", "Stream"]
