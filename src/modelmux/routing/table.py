"""The fleet: every endpoint of a Mux, compiled once, and the decision over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import TYPE_CHECKING, Any

from modelmux import errors, tokens
from modelmux.cost.units import INPUT_TOKENS
from modelmux.routing import filters, policies
from modelmux.routing._prices import QUARTER, Prices, common_currency, sheet_of
from modelmux.routing.candidates import Candidates
from modelmux.routing.ceilings import Ceiling, ceiling, too_dear
from modelmux.routing.filters import Check, Facts
from modelmux.routing.health import COLD, Snapshot
from modelmux.routing.learning import Learned, script_of
from modelmux.routing.needs import DEFAULT_OPTIONS, Needs, RouteOptions, needs_of
from modelmux.routing.plan import Decision, Plan
from modelmux.routing.pool import Pool, Roster
from modelmux.routing.standing import settled

if TYPE_CHECKING:
    from modelmux._clock import Clock
    from modelmux.catalogue.tokenizers import Profile
    from modelmux.endpoint import Target
    from modelmux.money import Money
    from modelmux.tokens import Estimate
    from modelmux.types import Request, Usage

_ASKED = frozenset(INPUT_TOKENS) - {"tool_input"}
"""Units that a request's own input is reported in."""

_KINDS_OF_CALL = 1024
"""Kinds of call (what they need and require) whose fixed checks are kept."""

_PRICE_TABLES = 16


