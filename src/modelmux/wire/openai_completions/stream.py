"""A streamed completion, decoded and encoded: chunks in the shape of the whole, each with more text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from modelmux._http import SSE, sse
from modelmux._json import dumps
from modelmux.errors import StreamTruncated
from modelmux.types import (
    NO_USAGE,
    Event,
    Finish,
    PartEvent,
    Response,
    Start,
    Text,
    TextDelta,
    UsageEvent,
)
from modelmux.wire._either import StreamOrWhole
from modelmux.wire._kept import items, present, word
from modelmux.wire._refusal import parse_frame
from modelmux.wire.openai_completions.fields import fields_of, finish_of, kept, word_of
from modelmux.wire.openai_completions.response import (
    CHOICE,
    TOP,
    created_of,
    decode_response,
    error_in,
    logprobs_json,
    logprobs_of,
    text_of,
    usage_json,
)


class _Lane:
    """One choice as far as it has come."""

    __slots__ = ("extra", "finish", "logprobs")

    def __init__(self) -> None:
        self.finish: Any = None
        self.extra: dict[str, Any] = {}
        self.logprobs: dict[str, Any] = {}


class CompletionStream(StreamOrWhole):
    """See :class:`~modelmux.wire._stream.StreamDecoder`."""

    def __init__(self, provider: str, usage: str) -> None:
        super().__init__(provider, usage)
        self._started = False
        self._lanes: dict[int, _Lane] = {}
        self._usage: dict[str, Any] = {}
        self._top: dict[str, Any] = {}

    def whole(self, body: bytes) -> Response:
        return decode_response(body, self._provider, self._reader)

    def frame(self, frame: SSE, out: list[Event]) -> None:
        if self._over:
            return
        if frame.data[:6] == b"[DONE]":
            self._finish(out)
            return
        chunk = parse_frame(frame.data, self._provider)
        if chunk is None:
            return
        error = error_in({"error": chunk} if frame.event == "error" and "error" not in chunk else chunk, self._provider)
        if error is not None:
            raise error
        choices = [choice for choice in items(chunk.get("choices")) if isinstance(choice, dict)]
        if not self._started and choices:
            self._started = True
            tier = word(chunk.get("service_tier"))
            out.append(Start(word(chunk.get("id")), word(chunk.get("model")), created_of(chunk), tier))
        if isinstance(chunk.get("usage"), dict):
            # Counters are cumulative: later ones win, and one that a late chunk lacks keeps its value.
            self._usage.update({name: value for name, value in chunk["usage"].items() if value is not None})
        self._top.update(present({name: chunk[name] for name in chunk.keys() - TOP}))
        for choice in choices:
            self._choice(choice, out)

    def _choice(self, choice: dict[str, Any], out: list[Event]) -> None:
        given = choice.get("index")
        index = given if isinstance(given, int) else 0
        lane = self._lanes.get(index)
        if lane is None:
            lane = self._lanes[index] = _Lane()
        text, scores = text_of(choice), choice.get("logprobs")
        tokens, rest = logprobs_of(scores) if scores else ((), {})
        if text or tokens:
            out.append(TextDelta(text, 0, index, tokens))
        for name, value in rest.items():
            known = lane.logprobs.get(name)
            lane.logprobs[name] = known + value if isinstance(known, list) and isinstance(value, list) else value
        lane.finish = choice.get("finish_reason") or lane.finish
        lane.extra.update(present({name: choice[name] for name in choice.keys() - CHOICE}))

    def end(self, out: list[Event]) -> None:
        if self._over:
            return
        if not self._lanes or any(lane.finish is None for lane in self._lanes.values()):
            raise StreamTruncated("the stream ended with neither a finish reason nor [DONE]", provider=self._provider)
        self._finish(out)

    def _finish(self, out: list[Event]) -> None:
        if not self._lanes:
            raise StreamTruncated("the stream ended without an answer", provider=self._provider)
        self._over = True
        self._tell_usage({**self._top, "usage": self._usage} if self._usage else self._top, out)
        last = max(self._lanes)
        for index in sorted(self._lanes):
            lane = self._lanes[index]
            extra = {**lane.extra, "logprobs": lane.logprobs} if lane.logprobs else lane.extra
            reason, raw = finish_of(lane.finish)
            out.append(Finish(reason, raw, index, kept(extra), kept(self._top) if index == last else {}))


# --- encoding ------------------------------------------------------------------------------------------------


def encode_stream(events: Iterable[Event]) -> Iterator[bytes]:
    """One server-sent event for each event; usage, when there is any, in a chunk of its own before ``[DONE]``."""
    encoder = StreamEncoder()
    for event in events:
        data = encoder.feed(event)
        if data:
            yield data
    yield from encoder.last()


class StreamEncoder:
    """The same, event by event. Without ``usage`` nothing is said of it: this format tells it to who asks."""

    def __init__(self, *, usage: bool = True) -> None:
        self._head: dict[str, Any] = {"id": "cmpl-0", "object": "text_completion", "created": 0, "model": ""}
        self._tells, self._usage = usage, NO_USAGE
        self._finished = False

    def feed(self, event: Event) -> bytes:
        choice: dict[str, Any] | None = None
        more: dict[str, Any] = {}
        if isinstance(event, TextDelta):
            scores = logprobs_json(event.logprobs, None)
            choice = {"text": event.text, "index": event.choice, "logprobs": scores, "finish_reason": None}
        elif isinstance(event, PartEvent) and isinstance(event.value, Text) and event.value.text:
            choice = {"text": event.value.text, "index": event.choice, "logprobs": None, "finish_reason": None}
        elif isinstance(event, Start):
            self._head.update(id=event.id or "cmpl-0", created=event.created or 0, model=event.model or "")
            if event.service_tier is not None:
                self._head["service_tier"] = event.service_tier
            self._head.update(fields_of(event.extra))
        elif isinstance(event, Finish):
            self._finished = True
            own = fields_of(event.extra)
            more = fields_of(event.response_extra)
            end = {"logprobs": None, **own, "finish_reason": word_of(event.reason, event.raw)}
            choice = {"text": "", "index": event.choice, **end}
        elif isinstance(event, UsageEvent):
            self._usage = event.usage
        return b"" if choice is None else sse(dumps({**self._head, **more, "choices": [choice]}))

    def close(self) -> bytes:
        return b"".join(self.last())

    def last(self) -> Iterator[bytes]:
        """The events of the end, one by one."""
        if self._tells and self._usage.reported:
            yield sse(dumps({**self._head, "choices": [], "usage": usage_json(self._usage)}))
        if self._finished:  # else it broke off, and has no proper end
            yield sse(b"[DONE]")
