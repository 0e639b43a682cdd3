"""Sixteen ways in which vendors fail, as routers are compared by, in virtual time: what the caller gets, who was asked
how often, and what the books say. The same ones run over real sockets in the second tier, beside other libraries.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from modelmux import Mux, errors
from modelmux.testing import FakeClock, FakeProvider, Fault
from modelmux.testing.faults import NEVER
from modelmux.types import Restarted, TextDelta

TOKENS = [f"t{n} " for n in range(60)]
OTHER = [f"u{n} " for n in range(60)]
WHOLE, FALLBACK = "".join(TOKENS), "".join(OTHER)
PRIMARY, SECOND = "openai/gpt-5-mini", "anthropic/claude-haiku-4-5"


@dataclass(frozen=True)
class Scenario:
    """``times``: how many answers of the primary go wrong, None for all. ``who`` answers; ``asked`` is how often the
    primary may be asked. ``unsafe``: with the default settings output was handed over before it broke.
    """

    fault: Fault
    times: int | None = None
    who: tuple[str, ...] = (SECOND,)
    asked: int = 1
    unsafe: bool = False
    silent: bool = False
    error: type[Exception] | None = None
    second: Fault | None = None
    within: float = 60.0


SCENARIOS = {
    "429 with Retry-After once": Scenario(Fault(status=429, retry_after=2), 1, (PRIMARY, SECOND), 2),
    "429 always": Scenario(Fault(status=429, retry_after=1)),
    "500 once": Scenario(Fault(status=500), 1, (PRIMARY, SECOND), 2),
    "503 always": Scenario(Fault(status=503)),
    "reset before headers once": Scenario(Fault(reset=True), 1, (PRIMARY, SECOND), 2),
    "no response at all": Scenario(Fault(latency=NEVER), silent=True),
    "first token after 20 s": Scenario(Fault(first_token_after=20), silent=True, within=16.0),
    "cut after 40 of 60 tokens": Scenario(Fault(cut_after=40, unit="tokens"), unsafe=True),
    "cut, no framing": Scenario(Fault(cut_after=40, unit="tokens", framing="close"), unsafe=True),
    "stall of 30 s after 20 tokens": Scenario(
        Fault(stall_after=20, unit="tokens", stall_for=30), unsafe=True, silent=True
    ),
    "malformed chunk": Scenario(Fault(malformed_after=20), unsafe=True),
    "no [DONE]": Scenario(Fault(without=frozenset({"end"})), who=(PRIMARY, SECOND), unsafe=True),
    "neither finish nor [DONE]": Scenario(Fault(without=frozenset({"finish", "usage", "end"})), unsafe=True),
    "context length 400": Scenario(Fault(status=400, code="context_length_exceeded")),
    "content filter 400": Scenario(Fault(status=400, code="content_filter"), error=errors.ContentBlocked),
    "cut stream whose fallback rejects prefill": Scenario(
        Fault(cut_after=40, unit="tokens"), unsafe=True, second=Fault(status=400, message="prefill is not supported")
    ),
}


class World:
    def __init__(self, scenario: Scenario) -> None:
        self.clock = FakeClock()
        self.primary = FakeProvider("openai", clock=self.clock)
        self.second = FakeProvider("anthropic", clock=self.clock)
        self.primary.reply(text=TOKENS, usage={"input": 7, "output": 60})
        self.second.reply(text=OTHER, usage={"input": 8, "output": 61})
        self.primary.fail(scenario.fault, times=scenario.times)
        if scenario.second is not None:
            last_is_ours = lambda request: request.json["messages"][-1]["role"] == "assistant"  # noqa: E731
            self.second.fail(scenario.second, when=last_is_ours)

    def mux(self, **options) -> Mux:
        models = [self.primary.endpoint(PRIMARY), self.second.endpoint(SECOND)]
        return Mux(models, policy="priority", clock=self.clock, seed=3, **options)


def ask(world: World, flavour: str, seen: list, **options):
    with world.mux(**options) as mux:
        if flavour == "sync":
            with mux.stream("hi") as stream:
                seen.extend(stream)
                return stream.reply

        async def main():
            async with mux.astream("hi") as stream:
                seen.extend([event async for event in stream])
                return stream.reply

        return asyncio.run(main())


def outcome_of(world: World, flavour: str, seen: list, mode: str):
    try:
        return ask(world, flavour, seen, on_break=mode)
    except errors.ModelmuxError as error:
        return error


@pytest.mark.parametrize("flavour", ["sync", "async"])
@pytest.mark.parametrize("mode", ["buffer", "restart", "resume", "raise"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_caller_gets_the_whole_answer(name, mode, flavour) -> None:
    scenario = SCENARIOS[name]
    world, seen = World(scenario), []
    began = world.clock.monotonic()
    outcome = outcome_of(world, flavour, seen, mode)
    if isinstance(outcome, errors.ModelmuxError):
        assert scenario.error is not None or (mode == "raise" and scenario.unsafe), outcome
        assert isinstance(outcome, scenario.error or errors.StreamInterrupted)
        if scenario.error is not None:
            assert world.second.requests == []
        else:
            assert WHOLE.startswith(outcome.partial.text)
        return
    reply = outcome
    assert scenario.error is None
    after = max((n for n, event in enumerate(seen) if isinstance(event, Restarted)), default=-1)
    handed_over = "".join(event.text for event in seen[after + 1 :] if isinstance(event, TextDelta))
    assert handed_over == reply.text
    answered = PRIMARY if reply.provider == "openai" else SECOND
    # Where a stall can no longer be hidden and nothing else may go on, a late end is waited for.
    assert answered in scenario.who or (mode == "raise" and scenario.unsafe and scenario.silent)
    if mode == "resume" and scenario.unsafe and scenario.second is None and answered == SECOND:
        assert reply.text.endswith(FALLBACK)  # the scripted fallback repeats its whole answer
        assert reply.text[: -len(FALLBACK)] == WHOLE[: len(reply.text) - len(FALLBACK)]
    else:
        assert reply.text == (WHOLE if answered == PRIMARY else FALLBACK)
        last = reply.receipt.attempts[-1]
        assert last.usage == ({"input": 7, "output": 60} if answered == PRIMARY else {"input": 8, "output": 61})
        assert reply.model.startswith(answered.split("/")[1])
    assert len(world.primary.requests) <= scenario.asked
    assert world.clock.monotonic() - began <= scenario.within
    if scenario.silent:
        assert len(world.primary.requests) == 1


def test_retry_after_is_kept_when_there_is_nobody_else() -> None:
    world = World(SCENARIOS["429 with Retry-After once"])
    with Mux([world.primary.endpoint(PRIMARY)], clock=world.clock, seed=3) as mux:
        reply = mux.chat("hi")
    first, second = world.primary.requests
    assert reply.text == WHOLE
    assert 2.0 <= second.at - first.at <= 2.5


def test_the_primary_is_used_again_soon_after_it_heals() -> None:
    """Down for 60 s under a call a second, then up."""
    world = World(SCENARIOS["503 always"])
    clock, mux = world.clock, world.mux()
    began = clock.monotonic()
    healed = back = None
    with mux:
        for _ in range(120):
            if healed is None and clock.monotonic() - began >= 60:
                world.primary.heal()
                healed = clock.monotonic()
            reply = mux.chat("hi")
            assert reply.text in (WHOLE, FALLBACK)
            if healed is not None and back is None and reply.provider == "openai":
                back = clock.monotonic() - healed
            clock.advance(1.0)
        down = [request for request in world.primary.requests if request.at < began + 60]
    assert back is not None
    assert back <= 10.0
    assert len(down) <= 4 + 12  # what trips the breaker, then a probe every few seconds


def test_accounting_after_failover() -> None:
    """The cut attempt and the one that answered are both booked, each with its own endpoint, and the sum is theirs."""
    world = World(SCENARIOS["cut after 40 of 60 tokens"])
    with world.mux(on_break="buffer") as mux:
        with mux.stream("hi") as stream:
            reply = stream.reply
        rows = sorted(mux.ledger.query(), key=lambda row: row.number)
    assert [(row.endpoint, row.state) for row in rows] == [(PRIMARY, "failed"), (SECOND, "ok")]
    assert dict(rows[1].units) == {"input": 8, "output": 61}
    assert rows[0].cost_status == "estimated"
    assert rows[0].units["output"] >= 40
    assert reply.receipt.cost.nano == sum(row.cost_nano for row in rows)
    assert reply.cost_status == "estimated"
