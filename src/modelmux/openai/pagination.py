"""Pages, as each kind of list has them."""

from __future__ import annotations

from functools import partial
from typing import Any

from modelmux._dropin import pages
from modelmux._dropin.pages import PageInfo
from modelmux.openai._registry import Made

_DATA: dict[str, Any] = {"data": ["list", "any"]}
_MORE: dict[str, Any] = {**_DATA, "has_more": ["opt", "bool"]}


def _id_of(item: Any) -> Any:
    return item.get("id") if isinstance(item, dict) else getattr(item, "id", None)


class _Cursor(pages.Page, made=True):
    def next_page_info(self) -> PageInfo | None:
        items = self._get_page_items()
        last = _id_of(items[-1]) if items else None
        return PageInfo(params={"after": last}) if last else None


class _Conversation(pages.ByField, made=True):
    _field_, _param_ = "last_id", "after"


class _Next(pages.ByField, made=True):
    _field_, _param_ = "next", "after"


class _Token(pages.ByField, made=True):
    _field_ = "next"


_pair = partial(pages.pair, __name__, Made)

SyncPage, AsyncPage = _pair("Page", {**_DATA, "object": ["opt", "str"]}, pages.Page)
SyncCursorPage, AsyncCursorPage = _pair("CursorPage", _MORE, _Cursor)
SyncConversationCursorPage, AsyncConversationCursorPage = _pair(
    "ConversationCursorPage", {**_MORE, "last_id": ["opt", "str"]}, _Conversation
)
SyncNextCursorPage, AsyncNextCursorPage = _pair("NextCursorPage", {**_MORE, "next": ["opt", "str"]}, _Next)
SyncTokenPage, AsyncTokenPage = _pair("TokenPage", {**_MORE, "next": ["opt", "str"]}, _Token)

__all__ = [
    "AsyncConversationCursorPage",
    "AsyncCursorPage",
    "AsyncNextCursorPage",
    "AsyncPage",
    "AsyncTokenPage",
    "SyncConversationCursorPage",
    "SyncCursorPage",
    "SyncNextCursorPage",
    "SyncPage",
    "SyncTokenPage",
]
