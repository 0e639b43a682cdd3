"""The figures of ``docs/fidelity.md``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from corpus import recordings
from fidelity import oracle
from fidelity.compare import ASPECTS, Outcome, judge
from fidelity.known import KNOWN

COLUMNS = ("api", "recordings", "streams", "errors", "exceptions", *ASPECTS)


@cache
def outcomes() -> Mapping[str, tuple[Outcome, ...]]:
    """Every recording judged once, by api."""
    found: dict[str, list[Outcome]] = {}
    for row in recordings():
        if oracle.covers(row["api"]):
            found.setdefault(row["api"], []).append(judge(row))
    return {api: tuple(found[api]) for api in sorted(found)}


def render() -> str:
    """The table, then what differs and why."""
    everything = [outcome for judged in outcomes().values() for outcome in judged]
    lines = [_cells(COLUMNS), _cells("---" if place == 0 else "---:" for place in range(len(COLUMNS)))]
    lines += [_cells([f"`{api}`", *_figures(judged)]) for api, judged in outcomes().items()]
    lines += [_cells(["**all**", *_figures(everything)]), "", "## What differs, and why", ""]
    apis = {outcome.id: api for api, judged in outcomes().items() for outcome in judged}
    differing: dict[tuple[str, str, str], list[str]] = {}
    for outcome in everything:
        for aspect in sorted(outcome.differing):
            reason = KNOWN.get((outcome.id, aspect), "not explained")
            differing.setdefault((apis[outcome.id], aspect, reason), []).append(outcome.id)
    for (api, aspect, reason), found in sorted(differing.items()):
        lines.append(f"- `{api}`, {aspect}, {len(found)} × ({', '.join(sorted(found))}): {reason}.")
    if not differing:
        lines.append("Nothing.")
    return "\n".join(lines) + "\n"


def _figures(judged: Iterable[Outcome]) -> list[str]:
    judged = list(judged)
    exceptions = sum(outcome.exception is not None for outcome in judged)
    counts = [len(judged), *(sum(getattr(o, name) for o in judged) for name in ("stream", "failure")), exceptions]
    return [f"{number:,}" for number in counts] + [_equal(judged, aspect) for aspect in ASPECTS]


def _equal(judged: list[Outcome], aspect: str) -> str:
    """``equal`` where all are, ``equal of judged`` where some differ, empty where nothing was there to judge."""
    asked = [outcome for outcome in judged if aspect in outcome.judged]
    equal = sum(aspect not in outcome.differing for outcome in asked)
    if not asked:
        return ""
    return f"{equal:,}" if equal == len(asked) else f"**{equal:,} of {len(asked):,}**"


def _cells(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
