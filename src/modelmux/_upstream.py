"""From an encoded body to the HTTP request that carries it: address, headers, authorisation."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from modelmux import _clean as clean
from modelmux import providers
from modelmux._http import HttpRequest, origin_of
from modelmux._json import dumps
from modelmux._secret import Hidden, Secret
from modelmux.errors import ConfigError, MissingKey

if TYPE_CHECKING:
    from modelmux.endpoint import Target
    from modelmux.providers import Row
    from modelmux.types import Source

USER_AGENT = "modelmux"


def http_request(
    target: Target,
    body: Mapping[str, Any],
    *,
    stream: bool,
    keys: Mapping[str, Secret] | None = None,
    now: float | None = None,
    token: Secret | None = None,
    beside: Mapping[str, str] | None = None,
) -> HttpRequest:
    """The request for one attempt. ``keys`` are a caller's own, by :func:`place`; ``now`` (seconds since the epoch, the
    system's by default) dates a signature; ``token`` stands in for the key; ``beside`` are headers to add. Raises
    MissingKey.
    """
    url = (providers.hook(target.row, "url") or _url)(target, stream)
    headers = Hidden(
        {
            "content-type": "application/json",
            "accept": "text/event-stream" if stream else "application/json",
            "user-agent": USER_AGENT,
            **target.call.headers,
            **target.row.headers,
            **(beside or {}),
        }
    )
    key = token or key_for(target, keys)
    if target.row.auth.scheme == "hook":
        request = HttpRequest("POST", url, headers, dumps(body))
        authorise = providers.hook(target.row, "authorise")
        signed: HttpRequest = authorise(
            target, key, request, now=time.time() if now is None else now, environ=os.environ
        )
        return signed
    return HttpRequest("POST", _authorise(target, key, url, headers), headers, dumps(body))


def as_it_came(came: HttpRequest, body: Mapping[str, Any], source: Source | None) -> HttpRequest:
    """A request as its maker wrote it, to where it was meant to go; with another body only where that was changed."""
    if source is not None and body == source.body:
        return came
    return HttpRequest(came.method, came.url, came.headers, dumps(body))


def _url(target: Target, stream: bool) -> str:
    call = target.call
    path = (call.stream_path or call.path) if stream else call.path
    if "{model}" in path:
        path = path.replace("{model}", quote(target.model, safe="/@"))
    address, mark, query = target.base_url.partition("?")
    # An address with a query keeps it behind the path, where a gateway's users put it.
    return address.rstrip("/") + path + (("&" if "?" in path else mark) + query if query else "")


def key_for(target: Target, keys: Mapping[str, Secret] | None) -> Secret | None:
    """The key an attempt at this endpoint uses. Raises MissingKey where one is needed and there is none."""
    key = (keys or {}).get(place(target)) or target.key
    if key is None and not (target.row.auth.optional or target.row.auth.scheme == "none"):
        raise missing_key(target)
    return key


def place(target: Target) -> str:
    """What a key is bound to: a provider at an origin. It is sent nowhere else."""
    return f"{target.provider} at {target.origin}"


def bound_keys(keys: Mapping[str, str], targets: Sequence[Target], home: Callable[[Row], str]) -> dict[str, Secret]:
    """A caller's own keys, given by provider, each bound to one place: the provider's own address (``home`` tells it),
    else the only one that the call's endpoints have for that provider. Raises UnknownName for a provider nobody
    knows, ConfigError when it is not clear where a key belongs.
    """
    bound: dict[str, Secret] = {}
    for name in keys:
        row = providers.get(name)
        key = clean.key(Secret(keys[name]), f"keys.{name}")
        origins = {target.origin for target in targets if target.provider == row.id}
        own = home(row)
        chosen = {origin_of(own)} & origins if own else set()
        if not chosen and len(origins) > 1:
            raise ConfigError(
                f"keys={{{name!r}: …}}: the endpoints of {row.id} have several addresses, none of them its own; "
                "give each Endpoint its api_key= instead",
                field="keys",
            )
        for origin in chosen or origins:
            bound[f"{row.id} at {origin}"] = key
    return bound


def missing_key(target: Target) -> MissingKey:
    variables = " or ".join(target.row.key_env)
    places = [f"set {variables} in the environment"] if variables else []
    places += ["give Endpoint(..., api_key=)", f"or pass keys={{{target.provider!r}: ...}} with the call"]
    return MissingKey(f"{target.name} needs a key: {', '.join(places)}", field="api_key")


def _authorise(target: Target, key: Secret | None, url: str, headers: dict[str, str]) -> str:
    """Put the key where this provider wants it: a header, or the query (the returned URL)."""
    auth = target.row.auth
    if key is None or auth.scheme == "none":
        return url
    if auth.scheme == "query":
        return f"{url}{'&' if '?' in url else '?'}{auth.name}={quote(key.reveal(), safe='')}"
    if auth.scheme == "header":
        headers[auth.name] = key.reveal()
    else:
        headers["authorization"] = f"Bearer {key.reveal()}"
    return url
