"""The push decoder every wire's stream decoder builds on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from modelmux._http import FrameTooLong, SSEDecoder
from modelmux.errors import MalformedResponse, ProviderError, StreamTruncated
from modelmux.types import Event, UsageEvent
from modelmux.wire._usage import read_usage


class StreamDecoder(ABC):
    """Bytes in, events out, for one streamed answer.

    A wire implements :meth:`frame` (one whole frame) and :meth:`end` (the body is over: the last events, or
    StreamTruncated when the wire's proper end never came). Both append to ``out``.

    An error inside the stream is kept until the events before it were handed over: :attr:`error` shows it at once,
    the next :meth:`feed` or :meth:`close` raises it. So any split of the bytes gives the same events, then the same
    error.
    """

    framing: ClassVar[Any] = SSEDecoder

    def __init__(self) -> None:
        self._frames: Any = self.framing()
        self.error: ProviderError | None = None

    @property
    def ending(self) -> bool:
        """Whether the answer is complete and only its end is awaited, where no event says so: some formats close with
        the body, others with an event of their own.
        """
        return False

    def only_text(self, data: bytes) -> bool:  # noqa: ARG002  # most formats have to be decoded to tell
        """Whether a read is whole frames that say more text and nothing else, so that those who hand bytes on need not
        decode it. No where that is not plain to see.
        """
        return False

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete. Raises the error found by an earlier call, if any."""
        if self.error is not None:
            raise self.error
        out: list[Event] = []
        try:
            for frame in self._frames.feed(data):
                self.frame(frame, out)
        except ProviderError as error:
            self.error = error
        except FrameTooLong as error:
            self.error = MalformedResponse(str(error))
        return out

    def close(self) -> list[Event]:
        """The last events. Raises StreamTruncated when the stream has no proper end, or an earlier error."""
        if self.error is not None:
            raise self.error
        out: list[Event] = []
        try:
            for frame in self._frames.close():
                self._unended(frame, out)
            self.end(out)
        except ProviderError as error:
            if not out:
                raise
            self.error = error
        return out

    def _unended(self, frame: Any, out: list[Event]) -> None:
        """A frame that the body's end closed. What is nonsense in it is what the break left of it."""
        try:
            self.frame(frame, out)
        except MalformedResponse as error:
            said = f"the stream broke off inside an event: {error.message}"
            raise StreamTruncated(said, status=error.status, provider=error.provider, body=error.body) from None

    @abstractmethod
    def frame(self, frame: Any, out: list[Event]) -> None: ...

    @abstractmethod
    def end(self, out: list[Event]) -> None: ...


class AnswerStream(StreamDecoder):
    """A decoder that notes in ``_over`` that the answer's proper end has come. ``unended`` says that it has not."""

    unended: ClassVar[str]

    def __init__(self, provider: str, usage: str) -> None:
        super().__init__()
        self._provider = provider
        self._reader = usage
        self._over = False

    def end(self, out: list[Event]) -> None:  # noqa: ARG002  # some ends have something to say
        if not self._over:
            raise StreamTruncated(self.unended, provider=self._provider)

    def _tell_usage(self, body: Mapping[str, Any], out: list[Event]) -> None:
        """What ``body`` says of usage, if anything."""
        usage = read_usage(self._reader, body)
        if usage.reported:
            out.append(UsageEvent(usage))


def decode_stream(decoder: StreamDecoder, chunks: Iterable[bytes]) -> Iterator[Event]:
    """Drive a push decoder over a whole stream. Raises what the stream's end or an in-band error calls for."""
    for chunk in chunks:
        yield from decoder.feed(chunk)
        if decoder.error is not None:
            raise decoder.error
    yield from decoder.close()
    if decoder.error is not None:
        raise decoder.error
