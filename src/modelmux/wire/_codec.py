"""The outer shape of a codec, as far as most formats share it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from modelmux.errors import ProviderError
from modelmux.types import Event
from modelmux.wire import _refusal, _stream
from modelmux.wire._stream import StreamDecoder


class Codec:
    """A format in one provider's dialect (see :class:`modelmux.wire.Wire`). ``usage`` names its usage reader.

    A format gives ``id``, ``decoder``, and the methods that are missing here. Functions of its modules may stand for
    methods as they are (``staticmethod``).
    """

    id: str
    decoder: Callable[[str, str], StreamDecoder]
    """The class of its stream decoders, which takes provider and usage reader."""

    def __init__(self, *, provider: str, usage: str) -> None:
        self.provider = provider
        self.usage = usage

    def stream_decoder(self, content_type: str | None = None) -> StreamDecoder:  # noqa: ARG002  # the protocol names it
        """``content_type`` is not needed: what comes says itself whether it is a stream."""
        return self.decoder(self.provider, self.usage)

    def decode_stream(self, chunks: Iterable[bytes], content_type: str | None = None) -> Iterator[Event]:
        return _stream.decode_stream(self.stream_decoder(content_type), chunks)

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return _refusal.decode_error(status, headers, body, self.provider)
