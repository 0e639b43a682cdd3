"""``modelmux tokens``: how many tokens a text or a request comes to."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from modelmux import Mux, _json
from modelmux.cli import _prices as known
from modelmux.cli._routing import AsJson
from modelmux.cli.console import UNKNOWN, out, show, table, write_json
from modelmux.cost import prices
from modelmux.counting.count import TokenCount, text_tokens
from modelmux.errors import ConfigError, UnknownName
from modelmux.routing.learning import script_of
from modelmux.tokens import measure
from modelmux.types import Message, Request, Text


def tokens(
    file: Annotated[str, typer.Argument(help="A text, or a request as JSON with messages; - reads standard input.")],
    model: Annotated[list[str], typer.Option("--model", "-m", help="provider/model; repeatable.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Count the tokens of a text, by the model's own tokenizer where it is public, else by an estimate that says so."""
    text = _read(file)
    request = _request(text)
    found = [(name, _count(name, text, request)) for name in model]
    if as_json:
        write_json(
            [{"model": name, **count._asdict(), "input_cost": _plain(_cost(name, count))} for name, count in found]
        )
        return
    console = out()
    rows = [_cells(name, count) for name, count in found]
    show(console, table(("model", "tokens", "by", "at most", "bound", "input costs"), rows, words=("model",)))
    what = f"a request of {len(request['messages'])} messages" if request else f"{len(text):,} characters of text"
    script = script_of(measure(Request((Message("user", (Text(text),)),))))
    console.print(f"\n{what}, script {script}; at most: holds in 99 % of cases", style="dim")


def _read(file: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}", field="file") from None
    return raw.decode("utf-8", "replace")


def _request(text: str) -> dict[str, Any] | None:
    """The text as a chat request, where it is one."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = _json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) and isinstance(value.get("messages"), list) else None


def _count(name: str, text: str, request: dict[str, Any] | None) -> TokenCount:
    if request is None:
        return text_tokens(text, name)
    given = {key: request[key] for key in ("tools",) if request.get(key)}
    with Mux([name]) as mux:
        return mux.count_tokens(request["messages"], **given)


def _cost(name: str, count: TokenCount) -> tuple[Decimal, str] | None:
    """What that many tokens in cost now; None where no price is known or the name stands for several models."""
    try:
        models = known.found(name)
    except UnknownName:
        return None
    sheet = prices.sheet(models[0], at=known.now()) if len(models) == 1 else None
    rate = None if sheet is None else sheet.for_input(count.tokens).rate("input")
    return None if sheet is None or rate is None else (rate.times(count.tokens), sheet.currency)


def _plain(cost: tuple[Decimal, str] | None) -> dict[str, str] | None:
    return None if cost is None else {"amount": f"{cost[0].normalize():f}", "currency": cost[1]}


def _cells(name: str, count: TokenCount) -> tuple[str, ...]:
    cost = _cost(name, count)
    money = UNKNOWN if cost is None else f"{cost[0].normalize():f} {cost[1]}"
    by = count.method if not count.estimated or count.method == "estimate" else f"{count.method} ({count.estimated})"
    bound = UNKNOWN if count.bound is None else f"{count.bound:,}"
    return name, f"{count.tokens:,}", by, f"{count.upper:,}", bound, money
