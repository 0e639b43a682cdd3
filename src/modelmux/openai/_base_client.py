"""Defaults and HTTP clients, under the vendor's path."""

from __future__ import annotations

import importlib
from typing import Any

from modelmux._dropin import headers, timeouts
from modelmux._dropin.client import AsyncClient as AsyncAPIClient
from modelmux._dropin.client import Client as BaseClient
from modelmux._dropin.client import SyncClient as SyncAPIClient
from modelmux._dropin.families import family
from modelmux._dropin.options import RequestOptions as FinalRequestOptions
from modelmux._dropin.options import make_request_options
from modelmux._dropin.pages import AsyncPaginator, PageInfo
from modelmux._dropin.pages import Page as BasePage

DEFAULT_MAX_RETRIES = 2


class OtherPlatform:
    """A system that the vendors' list does not have."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return f"Other:{self.name}"


def get_platform() -> Any:
    """The system's name, as it is told in headers."""
    name: str = headers.system()
    return OtherPlatform(name.removeprefix("Other:")) if name.startswith("Other:") else name


def _timeout() -> Any:
    return family().Timeout(timeout=600, connect=5.0)


def _limits() -> Any:
    return family().Limits(max_connections=1000, max_keepalive_connections=100)


def _http_client(name: str, kind: str, package: str | None) -> Any:
    """A subclass of an HTTP family's client with the vendor's defaults."""
    module = family() if package is None else importlib.import_module(package)

    parent: Any = getattr(module, kind)

    def begin(self: Any, **options: Any) -> None:
        limits = module.Limits(max_connections=1000, max_keepalive_connections=100)
        timeout = module.Timeout(timeout=600, connect=5.0)
        parent.__init__(self, **{"timeout": timeout, "limits": limits, "follow_redirects": True, **options})

    return type(name, (parent,), {"__init__": begin, "__module__": __name__})


_MADE = {
    "DEFAULT_TIMEOUT": _timeout,
    "DEFAULT_CONNECTION_LIMITS": _limits,
    "Timeout": lambda: family().Timeout,
    "HTTPX_DEFAULT_TIMEOUT": lambda: family().Timeout(5.0),
    "DefaultHttpxClient": lambda: _http_client("DefaultHttpxClient", "Client", None),
    "DefaultAsyncHttpxClient": lambda: _http_client("DefaultAsyncHttpxClient", "AsyncClient", None),
    "DefaultHttpx2Client": lambda: _http_client("DefaultHttpx2Client", "Client", "httpx2"),
    "DefaultAsyncHttpx2Client": lambda: _http_client("DefaultAsyncHttpx2Client", "AsyncClient", "httpx2"),
    "DefaultAioHttpClient": lambda: _http_client("DefaultAioHttpClient", "AsyncClient", None),
}


def __getattr__(name: str) -> Any:
    make: Any = _MADE.get(name)
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
    "timeouts",
]
