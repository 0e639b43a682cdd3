"""What Vertex's row cannot say: projects and locations in the address, and tokens where there is no key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from modelmux import _google_auth
from modelmux._http import HttpRequest
from modelmux.errors import MissingKey

if TYPE_CHECKING:
    from modelmux._credentials import TokenSource
    from modelmux._secret import Secret
    from modelmux.endpoint import Target
    from modelmux.providers import Row

PROJECT = ("GOOGLE_CLOUD_PROJECT", "GOOGLE_VERTEX_PROJECT", "VERTEXAI_PROJECT")
EXPRESS_KEY = "VERTEX_API_KEY"

_HOSTS = {"global": "aiplatform.googleapis.com"}
"""Locations whose host is not named as those of regions are."""

_MULTI_REGIONS = ("us", "eu")

_OWN_HOSTS = re.compile(r"([a-z0-9-]+-)?aiplatform(\.[a-z0-9-]+\.rep)?(\.mtls)?\.googleapis\.com")


def address(row: Row, environ: Mapping[str, str], region: str) -> str:
    """The project's address, where the environment names a project and holds no key of the express mode."""
    del row
    project = next((environ[name] for name in PROJECT if environ.get(name)), "")
    if not project or environ.get(EXPRESS_KEY):
        return ""
    usual = f"aiplatform.{region}.rep.googleapis.com" if region in _MULTI_REGIONS else f"{region}-{_HOSTS['global']}"
    host = _HOSTS.get(region, usual)
    return f"https://{host}/v1/projects/{quote(project, safe=':')}/locations/{quote(region, safe='')}"


def token_source(target: Target, key: Secret | None, environ: Mapping[str, str]) -> TokenSource | None:
    """Where a project's token comes from when none is given. The environment's credentials go to Google only, or to
    the address that the environment names.
    """
    if key is not None or not _in_project(target):
        return None
    named = (environ[name].rstrip("/") for name in target.row.base_url_env if environ.get(name))
    host = urlsplit(target.base_url).hostname or ""
    if not _OWN_HOSTS.fullmatch(host) and target.base_url not in named:
        return None
    return _google_auth.source(environ)


def authorise(
    target: Target, key: Secret | None, request: HttpRequest, *, now: float, environ: Mapping[str, str]
) -> HttpRequest:
    """A token on a project's address (an API key is refused there), a key on that of the express mode. Raises
    MissingKey when there is none.
    """
    del now, environ
    if key is None:
        raise MissingKey(
            f"{target.name} needs a key: set {EXPRESS_KEY}; or {PROJECT[0]}, and VERTEX_ACCESS_TOKEN or Google's "
            "application default credentials; or give Endpoint(..., api_key=)",
            field="api_key",
        )
    name, value = ("authorization", "Bearer ") if _in_project(target) else ("x-goog-api-key", "")
    return replace(request, headers={**request.headers, name: value + key.reveal()})


def _in_project(target: Target) -> bool:
    return "/projects/" in target.base_url
