"""Events as the streamed form of the Messages API: ``message_start``, blocks, ``message_delta``, ``message_stop``.

A block's start is held back until its first delta, because a part's unknown fields, which belong into the start,
follow the event that opens it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from modelmux import _json
from modelmux._http import sse
from modelmux.types import (
    NO_USAGE,
    Event,
    Finish,
    Media,
    Part,
    PartEvent,
    Reasoning,
    ReasoningDelta,
    Refusal,
    Restarted,
    ServerToolCall,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
    UsageEvent,
)
from modelmux.wire._each_loss import Losses
from modelmux.wire._kept import put_back
from modelmux.wire.anthropic_messages.parts_out import Block, PartEncoder, citations
from modelmux.wire.anthropic_messages.usage import encode_usage
from modelmux.wire.anthropic_messages.vocabulary import own, stop_reason_of

_EMPTY: dict[str, Block] = {
    "text": {"type": "text", "text": ""},
    "thinking": {"type": "thinking", "thinking": "", "signature": ""},
    "tool_use": {"type": "tool_use", "id": "", "name": "", "input": {}},
}


def encode_stream(events: Iterable[Event], reader: str) -> Iterator[bytes]:
    """Server-sent events, one item of bytes per event of ours that says anything."""
    encoder = StreamEncoder(reader)
    for event in events:
        data = encoder.feed(event)
        if data:
            yield data
    yield encoder.close()


class StreamEncoder:
    """The same, event by event."""

    def __init__(self, reader: str) -> None:
        self._writer = _Writer(reader)

    def feed(self, event: Event) -> bytes:
        handle = _HANDLERS.get(type(event))
        if handle is None:
            return b""
        handle(self._writer, event)
        return self._writer.take() if self._writer.out else b""

    def close(self) -> bytes:
        self._writer.finish()
        return self._writer.take()


class _Writer:
    """The state of one stream going out: what was opened, what is open, what is held back."""

    def __init__(self, reader: str) -> None:
        self.out: list[bytes] = []
        self._reader = reader
        self._parts = PartEncoder(Losses(), reply=True)
        self._start: Start | None = None
        self._begun = False
        self._usage: Usage = NO_USAGE
        self._finish: Finish | None = None
        self._told: dict[str, Any] = {}
        self._indexes: dict[int, int] = {}
        self._open: int | None = None
        self._held: Block | None = None

    def take(self) -> bytes:
        data = b"".join(self.out)
        self.out = []
        return data

    def _write(self, kind: str, **fields: Any) -> None:
        self.out.append(sse(_json.dumps({"type": kind, **fields}), kind))

    # --- blocks ----------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._begun:
            return
        self._begun = True
        start = self._start or Start()
        message: dict[str, Any] = {
            "id": start.id or "",
            "type": "message",
            "role": "assistant",
            "model": start.model or "",
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": encode_usage(self._usage, start.service_tier, self._reader, start.model),
        }
        self._write("message_start", message=put_back(message, own(start.extra)))

    def _block(self, part: int, form: Block) -> int:
        """The index of the part's block, which is opened (and the one before it closed) if it is new."""
        index = self._indexes.get(part)
        if index is None:
            self._begin()
            self._close()
            index = self._indexes[part] = len(self._indexes)
            self._open, self._held = index, form
        return index

    def _flush(self) -> None:
        if self._held is not None:
            self._write("content_block_start", index=self._open, content_block=self._held)
            self._held = None

    def _delta(self, index: int, kind: str, field: str, value: Any) -> None:
        # A delta for a block that is closed already still names its index: clients collect by it.
        self._flush()
        self._write("content_block_delta", index=index, delta={"type": kind, field: value})

    def _close(self) -> None:
        if self._open is not None:
            self._flush()
            self._write("content_block_stop", index=self._open)
            self._open = None

    # --- events ----------------------------------------------------------------------------------------------

    def started(self, event: Start) -> None:
        self._start = event

    def restarted(self, event: Restarted) -> None:
        """This format cannot take back what was sent; an exchange does not restart such a stream."""

    def used(self, event: UsageEvent) -> None:
        self._usage = event.usage

    def finished(self, event: Finish) -> None:
        self._told.update(own(event.response_extra))
        if event.choice == 0:
            self._finish = event

    def text(self, event: TextDelta) -> None:
        if event.choice == 0:
            index = self._block(event.part, dict(_EMPTY["text"]))
            if event.text:
                self._delta(index, "text_delta", "text", event.text)

    def reasoning(self, event: ReasoningDelta) -> None:
        if event.choice != 0:
            return
        if event.redacted is not None:
            self._block(event.part, {"type": "redacted_thinking", "data": event.redacted})
            return
        index = self._block(event.part, dict(_EMPTY["thinking"]))
        if event.text:
            self._delta(index, "thinking_delta", "thinking", event.text)
        if event.signature:
            self._delta(index, "signature_delta", "signature", event.signature)

    def tool_call(self, event: ToolCallDelta) -> None:
        if event.choice != 0:
            return
        index = self._block(event.part, {**_EMPTY["tool_use"], "id": event.id or "", "name": event.name or ""})
        if self._held is not None and self._open == index:
            # Some vendors send the name after the id.
            self._held["id"] = event.id or self._held["id"]
            self._held["name"] = event.name or self._held["name"]
        if event.arguments:
            self._delta(index, "input_json_delta", "partial_json", event.arguments)

    def part(self, event: PartEvent) -> None:
        if event.choice != 0 or isinstance(event.value, Media):
            return
        if event.part in self._indexes:
            self._add(self._indexes[event.part], event.value)
            return
        whole = self._parts.encode(event.value)
        if whole is None:
            return
        form, deltas = _split(event.value, whole)
        index = self._block(event.part, form)
        for kind, field, value in deltas:
            self._delta(index, kind, field, value)

    def _add(self, index: int, part: Part) -> None:
        """What came later for a block that exists."""
        if self._held is not None and self._open == index:
            put_back(self._held, own(getattr(part, "extra", {})))
        if isinstance(part, (Text, Refusal)) and part.text:
            self._delta(index, "text_delta", "text", part.text)
        if isinstance(part, Text):
            for raw in citations(part):
                self._delta(index, "citations_delta", "citation", raw)
        if isinstance(part, Reasoning):
            if part.text:
                self._delta(index, "thinking_delta", "thinking", part.text)
            if part.signature:
                self._delta(index, "signature_delta", "signature", part.signature)

    def finish(self) -> None:
        """The end, once no event is left. Without a finish the message is left without its end too: it is not whole."""
        finish = self._finish
        if finish is None:
            self._flush()
            return
        self._begin()
        self._close()
        start = self._start or Start()
        delta: dict[str, Any] = {
            "stop_reason": stop_reason_of(finish.reason, finish.raw),
            "stop_sequence": None,
            **own(finish.extra),
        }
        started = own(start.extra)
        beside = {key: value for key, value in self._told.items() if started.get(key) != value}
        if "container" in beside:
            delta["container"] = beside.pop("container")
        usage = encode_usage(self._usage, start.service_tier, self._reader, start.model)
        self._write("message_delta", delta=delta, usage=usage, **beside)
        self._write("message_stop")


