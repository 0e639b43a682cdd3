"""Equals share the calls: two choices by load, and a chance for whoever was not measured or did badly once."""

from __future__ import annotations

import heapq
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelmux.routing import orders
from modelmux.routing.claims import Blocked
from modelmux.routing.health import Health, Snapshot
from routing.fleets import NOW, ask, fleet, model, target

EVERY = ("cheapest", "fastest", "balanced", "best", "priority")


def twins(names, info=None, **more):
    same = info or model("m")
    return fleet(*(target(name, same, url=f"https://{name}.invalid", **more) for name in names))


def firsts(endpoints, policy, snapshot, count=600, seed=1):
    rng = Random(seed)
    drawn = (endpoints.decide(ask(), policy=policy, snapshot=snapshot, rng=rng, now=NOW) for _ in range(count))
    found = Counter(decision.plan.names[0] for decision in drawn)
    return {name: found[name] / count for name in endpoints.names}


def served(endpoints, means, *, callers, policy, calls=900, seed=1):
    """Shares of the calls of ``callers`` at once, with answers that take as long as ``means`` says, more or less."""
    rng, health, at = Random(seed), Health(), 0.0
    busy, count = [], Counter()
    for number in range(calls):
        if len(busy) == callers:
            at, _, name, took = heapq.heappop(busy)
            health.succeeded(name, took / 2, took / 800, at)
        snapshot = health.snapshot(at=at)
        name = endpoints.decide(ask(), policy=policy, snapshot=snapshot, rng=rng, now=NOW).plan.names[0]
        health.started(name, at)
        count[name] += 1
        took = means[name] * rng.lognormvariate(0, 0.3)
        heapq.heappush(busy, (at + took, number, name, took))
    return {name: count[name] / calls for name in means}


@pytest.mark.parametrize("callers", [1, 30])
@pytest.mark.parametrize("policy", EVERY)
def test_equals_share_evenly(policy, callers):
    shares = served(twins("abc"), {"a": 1.0, "b": 1.0, "c": 1.0}, callers=callers, policy=policy)
    assert all(0.25 <= share <= 0.42 for share in shares.values())


@pytest.mark.parametrize("callers", [1, 30])
@pytest.mark.parametrize("policy", EVERY)
def test_a_slow_equal_gets_less(policy, callers):
    shares = served(twins("abc"), {"a": 1.0, "b": 1.0, "c": 5.0}, callers=callers, policy=policy)
    assert shares["c"] <= 0.15
    assert min(shares["a"], shares["b"]) >= 0.35


@pytest.mark.parametrize("policy", EVERY)
def test_a_crowded_equal_gets_less(policy):
    shares = firsts(twins("ab"), policy, Snapshot(in_flight={"a": 9}))
    assert shares["a"] <= 0.1


@pytest.mark.parametrize("policy", ["cheapest", "balanced", "best"])
def test_an_equal_that_fails_at_once_does_not_look_quick(policy):
    snapshot = Snapshot(ttft={"a": 0.001, "b": 0.4}, per_token={"a": 0.01, "b": 0.01}, trouble={"a": 0.95})
    assert firsts(twins("ab"), policy, snapshot)["a"] <= 1 / 20


@pytest.mark.parametrize("policy", ["cheapest", "balanced", "best", "fastest"])
def test_one_slow_answer_does_not_shut_an_equal_out(policy):
    snapshot = Snapshot(ttft={"a": 30.0, "b": 0.1}, per_token={"a": 0.3, "b": 0.003})
    assert firsts(twins("ab"), policy, snapshot, count=4_000)["a"] > 0


@pytest.mark.parametrize("pace", [0.0002, 0.3])
@pytest.mark.parametrize("policy", ["cheapest", "fastest", "balanced", "best"])
def test_an_equal_never_measured_is_tried_as_often_as_the_others(policy, pace):
    """Whether they are quicker or slower than the prior says."""
    known = Snapshot(ttft={"a": pace, "b": pace}, per_token={"a": pace, "b": pace})
    assert 0.2 <= firsts(twins("abc"), policy, known)["c"] <= 0.5


def test_the_unknown_that_could_be_quicker_is_tried_now_and_then():
    endpoints = fleet(target("known"), target("unknown"))
    known = Snapshot(ttft={"known": 0.01}, per_token={"known": 0.0001})
    share = firsts(endpoints, "fastest", known, count=3_000)["unknown"]
    assert share <= 0.05
    dearer = fleet(target("known"), target("unknown", model("unknown", price=(9, 90))))
    assert firsts(dearer, "fastest", known, count=1_000)["unknown"] == 0  # not at the caller's expense
    cheaper = fleet(target("known"), target("unknown", model("unknown", price=(0.1, 0.1))))
    assert 0 < firsts(cheaper, "fastest", known, count=3_000)["unknown"] <= 0.06


def test_only_equals_share():
    endpoints = fleet(
        target("a", model("m")),
        target("dearer", model("m", price=(2, 8))),
        target("another", model("another")),
        target("b", model("m"), provider="q"),
    )
    found = firsts(endpoints, "cheapest", Snapshot())
    assert (found["dearer"], found["another"]) == (0, 0)
    assert 0.4 <= found["a"] <= 0.6


def test_an_ejected_equal_is_not_drawn_for():
    snapshot = Snapshot(blocked={"a": Blocked(9.0, "breaker open")})
    found = firsts(twins("abc"), "cheapest", snapshot)
    assert found["a"] == 0
    assert 0.4 <= found["b"] <= 0.6


def test_equals_behind_an_ejected_favourite_share_too():
    endpoints = fleet(
        target("first", model("f", price=(0.1, 0.1))), *(target(name, model("m"), provider=name) for name in "ab")
    )
    found = firsts(endpoints, "cheapest", Snapshot(blocked={"first": Blocked(9.0, "breaker open")}))
    assert 0.4 <= found["a"] <= 0.6


def test_weights_hold_in_a_group_as_long_as_it_keeps_up():
    endpoints = fleet(target("a", weight=3), target("b", weight=1))
    assert 0.7 <= firsts(endpoints, "priority", Snapshot())["a"] <= 0.8
    assert 0.7 <= firsts(endpoints, "priority", Snapshot(in_flight={"a": 30, "b": 10}))["a"] <= 0.8
    assert firsts(endpoints, "priority", Snapshot(in_flight={"a": 30}))["a"] == 0
    assert 0.7 <= firsts(endpoints, "weighted", Snapshot(in_flight={"a": 30}))["a"] <= 0.8


def test_the_same_seed_chooses_the_same():
    endpoints = twins("abcdef")
    one, other = ([endpoints.decide(ask(), rng=Random(seed), now=NOW).names for seed in range(30)] for _ in range(2))
    assert one == other
    assert len({names[0] for names in one}) > 3


@given(
    among=st.lists(st.integers(0, 50), min_size=2, max_size=6, unique=True),
    loads=st.lists(st.floats(0, 1e6), min_size=51, max_size=51),
    seed=st.integers(0, 999),
)
def test_two_choices_gives_one_of_them(among, loads, seed):
    assert orders.two_choices(among, lambda one, other: loads[one], Random(seed)) in among


@given(st.permutations(range(6)), st.integers(0, 5))
def test_a_leader_changes_nothing_but_its_own_place(order, leader):
    led = orders.led_by(list(order), leader)
    assert led[0] == leader
    assert [one for one in led if one != leader] == [one for one in order if one != leader]
