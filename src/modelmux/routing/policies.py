"""Policies: ``(needs, candidates, snapshot, rng) -> Decision``.

A policy gets only endpoints that can serve the request, so it cannot choose a wrong one; it says in which order they
are tried. It is pure: all it may know is in its arguments, all chance comes from ``rng``. Your own is any callable of
that shape, given as ``policy=`` or installed under a name by the entry-point group ``modelmux.policies``::

    def newest_first(needs, candidates, snapshot, rng):
        return candidates.decide(sorted(candidates, key=lambda c: c.model, reverse=True), policy="newest_first")
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from modelmux._registry import Registry
from modelmux.errors import ConfigError
from modelmux.routing import orders, scores
from modelmux.routing.plan import Decision

if TYPE_CHECKING:
    from modelmux.routing.candidates import Candidates
    from modelmux.routing.health import Snapshot
    from modelmux.routing.needs import Needs


_EXPLORE = 0.03
"""Share of the calls that take endpoints never measured for as quick as the quickest one."""

_FAR = 2.0


class Policy(Protocol):
    """What decides the order. ``candidates`` is never empty."""

    def __call__(self, needs: Needs, candidates: Candidates, snapshot: Snapshot, rng: Random) -> Decision: ...


@dataclass(frozen=True, slots=True)
class Ordered:
    """A policy that is an order of the candidates and nothing more."""

    name: str
    order: Callable[[Candidates, Random], list[int]]

    def __call__(self, needs: Needs, candidates: Candidates, snapshot: Snapshot, rng: Random) -> Decision:
        del needs, snapshot  # the candidates' numbers hold what they say
        order = self.order(candidates, rng) if len(candidates) > 1 else [0]
        return Decision(candidates, order, policy=self.name, seed=candidates.seed)


def _spread(order: list[int], candidates: Candidates, rng: Random) -> list[int]:
    """``order``, with the first that can be asked changing places with its twins: two choices, by load."""
    twins = candidates.twins(next(candidates.free(order), order[0]))
    if len(twins) > 1:
        return orders.led_by(order, orders.two_choices(twins, candidates.load, rng))
    return orders.led_by(order, twins[0]) if twins else order


def _seconds(candidates: Candidates, rng: Random) -> Sequence[float]:
    """Expected seconds; now and then with hope for what was never measured, which else may never be."""
    return candidates.hopeful_seconds if rng.random() < _EXPLORE else candidates.seconds


def _cheapest(candidates: Candidates, rng: Random) -> list[int]:
    return _spread(orders.ascending(candidates.costs, candidates.seconds), candidates, rng)


def _fastest(candidates: Candidates, rng: Random) -> list[int]:
    return _spread(orders.ascending(_seconds(candidates, rng), candidates.costs), candidates, rng)


def _best(candidates: Candidates, rng: Random) -> list[int]:
    return _spread(orders.descending(candidates.quality, candidates.costs), candidates, rng)


def _balanced(candidates: Candidates, rng: Random) -> list[int]:
    order = scores.balanced(candidates.costs, _seconds(candidates, rng), candidates.quality_terms)
    return _spread(orders.ascending(order), candidates, rng)


def _priority(candidates: Candidates, rng: Random) -> list[int]:
    """Groups in turn. In a group, the weights decide, unless the one drawn is far more loaded than the next."""
    groups, weights = candidates.groups, candidates.weights
    order = orders.in_groups(groups, orders.shuffled(weights, rng))
    free = candidates.free(order)
    first = next(free, order[0])
    second = next(free, first)
    if second == first or groups[second] != groups[first] or not (weights[first] and weights[second]):
        return order
    loads = candidates.load(first, second, weighted=True), candidates.load(second, first, weighted=True)
    return orders.led_by(order, second) if loads[0] > _FAR * loads[1] else order


cheapest = Ordered("cheapest", _cheapest)
"""Least expected cost of this request first; among equals the quicker. Unknown prices come last."""

fastest = Ordered("fastest", _fastest)
"""Least expected time to the whole answer first; among equals the cheaper."""

best = Ordered("best", _best)
"""Highest quality figure first (see :func:`~modelmux.routing.scores.quality_prior`); among equals the cheaper."""

balanced = Ordered("balanced", _balanced)
"""Least balance of cost, time and quality first: :func:`modelmux.routing.scores.balanced`."""

weighted = Ordered("weighted", lambda c, rng: orders.shuffled(c.weights, rng))
"""Drawn at random, in proportion to the endpoints' weights."""

priority = Ordered("priority", _priority)
"""In the order of ``models=``; a group of equals there shares the calls by weight, as far as they keep up."""

_registry: Registry[Any] = Registry(
    "policy",
    {policy.name: policy for policy in (cheapest, fastest, best, balanced, weighted, priority)},
    group="modelmux.policies",
)


def get(policy: str | Callable[..., Decision]) -> Policy:
    """The policy of that name, or the callable itself. Raises UnknownName, or ConfigError for anything else."""
    if isinstance(policy, str):
        found: Policy = _registry[policy]
        return found
    if not callable(policy):
        raise ConfigError(f"policy must be a name or a callable, not {policy!r}", field="policy")
    return policy


def names() -> list[str]:
    """Every policy that has a name."""
    return _registry.names()


def name_of(policy: Policy) -> str:
    """What a policy is called: its ``name``, else what Python calls it."""
    return str(getattr(policy, "name", None) or getattr(policy, "__name__", type(policy).__name__))


def checked(policy: Policy, needs: Needs, candidates: Candidates, snapshot: Snapshot, rng: Random | None) -> Decision:
    """What ``policy`` decides. Raises ConfigError when that is no decision, or plans nothing, or plans strangers."""
    decision = policy(needs, candidates, snapshot, rng if rng is not None else Random(0))
    if type(policy) is Ordered:
        return decision
    if not isinstance(decision, Decision):
        raise ConfigError(
            f"policy {name_of(policy)} gave {type(decision).__name__}; it must return candidates.decide(...)",
            field="policy",
        )
    planned = decision.plan.names
    if not planned:
        raise ConfigError(f"policy {name_of(policy)} planned no attempt", field="policy")
    try:
        for name in planned:
            candidates.index_of(name)
    except KeyError as stranger:
        raise ConfigError(
            f"policy {name_of(policy)} planned {stranger}, which is no candidate", field="policy"
        ) from None
    return decision
