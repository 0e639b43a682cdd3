"""Streamed answers: each message of the event stream is a ``chunk`` that holds a piece in the family's own format.

The last chunk carries the runtime's own counters beside that piece.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from modelmux import _json
from modelmux._eventstream import EventFrames, EventMessage
from modelmux._http import SSE
from modelmux.errors import MalformedResponse, StreamTruncated
from modelmux.types import Event, Finish, Start, TextDelta, ToolCallDelta, UsageEvent
from modelmux.wire._calls import arguments_text
from modelmux.wire._stream import StreamDecoder
from modelmux.wire._usage import read_usage
from modelmux.wire.bedrock_invoke import answers
from modelmux.wire.bedrock_invoke.chat import as_openai
from modelmux.wire.bedrock_invoke.families import CHAT, CLAUDE, NOVA, finish_of

Delegate = Callable[[str], StreamDecoder]
"""A fresh decoder of another wire, by the family that speaks it."""

_NOVA_EVENTS = frozenset(
    {"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"}
)


class InvokeStream(StreamDecoder):
    framing = EventFrames

    def __init__(self, provider: str, reader: str, delegate: Delegate) -> None:
        super().__init__()
        self._provider, self._reader, self._delegate = provider, reader, delegate
        self._inner: StreamDecoder | None = None
        self._family: str | None = None
        self._texts = _Texts(provider, reader)
        self._counted = False

    def frame(self, frame: EventMessage, out: list[Event]) -> None:
        if frame.headers.get(":message-type", "event") != "event":
            self._delegate(NOVA).frame(frame, out)  # raises: all of Bedrock's streams have the same exceptions
            return
        piece = self._piece(frame)
        if piece is None:
            return
        value = self._parsed(piece)
        if self._family is None:
            self._family = self._which(value)
            if self._family in (CLAUDE, NOVA, CHAT):
                self._inner = self._delegate(self._family)
        if self._inner is None:
            self._texts.add(value, out)
            return
        if self._family == CHAT:
            said = as_openai(value, stream=True)
            piece = piece if said is value else _json.dumps(said)
        events: list[Event] = []
        try:
            self._inner.frame(EventMessage(piece) if self._family == NOVA else SSE(piece), events)
        finally:
            self._hand_over(events, value, out)

    def _hand_over(self, events: list[Event], value: dict[str, Any], out: list[Event]) -> None:
        """The events; before the last one the runtime's counters, where the family gave none of its own."""
        self._counted = self._counted or any(isinstance(event, UsageEvent) for event in events)
        if not self._counted and answers.METRICS in value:
            self._counted = True
            place = next((n for n, event in enumerate(events) if isinstance(event, Finish)), len(events))
            counted = read_usage(self._reader, {answers.METRICS: value[answers.METRICS]})
            events.insert(place, UsageEvent(counted))
        out.extend(events)

    def end(self, out: list[Event]) -> None:
        if self._inner is not None:
            self._inner.end(out)
        else:
            self._texts.end(out)

    def _piece(self, frame: EventMessage) -> bytes | None:
        """What a chunk holds, None for a message that holds nothing."""
        value = self._parsed(frame.payload)
        if ":event-type" not in frame.headers:
            value = value["chunk"] if isinstance(value.get("chunk"), dict) else value
        data = value.get("bytes")
        if data is None and ":event-type" in frame.headers:
            return None
        if data is None:  # an error, or a whole answer, in plain JSON
            self._delegate(NOVA).frame(frame, [])
            raise self._malformed("a message of the stream is no chunk", frame.payload)
        try:
            return base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError, TypeError):
            raise self._malformed("a chunk of the stream is not base64", frame.payload) from None

    def _parsed(self, data: bytes) -> dict[str, Any]:
        try:
            return _json.load_object(data)
        except ValueError:
            raise self._malformed("a chunk of the stream is no JSON object", data) from None

    def _which(self, value: dict[str, Any]) -> str:
        if isinstance(value.get("choices"), list):
            return CHAT
        if value.keys() & _NOVA_EVENTS:
            return NOVA
        if isinstance(value.get("type"), str) and "completion" not in value:
            return CLAUDE
        return "text"

    def _malformed(self, what: str, shown: bytes) -> MalformedResponse:
        return MalformedResponse(what, status=200, provider=self._provider, body=shown[:500].decode("utf-8", "replace"))


class _Texts:
    """Pieces of text, of one choice or several, until the reason of each is known."""

    def __init__(self, provider: str, reader: str) -> None:
        self._provider, self._reader = provider, reader
        self._family: str | None = None
        self._reasons: dict[int, str | None] = {}
        self._counted: dict[str, Any] = {}
        self._blocked = self._over = False

    def add(self, value: dict[str, Any], out: list[Event]) -> None:
        family = self._family = self._family or answers.family_of(value)
        if family is None:
            shown = _json.dumps_str(value)[:500]
            raise MalformedResponse("a chunk of no known family", status=200, provider=self._provider, body=shown)
        if not self._reasons:
            out.append(Start())
        self._counted.update(answers.counters(value))
        self._blocked = self._blocked or answers.blocked(value)
        last = value.get("is_finished") is True and "index" not in value
        for piece in answers.pieces(value, family):
            if last and self._reasons:
                break
            self._reasons[piece.choice] = piece.reason or self._reasons.get(piece.choice)
            if piece.text:
                out.append(TextDelta(piece.text, choice=piece.choice))
            for number, call in enumerate(piece.calls):
                text = arguments_text(call)
                out.append(ToolCallDelta(number, call.id, call.name, text, number + 1, piece.choice))
        if last:
            reason = value.get("finish_reason")
            said = reason if isinstance(reason, str) else None
            self._reasons = {number: held or said for number, held in self._reasons.items()}
        self._over = last or answers.METRICS in value or self._blocked

    def end(self, out: list[Event]) -> None:
        ended = self._over or all(self._reasons.values())
        if not self._reasons or not ended:
            raise StreamTruncated("the stream ended before the answer did", status=200, provider=self._provider)
        usage = answers.usage_of(self._counted, self._reader)
        if usage.reported:
            out.append(UsageEvent(usage))
        for number in sorted(self._reasons):
            finish, raw = finish_of(self._reasons[number], self._blocked)
            out.append(Finish(finish, raw, number))
