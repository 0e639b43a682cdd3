"""What a decision is: ranked candidates, excluded ones with reasons, and the plan of attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from modelmux._quick import quick
from modelmux.money import Money
from modelmux.routing import _show

if TYPE_CHECKING:
    from modelmux.routing.candidates import Candidates
    from modelmux.routing.claims import Blocked
    from modelmux.routing.needs import Needs

MAX_ATTEMPTS = 3
"""Attempts a call makes at most."""

PLANNED = 16
"""Names a plan holds: more than a call can try, enough to skip those that share a key or a window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An endpoint that can serve the request, and what that would come to. Holds no key: it may be pickled.

    Costs are in ``currency`` (whole units, a dollar is 1.0) for this request: ``expected_cost`` ranks,
    ``upper_cost`` holds in 99 % of calls, ``bound_cost`` cannot be exceeded. None means unknown, never zero.
    ``cap`` is the output cap (tokens) that a ceiling makes us send, None when we set none. ``ttft`` and ``per_token``
    are seconds, ``measured`` says whether from traffic or a prior; ``seconds`` is the expected length of the whole
    answer. ``quality`` is between 0 and 1.
    """

    name: str
    provider: str
    model: str
    index: int
    region: str | None = None
    group: int = 0
    weight: float = 1.0
    tags: Mapping[str, str] = field(default_factory=dict)
    input_tokens: int = 0
    output_tokens: int = 0
    expected_cost: float | None = None
    upper_cost: float | None = None
    bound_cost: float | None = None
    currency: str = "USD"
    cap: int | None = None
    ttft: float = 0.0
    per_token: float = 0.0
    measured: bool = False
    seconds: float = 0.0
    in_flight: int = 0
    quality: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Excluded:
    """An endpoint that cannot serve the request, and every reason why."""

    name: str
    reasons: tuple[str, ...]


@quick
@dataclass(frozen=True, slots=True)
class Step:
    """``attempts`` are endpoint names. ``mode``: ``turn`` (one after another until one is good), ``race`` (first
    good one wins), ``all``. ``accept`` judges the replies; None accepts whatever is no error.
    """

    attempts: tuple[str, ...]
    mode: Literal["turn", "race", "all"] = "turn"
    accept: Any = None


@quick
@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in order; a step runs when the one before it did not end in an accepted reply."""

    steps: tuple[Step, ...]
    max_attempts: int = MAX_ATTEMPTS

    @property
    def names(self) -> tuple[str, ...]:
        """Every endpoint of the plan, in order."""
        return self.steps[0].attempts if len(self.steps) == 1 else tuple(n for s in self.steps for n in s.attempts)


_NOBODY: Mapping[str, str] = MappingProxyType({})


