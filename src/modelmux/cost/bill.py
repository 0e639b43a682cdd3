"""Pricing a response body, whoever sent the request: :func:`price`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from time import time
from typing import Any, Literal

from modelmux import catalogue, providers
from modelmux.cost.meter import Charge, Line, charge
from modelmux.cost.usage import Reader, reader
from modelmux.errors import UnknownName
from modelmux.money import Money
from modelmux.types import NO_USAGE, Usage

__all__ = ["Cost", "price"]

CostStatus = Literal["priced", "priced_partly_estimated", "priced_native", "unpriced", "usage_missing"]


@dataclass(frozen=True, slots=True)
class Cost:
    """The bill for one response, or for several together.

    ``status``: ``priced``; ``priced_partly_estimated`` (a part of it had to be assumed); ``priced_native`` (in a
    currency other than USD, not converted); ``unpriced`` (no price is known: ``total`` is None, never 0);
    ``usage_missing`` (the vendor did not say what was used). ``total`` is exact, in ``currency``; ``money`` the same
    rounded once, half to even, to the nano. ``reason`` says why when something is missing or assumed.
    """

    status: CostStatus
    total: Decimal | None
    currency: str = "USD"
    lines: tuple[Line, ...] = ()
    money: Money | None = None
    reason: str = ""
    usage: Usage = NO_USAGE
    ours: Decimal | None = None


def price(
    vendor: str,
    endpoint: str,
    model: str,
    response: Mapping[str, Any],
    *,
    request: Mapping[str, Any] | None = None,
    at: datetime | float | str | None = None,
    price: Mapping[str, Any] | None = None,
) -> Cost:
    """What a vendor's response costs.

    ``vendor`` is a provider's id or alias, ``endpoint`` the call (``chat.completions``, ``messages``,
    ``generateContent``, ``audio.transcriptions``, …), ``model`` the id as sent. ``response`` is the parsed body, or
    ``{"stream_events": [...]}`` / ``{"stream_usage_chunks": [...]}`` with the items of a stream in order,
    ``{"batch_results": [...]}`` with the rows of a batch, or ``{"attempts": [...]}`` with the attempts of one call.
    From ``request`` is read what the response may not show: ``service_tier``, ``processing``, ``speed``,
    ``inference_geo``, ``base_url_region``, ``custom_price``. ``at`` (epoch seconds, datetime or ISO 8601; default
    now) selects the price version. ``price`` is a price of the caller's own, unit -> money per million.

    Raises nothing for a response it cannot read: that is ``usage_missing``.
    """
    request = request or {}
    when = _epoch(at)
    own = price if price is not None else request.get("custom_price")
    if isinstance(rows := response.get("attempts"), list):
        return _sum([_attempt(row, when, own) for row in rows if isinstance(row, dict)])
    call = _Call(vendor, endpoint, model, request, when, own)
    if isinstance(rows := response.get("batch_results"), list):
        call.processing = "batch"
        bodies = (_batch_body(row) for row in rows)
        return _sum([call.cost(body) for body in bodies if body is not None])
    for key in ("stream_events", "stream_usage_chunks"):
        if isinstance(events := response.get(key), list):
            return call.cost(None, events)
    return call.cost(response)


class _Call:
    """What is known of a call before its response is read."""

    def __init__(self, vendor: str, endpoint: str, model: str, request: Mapping[str, Any], at: float, own: Any) -> None:
        row = providers.find(vendor)
        self.provider = vendor if row is None else row.id
        self.model = model
        self.request = request
        self.at = at
        self.own = own if isinstance(own, Mapping) else None
        self.processing = _word(request.get("processing"))
        try:
            self.read: Reader | None = reader(f"{self.provider}.{endpoint}")
        except UnknownName:
            self.read = None

    def cost(self, body: Any, events: Iterable[Any] | None = None) -> Cost:
        if self.read is None:
            return Cost("usage_missing", None, reason="no usage reader is known for this call")
        if events is None and isinstance(body, list):
            events = body
        if events is not None:
            body = self.read.fold(events)
        usage = self.read(body)
        asked = self.request
        found = catalogue.find(self.provider, self.model)
        if (found is None or not found.prices) and usage.served and "model" in usage.served:
            found = catalogue.find(self.provider, usage.served["model"])
        made = charge(
            found,
            usage,
            at=self.at,
            tier=_word(asked.get("service_tier")),
            region=_word(asked.get("inference_geo")) or _word(asked.get("base_url_region")),
            speed=_word(asked.get("speed")),
            processing=self.processing,
            price=self.own,
        )
        return _cost(made, usage)


def _cost(made: Charge, usage: Usage) -> Cost:
    if made.cost is None:
        missing = not usage.reported and not usage
        return Cost("usage_missing" if missing else "unpriced", None, lines=made.lines, reason=made.reason, usage=usage)
    status: CostStatus = "priced"
    if made.status == "estimated":
        status = "priced_partly_estimated"
    elif made.cost.currency != "USD":
        status = "priced_native"
    return Cost(status, made.exact, made.cost.currency, made.lines, made.cost, made.reason, usage, made.ours)


_PREFERENCE: tuple[CostStatus, ...] = ("usage_missing", "unpriced", "priced_partly_estimated", "priced_native")


def _sum(costs: list[Cost]) -> Cost:
    """Several bills as one: unknown if any part is, or if they are in different currencies."""
    lines = tuple(line for cost in costs for line in cost.lines)
    status: CostStatus = next((s for s in _PREFERENCE if any(cost.status == s for cost in costs)), "priced")
    reason = next((cost.reason for cost in costs if cost.status == status and cost.reason), "")
    totals = [cost.total for cost in costs if cost.total is not None]
    currencies = {cost.currency for cost in costs if cost.total is not None} or {"USD"}
    if len(totals) < len(costs) or len(currencies) > 1:
        return Cost(
            status if len(totals) < len(costs) else "unpriced", None, lines=lines, reason=reason or "mixed currencies"
        )
    total, currency = sum(totals, Decimal(0)), currencies.pop()
    return Cost(status, total, currency, lines, Money.of(total, currency), reason)


_OUTCOMES = ("type", "status", "outcome")
_FAILED = frozenset({"errored", "error", "failed", "canceled", "cancelled", "expired"})
_NEVER_SENT = frozenset({"connect_error", "connection_error", "connection_refused", "not_sent", "refused"})


def _batch_body(row: Any) -> Any:
    """The response inside one row of a batch's results; None for a row that failed, which is not billed."""
    if not isinstance(row, dict):
        return None
    result = row.get("result")
    if any(str(part.get(key)) in _FAILED for part in (row, result) if isinstance(part, dict) for key in _OUTCOMES):
        return None
    if isinstance(result, dict):
        return result.get("message") or result
    answer = row.get("response")
    if isinstance(answer, dict):
        if "body" not in answer:
            return answer
        status = answer.get("status_code")
        return None if isinstance(status, int) and status >= 400 else answer["body"]
    return None if row.get("error") else row


