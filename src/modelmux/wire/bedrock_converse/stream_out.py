"""Events in the streaming form of the Converse API: an AWS event stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from modelmux._eventstream import encode_event
from modelmux._json import dumps, dumps_str
from modelmux.types import (
    Event,
    Finish,
    PartEvent,
    Reasoning,
    ReasoningDelta,
    Refusal,
    Restarted,
    ServerToolCall,
    ServerToolResult,
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
from modelmux.wire.bedrock_converse.blocks_out import BlockEncoder
from modelmux.wire.bedrock_converse.usage import encode_usage
from modelmux.wire.bedrock_converse.vocabulary import own, stop_reason_of

Body = dict[str, Any]

_OF_STOP = "additionalModelResponseFields"


def encode_stream(events: Iterable[Event], reader: str) -> Iterator[bytes]:
    """Blocks are numbered by their canonical numbers. The first choice only: this API has one."""
    writer = _Writer(reader)
    for event in events:
        for kind, body in writer.event(event):
            yield encode_event(kind, dumps(body))
    for kind, body in writer.end():
        yield encode_event(kind, dumps(body))


class _Writer:
    def __init__(self, reader: str) -> None:
        self._reader = reader
        self._encoder = BlockEncoder(Losses(), reply=True)
        self._started = False
        self._open: int | None = None
        self._call: tuple[int, Body] | None = None
        """A tool call's start, held until it is known that no mark of it follows."""
        self._usage: Usage | None = None
        self._finish: Finish | None = None

    def event(self, event: Event) -> Iterator[tuple[str, Body]]:
        if getattr(event, "choice", 0) or isinstance(event, Restarted):
            return
        if not self._started:
            self._started = True
            yield "messageStart", {"role": "assistant"}
        if isinstance(event, Start):
            return
        if self._call is not None:
            part, start = self._call
            if isinstance(event, PartEvent) and isinstance(event.value, ToolCall) and not event.value.name:
                put_back(start["toolUse"], own(event.value.extra))
                return
            self._call = None
            yield from self._put(part, start, None)
        if isinstance(event, UsageEvent):
            self._usage = event.usage
        elif isinstance(event, Finish):
            self._finish = event
        else:
            if isinstance(event, ToolCallDelta) and (event.id is not None or event.name is not None):
                start = {"toolUse": {"toolUseId": event.id or "", "name": event.name or ""}}
                if not event.arguments:
                    self._call = event.part, start
                    return
                yield from self._put(event.part, start, None)
            for begin, delta in self._pieces(event):
                yield from self._put(event.part, begin, delta)

    def end(self) -> Iterator[tuple[str, Body]]:
        if self._finish is None:
            return
        yield from self._stop()
        metadata: Body = {"metrics": {"latencyMs": 0}, **own(self._finish.response_extra)}
        stop: Body = {"stopReason": stop_reason_of(self._finish.reason, self._finish.raw)}
        if _OF_STOP in metadata:
            stop[_OF_STOP] = metadata.pop(_OF_STOP)
        yield "messageStop", stop
        if self._usage is not None and self._usage.reported:
            metadata["usage"] = encode_usage(self._usage, self._reader)
        yield "metadata", metadata

    def _put(self, part: int, start: Body | None, delta: Body | None) -> Iterator[tuple[str, Body]]:
        if self._open != part:
            yield from self._stop()
            self._open = part
        if start is not None:
            yield "contentBlockStart", {"contentBlockIndex": part, "start": start}
        if delta is not None:
            yield "contentBlockDelta", {"contentBlockIndex": part, "delta": delta}

    def _stop(self) -> Iterator[tuple[str, Body]]:
        if self._open is not None:
            yield "contentBlockStop", {"contentBlockIndex": self._open}
            self._open = None

    def _pieces(self, event: Event) -> Iterator[tuple[Body | None, Body | None]]:
        """What starts a block, and deltas of it."""
        if isinstance(event, TextDelta):
            yield None, {"text": event.text}
        elif isinstance(event, ToolCallDelta):
            if event.arguments:
                yield None, {"toolUse": {"input": event.arguments}}
        elif isinstance(event, ReasoningDelta):
            yield from self._reasoning(event.text, event.signature, event.redacted)
        elif isinstance(event, PartEvent):
            yield from self._part(event.value)

    def _reasoning(self, text: str, signature: str | None, redacted: str | None) -> Iterator[tuple[None, Body]]:
        for key, value in (("text", text), ("signature", signature), ("redactedContent", redacted)):
            if value:
                yield None, {"reasoningContent": {key: value}}

    def _part(self, value: Any) -> Iterator[tuple[Body | None, Body | None]]:
        if isinstance(value, (Text, Refusal)):
            if value.text:
                yield None, {"text": value.text}
            for citation in value.citations if isinstance(value, Text) else ():
                if isinstance(citation.raw, dict) and "$cited" in own(value.extra):
                    yield None, {"citation": citation.raw}
        elif isinstance(value, Reasoning):
            yield from self._reasoning(value.text, value.signature, value.redacted)
        elif isinstance(value, (ToolCall, ServerToolCall)):
            if not value.name:
                return  # marks of a block that has begun
            (block,) = self._encoder.encode_all([value]) or [None]
            if block is not None:
                start = {key: field for key, field in block["toolUse"].items() if key != "input"}
                yield {"toolUse": start}, {"toolUse": {"input": dumps_str(block["toolUse"].get("input", {}))}}
        elif isinstance(value, ServerToolResult):
            (block,) = self._encoder.encode_all([value]) or [None]
            if block is not None:
                start = {key: field for key, field in block["toolResult"].items() if key != "content"}
                yield {"toolResult": start}, {"toolResult": block["toolResult"]["content"]}
