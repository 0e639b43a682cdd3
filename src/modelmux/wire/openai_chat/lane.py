"""One choice of a streamed answer: what its deltas say, as events."""

from __future__ import annotations

from typing import Any

from modelmux._json import dumps_str
from modelmux.types import (
    AudioDelta,
    Event,
    Media,
    PartEvent,
    Reasoning,
    ReasoningDelta,
    Refusal,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
)
from modelmux.wire._logprobs import logprobs_of
from modelmux.wire.openai_chat import answer
from modelmux.wire.openai_chat.messages import detail_text, proofs
from modelmux.wire.openai_chat.response import content_blocks
from modelmux.wire.openai_chat.saying import kept, present, word

TEXT_ONLY = frozenset({"role", "content"})
_DELTA = TEXT_ONLY | {
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "thought_signature",
    "tool_calls",
    "function_call",
    "refusal",
    "annotations",
    "audio",
    "images",
    "executed_tools",
    "token_id",
    "obfuscation",
    "padding",
}


_JOINED = {"reasoning.text": "text", "reasoning.summary": "summary"}


class Lane:
    """One choice of the stream as far as it has come."""

    __slots__ = (
        "calls",
        "carried",
        "cited",
        "extra",
        "finish",
        "goes_on",
        "index",
        "logprobs",
        "message",
        "next_part",
        "parts",
        "ran",
        "refused",
        "text_part",
    )

    def __init__(self, index: int) -> None:
        self.index = index
        self.parts: dict[Any, int] = {}
        self.next_part = 0
        self.text_part = -1
        self.calls: list[dict[str, Any]] = []
        self.carried: dict[str, Any] = {}
        self.extra: dict[str, Any] = {}
        self.message: dict[str, Any] = {}
        self.logprobs: dict[str, list[Any]] = {}
        self.finish: str | None = None
        self.goes_on = False
        self.ran: dict[int, Any] = {}
        self.refused = False
        self.cited = False

    def part(self, kind: Any) -> int:
        """The number of the block of this kind; blocks are numbered in the order they first show up."""
        number = self.parts.get(kind)
        if number is None:
            number = self.parts[kind] = self.next_part
            self.next_part += 1
            if kind == "text":
                self.text_part = number
        return number

    def fresh(self) -> int:
        self.next_part += 1
        return self.next_part - 1

    # --- deltas

    def scores(self, logprobs: Any) -> Any:
        if not isinstance(logprobs, dict):
            return ()
        for name, items in logprobs.items():
            if name != "content" and isinstance(items, list) and items:
                self.logprobs.setdefault(name, []).extend(items)
        return logprobs_of(logprobs.get("content"))

    def delta(self, delta: dict[str, Any], tokens: Any, out: list[Event]) -> Any:
        """A delta with more than text in it. Gives back the logprobs it found no text for."""
        self._reasoning(delta, out)
        for item in _list(delta.get("executed_tools")):
            self._executed(item, out)
        content = delta.get("content")
        if content and isinstance(content, str):
            out.append(TextDelta(content, self.part("text"), self.index, tokens))
            tokens = ()
        elif content:
            self.block(content, out)
        annotations = _list(delta.get("annotations"))
        if annotations:
            self.cited = True
            cited = Text("", tuple(answer.citation_of(_unnumbered(item)) for item in annotations))
            out.append(PartEvent(cited, self.part("text"), self.index))
        refusal = delta.get("refusal")
        if refusal and isinstance(refusal, str):
            self.refused = True
            out.append(PartEvent(Refusal(refusal), self.part("refusal"), self.index))
        if delta.get("audio"):
            self._audio(delta["audio"], out)
        for item in _list(delta.get("images")):
            image = answer.image_of(item)
            if image is not None:
                out.append(PartEvent(image, self.fresh(), self.index))
        for item in _list(delta.get("tool_calls")):
            self._call(item, out)
        legacy = delta.get("function_call")
        if isinstance(legacy, dict) and (legacy.get("name") or legacy.get("arguments")):
            self._call({"index": 0, "function": legacy}, out)
        if not delta.keys() <= _DELTA:
            for name in delta.keys() - _DELTA:
                if delta[name] is not None and delta[name] != "" and delta[name] != []:
                    self.message[name] = delta[name]
        return tokens

    def block(self, content: Any, out: list[Event]) -> None:
        if not isinstance(content, list):
            out.append(TextDelta(dumps_str(content), self.part("text"), self.index))
            return
        for block in content_blocks(content):
            if isinstance(block, Text):
                if block.text:
                    out.append(TextDelta(block.text, self.part("text"), self.index))
            elif isinstance(block, Reasoning):
                if block.text or block.signature:
                    part = self.part("reasoning")
                    out.append(ReasoningDelta(block.text, part, self.index, block.signature))
            else:
                out.append(PartEvent(block, self.fresh(), self.index))

    def _reasoning(self, delta: dict[str, Any], out: list[Event]) -> None:
        text = delta.get("reasoning_content") or delta.get("reasoning")
        details = delta.get("reasoning_details")
        if isinstance(details, list) and details:
            known = self.carried.setdefault("reasoning_details", [])
            for item in details:
                _join_detail(known, item)
            if not text:
                text = "".join(detail_text(item) for item in details)
            self.part("reasoning")
        if text and isinstance(text, str):
            out.append(ReasoningDelta(text, self.part("reasoning"), self.index))
        if delta.get("thought_signature"):
            self.carried["thought_signature"] = delta["thought_signature"]
            self.part("reasoning")

    def _executed(self, item: Any, out: list[Event]) -> None:
        if isinstance(item, dict) and isinstance(item.get("index"), int):
            self.ran.setdefault(item["index"], item.get("id"))
            item = {**item, "id": item.get("id") or self.ran[item["index"]]}
        run = answer.executed(item)
        if run is None:
            return
        call, result = run
        known = ("run", call.id)
        if known not in self.parts or "arguments" in item:
            out.append(PartEvent(call, self.part(known), self.index, replace=True))
        if result is not None:
            out.append(PartEvent(result, self.part(("ran", call.id)), self.index, replace=True))

    def _audio(self, audio: Any, out: list[Event]) -> None:
        if not isinstance(audio, dict):
            return
        data, transcript = word(audio.get("data")), word(audio.get("transcript"))
        if data or transcript:
            part = self.part("audio")
            out.append(AudioDelta(data or "", transcript or "", part, self.index, word(audio.get("id"))))
        rest = present({name: audio[name] for name in audio.keys() - {"id", "data", "transcript"}})
        if rest and "audio" in self.parts:
            out.append(PartEvent(Media("audio", extra=kept({"audio": rest})), self.part("audio"), self.index))

    def _call(self, item: Any, out: list[Event]) -> None:
        if not isinstance(item, dict):
            return
        inner = item.get("function")
        custom = item.get("custom")
        if not isinstance(inner, dict):
            inner = custom if isinstance(custom, dict) else {}
        name = word(inner.get("name"))
        arguments = inner.get("arguments") if "arguments" in inner else inner.get("input")
        if not isinstance(arguments, str):
            arguments = dumps_str(arguments) if isinstance(arguments, dict) else ""
        call_id = word(item.get("id"))
        call = _find_call(self.calls, item.get("index"), call_id, name)
        if call is None:
            number = len(self.calls)
            call = {"index": item.get("index"), "id": call_id, "number": number, "part": self.fresh(), "name": name}
            self.calls.append(call)
            call_id = call_id or f"call_{number}"
        else:
            # Some vendors repeat id and name in every piece; they belong to the first.
            call_id = call_id if call["id"] is None and name is None else None
            name = name if call["name"] is None else None
            call["name"] = call["name"] or name
            if not (arguments or name or call_id):
                return
        out.append(ToolCallDelta(call["number"], call_id, name, arguments, call["part"], self.index))
        rest = present({key: item[key] for key in item.keys() - {"index", "id", "type", "function", "custom"}})
        if item.get("type") == "custom":
            rest["type"] = "custom"
        if rest:
            call.setdefault("extra", {}).update(rest)

    def flush(self, out: list[Event]) -> None:
        """What belongs to blocks but was only whole at the end."""
        if self.carried:
            signature, redacted = proofs(self.carried)
            part = Reasoning("", signature, redacted, extra=kept(self.carried))
            out.append(PartEvent(part, self.part("reasoning"), self.index))
        for call in self.calls:
            if "extra" in call:
                more = ToolCall(call["id"] or "", call["name"] or "", extra=kept(call["extra"]))
                out.append(PartEvent(more, call["part"], self.index))