def _split(part: Part, whole: Block) -> tuple[Block, list[tuple[str, str, Any]]]:
    """A whole block as the start and the deltas by which the vendor would send it."""
    if isinstance(part, (Text, Refusal)):
        cited = whole.pop("citations", [])
        deltas = [("text_delta", "text", whole["text"])] if whole["text"] else []
        deltas += [("citations_delta", "citation", raw) for raw in cited]
        return {**whole, "text": ""}, deltas
    if isinstance(part, Reasoning) and whole["type"] == "thinking":
        deltas = [("thinking_delta", "thinking", whole["thinking"])] if whole["thinking"] else []
        deltas += [("signature_delta", "signature", whole["signature"])] if whole["signature"] else []
        return {**whole, "thinking": "", "signature": ""}, deltas
    if isinstance(part, ToolCall):
        text = part.raw if part.raw is not None else _json.dumps_str(part.arguments)
        return {**whole, "input": {}}, [("input_json_delta", "partial_json", text)]
    if isinstance(part, ServerToolCall):
        given = whole["input"]
        return {**whole, "input": {}}, [("input_json_delta", "partial_json", _json.dumps_str(given))]
    return whole, []


_HANDLERS: dict[type, Callable[[_Writer, Any], None]] = {
    Start: _Writer.started,
    TextDelta: _Writer.text,
    ReasoningDelta: _Writer.reasoning,
    ToolCallDelta: _Writer.tool_call,
    PartEvent: _Writer.part,
    UsageEvent: _Writer.used,
    Finish: _Writer.finished,
    Restarted: _Writer.restarted,
}
