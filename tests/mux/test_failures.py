"""What a call does when vendors fail: retried, moved, or a typed error; always booked."""

from __future__ import annotations

import pickle

import pytest

from modelmux import errors
from modelmux.testing import Fault
from modelmux.types import Finish, Restarted, TextDelta

OPENAI, CLAUDE, GEMINI = "openai/gpt-5-mini", "anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash"


def states(mux) -> list[str]:
    return [row.state for row in mux.ledger.query()]


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500),
        Fault(status=503),
        Fault(status=429),
        Fault(status=401),
        Fault(status=404),
        Fault(reset=True),
        Fault(status=200, body="<html>hi</html>", content_type="text/html"),
        Fault(truncate=40),
    ],
    ids=lambda f: str(f.status or ("reset" if f.reset else "cut json")),
)
def test_a_failure_moves_on_to_the_next_endpoint(caller, vendors, make_mux, fault) -> None:
    vendors.openai.fail(fault, times=1)
    mux = make_mux(OPENAI, CLAUDE)
    reply = caller.chat(mux, "hi")
    assert reply.provider == "anthropic"
    assert [attempt.status for attempt in reply.receipt.attempts] == ["failed", "ok"]
    assert sorted(states(mux)) == ["failed", "ok"]
    assert reply.cost is not None


def test_a_stream_that_fails_before_output_fails_over_unseen(caller, vendors, make_mux) -> None:
    vendors.openai.fail(Fault(error_after=0), times=1)
    vendors.anthropic.reply(text=["a", "b"])
    seen = []
    reply = caller.stream(make_mux(OPENAI, CLAUDE), "hi", seen=seen)
    assert reply.provider == "anthropic"
    assert [event.text for event in seen if isinstance(event, TextDelta)] == ["a", "b"]


CUTS = {
    "cut": Fault(cut_after=-1500, framing="chunked"),
    "cut, no framing": Fault(cut_after=-1500, framing="close"),
    "no end": Fault(without={"finish", "end", "usage"}),
    "in-band error": Fault(error_after=8),
    "malformed chunk": Fault(malformed_after=8),
}


@pytest.mark.parametrize("model", [OPENAI, CLAUDE, GEMINI])
@pytest.mark.parametrize("fault", CUTS.values(), ids=CUTS)
def test_a_broken_stream_is_never_a_success(caller, vendors, make_mux, model, fault) -> None:
    server = vendors[model.partition("/")[0]]
    server.reply(text=["one ", "two ", "three ", "four ", "five "] * 10)
    server.fail(fault, times=1)
    mux = make_mux(model, CLAUDE if model != CLAUDE else OPENAI)
    seen = []
    with pytest.raises(errors.StreamInterrupted) as caught:
        caller.stream(mux, "hi", seen=seen)
    handed = "".join(event.text for event in seen if isinstance(event, TextDelta))
    assert handed.startswith("one ")
    assert caught.value.partial.text == handed
    assert isinstance(caught.value.__cause__, errors.ProviderError)
    assert not any(isinstance(event, Finish) for event in seen)
    (row,) = mux.ledger.query()
    assert (row.state, row.cost_status) == ("cut", "estimated")
    assert row.cost_nano


def test_buffered_streams_fail_over_even_late(caller, vendors, make_mux) -> None:
    vendors.openai.reply(text=["one ", "two "] * 20)
    vendors.openai.fail(CUTS["cut"], times=1)
    vendors.anthropic.reply(text="whole")
    seen = []
    reply = caller.stream(make_mux(OPENAI, CLAUDE), "hi", on_break="buffer", seen=seen)
    assert "".join(event.text for event in seen if isinstance(event, TextDelta)) == reply.text == "whole"


def test_restarted_streams_say_so(caller, vendors, make_mux) -> None:
    vendors.openai.reply(text=["one ", "two ", "three ", "four "] * 5)
    vendors.openai.fail(CUTS["in-band error"], times=1)
    vendors.anthropic.reply(text="whole")
    seen = []
    reply = caller.stream(make_mux(OPENAI, CLAUDE), "hi", on_break="restart", seen=seen)
    where = next(index for index, event in enumerate(seen) if isinstance(event, Restarted))
    assert any(isinstance(event, TextDelta) for event in seen[:where])
    assert "".join(event.text for event in seen[where:] if isinstance(event, TextDelta)) == reply.text == "whole"
    assert [attempt.status for attempt in reply.receipt.attempts] == ["cut", "ok"]


def test_the_callers_fault_is_not_retried(caller, vendors, make_mux) -> None:
    vendors.openai.fail(Fault(status=400, message="messages: wrong", code="invalid_value"), times=1)
    mux = make_mux(OPENAI, CLAUDE)
    with pytest.raises(errors.RequestRejected) as caught:
        caller.chat(mux, "hi")
    error = caught.value
    assert (error.endpoint, error.status, error.code) == (OPENAI, 400, "invalid_value")
    assert len(error.receipt.attempts) == 1
    assert error.receipt.attempts[0].cost.nano == 0


