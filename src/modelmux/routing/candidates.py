"""The candidates of one request: columns of numbers for policies that are quick, rows for those that are plain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import inf
from operator import add
from typing import TYPE_CHECKING, Any, overload

from modelmux.errors import ConfigError
from modelmux.routing import filters, scores
from modelmux.routing.ceilings import Ceiling, limit_of
from modelmux.routing.plan import Candidate, Decision, Excluded, Plan

if TYPE_CHECKING:
    from modelmux.cost.prices import Sheet
    from modelmux.endpoint import Target
    from modelmux.money import Money
    from modelmux.routing.health import Snapshot
    from modelmux.routing.needs import Needs
    from modelmux.routing.pool import Pool
    from modelmux.tokens import Estimate

_LONG_ANSWER = 4
"""How many times the expected output 99 % of answers stay below."""


class Candidates(Sequence[Candidate]):
    """Every endpoint that can serve the request, in the order the Mux was given them.

    A sequence of :class:`~modelmux.routing.plan.Candidate`, each made when asked for. Beside it stand columns in the
    same order, which cost less: ``names``, ``costs`` (expected, in ``currency``; ``inf`` where not known),
    ``seconds`` (expected), ``quality``, ``weights``, ``groups``. End with :meth:`decide`.
    """

    __slots__ = ("_costs", "_latency", "_pool", "_seconds", "estimates", "needs", "seed", "snapshot")

    def __init__(
        self,
        pool: Pool,
        needs: Needs,
        estimates: Sequence[Estimate],
        snapshot: Snapshot,
        seed: int | None = None,
    ) -> None:
        self._pool = pool
        self.needs = needs
        self.estimates = estimates
        self.snapshot = snapshot
        self.seed = seed
        self._costs: list[float] | None = None
        self._seconds: list[float] | None = None
        self._latency: tuple[list[float], list[float]] | None = None

    # --- columns

    @property
    def names(self) -> Sequence[str]:
        return self._pool.names

    @property
    def currency(self) -> str:
        return self._pool.prices.currency

    @property
    def quality(self) -> Sequence[float]:
        return self._pool.quality

    @property
    def quality_terms(self) -> Sequence[float]:
        """What :func:`~modelmux.routing.scores.balanced` takes for quality."""
        return self._pool.quality_terms

    @property
    def weights(self) -> Sequence[float]:
        return self._pool.weights

    @property
    def groups(self) -> Sequence[int]:
        """Group of equals of each candidate; when the call names its models, their place in that list."""
        models = self.needs.options.models
        if len(models) < 2:
            return self._pool.groups
        targets = self._pool.roster.targets
        terms = [filters.names_of(targets[i]) for i in self._pool.index]
        return [next((place for place, name in enumerate(models) if name in names), len(models)) for names in terms]

    @property
    def costs(self) -> Sequence[float]:
        if self._costs is None:
            self._costs = self._expected_costs()
        return self._costs

    @property
    def seconds(self) -> Sequence[float]:
        if self._seconds is None:
            ttft, pace = self._latencies()
            self._seconds = scores.expected_seconds(self.names, ttft, pace, self.needs.output, self.snapshot)
        return self._seconds

    @property
    def hopeful_seconds(self) -> Sequence[float]:
        """``seconds``, but of endpoints never measured as if they were as quick as the quickest that was."""
        seen = [self._is_measured(name) for name in self.names]
        best = min((s for s, known in zip(self.seconds, seen, strict=True) if known), default=inf)
        return [s if known else min(s, best) for s, known in zip(self.seconds, seen, strict=True)]

    def load(self, position: int, other: int, *, weighted: bool = False) -> float:
        """What ``position`` would have to bear with this call, in seconds, beside ``other``.

        An endpoint never measured counts as quick as the other. ``weighted``: calls under way count by weight, so that
        one of twice the weight has twice as many before it is as loaded.
        """
        seconds, name = self.seconds[position], self.names[position]
        if not self._is_measured(name) and self._is_measured(self.names[other]):
            healthy = self.seconds[other] * scores.hope(self.names[other], self.snapshot)
            seconds = healthy / scores.hope(name, self.snapshot)
        busy = self.snapshot.in_flight.get(name, 0)
        if not weighted:
            return (busy + 1) * seconds
        mine, theirs = self.weights[position], self.weights[other]
        return (busy / mine + 1 / max(mine, theirs)) * seconds

    def twins(self, position: int) -> Sequence[int]:
        """The endpoints that equal the one at ``position`` in model and price, itself among them, without those that
        can't be asked now, and without those that keep their calls waiting in silence while others answer: who waits
        there already is finding out. Empty when it has none.
        """
        twins: Sequence[int] = self._pool.twins.get(position, ())
        blocked, silent = self.snapshot.blocked, self.snapshot.silent
        if blocked:
            twins = [twin for twin in twins if self.names[twin] not in blocked]
        if silent:
            twins = [twin for twin in twins if self.names[twin] not in silent] or twins
        return twins

    def free(self, order: Iterable[int]) -> Iterator[int]:
        """Those of ``order`` that can be asked now."""
        blocked = self.snapshot.blocked
        return (position for position in order if self.names[position] not in blocked) if blocked else iter(order)

    def _is_measured(self, name: str) -> bool:
        return name in self.snapshot.per_token or name in self.snapshot.ttft

    def _latencies(self) -> tuple[list[float], list[float]]:
        if self._latency is None:
            self._latency = scores.latencies(self.names, self.snapshot)
        return self._latency

    def _expected_costs(self) -> list[float]:
        pool = self._pool
        written = self.needs.output * self.needs.n
        read = [max(1, estimate.expected) for estimate in self.estimates]
        costs = [
            read[meter] * price_in + written * price_out
            for meter, price_in, price_out in zip(pool.meters, pool.input, pool.output, strict=True)
        ]
        if pool.fees:
            costs = list(map(add, costs, pool.fee))
        longest = max(read)
        for position, threshold in pool.long:
            if longest > threshold and read[pool.meters[position]] > threshold:
                costs[position] = self._cost_at(position, read[pool.meters[position]], written)
        if any(estimate.audio for estimate in self.estimates):
            for position, meter in enumerate(pool.meters):
                costs[position] += self.estimates[meter].audio * (pool.audio[position] - pool.input[position])
            return [inf if cost != cost else cost for cost in costs]  # inf - inf is no number
        return costs

    def _cost_at(self, position: int, read: int, written: int) -> float:
        """The cost of that many tokens with the rates that hold for a prompt of that length."""
        pool = self._pool
        sheet = pool.prices.sheets[pool.index[position]]
        if sheet is None or pool.input[position] == inf:
            return inf
        there = sheet.for_input(read)
        return read * there.per_token("input") + written * there.per_token("output") + pool.fee[position]

    # --- rows

    def __len__(self) -> int:
        return len(self._pool)

    @overload
    def __getitem__(self, position: int) -> Candidate: ...
    @overload
    def __getitem__(self, position: slice) -> Sequence[Candidate]: ...
    def __getitem__(self, position: int | slice) -> Candidate | Sequence[Candidate]:
        if isinstance(position, slice):
            return [self[i] for i in range(*position.indices(len(self)))]
        if position < 0:
            position += len(self)
        pool, needs = self._pool, self.needs
        fleet_index = pool.index[position]
        target = pool.roster.targets[fleet_index]
        name = target.name
        estimate = self.estimates[pool.meters[position]]
        ttft, pace = self._latencies()
        cost = self.costs[position]
        limit = self._limit(position)
        return Candidate(
            name=name,
            provider=target.row.id,
            model=target.model,
            index=fleet_index,
            region=target.region,
            group=target.group,
            weight=float(target.weight),
            tags=dict(target.tags),
            input_tokens=estimate.expected,
            output_tokens=needs.output,
            expected_cost=None if cost == inf else cost,
            upper_cost=self._upper_cost(position, estimate, limit),
            bound_cost=float(limit.bound)
            if limit.bound is not None and limit.bound.currency == self.currency
            else None,
            currency=self.currency,
            cap=limit.cap,
            ttft=ttft[position],
            per_token=pace[position],
            measured=self._is_measured(name),
            seconds=self.seconds[position],
            in_flight=self.snapshot.in_flight.get(name, 0),
            quality=pool.quality[position],
            note=self._note(target, pool.prices.sheets[fleet_index]),
        )

    @staticmethod
    def _note(target: Target, sheet: Sheet | None) -> str:
        notes = ["not in the catalogue"] if target.info is None else []
        if sheet is not None and sheet.exchanged:
            notes.append(sheet.exchanged)
        return "; ".join(notes)

    def _limit(self, position: int) -> Ceiling:
        return limit_of(self._pool, position, self.needs, self.estimates)

    def _upper_cost(self, position: int, estimate: Estimate, limit: Ceiling) -> float | None:
        most = _LONG_ANSWER * self.needs.output
        for cap in (limit.cap, self.needs.cap):
            most = most if cap is None else min(most, cap)
        cost = self._cost_at(position, max(1, estimate.upper), most * self.needs.n)
        return None if cost == inf else cost

    def index_of(self, name: str) -> int:
        """The position of the endpoint called ``name``. Raises KeyError."""
        return self._pool.positions[name]

    def limit_of(self, name: str) -> Ceiling:
        """The output cap and the bound of an attempt at ``name`` that may spend the whole ``max_cost``."""
        return self._limit(self.index_of(name))

    def input_of(self, name: str) -> int:
        """Tokens in that are expected at ``name``."""
        return self.estimates[self._pool.meters[self.index_of(name)]].expected

    def seconds_of(self, name: str) -> float:
        """Seconds until the whole answer of ``name``, as expected."""
        return self.seconds[self.index_of(name)]

    def cap_of(self, name: str) -> int | None:
        """The output cap a ceiling makes us send to ``name``; None when there is none."""
        return None if self.needs.options.max_cost is None else self._limit(self.index_of(name)).cap

    # --- the end

    def decide(
        self, order: Iterable[int | str | Candidate], *, policy: str, plan: Plan | None = None, note: str = ""
    ) -> Decision:
        """A decision that tries the candidates in ``order`` (positions, names or candidates), best first.

        Raises ConfigError for something that is no candidate of this request.
        """
        positions: Sequence[int]
        if type(order) is list and set(map(type, order)) == {int} and min(order) >= 0 and max(order) < len(self):
            positions = order
        else:
            positions = [self._position(item) for item in order]
        return Decision(self, positions, policy=policy, plan=plan, seed=self.seed, note=note)

    def _position(self, item: int | str | Candidate) -> int:
        if type(item) is int and 0 <= item < len(self._pool.index):
            return item
        name = item if isinstance(item, str) else getattr(item, "name", None)
        if name not in self._pool.positions:
            raise ConfigError(f"the policy chose {item!r}, which is no candidate of this request", field="policy")
        return self._pool.positions[name]

    def excluded(self) -> tuple[Excluded, ...]:
        """Every endpoint that is no candidate, with all its reasons."""
        kept = set(self._pool.index)
        return tuple(
            Excluded(name, tuple(dict.fromkeys(check.why(i) for check in self._pool.checks if check.failing >> i & 1)))
            for i, name in enumerate(self._pool.roster.names)
            if i not in kept
        )

    def facts(self) -> dict[str, Any]:
        """The request in numbers."""
        needs = self.needs
        estimates = self.estimates or [needs.tokens]
        options = needs.options
        facts: dict[str, Any] = {
            "abilities": filters.describe(needs),
            "input_tokens": {
                "expected": max(e.expected for e in estimates),
                "upper": max(e.upper for e in estimates),
                "bound": max(e.bound for e in estimates),
            },
            "output_tokens": needs.output,
            "max_tokens": needs.cap,
            "require": sorted(options.require),
            "exclude": sorted(options.exclude),
            "region": options.region,
            "max_cost": _money_text(options.max_cost),
            "unbounded": list(estimates[0].open),
        }
        return {key: value for key, value in facts.items() if value not in (None, [], "")}


def _money_text(money: Money | None) -> str | None:
    return None if money is None else str(money)
