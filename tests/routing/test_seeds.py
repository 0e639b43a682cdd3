"""Outages drawn at random, in virtual time: fleets, faults and traffic nobody thought of, held to a few laws."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

import pytest

from modelmux import errors
from modelmux.routing.breakers import PROBE
from modelmux.routing.claims import Scopes
from routing.outages import Vendor, World, broken, steady

HEALED, END = 15.0, 40.0

FAULTS: list[tuple[type[errors.ProviderError], int | None]] = [
    (errors.ServerError, 500),
    (errors.Overloaded, 503),
    (errors.ConnectionFailed, None),
    (errors.ConnectionLost, None),
    (errors.AttemptTimeout, None),
    (errors.AuthError, 401),
    (errors.PermissionDenied, 403),
    (errors.ModelNotFound, 404),
    (errors.MalformedResponse, 200),
    (errors.StreamTruncated, 200),
    (errors.RateLimited, 429),
]


def drawn(seed: int) -> World:
    """Two to five endpoints, the last of which always works; the others break once or not, keys and vendors shared
    among the broken or not.
    """
    rng = Random(seed)
    count = rng.randint(2, 5)
    vendors: dict[str, Vendor] = {}
    scopes: dict[str, Scopes] = {}
    for number in range(count):
        name = f"e{number}"
        well = steady(rng.uniform(0.02, 0.5), rng)
        scopes[name] = Scopes(name, f"key-{rng.randint(0, number)}", f"vendor-{rng.randint(0, number)}")
        if number < count - 1 and rng.random() < 0.8:
            cls, status = rng.choice(FAULTS)
            since = rng.uniform(0, 8)
            takes = rng.choice([0.0005, 0.02, 0.5, 3.0])
            vendors[name] = broken(
                well, lambda cls=cls, status=status: cls("synthetic", status=status), takes, since, HEALED
            )
        else:
            vendors[name] = well
            scopes[name] = Scopes(name, f"own-key-{number}", f"own-vendor-{number}")
    world = World(vendors, seed, policy=rng.choice(["balanced", "cheapest", "priority", "fastest"]), scopes=scopes)
    if rng.random() < 0.5:
        world.closed(callers=rng.choice([1, 5, 30]), until=END)
    else:
        world.open(rate=rng.choice([1, 10, 50]), until=END)
    return world


def hold_to_the_laws(world: World) -> None:
    tries = Counter(attempt.call for attempt in world.attempts)
    assert set(tries) == set(world.served), "a call was refused untried"
    assert max(tries.values()) <= 3
    healthy_first = [a for a in world.attempts if a.error is None]
    assert healthy_first, "nobody was ever served"
    # What healed is open to all again, whether or not anybody came by.
    late = [a for a in world.attempts if a.began > HEALED + 13]
    assert not any(attempt.error for attempt in late)
    assert all(world.served[attempt.call] for attempt in late)
    assert not world.health.snapshot(at=END).in_flight
    for scopes in world.where.values():
        assert world.breakers.wait(scopes, HEALED + 13 + PROBE) == 0.0
    # One probe of each endpoint at a time, as long as it may take.
    for name in world.vendors:
        probes = sorted(a.began for a in world.attempts if a.name == name and a.probe)
        ends = {a.began: a.ended for a in world.attempts if a.name == name and a.probe}
        for one, following in pairwise(probes):
            assert following >= min(ends[one], one + PROBE) - 1e-9


@pytest.mark.parametrize("start", range(0, 50, 10))
def test_fifty_histories(start):
    for seed in range(start, start + 10):
        hold_to_the_laws(drawn(seed))


@pytest.mark.full
@pytest.mark.parametrize("start", range(50, 1_000, 50))
def test_a_thousand_histories(start):
    for seed in range(start, start + 50):
        hold_to_the_laws(drawn(seed))