class Decision:
    """The answer of a policy. ``plan`` says what will be tried; ``ranked`` holds the candidates, best first;
    ``passed_over`` says of each that can't be asked now why, and until when.

    Rows and reasons are worked out when first looked at. A pickled decision keeps names and numbers only.
    Made by :meth:`Candidates.decide <modelmux.routing.candidates.Candidates.decide>`.
    """

    __slots__ = ("_excluded", "_facts", "_order", "_ranked", "_source", "note", "passed_over", "plan", "policy", "seed")

    def __init__(
        self,
        source: Candidates,
        order: Sequence[int],
        *,
        policy: str,
        plan: Plan | None = None,
        seed: int | None = None,
        note: str = "",
    ) -> None:
        self._source: Candidates | None = source
        self._order = order
        self._ranked: tuple[Candidate, ...] | None = None
        self._excluded: tuple[Excluded, ...] | None = None
        self._facts: Mapping[str, Any] | None = None
        self.policy = policy
        self.seed = seed
        self.note = note
        self.passed_over: Mapping[str, str] = _NOBODY
        if plan is None:
            names = source.names
            plan = Plan((Step(tuple([names[i] for i in order[:PLANNED]])),))
        self.plan = plan

    def replanned(self, plan: Plan, blocked: Mapping[str, Blocked], at: float, *, note: str = "") -> Decision:
        """The same choice with another plan, because of those ``blocked`` at ``at``."""
        assert self._source is not None
        note = "; ".join(filter(None, (self.note, note)))
        decision = Decision(self._source, self._order, policy=self.policy, plan=plan, seed=self.seed, note=note)
        decision.passed_over = {name: _waits(block, at) for name, block in blocked.items()}
        return decision

    @property
    def needs(self) -> Needs | None:
        """What the request needs; None in a decision that was pickled (it holds the prompt)."""
        return None if self._source is None else self._source.needs

    @property
    def names(self) -> tuple[str, ...]:
        """All candidates by name, best first."""
        if self._source is None:
            return tuple(candidate.name for candidate in self.ranked)
        names = self._source.names
        return tuple([names[i] for i in self._order])

    @property
    def count(self) -> int:
        """How many candidates there were."""
        return len(self.ranked if self._source is None else self._order)

    @property
    def ranked(self) -> tuple[Candidate, ...]:
        if self._ranked is None:
            source = self._source
            self._ranked = () if source is None else tuple(source[i] for i in self._order)
        return self._ranked

    @property
    def chosen(self) -> Candidate | None:
        """The candidate tried first; None when every endpoint was excluded."""
        names = self.plan.names
        return self.candidate(names[0]) if names else None

    def candidate(self, name: str) -> Candidate:
        """The candidate called ``name``. Raises KeyError."""
        if self._source is not None:
            return self._source[self._source.index_of(name)]
        for candidate in self.ranked:
            if candidate.name == name:
                return candidate
        raise KeyError(name)

    def cap(self, name: str) -> int | None:
        """The output cap (tokens) to send to ``name`` because of a ceiling; None when there is none."""
        if self._source is not None:
            return self._source.cap_of(name)
        return self.candidate(name).cap

    def bound(self, name: str) -> Money | None:
        """The most an attempt at ``name`` can cost, in the currency it is priced in; None when that is not known."""
        if self._source is not None:
            return self._source.limit_of(name).bound
        candidate = self.candidate(name)
        return None if candidate.bound_cost is None else Money.of(candidate.bound_cost, candidate.currency)

    def input_tokens(self, name: str) -> int:
        """Tokens in that are expected at ``name``."""
        return self.candidate(name).input_tokens if self._source is None else self._source.input_of(name)

    def seconds(self, name: str) -> float:
        """Seconds until the whole answer of ``name``, as expected."""
        return self.candidate(name).seconds if self._source is None else self._source.seconds_of(name)

    @property
    def excluded(self) -> tuple[Excluded, ...]:
        if self._excluded is None:
            self._excluded = () if self._source is None else self._source.excluded()
        return self._excluded

    @property
    def facts(self) -> Mapping[str, Any]:
        """The request in numbers: abilities and tokens it was judged by. No prompt text."""
        if self._facts is None:
            self._facts = {} if self._source is None else self._source.facts()
        return self._facts

    def explain(self) -> dict[str, Any]:
        """The whole decision as plain data, ready for JSON."""
        return _show.explain(self)

    @property
    def summary(self) -> str:
        """One short line for the ledger: policy, what was chosen and against how many."""
        return _show.summary(self)

    def __str__(self) -> str:
        return _show.table(self)

    def __repr__(self) -> str:
        return f"<Decision {self.summary}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Decision) and self.explain() == other.explain()

    def __hash__(self) -> int:
        return hash((self.policy, self.seed, self.plan.names))

    def __getstate__(self) -> dict[str, Any]:
        steps = tuple(Step(step.attempts, step.mode) for step in self.plan.steps)  # an accept may be a closure
        return {
            "policy": self.policy,
            "seed": self.seed,
            "note": self.note,
            "passed_over": dict(self.passed_over),
            "plan": Plan(steps, self.plan.max_attempts),
            "_ranked": self.ranked,
            "_excluded": self.excluded,
            "_facts": dict(self.facts),
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self._source, self._order = None, ()
        for name, value in state.items():
            setattr(self, name, value)


def _waits(block: Blocked, at: float) -> str:
    return block.reason if block.until == inf else f"{block.reason}; next in {max(0.0, block.until - at):.1f} s"
