"""What is odd inside a stream that began well, for every chat wire: each case is decided (``docs/errors.md``)."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from modelmux import errors
from reliability.tape import ROUTES, Recording, frames, recording
from reliability.test_cuts import once, same

Edit = Callable[[dict[str, Any]], dict[str, Any] | None]


# --- streams taken apart and put together -------------------------------------------------------------------------


def message(payload: bytes, **headers: str) -> bytes:
    """A message of an AWS event stream (https://docs.aws.amazon.com/transcribe/latest/dg/event-stream.html)."""
    head = b""
    for name, value in headers.items():
        key, text = f":{name.replace('_', '-')}".encode(), value.encode()
        head += bytes([len(key)]) + key + b"\x07" + len(text).to_bytes(2, "big") + text
    prelude = (16 + len(head) + len(payload)).to_bytes(4, "big") + len(head).to_bytes(4, "big")
    prelude += zlib.crc32(prelude).to_bytes(4, "big")
    whole = prelude + head + payload
    return whole + zlib.crc32(whole).to_bytes(4, "big")


def sse(value: Any, event: str | None = None) -> bytes:
    said = value if isinstance(value, str) else json.dumps(value)
    return (f"event: {event}\n" if event else "").encode() + f"data: {said}\n\n".encode()


def edited(frame: bytes, tape: Recording, edit: Edit) -> bytes:
    """The frame with its JSON changed; nothing where ``edit`` says None."""
    if "eventstream" in tape.content_type:
        head = int.from_bytes(frame[4:8], "big")
        value = json.loads(frame[12 + head : -4])
        inner = isinstance(value.get("bytes"), str)
        changed = edit(json.loads(base64.b64decode(value["bytes"])) if inner else value)
        if changed is None:
            return b""
        if inner:
            changed = {"bytes": base64.b64encode(json.dumps(changed).encode()).decode()}
        kind = re.search(rb":event-type\x07..(\w+)", frame[:200], re.DOTALL)
        assert kind is not None
        return message(
            json.dumps(changed).encode(),
            event_type=kind[1].decode(),
            content_type="application/json",
            message_type="event",
        )
    if "ndjson" in tape.content_type:
        changed = edit(json.loads(frame))
        return b"" if changed is None else json.dumps(changed).encode() + b"\n"
    begun, data, rest = frame.partition(b"data: ")
    if not rest.startswith(b"{"):
        return b"" if edit({"mark": rest.decode().strip()}) is None else frame
    changed = edit(json.loads(rest))
    return b"" if changed is None else begun + data + json.dumps(changed).encode() + b"\n\n"


def stream(tape: Recording, edit: Edit) -> bytes:
    return b"".join(edited(frame, tape, edit) for frame in frames(tape.body, tape.content_type))


def with_inserted(tape: Recording, piece: bytes) -> bytes:
    """The stream with something in the middle of its output."""
    found = frames(tape.body, tape.content_type)
    place = next(n for n, frame in enumerate(found) if _has_text(frame, tape)) + 1
    return b"".join([*found[:place], piece, *found[place:]])


def _has_text(frame: bytes, tape: Recording) -> bool:
    seen: list[dict[str, Any]] = []
    edited(frame, tape, lambda value: seen.append(value) or value)  # type: ignore[func-returns-value]
    return any(text and tape.answer.text.startswith(text) for text in _texts(seen))


def _texts(value: Any, name: str = "") -> Iterator[str]:
    """What stands in a frame where output does."""
    if isinstance(value, str):
        yield from [value] if name in ("text", "content", "delta") else []
    items = (
        value.items()
        if isinstance(value, dict)
        else [(name, each) for each in value]
        if isinstance(value, list)
        else ()
    )
    for key, each in items:
        yield from _texts(each, key)


def without(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {key: without(each, names) for key, each in value.items() if key not in names}
    return [without(each, names) for each in value] if isinstance(value, list) else value


# --- what each wire says ------------------------------------------------------------------------------------------

_JSON = {"content_type": "application/json"}
_AWS = {"message_type": "exception", "exception_type": "modelStreamErrorException", **_JSON}
_EVENT = {"message_type": "event", **_JSON}
_OPENAI = sse({"error": {"message": "The server had an error", "type": "server_error", "code": None}})
BROKEN = "{not JSON"

IN_BAND: dict[str, bytes] = {
    "openai.chat": _OPENAI,
    "mistral.chat": sse({"object": "error", "message": "Service unavailable", "type": "unavailable", "code": "3000"}),
    "openai.responses": sse({"type": "error", "code": "server_error", "message": "It failed", "param": None}, "error"),
    "openai.completions": _OPENAI,
    "anthropic.messages": sse({"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}, "error"),
    "gemini.generateContent": sse({"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}}),
    "gemini.interactions": sse({"event_type": "error", "error": {"code": "internal", "message": "It failed"}}, "error"),
    "bedrock.converse-stream": message(b'{"message":"It failed"}', **_AWS),
    "bedrock.invoke-stream": message(b'{"message":"It failed"}', **_AWS),
    "cohere.chat_v2": sse(
        {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "It failed"}}, "message-end"
    ),
    "ollama.chat": b'{"error":"It failed"}\n',
    "clova.chat_v3": sse({"status": {"code": "50000", "message": "Internal Server Error"}}, "error"),
}

USAGE = frozenset(
    {"usage", "usageMetadata", "prompt_eval_count", "eval_count", "amazon-bedrock-invocationMetrics", "metadata"}
)

ENDS: dict[str, Edit] = {
    "openai.chat": lambda v: None if v.get("mark") else v,
    "mistral.chat": lambda v: None if v.get("mark") else v,
    "openai.completions": lambda v: None if v.get("mark") else v,
    "anthropic.messages": lambda v: None if v.get("type") == "message_stop" else v,
    "cohere.chat_v2": lambda v: None if v.get("mark") else v,
    "clova.chat_v3": lambda v: None if v.get("data") else v,
}
"""Marks that follow the end itself, which the finish reason is: without them the answer is as whole."""


def broken(tape: Recording, said: str) -> bytes:
    if tape.api == "bedrock.invoke-stream":
        inner = json.dumps({"bytes": base64.b64encode(said.encode()).decode()}).encode()
        return message(inner, event_type="chunk", **_EVENT)
    if "eventstream" in tape.content_type:
        return message(said.encode(), event_type="contentBlockDelta", **_EVENT)
    return said.encode() + b"\n" if "ndjson" in tape.content_type else sse(said)


def ask(api: str, body: bytes, **options):
    tape = recording(api)
    return once(tape, None, "raise", fallback=False, body=body, **options), tape


def judge_broken(out, tape: Recording, *kinds: type[errors.ProviderError]) -> None:
    assert isinstance(out.error, errors.StreamInterrupted), out.error
    cause = out.error.__cause__
    assert isinstance(cause, kinds or errors.ProviderError), cause
    assert out.seen
    assert tape.answer.text.startswith(out.seen)
    assert out.error.partial.text == out.seen


@pytest.mark.parametrize("api", ROUTES)
def test_an_error_in_a_stream_is_an_error(api) -> None:
    out, tape = ask(api, with_inserted(recording(api), IN_BAND[api]))
    judge_broken(out, tape)
    assert not isinstance(out.error.__cause__, (errors.MalformedResponse, errors.StreamTruncated))


@pytest.mark.parametrize("api", ROUTES)
def test_an_error_before_any_output_fails_over(api) -> None:
    tape = recording(api)
    out = once(tape, None, "raise", fallback=True, body=IN_BAND[api])
    assert out.error is None
    assert out.seen == out.reply.text == tape.answer.text


LINES = "gemini.interactions", '"text"'
"""A string there is a line of the vendor's stream, which a gateway passes on as an event: this one says nothing."""


@pytest.mark.parametrize(
    ("api", "said"),
    [(api, said) for api in ROUTES for said in (BROKEN, "[1, 2]", '"text"', "17", "null") if (api, said) != LINES],
)
def test_a_malformed_event_is_an_error(api, said) -> None:
    tape = recording(api)
    out, _ = ask(api, with_inserted(tape, broken(tape, said)))
    judge_broken(out, tape, errors.MalformedResponse)


@pytest.mark.parametrize("api", ENDS)
def test_without_the_mark_behind_the_end_it_is_whole(api) -> None:
    tape = recording(api)
    out, _ = ask(api, stream(tape, ENDS[api]))
    assert out.error is None
    assert same(out.reply, tape)


@pytest.mark.parametrize("api", ROUTES)
def test_with_neither_it_is_truncated(api) -> None:
    tape = recording(api)
    found = frames(tape.body, tape.content_type)
    texts = [n for n, frame in enumerate(found) if _ends(frame)]
    out, _ = ask(api, b"".join(found[: texts[0]]))
    judge_broken(out, tape, errors.StreamTruncated)


def _ends(frame: bytes) -> bool:
    if b'"bytes":"' in frame:
        frame = base64.b64decode(re.search(rb'"bytes":"([^"]*)', frame)[1])
    said = rb'"(finish_reason|finishReason|stop_reason|stopReason|done_reason|completionReason)": ?"'
    return bool(re.search(said, frame)) or b"response.completed" in frame or b"interaction.completed" in frame


@pytest.mark.parametrize("api", ROUTES)
def test_without_usage_it_is_whole_and_estimated(api) -> None:
    tape = recording(api)
    out, _ = ask(api, stream(tape, lambda value: without(value, USAGE)))
    assert out.error is None
    assert same(out.reply, tape)
    assert out.reply.cost_status in ("estimated", "unknown")
    assert out.reply.usage["input"] > 0
    assert out.reply.usage["output"] > 0


@pytest.mark.parametrize("api", [api for api in ROUTES if "bedrock" not in api])
def test_a_line_without_end_is_too_large(api) -> None:
    tape = recording(api)
    out, _ = ask(api, with_inserted(tape, b"data: " + b"x" * 400_000), max_response_bytes=200_000)
    error = out.error.__cause__ if out.seen else out.error
    assert isinstance(error, (errors.ResponseTooLarge, errors.MalformedResponse))
    assert tape.answer.text.startswith(out.seen)
    assert len(out.requests) == 1
