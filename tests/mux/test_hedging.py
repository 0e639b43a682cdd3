"""Hedging: a second attempt beside a slow first one. Whoever has something first goes on, the other is aborted."""

from __future__ import annotations

import threading
import time

import pytest

from modelmux import Money, errors
from modelmux.routing.hedging import Hedge
from modelmux.testing import Fault
from modelmux.testing.faults import NEVER

OPENAI, CLAUDE = "openai/gpt-5-mini", "anthropic/claude-haiku-4-5"
SOON = Hedge(share=1.0, after=0.05)


def warm(mux, caller, calls: int = 3) -> None:
    """Every call adds to what hedges may be: their share begins at nothing."""
    for _ in range(calls):
        caller.chat(mux, "hi")


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_the_quicker_one_answers_and_the_other_is_booked(caller, vendors, make_mux, streamed) -> None:
    vendors.openai.reply("slow")
    vendors.anthropic.reply("quick")
    mux = make_mux(OPENAI, CLAUDE, hedge=SOON)
    vendors.openai.fail(Fault(latency=NEVER) if not streamed else Fault(first_token_after=NEVER))
    began = time.monotonic()
    reply = caller.stream(mux, "hi") if streamed else caller.chat(mux, "hi")
    assert reply.text == "quick"
    assert time.monotonic() - began < 2.0
    states = {attempt.endpoint: attempt.status for attempt in reply.receipt.attempts}
    assert states == {OPENAI: "cancelled", CLAUDE: "ok"}
    assert sorted(row.state for row in mux.ledger.query()) == ["cancelled", "ok"]
    assert vendors.openai.idle(2.0)
    assert not [thread for thread in threading.enumerate() if "hedge" in thread.name]


def test_a_quick_first_one_is_not_hedged(caller, vendors, make_mux) -> None:
    mux = make_mux(OPENAI, CLAUDE, hedge=Hedge(share=1.0, after=5.0))
    warm(mux, caller)
    assert vendors.anthropic.requests == []
    assert all(row.provider == "openai" for row in mux.ledger.query())


def test_the_first_one_may_still_win(caller, vendors, make_mux) -> None:
    vendors.openai.reply("first")
    vendors.openai.fail(Fault(latency=0.3))
    vendors.anthropic.fail(Fault(latency=NEVER))
    reply = caller.chat(make_mux(OPENAI, CLAUDE, hedge=SOON), "hi")
    assert reply.text == "first"
    assert {attempt.endpoint: attempt.status for attempt in reply.receipt.attempts} == {
        OPENAI: "ok",
        CLAUDE: "cancelled",
    }


def test_a_first_one_that_fails_early_is_simply_followed(caller, vendors, make_mux) -> None:
    vendors.openai.fail(Fault(status=503))
    vendors.anthropic.reply("second")
    reply = caller.chat(make_mux(OPENAI, CLAUDE, hedge=Hedge(share=1.0, after=5.0)), "hi")
    assert reply.text == "second"
    assert [attempt.status for attempt in reply.receipt.attempts] == ["failed", "ok"]


def test_when_both_fail_the_first_error_counts(caller, vendors, make_mux) -> None:
    vendors.openai.fail(Fault(latency=0.3, status=503))
    vendors.anthropic.fail(Fault(status=401))
    with pytest.raises(errors.ProviderError) as caught:
        caller.chat(make_mux(OPENAI, CLAUDE, hedge=SOON), "hi")
    assert {attempt.endpoint for attempt in caught.value.receipt.attempts} == {OPENAI, CLAUDE}


def test_hedges_stay_within_their_share(caller, vendors, make_mux) -> None:
    vendors.openai.fail(Fault(latency=0.05))
    mux = make_mux(OPENAI, CLAUDE, hedge=Hedge(share=0.25, after=0.01))
    for _ in range(20):
        caller.chat(mux, "hi")
    assert 2 <= len(vendors.anthropic.requests) <= 5


def test_hedges_stay_within_their_money(caller, vendors, make_mux) -> None:
    vendors.openai.fail(Fault(latency=0.05))
    mux = make_mux(OPENAI, CLAUDE, hedge=Hedge(share=1.0, after=0.01, money=Money.of("0.000001")))
    for _ in range(5):
        caller.chat(mux, "hi")
    assert vendors.anthropic.requests == []


def test_hedging_waits_until_traffic_taught_what_is_late(caller, vendors, make_mux) -> None:
    mux = make_mux(OPENAI, CLAUDE, hedge=True)
    vendors.openai.fail(Fault(latency=0.05), times=1)
    caller.chat(mux, "hi")
    assert vendors.anthropic.requests == []


@pytest.mark.parametrize("value", [0, 1.5, -1, "often", {"shar": 1}, {"after": 0}])
def test_a_hedge_that_makes_no_sense_is_refused(make_mux, value) -> None:
    with pytest.raises(errors.ConfigError, match="hedge"):
        make_mux(OPENAI, hedge=value)
