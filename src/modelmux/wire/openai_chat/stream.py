"""A streamed chat completion, decoded.

One chunk is one JSON object. What vendors differ in (where usage stands, whether ``[DONE]`` comes, whether tool
calls are numbered, what else a delta carries) is taken as it comes; nothing here knows a vendor by name.
"""

from __future__ import annotations

from typing import Any

from modelmux._fold import unfold
from modelmux._http import SSE
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
    Refusal,
    Start,
    Text,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    UsageEvent,
)
from modelmux.wire._stream import StreamDecoder
from modelmux.wire._usage import read_usage
from modelmux.wire.openai_chat import answer
from modelmux.wire.openai_chat.error import in_band_error
from modelmux.wire.openai_chat.messages import proofs
from modelmux.wire.openai_chat.response import content_blocks, decode_response
from modelmux.wire.openai_chat.saying import kept, present

_TOP = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint"}
    | {"obfuscation", "p", "error"}
)
_CHOICE = frozenset({"index", "delta", "finish_reason", "logprobs", "message", "text", "obfuscation", "token_ids"})
_TEXT_ONLY = frozenset({"role", "content"})
_DELTA = _TEXT_ONLY | {
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


class _Lane:
    """One choice of the stream as far as it has come."""

    __slots__ = (
        "calls",
        "carried",
        "cited",
        "extra",
        "finish",
        "index",
        "logprobs",
        "message",
        "next_part",
        "parts",
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


class ChatStream(StreamDecoder):
    """See :class:`~modelmux.wire._stream.StreamDecoder`. A whole JSON body instead of a stream is taken as well: some
    servers answer so when they do not stream, or when they fail.
    """

    def __init__(self, provider: str, usage: str) -> None:
        super().__init__()
        self._provider = provider
        self._usage_reader = usage
        self._head: bytes | None = b""
        self._whole: list[bytes] | None = None
        self._started = False
        self._over = False
        self._lanes: dict[int, _Lane] = {}
        self._usage: dict[str, Any] | None = None
        self._top: dict[str, Any] = {}

    # --- bytes

    def feed(self, data: bytes) -> list[Event]:
        if self._head is not None:
            held = self._head + data
            start = held.lstrip(b"\xef\xbb\xbf \t\r\n")
            if not start:
                self._head = held
                return super().feed(b"")
            self._head = None
            data = held
            if start[:1] in (b"{", b"<", b"["):
                self._whole = []
        if self._whole is not None:
            self._whole.append(data)
            return []
        return super().feed(data)

    def close(self) -> list[Event]:
        if self._whole is None:
            return super().close()
        body, self._whole = b"".join(self._whole), []
        return unfold(decode_response(body, self._provider, self._usage_reader))

    # --- frames

    def frame(self, frame: SSE, out: list[Event]) -> None:
        if self._over:
            return
        data = frame.data
        if data[:6] == b"[DONE]":
            self._finish(out)
            return
        try:
            chunk = loads(data)
        except ValueError:
            if not data.strip():
                return
            start = data[:200].decode("utf-8", "replace")
            raise MalformedResponse(f"a chunk is not JSON: {start!r}", provider=self._provider) from None
        if not isinstance(chunk, dict):
            raise MalformedResponse(f"a chunk is not an object: {data[:200]!r}", provider=self._provider)
        choices = chunk.get("choices")
        if "error" in chunk or frame.event == "error" or choices is None:
            self._raise_error(chunk, frame.event)
        if not self._started and (choices or chunk.get("id")):
            self._start(chunk, out)
        usage = chunk.get("usage")
        if usage is not None and isinstance(usage, dict):
            self._usage = usage if self._usage is None else _newer(self._usage, usage)
        if not chunk.keys() <= _TOP:
            self._keep_top(chunk)
        if choices:
            for choice in choices if isinstance(choices, list) else ():
                if isinstance(choice, dict):
                    self._choice(choice, out)

    def _raise_error(self, chunk: dict[str, Any], event: str) -> None:
        error = in_band_error(chunk, self._provider)
        if error is None and event == "error":
            error = in_band_error({"error": chunk}, self._provider)
        if error is not None:
            raise error

    def _start(self, chunk: dict[str, Any], out: list[Event]) -> None:
        self._started = True
        created, fingerprint = chunk.get("created"), chunk.get("system_fingerprint")
        if fingerprint:
            self._top["system_fingerprint"] = fingerprint
        out.append(
            Start(
                _str(chunk.get("id")) or None,
                _str(chunk.get("model")) or None,
                created if isinstance(created, int) else None,
                _str(chunk.get("service_tier")),
            )
        )

    def _keep_top(self, chunk: dict[str, Any]) -> None:
        for name in chunk.keys() - _TOP:
            value = chunk[name]
            if value is None or value == []:
                continue
            known = self._top.get(name)
            self._top[name] = {**known, **value} if isinstance(known, dict) and isinstance(value, dict) else value

    # --- choices

    def _choice(self, choice: dict[str, Any], out: list[Event]) -> None:
        index = choice.get("index") or 0
        lane = self._lanes.get(index)
        if lane is None:
            lane = self._lanes[index] = _Lane(index if isinstance(index, int) else len(self._lanes))
        delta = choice.get("delta")
        if delta is None:
            delta = _without_delta(choice, lane)
        logprobs = choice.get("logprobs")
        tokens = self._logprobs(logprobs, lane) if logprobs else ()
        if delta:
            if delta.keys() <= _TEXT_ONLY:
                content = delta.get("content")
                if content and type(content) is str:
                    part = lane.text_part
                    out.append(TextDelta(content, lane.part("text") if part < 0 else part, lane.index, tokens))
                    tokens = ()
                elif content:
                    self._content(content, lane, out)
            else:
                tokens = self._delta(delta, lane, tokens, out)
        if tokens:
            out.append(TextDelta("", lane.part("text"), lane.index, tokens))
        finish = choice.get("finish_reason")
        if finish and isinstance(finish, str):
            lane.finish = finish
        if not choice.keys() <= _CHOICE:
            if choice.get("error"):
                self._raise_error({"choices": [choice]}, "")
            for name in choice.keys() - _CHOICE:
                if choice[name] is not None and choice[name] != {}:
                    lane.extra[name] = choice[name]

    def _logprobs(self, logprobs: Any, lane: _Lane) -> Any:
        if not isinstance(logprobs, dict):
            return ()
        for name, items in logprobs.items():
            if name != "content" and isinstance(items, list) and items:
                lane.logprobs.setdefault(name, []).extend(items)
        return answer.logprobs_of(logprobs.get("content"))

    def _delta(self, delta: dict[str, Any], lane: _Lane, tokens: Any, out: list[Event]) -> Any:
        """A delta with more than text in it. Gives back the logprobs it found no text for."""
        self._reasoning(delta, lane, out)
        for item in _list(delta.get("executed_tools")):
            self._executed(item, lane, out)
        content = delta.get("content")
        if content and isinstance(content, str):
            out.append(TextDelta(content, lane.part("text"), lane.index, tokens))
            tokens = ()
        elif content:
            self._content(content, lane, out)
        annotations = _list(delta.get("annotations"))
        if annotations:
            lane.cited = True
            cited = Text("", tuple(map(answer.citation_of, annotations)))
            out.append(PartEvent(cited, lane.part("text"), lane.index))
        refusal = delta.get("refusal")
        if refusal and isinstance(refusal, str):
            lane.refused = True
            out.append(PartEvent(Refusal(refusal), lane.part("refusal"), lane.index))
        if delta.get("audio"):
            self._audio(delta["audio"], lane, out)
        for item in _list(delta.get("images")):
            image = answer.image_of(item)
            if image is not None:
                out.append(PartEvent(image, lane.fresh(), lane.index))
        for item in _list(delta.get("tool_calls")):
            self._call(item, lane, out)
        legacy = delta.get("function_call")
        if isinstance(legacy, dict) and (legacy.get("name") or legacy.get("arguments")):
            self._call({"index": 0, "function": legacy}, lane, out)
        if not delta.keys() <= _DELTA:
            for name in delta.keys() - _DELTA:
                if delta[name] is not None and delta[name] != "" and delta[name] != []:
                    lane.message[name] = delta[name]
        return tokens

    def _content(self, content: Any, lane: _Lane, out: list[Event]) -> None:
        if not isinstance(content, list):
            out.append(TextDelta(dumps_str(content), lane.part("text"), lane.index))
            return
        for block in content_blocks(content):
            if isinstance(block, Text):
                if block.text:
                    out.append(TextDelta(block.text, lane.part("text"), lane.index))
            elif isinstance(block, Reasoning):
                if block.text or block.signature:
                    part = lane.part("reasoning")
                    out.append(ReasoningDelta(block.text, part, lane.index, block.signature))
            else:
                out.append(PartEvent(block, lane.fresh(), lane.index))

    def _reasoning(self, delta: dict[str, Any], lane: _Lane, out: list[Event]) -> None:
        text = delta.get("reasoning_content") or delta.get("reasoning")
        details = delta.get("reasoning_details")
        if isinstance(details, list) and details:
            known = lane.carried.setdefault("reasoning_details", [])
            for item in details:
                _join_detail(known, item)
            if not text:
                text = "".join(_detail_text(item) for item in details)
            lane.part("reasoning")
        if text and isinstance(text, str):
            out.append(ReasoningDelta(text, lane.part("reasoning"), lane.index))
        if delta.get("thought_signature"):
            lane.carried["thought_signature"] = delta["thought_signature"]
            lane.part("reasoning")

    def _executed(self, item: Any, lane: _Lane, out: list[Event]) -> None:
        run = answer.executed(item)
        if run is None:
            return
        call, result = run
        known = ("run", call.id)
        out.append(PartEvent(call, lane.part(known), lane.index, replace=True))
        if result is not None:
            out.append(PartEvent(result, lane.part(("ran", call.id)), lane.index, replace=True))

    def _audio(self, audio: Any, lane: _Lane, out: list[Event]) -> None:
        if not isinstance(audio, dict):
            return
        data, transcript, audio_id = audio.get("data"), audio.get("transcript"), audio.get("id")
        if data or transcript:
            part = lane.part("audio")
            out.append(AudioDelta(data or "", transcript or "", part, lane.index, audio_id or None))
        rest = present({name: audio[name] for name in audio.keys() - {"id", "data", "transcript"}})
        if rest and "audio" in lane.parts:
            out.append(PartEvent(Media("audio", extra=kept({"audio": rest})), lane.part("audio"), lane.index))

    def _call(self, item: Any, lane: _Lane, out: list[Event]) -> None:
        if not isinstance(item, dict):
            return
        inner = item.get("function")
        custom = item.get("custom")
        if not isinstance(inner, dict):
            inner = custom if isinstance(custom, dict) else {}
        name = inner.get("name") or None
        arguments = inner.get("arguments") if "arguments" in inner else inner.get("input")
        if not isinstance(arguments, str):
            arguments = dumps_str(arguments) if isinstance(arguments, dict) else ""
        call_id = item.get("id") or None
        call = _find_call(lane.calls, item.get("index"), call_id, name)
        if call is None:
            number = len(lane.calls)
            call = {"index": item.get("index"), "id": call_id, "number": number, "part": lane.fresh(), "name": name}
            lane.calls.append(call)
            call_id = call_id or f"call_{number}"
        else:
            # Some vendors repeat id and name in every piece; they belong to the first.
            call_id = call_id if call["id"] is None and name is None else None
            name = name if call["name"] is None else None
            call["name"] = call["name"] or name
            if not (arguments or name or call_id):
                return
        out.append(ToolCallDelta(call["number"], call_id, name, arguments, call["part"], lane.index))
        rest = present({key: item[key] for key in item.keys() - {"index", "id", "type", "function", "custom"}})
        if item.get("type") == "custom":
            rest["type"] = "custom"
        if rest:
            call.setdefault("extra", {}).update(rest)

    # --- the end

    def end(self, out: list[Event]) -> None:
        if self._over:
            return
        if not self._lanes or any(lane.finish is None for lane in self._lanes.values()):
            raise StreamTruncated(
                "the stream ended with neither a finish reason nor [DONE]", status=None, provider=self._provider
            )
        self._finish(out)

    def _finish(self, out: list[Event]) -> None:
        if not self._lanes:
            raise StreamTruncated("the stream ended without an answer", provider=self._provider)
        self._over = True
        lanes = [self._lanes[index] for index in sorted(self._lanes)]
        citations = answer.searched(self._top)
        if citations and lanes[0].text_part >= 0 and not lanes[0].cited:
            out.append(PartEvent(Text("", citations), lanes[0].text_part, lanes[0].index))
        for lane in lanes:
            self._flush(lane, out)
        self._say_usage(lanes, out)
        last = lanes[-1]
        for lane in lanes:
            reason, raw = answer.finish_of(lane.finish, called=bool(lane.calls), refused=lane.refused)
            extra = dict(lane.extra)
            if lane.message:
                extra["message"] = lane.message
            if lane.logprobs:
                extra["logprobs"] = lane.logprobs
            top: Extra = kept(self._top) if lane is last else {}
            out.append(Finish(reason, raw, lane.index, kept(extra), top))

    def _flush(self, lane: _Lane, out: list[Event]) -> None:
        """What belongs to blocks but was only whole at the end."""
        if lane.carried:
            signature, redacted = proofs(lane.carried)
            part = Reasoning("", signature, redacted, extra=kept(lane.carried))
            out.append(PartEvent(part, lane.part("reasoning"), lane.index))
        for call in lane.calls:
            if "extra" in call:
                more = ToolCall(call["id"] or "", call["name"] or "", extra=kept(call["extra"]))
                out.append(PartEvent(more, call["part"], lane.index))

    def _say_usage(self, lanes: list[_Lane], out: list[Event]) -> None:
        body = {**self._top, "choices": [lane.extra for lane in lanes]}
        if self._usage is not None:
            body["usage"] = self._usage
        usage = read_usage(self._usage_reader, body)
        if usage.reported:
            out.append(UsageEvent(usage))


def _without_delta(choice: dict[str, Any], lane: _Lane) -> dict[str, Any] | None:
    """What a chunk without a ``delta`` adds: a whole message, or text, of a server that does not stream."""
    message = choice.get("message")
    if isinstance(message, dict) and not lane.parts and not lane.calls:
        return message
    text = choice.get("text")
    return {"content": text} if isinstance(text, str) and message is None else None


def _newer(known: dict[str, Any], usage: dict[str, Any]) -> dict[str, Any]:
    """Counters are cumulative: later ones win, and a counter that a late chunk lacks keeps its value."""
    return {**known, **{name: value for name, value in usage.items() if value is not None}}


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
    field = next((name for name in ("text", "summary") if isinstance(item, dict) and name in item), None)
    if (
        field is None
        and isinstance(item, dict)
        and item.get("type") == "reasoning.text"
        and isinstance(last, dict)
        and last.get("type") == "reasoning.text"
    ):
        field = "text"
    if (
        not isinstance(last, dict)
        or field is None
        or item.get("type") != last.get("type")
        or item.get("index") != last.get("index")
        or (item.get("id") and last.get("id") and item["id"] != last["id"])
    ):
        known.append(dict(item) if isinstance(item, dict) else item)
        return
    joined = (last.get(field) or "") + (item.get(field) or "")
    last.update({name: value for name, value in item.items() if value is not None})
    last[field] = joined


def _detail_text(item: Any) -> str:
    text = (item.get("text") or item.get("summary")) if isinstance(item, dict) else None
    return text if isinstance(text, str) else ""


def _str(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
