"""The order in which candidates are tried."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelmux.errors import ConfigError, NoCapableEndpoint, UnknownName
from modelmux.routing import policies
from modelmux.routing.health import Snapshot
from modelmux.routing.needs import RouteOptions
from modelmux.routing.plan import Plan, Step
from modelmux.types import Media, Message, Request, Text, Tool
from routing.fleets import NOW, ask, fleet, model, names, target

POLICIES = ("cheapest", "fastest", "balanced", "best", "priority", "weighted")


def order(endpoints, policy, request=None, *, snapshot=None, seed=1, **options):
    more = {} if snapshot is None else {"snapshot": snapshot}
    return names(
        endpoints.decide(
            request or ask(), RouteOptions.of(**options), policy=policy, rng=Random(seed), now=NOW, **more
        ).ranked
    )


# --- cheapest


def test_cheapest_counts_this_request_not_the_list_price():
    endpoints = fleet(
        target("reads-cheap", model("reads-cheap", price=(1, 10))),
        target("writes-cheap", model("writes-cheap", price=(4, 2))),
    )
    assert order(endpoints, "cheapest", ask("word " * 4_000, max_tokens=10)) == ["reads-cheap", "writes-cheap"]
    assert order(endpoints, "cheapest", ask("hi")) == ["writes-cheap", "reads-cheap"]


def test_cheapest_counts_the_price_of_a_long_prompt():
    tier = ({"above": 2_000, "rates": {"input": "10"}},)
    endpoints = fleet(
        target("tiered", model("tiered", price=(1, 1), tiers=tier)), target("flat", model("flat", price=(2, 2)))
    )
    assert order(endpoints, "cheapest", ask("hi")) == ["tiered", "flat"]
    assert order(endpoints, "cheapest", ask("word " * 10_000)) == ["flat", "tiered"]


def test_cheapest_counts_a_fee_for_each_call():
    endpoints = fleet(
        target("fee", model("fee", price={"input": "0.01", "output": "0.01", "request": 5})),
        target("plain", model("plain", price=(1, 1))),
    )
    assert order(endpoints, "cheapest") == ["plain", "fee"]


def test_a_fee_for_searching_is_no_fee_for_each_call():
    rates = {"input": 1, "output": 1, "search_prompt": 35, "search": 35}
    endpoints = fleet(target("searches", model("searches", price=rates)), target("plain", model("plain", price=(2, 2))))
    decision = endpoints.decide(ask(), RouteOptions.of(max_cost="0.01"), policy="cheapest", now=NOW)
    assert decision.names == ("searches", "plain")


def test_every_answer_asked_for_is_paid():
    endpoints = fleet(target("a", model("a", price=(0, 10))))
    one, four = (endpoints.decide(ask(n=n), policy="cheapest", now=NOW).chosen for n in (1, 4))
    assert four.expected_cost == pytest.approx(4 * one.expected_cost)


def test_cheapest_counts_sound_at_its_own_price():
    heard = Request((Message("user", (Text("hear"), Media("audio", "audio/mp3", data="A" * 400_000))),))
    endpoints = fleet(
        target(
            "deaf-price",
            model("deaf-price", able="chat tools audio_in", price={"input": 1, "output": 1, "input_audio": 99}),
        ),
        target("fair", model("fair", able="chat tools audio_in", price={"input": 3, "output": 3, "input_audio": 3})),
    )
    assert order(endpoints, "cheapest", heard) == ["fair", "deaf-price"]
    assert order(endpoints, "cheapest") == ["deaf-price", "fair"]


def test_an_unknown_price_is_last_and_a_free_one_first():
    endpoints = fleet(
        target("unknown", model("unknown", price=None)),
        target("dear", model("dear", price=(60, 240))),
        target("free", model("free", price=(0, 0))),
    )
    assert order(endpoints, "cheapest") == ["free", "dear", "unknown"]
    assert order(endpoints, "balanced")[-1] in {"dear", "unknown"}
    free, dear, unknown = endpoints.decide(ask(), policy="cheapest", now=NOW).ranked
    assert (free.expected_cost, unknown.expected_cost) == (0, None)
    assert dear.expected_cost > 0


def test_a_users_own_price_holds():
    endpoints = fleet(
        target("a", model("a", price=(1, 1))),
        target("b", model("b", price=(9, 9)), price={"input": 0.1, "output": 0.1}),
    )
    assert order(endpoints, "cheapest") == ["b", "a"]


def test_equal_cost_is_decided_by_time():
    endpoints = fleet(target("a"), target("b"))
    assert order(endpoints, "cheapest") == ["a", "b"]
    assert order(endpoints, "cheapest", snapshot=Snapshot(ttft={"a": 3.0})) == ["b", "a"]
    assert order(endpoints, "cheapest", snapshot=Snapshot(in_flight={"a": 5})) == ["b", "a"]


# --- fastest, best, balanced


def test_fastest_adds_first_token_and_pace():
    endpoints = fleet(target("starts"), target("runs"))
    snapshot = Snapshot(ttft={"starts": 0.2, "runs": 1.0}, per_token={"starts": 0.05, "runs": 0.005})
    assert order(endpoints, "fastest", ask(max_tokens=5), snapshot=snapshot) == ["starts", "runs"]
    assert order(endpoints, "fastest", ask(max_tokens=1_000), snapshot=snapshot) == ["runs", "starts"]


def test_an_endpoint_that_fails_is_not_fast():
    endpoints = fleet(target("fails"), target("works"))
    snapshot = Snapshot(ttft={"fails": 0.1, "works": 1.0}, trouble={"fails": 0.95})
    assert order(endpoints, "fastest", snapshot=snapshot) == ["works", "fails"]


def test_a_crowded_endpoint_is_slower():
    endpoints = fleet(target("crowded"), target("quiet"))
    snapshot = Snapshot(ttft={"crowded": 0.5, "quiet": 0.9}, in_flight={"crowded": 40})
    assert order(endpoints, "fastest", ask(max_tokens=5), snapshot=snapshot) == ["quiet", "crowded"]


def test_best_takes_the_catalogues_figure_before_the_prior():
    endpoints = fleet(
        target("dear", model("dear", price=(15, 75), released="2025-01-01")),
        target("rated", model("rated", price=(0.1, 0.1), quality=0.99)),
        target("cheap", model("cheap", price=(0.1, 0.4), released="2025-01-01")),
        target("old", model("old", price=(0.1, 0.4), released="2023-01-01")),
    )
    assert order(endpoints, "best") == ["rated", "dear", "cheap", "old"]


def test_balanced_prefers_the_middle_to_either_end():
    endpoints = fleet(
        target("tiny", model("tiny", price=(0.05, 0.2))),
        target("middle", model("middle", price=(0.7, 3))),
        target("giant", model("giant", price=(15, 75))),
    )
    assert order(endpoints, "balanced")[0] == "middle"


def test_balanced_leaves_a_slow_one_for_a_quick_one_of_equal_merit():
    endpoints = fleet(target("slow"), target("quick"))
    assert order(endpoints, "balanced", snapshot=Snapshot(ttft={"slow": 30.0, "quick": 0.5})) == ["quick", "slow"]


# --- priority, weighted


def test_priority_keeps_the_order_of_groups_and_shares_within():
    endpoints = fleet(
        target("c", group=1), target("a", group=0, weight=3), target("b", group=0, weight=1), target("d", group=2)
    )
    first = Counter(order(endpoints, "priority", seed=seed)[0] for seed in range(400))
    assert set(first) == {"a", "b"}
    assert 0.65 < first["a"] / 400 < 0.85
    assert all(order(endpoints, "priority", seed=seed)[2:] == ["c", "d"] for seed in range(20))


def test_priority_follows_the_models_a_call_names():
    endpoints = fleet(target("a", group=0), target("b", group=1), target("c", group=2, provider="q"))
    assert order(endpoints, "priority", models=["q/c", "a"]) == ["c", "a"]


def test_weighted_shares_by_weight_and_never_starts_with_nothing():
    endpoints = fleet(target("a", weight=1), target("b", weight=4), target("none", weight=0))
    first = Counter(order(endpoints, "weighted", seed=seed)[0] for seed in range(1_000))
    assert set(first) == {"a", "b"}
    assert 0.76 < first["b"] / 1_000 < 0.84
    assert order(endpoints, "weighted")[-1] == "none"


# --- laws

price = st.decimals("0.01", "90", places=2)
endpoint = st.tuples(
    price,
    price,
    st.sampled_from([4_000, 128_000, None]),
    st.sampled_from(["chat tools", "chat tools vision", "chat", "embed"]),
    st.sampled_from([None, "eu", "us"]),
    st.booleans(),
)


def build(rows):
    return [
        target(
            f"t{i}",
            model(f"t{i}", able=able, price=None if free else (a, b), context=context, released="2025-05-01"),
            region=region,
            weight=1 + i % 3,
            group=i // 2,
        )
        for i, (a, b, context, able, region, free) in enumerate(rows)
    ]


def decision_of(endpoints, policy, request, seed=3, **options):
    try:
        return endpoints.decide(request, RouteOptions.of(**options), policy=policy, rng=Random(seed), now=NOW)
    except NoCapableEndpoint as error:
        return error.decision


@settings(max_examples=120, deadline=None)
@given(
    rows=st.lists(endpoint, max_size=9),
    policy=st.sampled_from(POLICIES),
    sees=st.booleans(),
    calls=st.booleans(),
    region=st.sampled_from([None, "eu"]),
    words=st.sampled_from([1, 6_000]),
)
def test_candidates_are_able_and_every_endpoint_is_ranked_once_or_excluded(rows, policy, sees, calls, region, words):
    targets = build(rows)
    parts = (Text("word " * words), *((Media("image", "image/png", data="AAAA"),) if sees else ()))
    request = Request((Message("user", parts),), tools=(Tool("f"),) if calls else ())
    decision = decision_of(fleet(*targets), policy, request, region=region)
    ranked, excluded = names(decision.ranked), names(decision.excluded)
    assert sorted(ranked + excluded) == sorted(t.name for t in targets)
    assert all(one.reasons for one in decision.excluded)
    by_name = {t.name: t for t in targets}
    for name in ranked:
        able = by_name[name].info.abilities
        if able != {"chat"}:  # of those nothing is known
            assert not sees or "vision" in able
            assert not calls or "tools" in able
        assert region is None or by_name[name].region == region
        assert (by_name[name].info.context or 10**9) > words


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(endpoint, min_size=1, max_size=8), policy=st.sampled_from(POLICIES), seed=st.integers(0, 99))
def test_same_seed_and_clock_same_decision(rows, policy, seed):
    one, two = (decision_of(fleet(*build(rows)), policy, ask(), seed=seed) for _ in range(2))
    assert one == two
    assert str(one) == str(two)


@settings(max_examples=80, deadline=None)
@given(rows=st.lists(endpoint, min_size=1, max_size=8), words=st.integers(1, 500))
def test_a_dearer_endpoint_never_changes_what_is_cheapest(rows, words):
    rows = [(a, b, None, "chat tools", None, False) for a, b, *_ in rows]
    request = ask("word " * words)
    before = decision_of(fleet(*build(rows)), "cheapest", request)
    most_in, most_out = max(row[0] for row in rows), max(row[1] for row in rows)
    dearer = target("dearer", model("dearer", able="chat tools", price=(most_in * 2 + 1, most_out * 2 + 1)))
    after = decision_of(fleet(dearer, *build(rows)), "cheapest", request)
    assert after.chosen.name == before.chosen.name
    assert after.names == (*before.names, "dearer")


# --- your own


def test_any_callable_is_a_policy():
    def reverse(needs, candidates, snapshot, rng):
        assert "chat" in needs.abilities
        assert len(candidates) == 3
        return candidates.decide(sorted(candidates, key=lambda c: c.name, reverse=True), policy="reverse", note="why")

    decision = fleet(target("a"), target("b"), target("c")).decide(ask(), policy=reverse, now=NOW)
    assert decision.names == ("c", "b", "a")
    assert decision.policy == "reverse"
    assert decision.explain()["note"] == "why"


def test_a_policy_may_leave_candidates_out_and_make_its_own_plan():
    def race(needs, candidates, snapshot, rng):
        return candidates.decide(["b"], policy="race", plan=Plan((Step(("b", "c"), "race"), Step(("a",)))))

    decision = fleet(target("a"), target("b"), target("c")).decide(ask(), policy=race, now=NOW)
    assert decision.plan.names == ("b", "c", "a")
    assert names(decision.ranked) == ["b"]


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (lambda n, c, s, r: ["a"], "candidates.decide"),
        (lambda n, c, s, r: c.decide([], policy="x"), "planned no attempt"),
        (lambda n, c, s, r: c.decide(["stranger"], policy="x"), "stranger"),
        (lambda n, c, s, r: c.decide([7], policy="x"), "no candidate"),
        (lambda n, c, s, r: c.decide([0], policy="x", plan=Plan((Step(("ghost",)),))), "ghost"),
        (7, "a name or a callable"),
    ],
)
def test_a_policy_that_answers_nonsense_is_a_configuration_error(policy, said):
    with pytest.raises(ConfigError, match=said):
        fleet(target("a")).decide(ask(), policy=policy, now=NOW)


def test_unknown_policies_are_named_with_the_nearest():
    with pytest.raises(UnknownName, match="cheapest"):
        fleet(target("a")).decide(ask(), policy="cheepest", now=NOW)


def test_policies_have_names():
    assert set(POLICIES) <= set(policies.names())
