"""A streamed answer, decoded, and events said that way: ``token`` events, then ``result`` with the whole once more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from modelmux._fold import Folder
from modelmux._http import SSE, sse
from modelmux._json import dumps
from modelmux.types import (
    Event,
    Finish,
    PartEvent,
    Reasoning,
    ReasoningDelta,
    Response,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
)
from modelmux.wire._calls import arguments_text
from modelmux.wire._either import StreamOrWhole
from modelmux.wire._kept import word
from modelmux.wire._refusal import parse_frame
from modelmux.wire.clova_chat_v3.response import decode_response, extra_of, parts_of, result_of
from modelmux.wire.clova_chat_v3.vocabulary import MINE, failed, finish_of, in_band, word_of

_THINKING, _TEXT, _CALLS = 0, 1, 2
"""Parts are numbered as in a whole answer: thinking, text, calls."""


class ChatStream(StreamOrWhole):
    """See :class:`~modelmux.wire._stream.StreamDecoder`. ``result`` is the proper end; what its message repeats of
    the tokens before it is not said again.
    """

    unended = "the stream ended without its result"

    def __init__(self, provider: str, usage: str) -> None:
        super().__init__(provider, usage)
        self._started = False
        self._said: set[int] = set()

    def whole(self, body: bytes) -> Response:
        return decode_response(body, self._provider, self._reader)

    def frame(self, frame: SSE, out: list[Event]) -> None:
        if self._over or frame.event == "signal" or frame.data[:6] == b"[DONE]":
            return
        body = parse_frame(frame.data, self._provider)
        if body is None:
            return
        if failed(body) or frame.event == "error":
            raise in_band(body, self._provider)
        message = body.get("message")
        if not isinstance(message, dict):
            return
        if not self._started:
            self._started = True
            created = body.get("created")
            out.append(Start(created=created if type(created) is int else None))
        if frame.event == "result":
            self._finish(body, message, out)
            return
        thinking, text = word(message.get("thinkingContent")), word(message.get("content"))
        if thinking:
            self._said.add(_THINKING)
            out.append(ReasoningDelta(thinking, _THINKING))
        if text:
            self._said.add(_TEXT)
            out.append(TextDelta(text, _TEXT))

    def _finish(self, body: dict[str, Any], message: dict[str, Any], out: list[Event]) -> None:
        self._over = True
        calls = 0
        for part in parts_of(message):
            if isinstance(part, ToolCall):
                text = arguments_text(part)
                out.append(ToolCallDelta(calls, part.id, part.name, text, _CALLS + calls))
                if part.extra:
                    out.append(PartEvent(ToolCall(part.id, part.name, extra=part.extra), _CALLS + calls))
                calls += 1
            elif isinstance(part, Text) and _TEXT not in self._said:
                out.append(TextDelta(part.text, _TEXT))
            elif isinstance(part, Reasoning) and _THINKING not in self._said:
                out.append(ReasoningDelta(part.text, _THINKING))
        self._tell_usage({"result": body}, out)
        reason, raw = finish_of(body.get("finishReason"), called=calls > 0)
        out.append(Finish(reason, raw, response_extra=MINE.keep(extra_of(body))))


def encode_stream(events: Iterable[Event]) -> Iterator[bytes]:
    """A ``token`` event for every piece of text or thinking, and the ``result`` at the end."""
    folder = Folder()
    head: dict[str, Any] = {}
    for event in events:
        if getattr(event, "choice", 0) != 0:
            continue
        folder.feed(event)
        if isinstance(event, Start) and event.created is not None:
            head = {"created": event.created}
        message: dict[str, Any] = {"role": "assistant", "content": "", "thinkingContent": ""}
        if isinstance(event, TextDelta) and event.text:
            yield sse(dumps({**head, "message": {**message, "content": event.text}, "finishReason": None}), "token")
        elif isinstance(event, ReasoningDelta) and event.text:
            said = {**message, "thinkingContent": event.text}
            yield sse(dumps({**head, "message": said, "finishReason": None}), "token")
        elif isinstance(event, PartEvent) and isinstance(event.value, Text | Reasoning) and event.value.text:
            name = "content" if isinstance(event.value, Text) else "thinkingContent"
            said = {**message, name: event.value.text}
            yield sse(dumps({**head, "message": said, "finishReason": None}), "token")
        elif isinstance(event, Finish):
            whole = folder.response()
            result = result_of(whole.content, word_of(event.reason, event.raw), whole.usage)
            yield sse(dumps({**head, **MINE.fields(whole.extra), **result}), "result")
            yield sse(b'{"data":"[DONE]"}', "signal")
