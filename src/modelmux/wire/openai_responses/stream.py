"""A streamed response, decoded.

The events name what grows, by the place of its item in ``output``; the last one repeats the whole response. So pieces
are handed over as they come, and what only the whole says (ids, citations, encrypted reasoning, a piece that never
came) follows at the end. The fold of the events is the whole response.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from modelmux._http import SSE
from modelmux.errors import ProviderError
from modelmux.types import (
    Event,
    Finish,
    Part,
    PartEvent,
    Reasoning,
    ReasoningDelta,
    Refusal,
    Response,
    Restarted,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    UsageEvent,
)
from modelmux.wire._calls import arguments_text
from modelmux.wire._classify import provider_error
from modelmux.wire._either import StreamOrWhole
from modelmux.wire._kept import word
from modelmux.wire._logprobs import logprobs_of
from modelmux.wire._openai_error import status_in, told
from modelmux.wire._refusal import parse_frame
from modelmux.wire.openai_responses.items import decode_item
from modelmux.wire.openai_responses.response import created_of, decode_response, error_in, without_logprobs

STRIDE = 1_000
"""Parts are numbered by the place of their item and their own place in it, so that late ones find theirs."""

_ENDS = frozenset({"response.completed", "response.incomplete", "response.cancelled"})

_Growing: TypeAlias = Text | Refusal | Reasoning | ToolCall


class _Block:
    """What was handed over of a part: its pieces, or ``value`` when it went over whole."""

    __slots__ = ("index", "pieces", "source", "value")

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.value: Part | None = None
        self.index = 0
        self.source = ""


class ResponseStream(StreamOrWhole):
    """See :class:`~modelmux.wire._stream.StreamDecoder`."""

    unended = "the stream ended without a whole response"

    def __init__(self, provider: str, usage: str) -> None:
        super().__init__(provider, usage)
        self._reset()

    def _reset(self) -> None:
        self._start: Start | None = None
        self._blocks: dict[int, _Block] = {}
        self._items: dict[int, dict[str, Any]] = {}
        self._inner: dict[int, dict[int, int]] = {}
        self._calls = 0
        self._over = False

    def whole(self, body: bytes) -> Response:
        return decode_response(body, self._provider, self._reader)

    # --- frames

    def frame(self, frame: SSE, out: list[Event]) -> None:
        if frame.data[:6] == b"[DONE]":
            return
        event = parse_frame(frame.data, self._provider)
        if event is None:
            return
        kind = event.get("type")
        handle = _HANDLERS.get(kind) if isinstance(kind, str) else None
        if handle is not None:
            handle(self, event, out)
        elif kind in _ENDS:
            self._end(event.get("response"), out)
        elif kind == "response.failed" or kind == "error" or frame.event == "error" or "error" in event:
            raise self._failure(event)

    def _failure(self, event: dict[str, Any]) -> ProviderError:
        response = event.get("response")
        if isinstance(response, dict):
            error = error_in({**response, "status": "failed"}, self._provider)
            if error is not None:
                return error
        said = event.get("error") or event
        return provider_error(status_in(said), {}, told({"error": said}), provider=self._provider)

    def _created(self, event: dict[str, Any], out: list[Event]) -> None:
        response = event.get("response")
        if not isinstance(response, dict) or (self._start is not None and not self._over):
            return
        if self._over:
            # Several responses in one stream: an agent behind the vendor's door. The last one is the answer.
            self._reset()
            out.append(Restarted("another response in the same stream", self._provider))
        self._start = start_of(response)
        out.append(self._start)

    # --- pieces

    def _content(self, event: dict[str, Any], out: list[Event]) -> None:  # noqa: ARG002  # handlers have it
        self._number(event)

    def _number(self, event: dict[str, Any]) -> int:
        """The number of the part of a message that an event is about: the parts of a message are numbered in the
        order they show up, since Bedrock counts ``content_index`` on from one item to the next.
        """
        place = _count(event.get("output_index"))
        inner = self._inner.setdefault(place, {})
        return place * STRIDE + inner.setdefault(_count(event.get("content_index")), len(inner))

    def _block(self, event: dict[str, Any], *, inner: bool = False) -> tuple[int, _Block]:
        number = self._number(event) if inner else _count(event.get("output_index")) * STRIDE
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = _Block()
        return number, block

    def _text(self, event: dict[str, Any], out: list[Event]) -> None:
        delta = event.get("delta")
        if type(delta) is not str or self._over:
            return
        number, block = self._block(event, inner=True)
        block.pieces.append(delta)
        scores = event.get("logprobs")
        out.append(TextDelta(delta, number, 0, logprobs_of(scores) if scores else ()))

    def _refusal(self, event: dict[str, Any], out: list[Event]) -> None:
        delta = event.get("delta")
        if isinstance(delta, str) and not self._over:
            number, block = self._block(event, inner=True)
            block.pieces.append(delta)
            out.append(PartEvent(Refusal(delta), number))

    def _reasoning(self, event: dict[str, Any], out: list[Event]) -> None:
        delta = event.get("delta")
        if not isinstance(delta, str) or self._over:
            return
        number, block = self._block(event)
        source = event["type"]
        block.source = block.source or source
        if block.source == source:  # what the model thought and the summary of it are not one text
            block.pieces.append(delta)
            out.append(ReasoningDelta(delta, number))

    def _arguments(self, event: dict[str, Any], out: list[Event]) -> None:
        delta = event.get("delta")
        number = _count(event.get("output_index")) * STRIDE
        block = self._blocks.get(number)
        if isinstance(delta, str) and block is not None and not self._over:
            block.pieces.append(delta)
            out.append(ToolCallDelta(block.index, None, None, delta, number))

    # --- items

    def _added(self, event: dict[str, Any], out: list[Event]) -> None:
        item = event.get("item")
        if not isinstance(item, dict) or item.get("type") not in ("function_call", "custom_tool_call") or self._over:
            return
        for part in decode_item({**item, "arguments": "", "input": ""}, self._provider, asked=False):
            if isinstance(part, ToolCall):
                number, block = self._block(event)
                self._call(number, block, part, "", out)

    def _call(self, number: int, block: _Block, call: ToolCall, arguments: str, out: list[Event]) -> None:
        block.index = self._calls
        self._calls += 1
        block.pieces.append(arguments)
        out.append(ToolCallDelta(block.index, call.id, call.name, arguments, number))

    def _done(self, event: dict[str, Any], out: list[Event]) -> None:
        item = event.get("item")
        if not isinstance(item, dict) or self._over:
            return
        place = _count(event.get("output_index"))
        self._items[place] = item
        for number, part in enumerate(self._parts(item), place * STRIDE):
            self._catch_up(number, part, out)

    def _parts(self, item: dict[str, Any]) -> list[Part]:
        return [without_logprobs(part) for part in decode_item(item, self._provider, asked=False)]

    def _catch_up(self, number: int, part: Part, out: list[Event]) -> None:
        """Hand over what is still missing of a part's text, or the whole part where it does not come in pieces."""
        block = self._blocks.get(number)
        if block is None and isinstance(part, Reasoning) and not part.text:
            out.append(ReasoningDelta("", number))  # nothing of it is shown, but this is where it belongs
        if not isinstance(part, Text | Refusal | Reasoning | ToolCall):
            if block is None or block.value != part:
                known = self._blocks[number] = _Block()
                known.value = part
                out.append(PartEvent(part, number, replace=block is not None))
            return
        if block is None:
            block = self._blocks[number] = _Block()
            if isinstance(part, ToolCall):
                self._call(number, block, part, "", out)
        said, meant = "".join(block.pieces), _text_of(part)
        if meant == said or (isinstance(part, ToolCall) and not said.strip() and not part.arguments and not part.raw):
            return
        if meant.startswith(said) and block.value is None:
            block.pieces.append(meant[len(said) :])
            out.append(_more(part, meant[len(said) :], number, block.index))
        elif block.value != part:
            block.value = part
            out.append(PartEvent(part, number, replace=True))

    # --- the end

    def _end(self, body: Any, out: list[Event]) -> None:
        if not isinstance(body, dict) or self._over:
            return
        if not body.get("output"):
            # ChatGPT's own door leaves the output out of the last event.
            body = {**body, "output": [self._items[place] for place in sorted(self._items)]}
        response = decode_response(body, self._provider, self._reader)
        for place, item in self._placed(body["output"]):
            for number, part in enumerate(self._parts(item), place * STRIDE):
                self._catch_up(number, part, out)
                self._add(number, part, out)
        self._over = True
        start = start_of(body)
        if start != self._start:
            out.append(start)  # the tier that served, above all, is only known at the end
        if response.usage.reported:
            out.append(UsageEvent(response.usage))
        choice = response.choices[0]
        out.append(Finish(choice.finish, choice.finish_raw, response_extra=response.extra))

    def _placed(self, output: list[Any]) -> list[tuple[int, dict[str, Any]]]:
        """The items of the whole with their places in the stream, which are those of the whole but for gaps."""
        known = {key: place for place, item in self._items.items() if (key := word(item.get("id")))}
        return [
            (known.get(word(item.get("id")) or "", place), item)
            for place, item in enumerate(output)
            if isinstance(item, dict)
        ]

    def _add(self, number: int, part: Part, out: list[Event]) -> None:
        """What a part has beside its text."""
        if self._blocks[number].value is not None:
            return
        if isinstance(part, Text):
            if part.citations or part.extra:
                out.append(PartEvent(Text("", part.citations, extra=part.extra), number))
        elif isinstance(part, Reasoning):
            out.append(PartEvent(Reasoning("", None, part.redacted, part.id, extra=part.extra), number))
        elif isinstance(part, ToolCall) and part.extra:
            out.append(PartEvent(ToolCall(part.id, part.name, extra=part.extra), number))
        elif isinstance(part, Refusal) and part.extra:
            out.append(PartEvent(Refusal("", part.extra), number))


