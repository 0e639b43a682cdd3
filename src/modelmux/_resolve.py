"""From what the user names to targets: which provider, which model, which key, which address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from modelmux import _clean as clean
from modelmux import catalogue, providers, wire
from modelmux._http import origin_of
from modelmux._secret import Hidden, Secret
from modelmux.cost import terms
from modelmux.endpoint import Endpoint, Target
from modelmux.errors import ConfigError, UnknownName
from modelmux.providers import Row

Spec = str | Endpoint

_COMPATIBLE = "openai_compatible"


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """What the user set for a provider. ``headers`` are added to every request to it.

    ``price`` is what all its models cost, or a mapping of model to price; ``discount`` the factor on the catalogue's
    rates for the others; ``exchange`` the rates by which other currencies are compared (:mod:`modelmux.cost.terms`).
    ``api_keys`` are several keys, each an endpoint of its own; ``rpm``, ``tpm``, ``itpm``, ``otpm`` and
    ``concurrency`` what each of its keys may do, over all models. Raises ConfigError for what makes no sense.
    """

    api_key: str | Sequence[str] | None = field(default=None, repr=False)
    api_keys: Sequence[str] = field(default=(), repr=False)
    base_url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    price: Mapping[str, Any] | None = None
    discount: str | float | None = None
    exchange: Mapping[str, Any] | None = None
    rpm: int | None = None
    tpm: int | None = None
    itpm: int | None = None
    otpm: int | None = None
    concurrency: int | None = None

    def __post_init__(self) -> None:
        terms.check({"price": self.price, "discount": self.discount, "exchange": self.exchange})
        _limits(self, "a provider's")
        _keys(self.api_key, "api_key")
        if isinstance(self.api_keys, str):
            raise ConfigError("api_keys= is one string: give a list of keys, or api_key=", field="api_keys")
        _keys(self.api_keys or None, "api_keys")

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key, each once."""
        return tuple(dict.fromkeys((*_keys(self.api_key, "api_key"), *self.api_keys)))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where keys and addresses are looked up: the user's settings first, then the environment."""

    settings: Mapping[str, ProviderSettings] = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)

    def of(self, row: Row) -> ProviderSettings:
        names = (row.id, *row.aliases)
        return next((self.settings[name] for name in names if name in self.settings), ProviderSettings())

    def keys(self, row: Row) -> tuple[str, ...]:
        """The provider's keys. An empty variable counts as unset, as in the vendors' own SDKs.

        The environment's goes to the address that the environment or the provider's row names, not to one of the
        user's settings: a key for that is set beside it.
        """
        settings = self.of(row)
        if settings.keys:
            return settings.keys
        if settings.base_url:
            home = Surroundings({}, self.environ).base_url(row)
            if not home or origin_of(home) != origin_of(settings.base_url):
                return ()
        found = self._first(row.key_env)
        return (found,) if found else ()

    def key(self, row: Row) -> str | None:
        """The provider's key, the first of several."""
        return next(iter(self.keys(row)), None)

    def base_url(self, row: Row, region: str | None = None) -> str:
        """The provider's address; in ``region`` where it has one for each."""
        given = self.of(row).base_url or self._first(row.base_url_env)
        if not given and (address := providers.hook(row, "address")) is not None:
            given = str(address(row, self.environ, region or self.region(row)))
        given = given or row.base_url
        return given.replace("{region}", region or self.region(row))

    def region(self, row: Row) -> str:
        """The region that the environment names, else the provider's first; empty where it has none."""
        return self._first(row.region_env) or row.region

    def configured(self) -> list[Row]:
        """Providers that have a key here, in the order the user set them, then by id."""
        rows = [providers.get(name) for name in self.settings]
        rows += [row for row in map(providers.get, providers.names()) if self._first(row.key_env)]
        return list({row.id: row for row in rows}.values())

    def _first(self, variables: Sequence[str]) -> str | None:
        return next((self.environ[name] for name in variables if self.environ.get(name)), None)


def resolve(spec: Spec, where: Surroundings, *, group: int = 0) -> Target:
    """One target; of several keys the first one's. Raises as :func:`resolve_each` does."""
    return resolve_each(spec, where, group=group)[0]


