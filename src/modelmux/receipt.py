"""What happened and what it cost, attempt by attempt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from modelmux._quick import quick
from modelmux.money import Money
from modelmux.types import NO_USAGE, Usage

if TYPE_CHECKING:
    from modelmux.errors import ProviderError
    from modelmux.routing.plan import Decision

AttemptStatus = Literal["ok", "failed", "cancelled", "cut", "unknown"]
"""``cut``: output was handed over and then the stream broke. ``unknown``: the process died before the outcome."""


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One HTTP exchange with one endpoint. Times are seconds since the epoch; ``first_token`` is when the first
    model output came, None where none did.
    """

    id: str
    number: int
    endpoint: str
    provider: str
    model: str
    model_served: str | None = None
    region: str | None = None
    status: AttemptStatus = "ok"
    started: float = 0.0
    first_token: float | None = None
    ended: float = 0.0
    http_status: int | None = None
    usage: Usage = NO_USAGE
    cost: Money | None = None
    cost_status: Literal["priced", "estimated", "unknown"] = "unknown"
    tier: str | None = None
    finish: str | None = None
    request_id: str | None = None
    error: ProviderError | None = None

    @property
    def seconds(self) -> float:
        return self.ended - self.started


@quick
@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The whole call: its attempts in order, the decision behind them, and their summed cost.

    ``cost`` is None when any attempt that may have been billed has no known cost, in more than one currency, or
    nothing was billed for certain; ``known_cost`` is the part that is known.
    """

    call_id: str
    attempts: tuple[Attempt, ...] = ()
    decision: Decision | None = field(default=None, compare=False)
    cost: Money | None = None
    cost_status: Literal["priced", "estimated", "unknown"] = "unknown"

    def __str__(self) -> str:
        """A line for each attempt, and the sum."""
        lines = [f"call {self.call_id}: {_price(self.cost, self.cost_status)}"]
        for attempt in self.attempts:
            what = attempt.status if attempt.error is None else type(attempt.error).__name__
            used = ", ".join(f"{count:,} {unit}" for unit, count in attempt.usage.items()) or "no usage"
            price = _price(attempt.cost, attempt.cost_status)
            lines.append(f"  {attempt.number}. {attempt.endpoint}: {what}, {attempt.seconds:.2f} s, {used}, {price}")
        return "\n".join(lines)


def _price(cost: Money | None, status: str) -> str:
    return "cost unknown" if cost is None else f"{cost} ({status})"
