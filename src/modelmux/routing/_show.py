"""Decisions for people and for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelmux.routing.plan import Candidate, Decision

_SHOWN = 10
_LIMITS = (("region", "region"), ("max_cost", "ceiling"))
_NUMBERS = (
    "expected_cost", "upper_cost", "bound_cost", "currency", "input_tokens", "output_tokens", "cap", "seconds",
    "ttft", "per_token", "measured", "quality", "region", "note",
)  # fmt: skip


def explain(decision: Decision) -> dict[str, Any]:
    chosen = decision.chosen
    return {
        "policy": decision.policy,
        "seed": decision.seed,
        "note": decision.note,
        "chosen": None if chosen is None else chosen.name,
        "request": dict(decision.facts),
        "plan": [{"mode": step.mode, "attempts": list(step.attempts)} for step in decision.plan.steps],
        "max_attempts": decision.plan.max_attempts,
        "passed_over": dict(decision.passed_over),
        "candidates": [_row(candidate) for candidate in decision.ranked],
        "excluded": [{"endpoint": one.name, "reasons": list(one.reasons)} for one in decision.excluded],
    }


def _row(candidate: Candidate) -> dict[str, Any]:
    row = {"endpoint": candidate.name, "provider": candidate.provider, "model": candidate.model}
    row.update({field: getattr(candidate, field) for field in _NUMBERS})
    return {field: value for field, value in row.items() if value not in (None, "")}


def summary(decision: Decision) -> str:
    names = decision.plan.names
    if not names:
        return f"{decision.policy}: no candidate"
    return f"{decision.policy}: {names[0]} of {decision.count}"


def table(decision: Decision) -> str:
    """Lines of text: what was asked, the candidates in order with their numbers, the excluded with reasons."""
    lines = [_headline(decision), _asked(decision.facts)]
    ranked = decision.ranked
    if ranked:
        rows = [_cells(place, candidate) for place, candidate in enumerate(ranked[:_SHOWN], 1)]
        head = ("", "endpoint", "expected", "at most", "first token", "answer", "quality")
        lines += ["", *_aligned([head, *rows])]
        if len(ranked) > _SHOWN:
            lines.append(f"   … and {len(ranked) - _SHOWN} more")
    if decision.passed_over:
        lines += ["", "passed over:"]
        lines += ["  " + line for line in _aligned([*decision.passed_over.items()][:_SHOWN])]
    if decision.excluded:
        lines += ["", "excluded:"]
        lines += ["  " + line for line in _aligned([(e.name, "; ".join(e.reasons)) for e in decision.excluded])]
    return "\n".join(line.rstrip() for line in lines)


def _headline(decision: Decision) -> str:
    chosen = decision.chosen
    seed = "" if decision.seed is None else f", seed {decision.seed}"
    if chosen is None:
        return f"no endpoint can serve this request (policy {decision.policy}{seed})"
    note = f": {decision.note}" if decision.note else ""
    return f"{chosen.name} chosen by {decision.policy}{note} (of {decision.count} candidates{seed})"


def _asked(facts: Mapping[str, Any]) -> str:
    read = facts.get("input_tokens", {})
    said = [f"about {read.get('expected', 0):,} tokens in (at most {read.get('bound', 0):,})"]
    said.append(f"about {facts.get('output_tokens', 0):,} out")
    if facts.get("abilities"):
        said.append("needs " + ", ".join(facts["abilities"]))
    said += [f"{field} {', '.join(facts[field])}" for field in ("require", "exclude") if facts.get(field)]
    said += [f"{word} {facts[field]}" for field, word in _LIMITS if facts.get(field)]
    return "request: " + "; ".join(said)


def _cells(place: int, candidate: Candidate) -> tuple[str, ...]:
    prior = "" if candidate.measured else "~"
    cap = f" (cap {candidate.cap:,})" if candidate.cap is not None else ""
    return (
        f"{place:>2}",
        candidate.name,
        _money(candidate.expected_cost, candidate.currency),
        _money(candidate.bound_cost, candidate.currency) + cap,
        f"{prior}{candidate.ttft * 1000:,.0f} ms",
        f"{prior}{candidate.seconds:,.1f} s",
        f"{candidate.quality:.2f}" + (f"  {candidate.note}" if candidate.note else ""),
    )


def _money(amount: float | None, currency: str) -> str:
    if amount is None:
        return "unknown"
    digits = f"{amount:.6f}" if amount < 1 else f"{amount:,.2f}"
    return f"${digits}" if currency == "USD" else f"{digits} {currency}"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
