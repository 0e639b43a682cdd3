"""Which endpoints a request may go to: those it names, those that are configured, or the vendor it was meant for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from modelmux import catalogue, providers, wire
from modelmux._http import HttpRequest, origin_of
from modelmux._json import dumps
from modelmux._resolve import chat_call, resolve, split_name
from modelmux._secret import Secret
from modelmux._upstream import http_request, missing_key
from modelmux.endpoint import Endpoint
from modelmux.errors import ConfigError, InvalidRequest, MissingKey, ModelNotFound, PermissionDenied
from modelmux.routing.table import Fleet

if TYPE_CHECKING:
    from modelmux._front.values import FrontRequest
    from modelmux._mux import Mux
    from modelmux.endpoint import Target
    from modelmux.providers import Row
    from modelmux.wire import Wire
    from modelmux.wire._front import Operation

AUTO = "auto"

_KEY_HEADERS = ("x-api-key", "x-goog-api-key", "api-key")
_FLEETS = 256

_CHAT = frozenset({"chat"})

ANY = "openai_compatible"
"""The row of servers nobody knows, which speak the format that most do."""


@dataclass(slots=True, eq=False)
class Home:
    """The vendor that a request was meant for: its row, the address the client was given, the key the client sent."""

    row: Row
    base: str
    origin: str
    key: Secret | None


@dataclass(slots=True)
class Chosen:
    """The endpoints of a call. ``keys`` are by place, ``came`` is the request as it came, by the endpoint it was meant
    for; ``home`` tells that nobody routed it.
    """

    fleet: Fleet
    keys: dict[str, Secret] = field(default_factory=dict)
    came: dict[str, HttpRequest] = field(default_factory=dict)
    home: bool = False


@dataclass(slots=True)
class Sent:
    """A request that goes to one endpoint and is not routed: whose it is, and the user's own HTTP client for it."""

    row: Row
    model: str
    request: HttpRequest
    endpoint: str
    client: Any


def key_of(headers: Mapping[str, str], url: str) -> str | None:
    """The key that a client sent, in any of the ways that formats have; None without one."""
    said = headers.get("authorization", "")
    if said[:7].lower() == "bearer ":
        return said[7:].strip() or None
    for name in _KEY_HEADERS:
        if headers.get(name):
            return headers[name]
    if "key=" in url:
        return next(iter(parse_qs(urlsplit(url).query).get("key", ())), None)
    return None


@lru_cache(maxsize=512)
def _site(url: str) -> tuple[str, str]:
    """What stands before the path of an address, as written, and the origin. The query may hold a key: it is cut."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}", origin_of(url)


@lru_cache(maxsize=512)
def row_at(origin: str, wire_id: str) -> Row:
    """The provider at an address: the one whose own it is, else any server of the kind, else the format's owner."""
    same = [row for row in map(providers.get, providers.names()) if row.base_url and _origin(row.base_url) == origin]
    speaking = [row for row in same if any(call.wire == wire_id for call in row.calls.values())]
    if speaking or same:
        return (speaking or same)[0]
    owner = next((form.owner for form in wire.fronts() if form.wire == wire_id), ANY)
    general = providers.get(ANY)
    return general if any(call.wire == wire_id for call in general.calls.values()) else providers.get(owner)


def _origin(url: str) -> str:
    try:
        return origin_of(url)
    except ValueError:  # an address with {region} in it
        return ""


@lru_cache(maxsize=64)
def names_with_slash(row_id: str) -> bool:
    """Whether a provider's own model names may hold a slash, so that one says nothing of another provider. They may on
    servers whose names nobody knows.
    """
    row = providers.get(row_id)
    models = {} if row.local else catalogue.load(row.catalogue or row.id)
    return not models or any("/" in name and "chat" in model.abilities for name, model in models.items())


