"""``modelmux demo``: routing, an outage and the bill, with no key and no internet."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from modelmux.cli import _questions
from modelmux.cli._demo_figures import figures
from modelmux.cli._demo_run import Run
from modelmux.cli._demo_show import closing, opening, progress
from modelmux.cli.console import err, out
from modelmux.cost.ledger import open_ledger
from modelmux.routing import policies as policies_

_MOST = 120


def demo(
    questions: Annotated[int, typer.Option("--questions", min=2, max=_MOST, help="How many to ask.")] = _MOST,
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", "-p", help="Policies to compare, at most three.  [default: cheapest, best]"),
    ] = None,
    ledger: Annotated[
        str | None,
        typer.Option("--ledger", help="Where to book the calls, as a URL.  [default: a file in a temporary directory]"),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Makes chance repeatable.")] = 7,
    latency: Annotated[
        float, typer.Option("--latency", min=0, max=10, help="Seconds the servers wait before an answer.")
    ] = 0.015,
) -> None:
    """Route real questions over three embedded vendors, kill one half-way, and show the bill."""
    chosen = list(dict.fromkeys(policy or ("cheapest", "best")))
    if len(chosen) > 3:
        raise typer.BadParameter("at most three", param_hint="--policy")
    for name in chosen:
        policies_.get(name)
    url = ledger or f"sqlite:///{Path(tempfile.mkdtemp(prefix='modelmux-demo-')) / 'ledger.db'}"
    data = _questions.load()
    run = Run(os.urandom(6).hex(), data, data.questions[:questions], chosen, open_ledger(url), seed, latency)
    console = out()
    opening(console, run)
    try:
        with progress(console, run) as show:
            rows = run.play(show)
    except KeyboardInterrupt:
        err().print(f"stopped; what was asked so far is in {url}", soft_wrap=True)
        raise
    closing(console, run, figures(rows, data), _where(run, shared=ledger is not None))


def _where(run: Run, *, shared: bool) -> list[str]:
    """Where the rows lie and how to ask them."""
    if not run.ledger.lasting:
        return ["ledger: in memory, gone with this process"]
    place = run.ledger.place or run.ledger.url
    only = f" --tag demo={run.id}" if shared else ""
    return [f"ledger: {place}", f"ask it: modelmux report {place} --by tag:policy,model{only}"]
