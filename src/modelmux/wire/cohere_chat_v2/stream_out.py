"""Events in this format's streaming form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from modelmux._http import sse
from modelmux._json import dumps, dumps_str
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
    Usage,
    UsageEvent,
)
from modelmux.wire._losses import Losses
from modelmux.wire._writer import written
from modelmux.wire.cohere_chat_v2.messages import encode_call
from modelmux.wire.cohere_chat_v2.response import usage_json
from modelmux.wire.cohere_chat_v2.vocabulary import MINE, ours, word_of

_EMPTY = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}


def encode_stream(events: Iterable[Event]) -> Iterator[bytes]:
    """Server-sent events."""
    return written(events, _Writer(), _HANDLERS)


class _Writer:
    def __init__(self) -> None:
        self.out: list[bytes] = []
        self._usage: Usage = NO_USAGE
        self._begun = False
        self._plans: set[int] = set()
        self._blocks: dict[int, int] = {}
        self._calls: dict[int, int] = {}
        self._open: tuple[str, int] | None = None

    def _say(self, kind: str, message: dict[str, Any] | None = None, index: int | None = None) -> None:
        event: dict[str, Any] = {"type": kind}
        if index is not None:
            event["index"] = index
        if message is not None:
            event["delta"] = {"message": message}
        self.out.append(sse(dumps(event), kind))

    def start(self, event: Start) -> None:
        self._begun = True
        head = {"id": event.id or "", **MINE.fields(event.extra)}
        self.out.append(sse(dumps({**head, "type": "message-start", "delta": {"message": _EMPTY}}), "message-start"))

    def _close(self) -> None:
        if self._open is not None:
            kind, index = self._open
            self._say(f"{kind}-end", index=index)
            self._open = None

    def _turn_to(self, kind: str, index: int) -> None:
        if not self._begun:
            self.start(Start())
        if self._open != (kind, index):
            self._close()
            self._open = (kind, index)

    def _block(self, part: int, kind: str, more: dict[str, Any] | None = None) -> int:
        index = self._blocks.get(part)
        if index is None:
            index = self._blocks[part] = len(self._blocks)
            self._turn_to("content", index)
            self._say("content-start", {"content": {**(more or {}), "type": kind, kind: ""}}, index)
        return index

    def text(self, event: TextDelta) -> None:
        if event.text:
            self._say("content-delta", {"content": {"text": event.text}}, self._block(event.part, "text"))

    def reasoning(self, event: ReasoningDelta) -> None:
        if event.part in self._plans:
            self._say("tool-plan-delta", {"tool_plan": event.text})
        elif event.text:
            self._say("content-delta", {"content": {"thinking": event.text}}, self._block(event.part, "thinking"))

    def call(self, event: ToolCallDelta) -> None:
        index = self._calls.get(event.part)
        if index is None:
            index = self._calls[event.part] = len(self._calls)
            self._turn_to("tool-call", index)
            function = {"name": event.name or "", "arguments": ""}
            said = {"id": event.id or "", "type": "function", "function": function}
            self._say("tool-call-start", {"tool_calls": said}, index)
        if event.arguments:
            self._say("tool-call-delta", {"tool_calls": {"function": {"arguments": event.arguments}}}, index)

    def part(self, event: PartEvent) -> None:
        value = event.value
        if isinstance(value, ToolCall):
            if event.part not in self._calls:
                self._whole_call(value, event.part)
        elif isinstance(value, Reasoning) and "$tool_plan" in MINE.of(value.extra):
            self._plans.add(event.part)
            if not self._begun:
                self.start(Start())
            self._say("tool-plan-delta", {"tool_plan": value.text})
        elif isinstance(value, Text | Reasoning | Refusal):
            self._whole_block(value, event.part)

    def _whole_call(self, call: ToolCall, part: int) -> None:
        said = encode_call(call, Losses())
        text, index = said["function"]["arguments"], len(self._calls)
        self._calls[part] = index
        self._turn_to("tool-call", index)
        said["function"] = {**said["function"], "arguments": ""}
        self._say("tool-call-start", {"tool_calls": said}, index)
        more = text if isinstance(text, str) else dumps_str(call.arguments)
        self._say("tool-call-delta", {"tool_calls": {"function": {"arguments": more}}}, index)

    def _whole_block(self, value: Part, part: int) -> None:
        text: str = getattr(value, "text", "")
        kind = "thinking" if isinstance(value, Reasoning) else "text"
        if text or part not in self._blocks:
            more = {} if isinstance(value, Refusal) else MINE.fields(value.extra)  # type: ignore[union-attr]  # as the caller tells
            index = self._block(part, kind, more)
            if text:
                self._say("content-delta", {"content": {kind: text}}, index)
        for citation in value.citations if isinstance(value, Text) else ():
            if ours(citation):
                self._say("citation-start", {"citations": citation.raw}, self._blocks[part])
                self._say("citation-end", index=self._blocks[part])

    def used(self, event: UsageEvent) -> None:
        self._usage = event.usage

    def finish(self, event: Finish) -> None:
        if not self._begun:
            self.start(Start())
        self._close()
        for citation in MINE.fields(event.extra).get("message", {}).get("citations", ()):
            self._say("citation-start", {"citations": citation}, 0)
            self._say("citation-end", index=0)
        delta: dict[str, Any] = {"finish_reason": word_of(event.reason, event.raw)}
        if self._usage.reported:
            delta["usage"] = usage_json(self._usage)
        last = {**MINE.fields(event.response_extra), "type": "message-end", "delta": delta}
        self.out.append(sse(dumps(last), "message-end"))


_HANDLERS: dict[type, Callable[[_Writer, Any], None]] = {
    Start: _Writer.start,
    TextDelta: _Writer.text,
    ReasoningDelta: _Writer.reasoning,
    ToolCallDelta: _Writer.call,
    PartEvent: _Writer.part,
    UsageEvent: _Writer.used,
    Finish: _Writer.finish,
}
