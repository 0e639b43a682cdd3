"""Events folded into a response: what a stream amounts to once it is over."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any

from modelmux._json import dumps_str, parse_arguments
from modelmux.types import (
    NO_USAGE,
    AudioDelta,
    Choice,
    Citation,
    Event,
    Finish,
    Media,
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
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    UsageEvent,
)

_UNKNOWN = Start()


class Folder:
    """Collects events; :meth:`response` is the answer so far."""

    def __init__(self) -> None:
        self._start = _UNKNOWN
        self._usage = NO_USAGE
        self._choices: dict[int, _Choice] = {}
        self._extra: dict[str, dict[str, Any]] = {}

    def feed(self, event: Event) -> None:
        if type(event) is TextDelta:  # nearly every event of a stream: no detours
            choice = self._choices.get(event.choice) or self._choice(event.choice)
            block = choice.blocks.get(event.part) or choice.block(event.part, "text")
            block.pieces.append(event.text)
            if event.logprobs:
                choice.logprobs.extend(event.logprobs)
        elif isinstance(event, ReasoningDelta):
            self._choice(event.choice).block(event.part, "reasoning").reasoning(event)
        elif isinstance(event, ToolCallDelta):
            self._choice(event.choice).block(event.part, "tool").tool(event)
        elif isinstance(event, AudioDelta):
            self._choice(event.choice).block(event.part, "audio").audio(event)
        elif isinstance(event, PartEvent):
            self._choice(event.choice).whole(event)
        elif isinstance(event, UsageEvent):
            self._usage = event.usage
        elif isinstance(event, Finish):
            self._choice(event.choice).finish = event
            _merge(self._extra, event.response_extra)
        elif isinstance(event, Start):
            self._start = event
            _merge(self._extra, event.extra)
        elif isinstance(event, Restarted):
            self.__init__()  # type: ignore[misc]  # what came before the restart never happened

    def response(self) -> Response:
        """The answer as far as it has come. Choices that have not finished count as ``stop``."""
        start = self._start
        choices = tuple(self._choices[index].build(index) for index in sorted(self._choices)) or (Choice(),)
        return Response(
            id=start.id,
            model=start.model,
            choices=choices,
            usage=self._usage,
            created=start.created,
            service_tier=start.service_tier,
            extra=self._extra,
        )

    def places(self) -> int:
        """One more than the highest number of a content block so far."""
        return max((max(choice.blocks, default=-1) for choice in self._choices.values()), default=-1) + 1

    def _choice(self, index: int) -> _Choice:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = _Choice()
        return choice


def fold(events: Iterable[Event]) -> Response:
    """The response that these events amount to."""
    folder = Folder()
    for event in events:
        folder.feed(event)
    return folder.response()


def unfold(response: Response) -> list[Event]:
    """The events of a stream that would amount to this response: one delta a block."""
    out: list[Event] = [Start(response.id, response.model, response.created, response.service_tier, response.extra)]
    for choice in response.choices:
        calls, logprobs = 0, choice.logprobs
        for number, part in enumerate(choice.content):
            if isinstance(part, ToolCall) and not part.extra and part.cache is None:
                text = part.raw if part.raw is not None else dumps_str(part.arguments)
                out.append(ToolCallDelta(calls, part.id, part.name, text, number, choice.index, part.signature))
                calls += 1
            elif isinstance(part, Reasoning) and not part.extra:
                out.append(ReasoningDelta(part.text, number, choice.index, part.signature, part.redacted, part.id))
            elif isinstance(part, Text) and not (part.citations or part.extra or part.signature):
                out.append(TextDelta(part.text, number, choice.index, logprobs))
                logprobs = ()
            else:
                if isinstance(part, Text) and logprobs:
                    out.append(TextDelta("", number, choice.index, logprobs))
                    logprobs = ()
                out.append(PartEvent(part, number, choice.index))
    if response.usage.reported:
        out.append(UsageEvent(response.usage))
    out.extend(Finish(choice.finish, choice.finish_raw, choice.index, choice.extra) for choice in response.choices)
    return out


class _Choice:
    __slots__ = ("blocks", "finish", "logprobs")

    def __init__(self) -> None:
        self.blocks: dict[int, _Block] = {}
        self.logprobs: list[TokenLogprob] = []
        self.finish: Finish | None = None

    def block(self, part: int, kind: str) -> _Block:
        block = self.blocks.get(part)
        if block is None:
            block = self.blocks[part] = _Block(kind)
        return block

    def whole(self, event: PartEvent) -> None:
        block = self.blocks.get(event.part)
        if block is None or event.replace:
            self.blocks[event.part] = _Block.of(event.value)
        else:
            block.add(event.value)

    def build(self, index: int) -> Choice:
        finish = self.finish or Finish()
        return Choice(
            content=tuple(self.blocks[part].build() for part in sorted(self.blocks)),
            finish=finish.reason,
            finish_raw=finish.raw,
            index=index,
            logprobs=tuple(self.logprobs),
            extra=finish.extra,
        )


class _Block:
    """One content block under construction. ``kind`` "whole" holds a part that no delta builds."""

    __slots__ = (
        "citations",
        "extra",
        "id",
        "kind",
        "media_type",
        "name",
        "pieces",
        "redacted",
        "signature",
        "transcript",
        "value",
    )

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.pieces: list[str] = []
        self.transcript: list[str] = []
        self.citations: list[Citation] = []
        self.extra: dict[str, dict[str, Any]] = {}
        self.id: str | None = None
        self.name: str | None = None
        self.signature: str | None = None
        self.redacted: str | None = None
        self.media_type: str | None = None
        self.value: Part | None = None

    @classmethod
    def of(cls, part: Part) -> _Block:
        kinds = {Text: "text", Refusal: "refusal", Reasoning: "reasoning", ToolCall: "tool"}
        block = cls(kinds.get(type(part), "whole"))
        if isinstance(part, ToolCall):
            block.id, block.name = part.id, part.name
            block.pieces.append(part.raw if part.raw is not None else dumps_str(part.arguments))
            block.signature = part.signature
            _merge(block.extra, part.extra)
        elif block.kind == "whole":
            block.value = part
        else:
            block.add(part)
        return block

    def add(self, part: Part) -> None:
        if isinstance(part, (Text, Refusal, Reasoning)):
            self.pieces.append(part.text)
        if isinstance(part, Text):
            self.citations.extend(part.citations)
        if isinstance(part, Reasoning):
            self.redacted = part.redacted or self.redacted
            self.id = part.id or self.id
        self.signature = getattr(part, "signature", None) or self.signature
        _merge(self.extra, getattr(part, "extra", {}))

    def reasoning(self, event: ReasoningDelta) -> None:
        self.pieces.append(event.text)
        self.signature = event.signature or self.signature
        self.redacted = event.redacted or self.redacted
        self.id = event.id or self.id

    def tool(self, event: ToolCallDelta) -> None:
        self.pieces.append(event.arguments)
        self.id = event.id or self.id
        self.name = event.name or self.name
        self.signature = event.signature or self.signature

    def audio(self, event: AudioDelta) -> None:
        self.pieces.append(event.data)
        self.transcript.append(event.transcript)
        self.media_type = event.media_type or self.media_type
        self.id = event.id or self.id

    def build(self) -> Part:
        if self.value is not None:
            return self.value
        text = "".join(self.pieces) if self.kind != "audio" else ""
        if self.kind == "text":
            return Text(text, tuple(self.citations), signature=self.signature, extra=self.extra)
        if self.kind == "refusal":
            return Refusal(text, extra=self.extra)
        if self.kind == "reasoning":
            return Reasoning(text, self.signature, self.redacted, self.id, extra=self.extra)
        if self.kind == "tool":
            arguments, raw = parse_arguments(text)
            return ToolCall(self.id or "", self.name or "", arguments, raw, self.signature, extra=self.extra)
        return Media(
            "audio",
            self.media_type,
            data=_join_base64(self.pieces),
            file_id=self.id,
            text="".join(self.transcript) or None,
            extra=self.extra,
        )


def _join_base64(pieces: list[str]) -> str | None:
    """Pieces of audio are padded each for itself, so they join as bytes, not as text."""
    kept = [piece for piece in pieces if piece]
    if not any("=" in piece for piece in kept[:-1]):
        return "".join(kept) or None
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece) for piece in kept)).decode()
    except binascii.Error:
        return "".join(kept)


def _merge(into: dict[str, dict[str, Any]], extra: Any) -> None:
    for wire, fields in extra.items():
        into.setdefault(wire, {}).update(fields)
