"""The options that ``chat`` and ``explain`` share, and what becomes of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from modelmux import Mux, config
from modelmux._resolve import ProviderSettings, Surroundings, split_name
from modelmux.routing import policies

Prompt = Annotated[str, typer.Argument(help="What to ask; - reads standard input.", show_default=False)]
Models = Annotated[
    list[str] | None,
    typer.Option("--model", "-m", help="provider/model; repeat it to choose among several.", show_default=False),
]
Policy = Annotated[
    str | None,
    typer.Option("--policy", "-p", help="cheapest, fastest, balanced, best, priority or weighted.", show_default=False),
]
System = Annotated[str | None, typer.Option("--system", "-s", help="A system prompt.", show_default=False)]
MaxCost = Annotated[
    float | None, typer.Option("--max-cost", min=0, help="Dollars the call may cost at most.", show_default=False)
]
Deadline = Annotated[
    float | None, typer.Option("--deadline", min=0.001, help="Seconds for everything.", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def read_prompt(prompt: str) -> str:
    """The prompt, from standard input where it is ``-``. Raises a usage error when there is none."""
    text = sys.stdin.read() if prompt == "-" else prompt
    if not text.strip():
        raise typer.BadParameter("the prompt is empty", param_hint="PROMPT")
    return text


def call_options(
    model: list[str] | None, policy: str | None, system: str | None, max_cost: float | None, deadline: float | None
) -> dict[str, Any]:
    """The keywords of a call. Raises UnknownName for a policy nobody has."""
    if policy is not None:
        policies.get(policy)
    given = {"model": model or None, "policy": policy, "system": system, "max_cost": max_cost, "deadline": deadline}
    return {name: value for name, value in given.items() if value is not None}


def open_mux(**overrides: Any) -> Mux:
    """A Mux from ``MODELMUX_…`` variables, the file they name, and the vendors' own variables."""
    return Mux.from_env(**overrides)


def surroundings(environ: Mapping[str, str] | None = None) -> Surroundings:
    """Where keys and addresses come from: the configuration's settings first, then the environment."""
    environ = os.environ if environ is None else environ
    given = config.from_env(environ).arguments(environ)["providers"]
    return Surroundings({name: ProviderSettings(**_said(settings)) for name, settings in given.items()}, environ)


def _said(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}


def keyless(names: list[str], where: Surroundings) -> list[str]:
    """Providers of these models for which there is no key here. Raises UnknownName for a model nobody knows."""
    rows = [split_name(name, where)[0] for name in names]
    return sorted({row.id for row in rows if where.key(row) is None and row.auth.scheme != "none"})
