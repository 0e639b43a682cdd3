"""``modelmux models``: the catalogue as a table."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from time import time
from typing import Annotated

import typer

from modelmux import catalogue, providers
from modelmux.catalogue import Model
from modelmux.cli import _routing as routing
from modelmux.cli.console import UNKNOWN, out, show, table, tokens, write_json
from modelmux.cost import prices
from modelmux.cost.units import PER

_LETTERS = {"tools": "t", "schema": "s", "reasoning": "r", "vision": "v", "pdf": "p", "cache": "c", "web_search": "w"}
_LEGEND = ", ".join(f"{letter} {name.replace('_', ' ')}" for name, letter in _LETTERS.items())


def models(
    provider: Annotated[
        list[str] | None, typer.Option("--provider", help="Only this provider; repeatable.", show_default=False)
    ] = None,
    ability: Annotated[
        list[str] | None, typer.Option("--ability", help="Only models that have it; repeatable.", show_default=False)
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every provider; also models not for chat, and those past their end.")
    ] = False,
    as_json: routing.AsJson = False,
) -> None:
    """List models: limits, abilities, and today's prices. Without options: of the providers whose keys are set."""
    chosen = _chosen(provider, everything)
    if not chosen:
        _overview()
        return
    wanted = set(ability or ())
    today = date.today().isoformat()
    found = [
        model
        for name in chosen
        for model in catalogue.load(name).values()
        if wanted <= model.abilities and (everything or _of_today(model, today))
    ]
    if as_json:
        write_json([_plain(model) for model in found])
        return
    console = out()
    if not found:
        console.print("no model: --all shows also those not for chat and those past their end")
        return
    columns = ("model", "context", "max out", "can", "$ in", "$ out", "released")
    show(console, table(columns, map(_cells, found), words=("model",)))
    console.print(f"\n{len(found)} models; $ for a million tokens today; can: {_LEGEND}", style="dim")
    console.print(f"catalogue of {_as_of(chosen)}; unknown means that no source says", style="dim")


def _chosen(named: Sequence[str] | None, everything: bool) -> list[str]:
    """Catalogues to show, by provider. Raises UnknownName for a provider nobody knows."""
    if named:
        return [name if name in catalogue.providers() else _row_catalogue(name) for name in named]
    if everything:
        return catalogue.providers()
    rows = routing.surroundings(os.environ).configured()
    return list(dict.fromkeys(row.catalogue or row.id for row in rows))


def _row_catalogue(name: str) -> str:
    row = providers.get(name)
    return row.catalogue or row.id


def _of_today(model: Model, today: str) -> bool:
    ends = (model.retired, model.deprecated)
    return "chat" in model.abilities and not any(end is not None and end <= today for end in ends)


def _cells(model: Model) -> tuple[str, ...]:
    price_in, price_out = _prices(model)
    return (
        f"{model.provider}/{model.id}",
        tokens(model.context),
        tokens(model.max_output),
        "".join(letter if name in model.abilities else "·" for name, letter in _LETTERS.items()),
        price_in or UNKNOWN,
        price_out or UNKNOWN,
        (model.released or UNKNOWN)[:7],
    )


def _prices(model: Model) -> tuple[str | None, str | None]:
    """Today's price of a million tokens in and out, exact decimals; None where not known."""
    sheet = prices.sheet(model, at=time())
    if sheet is None:
        return None, None
    return _million(sheet, "input"), _million(sheet, "output")


def _million(sheet: prices.Sheet, unit: str) -> str | None:
    rate = sheet.rate(unit)
    if rate is None:
        return None
    amount = f"{rate.times(PER[unit]).normalize():f}"
    return amount if sheet.currency == "USD" else f"{amount} {sheet.currency}"


def _plain(model: Model) -> dict[str, object]:
    price_in, price_out = _prices(model)
    return {
        "model": f"{model.provider}/{model.id}",
        "context": model.context,
        "max_output": model.max_output,
        "abilities": sorted(model.abilities),
        "input_price": price_in,
        "output_price": price_out,
        "released": model.released,
        "deprecated": model.deprecated,
        "retired": model.retired,
    }


def _as_of(names: Iterable[str]) -> str:
    dates = sorted({catalogue.load(name).as_of for name in names} - {""})
    return dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}" if dates else "unknown date"


def _overview() -> None:
    console = out()
    console.print("No vendor's key is set. Providers that modelmux can call, with the variable each key is read from:")
    console.print()
    show(console, table(("provider", "key", "models", "catalogue"), _callable(), words=("provider", "key")))
    console.print("\nmodelmux models --provider NAME lists one provider, --all every model known.", style="dim")


def _callable() -> Iterator[tuple[str, ...]]:
    for row in map(providers.get, providers.names()):
        if any(call.wire for call in row.calls.values()):
            known = catalogue.load(row.catalogue or row.id)
            yield row.id, " or ".join(row.key_env) or "-", str(len(known) or "-"), known.as_of or "-"
