"""``openai.chat.completions.create(…)``: a client behind the module, configured by the module's own variables."""

from __future__ import annotations

import sys
from typing import Any

from modelmux.openai._registry import PACKAGE, registry

_SETTINGS = {
    "api_key": None,
    "admin_api_key": None,
    "organization": None,
    "project": None,
    "webhook_secret": None,
    "base_url": None,
    "websocket_base_url": None,
    "timeout": None,
    "max_retries": 2,
    "default_headers": None,
    "default_query": None,
    "http_client": None,
    "api_type": None,
    "api_version": None,
    "azure_endpoint": None,
    "azure_ad_token": None,
    "azure_ad_token_provider": None,
}
_client: list[Any] = []


def look(name: str) -> tuple[Any] | None:
    """A setting's default, or a resource of the module's client, as a tuple of one; None for any other name."""
    if name == "timeout":
        from modelmux._dropin.timeouts import DEFAULT_TIMEOUT

        return (DEFAULT_TIMEOUT,)
    if name in _SETTINGS:
        return (_SETTINGS[name],)
    return (Proxy(name),) if name in registry.index["clients"]["OpenAI"] else None


class Proxy:
    """A resource of the client that the module's variables describe when it is used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(client(), self._name), name)

    def __repr__(self) -> str:
        return repr(getattr(client(), self._name))


def setting(name: str) -> Any:
    """A variable of the module as it stands now."""
    values = sys.modules[PACKAGE].__dict__
    if name in values:
        return values[name]
    return (look(name) or (None,))[0]


def client() -> Any:
    """The module's client; its options are read from the module's variables."""
    if not _client:
        _client.append(_make())
    made = _client[0]
    for name in ("max_retries", "timeout"):
        setattr(made, name, setting(name))
    for name in ("api_key", "organization", "project", "webhook_secret"):
        if setting(name) is not None:
            setattr(made, name, setting(name))
    if setting("base_url") is not None:
        made.base_url = setting("base_url")
    made._custom_headers = dict(setting("default_headers") or {})
    made._custom_query = dict(setting("default_query") or {})
    return made


def _make() -> Any:
    names = ("api_key", "organization", "project", "webhook_secret", "default_headers", "default_query", "http_client")
    options = {name: setting(name) for name in (*names, "timeout", "max_retries", "base_url")}
    import os

    kind = setting("api_type") or os.environ.get("OPENAI_API_TYPE")
    if kind == "azure" or (kind is None and (setting("azure_endpoint") or os.environ.get("AZURE_OPENAI_ENDPOINT"))):
        from modelmux.openai.lib.azure import AzureOpenAI

        azure = ("api_version", "azure_endpoint", "azure_ad_token", "azure_ad_token_provider")
        return AzureOpenAI(**{**options, **{name: setting(name) for name in azure}})
    from modelmux.openai._client import OpenAI

    return OpenAI(**options)


def reset() -> None:
    """Forget the module's client; the next use makes one anew."""
    _client.clear()
