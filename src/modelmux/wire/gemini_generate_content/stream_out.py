"""Events, as the chunks of a streamed answer (``alt=sse``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from modelmux._http import sse
from modelmux._json import dumps, parse_arguments
from modelmux.types import (
    AudioDelta,
    Citation,
    Event,
    Finish,
    Media,
    Part,
    PartEvent,
    Reasoning,
    ReasoningDelta,
    Restarted,
    Start,
    Text,
    TextDelta,
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    UsageEvent,
)
from modelmux.wire.gemini_generate_content._fields import own, write_back
from modelmux.wire.gemini_generate_content._names import WIRE
from modelmux.wire.gemini_generate_content._values import logprobs_result, time_of, usage_metadata
from modelmux.wire.gemini_generate_content.grounding import metadata_of
from modelmux.wire.gemini_generate_content.parts_out import Encoder
from modelmux.wire.gemini_generate_content.response import NO_CANDIDATE, finish_word

_PCM = "audio/L16;codec=pcm;rate=24000"
"""What streamed audio is where nobody says: the vendor's own speech format, and the others' streams' too."""


def encode_stream(events: Iterable[Event]) -> Iterator[bytes]:
    """One chunk an event, but for tool calls: they go out whole, as this format has them."""
    encoder = _StreamEncoder()
    for event in events:
        for chunk in encoder.event(event):
            yield sse(dumps(chunk))
    for chunk in encoder.close():
        yield sse(dumps(chunk))


class StreamEncoder:
    """The same, event by event. ``array``: as elements of one JSON array, which this format is without ``alt=sse``."""

    def __init__(self, *, array: bool = False) -> None:
        self._encoder = _StreamEncoder()
        self._array = array
        self._between = b"["

    def feed(self, event: Event) -> bytes:
        return self._framed(self._encoder.event(event))

    def close(self) -> bytes:
        rest = self._framed(self._encoder.close())
        if not self._array:
            return rest
        return rest + (b"]" if self._between == b",\n" else b"[]")

    def _framed(self, chunks: Iterator[dict[str, Any]]) -> bytes:
        if not self._array:
            return b"".join([sse(dumps(chunk)) for chunk in chunks])
        out = []
        for chunk in chunks:
            out += [self._between, dumps(chunk)]
            self._between = b",\n"
        return b"".join(out)


class _StreamEncoder:
    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._top: dict[str, Any] = {}
        self._service_tier: str | None = None
        self._counters: dict[str, Any] | None = None
        self._counters_sent = True
        self._choices: dict[int, _Choice] = {}

    def event(self, event: Event) -> Iterator[dict[str, Any]]:
        if isinstance(event, Start):
            self._start(event)
        elif isinstance(event, UsageEvent):
            self._counters = usage_metadata(event.usage)
            if self._counters is not None and self._service_tier is not None:
                self._counters = {"serviceTier": self._service_tier, **self._counters}
            self._counters_sent = self._counters is None
        elif isinstance(event, Restarted):
            self._choices = {}
        elif isinstance(event, Finish):
            yield self._finish(event)
        else:
            choice = self._choices.get(event.choice)
            if choice is None:
                choice = self._choices[event.choice] = _Choice()
            for part in choice.parts_of(event):
                yield self._chunk(part, event.choice)

    def close(self) -> Iterator[dict[str, Any]]:
        """Counters that came after the last finish."""
        if not self._counters_sent:
            yield self._whole({})

    def _start(self, event: Start) -> None:
        self._service_tier = event.service_tier
        if event.model is not None:
            self._head["modelVersion"] = event.model
        if event.id is not None:
            self._head["responseId"] = event.id
        self._top = dict(own(event.extra))
        if event.created is not None and "createTime" not in self._top:
            self._head["createTime"] = time_of(event.created)

    def _chunk(self, part: dict[str, Any], choice: int) -> dict[str, Any]:
        chunk: dict[str, Any] = {"candidates": [{"content": {"parts": [part], "role": "model"}, "index": choice}]}
        return self._whole(chunk)

    def _whole(self, chunk: dict[str, Any]) -> dict[str, Any]:
        if self._counters is not None:
            chunk["usageMetadata"] = self._counters
            self._counters_sent = True
        elif self._service_tier is not None:
            chunk["usageMetadata"] = {"serviceTier": self._service_tier}
        if self._top:
            write_back(chunk, self._top)
        for key, value in self._head.items():
            chunk.setdefault(key, value)
        return chunk

    def _finish(self, event: Finish) -> dict[str, Any]:
        self._top.update(own(event.response_extra))
        fields = own(event.extra)
        if NO_CANDIDATE in fields:
            return self._whole({})
        choice = self._choices.pop(event.choice, None) or _Choice()
        content: dict[str, Any] = {"role": "model"}
        parts = choice.rest()
        if parts:
            content = {"parts": parts, "role": "model"}
        candidate: dict[str, Any] = {"content": content}
        reason = finish_word(event.reason, event.raw, fields)
        # A stream has no end but this one.
        candidate["finishReason"] = reason or "STOP"
        candidate["index"] = event.choice
        if choice.logprobs and "logprobsResult" not in fields:
            candidate["logprobsResult"] = logprobs_result(tuple(choice.logprobs))
        if not ("groundingMetadata" in fields or "citationMetadata" in fields):
            metadata = choice.grounding()
            if metadata is not None:
                candidate["groundingMetadata"] = metadata
        return self._whole({"candidates": [write_back(candidate, fields)]})


