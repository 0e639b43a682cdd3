"""A stream that breaks anywhere is never taken for a whole answer, and nothing is said twice: real recorded streams of
every chat wire, cut at every byte (in the first tier: at every so many).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest

from modelmux import Mux, errors
from modelmux.testing import FakeClock, FakeProvider, Fault
from modelmux.testing.answers import Answer
from modelmux.types import Restarted, TextDelta
from reliability.tape import ROUTES, Recording, Tape, recording

FRAMINGS = ("chunked", "length", "close")
CUTS = {"close": FRAMINGS, "reset": FRAMINGS, "garbage": ("chunked",)}
MODES = ("raise", "restart", "buffer", "resume")
STEP = 17
FEWER = 53

CALLING = ("openai.chat", "openai.responses", "anthropic.messages", "bedrock.converse-stream", "cohere.chat_v2")


@dataclass
class Outcome:
    """How a call ended, and the text that its caller had before; since the answer began anew, where it did."""

    reply: object = None
    error: errors.ModelmuxError | None = None
    seen: str = ""
    restarts: int = 0
    requests: list = field(default_factory=list)

    def take(self, event) -> None:
        if isinstance(event, Restarted):
            self.seen, self.restarts = "", self.restarts + 1
        elif isinstance(event, TextDelta):
            self.seen += event.text


def ask(mux: Mux, flavour: str = "sync") -> Outcome:
    out = Outcome()

    async def main() -> None:
        async with mux.astream("hi", max_tokens=500) as stream:
            async for event in stream:
                out.take(event)
            out.reply = stream.reply

    try:
        if flavour == "async":
            asyncio.run(main())
        else:
            with mux.stream("hi", max_tokens=500) as stream:
                for event in stream:
                    out.take(event)
                out.reply = stream.reply
    except errors.ModelmuxError as error:
        out.error = error
    return out


class Writer(FakeProvider):
    """Another vendor, whose model has the same in mind: it goes on where it is told that the answer began."""

    def __init__(self, text: str, clock: FakeClock) -> None:
        super().__init__("anthropic", clock=clock)
        self.reply(lambda request: Answer(text=text[len(self.begun(request)) :]))

    @staticmethod
    def begun(request) -> str:
        last = request.json["messages"][-1]
        if last["role"] != "assistant":
            return ""
        content = last["content"]
        return content if isinstance(content, str) else "".join(part["text"] for part in content)


def once(
    tape: Recording,
    fault: Fault | None,
    mode: str,
    *,
    fallback: bool,
    flavour: str = "sync",
    body: bytes | None = None,
    **options,
) -> Outcome:
    clock = FakeClock()
    primary = Tape(tape, clock=clock)
    primary.body = tape.body if body is None else body
    if fault is not None:
        primary.fail(fault, times=None)
    endpoints = [primary.endpoint(name="primary")]
    if fallback:
        writer = Writer(tape.answer.text, clock)
        endpoints.append(writer.endpoint("anthropic/claude-haiku-4-5", name="writer"))
    with Mux(endpoints, policy="priority", clock=clock, seed=1, on_break=mode, **options) as mux:
        out = ask(mux, flavour)
    out.requests = primary.requests
    return out


def same(reply, tape: Recording) -> bool:
    """Whether the reply is the recorded answer, whole, by the oracle's reading."""
    expected = tape.answer
    calls = [(call.name, call.arguments) for call in reply.tool_calls]
    return (reply.text, reply.finish) == (expected.text, expected.finish) and calls == [
        (call.name, call.arguments) for call in expected.calls
    ]


def judge_alone(tape: Recording, offset: int, framing: str, how: str) -> None:
    out = once(tape, Fault(cut_after=offset, framing=framing, cut_how=how), "raise", fallback=False)
    where = (tape.id, offset, framing, how)
    assert tape.answer.text.startswith(out.seen), where
    if out.error is None:
        assert same(out.reply, tape), where
        assert out.seen == tape.answer.text, where
    elif out.seen:
        assert isinstance(out.error, errors.StreamInterrupted), where
        assert out.error.partial.text == out.seen, where
        assert len(out.requests) == 1, where
    else:
        assert isinstance(out.error, errors.ProviderError), where


def judge_with_fallback(tape: Recording, offset: int, framing: str, mode: str, flavour: str) -> None:
    out = once(tape, Fault(cut_after=offset, framing=framing), mode, fallback=True, flavour=flavour)
    where = (tape.id, offset, framing, mode, out.error)
    if mode == "raise" and out.error is not None:
        assert isinstance(out.error, errors.StreamInterrupted), where
        assert tape.answer.text.startswith(out.seen), where
        return
    assert out.error is None, where
    assert out.seen == out.reply.text == tape.answer.text, where
    assert out.restarts <= (mode in ("restart", "resume")), where
    if out.reply.provider != "anthropic" or tape.api == "anthropic.messages":
        assert out.reply.finish in (tape.answer.finish, "stop"), where


def offsets(tape: Recording, step: int) -> range:
    return range(0, len(tape.body), step)


@pytest.mark.parametrize("api", ROUTES)
def test_the_uncut_stream_is_what_the_oracle_says(api) -> None:
    tape = recording(api)
    out = once(tape, None, "raise", fallback=False)
    assert out.error is None
    assert same(out.reply, tape)


@pytest.mark.parametrize("api", ROUTES)
def test_a_cut_is_an_error_or_lost_nothing(api) -> None:
    tape = recording(api)
    kinds = [(framing, how) for how, framings in CUTS.items() for framing in framings]
    for place, offset in enumerate(offsets(tape, STEP)):
        judge_alone(tape, offset, *kinds[place % len(kinds)])


@pytest.mark.parametrize("api", CALLING)
def test_a_cut_inside_a_tool_call_too(api) -> None:
    tape = recording(api, tools=True)
    for place, offset in enumerate(offsets(tape, FEWER)):
        judge_alone(tape, offset, FRAMINGS[place % 3], "close")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("api", ROUTES)
def test_with_a_fallback_the_answer_is_whole_and_nothing_comes_twice(api, mode) -> None:
    tape = recording(api)
    for place, offset in enumerate(offsets(tape, FEWER)):
        judge_with_fallback(tape, offset, FRAMINGS[place % 3], mode, ("sync", "async")[place % 2])


@pytest.mark.full
@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("api", ROUTES)
def test_every_byte(api, framing) -> None:
    tape = recording(api)
    for offset in offsets(tape, 1):
        judge_alone(tape, offset, framing, "close")
        mode = MODES[(offset + FRAMINGS.index(framing)) % len(MODES)]
        judge_with_fallback(tape, offset, framing, mode, ("sync", "async")[offset // len(MODES) % 2])
