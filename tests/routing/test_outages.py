"""Outages over the routing machines alone, in virtual time: who is asked how often, and how soon all is as before.

The same figures over sockets are those of the whole library; these say that the machines themselves can keep them.
"""

from __future__ import annotations

from random import Random

import pytest

from modelmux import errors
from modelmux.routing.claims import Scopes
from routing.outages import Attempt, Vendor, World, broken, steady

SINCE, UNTIL, END = 5.0, 17.0, 37.0

FAULTS = {
    "server error, at once": (lambda: errors.ServerError("synthetic", status=500), 0.001),
    "overloaded": (lambda: errors.Overloaded("synthetic", status=503), 0.02),
    "refused": (lambda: errors.ConnectionFailed("synthetic"), 0.001),
    "reset": (lambda: errors.ConnectionLost("synthetic"), 0.05),
    "key refused": (lambda: errors.AuthError("synthetic", status=401), 0.02),
    "gone": (lambda: errors.ModelNotFound("synthetic", status=404), 0.02),
    "a page in HTML": (lambda: errors.MalformedResponse("synthetic", status=200), 0.02),
    "cut": (lambda: errors.StreamTruncated("synthetic", status=200), 0.2),
    "silent": (lambda: errors.AttemptTimeout("synthetic"), 2.0),
}


def one_of_three(fault: str, seed: int, policy: str) -> World:
    rng = Random(seed)
    error, takes = FAULTS[fault]
    vendors: dict[str, Vendor] = {name: steady(0.25, rng) for name in "abc"}
    vendors["b"] = broken(vendors["b"], error, takes, SINCE, UNTIL)
    world = World(vendors, seed, policy=policy)
    world.closed(callers=50, until=END)
    return world


def ejected_at(world: World) -> float:
    """When the fifth failure was known, or two seconds after the first."""
    failed = sorted(attempt.ended for attempt in world.attempts if attempt.error)
    return min(failed[4] if len(failed) > 4 else failed[-1], failed[0] + 2)


@pytest.mark.parametrize("policy", ["balanced", "priority"])
@pytest.mark.parametrize("fault", FAULTS)
def test_one_of_three_equals_broken(fault, policy):
    world = one_of_three(fault, seed=7, policy=policy)
    assert world.unserved == 0
    assert len(world.served) > 5_000
    assert world.share("b", ejected_at(world), UNTIL) <= 0.01
    assert world.share("b", UNTIL + 10, END) >= 0.25
    assert 0.28 <= world.share("b", 0, SINCE) <= 0.39


@pytest.mark.parametrize("seed", range(5))
def test_what_fails_fast_gets_a_tenth_of_its_share_at_most(seed):
    world = one_of_three("server error, at once", seed, "cheapest")
    assert world.share("b", SINCE + 1, UNTIL) <= 1 / 30


def test_one_at_a_time_without_concurrency_is_served_and_shared_as_well():
    rng = Random(3)
    vendors = {"a": steady(0.1, rng), "b": broken(steady(0.1, rng), server_error, 0.001, 5, 17), "c": steady(0.1, rng)}
    world = World(vendors, 3)
    world.closed(callers=1, until=60)
    assert world.unserved == 0
    assert world.share("b", 6, 17) <= 0.1
    assert 0.2 <= world.share("b", 27, 60) <= 0.45


def server_error() -> errors.ServerError:
    return errors.ServerError("synthetic", status=500)


def silent() -> errors.AttemptTimeout:
    return errors.AttemptTimeout("synthetic")


@pytest.mark.parametrize(("fault", "takes"), [(server_error, 0.02), (silent, 5.0)])
def test_all_down_costs_an_attempt_a_call(fault, takes):
    vendors = {name: broken(steady(0.1, Random(1)), fault, takes, 0, 60) for name in "abc"}
    world = World(vendors, 1)
    world.open(rate=100, until=30)
    per_call = [0] * len(world.served)
    for attempt in world.attempts:
        per_call[attempt.call] += 1
    late = [per_call[call] for call in range(len(per_call)) if call / 100 > 2 + takes]
    assert sum(late) / len(late) <= 1.1
    assert max(per_call) <= 3
    assert min(per_call) >= 1  # nobody is refused untried


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("fault", "takes"), [(server_error, 0.02), (silent, 10.0)])
def test_the_first_of_several_to_heal_serves_within_seconds(fault, takes, seed):
    rng = Random(seed)
    vendors = {name: broken(steady(0.1, rng), fault, takes, 0, 20 if name == "c" else 99) for name in "abc"}
    world = World(vendors, seed)
    world.open(rate=100, until=40)
    good = min(attempt.ended for attempt in world.attempts if attempt.error is None)
    assert good <= 25
    assert all(good for call, good in world.served.items() if call / 100 > 25)


@pytest.mark.parametrize("policy", ["priority", "cheapest"])
def test_the_primary_is_used_again_when_it_is_well(policy):
    """A lone caller, once a second: the second endpoint serves meanwhile."""
    vendors = {"a": broken(steady(0.1, Random(1)), server_error, 0.01, 5, 65), "b": steady(0.1, Random(2))}
    world = World(vendors, 1, policy=policy, ranked=True)
    world.open(rate=2, until=120)
    again = min(attempt.began for attempt in world.attempts if attempt.name == "a" and attempt.began > 65)
    assert world.unserved == 0
    assert again <= 75
    assert sum(a.error is not None for a in world.attempts) <= 20


def test_endpoints_of_one_dead_key_share_its_fate():
    def refused() -> errors.AuthError:
        return errors.AuthError("synthetic", status=401)

    rng = Random(5)
    dead = broken(steady(0.2, rng), refused, 0.02, 0, 99)
    scopes = {name: Scopes(name, "dead", "v") for name in ("a", "b", "c")}
    world = World({"a": dead, "b": dead, "c": dead, "d": steady(0.2, rng)}, 5, scopes=scopes)
    world.closed(callers=20, until=20)
    asked: list[Attempt] = [attempt for attempt in world.attempts if attempt.name != "d" and attempt.began > 1]
    assert world.unserved == 0
    assert len(asked) <= 10


def test_the_same_seed_gives_the_same_history():
    one, other = (one_of_three("reset", 11, "balanced") for _ in range(2))
    assert [(a.name, a.began) for a in one.attempts] == [(a.name, a.began) for a in other.attempts]
