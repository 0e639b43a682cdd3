"""Pages, as each kind of list has them."""

from __future__ import annotations

from functools import partial
from typing import Any

from modelmux._dropin import pages
from modelmux._dropin.pages import PageInfo
from modelmux.anthropic._registry import Made

_TEXT: Any = ["opt", "str"]
_DATA: dict[str, Any] = {"data": ["list", "any"]}
_MORE: dict[str, Any] = {**_DATA, "has_more": ["opt", "bool"]}


class _ById(pages.Page, made=True):
    """The next page begins after this one's last item, or ends before its first where one goes backwards."""

    def next_page_info(self) -> PageInfo | None:
        options = (self.__pydantic_private__ or {}).get("options")
        backwards = options is not None and bool(options.params.get("before_id"))
        field, param = ("first_id", "before_id") if backwards else ("last_id", "after_id")
        value = self.__dict__.get(field)
        return PageInfo(params={param: value}) if value else None


class _Next(pages.ByField, made=True):
    """``next_page`` is the next page's name, whatever this one holds."""

    def has_next_page(self) -> bool:
        return self.next_page_info() is not None


class _Token(pages.ByField, made=True):
    _param_ = "page_token"


class _Report(_Next, made=True):
    def has_next_page(self) -> bool:
        return self.__dict__.get("has_more") is not False and super().has_next_page()


_pair = partial(pages.pair, __name__, Made)

SyncPage, AsyncPage = _pair("Page", {**_MORE, "first_id": _TEXT, "last_id": _TEXT}, _ById)
SyncTokenPage, AsyncTokenPage = _pair("TokenPage", {**_MORE, "next_page": _TEXT}, _Token)
SyncPageCursor, AsyncPageCursor = _pair("PageCursor", {**_DATA, "next_page": _TEXT}, _Next)
SyncBidirectionalPageCursor, AsyncBidirectionalPageCursor = _pair(
    "BidirectionalPageCursor", {**_DATA, "next_page": _TEXT, "prev_page": _TEXT}, _Next
)
SyncReportPageCursor, AsyncReportPageCursor = _pair(
    "ReportPageCursor", {**_MORE, "next_page": _TEXT, "data_refreshed_at": ["opt", "datetime"]}, _Report
)

__all__ = [
    "AsyncBidirectionalPageCursor",
    "AsyncPage",
    "AsyncPageCursor",
    "AsyncReportPageCursor",
    "AsyncTokenPage",
    "SyncBidirectionalPageCursor",
    "SyncPage",
    "SyncPageCursor",
    "SyncReportPageCursor",
    "SyncTokenPage",
]
