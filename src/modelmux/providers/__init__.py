"""Vendors as data: one TOML row each, with a ``.py`` beside it only for what a row cannot say.

A row says where a provider is, how it is paid for and proven to, which wire each of its calls speaks, and in what
dialect. ``docs/providers.md`` is generated from the rows.

A hook, the module that :attr:`Row.hook` names, may offer these functions, all pure:

* ``address(row, environ, region) -> str``: the provider's address where neither the user nor a variable of the row
  gives one, in place of ``base_url``; empty where it takes a user to know;
* ``url(target, stream) -> str``: the address of a call, in place of ``base_url`` and ``path``;
* ``token_source(target, key, environ) -> TokenSource | None``: where a short-lived token is exchanged for what the
  environment holds; the token then stands in for the key (:mod:`modelmux._credentials`);
* ``authorise(target, key, request, *, now, environ) -> HttpRequest``: the request with what proves who sends it, for
  ``auth.scheme = "hook"``. ``key`` is None where only the environment can help; ``now`` is in seconds since the
  epoch. Raises MissingKey. A key of the environment goes to the provider's own address only.

Rows of your own: :func:`register` one; put TOML files into the directory that ``MODELMUX_PROVIDER_ROWS`` names; or
install a package with an entry point in the group ``modelmux.providers``, which is a :class:`Row` or a package that
holds TOML files. Both places are read at the first name that no row here answers to.
"""

from __future__ import annotations

import importlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from modelmux.errors import ConfigError, UnknownName

__all__ = [
    "Auth",
    "Call",
    "LimitHeader",
    "Limits",
    "Row",
    "api_names",
    "find",
    "get",
    "hook",
    "names",
    "parse_row",
    "register",
]


ROWS_VARIABLE = "MODELMUX_PROVIDER_ROWS"
"""The environment variable that names the user's directory of rows."""