def resolve_each(spec: Spec, where: Surroundings, *, group: int = 0) -> tuple[Target, ...]:
    """What ``spec`` names: one target, or one for each of several keys. Raises UnknownName for a model or provider
    nobody knows, ConfigError for a missing address or a limit that makes no sense.
    """
    endpoint = Endpoint(spec) if isinstance(spec, str) else spec
    row, model = split_name(endpoint.model, where, has_address=endpoint.base_url is not None)
    call_name = chat_call(row, model, endpoint.call)
    if endpoint.region:
        clean.region(endpoint.region)
    base_url = (endpoint.base_url or where.base_url(row, endpoint.region)).rstrip("/")
    if not base_url.startswith(("http://", "https://")):
        raise ConfigError(
            f"{endpoint.model}: provider {row.id!r} needs an address: Endpoint({endpoint.model!r}, base_url='https://…')",
            field="base_url",
        )
    clean.address(base_url)
    if row.hook or "{model}" in row.calls[call_name].path:
        clean.path_model(model)
    # A key belongs to its provider's own address, and so do headers: one the endpoint brings along inherits neither.
    own = endpoint.base_url is None
    keys = tuple(map(Secret, _keys(endpoint.api_key, "api_key") or (where.keys(row) if own else ())))
    for key in keys:
        clean.key(key, "api_key")
    settings = where.of(row)
    if settings.headers and (own or origin_of(base_url) == origin_of(where.base_url(row, endpoint.region))):
        beside = clean.headers(settings.headers, f"providers.{row.id}.headers")
        row = replace(row, headers=Hidden({**row.headers, **beside}))
    info = catalogue.find(row.catalogue or row.id, model)
    first = Target(
        name=endpoint.name or f"{row.id}/{model}" + (f"@{endpoint.region}" if endpoint.region else ""),
        row=row,
        model=model,
        call=row.calls[call_name],
        codec=wire.get(f"{row.id}.{call_name}"),
        base_url=base_url,
        origin=origin_of(base_url),
        key=keys[0] if keys else None,
        info=info,
        region=endpoint.region or where.region(row) or None,
        price=terms.agreed(
            endpoint.price,
            names=(model,) if info is None else (model, info.id),
            provider_price=settings.price,
            discount=settings.discount,
            exchange=settings.exchange,
        ),
        **_limits(endpoint, f"{endpoint.model}:"),
        # What a provider's keys may do is no other server's limit.
        key_limits=_limits(settings, "a provider's") if endpoint.base_url is None else {},
        weight=endpoint.weight,
        tags=dict(endpoint.tags or {}),
        group=group,
        http_client=endpoint.http_client,
    )
    return first, *(replace(first, key=key) for key in keys[1:])


def _keys(given: Any, name: str) -> tuple[str, ...]:
    """One key or several, each once. Raises ConfigError, which never holds them."""
    if given is None or given == "":
        return ()
    held = tuple(map(Secret, (given,) if isinstance(given, str) else given if isinstance(given, (list, tuple)) else ()))
    del given  # a traceback may show this frame
    if not held or not all(key.reveal() for key in held):
        raise ConfigError(f"{name}= is neither a key nor a list of keys", field=name)
    for key in held:
        clean.key(key, name)
    return tuple(dict.fromkeys(key.reveal() for key in held))


_LIMITS = ("rpm", "tpm", "itpm", "otpm", "concurrency")


def _limits(given: Any, whose: str) -> dict[str, int]:
    """The limits that are set. Raises ConfigError for one that is no whole number above 0."""
    limits = {name: value for name in _LIMITS if (value := getattr(given, name)) is not None}
    for name, value in limits.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ConfigError(f"{whose} {name}={value!r}: give a whole number above 0", field=name)
    return limits


