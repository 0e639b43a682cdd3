"""Setting up a Mux, and what it says when it cannot serve a call."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

import modelmux
from modelmux import Endpoint, Mux, errors

OPENAI, CLAUDE, GEMINI = "openai/gpt-5-mini", "anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash"


def test_an_unknown_provider_or_model_names_what_comes_close() -> None:
    with pytest.raises(errors.UnknownName, match="openai/gpt-5-mini"):
        Mux(["opnai/gpt-5-mini"])


def test_a_missing_key_names_where_it_is_looked_for(monkeypatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(errors.MissingKey, match="OPENAI_API_KEY"):
        Mux([OPENAI]).chat("hi")


def test_no_key_at_all_says_what_to_do(monkeypatch) -> None:
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_TOKEN", "_KEY")):
            monkeypatch.delenv(name)
    with pytest.raises(errors.ConfigError, match="modelmux doctor"):
        Mux().chat("hi")


def test_keys_in_the_environment_are_found_as_the_vendors_sdks_find_them(vendors, monkeypatch) -> None:
    for name, value in vendors.env().items():
        monkeypatch.setenv(name, value)
    with Mux() as mux:
        names = mux.endpoints
        assert {name.partition("/")[0] for name in names} == {"openai", "anthropic", "gemini"}
        assert CLAUDE in names
        assert mux.chat("hi", model=OPENAI).provider == "openai"
        assert mux.chat("hi", model="claude-haiku-4-5").provider == "anthropic"
        assert mux.chat("hi", model="auto").text


def test_a_key_never_follows_a_foreign_address(vendors, monkeypatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "the-real-key")
    with pytest.raises(errors.MissingKey):
        Mux([Endpoint(OPENAI, base_url=vendors.openai.base_url)]).chat("hi")
    assert vendors.openai.requests == []


def test_the_exclusion_table_is_the_error(make_mux) -> None:
    with pytest.raises(errors.NoCapableEndpoint) as caught:
        make_mux(OPENAI, CLAUDE).chat("hi", require={"audio_out"})
    text = str(caught.value)
    assert OPENAI in text
    assert CLAUDE in text
    assert "audio_out" in text
    assert len(caught.value.decision.excluded) == 2


def test_contradictions_are_named(make_mux) -> None:
    with pytest.raises(errors.InvalidRequest, match="both name openai"):
        make_mux(OPENAI).chat("hi", require="openai", exclude="openai")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"budgets": ["$20/day"]}, "budgets"),
        ({"hedge": 2}, "hedge"),
        ({"state": "redis://x"}, "redis"),
        ({"policy": "cheepest"}, "cheapest"),
        ({"on_break": "sometimes"}, "on_break"),
        ({"usage": "often"}, "usage"),
        ({"durability": "mostly"}, "durability"),
        ({"ledger": "mysql://x"}, "mysql"),
        ({"providers": {"openai": {"api_kee": "x"}}}, "api_key"),
        ({"config": {"polcy": "x"}}, "policy"),
        ({"deadline": -1}, "deadline"),
    ],
)
def test_a_setup_that_cannot_work_is_refused_by_name(vendors, options, says) -> None:
    with pytest.raises(errors.ModelmuxError, match=says):
        Mux(vendors.endpoints(), **options).chat("hi")


def test_explaining_sends_nothing(vendors, make_mux) -> None:
    decision = make_mux(OPENAI, CLAUDE, GEMINI, policy="cheapest").explain("Summarise this: …" * 50)
    assert vendors.requests() == []
    assert decision.chosen.name == OPENAI
    assert CLAUDE in str(decision)
    assert "$" in str(decision)


def test_an_explanation_of_the_impossible_shows_the_reasons(make_mux) -> None:
    decision = make_mux(OPENAI).explain("hi", require={"audio_out"})
    assert decision.chosen is None
    assert "audio_out" in str(decision)


def test_a_ceiling_caps_what_is_sent(vendors, make_mux) -> None:
    reply = make_mux(OPENAI).chat("hi", max_cost=0.002)
    cap = vendors.openai.requests[-1].json["max_completion_tokens"]
    assert 256 <= cap <= 1000  # 0.002 dollars buy 1,000 tokens at 2 dollars a million
    assert any(warning.action == "capped" for warning in reply.warnings)
    with pytest.raises(errors.NoCapableEndpoint, match="ceiling"):
        make_mux(OPENAI).chat("hi", max_cost=0.0001)


def test_strict_refuses_what_a_vendor_cannot_say(vendors, make_mux) -> None:
    mux = make_mux(CLAUDE)
    vendors.anthropic.reply(text='{"a": 1}')
    assert mux.chat("hi as json", max_tokens=20, output="json").warnings
    with pytest.raises(errors.Unsupported) as caught:
        mux.chat("hi as json", max_tokens=20, output="json", strict=True)
    assert caught.value.warnings


def test_one_mux_serves_threads_and_loops(vendors, make_mux) -> None:
    mux = make_mux(OPENAI, CLAUDE)
    texts: list[str] = []

    def sync() -> None:
        texts.extend(mux.chat(f"s{i}").text for i in range(5))

    def loop() -> None:
        async def main() -> None:
            replies = await asyncio.gather(*(mux.achat(f"a{i}") for i in range(5)))
            texts.extend(reply.text for reply in replies)
            await mux.aclose()

        asyncio.run(main())

    threads = [threading.Thread(target=target) for target in (sync, loop, sync, loop)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(texts) == 20
    assert len(mux.ledger.query()) == 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_goes_on_by_itself(vendors, tmp_path) -> None:
    mux = Mux(vendors.endpoints(OPENAI), ledger=f"sqlite:///{tmp_path}/m.db")
    mux.chat("parent")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if mux.chat("child").text and mux.close() is None else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    mux.chat("parent again")
    assert len(mux.ledger.query()) == 3
    mux.close()


def test_a_ledger_file_is_there_for_the_next_process(vendors, tmp_path) -> None:
    url = f"sqlite:///{tmp_path}/m.db"
    with Mux(vendors.endpoints(OPENAI), ledger=url) as mux:
        mux.chat("hi")
    with Mux(vendors.endpoints(OPENAI), ledger=url) as mux:
        assert [row.state for row in mux.ledger.query()] == ["ok"]


def test_the_default_mux_is_made_at_first_use(vendors, monkeypatch) -> None:
    from modelmux import _default

    monkeypatch.setattr(_default, "_made", {})
    for name, value in vendors.env().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MODELMUX_MODELS", OPENAI)
    assert modelmux.chat("hi").provider == "openai"
    with modelmux.stream("hi") as stream:
        assert "".join(stream.text)
    assert modelmux.explain("hi").chosen.name == OPENAI


def test_a_ceiling_spans_all_attempts(vendors, make_mux) -> None:
    """An attempt that may have been billed counts at its bound, so what is left buys a shorter answer, or none."""
    from modelmux.testing import Fault

    mux = make_mux(OPENAI, CLAUDE)
    full = mux.explain("hi", max_cost=0.02).candidate(CLAUDE).cap
    vendors.openai.fail(Fault(status=500), times=1)
    mux.chat("hi", max_cost=0.02, max_tokens=2000)
    bound = next(row.bound_nano for row in mux.ledger.query() if row.provider == "openai")
    left = 20_000_000 - bound
    sent = vendors.anthropic.requests[-1].json["max_tokens"]
    assert sent * 5_000 <= left  # 5 dollars a million tokens is 5,000 nano each
    assert sent < full

    vendors.openai.fail(Fault(status=500), times=1)
    with pytest.raises(errors.ServerError):
        mux.chat("hi", max_cost=0.003)
    assert len(vendors.anthropic.requests) == 1


def test_the_vendors_request_id_is_kept(vendors, make_mux) -> None:
    vendors.openai.reply(text="x", headers={"x-request-id": "req-7"})
    mux = make_mux(OPENAI)
    reply = mux.chat("hi")
    assert reply.receipt.attempts[0].request_id == "req-7"
    assert mux.ledger.query()[0].request_id == "req-7"


def test_a_callers_key_goes_to_one_place_only(vendors) -> None:
    """An address beside the provider's own, or several of them, never gets a key that was given for the provider."""
    foreign = Endpoint(CLAUDE, base_url=vendors.anthropic.base_url, api_key="test-key", name="own")
    elsewhere = Endpoint(CLAUDE, base_url=vendors.openai.base_url, api_key="test-key", name="other")
    with Mux([foreign, elsewhere]) as mux, pytest.raises(errors.ConfigError, match="several addresses"):
        mux.chat("hi", keys={"anthropic": "her-key"})
    home = {"anthropic": {"api_key": "ours", "base_url": vendors.anthropic.base_url}}
    vendors.anthropic.key = "her-key"
    try:
        with Mux([CLAUDE, elsewhere], providers=home, policy="priority") as mux:
            assert mux.chat("hi", keys={"anthropic": "her-key"}).text
    finally:
        vendors.anthropic.key = "anthropic-test-key"
    assert vendors.openai.requests == []


def test_receipts_and_replies_print_for_people(make_mux) -> None:
    reply = make_mux(OPENAI).chat("hello")
    assert str(reply) == reply.text
    assert f"1. {OPENAI}: ok" in str(reply.receipt)
    assert str(reply.cost) in str(reply.receipt)