@dataclass(frozen=True, slots=True)
class Auth:
    """How a key travels. ``scheme``: ``bearer`` (Authorization), ``header`` (``name``), ``query`` (``name``),
    ``none``, or ``hook`` (the provider's module does it).
    """

    scheme: str = "bearer"
    name: str = ""
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One kind of call: ``path`` may name ``{model}``; ``stream_path`` is used instead of it for streams.

    ``wire`` is None for calls that have a usage reader but no codec. ``usage`` names the usage reader; ``dialect``
    the codec's options where they differ from the format's owner. ``headers`` are added to the row's. ``models`` are
    beginnings of model ids: where a provider speaks several wires, those models are called by this one.
    """

    path: str
    wire: str | None = None
    stream_path: str | None = None
    usage: str = ""
    dialect: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    models: tuple[str, ...] = ()


DIMENSIONS = ("requests", "tokens", "input_tokens", "output_tokens")
"""What a vendor limits. ``tokens`` are those in and out together."""


@dataclass(frozen=True, slots=True)
class LimitHeader:
    """The headers (lower case) in which answers say how much is left ``of`` a dimension, when it is renewed, and how
    much it is in all. ``window`` is the limit's period in seconds; it serves where no header names a reset.
    """

    of: str
    remaining: str
    reset: str = ""
    limit: str = ""
    window: float = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What the vendor's own limits are kept ``per``: ``endpoint`` (each model has its own) or ``key`` (all models share
    them), and the headers that tell them; none for the common names.
    """

    per: str = "endpoint"
    headers: tuple[LimitHeader, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One provider. ``base_url_env`` and ``key_env`` are environment variables, first one set wins.

    ``readers`` are declarative usage readers by call (see ``cost/usage.py``). ``evidence`` is ``recordings`` where
    the row was checked against recorded traffic, ``docs`` where only against documentation. ``local`` marks servers
    that users run themselves: no key needed, no price. ``hook`` names a module of this package, or any by its full
    name, which holds a dot. ``limits`` says how the vendor tells its limits. ``base_url`` may hold ``{region}``:
    the endpoint's, else the first one set of ``region_env``, else ``region``. ``prefill``: models here go on with
    an answer that the last turn begins; it holds the fields that such a turn needs.
    """

    id: str
    name: str
    base_url: str = ""
    aliases: tuple[str, ...] = ()
    base_url_env: tuple[str, ...] = ()
    key_env: tuple[str, ...] = ()
    auth: Auth = field(default_factory=Auth)
    headers: Mapping[str, str] = field(default_factory=dict)
    calls: Mapping[str, Call] = field(default_factory=dict)
    readers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    catalogue: str = ""
    evidence: str = "docs"
    docs: str = ""
    note: str = ""
    local: bool = False
    hook: str = ""
    region: str = ""
    region_env: tuple[str, ...] = ()
    prefill: Mapping[str, Any] | None = None
    limits: Limits = field(default_factory=Limits)


def parse_row(data: Mapping[str, Any], *, origin: str) -> Row:
    """A row from parsed TOML. Raises ConfigError naming ``origin`` and the key that is wrong, with the nearest one."""
    data = dict(data)
    calls = {name: _call(data, name, spec, origin) for name, spec in data.pop("calls", {}).items()}
    auth = _build(Auth, data.pop("auth", {}), f"{origin}: auth")
    for name in ("aliases", "base_url_env", "key_env", "region_env"):
        value = data.get(name, ())
        data[name] = (value,) if isinstance(value, str) else tuple(value)
    limits = _limits(data.pop("limits", {}), f"{origin}: limits")
    row: Row = _build(Row, {**data, "calls": calls, "auth": auth, "limits": limits}, origin)
    return row


def _limits(data: Mapping[str, Any], where: str) -> Limits:
    headers = tuple(_build(LimitHeader, spec, f"{where}.headers") for spec in data.get("headers", ()))
    limits: Limits = _build(Limits, {**data, "headers": headers}, where)
    for key, value, known in (("per", limits.per, ("endpoint", "key")), *(("of", h.of, DIMENSIONS) for h in headers)):
        if value not in known:
            raise ConfigError(f"{where}: {UnknownName(key, value, known)}", field=key)
    return limits


def _call(row: Mapping[str, Any], name: str, spec: Mapping[str, Any], origin: str) -> Call:
    usage = spec.get("usage") or (f"{row['id']}.{name}" if name in row.get("readers", {}) else spec.get("wire", ""))
    models = tuple(spec.get("models", ()))
    call: Call = _build(Call, {**spec, "usage": usage, "models": models}, f"{origin}: calls.{name}")
    return call


def _build(cls: Any, data: Mapping[str, Any], where: str) -> Any:
    known = [f.name for f in fields(cls)]
    for key in data:
        if key not in known:
            raise ConfigError(f"{where}: {UnknownName('key', key, known)}", field=key)
    try:
        return cls(**data)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from None


_registered: dict[str, Row] = {}


@lru_cache(maxsize=1)
def _index() -> dict[str, str]:
    """Every id and alias that a packaged row answers to -> the row's file name. Reads no row."""
    table: dict[str, str] = {}
    for entry in files(__package__).iterdir():
        if entry.name.endswith(".toml"):
            table[entry.name.removesuffix(".toml")] = entry.name
    return table


@lru_cache(maxsize=1)
def _aliases() -> dict[str, str]:
    return {alias: row_id for row_id in _index() for alias in _load(row_id).aliases}


@cache
def _load(row_id: str) -> Row:
    name = _index()[row_id]
    row = parse_row(tomllib.loads(files(__package__).joinpath(name).read_text("utf-8")), origin=f"providers/{name}")
    if row.id != row_id:
        raise ConfigError(f"providers/{name}: its id is {row.id!r}; the file must carry the same name", field="id")
    return row


def find(name: str) -> Row | None:
    """The row called ``name`` (id or alias), or None."""
    if name in _registered:
        return _registered[name]
    if name in _index():
        return _load(name)
    alias = _aliases().get(name)
    return _outside().get(name) if alias is None else _load(alias)


@lru_cache(maxsize=1)
def _outside() -> dict[str, Row]:
    """Rows found outside this package, by id and alias; of two with one name the first holds."""
    from modelmux.providers import _plugins  # here, for the programs that name only what is known

    table: dict[str, Row] = {}
    for row in _plugins.rows():
        for name in (row.id, *row.aliases):
            table.setdefault(name, row)
    return table


@cache
def _module(name: str) -> Any:
    return importlib.import_module(name if "." in name else f"{__package__}.{name}")


def hook(row: Row, function: str) -> Any:
    """That function of the row's hook; None where the row has no hook or its hook no such function."""
    return getattr(_module(row.hook), function, None) if row.hook else None


def get(name: str) -> Row:
    """The row called ``name`` (id or alias). Raises UnknownName with the nearest names."""
    row = find(name)
    if row is None:
        raise UnknownName("provider", name, names(), hint="any OpenAI-compatible server works with base_url=")
    return row


def names() -> list[str]:
    """Ids of all known providers, sorted."""
    return sorted({*_index(), *(row.id for table in (_registered, _outside()) for row in table.values())})


def register(row: Row) -> None:
    """Add a provider for this process, under its id and aliases."""
    for name in (row.id, *row.aliases):
        _registered[name] = row


def api_names() -> list[str]:
    """Every ``<provider>.<call>`` that a row maps to a wire."""
    rows = (get(name) for name in names())
    return [f"{row.id}.{call}" for row in rows for call, spec in row.calls.items() if spec.wire]
