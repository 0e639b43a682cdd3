"""State in this process, entered from within itself: a forgotten stream is collected, and so settled, at any moment."""

from __future__ import annotations

import random

import pytest

from modelmux.routing.claims import Blocked, Grant, Outcome, Scopes
from modelmux.state.memory import MemoryStore

SCOPES = Scopes("a", "key", "vendor")


class Collecting(random.Random):
    """Draws a number, and at that very moment something forgotten is collected."""

    store: MemoryStore
    forgotten: list[Grant]

    def random(self) -> float:
        while self.forgotten:
            self.store.settle(self.forgotten.pop(), Outcome(10.0, None))
            self.seen = self.store._limits.in_flight("a")
        return super().random()


@pytest.fixture
def world() -> tuple[MemoryStore, Collecting]:
    rng = Collecting(1)
    rng.forgotten = []
    rng.store = MemoryStore(rng)
    rng.store._limits.configure("a", concurrency=2)
    return rng.store, rng


def test_what_is_settled_in_the_middle_of_a_claim_counts_after_it(world) -> None:
    store, rng = world
    first, second = (store.claim(SCOPES, 1, 1, 0.0) for _ in range(2))
    rng.forgotten = [first, second]
    # The refusal is spread by a random number, at which both are collected: it stays consistent with what it began on.
    assert isinstance(store.claim(SCOPES, 1, 1, 1.0), Blocked)
    assert rng.seen == 2
    assert store._limits.in_flight("a") == 0
    assert isinstance(store.claim(SCOPES, 1, 1, 2.0), Grant)


def test_a_grant_is_settled_once(world) -> None:
    store, _ = world
    first, second = (store.claim(SCOPES, 1, 1, 0.0) for _ in range(2))
    for _ in range(3):
        store.settle(first, Outcome(1.0, True))
    assert store._limits.in_flight("a") == 1
    store.settle(second, Outcome(1.0, None, sent=False))
    assert store._limits.in_flight("a") == 0