class Fleet:
    """The endpoints a Mux may choose from. Immutable towards callers; safe to share between threads.

    ``clock`` gives the time when a call does not. ``learned`` is what answers taught about counting, shared by all
    fleets of a Mux. Raises ConfigError when two targets have one name.
    """

    def __init__(
        self, targets: Sequence[Target], *, clock: Clock | None = None, learned: Learned | None = None
    ) -> None:
        self.targets = tuple(targets)
        self.names = tuple(target.name for target in self.targets)
        self.scopes = tuple(target.scopes for target in self.targets)
        self._place = {name: index for index, name in enumerate(self.names)}
        if len(self._place) != len(self.targets):
            twice = sorted({name for name in self.names if self.names.count(name) > 1})
            raise errors.ConfigError(f"endpoint names must be unique: {', '.join(twice)}", field="models")
        self._clock = clock
        self._facts = Facts(self.targets)
        self._learned = Learned() if learned is None else learned
        self._profiles = [_profile(target) for target in self.targets]
        self._models = [f"{target.provider}/{target.model}" for target in self.targets]
        self._known = 0
        self._roster = Roster(self.targets, self._profiles)
        self._prices: dict[tuple[float, str | None, str | None], Prices] = {}

    def __len__(self) -> int:
        return len(self.targets)

    def __contains__(self, name: object) -> bool:
        return name in self._place

    def target(self, name: str) -> Target:
        """The endpoint called ``name``. Raises KeyError."""
        return self.targets[self._place[name]]

    def decide(
        self,
        request: Request,
        options: RouteOptions = DEFAULT_OPTIONS,
        *,
        policy: str | Callable[..., Decision] | None = None,
        snapshot: Snapshot = COLD,
        rng: Random | None = None,
        now: float | None = None,
        seed: int | None = None,
    ) -> Decision:
        """Choose. ``policy`` None takes that of ``options``; ``now`` is epoch seconds; ``seed`` is only noted down.

        Raises NoCapableEndpoint (its message is the exclusion table, its ``decision`` holds the reasons),
        InvalidRequest for contradictory or meaningless constraints, UnknownName for an unknown policy.
        """
        if now is None:
            now = self._clock.time() if self._clock is not None else 0.0
        decider = policies.get(policy or options.policy)
        needs = needs_of(request, options=options)
        candidates = self._candidates(needs, snapshot, now, seed)
        if not len(candidates):
            decision = Decision(candidates, (), policy=policies.name_of(decider), plan=Plan(()), seed=seed)
            raise errors.NoCapableEndpoint(str(decision), decision=decision)
        decision = policies.checked(decider, needs, candidates, snapshot, rng)
        return settled(decision, snapshot.blocked, snapshot.at) if snapshot.blocked else decision

    def ceiling(self, needs: Needs, name: str, *, left: Money | None, now: float) -> Ceiling:
        """The output cap and bound of an attempt at ``name`` when ``left`` is what the call may still spend."""
        index = self._place[name]
        estimate = needs.measure.estimate(self._roster.profiles[self._roster.meters[index]])
        tier, currency = needs.request.service_tier, None if left is None else left.currency
        sheet = sheet_of(self.targets[index], at=now, tier=tier, currency=currency)
        window, _ = self._roster.windows[index]
        return ceiling(needs, estimate, sheet, window=window, max_output=self._roster.writes[index], left=left)

    def avoid(self, name: str, error: BaseException, needs: Needs | None = None) -> frozenset[str]:
        """Endpoints that can't help after ``error`` at ``name``: the same dead key, or no larger window."""
        here = self.target(name)
        if isinstance(error, errors.AuthError | errors.BillingError):
            return frozenset(t.name for t in self.targets if t.origin == here.origin and t.key == here.key)
        if isinstance(error, errors.ModelNotFound | errors.PermissionDenied):
            return frozenset(
                t.name
                for t in self.targets
                if t.origin == here.origin and t.key == here.key and t.model == here.model and t.region == here.region
            )
        if isinstance(error, errors.ContextTooLong):
            return self._too_small(name, error, needs)
        return frozenset()

    def _too_small(self, name: str, error: errors.ContextTooLong, needs: Needs | None) -> frozenset[str]:
        """Endpoints whose window is no larger than what the prompt was too long for: the count that the vendor states,
        else the window of ``name``. One that holds our own estimate twice over is not given up: then it is rather the
        window of ``name`` that is smaller than believed.
        """
        windows = self._roster.windows
        least = windows[self._place[name]][0]
        if error.asked is not None:
            least = min(least, error.asked)
        elif needs is not None:
            estimates = needs.measure.estimates(self._roster.profiles)
            least = min(least, 2 * max(estimate.upper for estimate in estimates))
        return frozenset({name}) | {n for n, (w, _) in zip(self.names, windows, strict=True) if w <= least}

    def learn(self, name: str, needs: Needs | None, usage: Usage) -> None:
        """``name`` answered a request of these ``needs`` and reported this ``usage``."""
        if needs is not None and usage.reported:
            index = self._place[name]
            reported = usage.sum(_ASKED)
            self._learned.learn(self._models[index], self._profiles[index], needs.measure, reported)

    # --- from all endpoints to candidates

    def _candidates(self, needs: Needs, snapshot: Snapshot, now: float, seed: int | None) -> Candidates:
        if self._known != len(self._learned.models):
            self._relearn()
        pool = self._pool(needs, now)
        estimates = self._estimates(pool, needs)
        if len(pool) and self._tight(pool, needs, estimates):
            pool = self._by_size(pool, needs, estimates)
            estimates = self._estimates(pool, needs)
        if needs.options.max_cost is not None and len(pool):
            reasons = too_dear(pool, needs, estimates)
            if reasons:
                pool = _without(pool, reasons)
                estimates = self._estimates(pool, needs)
        return Candidates(pool, needs, estimates, snapshot, seed)

    def _estimates(self, pool: Pool, needs: Needs) -> list[Estimate]:
        """The tokens in by each meter of ``pool``, as answers taught it where they did."""
        if not any(pool.taught):
            return needs.measure.estimates(pool.profiles)
        script = script_of(needs.measure)
        known = self._learned.profile
        return needs.measure.estimates(
            [
                (known(name, script) or profile) if name else profile
                for name, profile in zip(pool.taught, pool.profiles, strict=True)
            ]
        )

    def _relearn(self) -> None:
        """Give a meter of its own to every model that answers have taught something about since the last time."""
        models = self._learned.models
        self._known = len(models)
        taught = [name if name in models else "" for name in self._models]
        if set(taught) - {""} != set(self._roster.taught) - {""}:
            self._roster = Roster(self.targets, self._profiles, taught)
            self._prices = {}

    def _pool(self, needs: Needs, now: float) -> Pool:
        """The endpoints that pass the fixed checks, from the table kept for this quarter of an hour."""
        options = needs.options
        money = options.max_cost
        prices = self._table(now, needs.request.service_tier, money.currency if money is not None else None)
        key = (needs.bits, needs.server_tools, options.require, options.exclude, options.region, options.models)
        pool: Any = prices.pools.get(key)
        if pool is None:
            filters.check_names(self._facts, needs)
            checks = filters.fixed_checks(self._facts, needs)
            failing = 0
            for check in checks:
                failing |= check.failing
            gone = filters.retired_check(self._facts, now)
            if self._facts.everyone & ~(failing | gone.failing):
                # Retirement dates move: when nothing else is left, the vendor may say itself that a model is gone.
                checks.append(gone)
                failing |= gone.failing
            index = [i for i in range(len(self.targets)) if not failing >> i & 1]
            pool = Pool(self._roster, prices, index, checks)
            if len(prices.pools) >= _KINDS_OF_CALL:
                prices.pools.clear()
            prices.pools[key] = pool
        return pool  # type: ignore[no-any-return]

    def _table(self, now: float, tier: str | None, currency: str | None) -> Prices:
        key = (now // QUARTER, tier, currency)
        prices = self._prices.get(key)
        if prices is None:
            if currency is None:
                currency = common_currency([sheet_of(target, at=now, tier=tier) for target in self.targets])
            prices = Prices(self.targets, at=now, tier=tier, currency=currency)
            if len(self._prices) >= _PRICE_TABLES:
                self._prices.clear()
            self._prices[key] = prices
        return prices

    @staticmethod
    def _tight(pool: Pool, needs: Needs, estimates: Sequence[Estimate]) -> bool:
        """Whether any window or output limit of the pool may be too small: almost never, and then nothing is walked."""
        longest = max([estimate.upper for estimate in estimates]) + needs.output
        return longest > pool.least_window or (needs.cap is not None and needs.cap > pool.least_write)

    @staticmethod
    def _by_size(pool: Pool, needs: Needs, estimates: Sequence[Estimate]) -> Pool:
        """Without the endpoints whose window or output limit is too small.

        The upper figure decides; when it leaves nobody, the expected one does: an estimate should not refuse a call.
        """
        writes = {
            index: f"writes at most {most:,.0f} tokens, max_tokens is {needs.cap:,}"
            for index, most in zip(pool.index, pool.writes, strict=True)
            if needs.cap is not None and needs.cap > most
        }
        for figure in ("upper", "expected"):
            reasons = dict(writes)
            for index, meter, (most_in, most) in zip(pool.index, pool.meters, pool.windows, strict=True):
                read = getattr(estimates[meter], figure)
                if read > most_in or read + needs.output > most:
                    reasons[index] = f"window of {min(most_in, most):,.0f} tokens is too small for {read:,} ({figure})"
            if len(reasons) < len(pool) or len(writes) == len(pool):
                break
        return _without(pool, reasons)


def _without(pool: Pool, reasons: dict[int, str]) -> Pool:
    failing = 0
    for index in reasons:
        failing |= 1 << index
    keep = [position for position, index in enumerate(pool.index) if index not in reasons]
    return pool.narrowed(keep, (Check(failing, reasons.__getitem__),))


def _profile(target: Target) -> Profile:
    family = target.info.family if target.info is not None else ""
    return tokens.profile(target.model, target.call.wire, family=family, provider=target.row.id)
