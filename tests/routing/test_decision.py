"""A decision explains itself, and travels."""

from __future__ import annotations

import json
import pickle

import pytest

from modelmux.errors import (
    AuthError,
    ConfigError,
    ContextTooLong,
    ModelNotFound,
    NoCapableEndpoint,
    QuotaSpent,
    ServerError,
)
from modelmux.routing.health import Snapshot
from modelmux.routing.needs import RouteOptions
from modelmux.types import Tool
from routing.fleets import NOW, ask, fleet, model, target


def three():
    return fleet(
        target("p/small", model("small", price=(0.25, 2))),
        target("q/large", model("large", price=(2.5, 20)), provider="q"),
        target("q/deaf", model("deaf", able="chat vision"), provider="q"),
        target("r/new", known=False, provider="r"),
    )


def decide(**options):
    return three().decide(
        ask("word " * 400, tools=(Tool("f"),)),
        RouteOptions.of(**options),
        policy="cheapest",
        snapshot=Snapshot(ttft={"q/large": 0.321}, per_token={"q/large": 0.01}),
        now=NOW,
        seed=7,
    )


def test_explain_is_plain_data():
    said = json.loads(json.dumps(decide(require={"tools"}).explain()))
    assert said["policy"] == "cheapest"
    assert said["seed"] == 7
    assert said["chosen"] == "p/small"
    assert [row["endpoint"] for row in said["candidates"]] == ["p/small", "q/large"]
    assert {row["endpoint"]: row["reasons"] for row in said["excluded"]} == {
        "q/deaf": ["cannot do tools"],
        "r/new": ["not known to be able to do tools"],
    }
    large = said["candidates"][1]
    assert large["ttft"] == 0.321
    assert large["measured"] is True
    assert large["expected_cost"] == pytest.approx((large["input_tokens"] * 2.5 + 400 * 20) / 1e6)
    assert large["expected_cost"] < large["upper_cost"] < large["bound_cost"]
    assert said["request"]["abilities"] == ["tools"]
    assert said["plan"] == [{"mode": "turn", "attempts": ["p/small", "q/large"]}]


def test_the_table_shows_choice_numbers_and_reasons():
    table = str(decide(max_cost="0.05"))
    first, *_ = table.splitlines()
    assert first == "p/small chosen by cheapest (of 2 candidates, seed 7)"
    assert "ceiling $0.05" in table
    assert "321 ms" in table
    assert "~800 ms" in table  # a prior, not a measurement
    assert "cap 8,192" in table
    assert "$0.000" in table
    lines = {line.split()[0]: line for line in table.splitlines() if line.startswith(("  q", "  r"))}
    assert "cannot do tools" in lines["q/deaf"]
    assert "price is not known" in lines["r/new"]


def test_no_prompt_and_no_key_in_what_a_decision_says():
    decision = decide()
    for text in (str(decision), repr(decision), json.dumps(decision.explain()), decision.summary):
        assert "word word" not in text
        assert "test-key" not in text


def test_summary_is_short():
    assert decide().summary == "cheapest: p/small of 3"


def test_a_pickled_decision_keeps_names_and_numbers_only():
    decision = decide(max_cost="0.05")
    data = pickle.dumps(decision)
    assert b"word word" not in data
    assert b"test-key" not in data
    again = pickle.loads(data)
    assert again == decision
    assert str(again) == str(decision)
    assert again.names == decision.names
    assert again.cap("p/small") == decision.cap("p/small")
    assert again.chosen == decision.chosen
    assert again.needs is None
    assert pickle.loads(pickle.dumps(again)) == decision
    with pytest.raises(KeyError):
        again.candidate("nobody")


def test_what_an_attempt_needs_to_know_is_the_same_without_and_with_the_row():
    decision = decide(max_cost="0.05")
    for either in (decision, pickle.loads(pickle.dumps(decision))):
        row = decision.candidate("p/small")
        assert either.input_tokens("p/small") == row.input_tokens
        assert float(either.bound("p/small")) == pytest.approx(row.bound_cost, abs=1e-9)
    assert decide().bound("r/new") is None


def test_a_bound_is_in_the_currency_of_its_price():
    endpoints = fleet(target("won", model("won", currency="KRW")), target("a"), target("b"))
    decision = endpoints.decide(ask(max_tokens=1_000), policy="cheapest", now=NOW)
    assert decision.names[-1] == "won"
    assert decision.bound("won").currency == "KRW"
    row = decision.candidate("won")
    assert (row.currency, row.expected_cost, row.bound_cost) == ("USD", None, None)


def test_the_error_of_nobody_left_travels_too():
    with pytest.raises(NoCapableEndpoint) as caught:
        decide(region="mars")
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)
    assert again.decision == caught.value.decision


def test_many_candidates_are_shown_in_part():
    endpoints = fleet(*(target(f"t{i}", model(f"t{i}", price=(i + 1, 1))) for i in range(40)))
    decision = endpoints.decide(ask(), policy="cheapest", now=NOW)
    assert "and 30 more" in str(decision)
    assert len(decision.ranked) == 40
    assert len(decision.plan.names) == 16


def test_names_must_be_unique():
    with pytest.raises(ConfigError, match="unique: a"):
        fleet(target("a"), target("a"))


# --- who cannot help after a failure


def family():
    return fleet(
        target("a1", model("m1", context=1_000), key="test-key-1"),
        target("a2", model("m2", context=2_000), key="test-key-1"),
        target("a3", model("m1", context=1_000), key="test-key-2"),
        target("b", model("m3", context=None), provider="q", key="test-key-1"),
    )


@pytest.mark.parametrize(
    ("error", "avoided"),
    [
        (AuthError("no"), {"a1", "a2"}),
        (QuotaSpent("no"), {"a1", "a2"}),
        (ModelNotFound("no"), {"a1"}),
        (ContextTooLong("no"), {"a1", "a3"}),
        (ServerError("no"), set()),
    ],
)
def test_what_cannot_help_after_an_error(error, avoided):
    assert family().avoid("a1", error) == avoided


def test_prices_are_looked_up_by_the_time_of_the_call():
    from modelmux.catalogue import Model, PriceVersion

    change = NOW + 3_600
    prices = (
        PriceVersion({"input": "9", "output": "9"}, end=change, id="before"),
        PriceVersion({"input": "0.1", "output": "0.1"}, start=change, id="after"),
    )
    moving = Model("moving", "p", abilities=frozenset({"chat", "tools"}), prices=prices)
    endpoints = fleet(target("moving", moving), target("still", model("still", price=(1, 1))))
    assert endpoints.decide(ask(), policy="cheapest", now=NOW).chosen.name == "still"
    assert endpoints.decide(ask(), policy="cheapest", now=change + 1).chosen.name == "moving"
