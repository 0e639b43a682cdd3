"""A streamed answer, decoded: ``message-start``, blocks of content, a plan, calls, citations, ``message-end``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modelmux._http import SSE
from modelmux._json import dumps_str
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
from modelmux.wire._either import StreamOrWhole
from modelmux.wire._kept import items, present, word
from modelmux.wire._refusal import in_band, parse_frame
from modelmux.wire.cohere_chat_v2.response import as_answer, decode_response, place_of, present_block
from modelmux.wire.cohere_chat_v2.vocabulary import MINE, PLAN, citation_of, finish_of

_FIRST_CALL = 1_000_000
"""Parts are numbered as in a whole answer: the plan is 0, the content follows, then the calls."""

_TOP = frozenset({"id", "type", "index", "delta"})
_MESSAGE = frozenset({"role", "content", "tool_plan", "tool_calls", "citations"})


class ChatStream(StreamOrWhole):
    """See :class:`~modelmux.wire._stream.StreamDecoder`. ``message-end`` is the proper end."""

    unended = "the stream ended without message-end"

    def __init__(self, provider: str, usage: str) -> None:
        super().__init__(provider, usage)
        self._planned = False
        self._blocks: dict[int, dict[str, Any]] = {}
        self._calls: dict[int, _Call] = {}
        self._message: dict[str, Any] = {}
        self._top: dict[str, Any] = {}

    def whole(self, body: bytes) -> Response:
        return decode_response(body, self._provider, self._reader)

    def frame(self, frame: SSE, out: list[Event]) -> None:
        if self._over or frame.data[:6] == b"[DONE]":
            return
        event = parse_frame(frame.data, self._provider)
        if event is None:
            return
        kind = event.get("type")
        delta = event.get("delta")
        message = delta.get("message") if isinstance(delta, dict) else None
        if kind == "content-delta" and isinstance(message, dict):
            content = message.get("content")
            index = event.get("index")
            if isinstance(content, dict) and type(index) is int and index in self._blocks:
                text = content.get("text")
                if text and len(content) == 1 and isinstance(text, str):
                    out.append(TextDelta(text, index + 1))
                    return
        handle = _EVENTS.get(kind) if isinstance(kind, str) else None
        if handle is not None:
            index = event.get("index")
            message = message if isinstance(message, dict) else {}
            handle(self, _Event(event, message, index if type(index) is int else 0), out)
        elif kind is None or "error" in event or kind == "error" or frame.event == "error":
            raise in_band(event, self._provider)

    # --- events

    def _start(self, event: _Event, out: list[Event]) -> None:
        self._message = present({name: value for name, value in event.message.items() if name not in _MESSAGE})
        top = present({name: value for name, value in event.body.items() if name not in _TOP})
        out.append(Start(word(event.body.get("id")), extra=MINE.keep(top)))

    def _content(self, event: _Event, out: list[Event]) -> None:
        """The start of a block, or more of one."""
        content, index = event.message.get("content"), event.index
        if not isinstance(content, dict):
            return
        block = self._blocks.get(index)
        if block is None:
            block = self._blocks[index] = present_block(content)
            block.setdefault("type", "thinking" if "thinking" in content else "text")
            part = as_answer(block)
            if not isinstance(part, Text | Reasoning) or part.extra:
                out.append(PartEvent(part, index + 1))
                return
        text, thinking = content.get("text"), content.get("thinking")
        if isinstance(thinking, str) and thinking:
            out.append(ReasoningDelta(thinking, index + 1))
        if isinstance(text, str) and text:
            out.append(TextDelta(text, index + 1))

    def _plan(self, event: _Event, out: list[Event]) -> None:
        text = event.message.get("tool_plan")
        if not isinstance(text, str) or not text:
            return
        if self._planned:
            out.append(ReasoningDelta(text, 0))
        else:
            self._planned = True
            out.append(PartEvent(Reasoning(text, extra=PLAN), 0))

    def _call(self, event: _Event, out: list[Event]) -> None:
        for item in _each(event.message.get("tool_calls")):
            inner = item.get("function")
            inner = inner if isinstance(inner, dict) else {}
            call = self._calls.get(event.index)
            given = inner.get("arguments")
            text = given if isinstance(given, str) else dumps_str(given) if isinstance(given, dict) else ""
            if call is None:
                number = len(self._calls)
                call = self._calls[event.index] = _Call(number, word(item.get("id")) or f"call_{number}")
                name = word(inner.get("name")) or ""
                out.append(ToolCallDelta(number, call.id, name, text, _FIRST_CALL + number))
                rest = present({key: item[key] for key in item.keys() - {"id", "type", "function"}})
                more = present({key: inner[key] for key in inner.keys() - {"name", "arguments"}})
                if more:
                    rest["function"] = more
                if rest:
                    out.append(PartEvent(ToolCall(call.id, name, extra=MINE.keep(rest)), _FIRST_CALL + number))
            elif text:
                out.append(ToolCallDelta(call.number, None, None, text, _FIRST_CALL + call.number))

    def _citation(self, event: _Event, out: list[Event]) -> None:
        texts = sorted(number for number, block in self._blocks.items() if block.get("type") == "text")
        for item in _each(event.message.get("citations")):
            place = place_of(item, texts)
            if place is None:
                self._message.setdefault("citations", []).append(item)
            else:
                out.append(PartEvent(Text("", (citation_of(item),)), place + 1))

    def _end(self, event: _Event, out: list[Event]) -> None:
        delta = event.body.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        if delta.get("error"):
            raise in_band(delta, self._provider)
        self._over = True
        self._tell_usage({"usage": delta.get("usage")}, out)
        reason, raw = finish_of(delta.get("finish_reason"), called=bool(self._calls))
        top = present({name: value for name, value in event.body.items() if name not in _TOP})
        top.update(present({name: delta[name] for name in delta.keys() - {"finish_reason", "usage", "error"}}))
        extra = MINE.keep({"message": self._message} if self._message else {})
        out.append(Finish(reason, raw, extra=extra, response_extra=MINE.keep(top)))


@dataclass(slots=True)
class _Event:
    """An event's body, the message in its delta, and the number of the block or call it is about."""

    body: dict[str, Any]
    message: dict[str, Any]
    index: int


class _Call:
    __slots__ = ("id", "number")

    def __init__(self, number: int, call_id: str) -> None:
        self.number = number
        self.id = call_id


_EVENTS: dict[str, Callable[[ChatStream, _Event, list[Event]], None]] = {
    "message-start": ChatStream._start,
    "content-start": ChatStream._content,
    "content-delta": ChatStream._content,
    "tool-plan-delta": ChatStream._plan,
    "tool-call-start": ChatStream._call,
    "tool-call-delta": ChatStream._call,
    "citation-start": ChatStream._citation,
    "message-end": ChatStream._end,
}
"""The ends of blocks say nothing that their deltas did not."""


def _each(value: Any) -> list[dict[str, Any]]:
    """The one object, or the objects of a list."""
    return [item for item in ([value] if isinstance(value, dict) else items(value)) if isinstance(item, dict)]