def test_three_attempts_and_no_more(caller, vendors, make_mux) -> None:
    for server in vendors:
        server.fail(Fault(status=503), times=10)
    mux = make_mux(OPENAI, CLAUDE, GEMINI)
    with pytest.raises(errors.Overloaded) as caught:
        caller.chat(mux, "hi")
    assert len(vendors.requests()) == 3
    assert len(caught.value.receipt.attempts) == 3
    assert "attempts: openai/gpt-5-mini: Overloaded; anthropic" in caught.value.__notes__[0]


def test_retry_after_is_kept(caller, vendors, make_mux) -> None:
    vendors.openai.fail(Fault(status=429, retry_after="0.2"), times=1)
    caller.chat(make_mux(OPENAI), "hi")
    first, second = vendors.openai.requests
    assert second.at - first.at >= 0.2


def test_a_wait_beyond_the_deadline_is_not_begun(caller, vendors, make_mux) -> None:
    vendors.openai.fail(Fault(status=429, retry_after=60), times=1)
    with pytest.raises(errors.RateLimited) as caught:
        caller.chat(make_mux(OPENAI), "hi", deadline=5)
    assert caught.value.retry_after == 60


def test_a_deadline_ends_a_call(caller, vendors, make_mux) -> None:
    vendors.openai.fail(Fault(latency=5), times=3)
    mux = make_mux(OPENAI, deadline=0.15)
    with pytest.raises(errors.DeadlineExceeded) as caught:
        caller.chat(mux, "hi")
    assert caught.value.deadline == 0.15
    assert states(mux) == ["failed"]


def test_a_dripping_answer_does_not_outlive_the_deadline(caller, vendors, make_mux) -> None:
    vendors.openai.fail(Fault(drip=1, pace=0.02), times=3)
    with pytest.raises(errors.DeadlineExceeded):
        caller.chat(make_mux(OPENAI), "hi", deadline=0.2)


def test_no_first_token_in_time_fails_over(caller, vendors, make_mux) -> None:
    vendors.openai.fail(Fault(latency=5), times=1)
    reply = caller.stream(make_mux(OPENAI, CLAUDE), "hi", ttft=0.1)
    assert reply.provider == "anthropic"
    first = reply.receipt.attempts[0]
    assert isinstance(first.error, errors.AttemptTimeout)
    assert first.error.phase == "first_token"


def test_leaving_a_stream_early_is_booked_as_cancelled(caller, vendors, make_mux) -> None:
    vendors.openai.reply(text=["one ", "two ", "three "] * 50)
    mux = make_mux(OPENAI)
    seen = caller.leave_early(mux, "hi", after=3)
    assert len(seen) == 3
    (row,) = mux.ledger.query()
    assert (row.state, row.cost_status) == ("cancelled", "estimated")


def test_an_answer_beyond_the_cap_is_refused(caller, vendors, make_mux) -> None:
    vendors.openai.reply(text="x" * 100_000)
    with pytest.raises(errors.ResponseTooLarge):
        caller.chat(make_mux(OPENAI, max_response_bytes=10_000), "hi")


def test_an_error_shows_no_key_however_it_is_looked_at(caller, vendors, make_mux) -> None:
    vendors.openai.fail(Fault(status=401), times=1)
    mux = make_mux(OPENAI)
    with pytest.raises(errors.AuthError) as caught:
        caller.chat(mux, "hi")
    shown = repr(caught.value) + str(caught.value) + repr(caught.value.__dict__) + repr(mux)
    assert "test-key" not in shown
    assert b"test-key" not in pickle.dumps(caught.value)


def test_usage_that_comes_early_does_not_make_a_cut_stream_whole(caller, vendors, make_mux) -> None:
    """Anthropic states the input tokens before the first word."""
    vendors.anthropic.reply(text=["one ", "two "] * 20, usage={"input": 777, "output": 40})
    vendors.anthropic.fail(CUTS["cut"], times=1)
    mux = make_mux(CLAUDE)
    with pytest.raises(errors.StreamInterrupted):
        caller.stream(mux, "hi")
    (row,) = mux.ledger.query()
    assert row.units["input"] == 777
    assert 0 < row.units["output"] < 60


def test_patience_is_said_in_tenacitys_words(caller, vendors, make_mux) -> None:
    import tenacity

    from modelmux import RetryPolicy

    vendors.openai.fail(Fault(status=503), times=10)
    policy = RetryPolicy(attempts=5, wait=tenacity.wait_fixed(0.05), stop=tenacity.stop_after_attempt(2))
    with pytest.raises(errors.Overloaded) as caught:
        caller.chat(make_mux(OPENAI, retry=policy), "hi")
    assert len(caught.value.receipt.attempts) == 2
    first, second = vendors.openai.requests
    assert second.at - first.at >= 0.05
