"""Silence: a stream that says nothing, or too little, is left for a better one. The very limits, in virtual time."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from modelmux import Mux, errors
from modelmux.testing import FakeClock, FakeProvider, Fault
from modelmux.testing.faults import NEVER
from modelmux.types import Restarted, TextDelta

OPENAI, CLAUDE = "openai/gpt-5-mini", "anthropic/claude-haiku-4-5"
WORDS = [f"word{n} " for n in range(60)]

SILENT = {
    "black hole": Fault(latency=NEVER),
    "no first token": Fault(first_token_after=NEVER),
    "pings, no token": Fault(first_token_after=NEVER, ping=1.0),
    "comments, no token": Fault(first_token_after=NEVER, ping=1.0, ping_kind="comment"),
    "empty output, no token": Fault(first_token_after=NEVER, ping=1.0, ping_kind="empty"),
    "slow head": Fault(head_pace=5.0),
}

STALLS = {
    "stall": Fault(stall_after=20, unit="tokens"),
    "stall with pings": Fault(stall_after=20, unit="tokens", ping=1.0),
    "stall with comments": Fault(stall_after=20, unit="tokens", ping=1.0, ping_kind="comment"),
    "stall with empty output": Fault(stall_after=20, unit="tokens", ping=1.0, ping_kind="empty"),
    "drip": Fault(drip=1, pace=0.2, drip_from=2000),
}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def vendors(clock):
    return SimpleNamespace(**{name: FakeProvider(name, clock=clock) for name in ("openai", "anthropic")})


@pytest.fixture
def make_mux(vendors, clock):
    def make(*models: str, **options) -> Mux:
        endpoints = [getattr(vendors, model.partition("/")[0]).endpoint(model) for model in models]
        return Mux(endpoints, policy="priority", seed=7, clock=clock, **options)

    return make


@pytest.mark.parametrize("fault", SILENT.values(), ids=SILENT)
def test_who_says_nothing_is_left_and_not_asked_again(caller, vendors, make_mux, fault) -> None:
    vendors.openai.fail(fault)
    vendors.anthropic.reply(text=WORDS)
    reply = caller.stream(make_mux(OPENAI, CLAUDE), "hi")
    assert reply.text == "".join(WORDS)
    first, second = reply.receipt.attempts
    assert (first.endpoint, second.endpoint) == (OPENAI, CLAUDE)
    assert isinstance(first.error, errors.AttemptTimeout)
    assert first.error.phase == "first_token"
    assert len(vendors.openai.requests) == 1


@pytest.mark.parametrize("mode", ["buffer", "restart"])
@pytest.mark.parametrize("fault", STALLS.values(), ids=STALLS)
def test_a_stalled_stream_is_whole_all_the_same(caller, vendors, make_mux, fault, mode) -> None:
    vendors.openai.reply(text=WORDS)
    vendors.openai.fail(fault)
    vendors.anthropic.reply(text=WORDS)
    seen = []
    reply = caller.stream(make_mux(OPENAI, CLAUDE, on_break=mode), "hi", seen=seen)
    assert reply.text == "".join(WORDS)
    assert reply.receipt.attempts[0].error.phase == "between_tokens"
    after = max((n for n, event in enumerate(seen) if isinstance(event, Restarted)), default=-1)
    assert "".join(event.text for event in seen[after + 1 :] if isinstance(event, TextDelta)) == "".join(WORDS)
    assert (after >= 0) == (mode == "restart")


@pytest.mark.parametrize("fault", STALLS.values(), ids=STALLS)
def test_a_stall_in_front_of_the_caller_is_an_error(caller, vendors, make_mux, fault) -> None:
    vendors.openai.reply(text=WORDS)
    vendors.openai.fail(fault)
    with pytest.raises(errors.StreamInterrupted) as caught:
        caller.stream(make_mux(OPENAI, CLAUDE), "hi")
    assert caught.value.partial.text == "".join(WORDS)[: len(caught.value.partial.text)] != ""
    assert isinstance(caught.value.__cause__, errors.AttemptTimeout)


def test_with_nowhere_else_to_go_a_late_first_token_is_waited_for(caller, vendors, make_mux) -> None:
    vendors.openai.reply(text=WORDS)
    vendors.openai.fail(Fault(first_token_after=300))
    assert caller.stream(make_mux(OPENAI), "hi").text == "".join(WORDS)


def test_an_answer_in_one_piece_that_does_not_come_is_had_elsewhere(caller, vendors, make_mux) -> None:
    vendors.openai.fail(Fault(latency=NEVER))
    vendors.anthropic.reply("there")
    reply = caller.chat(make_mux(OPENAI, CLAUDE), "hi", max_tokens=1)
    assert reply.text == "there"
    assert reply.receipt.attempts[0].error.phase == "total"


@pytest.mark.parametrize("ping", [None, 0.3])
@pytest.mark.parametrize("deadline", [None, 1.0])
def test_a_whole_answer_whose_connection_hangs_is_handed_over_soon(caller, deadline, ping) -> None:
    """Within two seconds, and never past the deadline."""
    clock = FakeClock()
    provider = FakeProvider("openai", clock=clock)
    provider.reply(text=WORDS)
    provider.fail(Fault(stall_after=10**9, ping=ping, ping_kind="comment", stall_for=60))
    with Mux([provider.endpoint(OPENAI)], clock=clock) as mux:
        began = clock.monotonic()
        reply = caller.stream(mux, "hi", deadline=deadline)
        assert reply.text == "".join(WORDS)
        assert clock.monotonic() - began <= (deadline or 2.0)


def test_a_deadline_in_the_middle_of_a_stream_leaves_what_had_come(caller) -> None:
    clock = FakeClock()
    provider = FakeProvider("openai", clock=clock)
    provider.reply(text=WORDS)
    provider.fail(Fault(stall_after=20, unit="tokens"))
    with Mux([provider.endpoint(OPENAI)], clock=clock) as mux:
        with pytest.raises(errors.DeadlineExceeded) as caught:
            caller.stream(mux, "hi", deadline=0.25)
        assert caught.value.partial.text == "".join(WORDS[:20])
        with pytest.raises(errors.DeadlineExceeded) as caught:
            caller.chat(mux, "hi", deadline=0.25)
        assert caught.value.partial is None
