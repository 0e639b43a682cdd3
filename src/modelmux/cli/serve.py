"""``modelmux serve``: the gateway."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from modelmux import Mux, config, gateway
from modelmux.cli.console import err, write
from modelmux.gateway import server
from modelmux.gateway.settings import check_bind


def serve(
    config_file: Annotated[
        str | None,
        typer.Option("--config", "-c", help="A TOML file; else MODELMUX_CONFIG, or the environment.", metavar="FILE"),
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="Where to listen.", show_default="127.0.0.1")] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535, show_default="8642")] = None,
    models: Annotated[
        list[str] | None,
        typer.Option("--models", "--model", "-m", help="Models to serve; repeat it, or separate by commas."),
    ] = None,
    new_key: Annotated[
        str | None, typer.Option("--new-key", metavar="NAME", help="Print a new key and its entry, and end.")
    ] = None,
) -> None:
    """Serve the vendors' HTTP formats to programs in any language, until SIGTERM or Ctrl-C."""
    if new_key is not None:
        write(entry(new_key))
        return
    given = config.from_env() if config_file is None else config.from_file(config_file)
    told = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = gateway.parse({**given.gateway, **told}, origin="[gateway]")
    check_bind(settings)
    arguments = given.arguments()
    named = _names(models)
    if named:
        arguments["models"] = named
    with Mux(**arguments) as mux:
        app = gateway.Gateway(mux, settings)
        server.serve(app, ready=lambda address: _ready(address, mux, settings))


def _names(models: Sequence[str] | None) -> list[Any]:
    return [name for given in models or () for word in given.split(",") if (name := word.strip())]


def _ready(address: str, mux: Mux, settings: gateway.Settings) -> None:
    who = f"{len(settings.keys)} keys" if settings.keys else "anyone" if settings.anyone else "this machine only"
    said = f"modelmux gateway on {address} (process {os.getpid()}): {len(mux.endpoints)} endpoints, for {who}"
    err().print(said, soft_wrap=True)


def entry(name: str) -> str:
    """A new key, and the lines of a configuration file that let it in."""
    key = gateway.new_key()
    made = gateway.Key.of(name, key)
    return f"""\
key: {key}
It is shown this once: only its hash is kept. In the configuration file:

[[gateway.keys]]
name = "{made.name}"
sha256 = "{made.sha256}"
"""
