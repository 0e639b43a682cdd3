"""Streams of messages with what has come so far: ``text_stream``, ``get_final_message()`` and typed events."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, ClassVar, Self

from modelmux._dropin.absent import not_given
from modelmux._dropin.transport import Got
from modelmux.anthropic.lib.streaming._accumulate import Accumulator


class _Base:
    _beta: ClassVar[bool] = False

    def __init__(self, raw_stream: Any, output_format: Any = not_given) -> None:
        self._raw_stream = raw_stream
        given = getattr(raw_stream, "_given", None)
        betas = given.asked.headers.get("anthropic-beta", "") if isinstance(given, Got) else ""
        self._message = Accumulator(beta=self._beta, output_format=output_format, betas=betas)
        self.text_stream = self.__stream_text__()
        self._iterator = self.__stream__()

    def __class_getitem__(cls, item: object) -> Any:
        return cls

    def __stream__(self) -> Any:
        """The events, one after the other."""

    def __stream_text__(self) -> Any:
        """The pieces of text, one after the other."""

    @property
    def response(self) -> Any:
        """The HTTP response."""
        return self._raw_stream.response

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
        assert self._message.snapshot is not None
        return self._message.snapshot

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


class MessageStream(_Base):
    """A message as it comes. Iterate over its events, or over ``text_stream``."""

    def __next__(self) -> Any:
        return self._iterator.__next__()

    def __iter__(self) -> Iterator[Any]:
        yield from self._iterator

    def __stream__(self) -> Iterator[Any]:
        take = self._message.take
        for event in self._raw_stream:
            yield from take(event)

    def __stream_text__(self) -> Iterator[str]:
        for event in self:
            piece = _piece(event)
            if piece is not None:
                yield piece

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the connection."""
        self._raw_stream.close()

    def until_done(self) -> None:
        """Read to the end."""
        for _ in self:
            pass

    def get_final_message(self) -> Any:
        """The whole message, once it is there."""
        self.until_done()
        return self.current_message_snapshot

    def get_final_text(self) -> str:
        """All text of the message. Raises RuntimeError when it has none."""
        self.until_done()
        return self._text()


class AsyncMessageStream(_Base):
    """:class:`MessageStream`, async."""

    async def __anext__(self) -> Any:
        return await self._iterator.__anext__()

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for event in self._iterator:
            yield event

    async def __stream__(self) -> AsyncIterator[Any]:
        take = self._message.take
        async for event in self._raw_stream:
            for item in take(event):
                yield item

    async def __stream_text__(self) -> AsyncIterator[str]:
        async for event in self:
            piece = _piece(event)
            if piece is not None:
                yield piece

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Release the connection."""
        await self._raw_stream.close()

    async def until_done(self) -> None:
        """Read to the end."""
        async for _ in self:
            pass

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


class MessageStreamManager:
    """What ``messages.stream()`` gives: asks when it is entered, closes when it is left."""

    _kind: ClassVar[type] = MessageStream

    def __init__(self, api_request: Any, *, output_format: Any = not_given) -> None:
        self._ask, self._output = api_request, output_format
        self._stream: Any = None

    def __class_getitem__(cls, item: object) -> Any:
        return cls

    def __enter__(self) -> Any:
        self._stream = self._kind(self._ask(), output_format=self._output)
        return self._stream

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.close()


class AsyncMessageStreamManager:
    """:class:`MessageStreamManager`, async."""

    _kind: ClassVar[type] = AsyncMessageStream

    def __init__(self, api_request: Any, *, output_format: Any = not_given) -> None:
        self._ask, self._output = api_request, output_format
        self._stream: Any = None

    def __class_getitem__(cls, item: object) -> Any:
        return cls

    async def __aenter__(self) -> Any:
        asking = self._ask if inspect.isawaitable(self._ask) else self._ask()
        self._stream = self._kind(await asking, output_format=self._output)
        return self._stream

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            await self._stream.close()


class BetaMessageStreamManager(MessageStreamManager):
    """What ``beta.messages.stream()`` gives."""

    _kind = BetaMessageStream


class BetaAsyncMessageStreamManager(AsyncMessageStreamManager):
    """:class:`BetaMessageStreamManager`, async."""

    _kind = BetaAsyncMessageStream