def start_of(response: dict[str, Any]) -> Start:
    tier = word(response.get("service_tier"))
    return Start(word(response.get("id")), word(response.get("model")), created_of(response), tier)


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < STRIDE else 0


def _text_of(part: _Growing) -> str:
    if not isinstance(part, ToolCall):
        return part.text
    return arguments_text(part)


def _more(part: _Growing, text: str, number: int, index: int) -> Event:
    """The rest of a part's text as the event that brings such text."""
    if isinstance(part, ToolCall):
        return ToolCallDelta(index, None, None, text, number)
    if isinstance(part, Reasoning):
        return ReasoningDelta(text, number)
    return TextDelta(text, number) if isinstance(part, Text) else PartEvent(Refusal(text), number)


_HANDLERS: dict[str, Callable[[ResponseStream, dict[str, Any], list[Event]], None]] = {
    "response.output_text.delta": ResponseStream._text,
    "response.refusal.delta": ResponseStream._refusal,
    "response.reasoning_summary_text.delta": ResponseStream._reasoning,
    "response.reasoning_text.delta": ResponseStream._reasoning,
    "response.function_call_arguments.delta": ResponseStream._arguments,
    "response.custom_tool_call_input.delta": ResponseStream._arguments,
    "response.output_item.added": ResponseStream._added,
    "response.content_part.added": ResponseStream._content,
    "response.output_item.done": ResponseStream._done,
    "response.created": ResponseStream._created,
}
"""Everything else only says again what these say, or how far a tool has come."""
