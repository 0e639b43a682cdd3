"""``modelmux report``: what a ledger says was spent."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from time import time
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from modelmux import config
from modelmux.cli import _routing as routing
from modelmux.cli.console import money, out, show, table, tokens, write, write_json
from modelmux.cost.ledger import open_ledger
from modelmux.cost.report import Line, dimensions, summarise, total
from modelmux.money import Money

_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}

Where = Annotated[
    str | None,
    typer.Argument(help="A ledger's URL or SQLite file; MODELMUX_LEDGER when not given.", show_default=False),
]


def report(
    ledger: Where = None,
    by: Annotated[str, typer.Option("--by", help="Dimensions, with commas: model,day,tag:team …")] = "model",
    since: Annotated[
        str | None, typer.Option("--since", help="7d, 24h, 30m, or a date; of --tz.", show_default=False)
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="The same; not included.", show_default=False)] = None,
    zone: Annotated[str, typer.Option("--tz", help="Time zone in which days and months begin.")] = "UTC",
    model: Annotated[str | None, typer.Option("--model", help="Only this model.", show_default=False)] = None,
    provider: Annotated[str | None, typer.Option("--provider", help="Only this provider.", show_default=False)] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", help="Only with this name=value; repeatable.", show_default=False)
    ] = None,
    as_json: routing.AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Add up a ledger: calls, failures, tokens, cost by currency, latency."""
    names = dimensions(by)
    conditions = {
        "since": _moment(since, zone, "--since"),
        "until": _moment(until, zone, "--until"),
        "model": model,
        "provider": provider,
        "tags": dict(_pair(text) for text in tag or ()),
    }
    source = open_ledger(_url(ledger))
    rows = source.query(**conditions)  # type: ignore[arg-type]  # each value has its condition's type
    lines = summarise(rows, names, tz=zone)
    if as_json:
        write_json([_plain(line) for line in lines])
    elif as_csv:
        write(_csv(names, lines))
    else:
        _show(names, lines, total(rows))


def _url(given: str | None) -> str:
    """The ledger's URL. A path is a SQLite file, and has to be there: asking must not look like an empty ledger."""
    url = given or config.from_env(os.environ).ledger
    if url is None:
        raise typer.BadParameter("name a ledger, or set MODELMUX_LEDGER", param_hint="LEDGER")
    scheme, separator, rest = url.partition("://")
    if separator and scheme != "sqlite":
        return url
    path = Path(rest[1:] if separator else url).expanduser().absolute()
    if not path.is_file():
        raise typer.BadParameter(f"there is no file {path}", param_hint="LEDGER")
    return f"sqlite:///{path}"


def _moment(text: str | None, zone: str, option: str) -> float | datetime | None:
    if text is None:
        return None
    if (span := _SPAN.fullmatch(text.strip())) is not None:
        return time() - float(span[1]) * _SECONDS[span[2]]
    try:
        when = datetime.fromisoformat(text)
        return when if when.tzinfo else when.replace(tzinfo=UTC if zone == "UTC" else ZoneInfo(zone))
    except (ValueError, ZoneInfoNotFoundError):
        raise typer.BadParameter(
            f"{text!r} is neither a span such as 7d, 24h, 30m nor a date such as 2026-01-31", param_hint=option
        ) from None


def _pair(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise typer.BadParameter(f"{text!r} is not name=value", param_hint="--tag")
    return name, value


def _show(names: Sequence[str], lines: Sequence[Line], whole: Line) -> None:
    console = out()
    if not lines:
        console.print("no attempts in that time")
        return
    columns = (*names, "calls", "failed", "in", "out", "cost", "p50", "p95")
    rows = [(*line.key, *_cells(line)) for line in lines]
    if len(lines) > 1:
        rows.append(("all", *[""] * (len(names) - 1), *_cells(whole)))
    show(console, table(columns, rows, words=names))
    console.print("failed: of so many attempts; in, out: tokens; p50, p95: seconds of good attempts", style="dim")
    for note in _notes(whole):
        console.print(note, style="dim")


def _cells(line: Line) -> tuple[str, ...]:
    inside, outside = _flow(line)
    cost = "\n".join(money(amount) for amount in line.cost)
    if line.unknown:
        cost += ("\n+ " if cost else "") + f"{line.unknown} unknown"
    return (
        str(line.calls),
        f"{line.failed}/{line.attempts}",
        tokens(inside),
        tokens(outside),
        cost or "-",
        _seconds(line.latency_p50),
        _seconds(line.latency_p95),
    )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if value < 10 else f"{value:.1f}"


def _flow(line: Line) -> tuple[int, int]:
    """Tokens in and out."""
    outside = sum(line.units.get(unit, 0) for unit in ("output", "reasoning"))
    inside = sum(line.units.get(unit, 0) for unit in line.units if unit.startswith(("input", "cache_")))
    return inside, outside


def _notes(whole: Line) -> Iterable[str]:
    if whole.unknown:
        bound = " + ".join(money(amount) for amount in whole.unknown_bound)
        bounded = whole.unknown - whole.unbounded
        said = [f"{bounded} of them together at most {bound}"] if bounded else []
        said += [f"{whole.unbounded} with no bound"] if whole.unbounded else []
        yield f"unknown cost: {whole.unknown} attempts, not in the sums; {', '.join(said)}"
    if whole.estimated:
        yield f"estimated: {whole.estimated} attempts whose vendor reported no usage; in the sums"


def _amounts(amounts: Iterable[Money]) -> dict[str, str]:
    return {amount.currency: str(amount.amount) for amount in amounts}


def _plain(line: Line) -> dict[str, Any]:
    return {
        **dict(zip(line.by, line.key, strict=True)),
        "calls": line.calls,
        "attempts": line.attempts,
        "failed": line.failed,
        "units": dict(line.units),
        "cost": _amounts(line.cost),
        "estimated": line.estimated,
        "unknown": line.unknown,
        "unknown_bound": _amounts(line.unknown_bound),
        "unbounded": line.unbounded,
        "latency_p50": line.latency_p50,
        "latency_p95": line.latency_p95,
        "first_token_p50": line.first_token_p50,
        "first_token_p95": line.first_token_p95,
    }


_COUNTS = ("calls", "attempts", "failed")
_REST = ("estimated", "unknown", "unbounded", "latency_p50", "latency_p95", "first_token_p50", "first_token_p95")


def _csv(names: Sequence[str], lines: Sequence[Line]) -> str:
    """One line for each group; a column of cost and of bound for each currency that occurs."""
    currencies = sorted({amount.currency for line in lines for amount in (*line.cost, *line.unknown_bound)})
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    costs = [f"cost_{currency}" for currency in currencies]
    bounds = [f"unknown_bound_{currency}" for currency in currencies]
    writer.writerow([*names, *_COUNTS, "tokens_in", "tokens_out", *costs, *bounds, *_REST])
    for line in lines:
        cost, bound = _amounts(line.cost), _amounts(line.unknown_bound)
        writer.writerow(
            [
                *line.key,
                *(getattr(line, name) for name in _COUNTS),
                *_flow(line),
                *(cost.get(currency, "") for currency in currencies),
                *(bound.get(currency, "") for currency in currencies),
                *("" if (value := getattr(line, name)) is None else value for name in _REST),
            ]
        )
    return text.getvalue()
