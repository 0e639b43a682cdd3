"""A streamed answer, decoded: one JSON object a line, the last one with ``done: true``; and events said that way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from modelmux._fold import unfold
from modelmux._http import NDJSONDecoder
from modelmux._json import dumps, dumps_str, parse_arguments
from modelmux.types import (
    NO_USAGE,
    Event,
    Finish,
    Part,
    PartEvent,
    Reasoning,
    ReasoningDelta,
    Refusal,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    UsageEvent,
)
from modelmux.wire._calls import arguments_text
from modelmux.wire._kept import items, present, word
from modelmux.wire._logprobs import logprobs_of
from modelmux.wire._refusal import in_band, parse_frame
from modelmux.wire._stream import AnswerStream
from modelmux.wire._times import seconds, time_of
from modelmux.wire.ollama_chat.response import (
    MESSAGE,
    decode_response,
    extra_of,
    logprobs_json,
    message_of,
    usage_json,
)
from modelmux.wire.ollama_chat.vocabulary import MINE, answered_call, finish_of, word_of

_THINKING, _TEXT, _CALLS = 0, 1, 2
"""Parts are numbered as in a whole answer: thinking, text, calls."""


class ChatStream(AnswerStream):
    """See :class:`~modelmux.wire._stream.StreamDecoder`. A line with ``done: true`` is the proper end."""

    framing = NDJSONDecoder
    unended = "the stream ended without a line that says it is done"

    def __init__(self, provider: str, usage: str) -> None:
        super().__init__(provider, usage)
        self._started = False
        self._when: Any = None
        self._calls = 0
        self._message: dict[str, Any] = {}

    def frame(self, frame: bytes, out: list[Event]) -> None:
        if self._over:
            return
        chunk = parse_frame(frame, self._provider)
        if chunk is None:
            return
        message = chunk.get("message")
        if chunk.get("error"):
            raise in_band(chunk, self._provider)
        if not self._started:
            if not isinstance(message, dict) and "choices" in chunk:
                out.extend(unfold(decode_response(chunk, self._provider, self._reader)))
                self._over = True
                return
            self._started = True
            self._when = chunk.get("created_at")
            extra = extra_of({"created_at": self._when})
            out.append(Start(None, word(chunk.get("model")), seconds(self._when), extra=MINE.keep(extra)))
        if isinstance(message, dict):
            tokens = logprobs_of(chunk["logprobs"]) if chunk.get("logprobs") else ()
            thinking, text = message.get("thinking"), message.get("content")
            if thinking and isinstance(thinking, str):
                out.append(ReasoningDelta(thinking, _THINKING))
            if tokens or (text and isinstance(text, str)):
                out.append(TextDelta(text if isinstance(text, str) else "", _TEXT, 0, tokens))
            if not message.keys() <= _PLAIN:
                self._more(message, out)
        if chunk.get("done") is True:
            self._finish(chunk, out)

    def _more(self, message: dict[str, Any], out: list[Event]) -> None:
        for item in items(message.get("tool_calls")):
            call = answered_call(item, self._calls, self._when)
            if call is not None:
                part = _CALLS + self._calls
                text = arguments_text(call)
                out.append(ToolCallDelta(self._calls, call.id, call.name, text, part))
                if call.extra:
                    out.append(PartEvent(ToolCall(call.id, call.name, extra=call.extra), part))
                self._calls += 1
        self._message.update(present({name: value for name, value in message.items() if name not in MESSAGE}))

    def _finish(self, chunk: dict[str, Any], out: list[Event]) -> None:
        self._over = True
        self._tell_usage(chunk, out)
        reason, raw = finish_of(chunk.get("done_reason"), called=self._calls > 0)
        top = extra_of(chunk)
        top.pop("created_at", None)
        extra = MINE.keep({"message": self._message} if self._message else {})
        out.append(Finish(reason, raw, 0, extra, MINE.keep(top)))


_PLAIN = frozenset({"role", "content", "thinking"})


# --- encoding ------------------------------------------------------------------------------------------------


def encode_stream(events: Iterable[Event]) -> Iterator[bytes]:
    """One line for every event that says anything. A call is said whole: its pieces are held back until it ends."""
    head: dict[str, Any] = {"model": ""}
    held: dict[int, ToolCall] = {}
    pieces: dict[int, list[str]] = {}
    told: dict[str, Any] = {}
    usage = NO_USAGE

    def line(message: dict[str, Any], **more: Any) -> bytes:
        return (
            dumps({**head, "message": {"role": "assistant", "content": "", **message}, "done": False, **more}) + b"\n"
        )

    for event in events:
        if getattr(event, "choice", 0) != 0:
            continue
        if isinstance(event, TextDelta):
            more = {"logprobs": logprobs_json(event.logprobs)} if event.logprobs else {}
            yield line({"content": event.text}, **more)
        elif isinstance(event, ReasoningDelta):
            if event.text:
                yield line({"thinking": event.text})
        elif isinstance(event, ToolCallDelta):
            known = held.get(event.part) or ToolCall("", "")
            held[event.part] = ToolCall(event.id or known.id, event.name or known.name, extra=known.extra)
            pieces.setdefault(event.part, []).append(event.arguments)
        elif isinstance(event, PartEvent):
            if isinstance(event.value, ToolCall):
                if event.part not in held:
                    pieces[event.part] = [event.value.raw or dumps_str(event.value.arguments)]
                known = held.get(event.part) or event.value
                held[event.part] = ToolCall(known.id, known.name, extra=event.value.extra)
            elif isinstance(event.value, Text | Reasoning | Refusal) and event.value.text:
                yield line(message_of((event.value,)))
        elif isinstance(event, UsageEvent):
            usage = event.usage
        elif isinstance(event, Start):
            told = MINE.fields(event.extra)
            when = told.pop("created_at", None if event.created is None else time_of(event.created))
            head = {"model": event.model or ""} if when is None else {"model": event.model or "", "created_at": when}
        elif isinstance(event, Finish):
            calls = [_whole(held[part], "".join(pieces[part])) for part in sorted(held)]
            message = {**MINE.fields(event.extra).get("message", {}), **(message_of(calls) if calls else {})}
            if message:
                yield line(message)
            told = {**told, **MINE.fields(event.response_extra)}
            yield line(
                {}, **{**told, "done": True, "done_reason": word_of(event.reason, event.raw)}, **usage_json(usage)
            )


def _whole(call: ToolCall, text: str) -> Part:
    arguments, raw = parse_arguments(text)
    return ToolCall(call.id, call.name, arguments, raw, extra=call.extra)
