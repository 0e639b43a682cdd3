"""Pages, as each kind of list has them."""

from __future__ import annotations

from typing import Any

from modelmux._dropin import pages
from modelmux._dropin.pages import PageInfo
from modelmux.openai._registry import Made, registry

_DATA: dict[str, Any] = {"data": ["list", "any"]}
_MORE: dict[str, Any] = {**_DATA, "has_more": ["opt", "bool"]}


def _id_of(item: Any) -> Any:
    return item.get("id") if isinstance(item, dict) else getattr(item, "id", None)


class _Cursor(pages.Page, made=True):
    def has_next_page(self) -> bool:
        return self.__dict__.get("has_more") is not False and super().has_next_page()

    def next_page_info(self) -> PageInfo | None:
        items = self._get_page_items()
        last = _id_of(items[-1]) if items else None
        return PageInfo(params={"after": last}) if last else None


class _ByField(pages.Page, made=True):
    """The next page is what a field of this one names."""

    _field_, _param_ = "", "after"

    def has_next_page(self) -> bool:
        return self.__dict__.get("has_more") is not False and super().has_next_page()

    def next_page_info(self) -> PageInfo | None:
        value = self.__dict__.get(self._field_)
        return PageInfo(params={self._param_: value}) if value else None


class _Conversation(_ByField, made=True):
    _field_ = "last_id"


class _Next(_ByField, made=True):
    _field_ = "next"


class _Token(_ByField, made=True):
    _field_, _param_ = "next", "page"


def _pair(name: str, fields: dict[str, Any], manner: type) -> tuple[Any, Any]:
    """The sync and the async class of a kind of page."""
    out = []
    for prefix, base in (("Sync", pages.SyncPage), ("Async", pages.AsyncPage)):
        full = name if prefix == "Async" else f"Sync{name}"
        full = f"Async{name}" if prefix == "Async" else full
        space = {"__module__": __name__, "__qualname__": full, "_table_": {"f": fields}, "_shapes_": registry.shapes}
        bases = (base, Made) if manner is pages.Page else (manner, base, Made)
        metaclass: Any = type(Made)
        out.append(metaclass(full, bases, space, made=True))
    return out[0], out[1]


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
