"""A streamed answer, as events.

There is no closing mark such as ``[DONE]``: an answer is whole when every candidate that began has named its finish
reason, when the prompt was blocked, or when the JSON array around the chunks was closed. A body that just stops is
cut, even if its last chunk has counters: every chunk has (all 171 recorded streams end with a finish reason).

Text that comes in several chunks is one block; text with a signature is a block of its own, because a signed part
must go back as it came. The mark of a block (its signature, its fields) goes before its text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelmux._json import dumps_str, loads
from modelmux.errors import MalformedResponse, StreamTruncated
from modelmux.types import (
    AudioDelta,
    Event,
    Extra,
    Finish,
    Media,
    PartEvent,
    Reasoning,
    ReasoningDelta,
    Start,
    Text,
    TextDelta,
    TokenLogprob,
    ToolCall,
    ToolCallDelta,
    Usage,
    UsageEvent,
)
from modelmux.wire._stream import StreamDecoder
from modelmux.wire.gemini_generate_content._fields import camel, kept, own
from modelmux.wire.gemini_generate_content._names import FINISH_NUMBERS, WIRE, finish_of, word
from modelmux.wire.gemini_generate_content._values import logprobs_of, seconds_of
from modelmux.wire.gemini_generate_content.error import in_band, is_error
from modelmux.wire.gemini_generate_content.framing import Frames
from modelmux.wire.gemini_generate_content.grounding import citations_of
from modelmux.wire.gemini_generate_content.partial_args import PartialArgs
from modelmux.wire.gemini_generate_content.parts_in import CallIds, decode_part
from modelmux.wire.gemini_generate_content.response import (
    NO_CANDIDATE,
    block_reason,
    candidate_fields,
    parts_of,
    tier_of,
    top_fields,
)

_OURS: Extra = {WIRE: {}}


class Decoder(StreamDecoder):
    """One streamed answer. ``read_usage`` is called once, at the end, with the counters folded together."""

    framing = Frames

    def __init__(self, *, provider: str, read_usage: Callable[[dict[str, Any]], Usage], enums: str) -> None:
        super().__init__()
        self._provider, self._read_usage, self._enums = provider, read_usage, enums
        self._candidates: dict[int, _Candidate] = {}
        self._top: dict[str, Any] = {}
        self._counters: dict[str, Any] = {}
        self._id: str | None = None
        self._started = self._closing = False

    @property
    def ending(self) -> bool:
        """The last chunk carries the finish reason; the events of the end come with the body's."""
        candidates = self._candidates
        return bool(candidates) and all(candidate.finish is not None for candidate in candidates.values())

    def close(self) -> list[Event]:
        self._closing = True
        return super().close()

    def frame(self, frame: bytes, out: list[Event]) -> None:
        try:
            value = loads(frame)
        except ValueError as error:
            if frame.strip() == b"[DONE]":
                return
            if self._closing:
                self._account(out)
                raise StreamTruncated("the stream ends inside a chunk", provider=self._provider) from None
            raise MalformedResponse(f"a chunk is not JSON: {error}", provider=self._provider) from None
        if isinstance(value, dict):
            self._chunk(value, out)
            return
        for chunk in value if isinstance(value, list) else (value,):
            if not isinstance(chunk, dict):
                raise MalformedResponse("a chunk is not an object", provider=self._provider, body=chunk)
            self._chunk(chunk, out)

    def _chunk(self, chunk: dict[str, Any], out: list[Event]) -> None:
        if "error" in chunk and is_error(chunk):
            self._account(out)
            raise in_band(chunk, self._provider)
        counters = chunk.get("usageMetadata")
        if not self._started:
            self._start(chunk, out)
        if isinstance(counters, dict):
            # Cumulative, but a late chunk can lack a counter that an earlier one had.
            if None in counters.values():
                counters = {key: value for key, value in counters.items() if value is not None}
            self._counters.update(counters)
        self._top.update(chunk)
        candidates = chunk.get("candidates")
        for place, item in enumerate(candidates if isinstance(candidates, list) else ()):
            if isinstance(item, dict):
                index = item.get("index", place)
                if type(index) is not int:
                    index = place
                candidate = self._candidates.get(index)
                if candidate is None:
                    candidate = self._candidates[index] = _Candidate(index, self._id)
                candidate.chunk(item, out)

    def _start(self, chunk: dict[str, Any], out: list[Event]) -> None:
        self._started = True
        response_id, model = chunk.get("responseId"), chunk.get("modelVersion")
        self._id = response_id if isinstance(response_id, str) else None
        out.append(
            Start(
                self._id,
                model if isinstance(model, str) else None,
                seconds_of(chunk.get("createTime")),
                tier_of(chunk.get("usageMetadata")),
            )
        )

    def end(self, out: list[Event]) -> None:
        candidates = [self._candidates[index] for index in sorted(self._candidates)]
        for candidate in candidates:
            candidate.end(out)
        self._account(out)
        blocked = block_reason(self._top, self._enums)
        array = self._frames.array
        whole = (
            (bool(candidates) and all(candidate.finish is not None for candidate in candidates))
            or (blocked is not None and not candidates)
            or (array is not None and array.closed and bool(candidates))
        )
        if array is not None and array.junk and not array.partial:
            raise MalformedResponse("something other than JSON objects in the stream", provider=self._provider)
        if not whole or (array is not None and array.partial):
            said = "without a finish reason" if self._started else "before its first chunk"
            raise StreamTruncated(f"the stream ends {said}", provider=self._provider)
        extra = top_fields(self._top, seconds_of(self._top.get("createTime")))
        if not candidates:
            out.append(Finish("filtered", blocked, 0, {WIRE: {NO_CANDIDATE: "absent"}}, extra))
        for candidate in candidates:
            last = candidate is candidates[-1]
            out.append(candidate.finished(self._enums, extra if last else {}))

    def _account(self, out: list[Event]) -> None:
        if not self._counters:
            return
        body = {**self._top, "usageMetadata": self._counters}
        body["candidates"] = [self._candidates[index].fields for index in sorted(self._candidates)]
        out.append(UsageEvent(self._read_usage(body)))


