"""Streamed answers of the Messages API as events, push-style.

Blocks come one after another: ``content_block_start`` with its empty form, deltas, ``content_block_stop``. What a
canonical delta can say is handed over at once; what it cannot (server tools, compaction, blocks nobody knows) is
collected and handed over whole when the block stops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelmux import _json
from modelmux._fold import unfold
from modelmux._http import SSE
from modelmux.errors import StreamTruncated
from modelmux.types import (
    Event,
    Finish,
    PartEvent,
    Reasoning,
    ReasoningDelta,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    UsageEvent,
)
from modelmux.wire._refusal import malformed
from modelmux.wire._stream import StreamDecoder
from modelmux.wire._usage import read_usage
from modelmux.wire.anthropic_messages.error import in_band
from modelmux.wire.anthropic_messages.parts_in import decode_part
from modelmux.wire.anthropic_messages.response import (
    choice_extra,
    decode_response,
    response_extra,
    text_or_none,
    tier_of,
)
from modelmux.wire.anthropic_messages.vocabulary import finish_of

_FIELDS = (b"event:", b"data:", b"id:", b"retry:", b":", b"\xef\xbb\xbf")

_KEPT_HEAD = 64 * 1024 * 1024
"""Bytes kept of a body in which no event came: it may be a whole answer or an error in plain JSON."""


def _begins_like_events(body: bytes) -> bool:
    """A stream cut within its first event, in contrast to a body of another kind."""
    return any(body.startswith(field) or field.startswith(body) for field in _FIELDS)


class _Block:
    """One open content block: its number among all parts, its starting form, and the JSON text of its input."""

    __slots__ = ("call", "form", "input", "part", "said", "stopped", "whole")

    def __init__(self, part: int, form: dict[str, Any], call: int, whole: bool) -> None:
        self.part = part
        self.form = form
        self.call = call
        self.whole = whole
        self.input: list[str] = []
        self.said = self.stopped = False


class MessagesStream(StreamDecoder):
    """``message_start`` … ``message_stop``. A stream in which a stop reason came is whole even when its last event
    is missing, since the stop reason follows all content.
    """

    def __init__(self, provider: str, reader: str) -> None:
        super().__init__()
        self._provider, self._reader = provider, reader
        self._head: list[bytes] | None = []
        self._head_size = 0
        self._started = self._closing = False
        self._finish: Finish | None = None
        self._finished = False
        self._blocks: dict[int | None, _Block] = {}
        self._parts = self._offset = self._calls = 0
        self._usage: dict[str, Any] = {}
        self._model: str | None = None
        self._stop: dict[str, Any] = {}

    def feed(self, data: bytes) -> list[Event]:
        if self._head is not None and self._head_size < _KEPT_HEAD:
            self._head.append(data)
            self._head_size += len(data)
        return super().feed(data)

    def close(self) -> list[Event]:
        self._closing = True
        return super().close()

    def frame(self, frame: SSE, out: list[Event]) -> None:
        self._head = None
        try:
            event = _json.loads(frame.data)
        except ValueError:
            if frame.data.strip() == b"[DONE]":  # gateways that end every stream the same way
                return
            if self._closing:  # the connection was cut in the middle of an event
                return
            raise malformed("an event of the stream is not JSON", self._provider, frame.data) from None
        if not isinstance(event, dict):
            raise malformed("an event of the stream is no object", self._provider, frame.data)
        kind = event.get("type")
        handle = _EVENTS.get(kind if isinstance(kind, str) else frame.event)
        if handle is not None:
            handle(self, event, out)
        elif isinstance(event.get("error"), (dict, str)):
            self._error(event, out)

    def end(self, out: list[Event]) -> None:
        if self._finished:
            return
        if self._finish is not None:
            self._complete(out)
            return
        body = b"".join(self._head or ()).strip()
        if body and not _begins_like_events(body):
            self._whole_body(body, out)
            return
        raise StreamTruncated("the stream ended before the message did", status=200, provider=self._provider)

    def _whole_body(self, body: bytes, out: list[Event]) -> None:
        """No event came at all: some servers answer a stream request, or refuse it, with one JSON body."""
        out.extend(unfold(decode_response(body, self._provider, self._reader)))
        self._finished = True

    # --- events ----------------------------------------------------------------------------------------------

    def _message_start(self, event: dict[str, Any], out: list[Event]) -> None:
        message = event.get("message")
        if not isinstance(message, dict):
            raise malformed("message_start has no message", self._provider, _json.dumps_str(event))
        # A second message in one stream goes on where the first one ended.
        self._offset = self._parts
        self._blocks.clear()
        self._finish, self._finished, self._stop = None, False, {}
        usage = message.get("usage")
        if not self._started:
            self._started = True
            self._model = text_or_none(message.get("model"))
            out.append(
                Start(
                    text_or_none(message.get("id")),
                    self._model,
                    service_tier=tier_of(usage),
                    extra=response_extra(message),
                )
            )
        self._count(usage, out)
        content = message.get("content")
        for index, block in enumerate(content if isinstance(content, list) else ()):
            self._start_block(index, block, out)
            self._stop_block(index, out)
        if message.get("stop_reason") is not None:
            self._stopped(message, {})

    def _block_start(self, event: dict[str, Any], out: list[Event]) -> None:
        self._start_block(_index(event), event.get("content_block"), out)

    def _block_delta(self, event: dict[str, Any], out: list[Event]) -> None:
        index, delta = event.get("index"), event.get("delta")
        block = self._blocks.get(index) if index.__class__ is int else None
        if not isinstance(delta, dict):
            return
        kind = delta.get("type")
        if not isinstance(kind, str):
            kind = ""
        if block is None:
            # Its start was lost on the way, as some gateways do: what it was shows in its first delta.
            block = self._start_block(_index(event), dict(_FORMS.get(kind, {"type": "unknown"})), out)
        elif block.stopped and block.whole:
            return
        handle = None if block.whole and kind != "input_json_delta" else _DELTAS.get(kind)
        if handle is None:
            _absorb(block.form, delta)
        else:
            handle(self, block, delta, out)

    def _block_stop(self, event: dict[str, Any], out: list[Event]) -> None:
        self._stop_block(_index(event), out)

    def _message_delta(self, event: dict[str, Any], out: list[Event]) -> None:
        self._count(event.get("usage"), out)
        delta = event.get("delta")
        if isinstance(delta, dict):
            self._stopped(delta, event)

    def _message_stop(self, _: dict[str, Any], out: list[Event]) -> None:
        self._complete(out)

    def _error(self, event: dict[str, Any], _: list[Event]) -> None:
        raise in_band(event, self._provider)

    # --- blocks ----------------------------------------------------------------------------------------------

    def _start_block(self, index: int | None, form: Any, out: list[Event]) -> _Block:
        if not isinstance(form, dict):
            form = {"type": "unknown", "value": form}
        number = self._parts if index is None else self._offset + index
        kind = form.get("type")
        begin = _STARTS.get(kind) if isinstance(kind, str) else None
        block = self._blocks[index] = _Block(number, form, self._calls, begin is None)
        self._parts = max(self._parts, number + 1)
        if begin is not None:
            begin(self, block, out)
        return block

    def _stop_block(self, index: int | None, out: list[Event]) -> None:
        block = self._blocks.get(index)
        if block is None or block.stopped:
            return
        # It stays known: gateways that mix the pieces of parallel calls send more of it later.
        block.stopped = True
        form = block.form
        if block.whole:
            text = "".join(block.input)
            if text.strip():
                arguments, raw = _json.parse_arguments(text)
                form = {**form, "input": arguments if arguments or raw is None or raw.strip() == "{}" else raw}
            out.append(PartEvent(decode_part(form, reply=True), block.part))
        elif form["type"] == "tool_use":
            if not block.said and form.get("input"):
                out.append(ToolCallDelta(block.call, arguments=_json.dumps_str(form["input"]), part=block.part))
        elif not block.said and form["type"] == "text":
            out.append(TextDelta("", block.part))

    def _begin_text(self, block: _Block, out: list[Event]) -> None:
        first = decode_part(block.form, reply=True)
        if not isinstance(first, Text):
            block.whole = True
        elif first.citations or first.extra:
            block.said = True
            out.append(PartEvent(first, block.part))
        elif first.text:
            block.said = True
            out.append(TextDelta(first.text, block.part))

    def _begin_thinking(self, block: _Block, out: list[Event]) -> None:
        first = decode_part(block.form, reply=True)
        if not isinstance(first, Reasoning):
            block.whole = True
            return
        # Says whose signature is going to follow, even when none does.
        out.append(PartEvent(first, block.part))

    def _begin_tool(self, block: _Block, out: list[Event]) -> None:
        first = decode_part({**block.form, "input": {}}, reply=True)
        if not isinstance(first, ToolCall):
            block.whole = True
            return
        self._calls += 1
        out.append(ToolCallDelta(block.call, first.id, first.name, part=block.part))
        if first.extra:
            out.append(PartEvent(ToolCall("", "", extra=first.extra), block.part))

    def _text(self, block: _Block, delta: dict[str, Any], out: list[Event]) -> None:
        text = delta.get("text")
        if isinstance(text, str):
            block.said = True
            out.append(TextDelta(text, block.part))

    def _thinking(self, block: _Block, delta: dict[str, Any], out: list[Event]) -> None:
        text = delta.get("thinking")
        if isinstance(text, str):
            out.append(ReasoningDelta(text, block.part))

    def _signature(self, block: _Block, delta: dict[str, Any], out: list[Event]) -> None:
        signature = delta.get("signature")
        if isinstance(signature, str) and signature:
            out.append(ReasoningDelta(part=block.part, signature=signature))

    def _input_json(self, block: _Block, delta: dict[str, Any], out: list[Event]) -> None:
        text = delta.get("partial_json")
        if not isinstance(text, str) or not text:
            return
        if block.whole:
            block.input.append(text)
        else:
            block.said = True
            out.append(ToolCallDelta(block.call, arguments=text, part=block.part))

    def _citation(self, block: _Block, delta: dict[str, Any], out: list[Event]) -> None:
        block.said = True
        out.append(
            PartEvent(decode_part({"type": "text", "text": "", "citations": [delta.get("citation")]}), block.part)
        )

    # --- the message -----------------------------------------------------------------------------------------

    def _count(self, usage: Any, out: list[Event]) -> None:
        if not isinstance(usage, dict):
            return
        # Counters are cumulative; a later value wins, one that is left out stays.
        self._usage.update((key, value) for key, value in usage.items() if value is not None)
        out.append(UsageEvent(read_usage(self._reader, {"usage": dict(self._usage), "model": self._model})))

    def _stopped(self, delta: dict[str, Any], event: dict[str, Any]) -> None:
        stop = delta.get("stop_reason")
        self._stop.update((key, value) for key, value in delta.items() if value is not None)
        if stop is None and self._finish is None:
            return
        reason, raw = finish_of(self._stop.get("stop_reason"))
        self._stop.update(
            (key, value) for key, value in event.items() if key not in ("type", "delta", "usage") and value is not None
        )
        self._finish = Finish(reason, raw, extra=choice_extra(self._stop), response_extra=response_extra(self._stop))

    def _complete(self, out: list[Event]) -> None:
        for index in list(self._blocks):
            self._stop_block(index, out)
        if self._finished:
            return
        if self._finish is None and not self._started:
            raise malformed("message_stop before any message", self._provider)
        self._finished = True
        out.append(self._finish or Finish("stop"))


_Handle = Callable[[MessagesStream, dict[str, Any], list[Event]], None]
_Begin = Callable[[MessagesStream, _Block, list[Event]], None]
_Delta = Callable[[MessagesStream, _Block, dict[str, Any], list[Event]], None]

_EVENTS: dict[str, _Handle] = {
    "message_start": MessagesStream._message_start,
    "content_block_start": MessagesStream._block_start,
    "content_block_delta": MessagesStream._block_delta,
    "content_block_stop": MessagesStream._block_stop,
    "message_delta": MessagesStream._message_delta,
    "message_stop": MessagesStream._message_stop,
    "error": MessagesStream._error,
}

_STARTS: dict[str, _Begin] = {
    "text": MessagesStream._begin_text,
    "thinking": MessagesStream._begin_thinking,
    "tool_use": MessagesStream._begin_tool,
}

_DELTAS: dict[str, _Delta] = {
    "text_delta": MessagesStream._text,
    "thinking_delta": MessagesStream._thinking,
    "signature_delta": MessagesStream._signature,
    "input_json_delta": MessagesStream._input_json,
    "citations_delta": MessagesStream._citation,
}

_FORMS: dict[str, dict[str, Any]] = {
    "text_delta": {"type": "text", "text": ""},
    "thinking_delta": {"type": "thinking", "thinking": "", "signature": ""},
    "signature_delta": {"type": "thinking", "thinking": "", "signature": ""},
    "citations_delta": {"type": "text", "text": ""},
}


def _index(event: dict[str, Any]) -> int | None:
    index = event.get("index")
    return index if index.__class__ is int else None


def _absorb(form: dict[str, Any], delta: dict[str, Any]) -> None:
    """A delta of a kind nobody knows: text is appended, anything else replaces."""
    for key, value in delta.items():
        if key == "type":
            continue
        held = form.get(key)
        if isinstance(value, str) and isinstance(held, str):
            form[key] = held + value
        elif value is not None or key not in form:
            form[key] = value
