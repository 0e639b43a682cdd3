"""``modelmux prices``: what the catalogue says things cost, and newer catalogues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from modelmux import catalogue
from modelmux.catalogue import Model, PriceVersion
from modelmux.catalogue.updates import install
from modelmux.cli import _prices as known
from modelmux.cli._routing import AsJson
from modelmux.cli.console import UNKNOWN, err, out, show, table, write_json
from modelmux.cli.doctor import STALE_DAYS
from modelmux.cost.units import PER

Stale = Annotated[int, typer.Option("--stale-days", min=0, help="Warn when prices are older than so many days.")]

DISPUTED = "disputed"
_SHOWN = ("input", "cache_read", "output")

app = typer.Typer(no_args_is_help=True, help="Prices: list, show, compare and update the catalogue.")


@app.command("list")
def list_(
    provider: Annotated[
        list[str] | None, typer.Option("--provider", help="Only this provider; repeatable.", show_default=False)
    ] = None,
    model: Annotated[str, typer.Option("--model", help="Only models whose id contains this.")] = "",
    disputed: Annotated[bool, typer.Option("--disputed", help="Only prices on which the sources differ.")] = False,
    stale_days: Stale = STALE_DAYS,
    as_json: AsJson = False,
) -> None:
    """List the prices in force now."""
    names = [known.filed(name) for name in provider] if provider else catalogue.providers()
    found = list(known.rows(names, model, disputed, known.now()))
    if as_json:
        write_json([asdict(row) for row in found])
        return
    console = out()
    columns = ("model", *_SHOWN, "other units", "source", "note")
    show(console, table(columns, map(_cells, found), words=("model", "other units", "source", "note")))
    marked = sum(bool(row.disputed) for row in found)
    console.print(
        f"\n{len(found)} models with a price, {marked} of them disputed; tokens: for a million; - no price of its own",
        style="dim",
    )
    _warn(names, stale_days)


def _cells(row: known.Row) -> tuple[str, ...]:
    suffix = "" if row.currency == "USD" else f" {row.currency}"
    others = " ".join(f"{unit}={amount}" for unit, amount in row.rates.items() if unit not in _SHOWN)
    source = row.source if not row.agreed_by else f"{row.source}, {', '.join(row.agreed_by)}"
    each = [row.rates[unit] + suffix if unit in row.rates else "-" for unit in _SHOWN]
    return (row.name, *each, others, source, f"{DISPUTED}: {_values(row.disputed)}" if row.disputed else "")


def _values(disputed: Mapping[str, Iterable[str]]) -> str:
    return ", ".join(f"{unit} {' or '.join(values)}" for unit, values in disputed.items())


@app.command("show")
def show_(
    model: Annotated[str, typer.Argument(help="provider/model, or a model's id.", show_default=False)],
    stale_days: Stale = STALE_DAYS,
    as_json: AsJson = False,
) -> None:
    """Show every price of a model, with dates, conditions and sources."""
    found = known.found(model)
    if as_json:
        write_json([{"model": f"{m.provider}/{m.id}", "prices": [_plain(v) for v in m.prices]} for m in found])
        return
    console = out()
    for one in found:
        console.print(f"{one.provider}/{one.id}", style="bold")
        _print_versions(one)
    _warn([one.provider for one in found], stale_days)


def _print_versions(model: Model) -> None:
    console = out()
    if not model.prices:
        console.print(f"  price {UNKNOWN}: no source has one")
    for version in model.prices:
        console.print(f"  {_when(version)}", soft_wrap=True)
        for unit, amount in version.rates.items():
            values = version.disputed.get(unit)
            mark = f"  {DISPUTED}: {' or '.join(values)}; the higher counts for bounds" if values else ""
            console.print(f"    {unit:<20} {amount} {version.currency} for {PER[unit]:,}{mark}", soft_wrap=True)
        for text in _conditions(version):
            console.print(f"    {text}", soft_wrap=True)


def _when(version: PriceVersion) -> str:
    days = [_day(version.start), _day(version.end)]
    span = "always" if days == ["", ""] else f"{days[0] or 'the beginning'} to {days[1] or 'now on'}"
    asked = ", ".join(f"{key} {value}" for key, value in version.when.items())
    return ", ".join(part for part in (span, asked) if part)


def _conditions(version: PriceVersion) -> Iterable[str]:
    for window in version.windows:
        days = window.get("days", "1234567")
        since, until = (f"{int(window[key]) // 60:02}:{int(window[key]) % 60:02}" for key in ("from", "to"))
        yield f"only {since} to {until} UTC, days {days} (1 is Monday)"
    for tier in version.tiers:
        rates = ", ".join(f"{unit} {amount}" for unit, amount in tier["rates"].items())
        yield f"above {int(tier['above']):,} tokens in: {rates}"
    if version.uplift:
        yield "by region: " + ", ".join(f"{place} times {factor}" for place, factor in version.uplift.items())
    if version.minimums:
        yield "at least " + ", ".join(f"{least:,} {unit}" for unit, least in version.minimums.items())
    if version.unknown:
        yield f"price {UNKNOWN}: {', '.join(version.unknown)}"
    agreed = f", agreed by {', '.join(version.agreed_by)}" if version.agreed_by else ""
    dated = f" of {version.source_date}" if version.source_date else ""
    yield f"source: {version.source or UNKNOWN}{dated}{agreed}"


def _day(epoch: float | None) -> str:
    return "" if epoch is None else datetime.fromtimestamp(epoch, UTC).date().isoformat()


def _plain(version: PriceVersion) -> dict[str, Any]:
    return {**asdict(version), "start": _day(version.start) or None, "end": _day(version.end) or None}


@app.command("diff")
def diff(
    old: Annotated[str, typer.Argument(help="A catalogue file, archive or directory, 'packaged' or 'current'.")],
    new: Annotated[str, typer.Argument(help="Another.")],
    as_json: AsJson = False,
) -> None:
    """Compare the prices of two catalogues, as in force now."""
    sides = known.read(old), known.read(new)
    found = list(known.changes(*sides, known.now()))
    if as_json:
        write_json([asdict(change) for change in found])
        return
    console = out()
    rows = [(change.model, change.unit or "the model", change.old, change.new) for change in found]
    show(console, table(("model", "what", "old", "new"), rows, words=("model", "what")))
    console.print(f"{len(found)} differences in {len(set(sides[0]) & set(sides[1]))} providers", style="dim")


@app.command("update")
def update(
    file: Annotated[Path, typer.Argument(help="One provider's JSON, or an archive of them.", show_default=False)],
    sha256: Annotated[
        str, typer.Option("--sha256", help="What the file must hash to, as its publisher says.", show_default=False)
    ],
) -> None:
    """Install a newer catalogue from a file, for this user. Nothing is downloaded."""
    done = install(file, sha256)
    catalogue.load.cache_clear()
    catalogue.find.cache_clear()
    out().print(
        f"installed {done.models} models of {len(done.providers)} providers, prices of {done.as_of}, in {done.place}\n"
        "a later release's prices hold where they are newer; delete the directory to go back",
        soft_wrap=True,
    )


def _warn(names: Iterable[str], limit: int) -> None:
    warning = known.stale((catalogue.load(name).as_of for name in names), limit)
    if warning:
        err().print(f"warning: {warning}", style="yellow", soft_wrap=True)