def split_name(name: str, where: Surroundings, *, has_address: bool = False) -> tuple[Row, str]:
    """``provider/model`` or ``provider:model`` apart; a bare model name goes to the one provider that serves it."""
    if not isinstance(name, str) or not name.strip() or any(ord(char) < 32 or ord(char) == 127 for char in name):
        raise ConfigError(f"{name!r} is no model name: give 'provider/model'", field="model")
    for separator in ("/", ":"):
        prefix, found, model = name.partition(separator)
        if found and model and (row := providers.find(prefix)) is not None:
            return row, model
    if has_address:
        return providers.get(_COMPATIBLE), name
    rows = [row for row in where.configured() if catalogue.find(row.catalogue or row.id, name)]
    if len(rows) == 1:
        return rows[0], name
    if rows:
        served = ", ".join(f"{row.id}/{name}" for row in rows)
        raise ConfigError(f"{name!r} is served by several configured providers; say which: {served}", field="model")
    raise _unknown_model(name, where)


def _unknown_model(name: str, where: Surroundings) -> UnknownName:
    known = [f"{row.id}/{model}" for row in where.configured() for model in catalogue.load(row.catalogue or row.id)]
    known += [full.partition("/")[2] for full in known]
    prefix, _, model = name.partition("/")
    for near in UnknownName("provider", prefix, providers.names()).nearest if model else ():
        if catalogue.find(providers.get(near).catalogue or near, model) is not None:
            known.append(f"{near}/{model}")
    return UnknownName(
        "model", name, dict.fromkeys(known), hint="name it 'provider/model', or give Endpoint(..., base_url=)"
    )


def chat_call(row: Row, model: str, wanted: str | None = None) -> str:
    """The name of the row's call that speaks a chat wire to ``model``: the one ``wanted``, else the one that names the
    model's like, else the first. Raises ConfigError when there is none, UnknownName for another than the row has.
    """
    spoken = {name: call for name, call in row.calls.items() if call.wire}
    if wanted is not None:
        if wanted not in spoken:
            raise UnknownName(f"chat call of {row.id}", wanted, spoken, hint=f"it has {', '.join(spoken) or 'none'}")
        return wanted
    special = next((name for name, call in spoken.items() if call.models and model.startswith(call.models)), None)
    name = special or next((name for name, call in spoken.items() if not call.models), None)
    if name is None:
        raise ConfigError(f"provider {row.id!r} has no chat call yet", field="provider")
    return name


def resolve_all(models: Sequence[Any] | str | Endpoint, where: Surroundings) -> tuple[Target, ...]:
    """Every target of ``models=``: names, Endpoints, and lists of them as groups of equals. Names are made unique."""
    if isinstance(models, (str, Endpoint)):
        models = [models]
    targets: list[Target] = []
    for group, item in enumerate(models):
        for spec in item if isinstance(item, (list, tuple)) else [item]:
            if not isinstance(spec, (str, Endpoint)):
                raise ConfigError(
                    f"models[{group}] is a {type(spec).__name__}; give names, Endpoints, or lists of them",
                    field=f"models[{group}]",
                )
            targets += resolve_each(spec, where, group=group)
    if not targets:
        raise ConfigError("models= is empty: name models, or leave it out for all that have a key", field="models")
    return unique(targets)


def everything(where: Surroundings, today: str) -> tuple[Target, ...]:
    """Every chat model that the catalogue lists for the configured providers; those past their end ``today`` (ISO 8601)
    are left out.

    So are providers whose key is there and whose address is not (many a variable is set for other tools), and second
    routes to what a provider of the same key serves natively.
    """
    rows = [row for row in where.configured() if where.base_url(row) and any(call.wire for call in row.calls.values())]
    native = {row.id: set(row.key_env) for row in rows}
    return unique(
        target
        for row in rows
        if row.id in where.settings or not native.get(row.catalogue, set()) & set(row.key_env)
        for model in catalogue.load(row.catalogue or row.id).values()
        if "chat" in model.abilities and not _past(model.retired, today) and not _past(model.deprecated, today)
        for target in resolve_each(f"{row.id}/{model.id}", where)
    )


def _past(end: str | None, today: str) -> bool:
    return end is not None and end <= today


def unique(targets: Any) -> tuple[Target, ...]:
    """The same targets with no two names alike: a second ``openai/gpt`` becomes ``openai/gpt#2``."""
    counts: dict[str, int] = {}
    out = []
    for target in targets:
        count = counts[target.name] = counts.get(target.name, 0) + 1
        out.append(target if count == 1 else replace(target, name=f"{target.name}#{count}"))
    return tuple(out)