class _Choice:
    """What is held back of one choice: calls until they are whole, marks until their text comes."""

    def __init__(self) -> None:
        self._calls: dict[int, ToolCall] = {}
        self._pieces: dict[int, list[str]] = {}
        self._mark: tuple[int, Text | Reasoning] | None = None
        self._own_reasoning: set[int] = set()
        self._texts: dict[int, list[str]] = {}
        self._citations: dict[int, list[Citation]] = {}
        self.logprobs: list[TokenLogprob] = []

    def parts_of(self, event: Event) -> list[dict[str, Any]]:
        if isinstance(event, TextDelta):
            self.logprobs.extend(event.logprobs)
            self._texts.setdefault(event.part, []).append(event.text)
            if not event.text and event.logprobs:
                return []
            return self._delta(event.part, Text(event.text))
        if isinstance(event, ReasoningDelta):
            own_block = event.part in self._own_reasoning
            part = Reasoning(event.text, event.signature if own_block else None, extra={WIRE: {}} if own_block else {})
            return self._delta(event.part, part) if part.text or part.signature else []
        if isinstance(event, ToolCallDelta):
            self._call(event.part, ToolCall(event.id or "", event.name or "", signature=event.signature))
            self._pieces[event.part].append(event.arguments)
            return []
        if isinstance(event, AudioDelta):
            if not event.data:
                return []
            return [*self.rest(), *_encoded(Media("audio", event.media_type or _PCM, data=event.data))]
        if isinstance(event, PartEvent):
            return self._part(event)
        return []

    def _delta(self, number: int, part: Text | Reasoning) -> list[dict[str, Any]]:
        if self._mark is not None and self._mark[0] == number and type(self._mark[1]) is type(part):
            mark = self._mark[1]
            self._mark = None
            merged: Any = replace(mark, text=part.text, signature=part.signature or mark.signature)
            return _encoded(merged)
        return [*self.rest(), *_encoded(part)] if self._mark or self._calls else _encoded(part)

    def _part(self, event: PartEvent) -> list[dict[str, Any]]:
        part, number = event.value, event.part
        if isinstance(part, ToolCall):
            known = number in self._calls
            self._call(number, part)
            if not known:
                self._pieces[number].append(part.raw or "")
            return []
        if isinstance(part, Reasoning) and WIRE in part.extra:
            self._own_reasoning.add(number)
        if isinstance(part, Text):
            self._texts.setdefault(number, []).append(part.text)
            self._citations.setdefault(number, []).extend(part.citations)
            part = replace(part, citations=())
        if isinstance(part, (Text, Reasoning)) and not part.text:
            if part.signature is None and not own(part.extra):
                return []
            before = self.rest()
            self._mark = (number, part)
            return before
        return [*self.rest(), *_encoded(part)]

    def _call(self, number: int, more: ToolCall) -> None:
        call = self._calls.get(number)
        self._pieces.setdefault(number, [])
        if call is None:
            self._calls[number] = more
            return
        self._calls[number] = replace(
            call,
            id=call.id or more.id,
            name=call.name or more.name,
            signature=call.signature or more.signature,
            extra=more.extra or call.extra,
        )

    def rest(self) -> list[dict[str, Any]]:
        """Everything that was held back, in order."""
        out: list[dict[str, Any]] = []
        if self._mark is not None:
            out.extend(_encoded(self._mark[1]))
            self._mark = None
        for number in sorted(self._calls):
            call = self._calls[number]
            text = "".join(self._pieces[number])
            arguments, raw = (call.arguments, call.raw) if not text else parse_arguments(text)
            out.extend(_encoded(replace(call, arguments=arguments, raw=raw)))
        self._calls, self._pieces = {}, {}
        return out

    def grounding(self) -> dict[str, Any] | None:
        cited = [(n, "".join(self._texts.get(n, ())), tuple(found)) for n, found in self._citations.items() if found]
        return metadata_of(cited)


def _encoded(part: Part) -> list[dict[str, Any]]:
    return Encoder(answer=True).parts((part,))
