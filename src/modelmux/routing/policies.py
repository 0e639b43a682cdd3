"""Policies: ``(needs, candidates, snapshot, rng) -> Decision``.

A policy gets only endpoints that can serve the request, so it cannot choose a wrong one; it says in which order they
are tried. It is pure: all it may know is in its arguments, all chance comes from ``rng``. Your own is any callable of
that shape, given as ``policy=`` or installed under a name by the entry-point group ``modelmux.policies``::

    def newest_first(needs, candidates, snapshot, rng):
        return candidates.decide(sorted(candidates, key=lambda c: c.model, reverse=True), policy="newest_first")
"""

from __future__ import annotations

from collections.abc import Callable
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
        return Decision(candidates, self.order(candidates, rng), policy=self.name, seed=candidates.seed)


def _balanced(candidates: Candidates, _rng: Random) -> list[int]:
    return orders.ascending(scores.balanced(candidates.costs, candidates.seconds, candidates.quality_terms))


cheapest = Ordered("cheapest", lambda c, _: orders.ascending(c.costs, c.seconds))
"""Least expected cost of this request first; among equals the quicker. Unknown prices come last."""

fastest = Ordered("fastest", lambda c, _: orders.ascending(c.seconds, c.costs))
"""Least expected time to the whole answer first; among equals the cheaper."""

best = Ordered("best", lambda c, _: orders.descending(c.quality, c.costs))
"""Highest quality figure first (see :func:`~modelmux.routing.scores.quality_prior`); among equals the cheaper."""

balanced = Ordered("balanced", _balanced)
"""Least balance of cost, time and quality first: :func:`modelmux.routing.scores.balanced`."""

weighted = Ordered("weighted", lambda c, rng: orders.shuffled(c.weights, rng))
"""Drawn at random, in proportion to the endpoints' weights."""

priority = Ordered("priority", lambda c, rng: orders.in_groups(c.groups, orders.shuffled(c.weights, rng)))
"""In the order of ``models=``; a group of equals there shares the calls by weight."""

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
