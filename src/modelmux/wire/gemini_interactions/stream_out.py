"""Events in this format's streaming form: steps, each with its start, its deltas and its stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from modelmux._http import sse
from modelmux._json import dumps
from modelmux.types import (
    NO_USAGE,
    Event,
    Finish,
    Media,
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
from modelmux.wire._calls import arguments_text
from modelmux.wire._losses import Losses
from modelmux.wire._times import time_of
from modelmux.wire._writer import written
from modelmux.wire.gemini_interactions.items import encode_item
from modelmux.wire.gemini_interactions.response import usage_json
from modelmux.wire.gemini_interactions.vocabulary import MINE, word_of


def encode_stream(events: Iterable[Event]) -> Iterator[bytes]:
    """Server-sent events."""
    return written(events, _Writer(), _HANDLERS)


class _Writer:
    def __init__(self) -> None:
        self.out: list[bytes] = []
        self._facts: dict[str, Any] = {"id": "", "object": "interaction"}
        self._begun = False
        self._usage: Usage = NO_USAGE
        self._indexes: dict[int, int] = {}
        self._open = -1

    def _say(self, kind: str, **fields: Any) -> None:
        self.out.append(sse(dumps({**fields, "event_type": kind}), kind))

    def start(self, event: Start) -> None:
        self._begun = True
        self._facts["id"] = event.id or ""
        if event.model is not None:
            self._facts["model"] = event.model
        told: dict[str, Any] = {}
        if event.created is not None:
            told["created"] = time_of(event.created)
        if event.service_tier is not None:
            told["service_tier"] = event.service_tier
        told.update(MINE.fields(event.extra))
        self._say("interaction.created", interaction={**self._facts, **told, "status": "in_progress"})

    def _step(self, part: int, form: dict[str, Any]) -> int:
        """The number of the part's step, which is begun if it is new."""
        index = self._indexes.get(part)
        if index is None:
            if not self._begun:
                self.start(Start())
            self._close()
            index = self._indexes[part] = self._open = len(self._indexes)
            self._say("step.start", index=index, step=form)
        return index

    def _close(self) -> None:
        if self._open >= 0:
            self._say("step.stop", index=self._open)
            self._open = -1

    def _delta(self, index: int, **delta: Any) -> None:
        self._say("step.delta", index=index, delta=delta)

    def text(self, event: TextDelta) -> None:
        index = self._step(event.part, {"type": "model_output"})
        self._delta(index, type="text", text=event.text)

    def reasoning(self, event: ReasoningDelta) -> None:
        index = self._step(event.part, {"type": "thought"})
        if event.text:
            self._delta(index, type="thought_summary", content={"type": "text", "text": event.text})

    def call(self, event: ToolCallDelta) -> None:
        form = {"type": "function_call", "id": event.id or "", "name": event.name or "", "arguments": {}}
        index = self._step(event.part, form)
        if event.arguments:
            self._delta(index, type="arguments_delta", arguments=event.arguments)

    def part(self, event: PartEvent) -> None:
        value = event.value
        if isinstance(value, Reasoning):
            self._thought(value, event.part)
        elif isinstance(value, Text | Refusal):
            self._said(value, event.part)
        elif isinstance(value, ToolCall) and event.part not in self._indexes:
            item = encode_item(value, Losses())
            text = arguments_text(value)
            index = self._step(event.part, {**item, "arguments": {}})
            self._delta(index, type="arguments_delta", arguments=text)
        elif isinstance(value, ToolCall):
            more = {name: field for name, field in MINE.fields(value.extra).items() if name != "type"}
            if value.signature is not None and "$signed" in MINE.of(value.extra):
                more["signature"] = value.signature
            if more:
                self._delta(self._indexes[event.part], type="function_call", **more)
        else:
            item = encode_item(value, Losses())
            if item is None:
                return
            if isinstance(value, Media) and isinstance(item, dict):
                self._delta(self._step(event.part, {"type": "model_output"}), **item)
            else:
                self._step(event.part, item)

    def _thought(self, value: Reasoning, part: int) -> None:
        own = MINE.of(value.extra)
        index = self._step(part, {**MINE.fields(value.extra), "type": "thought"})
        if value.text:
            self._delta(index, type="thought_summary", content={"type": "text", "text": value.text})
        if value.signature is not None and "$signed" in own:
            self._delta(index, type="thought_signature", signature=value.signature)

    def _said(self, value: Text | Refusal, part: int) -> None:
        item = encode_item(value, Losses())
        cited = item.pop("annotations", [])
        if part not in self._indexes and item.keys() > {"type", "text"}:
            # Fields of a block's own go with the block, whole.
            self._step(part, {"type": "model_output", "content": [{**item, "annotations": cited} if cited else item]})
            return
        index = self._step(part, {"type": "model_output"})
        if value.text:
            self._delta(index, type="text", text=value.text)
        if cited:
            self._delta(index, type="text_annotation_delta", annotations=cited)

    def used(self, event: UsageEvent) -> None:
        self._usage = event.usage

    def finish(self, event: Finish) -> None:
        if not self._begun:
            self.start(Start())
        self._close()
        facts = {**self._facts, **MINE.fields(event.response_extra), "status": word_of(event.reason, event.raw)}
        if self._usage.reported:
            facts["usage"] = usage_json(self._usage)
        self._say("interaction.completed", interaction=facts)
        self.out.append(sse(b"[DONE]", "done"))


_HANDLERS: dict[type, Callable[[_Writer, Any], None]] = {
    Start: _Writer.start,
    TextDelta: _Writer.text,
    ReasoningDelta: _Writer.reasoning,
    ToolCallDelta: _Writer.call,
    PartEvent: _Writer.part,
    UsageEvent: _Writer.used,
    Finish: _Writer.finish,
}
