"""A streamed interaction, decoded: created, steps with their deltas, completed.

The older form (before May 2026) says ``content`` for ``step``, ``interaction.start`` for ``interaction.created`` and
``interaction.complete`` for ``interaction.completed``; both are read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelmux._http import SSE, SSEDecoder
from modelmux._json import dumps_str, loads
from modelmux.errors import MalformedResponse
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
from modelmux.wire._times import seconds, time_of
from modelmux.wire.gemini_interactions.error import in_band
from modelmux.wire.gemini_interactions.response import TOP, answered, decode_response
from modelmux.wire.gemini_interactions.vocabulary import MINE, citation_of, finish_of

_KINDS = {"text": "model_output", "thought_signature": "thought", "thought_summary": "thought"}
_KINDS |= {
    "arguments_delta": "function_call",
    "text_annotation": "model_output",
    "text_annotation_delta": "model_output",
}
"""The kind of a step that a delta of this kind belongs to, where the step's start never came."""


class _Step:
    """A step as far as it has come. ``part`` is the block that text is being added to, -1 before there is one."""

    __slots__ = ("call", "done", "form", "kind", "part", "spoke")

    def __init__(self, form: dict[str, Any], kind: str) -> None:
        self.form = form
        self.kind = kind
        self.part = -1
        self.call = -1
        self.spoke = False
        self.done = False


