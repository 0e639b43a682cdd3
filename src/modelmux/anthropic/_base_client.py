"""Defaults and HTTP clients, under the vendor's path."""

from __future__ import annotations

from modelmux._dropin import families
from modelmux._dropin.client import AsyncClient as AsyncAPIClient
from modelmux._dropin.client import Client as BaseClient
from modelmux._dropin.client import SyncClient as SyncAPIClient
from modelmux._dropin.options import RequestOptions as FinalRequestOptions
from modelmux._dropin.options import make_request_options
from modelmux._dropin.pages import AsyncPaginator, PageInfo
from modelmux._dropin.pages import Page as BasePage

DEFAULT_MAX_RETRIES = 2
__getattr__ = families.defaults(__name__)

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