def _find_call(calls: list[dict[str, Any]], index: Any, call_id: str | None, name: str | None) -> dict[str, Any] | None:
    """The call a piece belongs to: by its number, else by its id, else the last one begun."""
    if index is not None:
        found = next((call for call in reversed(calls) if call["index"] == index), None)
        begins = found is not None and call_id is not None and found["id"] not in (None, call_id) and name is not None
        return None if begins else found
    if call_id is not None:
        return next((call for call in calls if call["id"] == call_id), None)
    if name is not None:
        return None
    return calls[-1] if calls else None


def _join_detail(known: list[Any], item: Any) -> None:
    """Add a piece of ``reasoning_details``: pieces of one text join, as they do in a whole answer."""
    last = known[-1] if known else None
    if not isinstance(item, dict):
        known.append(item)
        return
    field = _JOINED.get(item["type"]) if isinstance(item.get("type"), str) else None
    if field is None or not isinstance(last, dict) or not _same_detail(item, last):
        known.append(dict(item))
        return
    pieces = [piece for piece in (last.get(field), item.get(field)) if isinstance(piece, str)]
    last.update({name: value for name, value in item.items() if value is not None})
    if pieces:
        last[field] = "".join(pieces)


def _same_detail(item: dict[str, Any], last: dict[str, Any]) -> bool:
    ids = {word(item.get("id")), word(last.get("id"))} - {None}
    return item["type"] == last.get("type") and item.get("index") == last.get("index") and len(ids) < 2


def _unnumbered(item: Any) -> Any:
    """An annotation without its place in the list, which says nothing of the source."""
    return {name: value for name, value in item.items() if name != "index"} if isinstance(item, dict) else item


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
