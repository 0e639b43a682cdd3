"""Events in the streaming form of a chat completion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from modelmux._http import sse
from modelmux._json import dumps
from modelmux.types import (
    AudioDelta,
    Citation,
    Event,
    Finish,
    PartEvent,
    Reasoning,
    ReasoningDelta,
    Refusal,
    Start,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
    UsageEvent,
)
from modelmux.wire._logprobs import logprobs_json
from modelmux.wire.openai_chat import answer
from modelmux.wire.openai_chat.dialect import Dialect
from modelmux.wire.openai_chat.response import encode_parts
from modelmux.wire.openai_chat.saying import fields_of, ours


class _Encoder:
    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._head: dict[str, Any] = {"id": "chatcmpl-0", "object": "chat.completion.chunk", "created": 0, "model": ""}
        self._top: dict[str, Any] = {}
        self._spoken: set[int] = set()
        self._calls: dict[int, dict[int, int]] = {}
        self._listed: dict[tuple[int, str], list[Any]] = {}
        self._refused: set[int] = set()
        self._derived: tuple[Citation, ...] = ()
        self.usage: Usage | None = None

    def chunk(self, choices: list[dict[str, Any]], more: dict[str, Any] | None = None) -> bytes:
        return sse(dumps({**self._head, "choices": choices, **(more or {})}))

    def start(self, event: Start) -> None:
        self._head["id"] = event.id or self._head["id"]
        self._head["created"] = event.created or 0
        self._head["model"] = event.model or ""
        if event.service_tier is not None:
            self._head["service_tier"] = event.service_tier
        self._top = fields_of(ours(event.extra))
        self._derived = answer.searched(self._top)

    def delta(self, index: int, delta: dict[str, Any], logprobs: Any = None) -> bytes:
        if index not in self._spoken:
            # OpenAI opens every choice with its role, and no other chunk has one.
            self._spoken.add(index)
            delta = {"role": "assistant", **delta}
        more, self._top = self._top, {}
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": None}
        return self.chunk([choice], more)

    def text(self, event: TextDelta) -> bytes:
        logprobs = {"content": logprobs_json(event.logprobs)} if event.logprobs else None
        return self.delta(event.choice, {"content": event.text}, logprobs)

    def reasoning(self, event: ReasoningDelta) -> bytes:
        part = Reasoning(event.text, event.signature)
        return self.delta(event.choice, _said(encode_parts((part,), self._dialect)))

    def call(self, event: ToolCallDelta) -> bytes:
        numbers = self._calls.setdefault(event.choice, {})
        index = numbers.setdefault(event.part, len(numbers))
        function: dict[str, Any] = {"arguments": event.arguments}
        item: dict[str, Any] = {"index": index}
        if event.id is not None:
            item["id"], item["type"] = event.id, "function"
        if event.name is not None:
            function["name"] = event.name
        return self.delta(event.choice, {"tool_calls": [{**item, "function": function}]})

    def audio(self, event: AudioDelta) -> bytes:
        audio = {"id": event.id, "data": event.data or None, "transcript": event.transcript or None}
        return self.delta(event.choice, {"audio": {name: value for name, value in audio.items() if value is not None}})

    def part(self, event: PartEvent) -> bytes:
        delta = _said(encode_parts((event.value,), self._dialect, self._derived))
        if isinstance(event.value, Refusal):
            self._refused.add(event.choice)
        if isinstance(event.value, ToolCall):
            numbers = self._calls.setdefault(event.choice, {})
            known = event.part in numbers and not event.replace
            index = numbers.setdefault(event.part, len(numbers))
            calls = delta["tool_calls"]
            if known:  # clients join the arguments of the pieces: what is added later has none
                calls = [fields_of(ours(event.value.extra))]
                if not calls[0]:
                    return b""  # said for another format
            delta["tool_calls"] = [{"index": index, **call} for call in calls]
        for name in delta.keys() & _LISTS:
            delta[name] = [self._numbered(event.choice, name, item) for item in delta[name]]
        return self.delta(event.choice, delta)

    def _numbered(self, choice: int, name: str, item: Any) -> Any:
        """An item of a list with its place in the list that a client makes of all pieces: OpenAI's own client takes no
        second piece without one. Pieces that have the same id are of one item.
        """
        if "index" in item and "id" not in item:
            return item  # the vendor's own number
        known = self._listed.setdefault((choice, name), [])
        mark = item.get("id")
        if mark is not None and mark in known:
            item = {field: value for field, value in item.items() if field != "id"}  # clients would join the two
            return {**item, "index": known.index(mark)}
        known.append(mark)
        return {**item, "index": len(known) - 1}

    def finish(self, event: Finish) -> bytes:
        own = fields_of(ours(event.extra))
        called, refused = bool(self._calls.get(event.choice)), event.choice in self._refused
        word = answer.word_of(event.reason, event.raw, called=called, refused=refused)
        delta = own.pop("message", {})
        if event.choice not in self._spoken:
            delta = {"role": "assistant", **delta}
        logprobs = own.pop("logprobs", None)
        choice = {**own, "index": event.choice, "delta": delta, "logprobs": logprobs, "finish_reason": word}
        more, self._top = {**self._top, **fields_of(ours(event.response_extra))}, {}
        return self.chunk([choice], more)

    def used(self, event: UsageEvent) -> None:
        self.usage = event.usage

    def last(self) -> Iterator[bytes]:
        if self.usage is not None:
            yield self.chunk([], {"usage": answer.usage_json(self.usage)})
        yield sse(b"[DONE]")


_LISTS = frozenset({"annotations", "executed_tools", "images"})


def _said(delta: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in delta.items() if value is not None and value != ""}


def encode_stream(events: Iterable[Event], dialect: Dialect) -> Iterator[bytes]:
    """One server-sent event for each event; usage, when there is any, in a chunk of its own before ``[DONE]``."""
    encoder = StreamEncoder(dialect)
    for event in events:
        data = encoder.feed(event)
        if data:
            yield data
    yield from encoder.last()


class StreamEncoder:
    """The same, event by event. Without ``usage`` nothing is said of it: this format tells it to who asks."""

    def __init__(self, dialect: Dialect, *, usage: bool = True) -> None:
        self._encoder = _Encoder(dialect)
        self._usage = usage

    def feed(self, event: Event) -> bytes:
        handle = _HANDLERS.get(type(event))
        return b"" if handle is None else handle(self._encoder, event) or b""

    def close(self) -> bytes:
        return b"".join(self.last())

    def last(self) -> Iterator[bytes]:
        """The events of the end, one by one."""
        if not self._usage:
            self._encoder.usage = None
        return self._encoder.last()


_HANDLERS: dict[type, Callable[[_Encoder, Any], bytes | None]] = {
    TextDelta: _Encoder.text,
    ReasoningDelta: _Encoder.reasoning,
    ToolCallDelta: _Encoder.call,
    Start: _Encoder.start,
    AudioDelta: _Encoder.audio,
    PartEvent: _Encoder.part,
    Finish: _Encoder.finish,
    UsageEvent: _Encoder.used,
}