class InteractionStream(StreamOrWhole):
    """See :class:`~modelmux.wire._stream.StreamDecoder`. The event that the interaction is complete is the end."""

    unended = "the stream ended before the interaction was complete"

    def __init__(self, provider: str, usage: str) -> None:
        super().__init__(provider, usage)
        self._lines: SSEDecoder | None = None
        self._started = False
        self._next = 0
        self._calls = 0
        self._open: dict[int, _Step] = {}

    def whole(self, body: bytes) -> Response:
        return decode_response(body, self._provider, self._reader)

    def frame(self, frame: SSE, out: list[Event]) -> None:
        if self._over or frame.data[:6] == b"[DONE]":
            return
        try:
            event = loads(frame.data)
        except ValueError:
            event = None if frame.data.strip() else ""
        if isinstance(event, str):
            # A gateway passes every line of the vendor's stream on as an event of its own.
            self._lines = self._lines or SSEDecoder()
            for inner in self._lines.feed(event.encode("utf-8", "replace") + b"\n"):
                self.frame(inner, out)
            return
        if not isinstance(event, dict):
            start = frame.data[:200].decode("utf-8", "replace")
            raise MalformedResponse(f"an event is no JSON object: {start!r}", provider=self._provider)
        kind = event.get("event_type") or frame.event
        if kind == "step.delta":
            delta, step = (
                event.get("delta"),
                self._open.get(event["index"]) if type(event.get("index")) is int else None,
            )
            if step is not None and step.part >= 0 and isinstance(delta, dict) and delta.get("type") == "text":
                text = delta.get("text")
                if isinstance(text, str) and step.kind == "model_output":
                    out.append(TextDelta(text, step.part))
                    return
        if event.get("error") or kind == "error":
            raise in_band(event if event.get("error") else {"error": event}, self._provider)
        handle = _EVENTS.get(kind) if isinstance(kind, str) else None
        if handle is not None:
            index = event.get("index")
            handle(self, event, index if type(index) is int else 0, out)

    # --- the interaction

    def _start(self, event: dict[str, Any], _index: int, out: list[Event]) -> None:
        facts = event.get("interaction")
        facts = facts if isinstance(facts, dict) else {}
        if self._started:
            return
        self._started = True
        rest = present({name: value for name, value in facts.items() if name not in TOP})
        created, tier = seconds(rest.get("created")), rest.pop("service_tier", None)
        if created is not None and time_of(created) == rest["created"]:
            del rest["created"]
        out.append(Start(word(facts.get("id")), word(facts.get("model")), created, word(tier), MINE.keep(rest)))

    def _complete(self, event: dict[str, Any], index: int, out: list[Event]) -> None:
        facts = event.get("interaction")
        facts = facts if isinstance(facts, dict) else {}
        if facts.get("error"):
            raise in_band(facts, self._provider)
        self._start(event, index, out)
        for number in sorted(self._open):
            self._stop(event, number, out)
        self._over = True
        self._tell_usage({"usage": facts.get("usage")}, out)
        reason, raw = finish_of(facts.get("status"), called=self._calls > 0)
        rest = present({name: value for name, value in facts.items() if name not in TOP})
        out.append(Finish(reason, raw, response_extra=MINE.keep(rest)))

    # --- steps

    def _begin(self, event: dict[str, Any], index: int, out: list[Event]) -> None:
        form = event.get("step")
        if not isinstance(form, dict):
            form = event.get("content")
        form = dict(form) if isinstance(form, dict) else {}
        kind = form.get("type") if isinstance(form.get("type"), str) else "model_output"
        text = form.get("text")
        if kind == "text":
            kind = "model_output"
        if index in self._open:
            self._stop(event, index, out)
        step = self._open[index] = _Step(form, str(kind))
        if kind != "model_output":
            self._block(step)
        else:
            blocks = items(form.get("content")) if not isinstance(text, str) or not text else [form]
            out.extend(PartEvent(answered(block, self._next), self._fresh()) for block in blocks)

    def _fresh(self) -> int:
        self._next += 1
        return self._next - 1

    def _block(self, step: _Step) -> int:
        if step.part < 0:
            step.part = self._fresh()
        return step.part

    def _delta(self, event: dict[str, Any], index: int, out: list[Event]) -> None:
        delta = event.get("delta")
        kind = delta.get("type") if isinstance(delta, dict) else None
        if not isinstance(delta, dict) or not isinstance(kind, str):
            return
        step = self._open.get(index)
        if step is None:
            of = _KINDS.get(kind, "model_output" if kind in _MEDIA else kind)
            step = self._open[index] = _Step({"type": of}, of)
        handle = _DELTAS.get(kind)
        if handle is not None:
            handle(self, step, delta, out)
        elif kind in _MEDIA:
            out.append(PartEvent(answered(delta, self._next), self._fresh()))
            step.part = -1
        else:
            step.form.update({name: value for name, value in delta.items() if name != "type"})

    def _text(self, step: _Step, delta: dict[str, Any], out: list[Event]) -> None:
        text = delta.get("text")
        if isinstance(text, str):
            out.append(TextDelta(text, self._block(step)))

    def _annotations(self, step: _Step, delta: dict[str, Any], out: list[Event]) -> None:
        cited = tuple(map(citation_of, items(delta.get("annotations"))))
        if cited:
            out.append(PartEvent(Text("", cited), self._block(step)))

    def _summary(self, step: _Step, delta: dict[str, Any], out: list[Event]) -> None:
        content = delta.get("content")
        text = content.get("text") if isinstance(content, dict) else delta.get("text")
        if isinstance(text, str) and text:
            out.append(ReasoningDelta(text, self._block(step)))

    def _signature(self, step: _Step, delta: dict[str, Any], _out: list[Event]) -> None:
        if word(delta.get("signature")):
            step.form["signature"] = delta["signature"]

    def _arguments(self, step: _Step, delta: dict[str, Any], out: list[Event]) -> None:
        given = delta.get("arguments")
        text = given if isinstance(given, str) else dumps_str(given) if isinstance(given, dict) else ""
        self._call(step, out)
        step.spoke = step.spoke or bool(text)
        out.append(ToolCallDelta(step.call, None, None, text, step.part))

    def _call(self, step: _Step, out: list[Event]) -> None:
        """The head of a call, once."""
        if step.call < 0:
            step.call = self._calls
            self._calls += 1
            part = self._block(step)
            call_id, name = word(step.form.get("id")) or f"call_{part}", word(step.form.get("name")) or ""
            out.append(ToolCallDelta(step.call, call_id, name, "", part))

    def _stop(self, _event: dict[str, Any], index: int, out: list[Event]) -> None:
        """What belongs to a step but was only whole at its end."""
        step = self._open.get(index)
        if step is None or step.done or step.kind == "model_output":
            return
        step.done = True
        if step.kind not in ("thought", "function_call"):
            out.append(PartEvent(answered(step.form, step.part), self._block(step)))
            return
        if step.kind == "function_call":
            self._call(step, out)
            given = step.form.get("arguments")
            if not step.spoke and given is not None:
                text = given if isinstance(given, str) else dumps_str(given)
                out.append(ToolCallDelta(step.call, None, None, text, step.part))
        form = step.form | {"type": step.kind}
        part = answered(form if step.kind == "thought" else {"name": "", **form}, step.part)
        if isinstance(part, Reasoning) or (isinstance(part, ToolCall) and (part.extra or part.signature)):
            if isinstance(part, ToolCall):
                kept = {name: value for name, value in MINE.of(part.extra).items() if name != "$arguments"}
                part = ToolCall(part.id, part.name, signature=part.signature, extra=MINE.keep(kept))
            out.append(PartEvent(part, self._block(step)))


_MEDIA = frozenset({"image", "audio", "video", "document"})

_EVENTS: dict[str, Callable[[InteractionStream, dict[str, Any], int, list[Event]], None]] = {
    "interaction.created": InteractionStream._start,
    "interaction.start": InteractionStream._start,
    "interaction.completed": InteractionStream._complete,
    "interaction.complete": InteractionStream._complete,
    "step.start": InteractionStream._begin,
    "content.start": InteractionStream._begin,
    "step.delta": InteractionStream._delta,
    "content.delta": InteractionStream._delta,
    "step.stop": InteractionStream._stop,
    "content.stop": InteractionStream._stop,
}

_DELTAS: dict[str, Callable[[InteractionStream, _Step, dict[str, Any], list[Event]], None]] = {
    "text": InteractionStream._text,
    "text_annotation": InteractionStream._annotations,
    "text_annotation_delta": InteractionStream._annotations,
    "thought_summary": InteractionStream._summary,
    "thought_signature": InteractionStream._signature,
    "arguments_delta": InteractionStream._arguments,
}
