"""A streamed chat completion, decoded.

One chunk is one JSON object. What vendors differ in (where usage stands, whether ``[DONE]`` comes, whether tool
calls are numbered, what else a delta carries) is taken as it comes; nothing here knows a vendor by name.
"""

from __future__ import annotations

from typing import Any

from modelmux._fold import unfold
from modelmux._http import SSE
from modelmux._json import loads
from modelmux.errors import MalformedResponse, StreamTruncated
from modelmux.types import Event, Extra, Finish, PartEvent, Start, Text, TextDelta, UsageEvent
from modelmux.wire._stream import StreamDecoder
from modelmux.wire._usage import read_usage
from modelmux.wire.openai_chat import answer
from modelmux.wire.openai_chat.error import in_band_error
from modelmux.wire.openai_chat.lane import TEXT_ONLY, Lane
from modelmux.wire.openai_chat.response import decode_response
from modelmux.wire.openai_chat.saying import kept

_TOP = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "service_tier", "system_fingerprint"}
    | {"obfuscation", "p", "error"}
)
_CHOICE = frozenset({"index", "delta", "finish_reason", "logprobs", "message", "text", "obfuscation", "token_ids"})


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
        self._lanes: dict[int, Lane] = {}
        self._usage: dict[str, Any] | None = None
        self._top: dict[str, Any] = {}
        self._first: dict[str, Any] = {}

    # --- bytes

    def only_text(self, data: bytes) -> bool:
        return self._frames.between and self.error is None and _only_text(data)

    def feed(self, data: bytes) -> list[Event]:
        if self._head is not None:
            held = self._head + data
            start = held.lstrip(b"\xef\xbb\xbf \t\r\n")
            if not start:
                self._head = held[-3:]  # blanks are dropped, but for the beginning of a BOM
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
        if not self._started:
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
        """The first chunk with a choice starts the answer. Azure sends chunks before it that name half of the facts."""
        for name in ("id", "model", "created", "service_tier", "system_fingerprint"):
            if chunk.get(name):
                self._first.setdefault(name, chunk[name])
        if not chunk.get("choices"):
            return
        self._started = True
        first = self._first
        if "system_fingerprint" in first:
            self._top["system_fingerprint"] = first["system_fingerprint"]
        created = first.get("created")
        out.append(
            Start(
                _str(first.get("id")),
                _str(first.get("model")),
                created if isinstance(created, int) else None,
                _str(first.get("service_tier")),
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
        index = choice.get("index")
        if type(index) is not int:
            index = 0
        lane = self._lanes.get(index)
        if lane is None:
            lane = self._lanes[index] = Lane(index)
        delta = choice.get("delta")
        if type(delta) is not dict:
            delta = _without_delta(choice, lane)
        logprobs = choice.get("logprobs")
        tokens = lane.scores(logprobs) if logprobs else ()
        if delta:
            if delta.keys() <= TEXT_ONLY:
                content = delta.get("content")
                if content and type(content) is str:
                    part = lane.text_part
                    out.append(TextDelta(content, lane.part("text") if part < 0 else part, lane.index, tokens))
                    tokens = ()
                elif content:
                    lane.block(content, out)
            else:
                tokens = lane.delta(delta, tokens, out)
        if tokens:
            out.append(TextDelta("", lane.part("text"), lane.index, tokens))
        finish = choice.get("finish_reason")
        if finish and isinstance(finish, str):
            lane.finish = finish
            # OpenRouter may give a reason before its upstream gave one, and go on: recorded after a tool call.
            lane.goes_on = choice.get("native_finish_reason", finish) is None
        if not choice.keys() <= _CHOICE:
            if choice.get("error"):
                self._raise_error({"choices": [choice]}, "")
            for name in choice.keys() - _CHOICE:
                if choice[name] is not None and choice[name] != {}:
                    lane.extra[name] = choice[name]

    # --- the end

    def end(self, out: list[Event]) -> None:
        if self._over:
            return
        if not self._lanes or any(lane.finish is None or lane.goes_on for lane in self._lanes.values()):
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
            lane.flush(out)
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

    def _say_usage(self, lanes: list[Lane], out: list[Event]) -> None:
        body = {**self._top, "choices": [lane.extra for lane in lanes]}
        if self._usage is not None:
            body["usage"] = self._usage
        usage = read_usage(self._usage_reader, body)
        if usage.reported:
            out.append(UsageEvent(usage))


def _only_text(data: bytes) -> bool:
    """Whether a read is whole chunks of one choice each that all have text and end nothing: a look at the bytes alone,
    which says no to chunks written in any other way than most vendors'.
    """
    chunks = data.count(b"\n\n")
    return (
        data[:7] == b"data: {"
        and data[-3:] == b"}\n\n"
        and data.count(b"data: {") == chunks
        and data.count(b'"content":"') == chunks
        and b'"content":""' not in data
        and data.count(b'"finish_reason":null') == chunks
        and b'"usage":{' not in data
        and b'"error"' not in data
    )


def _without_delta(choice: dict[str, Any], lane: Lane) -> dict[str, Any] | None:
    """What a chunk without a ``delta`` adds: a whole message, or text, of a server that does not stream."""
    message = choice.get("message")
    if isinstance(message, dict) and not lane.parts and not lane.calls:
        return message
    text = choice.get("text")
    return {"content": text} if isinstance(text, str) and message is None else None


def _newer(known: dict[str, Any], usage: dict[str, Any]) -> dict[str, Any]:
    """Counters are cumulative: later ones win, and a counter that a late chunk lacks keeps its value."""
    return {**known, **{name: value for name, value in usage.items() if value is not None}}


def _str(value: Any) -> str | None:
    return value if isinstance(value, str) else None
