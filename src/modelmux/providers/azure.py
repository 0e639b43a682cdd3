"""What the Azure rows cannot say: two generations of addresses, and Entra tokens beside keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from modelmux._http import HttpRequest
from modelmux.errors import MissingKey

if TYPE_CHECKING:
    from modelmux._secret import Secret
    from modelmux.endpoint import Target

NEW = "/openai/v1"
OLD = "/openai/deployments/"
TOKEN = "AZURE_OPENAI_AD_TOKEN"  # noqa: S105  # a variable's name

_OWN_HOSTS = re.compile(r"[a-z0-9-]+\.(openai|cognitiveservices|services\.ai)\.azure\.(com|us|cn)")
"""Where Azure serves models. Under ``azure.com`` alone stand its customers' machines too."""


def url(target: Target, stream: bool) -> str:
    """The address of a call. An address with ``?api-version=`` is one of the older generation, where the deployment
    stands in the path; users paste addresses with more of the path than the resource, too.
    """
    path = (target.call.stream_path or target.call.path) if stream else target.call.path
    address, _, query = target.base_url.partition("?")
    address = address.rstrip("/")
    if not path.startswith(NEW):
        return address + path
    resource = address.partition(OLD)[0].removesuffix(NEW).removesuffix("/openai")
    if not query:
        return resource + path
    # Only the calls that are older than the new addresses have the deployment in their path.
    operation = path.removeprefix(NEW)
    place = "/openai" if operation.startswith("/responses") else OLD + quote(target.model, safe="")
    return f"{resource}{place}{operation}?{query}"


def authorise(
    target: Target, key: Secret | None, request: HttpRequest, *, now: float, environ: Mapping[str, str]
) -> HttpRequest:
    """The key as Azure wants it, else the environment's Entra token. Raises MissingKey when there is neither."""
    del now
    if key is not None:
        return replace(request, headers={**request.headers, "api-key": key.reveal()})
    token = environ.get(TOKEN)
    if token and _ours(target, environ):
        return replace(request, headers={**request.headers, "authorization": f"Bearer {token}"})
    variables = " or ".join(target.row.key_env)
    raise MissingKey(
        f"{target.name} needs a key: set {variables} (or {TOKEN}) in the environment, or give Endpoint(..., api_key=)",
        field="api_key",
    )


def _ours(target: Target, environ: Mapping[str, str]) -> bool:
    """Whether the environment's token may go to this address: Azure's own, or one the environment names."""
    named = (environ[name].rstrip("/") for name in target.row.base_url_env if environ.get(name))
    return _OWN_HOSTS.fullmatch(urlsplit(target.base_url).hostname or "") is not None or target.base_url in named
