"""The demo's figures, worked out from the rows that its run left in the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from modelmux.cli._questions import Data, Question
from modelmux.cost.records import AttemptRow
from modelmux.cost.report import percentile
from modelmux.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One policy's run. ``failovers`` are calls answered by another endpoint than the one tried first; ``cost`` sums
    the attempts whose cost is known, ``unknown`` counts the others. ``seconds_p50`` is the median call, from its
    first attempt's start to its answer. ``models`` holds answers and cost by model.
    """

    policy: str
    calls: int
    attempts: int
    failed: int
    failovers: int
    right: int
    seconds_p50: float | None
    cost: Money
    unknown: int
    models: Mapping[str, tuple[int, Money]]


def figures(rows: Iterable[AttemptRow], data: Data) -> dict[str, Figures]:
    """Figures by policy, in the order the policies were run."""
    questions = {question.id: question for question in data.questions}
    ordered = sorted(rows, key=lambda row: row.started_at)
    policies = dict.fromkeys(row.tags["policy"] for row in ordered)
    return {name: _of(name, [row for row in ordered if row.tags["policy"] == name], questions) for name in policies}


def _of(policy: str, rows: Sequence[AttemptRow], questions: Mapping[str, Question]) -> Figures:
    right = failed = failovers = 0
    took: list[float] = []
    models: dict[str, tuple[int, Money]] = {}
    calls = [list(group) for _, group in groupby(sorted(rows, key=_in_call), key=lambda row: row.call_id)]
    for attempts in calls:
        good = next((row for row in attempts if row.state == "ok"), None)
        if good is None or good.ended_at is None:
            failed += 1
            continue
        name = f"{good.provider}/{good.model_asked}"
        failovers += attempts[0].endpoint != good.endpoint
        right += questions[good.tags["question"]].right[name]
        took.append(good.ended_at - attempts[0].started_at)
    for row in rows:
        name = f"{row.provider}/{row.model_asked}"
        answers, spent = models.get(name, (0, Money(0)))
        models[name] = (answers + (row.state == "ok"), spent + (row.cost or Money(0)))
    return Figures(
        policy=policy,
        calls=len(calls),
        attempts=len(rows),
        failed=failed,
        failovers=failovers,
        right=right,
        seconds_p50=percentile(sorted(took), 50),
        cost=Money(sum(row.cost_nano or 0 for row in rows)),
        unknown=sum(row.cost_nano is None for row in rows),
        models=models,
    )


def _in_call(row: AttemptRow) -> tuple[str, int]:
    return row.call_id, row.number
