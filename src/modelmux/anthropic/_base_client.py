"""Defaults and HTTP clients, under the vendor's path."""

from __future__ import annotations

from typing import Any

from modelmux._dropin import families
from modelmux._dropin.client import AsyncClient as AsyncAPIClient
from modelmux._dropin.client import Client as BaseClient
from modelmux._dropin.client import SyncClient as SyncAPIClient
from modelmux._dropin.options import RequestOptions as FinalRequestOptions
from modelmux._dropin.options import make_request_options
from modelmux._dropin.pages import AsyncPaginator, PageInfo
from modelmux._dropin.pages import Page as BasePage

DEFAULT_MAX_RETRIES = 2
_look = families.defaults(__name__)


def __getattr__(name: str) -> Any:  # a function in so many words: type checkers look for one
    return _look(name)


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
