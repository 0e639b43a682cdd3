"""Defaults and HTTP clients, under the vendor's path."""

from __future__ import annotations

from typing import Any

from modelmux._dropin.client import AsyncClient as AsyncAPIClient
from modelmux._dropin.client import Client as BaseClient
from modelmux._dropin.client import SyncClient as SyncAPIClient
from modelmux._dropin.families import family
from modelmux._dropin.options import RequestOptions as FinalRequestOptions
from modelmux._dropin.options import make_request_options
from modelmux._dropin.pages import AsyncPaginator, PageInfo
from modelmux._dropin.pages import Page as BasePage

DEFAULT_MAX_RETRIES = 2


def _http_client(name: str, kind: str) -> Any:
    """A subclass of the HTTP family's client with the vendor's defaults."""
    module = family()

    class Default(getattr(module, kind)):  # type: ignore[misc]  # the family is known at run time
        def __init__(self, **options: Any) -> None:
            limits = module.Limits(max_connections=1000, max_keepalive_connections=100)
            timeout = module.Timeout(timeout=600, connect=5.0)
            super().__init__(**{"timeout": timeout, "limits": limits, "follow_redirects": True, **options})

    Default.__name__ = Default.__qualname__ = name
    return Default


_MADE = {
    "DEFAULT_TIMEOUT": lambda: family().Timeout(timeout=600, connect=5.0),
    "DEFAULT_CONNECTION_LIMITS": lambda: family().Limits(max_connections=1000, max_keepalive_connections=100),
    "Timeout": lambda: family().Timeout,
    "HTTPX_DEFAULT_TIMEOUT": lambda: family().Timeout(5.0),
    "DefaultHttpxClient": lambda: _http_client("DefaultHttpxClient", "Client"),
    "DefaultAsyncHttpxClient": lambda: _http_client("DefaultAsyncHttpxClient", "AsyncClient"),
    "DefaultAioHttpClient": lambda: _http_client("DefaultAioHttpClient", "AsyncClient"),
}


def __getattr__(name: str) -> Any:
    make = _MADE.get(name)
    if make is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = make()
    globals()[name] = value
    return value


__all__ = [
    "AsyncAPIClient",
    "AsyncPaginator",
    "BaseClient",
    "BasePage",
    "FinalRequestOptions",
    "PageInfo",
    "SyncAPIClient",
    "make_request_options",
]
