"""Events in the streaming form of a response."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from modelmux._fold import Folder
from modelmux._http import sse
from modelmux._json import dumps
from modelmux.types import (
    Event,
    Finish,
    PartEvent,
    Reasoning,
    ReasoningDelta,
    Refusal,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
)
from modelmux.wire._calls import arguments_text
from modelmux.wire._hollow import hollow
from modelmux.wire._logprobs import logprobs_json
from modelmux.wire.openai_responses.response import answer_items, encode_response, head
from modelmux.wire.openai_responses.saying import ours
from modelmux.wire.openai_responses.stream import STRIDE

_SPOKEN = frozenset({"text", "refusal"})
"""What messages are made of."""

_ENDS = frozenset({"completed", "incomplete", "failed", "cancelled"})


class _Open:
    """The item being streamed. ``part`` is the number of the canonical part that it grows from; in a message texts that
    follow one another are contents of it, and ``before`` are those that are whole.
    """

    __slots__ = ("alone", "before", "id", "kind", "name", "part", "pieces", "place")

    def __init__(self, kind: str, part: int, place: int, item_id: str) -> None:
        self.kind, self.part, self.place, self.id = kind, part, place, item_id
        self.pieces: list[str] = []
        self.name: dict[str, Any] = {}
        self.before: list[dict[str, Any]] = []
        self.alone = False


class _Encoder:
    """The whole response, which the last event repeats, is folded from the events as they pass."""

    def __init__(self, provider: str) -> None:
        self.out: list[bytes] = []
        self._provider = provider
        self._number = 0
        self._folder = Folder()
        self._begun = False
        self._start = Start()
        self._open: list[_Open] = []
        self._places = 0
        self._seen: set[int] = set()

    def take(self) -> bytes:
        data = b"".join(self.out)
        self.out = []
        return data

    def _write(self, kind: str, **fields: Any) -> None:
        name = f"response.{kind}"
        self.out.append(sse(dumps({"type": name, **fields, "sequence_number": self._number}), name))
        self._number += 1

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            body = head(self._start.id, self._start.model, self._start.created)
            self._write("created", response=body)
            self._write("in_progress", response=body)

    # --- items

    def _item(self, kind: str, part: int, *, alone: bool = False, **named: Any) -> _Open:
        """The open item of a part. A new one closes what was open; only calls may grow side by side. ``alone``: a text
        that came in this format, where it is a message; while its stream goes on, its number tells.
        """
        for item in self._open:
            if item.part == part and item.kind == kind:
                return item
        self._begin()
        last = self._open[-1] if self._open and kind in _SPOKEN and not alone else None
        if last is not None and last.kind in _SPOKEN and not last.alone and part // STRIDE == last.part // STRIDE:
            return self._next_content(last, kind, part)
        if kind != "call" or any(item.kind != "call" for item in self._open):
            self._close()
        prefix = {"text": "msg", "refusal": "msg", "reasoning": "rs", "call": "fc"}[kind]
        item = _Open(kind, part, self._places, f"{prefix}_{self._places}")
        self._places += 1
        self._seen.add(part)
        self._open.append(item)
        item.name, item.alone = named, alone
        self._write("output_item.added", output_index=item.place, item=self._shape(item, done=False))
        if kind in _SPOKEN:
            self._write("content_part.added", **self._at(item), part=_content(kind, ""))
        elif kind == "reasoning":
            part_of = {"type": "summary_text", "text": ""}
            self._write("reasoning_summary_part.added", **self._summed(item), part=part_of)
        return item

    def _next_content(self, item: _Open, kind: str, part: int) -> _Open:
        self._close_content(item)
        item.before.append(_content(item.kind, "".join(item.pieces)))
        item.kind, item.part, item.pieces = kind, part, []
        self._seen.add(part)
        self._write("content_part.added", **self._at(item), part=_content(kind, ""))
        return item

    def _shape(self, item: _Open, *, done: bool) -> dict[str, Any]:
        text = "".join(item.pieces)
        status = "completed" if done else "in_progress"
        if item.kind == "call":
            return {"type": "function_call", "id": item.id, "status": status, "arguments": text, **item.name}
        if item.kind == "reasoning":
            summary = [{"type": "summary_text", "text": text}] if done else []
            return {"type": "reasoning", "id": item.id, "summary": summary}
        content = [*item.before, _content(item.kind, text)] if done else []
        return {"type": "message", "id": item.id, "status": status, "role": "assistant", "content": content}

    def _at(self, item: _Open) -> dict[str, Any]:
        return {"item_id": item.id, "output_index": item.place, "content_index": len(item.before)}

    def _summed(self, item: _Open) -> dict[str, Any]:
        return {"item_id": item.id, "output_index": item.place, "summary_index": 0}

    def _close(self) -> None:
        for item in self._open:
            text = "".join(item.pieces)
            if item.kind == "call":
                place = {"item_id": item.id, "output_index": item.place}
                self._write("function_call_arguments.done", **place, arguments=text, name=item.name["name"])
            elif item.kind == "reasoning":
                self._write("reasoning_summary_text.done", **self._summed(item), text=text)
                part = {"type": "summary_text", "text": text}
                self._write("reasoning_summary_part.done", **self._summed(item), part=part)
            else:
                self._close_content(item)
            self._write("output_item.done", output_index=item.place, item=self._shape(item, done=True))
        self._open = []

    def _close_content(self, item: _Open) -> None:
        text = "".join(item.pieces)
        if item.kind == "text":
            self._write("output_text.done", **self._at(item), text=text, logprobs=[])
        else:
            self._write("refusal.done", **self._at(item), refusal=text)
        self._write("content_part.done", **self._at(item), part=_content(item.kind, text))

    # --- events

    def event(self, event: Event) -> None:
        if getattr(event, "choice", 0) != 0:
            return  # this format gives one answer
        self._folder.feed(event)
        if type(event) is TextDelta:
            self.text(event)
        elif isinstance(event, ReasoningDelta):
            self.reasoning(event.text, event.part)
        elif isinstance(event, ToolCallDelta):
            self.call(event)
        elif isinstance(event, PartEvent):
            self.part(event)
        elif isinstance(event, Start):
            self._start = event

    def text(self, event: TextDelta, *, alone: bool = False) -> None:
        item = self._item("text", event.part, alone=alone)
        if event.text or event.logprobs:
            item.pieces.append(event.text)
            scores = logprobs_json(event.logprobs) if event.logprobs else []
            self._write("output_text.delta", **self._at(item), delta=event.text, logprobs=scores)

    def reasoning(self, text: str, part: int) -> None:
        if not text and part not in self._seen:
            self._item("reasoning", part)
        elif text:
            item = self._item("reasoning", part)
            item.pieces.append(text)
            self._write("reasoning_summary_text.delta", **self._summed(item), delta=text)

    def call(self, event: ToolCallDelta) -> None:
        item = self._item("call", event.part, call_id=event.id or "", name=event.name or "")
        if event.id and not item.name["call_id"]:
            item.name["call_id"] = event.id
        if event.name and not item.name["name"]:
            item.name["name"] = event.name
        if event.arguments:
            item.pieces.append(event.arguments)
            place = {"item_id": item.id, "output_index": item.place}
            self._write("function_call_arguments.delta", **place, delta=event.arguments)

    def part(self, event: PartEvent) -> None:
        value, known = event.value, event.part in self._seen and not event.replace
        if isinstance(value, Text):
            if value.text or not (known or hollow(value)):
                self.text(TextDelta(value.text, event.part), alone=bool(ours(value.extra)))
        elif isinstance(value, Refusal):
            if value.text:
                item = self._item("refusal", event.part, alone=bool(ours(value.extra)))
                item.pieces.append(value.text)
                self._write("refusal.delta", **self._at(item), delta=value.text)
        elif isinstance(value, Reasoning):
            self.reasoning(value.text, event.part)
        elif isinstance(value, ToolCall):
            if not known:
                self.call(_as_delta(value, event.part))
        else:
            items = answer_items((value,), self._provider)
            if items:  # else it is nothing in this format, and stands between no two texts
                self._begin()
                self._close()
            for whole in items:
                self._write("output_item.added", output_index=self._places, item=whole)
                self._write("output_item.done", output_index=self._places, item=whole)
                self._places += 1
                self._seen.add(event.part)

    def finish(self) -> None:
        """The end, once no event is left. Without a finish the response is left without its end: it is not whole."""
        self._begin()
        self._close()
        body = encode_response(self._folder.response(), self._provider)
        self._write(body["status"] if body["status"] in _ENDS else "completed", response=body)


def _as_delta(call: ToolCall, part: int) -> ToolCallDelta:
    return ToolCallDelta(0, call.id, call.name, arguments_text(call), part)


def _content(kind: str, text: str) -> dict[str, Any]:
    if kind == "refusal":
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def encode_stream(events: Iterable[Event], provider: str) -> Iterator[bytes]:
    """One or a few server-sent events for each event, at the end the whole response."""
    encoder = StreamEncoder(provider)
    for event in events:
        data = encoder.feed(event)
        if data:
            yield data
    data = encoder.close()
    if data:
        yield data


class StreamEncoder:
    """The same, event by event."""

    def __init__(self, provider: str) -> None:
        self._encoder = _Encoder(provider)
        self._finished = False

    def feed(self, event: Event) -> bytes:
        self._encoder.event(event)
        if type(event) is Finish and event.choice == 0:
            self._finished = True
        return self._encoder.take()

    def close(self) -> bytes:
        if self._finished:
            self._encoder.finish()
        return self._encoder.take()
