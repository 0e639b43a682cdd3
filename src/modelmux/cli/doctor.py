"""``modelmux doctor``: what is configured here, and what is missing."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import typer

import modelmux
from modelmux import Mux, catalogue, config, providers
from modelmux._resolve import Surroundings
from modelmux._secret import Secret
from modelmux.cli import _routing as routing
from modelmux.cli.console import out, show, table
from modelmux.cost.ledger import open_ledger
from modelmux.cost.recorder import default_journal
from modelmux.errors import ConfigError, ModelmuxError
from modelmux.providers import Row

STALE_DAYS = 45
"""Days after which a catalogue's prices are old enough to say so."""

_PACKAGES = ("httpx", "pydantic", "tenacity", "tiktoken", "cachetools", "rich", "typer")
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")

_GOOD, _BAD, _PLAIN = "ok", "!!", ""
_Finding = tuple[str, str, str]
"""Mark, what it is about, what was found."""


def doctor() -> None:
    """Check the setup: keys, addresses, models, catalogue, journal, versions. Exits 1 when nothing is usable."""
    findings = [*_versions(), *_configuration()]
    usable = 0
    try:
        where = routing.surroundings()
        findings += _providers(where)
        findings += _journal()
        usable = _usable(findings)
    except ModelmuxError as error:
        findings.append((_BAD, "config", str(error)))
    findings += [*_catalogue(), *_network()]
    console = out()
    show(console, table(("", "", ""), findings, words=("",), show_header=False))
    if usable:
        return
    console.print(
        "nothing is usable: set a vendor's key (`modelmux models` lists the variables); `modelmux demo` needs none"
    )
    raise typer.Exit(1)


def _versions() -> Iterator[_Finding]:
    system = f"{platform.python_implementation()} {platform.python_version()} on {platform.system()}"
    yield _PLAIN, "modelmux", f"{modelmux.__version__}, {system}"
    yield _PLAIN, "packages", ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    yield _PLAIN, "engine", "own sockets for HTTP/1.1; stock httpx for proxies and clients of your own"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _configuration() -> Iterator[_Finding]:
    named = sorted(name for name in os.environ if name.startswith("MODELMUX_"))
    yield _PLAIN, "config", ", ".join(named) if named else "no MODELMUX_ variable is set"


def _providers(where: Surroundings) -> Iterator[_Finding]:
    """Every provider with a key or an address of its own here. Keys by name and fingerprint, never by value."""
    configured = where.configured()
    for row in configured:
        key = where.key(row)
        found = f"key {_variable(row)}, fingerprint {Secret(key).fingerprint}" if key else "no key"
        base_url = where.base_url(row)
        models = sum("chat" in model.abilities for model in catalogue.load(row.catalogue or row.id).values())
        good = (key is not None or row.auth.optional) and bool(base_url)
        yield (
            _GOOD if good else _BAD,
            row.id,
            f"{found}; {bare(base_url) or 'no address'}; {models or 'no'} chat models known",
        )
    if not configured:
        yield _BAD, "keys", "none found in the environment"


def _variable(row: Row) -> str:
    return next((name for name in row.key_env if os.environ.get(name)), "from the configuration")


def bare(url: str) -> str:
    """The address without what may be secret in it: user, password, query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _usable(findings: list[_Finding]) -> int:
    """How many endpoints a call could choose among."""
    with Mux.from_env() as mux:
        try:
            count = mux.explain("x").count
        except ConfigError:  # no endpoint has a key
            count = 0
    findings.append((_GOOD if count else _BAD, "models", f"{count} endpoints to choose among"))
    return count


def _journal() -> Iterator[_Finding]:
    given = config.from_env()
    if given.ledger is None:
        yield _PLAIN, "ledger", "in memory (the last 10,000 attempts); MODELMUX_LEDGER names one that lasts"
        return
    ledger = open_ledger(given.ledger)
    yield _PLAIN, "ledger", bare(given.ledger) if ledger.place is None else str(ledger.place)
    if not ledger.lasting:
        return
    directory = Path(given.journal) if given.journal else default_journal(ledger)
    writable = _writable(directory)
    yield _GOOD if writable else _BAD, "journal", f"{directory}, {'writable' if writable else 'not writable'}"


def _writable(directory: Path) -> bool:
    """Whether the directory is there and writable, or could be made."""
    there = next((path for path in (directory, *directory.absolute().parents) if path.exists()), None)
    return there is not None and there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def _catalogue() -> Iterator[_Finding]:
    dates = sorted(filter(None, (catalogue.load(name).as_of for name in _filed())))
    if not dates:
        yield _BAD, "catalogue", "no date"
        return
    days = (date.today() - date.fromisoformat(dates[0])).days
    age = "today" if days == 0 else f"{days} days old"
    stale = f"; prices may have changed since (over {STALE_DAYS} days)" if days > STALE_DAYS else ""
    yield _BAD if stale else _GOOD, "catalogue", f"of {dates[0]}, {age}{stale}"


def _filed() -> Iterator[str]:
    """Catalogues of the providers that can be called."""
    rows = map(providers.get, providers.names())
    return (row.catalogue or row.id for row in rows if any(call.wire for call in row.calls.values()))


def _network() -> Iterator[_Finding]:
    found = []
    for name in _PROXIES:
        value = os.environ.get(name) or os.environ.get(name.lower())
        if value:
            found.append(f"{name} {value if name == 'NO_PROXY' else bare(value)}")
    yield _PLAIN, "proxies", "; ".join(found) or "none"
