"""From a request to an answer in the vendor's format, with what a fault changes in its content. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from modelmux.testing._limits import Spent
from modelmux.testing._shapes import Event, Failure, Shape, dump
from modelmux.testing.answers import Answer, Asked, Said
from modelmux.testing.faults import Fault

SSE = "text/event-stream; charset=utf-8"
JSON = "application/json"
TOKEN = 4
"""Characters a token, where nobody said how many tokens there were."""

_WORDS = re.compile(r"\s*\S+|\s+")
_EVENT = re.compile(rb"(?:\r\n|\n|\r)(?:\r\n|\n|\r)")
NO_FAULT = Fault()


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as HTTP: the pieces of the body are written one by one where there is a pace.

    ``output`` says of each piece of a stream whether it carries output; ``ping`` is a sign of life and ``event`` a
    proper event of this stream. ``written`` is the output in tokens.
    """

    status: int
    headers: Mapping[str, str]
    pieces: list[bytes]
    stream: bool = False
    output: Sequence[bool] = ()
    ping: bytes = b""
    event: bytes = b""
    written: int = 0


def default_answer(asked: Asked) -> Answer:
    """The answer of a server without a script: it repeats the last message, within the limit on output tokens."""
    text = f"You said: {asked.last.strip()}" if asked.last.strip() else "You said nothing."
    if asked.cap is not None and tokens(text) > asked.cap:
        return Answer(text=text[: asked.cap * TOKEN], finish="length")
    return Answer(text=text)


def tokens(text: str) -> int:
    return math.ceil(len(text) / TOKEN)


def decide(answer: Answer, asked: Asked, number: int, without: frozenset[str]) -> Said:
    """Fill in what the answer leaves open."""
    text = answer.text or ()
    pieces = tuple(_WORDS.findall(text)) if isinstance(text, str) else tuple(text)
    calls = tuple(
        (str(call.get("id") or f"call_{number}_{index}"), str(call["name"]), call.get("arguments", {}))
        for index, call in enumerate(answer.tool_calls)
    )
    said = "".join(pieces) + answer.refusal + "".join(str(arguments) for _, _, arguments in calls)
    usage: Mapping[str, int] | None = answer.usage
    if usage is None:
        usage = {"input": max(1, tokens(asked.prompt)), "output": tokens(said), "reasoning": tokens(answer.reasoning)}
    return Said(
        number,
        answer.model or asked.model,
        pieces,
        calls,
        answer.reasoning,
        answer.refusal,
        answer.finish or ("tool_calls" if calls else "stop"),
        None if "usage" in without else usage,
        without,
        asked.usage_in_stream,
    )


def reply(shape: Shape, answer: Answer, asked: Asked, number: int, fault: Fault, limit: Spent | None = None) -> Reply:
    """The answer in the vendor's format, with what the fault changes in its content. ``limit`` is the rate limit that
    the fault speaks of.
    """
    headers = {shape.request_id: f"req_test{number:08d}", **answer.headers, **fault.headers}
    if fault.retry_after is not None:
        headers.setdefault("retry-after", seconds(fault.retry_after))
    status = fault.status or answer.status
    if fault.body is not None:
        body = fault.body.encode() if isinstance(fault.body, str) else fault.body
        result = Reply(status, {**headers, "content-type": fault.content_type or JSON}, [body])
    elif fault.status is not None and fault.status >= 400:
        wait = fault.retry_after if limit is None else round(limit.wait, 3)
        failure = Failure(status, fault.message or phrase(status), fault.code, wait, limit)
        result = Reply(status, {**headers, "content-type": JSON}, [dump(shape.error(failure))])
    elif answer.body is not None:
        kind = headers.get("content-type", "")
        stream = "event-stream" in kind or answer.body.startswith((b"data:", b"event:"))
        result = Reply(status, {"content-type": SSE if stream else JSON, **headers}, [answer.body], stream)
        if stream:
            events = [("delta", event) for event in split_events(answer.body)]
            result = _stream(shape, result, events, decide(answer, asked, number, fault.without), fault)
    elif status >= 400:
        message = "".join(answer.text or ()) or phrase(status)
        error = shape.error(Failure(status, message, answer.code, headers.get("retry-after")))
        result = Reply(status, {**headers, "content-type": JSON}, [dump(error)])
    else:
        said = decide(answer, asked, number, fault.without)
        if asked.stream:
            events = [event for event in shape.events(said) if event[0] not in fault.without]
            result = _stream(shape, Reply(status, {**headers, "content-type": SSE}, [], True), events, said, fault)
        else:
            result = Reply(status, {**headers, "content-type": JSON}, [dump(shape.whole(said))], written=_written(said))
    if fault.truncate is not None:
        return replace(result, pieces=[b"".join(result.pieces)[: fault.truncate]], output=())
    return result


def _stream(shape: Shape, result: Reply, events: list[Event], said: Said, fault: Fault) -> Reply:
    """The reply with this stream as its body, and in it the events that the fault puts there."""
    if fault.malformed_after is not None:
        data = fault.malformed.encode() if isinstance(fault.malformed, str) else fault.malformed
        events.insert(fault.malformed_after, ("broken", b"data: " + data + b"\n\n"))
    if fault.error_after is not None:
        events = [*events[: fault.error_after], ("error", shape.stream_error(fault.message or "Overloaded"))]
    return replace(
        result,
        pieces=[event for _, event in events],
        output=[kind == "delta" for kind, _ in events],
        ping=b"" if fault.ping is None else shape.ping(said, fault.ping_kind),
        written=_written(said),
        event=b"" if fault.flood is None else shape.empty_delta(said),
    )


def _written(said: Said) -> int:
    usage = said.usage or {"output": tokens(said.text)}
    return usage.get("output", 0) + usage.get("reasoning", 0)


def split_events(body: bytes) -> list[bytes]:
    """A recorded stream, event by event: the pieces joined are the body."""
    pieces: list[bytes] = []
    start = 0
    for match in _EVENT.finditer(body):
        pieces.append(body[start : match.end()])
        start = match.end()
    if start < len(body):
        pieces.append(body[start:])
    return pieces


def phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Overloaded" if status == 529 else "Unknown"


def seconds(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:g}"