class Places:
    """Chooses endpoints for one Mux."""

    def __init__(self, mux: Mux) -> None:
        self._mux = mux
        self._fleets: dict[Any, Fleet] = {}

    def home(self, request: FrontRequest, op: Operation) -> Home:
        """Where a direct request was meant to go."""
        site, origin = _site(request.url.partition("?")[0])
        key = key_of(request.headers, request.url)
        return Home(row_at(origin, op.format.wire), site + op.base, origin, Secret(key) if key else None)

    def choose(
        self,
        op: Operation,
        home: Home | None,
        model: str | None,
        names: Sequence[str] | None,
        came: HttpRequest,
        allowed: Sequence[str] | None,
    ) -> Chosen:
        """The endpoints for ``model``, or for ``names`` instead. Raises what names nobody knows and missing keys call
        for, PermissionDenied where the request may not use a model.
        """
        if not names:
            if not model:
                raise InvalidRequest("model is missing: name one, or 'auto'", field="model")
            if home is not None and not self.routed(model, home):
                _permit(model, (model,), allowed)
                return self._at_home(op, home, model, came)
            names = () if model == AUTO else (model,)
        return self._routed(op, home, tuple(names), allowed)

    def routed(self, model: str, home: Home) -> bool:
        """Whether a name is for modelmux to route; else it is the vendor's own affair."""
        if model == AUTO or self.configured(model):
            return True
        prefix, found, rest = model.partition("/")
        return bool(found and rest) and providers.find(prefix) is not None and not names_with_slash(home.row.id)

    def configured(self, model: str) -> bool:
        return model in self._configured

    @cached_property
    def _configured(self) -> frozenset[str]:
        """All names of the endpoints that the Mux was given."""
        chosen = self._mux._chosen or ()
        return frozenset(name for target in chosen for name in _names_of(target))

    def targets(
        self, names: Sequence[str], allowed: Sequence[str] | None = None, *, known: bool = False
    ) -> tuple[Target, ...]:
        """Endpoints by name, all for none. ``known``: of what the Mux was given only, where it was given anything.
        Raises UnknownName, ModelNotFound, PermissionDenied.
        """
        mux = self._mux
        if known and mux._chosen is not None:
            for name in names:
                if not self.configured(name):
                    raise _nowhere(name)
        found = mux._named(names) if names else mux._all()
        if allowed is None:
            return tuple(found)
        kept = tuple(target for target in found if _matches(_names_of(target), allowed))
        if not kept:
            raise PermissionDenied(f"this key may use none of {', '.join(names) or 'the models'}", param="model")
        return kept

    def sent_to(
        self, name: str, op: Operation, body: Mapping[str, Any], allowed: Sequence[str] | None, *, known: bool
    ) -> Sent:
        """The request for a model in a format that is not routed, with the Mux's own key: to the endpoint of that name,
        else to the provider in the name ``provider/model``. ``known`` as for :meth:`targets`. Raises UnknownName,
        ModelNotFound, MissingKey, PermissionDenied.
        """
        mux = self._mux
        target = next((target for target in mux._chosen or () if name in _names_of(target)), None)
        if target is not None:
            _permit(name, _names_of(target), allowed)
            at = replace(target, call=replace(target.call, path=op.rest, stream_path=None))
            made = http_request(at, {**body, "model": target.model}, stream=False)
            client = mux._http_client if target.http_client is None else target.http_client
            return Sent(target.row, target.model, made, target.name, client)
        if known and mux._chosen is not None:
            raise _nowhere(name)
        row, model = split_name(name, mux._where)
        _permit(name, (name, f"{row.id}/{model}", model), allowed)
        key = mux._where.key(row)
        if key is None and not row.auth.optional:
            variables = " or ".join(row.key_env)
            raise MissingKey(f"{name} needs a key: set {variables}", field="api_key")
        headers = {"content-type": "application/json", "accept": "application/json", **row.headers}
        if key is not None:
            plain = row.auth.scheme == "header"
            headers[row.auth.name if plain else "authorization"] = key if plain else f"Bearer {key}"
        url = mux._where.base_url(row).rstrip("/") + op.rest
        made = HttpRequest("POST", url, headers, dumps({**body, "model": model}))
        return Sent(row, model, made, f"{row.id}/{model}", mux._http_client)

    # --- inside ---

    def _at_home(self, op: Operation, home: Home, model: str, came: HttpRequest) -> Chosen:
        place = (op.format.wire, home.row.id, home.base, model, home.key)
        fleet = self._fleets.get(place)
        if fleet is None:
            fleet = self._keep(place, self._mux._own((_home_target(self._mux, op, home, model),)))
        return Chosen(fleet, came={fleet.names[0]: came}, home=True)

    def _routed(
        self, op: Operation, home: Home | None, names: tuple[str, ...], allowed: Sequence[str] | None
    ) -> Chosen:
        theirs = None if home is None or home.key is None else (home.row.id, home.origin)
        place = (op.format.wire, names, theirs, None if allowed is None else tuple(allowed))
        fleet = self._fleets.get(place)
        if fleet is None:
            targets = self.targets(names, allowed, known=home is None)
            usable = [target for target in targets if _has_key(target) or (target.provider, target.origin) == theirs]
            if not usable:
                if targets:
                    raise missing_key(targets[0])
                raise ConfigError(
                    "no models: give the Mux models= with their keys, or set a vendor's key", field="models"
                )
            fleet = self._keep(place, [_spoken(target, op.format.wire) for target in usable])
        keys = {}
        if (
            home is not None
            and home.key is not None
            and any(target.key is None and (target.provider, target.origin) == theirs for target in fleet.targets)
        ):
            keys[f"{home.row.id} at {home.origin}"] = home.key
        return Chosen(fleet, keys)

    def _keep(self, place: Any, targets: Sequence[Target]) -> Fleet:
        fleet = Fleet(targets, learned=self._mux._learned)
        self._mux._state.know(targets)
        if len(self._fleets) >= _FLEETS:
            self._fleets.clear()
        self._fleets[place] = fleet
        return fleet


