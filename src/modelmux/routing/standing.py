"""What is left of a plan when some of its endpoints can't be asked now: the last step of a decision, for any policy.

Endpoints that may be asked keep their order. Those that only wait for a limit come after them, the one free first
leading. Those with an open breaker are left out. When that leaves nobody, the call makes one attempt, at the endpoint
whose probe is due first: nobody is refused by what we believe of a vendor, and no outage is made worse by repeats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modelmux.routing.claims import LIMIT, Blocked
from modelmux.routing.plan import PLANNED, Decision, Plan, Step

LAST_RESORT = "every breaker is open, so one attempt is made where a probe is due first"


def settled(decision: Decision, blocked: Mapping[str, Blocked], at: float) -> Decision:
    """``decision`` with a plan of what may be asked at ``at``, and a word on every endpoint that was passed over.

    A plan of several steps, or of a policy's own making, loses the blocked endpoints but keeps its shape.
    """
    if not blocked:
        return decision
    plan = decision.plan
    own = decision.names
    plain = len(plan.steps) == 1 and plan.steps[0] == Step(own[:PLANNED])
    names = own if plain else plan.names
    over = {name: blocked[name] for name in own if name in blocked}
    if not over:
        return decision
    kept = _left(names, over)
    if not kept:
        first = min(names, key=lambda name: (over[name].probing, over[name].until))
        return decision.replanned(Plan((Step((first,)),), 1), over, at, note=LAST_RESORT)
    if plain:
        return decision.replanned(Plan((Step(kept[:PLANNED]),), plan.max_attempts), over, at)
    steps = [Step(_left(step.attempts, over), step.mode, step.accept) for step in plan.steps]
    return decision.replanned(Plan(tuple(s for s in steps if s.attempts), plan.max_attempts), over, at)


def _left(names: Sequence[str], over: Mapping[str, Blocked]) -> tuple[str, ...]:
    """Those of ``names`` that may be asked, then those that wait for a limit."""
    waiting = [name for name in names if name in over and is_limit(over[name])]
    return (*[name for name in names if name not in over], *sorted(waiting, key=lambda name: over[name].until))


def is_limit(block: Blocked) -> bool:
    """Whether only a rate limit stands in the way, which a little patience gets past."""
    return block.reason.startswith(LIMIT)
