"""Output caps that keep a ceiling: no more tokens are asked for than what the input's bound leaves can buy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from typing import TYPE_CHECKING

from modelmux._quick import quick
from modelmux.money import NANO, Money
from modelmux.routing._prices import dearest_rates

if TYPE_CHECKING:
    from modelmux.cost.prices import Sheet
    from modelmux.routing.needs import Needs
    from modelmux.routing.pool import Pool
    from modelmux.tokens import Estimate

LEAST_OUTPUT = 256
"""An answer cut shorter than this is worth nothing, unless the caller asked for no more."""

_CAUTION = 1 + 1e-12  # prices are floats here: far more than their error, far less than a token's price


@quick
@dataclass(frozen=True, slots=True)
class Ceiling:
    """``cap`` is the output cap to send, None when none is needed. ``bound`` is the most the attempt can cost, None
    when that is not known. ``reason`` says why the endpoint does not fit under the ceiling; empty when it does.
    """

    cap: int | None = None
    bound: Money | None = None
    reason: str = ""


def ceiling(
    needs: Needs, estimate: Estimate, sheet: Sheet | None, *, window: float, max_output: float, left: Money | None
) -> Ceiling:
    """The output cap and the bound of one attempt. ``left`` is what it may cost, None for no ceiling.

    ``window`` and ``max_output`` are the model's limits in tokens, ``inf`` where not known.
    """
    if sheet is None or not (sheet.knows("input") and sheet.knows("output")):
        return Ceiling(reason="" if left is None else "its price is not known, so max_cost cannot be kept")
    tokens = _input_bound(estimate, window)
    if tokens is None:
        what = ", ".join(estimate.open)
        return Ceiling(reason="" if left is None else f"the cost of {what} has no bound")
    spent, price = _dearest(needs, sheet, tokens)
    asked = needs.cap if needs.cap is not None else float("inf")
    if left is None:
        most = min(asked, max_output)
        return Ceiling(bound=None if most == float("inf") else _money(spent + most * price, sheet.currency))
    if sheet.currency != left.currency:
        return Ceiling(reason=f"its price is in {sheet.currency}, the ceiling in {left.currency}")
    limit = min(asked, max_output, needs.options.default_max_output)
    money = left.nano / NANO - spent
    if money <= 0:
        return Ceiling(reason=f"its input alone may cost {_money(spent, sheet.currency)}, more than {left}")
    bought = floor(money / price) if price > 0 else limit
    if bought < min(limit, max(needs.output, LEAST_OUTPUT)):
        least = int(min(limit, max(needs.output, LEAST_OUTPUT)))
        return Ceiling(reason=f"{left} buys {bought} tokens of output after its input; {least} are needed")
    cap = int(min(limit, bought))
    return Ceiling(cap, _money(spent + cap * price, sheet.currency))


def limit_of(pool: Pool, position: int, needs: Needs, estimates: Sequence[Estimate]) -> Ceiling:
    """The ceiling of one endpoint of ``pool`` when the call may spend its whole ``max_cost`` there."""
    return ceiling(
        needs,
        estimates[pool.meters[position]],
        pool.prices.sheets[pool.index[position]],
        window=pool.windows[position][0],
        max_output=pool.writes[position],
        left=needs.options.max_cost,
    )


def too_dear(pool: Pool, needs: Needs, estimates: Sequence[Estimate]) -> dict[int, str]:
    """Fleet positions of the endpoints that ``max_cost`` rules out, with the reason."""
    suspects = _suspects(pool, needs, estimates)
    limits = {pool.index[position]: limit_of(pool, position, needs, estimates) for position in suspects}
    return {index: limit.reason for index, limit in limits.items() if limit.reason}


def _suspects(pool: Pool, needs: Needs, estimates: Sequence[Estimate]) -> Sequence[int]:
    """Positions that may not fit under the ceiling; the others certainly do. By columns where the request is plain."""
    left = needs.options.max_cost
    bounds = [estimate.bound for estimate in estimates]
    longest = max(bounds)
    everyone = range(len(pool))
    if left is None or left.currency != pool.prices.currency or any(estimate.open for estimate in estimates):
        return everyone
    if longest > pool.least_window:
        return everyone
    reads, fees, writes = pool.prices.dearest(_units(needs), longest)
    money = left.nano / NANO
    least = max(needs.output, LEAST_OUTPUT) * needs.n
    return [
        position
        for position, meter, i in zip(everyone, pool.meters, pool.index, strict=True)
        if (bounds[meter] * reads[i] + fees[i] + least * writes[i]) * _MORE_CAUTION >= money
    ]


_MORE_CAUTION = 1 + 1e-9


def _input_bound(estimate: Estimate, window: float) -> int | None:
    """Tokens in that cannot be exceeded. A vendor refuses what is larger than the window, so that bounds the rest."""
    if estimate.looped:
        return None  # each search adds input again, as often as the model likes
    if estimate.open:
        return int(window) if window != float("inf") else None
    return int(min(estimate.bound, window))


def _dearest(needs: Needs, sheet: Sheet, tokens: int) -> tuple[float, float]:
    """What ``tokens`` of input cost at most, and one token of output for each of the answers."""
    there = sheet.dearest.for_input(tokens)
    price_in, fee, price_out = dearest_rates(there, *_units(needs))
    tokens = max(tokens, there.minimums.get("input", 0))
    return (tokens * price_in + fee) * _CAUTION, price_out * needs.n * _CAUTION


def _units(needs: Needs) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The units that the input and the output may be billed as."""
    units_in: tuple[str, ...] = ("input",)
    if _marks_cache(needs):
        units_in += ("cache_write_5m", "cache_write_1h")
    if needs.measure.media:
        units_in += ("input_image", "input_audio", "input_video")
    return units_in, ("output", "reasoning", "output_audio", "output_image") if needs.request.modalities else _PLAIN_OUT


_PLAIN_OUT = ("output", "reasoning")


def _marks_cache(needs: Needs) -> bool:
    request = needs.request
    if request.cache is not None or any(getattr(tool, "cache", None) for tool in request.tools):
        return True
    for message in request.messages:
        for part in message.content:
            if getattr(part, "cache", None):
                return True
    return False


def _money(amount: float, currency: str) -> Money:
    return Money(int(-(-amount * NANO // 1)), currency)
