"""``modelmux explain``: which endpoint a call would go to, and why. Sends nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from modelmux.cli import _routing as routing
from modelmux.cli.console import UNKNOWN, err, out, show, table, write_json
from modelmux.errors import ConfigError
from modelmux.routing.plan import Candidate, Decision

_SHOWN = 15


def explain(
    prompt: routing.Prompt,
    model: routing.Models = None,
    policy: routing.Policy = None,
    system: routing.System = None,
    max_cost: routing.MaxCost = None,
    deadline: routing.Deadline = None,
    as_json: routing.AsJson = False,
) -> None:
    """Show the decision for a prompt: candidates, what they would cost, and who is left out. Sends nothing.

    Models named with --model need no key here.
    """
    text = routing.read_prompt(prompt)
    options: dict[str, Any] = routing.call_options(model, policy, system, max_cost, deadline)
    without = routing.keyless(model or [], routing.surroundings())
    if without:
        options["keys"] = dict.fromkeys(without, "unused")
    with routing.open_mux() as mux:
        if not model and not mux.endpoints:
            raise ConfigError(
                "no key was found, so there is nothing to choose among: name models with --model (no key is needed to "
                "explain), or see `modelmux doctor`"
            )
        decision = mux.explain(text, **options)
    if as_json:
        write_json({**decision.explain(), "without_key": without})
    else:
        _show(decision)
    if without:
        err().print(f"no key here for {', '.join(without)}: explained as if there were one", style="yellow")


def _show(decision: Decision) -> None:
    console = out()
    headline, asked, *_ = str(decision).splitlines()
    console.print(Text(headline, style="bold"))
    console.print(asked)
    ranked = decision.ranked
    if ranked:
        columns = ("", "endpoint", "expected", "at most", "first", "answer", "quality")
        rows = (_cells(place, candidate) for place, candidate in enumerate(ranked[:_SHOWN], 1))
        console.print()
        show(console, table(columns, rows, words=("endpoint",)))
        if len(ranked) > _SHOWN:
            console.print(f"… and {len(ranked) - _SHOWN} more")
        for note in _legend(ranked):
            console.print(note, style="dim")
    if decision.excluded:
        console.print()
        rows = ((one.name, "; ".join(one.reasons)) for one in decision.excluded)
        show(console, table(("left out", "because"), rows, words=("left out", "because")))


def _cells(place: int, candidate: Candidate) -> tuple[str, ...]:
    prior = "" if candidate.measured else "~"
    return (
        str(place),
        candidate.name,
        _amount(candidate.expected_cost, candidate.currency),
        _amount(candidate.bound_cost, candidate.currency),
        f"{prior}{candidate.ttft:.1f} s",
        f"{prior}{candidate.seconds:.1f} s",
        f"{candidate.quality:.2f}",
    )


def _legend(ranked: tuple[Candidate, ...]) -> Iterator[str]:
    caps = {candidate.cap for candidate in ranked if candidate.cap is not None}
    if caps:
        yield f"the ceiling caps the answer at {min(caps):,} to {max(caps):,} tokens, by model"
    if not all(candidate.measured for candidate in ranked):
        yield "~ a prior: nothing was measured yet"


def _amount(amount: float | None, currency: str) -> str:
    if amount is None:
        return UNKNOWN
    digits = f"{amount:.6f}" if amount < 1 else f"{amount:,.2f}"
    return f"${digits}" if currency == "USD" else f"{digits} {currency}"
