"""An attempt's accounts: what it used, what that cost, and how it stands in the journal and the receipt.

The rules where a vendor gives no usage: an answer's tokens are estimated from its text and marked so; an attempt that a
vendor rejected costs nothing; one that may have been billed is unknown, at most its bound. Unknown is never zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from modelmux import _clean as clean
from modelmux import catalogue, tokens
from modelmux._upstream import key_for
from modelmux.cost import meter
from modelmux.cost.records import AttemptRow
from modelmux.errors import Billed, InvalidRequest, ProviderError
from modelmux.money import Money
from modelmux.receipt import Attempt, Receipt
from modelmux.types import NO_USAGE, Message, Request, Response, Usage

if TYPE_CHECKING:
    from modelmux._attempt import Trial
    from modelmux._exchange import Call
    from modelmux.catalogue import Model
    from modelmux.endpoint import Target
    from modelmux.routing.plan import Decision

CostStatus = Literal["priced", "estimated", "unknown"]

_NOTHING_BILLED = Usage({})


@dataclass(slots=True, eq=False)
class Bill:
    """What one attempt used and cost. ``source`` says where the price came from, ``version`` which one it was."""

    usage: Usage
    cost: Money | None
    status: CostStatus
    source: str | None = None
    version: str | None = None


def bill(trial: Trial, expected_input: int) -> Bill:
    """The bill of an attempt that has ended, well or not."""
    usage, estimated = _used(trial, expected_input)
    if usage is None:
        return Bill(NO_USAGE, None, "unknown")
    if usage is _NOTHING_BILLED:
        return Bill(NO_USAGE, Money(0), "priced", "not billed")
    target = trial.target
    response = trial.response
    tier = response.service_tier if response is not None else None
    charge = meter.charge(
        _model(target, response), usage, at=trial.started, tier=tier, region=target.region, price=target.price
    )
    status: CostStatus = "estimated" if estimated and charge.status == "priced" else charge.status
    return Bill(usage, charge.cost, status, charge.source, charge.version)


def _model(target: Target, response: Response | None) -> Model | None:
    """The catalogue's entry of the model asked for; for an alias it does not know, of the one that says it served."""
    if target.info is not None or response is None or not response.model:
        return target.info
    return catalogue.find(target.row.catalogue or target.provider, response.model)


def _used(trial: Trial, expected_input: int) -> tuple[Usage | None, bool]:
    """The usage and whether it is an estimate; None where nothing can be said, ``_NOTHING_BILLED`` for a rejection."""
    if trial.status == "ok" and trial.response is not None and trial.response.usage.reported:
        return trial.response.usage, False
    error = trial.error
    if isinstance(error, ProviderError) and error.billed is Billed.NO and not trial.handed_over:
        return _NOTHING_BILLED, False
    if error is not None and not isinstance(error, ProviderError):
        return _NOTHING_BILLED, False  # stopped on our side before anything was sent
    if trial.status != "ok" and trial.first_token is None:
        return None, False
    answer = trial.folded() if trial.streamed else trial.response or trial.folder.response()
    return _estimate(answer, trial.target, expected_input), True


def _estimate(answer: Response, target: Target, expected_input: int) -> Usage:
    """Tokens in as routing expected them, out from the text that came; the vendor's own counters where larger."""
    seen = answer.usage
    prompt = sum(count for unit, count in seen.items() if unit not in ("output", "reasoning"))
    units = dict(seen) if prompt else {"input": expected_input}
    turns = tuple(Message("assistant", choice.content) for choice in answer.choices if choice.content)
    written = tokens.estimate(Request(turns), target.model, wire=target.call.wire).expected if turns else 0
    units["output"] = max(written, seen.get("output", 0))
    return Usage(units, reported=False, raw=seen.raw)


