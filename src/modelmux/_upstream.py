"""From an encoded body to the HTTP request that carries it: address, headers, authorisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from modelmux._http import HttpRequest
from modelmux._json import dumps
from modelmux.errors import MissingKey

if TYPE_CHECKING:
    from modelmux._secret import Secret
    from modelmux.endpoint import Target

USER_AGENT = "modelmux"


def http_request(
    target: Target, body: Mapping[str, Any], *, stream: bool, keys: Mapping[str, Secret] | None = None
) -> HttpRequest:
    """The request for one attempt. ``keys`` are a caller's own, by provider id. Raises MissingKey."""
    call = target.call
    path = (call.stream_path or call.path) if stream else call.path
    if "{model}" in path:
        path = path.replace("{model}", quote(target.model, safe="/"))
    url = target.base_url + path
    headers = {
        "content-type": "application/json",
        "accept": "text/event-stream" if stream else "application/json",
        "user-agent": USER_AGENT,
        **target.row.headers,
    }
    url = _authorise(target, key_for(target, keys), url, headers)
    return HttpRequest("POST", url, headers, dumps(body))


def key_for(target: Target, keys: Mapping[str, Secret] | None) -> Secret | None:
    """The key an attempt at this endpoint uses. Raises MissingKey where one is needed and there is none."""
    key = (keys or {}).get(target.provider) or target.key
    if key is None and not (target.row.auth.optional or target.row.auth.scheme == "none"):
        raise missing_key(target)
    return key


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
