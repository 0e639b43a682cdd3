"""Streamed answers of the Converse API as events, push-style.

Blocks come one after another: ``contentBlockStart`` (for tools only), deltas, ``contentBlockStop``. What a canonical
delta can say is handed over at once; what it cannot (server tools, blocks nobody knows) is collected and handed over
whole when the block stops.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelmux import _json
from modelmux._eventstream import EventFrames, EventMessage
from modelmux._fold import unfold
from modelmux.errors import StreamTruncated
from modelmux.types import (
    Event,
    Finish,
    PartEvent,
    Reasoning,
    ReasoningDelta,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    UsageEvent,
)
from modelmux.wire._refusal import malformed
from modelmux.wire._stream import AnswerStream
from modelmux.wire._usage import read_usage
from modelmux.wire.bedrock_converse.blocks_in import CITED, decode_block, decode_citation
from modelmux.wire.bedrock_converse.error import in_band, of_message
from modelmux.wire.bedrock_converse.response import decode_response
from modelmux.wire.bedrock_converse.vocabulary import EXCEPTION_STATUSES, OWN, finish_of, kept


class _Block:
    """One open content block: its number, and what is collected of one that comes whole."""

    __slots__ = ("call", "form", "input", "kind", "part")

    def __init__(self, part: int) -> None:
        self.part = part
        self.kind = ""
        self.call = 0
        self.form: dict[str, Any] = {}
        self.input: list[str] = []


class ConverseStream(AnswerStream):
    """``messageStart`` … ``messageStop``, ``metadata``. A stream in which a stop reason came is whole even when what
    follows it is missing; its usage is then unknown.
    """

    framing = EventFrames

    def __init__(self, provider: str, reader: str) -> None:
        super().__init__(provider, reader)
        self._started = False
        self._blocks: dict[int, _Block] = {}
        self._calls = 0
        self._stop: tuple[Any, str | None] | None = None
        self._metadata: dict[str, Any] | None = None
        self._extra: dict[str, Any] = {}

    def frame(self, frame: EventMessage, out: list[Event]) -> None:
        error = of_message(frame, self._provider)
        if error is not None:
            raise error
        try:
            value = _json.loads(frame.payload)
        except ValueError:
            raise malformed("an event of the stream is not JSON", self._provider, frame.payload) from None
        if not isinstance(value, dict):
            raise malformed("an event of the stream is no object", self._provider, frame.payload)
        kind = frame.headers.get(":event-type")
        if kind is not None:
            self._event(kind, value, out)
            return
        if not self._started and not any(key in _EVENTS or key.lower() in EXCEPTION_STATUSES for key in value):
            # No event at all: some gateways answer a stream request, or refuse it, with one JSON body.
            out.extend(unfold(decode_response(value, self._provider, self._reader)))
            self._started = self._over = True
            return
        for kind, inner in value.items():
            if isinstance(inner, dict):
                self._event(kind, inner, out)

    def end(self, out: list[Event]) -> None:
        if self._over:
            return
        if self._stop is None:
            raise StreamTruncated("the stream ended before the message did", status=200, provider=self._provider)
        self._finish(out)

    # --- events ----------------------------------------------------------------------------------------------

    def _event(self, kind: str, value: dict[str, Any], out: list[Event]) -> None:
        handle = _EVENTS.get(kind)
        if handle is None:
            if kind.lower() in EXCEPTION_STATUSES:
                raise in_band(value, kind, self._provider)
            return
        if not self._started:
            self._started = True
            out.append(Start())
        handle(self, value, out)

    def _message_start(self, _: dict[str, Any], __: list[Event]) -> None:
        """Says the role, which is always the same."""

    def _block_start(self, value: dict[str, Any], out: list[Event]) -> None:
        start = value.get("start")
        if not isinstance(start, dict) or not start:
            return
        block = self._block(value)
        kind, said = next(iter(start.items()))
        first = decode_block({kind: {"input": {}, **said}}) if kind == "toolUse" and isinstance(said, dict) else None
        if not isinstance(first, ToolCall):
            block.kind, block.form = "whole", dict(start)
            return
        block.kind, block.call = "tool", self._calls
        self._calls += 1
        out.append(ToolCallDelta(block.call, first.id, first.name, part=block.part))
        if first.extra:
            out.append(PartEvent(ToolCall("", "", extra=first.extra), block.part))

    def _block_delta(self, value: dict[str, Any], out: list[Event]) -> None:
        delta = value.get("delta")
        if not isinstance(delta, dict):
            return
        block = self._block(value)
        for kind, said in delta.items():
            handle = _DELTAS.get(kind) if block.kind != "whole" else None
            if handle is not None and handle(self, block, said, out):
                continue
            if block.kind in ("", "whole"):
                block.kind = "whole"
                _absorb(block, kind, said)

    def _block_stop(self, value: dict[str, Any], out: list[Event]) -> None:
        self._close(self._block(value), out)

    def _message_stop(self, value: dict[str, Any], out: list[Event]) -> None:
        self._stop = finish_of(value.get("stopReason"))
        self._extra.update({key: said for key, said in value.items() if key not in ("stopReason", "p")})
        if self._metadata is not None:
            self._finish(out)

    def _about(self, value: dict[str, Any], out: list[Event]) -> None:
        self._metadata = value
        if isinstance(value.get("usage"), dict):
            out.append(UsageEvent(read_usage(self._reader, value)))
        self._extra.update({key: said for key, said in value.items() if key not in ("usage", "p")})
        if self._stop is not None:
            self._finish(out)

    def _finish(self, out: list[Event]) -> None:
        for block in self._blocks.values():
            self._close(block, out)
        if self._over or self._stop is None:
            return
        self._over = True
        reason, raw = self._stop
        extra = {key: said for key, said in self._extra.items() if said is not None}
        out.append(Finish(reason, raw, response_extra=kept(extra)))

    # --- blocks ----------------------------------------------------------------------------------------------

    def _block(self, value: dict[str, Any]) -> _Block:
        index = value.get("contentBlockIndex")
        number = index if isinstance(index, int) else 0
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = _Block(number)
        return block

    def _close(self, block: _Block, out: list[Event]) -> None:
        if block.kind != "whole" or not block.form:
            return
        text = "".join(block.input)
        if text.strip():
            arguments, raw = _json.parse_arguments(text)
            block.form["toolUse"]["input"] = arguments if arguments or raw is None or raw.strip() == "{}" else raw
        out.append(PartEvent(decode_block(block.form), block.part))
        block.form = {}

    def _text(self, block: _Block, said: Any, out: list[Event]) -> bool:
        if not isinstance(said, str):
            return False
        block.kind = "text"
        out.append(TextDelta(said, block.part))
        return True

    def _tool(self, block: _Block, said: Any, out: list[Event]) -> bool:
        text = said.get("input") if isinstance(said, dict) else None
        if block.kind != "tool" or not isinstance(text, str):
            return block.kind == "tool"
        if text:
            out.append(ToolCallDelta(block.call, arguments=text, part=block.part))
        return True

    def _reasoning(self, block: _Block, said: Any, out: list[Event]) -> bool:
        if not isinstance(said, dict):
            return False
        if block.kind != "reasoning":
            block.kind = "reasoning"
            # Says whose signature is going to follow, even when none does.
            out.append(PartEvent(Reasoning(extra=OWN), block.part))
        text, signature, redacted = said.get("text"), said.get("signature"), said.get("redactedContent")
        signature = signature if isinstance(signature, str) and signature else None
        redacted = redacted if isinstance(redacted, str) else None
        text = text if isinstance(text, str) else ""
        out.append(ReasoningDelta(text, block.part, signature=signature, redacted=redacted))
        return True

    def _citation(self, block: _Block, said: Any, out: list[Event]) -> bool:
        block.kind = "text"
        out.append(PartEvent(Text("", (decode_citation(said),), extra=CITED), block.part))
        return True


_Handle = Callable[[ConverseStream, dict[str, Any], list[Event]], None]
_Delta = Callable[[ConverseStream, _Block, Any, list[Event]], bool]

_EVENTS: dict[str, _Handle] = {
    "messageStart": ConverseStream._message_start,
    "contentBlockStart": ConverseStream._block_start,
    "contentBlockDelta": ConverseStream._block_delta,
    "contentBlockStop": ConverseStream._block_stop,
    "messageStop": ConverseStream._message_stop,
    "metadata": ConverseStream._about,
}

_DELTAS: dict[str, _Delta] = {
    "text": ConverseStream._text,
    "toolUse": ConverseStream._tool,
    "reasoningContent": ConverseStream._reasoning,
    "citation": ConverseStream._citation,
}


def _absorb(block: _Block, kind: str, said: Any) -> None:
    """A delta of a block that comes whole: a result's content, a server tool's input, or what nobody knows."""
    held = block.form.get(kind)
    if not isinstance(held, dict):
        block.form[kind] = said
    elif kind == "toolResult":
        pieces = said if isinstance(said, list) else [said]
        block.form[kind] = {**held, "content": [*held.get("content", ()), *pieces]}
    elif isinstance(said, dict):
        more = dict(said)
        if kind == "toolUse" and isinstance(more.get("input"), str):
            block.input.append(more.pop("input"))
        block.form[kind] = {**held, **more}
