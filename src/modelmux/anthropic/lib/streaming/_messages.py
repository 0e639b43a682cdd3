"""Streams of messages with what has come so far: ``text_stream``, ``get_final_message()`` and typed events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar

from modelmux._dropin.absent import not_given
from modelmux._dropin.folded import AsyncEventStream, AsyncStreamManager, EventStream, StreamManager
from modelmux._dropin.transport import Got
from modelmux.anthropic.lib.streaming._accumulate import Accumulator


class _Message:
    """What streams of both kinds know of their message."""

    _beta: ClassVar[bool] = False
    _raw_stream: Any
    _state: Accumulator
    response: Any

    def __init__(self, raw_stream: Any, output_format: Any = not_given) -> None:
        given = getattr(raw_stream, "_given", None)
        betas = given.asked.headers.get("anthropic-beta", "") if isinstance(given, Got) else ""
        state = Accumulator(beta=self._beta, output_format=output_format, betas=betas)
        super().__init__(raw_stream, state)  # type: ignore[call-arg]  # of the stream that this is mixed into
        self.text_stream = self.__stream_text__()

    def __class_getitem__(cls, item: object) -> Any:
        return cls

    def __stream_text__(self) -> Any:
        """The pieces of text, one after the other."""

    def _header(self, name: str) -> str | None:
        given = getattr(self._raw_stream, "_given", None)
        headers = given.headers if isinstance(given, Got) else self.response.headers
        found: str | None = headers.get(name)
        return found

    @property
    def request_id(self) -> str | None:
        return self._header("request-id")

    @property
    def workspace_id(self) -> str | None:
        return self._header("anthropic-workspace-id")

    @property
    def current_message_snapshot(self) -> Any:
        """The message as far as it has come. Raises AssertionError before it has begun."""
        assert self._state.snapshot is not None
        return self._state.snapshot

    def _text(self) -> str:
        content = self.current_message_snapshot.content
        texts = [block.text for block in content if block.type == "text"]
        if not texts:
            kinds = ",".join(block.type for block in content)
            raise RuntimeError(
                f".get_final_text() can only be called when the API returns a `text` content block, not {kinds}: "
                "see get_final_message().content"
            )
        return "".join(texts)


def _piece(event: Any) -> str | None:
    """The text that an event brings."""
    if getattr(event, "type", None) == "text":
        piece: str | None = event.text
        return piece
    return None


class MessageStream(_Message, EventStream):
    """A message as it comes. Iterate over its events, or over ``text_stream``."""

    def __stream_text__(self) -> Iterator[str]:
        for event in self:
            piece = _piece(event)
            if piece is not None:
                yield piece

    def get_final_message(self) -> Any:
        """The whole message, once it is there."""
        self.until_done()
        return self.current_message_snapshot

    def get_final_text(self) -> str:
        """All text of the message. Raises RuntimeError when it has none."""
        self.until_done()
        return self._text()


class AsyncMessageStream(_Message, AsyncEventStream):
    """:class:`MessageStream`, async."""

    async def __stream_text__(self) -> AsyncIterator[str]:
        async for event in self:
            piece = _piece(event)
            if piece is not None:
                yield piece

    async def get_final_message(self) -> Any:
        """The whole message, once it is there."""
        await self.until_done()
        return self.current_message_snapshot

    async def get_final_text(self) -> str:
        """All text of the message. Raises RuntimeError when it has none."""
        await self.until_done()
        return self._text()


class BetaMessageStream(MessageStream):
    """A message of ``beta.messages`` as it comes."""

    _beta = True


class BetaAsyncMessageStream(AsyncMessageStream):
    """:class:`BetaMessageStream`, async."""

    _beta = True


class MessageStreamManager(StreamManager):
    """What ``messages.stream()`` gives."""

    _stream_class = MessageStream


class AsyncMessageStreamManager(AsyncStreamManager):
    """:class:`MessageStreamManager`, async."""

    _stream_class = AsyncMessageStream


class BetaMessageStreamManager(MessageStreamManager):
    """What ``beta.messages.stream()`` gives."""

    _stream_class = BetaMessageStream


class BetaAsyncMessageStreamManager(AsyncMessageStreamManager):
    """:class:`BetaMessageStreamManager`, async."""

    _stream_class = BetaAsyncMessageStream
