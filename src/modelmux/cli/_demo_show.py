"""The demo on the screen: progress while it runs (plain lines where there is no terminal), then the tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from modelmux.cli._demo_figures import Figures
from modelmux.cli._demo_run import Run, Tally
from modelmux.cli.console import money, seconds, table
from modelmux.money import Money

Show = Callable[[Tally], None]

_OPENING = (
    "The vendors are servers in this process: real HTTP on loopback, each in its own format; no key, no internet. They "
    "answer with what is on record of each model: whether it was right, and how many tokens it wrote. Half-way, the "
    "vendor that a policy leans on most goes down."
)


def opening(console: Console, run: Run) -> None:
    about, data = run.data.about, run.data
    console.print(
        f"modelmux demo: {len(run.questions)} questions, {len(data.prices)} models of {len(data.vendors)} vendors, "
        f"{len(run.policies)} policies",
        style="bold",
    )
    sources = Table.grid(padding=(0, 2, 0, 0))
    for what in ("questions", "outcomes", "prices"):
        sources.add_row(what, about[what])
    console.print(sources, style="dim")
    console.print(f"\n{_OPENING}\n")


@contextmanager
def progress(console: Console, run: Run) -> Iterator[Show]:
    """What to call after each question."""
    if not console.is_terminal:
        yield _lines(console)
        return
    bars = Progress(
        TextColumn("{task.description:<9}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:>3}/{task.total}"),
        TextColumn("{task.fields[said]}"),
        console=console,
    )
    tasks = {policy: bars.add_task(policy, total=len(run.questions), said="") for policy in run.policies}
    with Live(console=console, refresh_per_second=12) as live:
        live.update(_screen(bars, run, None))
        yield lambda tally: live.update(_advance(bars, tasks, run, tally))
    console.print()


def _advance(bars: Progress, tasks: Mapping[str, TaskID], run: Run, tally: Tally) -> Table:
    said = f"{tally.right} right  {money(tally.spent)}  {tally.failovers} failovers"
    bars.update(tasks[tally.policy], completed=tally.asked, said=said)
    return _screen(bars, run, tally.down)


def _screen(bars: Progress, run: Run, down: str | None) -> Table:
    state = Text()
    for vendor in run.data.vendors:
        state.append("● ", style="red" if vendor == down else "green")
        state.append(f"{vendor} {'DOWN' if vendor == down else 'up'}   ")
    screen = Table.grid()
    screen.add_row(bars)
    screen.add_row(state)
    return screen


def _lines(console: Console) -> Show:
    said: set[tuple[str, str]] = set()

    def show(tally: Tally) -> None:
        if tally.down and (tally.policy, "down") not in said:
            said.add((tally.policy, "down"))
            console.print(f"{tally.policy}: {tally.down} goes down after {tally.down_after} of {tally.total} questions")
        if tally.asked == tally.total:
            console.print(
                f"{tally.policy}: {tally.asked} asked, {tally.right} right, {money(tally.spent)}, "
                f"{tally.failovers} failovers, {tally.failed} failed"
            )

    return show


def closing(console: Console, run: Run, found: Mapping[str, Figures], where: Sequence[str]) -> None:
    strongest = run.data.strongest(run.questions)
    console.print(_summary(run, found, strongest))
    console.print()
    console.print(_by_model(run, found))
    console.print()
    console.print(
        f"always {_bare(strongest)}: what the model with the most right answers to these questions would have cost, "
        f"by its recorded lengths and the same prices (of {run.data.about['prices_as_of']}). Latency is what the calls "
        "took here, on loopback. All other figures are sums over the ledger.",
        style="dim",
    )
    console.print()
    for line in where:
        console.print(line, soft_wrap=True)


def _summary(run: Run, found: Mapping[str, Figures], strongest: str) -> Table:
    asked = len(run.questions)
    right = sum(question.right[strongest] for question in run.questions)
    full = run.data.cost(strongest, run.questions)
    ran = [found[policy] for policy in run.policies]
    rows = [
        ("calls", *(str(one.calls) for one in ran), str(asked)),
        ("failed calls", *(str(one.failed) for one in ran), ""),
        ("failovers", *(str(one.failovers) for one in ran), ""),
        ("p50 latency", *(seconds(one.seconds_p50) for one in ran), ""),
        ("answered right", *(_share(one.right, asked) for one in ran), _share(right, asked)),
        ("cost", *(money(one.cost) for one in ran), money(full)),
        ("saved", *(_saved(one.cost, full) for one in ran), ""),
    ]
    if any(one.unknown for one in ran):
        rows.insert(-1, ("+ cost unknown", *(f"{one.unknown} attempts" for one in ran), ""))
    return table(("", *run.policies, f"always\n{_bare(strongest)}"), rows, words=())


def _share(part: int, whole: int) -> str:
    return f"{part} ({part / whole:.0%})"


def _saved(cost: Money, full: Money) -> str:
    share = (1 - cost.nano / full.nano) if full.nano else 0.0
    return f"{money(full - cost)} ({share:.0%})"


def _by_model(run: Run, found: Mapping[str, Figures]) -> Table:
    """Answers and cost of each model, and its prices for a million tokens in and out."""
    rows = []
    for name, price in run.data.prices.items():
        answered = (found[policy].models.get(name, (0, Money(0))) for policy in run.policies)
        cells = (f"{answers:>3}  {money(spent)}" if answers else "-" for answers, spent in answered)
        rows.append((_bare(name), f"{price['input']}/{price['output']}", *cells))
    return table(("answers by model", "$/Mtok", *run.policies), rows, words=())


def _bare(name: str) -> str:
    return name.partition("/")[2]