def _attempt(row: Mapping[str, Any], at: float, own: Any) -> Cost:
    """One attempt of a call. A refused one costs nothing; a cut stream is billed for what was counted of it."""
    outcome = str(row.get("outcome", "ok"))
    known = row.get("usage") or row.get("usage_known")
    if not known and (outcome.startswith("http_") or outcome in _NEVER_SENT):
        return Cost("priced", Decimal(0), money=Money(0))
    vendor, model = str(row.get("vendor", "")), str(row.get("model", ""))
    endpoints = [row["endpoint"]] if isinstance(row.get("endpoint"), str) else _calls_of(vendor)
    call = usage = None
    for endpoint in endpoints:
        call = _Call(vendor, endpoint, model, row, at, own)
        usage = call.read({"usage": known, **row}) if call.read is not None else None
        if usage is not None and usage.reported and (usage or usage.total is not None):
            break
    if call is None or usage is None:
        return Cost("usage_missing", None, reason="no usage reader is known for this attempt")
    counted = row.get("output_tokens_counted")
    if isinstance(counted, int):
        units = {unit: count for unit, count in usage.items() if unit not in ("output", "reasoning")}
        usage = Usage({**units, "output": counted}, reported=False)
    elif not row.get("usage"):
        usage = Usage(dict(usage), reported=False)
    made = charge(
        catalogue.find(call.provider, model), usage, at=at, price=call.own, tier=_word(row.get("service_tier"))
    )
    return _cost(made, usage)


def _calls_of(vendor: str) -> list[str]:
    """Calls whose readers may understand an attempt that does not name its own."""
    row = providers.find(vendor)
    own = [] if row is None else [call for call in row.readers if call in ("chat", "responses", "messages")]
    return [*own, "responses", "chat", "messages"]


def _word(value: Any) -> str | None:
    return value.lower() if isinstance(value, str) and value else None


def _epoch(at: datetime | float | str | None) -> float:
    if at is None:
        return time()
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
    if isinstance(at, datetime):
        return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
    return float(at)