class _Candidate:
    """One candidate in the making. ``open`` is what the block that takes more of its kind is: None when none does."""

    __slots__ = ("calls", "fields", "finish", "ids", "index", "logprobs", "open", "part", "partial", "texts")

    def __init__(self, index: int, response_id: str | None) -> None:
        self.index = index
        self.part = -1
        self.open: str | None = None
        self.calls = 0
        self.ids = CallIds(response_id, index)
        self.partial: tuple[int, int, PartialArgs] | None = None
        self.texts: dict[int, list[str]] = {}
        self.fields: dict[str, Any] = {}
        self.finish: Any = None
        self.logprobs: list[TokenLogprob] = []

    def chunk(self, item: dict[str, Any], out: list[Event]) -> None:
        logprobs = logprobs_of(item["logprobsResult"]) if "logprobsResult" in item else ()
        for part in parts_of(item):
            if isinstance(part, dict) and len(part) == 1:
                text = part.get("text")
                if isinstance(text, str):
                    if text:
                        self._text(text, out, logprobs)
                        logprobs = ()
                    continue
            self._part(part, out)
        for key, value in item.items():
            if key == "finishReason":
                self.finish = value if value not in (None, "", 0) else self.finish
            elif key not in ("content", "index"):
                self._field(key, value)
        if logprobs:
            out.append(TextDelta("", self._last_text(), self.index, logprobs))
        if "logprobsResult" in item:
            self.logprobs.extend(logprobs_of(item["logprobsResult"]))

    def _last_text(self) -> int:
        if not self.texts:
            self._next("text")
            self.texts[self.part] = []
        return max(self.texts)

    def _next(self, kind: str | None) -> int:
        self.part += 1
        self.open = kind
        return self.part

    def _text(self, text: str, out: list[Event], logprobs: tuple[TokenLogprob, ...] = ()) -> None:
        if self.open != "text":
            self.texts[self._next("text")] = []
        self.texts[self.part].append(text)
        out.append(TextDelta(text, self.part, self.index, logprobs))

    def _part(self, raw: Any, out: list[Event]) -> None:
        if isinstance(raw, dict) and ("functionCall" in raw or "function_call" in raw) and self._fragment(raw, out):
            return
        part = decode_part(raw, self.ids)
        if isinstance(part, Text):
            self._marked_text(part, out)
        elif isinstance(part, Reasoning):
            self._reasoning(part, out)
        elif isinstance(part, ToolCall):
            self._tool_call(part, out)
        elif isinstance(part, Media) and part.kind == "audio" and part.signature is None and not part.extra:
            self._audio(part, out)
        else:
            out.append(PartEvent(part, self._next(None), self.index))

    def _marked_text(self, part: Text, out: list[Event]) -> None:
        if part.signature is None and own(part.extra) == {"thought": False}:
            if part.text:
                self._text(part.text, out)
            return
        number = self._next(None)
        self.texts[number] = [part.text]
        out.append(PartEvent(Text("", signature=part.signature, extra=part.extra), number, self.index))
        if part.text:
            out.append(TextDelta(part.text, number, self.index))

    def _reasoning(self, part: Reasoning, out: list[Event]) -> None:
        joins = part.signature is None and part.extra == _OURS
        if not joins or self.open != "reasoning":
            self._next("reasoning" if joins else None)
            out.append(PartEvent(Reasoning("", extra=part.extra), self.part, self.index))
        if part.text or part.signature is not None:
            out.append(ReasoningDelta(part.text, self.part, self.index, part.signature))

    def _audio(self, part: Media, out: list[Event]) -> None:
        kind = f"audio {part.media_type}"
        if self.open != kind:
            self._next(kind)
        out.append(AudioDelta(part.data or "", "", self.part, self.index, media_type=part.media_type))

    def _tool_call(self, part: ToolCall, out: list[Event]) -> None:
        number = self._next(None)
        arguments = part.raw if part.raw is not None else dumps_str(part.arguments)
        out.append(
            ToolCallDelta(self.calls, part.id, part.name, arguments, number, self.index, signature=part.signature)
        )
        self.calls += 1
        if part.extra:
            out.append(PartEvent(ToolCall(part.id, part.name, extra=part.extra), number, self.index))

    def _fragment(self, raw: dict[str, Any], out: list[Event]) -> bool:
        """A piece of a call whose arguments are streamed. Its arguments are handed over when they are whole."""
        fields, names = camel(raw)
        value = fields.pop("functionCall", None)
        if not isinstance(value, dict):
            return False
        call, _ = camel(value)
        name = call.get("name")
        named = isinstance(name, str) and bool(name)
        more = call.get("willContinue") is True
        if named:
            self._complete(out)
            if not more and "partialArgs" not in call:
                return False
            self._begin(call, fields, names, out)
        elif self.partial is None:
            return False
        if self.partial is not None:
            self.partial[2].add(call)
        if not more:
            self._complete(out)
        return True

    def _begin(self, call: dict[str, Any], fields: dict[str, Any], names: list[str], out: list[Event]) -> None:
        given = call.get("id") if isinstance(call.get("id"), str) else None
        name = call["name"]
        call_id = self.ids.call(given, name)
        signature = fields.pop("thoughtSignature", None)
        number = self._next(None)
        self.partial = (number, self.calls, PartialArgs())
        out.append(
            ToolCallDelta(
                self.calls,
                call_id,
                name,
                "",
                number,
                self.index,
                signature=signature if isinstance(signature, str) else None,
            )
        )
        self.calls += 1
        extra = kept(fields, names, id=None if given else "absent")
        if extra:
            # No arguments yet: an empty object here would stand before the true ones.
            out.append(PartEvent(ToolCall(call_id, name, raw="", extra=extra), number, self.index))

    def _complete(self, out: list[Event]) -> None:
        if self.partial is not None:
            number, index, args = self.partial
            out.append(ToolCallDelta(index, arguments=dumps_str(args.value), part=number, choice=self.index))
            self.partial = None

    def _field(self, key: str, value: Any) -> None:
        """Fields beside the content: the last one counts, but for lists that grow chunk by chunk."""
        before = self.fields.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            value = {**before, **{name: _joined(name, before.get(name), item) for name, item in value.items()}}
        self.fields[key] = value

    def end(self, out: list[Event]) -> None:
        self._complete(out)
        if "groundingMetadata" in self.fields or "citationMetadata" in self.fields:
            texts = [(number, "".join(pieces)) for number, pieces in self.texts.items()]
            for number, citations in citations_of(self.fields, texts).items():
                out.append(PartEvent(Text("", tuple(citations)), number, self.index))

    def finished(self, enums: str, response_extra: Extra) -> Finish:
        raw = word(self.finish, FINISH_NUMBERS[enums])
        extra = candidate_fields(self.fields, tuple(self.logprobs), finished=raw is not None)
        return Finish(finish_of(raw, has_calls=self.calls > 0), raw, self.index, extra, response_extra)


_GROWING = frozenset({"chosenCandidates", "topCandidates", "citations", "citationSources", "webSearchQueries"})


def _joined(name: str, before: Any, value: Any) -> Any:
    if name not in _GROWING or not isinstance(before, list) or not isinstance(value, list):
        return value
    if name in ("chosenCandidates", "topCandidates"):
        return [*before, *value]
    return [*before, *(item for item in value if item not in before)]