def _home_target(mux: Mux, op: Operation, home: Home, model: str) -> Target:
    """The vendor that the client meant, as an endpoint: in the format and with the key of the request."""
    row = home.row
    key = None if home.key is None else home.key.reveal()
    name = f"{row.id}/{model}"
    own = mux._where.base_url(row)
    if not own or origin_of(own) != home.origin:
        name += f" at {home.origin.partition('://')[2]}"
    target = resolve(
        Endpoint(f"{row.id}/{model}", base_url=home.base or home.origin, api_key=key, name=name), mux._where
    )
    if target.key is None:
        # Whatever proves who sends it is in headers that go along as they came.
        target = replace(target, row=replace(target.row, auth=replace(target.row.auth, optional=True)))
    if target.info is not None:
        # What the model can do, its vendor shall say; of what is known here only the prices are needed.
        known = replace(target.info, abilities=_CHAT, context=None, max_input=None, max_output=None, retired=None)
        target = replace(target, info=known)
    codec, call = _codec(row, op.format.wire)
    return replace(target, codec=codec, call=call)


def _codec(row: Row, wire_id: str) -> tuple[Wire, Any]:
    """The codec of a wire in a provider's dialect, else as its owner speaks it; and the call."""
    for name, call in row.calls.items():
        if call.wire == wire_id:
            return wire.get(f"{row.id}.{name}"), call
    owner = next(form.owner for form in wire.fronts() if form.wire == wire_id)
    call = next(call for call in providers.get(owner).calls.values() if call.wire == wire_id)
    return wire.get(wire_id), call


def codec_for(home: Home | None, op: Operation) -> Wire:
    """The codec that reads a request's body: in the dialect of the vendor that it was meant for."""
    return wire.get(op.format.wire) if home is None else _codec(home.row, op.format.wire)[0]


def _spoken(target: Target, wire_id: str) -> Target:
    """The endpoint, spoken to in the front's own format where its provider has that for this model."""
    row = target.row
    if target.codec.id == wire_id or row.id == ANY or row.calls[chat_call(row, target.model)].models:
        return target
    for name, call in target.row.calls.items():
        if call.wire == wire_id and not call.models:
            return replace(target, codec=wire.get(f"{target.row.id}.{name}"), call=call)
    return target


def _has_key(target: Target) -> bool:
    auth = target.row.auth
    return target.key is not None or auth.optional or auth.scheme == "none"


def _names_of(target: Target) -> tuple[str, str, str]:
    """What an endpoint answers to."""
    return target.name, f"{target.provider}/{target.model}", target.model


def _nowhere(name: str) -> ModelNotFound:
    return ModelNotFound(f"there is no model {name!r} here", param="model")


def _permit(name: str, names: Iterable[str], allowed: Sequence[str] | None) -> None:
    if allowed is not None and not _matches(names, allowed):
        raise PermissionDenied(f"this key may not use {name!r}", param="model")


def _matches(names: Iterable[str], patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)