def intent(trial: Trial, call: Call, decision: Decision) -> AttemptRow:
    """The row that says: this attempt is about to be sent, and this is what it can cost at most."""
    target = trial.target
    key = key_for(target, call.keys)
    bound = decision.bound(target.name)
    return AttemptRow(
        attempt_id=trial.id,
        call_id=call.id,
        number=trial.number,
        started_at=trial.started,
        provider=target.provider,
        endpoint=target.name,
        region=target.region,
        key_hash=None if key is None else key.fingerprint,
        model_asked=target.model,
        tags=call.tags,
        user=call.tags.get("user"),
        stream=call.stream,
        currency=None if bound is None else bound.currency,
        bound_nano=None if bound is None else bound.nano,
        decision=decision.summary,
    )


def outcome(row: AttemptRow, trial: Trial, done: Bill, ended: float) -> AttemptRow:
    """The same row once the attempt is over."""
    response, error = trial.response, trial.error
    if done.cost is not None and done.cost.currency != row.currency:
        row = row._replace(bound_nano=None, currency=done.cost.currency)  # the bound was in what it is compared by
    return row._replace(
        state=trial.status,
        first_token_at=trial.first_token,
        ended_at=ended,
        model_served=response.model if response is not None else None,
        tier=response.service_tier if response is not None else None,
        error=None if error is None else type(error).__name__,
        http_status=trial.http_status,
        units=dict(done.usage),
        cost_nano=None if done.cost is None else done.cost.nano,
        cost_status=done.status,
        cost_source=done.source,
        price_version=done.version,
        request_id=trial.request_id,
        finish=response.finish if response is not None else None,
    )


def receipt_line(row: AttemptRow, trial: Trial, done: Bill) -> Attempt:
    """The attempt as the receipt shows it."""
    return Attempt(
        id=row.attempt_id,
        number=row.number,
        endpoint=row.endpoint,
        provider=row.provider,
        model=row.model_asked,
        model_served=row.model_served,
        region=row.region,
        status=trial.status,
        started=row.started_at,
        first_token=row.first_token_at,
        ended=row.ended_at or row.started_at,
        http_status=row.http_status,
        usage=done.usage,
        cost=done.cost,
        cost_status=done.status,
        tier=row.tier,
        finish=row.finish,
        request_id=row.request_id,
        error=trial.error if isinstance(trial.error, ProviderError) else None,
    )


def receipt(call_id: str, attempts: Sequence[Attempt], decision: Decision | None) -> Receipt:
    """The call's receipt: the sum of what is known, and whether anything is estimated or unknown."""
    cost, status = total(attempts)
    return Receipt(call_id=call_id, attempts=tuple(attempts), decision=decision, cost=cost, cost_status=status)


def total(attempts: Sequence[Attempt]) -> tuple[Money | None, CostStatus]:
    """What all attempts cost together.

    None while the attempt that answered has no known cost, or the costs are in several currencies. A failed attempt
    that may or may not have been billed leaves the sum standing and marks it estimated.
    """
    if len(attempts) == 1:
        (only,) = attempts
        return only.cost, "unknown" if only.cost is None else "priced" if only.cost_status == "priced" else "estimated"
    answered = [attempt for attempt in attempts if attempt.status == "ok"]
    known = [attempt.cost for attempt in attempts if attempt.cost is not None]
    known = [cost for cost in known if cost.nano] or known[:1]
    if any(attempt.cost is None for attempt in answered) or not known or len({cost.currency for cost in known}) > 1:
        return None, "unknown"
    exact = all(attempt.cost_status == "priced" for attempt in attempts)
    return sum(known[1:], known[0]), "priced" if exact else "estimated"


def tags_of(tags: Mapping[str, object] | None) -> dict[str, str]:
    """Tags as text, both ways. Raises InvalidRequest for one that is not one line: tags reach headers and tables."""
    if not tags:
        return {}
    told = {clean.line(str(name), "tags", InvalidRequest): str(value) for name, value in tags.items()}
    for name, value in told.items():
        clean.line(value, f"tags.{name}", InvalidRequest)
    return told
