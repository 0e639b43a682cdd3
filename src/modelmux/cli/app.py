"""The application: its commands, and how errors end it."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import modelmux
from modelmux.cli import chat, demo, doctor, explain, models, prices, report, serve, tokens
from modelmux.cli.console import err
from modelmux.errors import ModelmuxError, NoCapableEndpoint

INTERRUPTED = 130
"""128 and the number of SIGINT, as shells count it."""


class Commands(TyperGroup):
    """Turns typed errors into a line and an exit code, for every command alike."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ModelmuxError as error:
            if ctx.params.get("debug"):
                raise
            err().print(f"error: {said(error)}", style="red", soft_wrap=True)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            err().print("interrupted", soft_wrap=True)
            raise typer.Exit(INTERRUPTED) from None


def said(error: ModelmuxError) -> str:
    """The error as one line; an exclusion table keeps its lines."""
    text = str(error) or type(error).__name__
    if not isinstance(error, NoCapableEndpoint):
        text = " ".join(text.split())
    notes = getattr(error, "__notes__", ())
    return text + "".join(f" ({note})" for note in notes)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"modelmux {modelmux.__version__}")
        raise typer.Exit


app = typer.Typer(
    cls=Commands,
    name="modelmux",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Many models behind one interface: routed, failed over, and accounted for."""
    del debug, version  # read from the context, and by the callback


for module in (demo, chat, models, tokens, explain, report, serve, doctor):
    app.command()(getattr(module, module.__name__.rpartition(".")[2]))
app.add_typer(prices.app, name="prices")
