"""Lists that come in pages: iterate over all items, or go page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from modelmux._dropin.filling import note
from modelmux._dropin.models import Made, Meta
from modelmux._dropin.shapes import shape_of

if TYPE_CHECKING:
    from modelmux._dropin.base import Client
    from modelmux._dropin.client import AsyncClient
    from modelmux._dropin.options import RequestOptions


class PageInfo:
    """What the next page's request has that this one's had not."""

    def __init__(self, *, url: Any = None, params: Mapping[str, Any] | None = None, json: Any = None) -> None:
        self.url, self.params, self.json = url, params, json

    def __repr__(self) -> str:
        name, value = next((n, v) for n, v in vars(self).items() if v or n == "json")
        return f"{type(self).__name__}({name}={value})"


class Page(Made, made=True):
    """One page. Subclasses say which field holds the items and what leads on."""

    _items_ = "data"
    _of_: ClassVar[dict[Any, Any]] = {}

    def __class_getitem__(cls, item: Any) -> Any:
        """The pages of one kind of item: a class of its own, as the vendors' are."""
        key = (cls, item)
        if key not in cls._of_:
            name = f"{cls.__name__}[{getattr(item, '__name__', item)}]"
            space = {"__module__": cls.__module__, "__qualname__": name, "_shapes_": cls._shapes_}
            space["_table_"] = {"f": {cls._items_: ["list", shape_of(item)]}}
            metaclass: Any = type(cls)
            made = metaclass(name, (cls,), space, made=True)
            cls._of_.setdefault(key, made)
        return cls._of_[key]

    def next_page_info(self) -> PageInfo | None:
        """What leads to the next page; None on the last one."""
        return None

    def _get_page_items(self) -> list[Any]:
        return self.__dict__.get(self._items_) or []

    def has_next_page(self) -> bool:
        """Whether there may be more. A page says so in ``has_more``, or else by what it holds and leads on to."""
        more = self.__dict__.get("has_more") is not False
        return more and bool(self._get_page_items()) and self.next_page_info() is not None

    def _bind(self, client: Client, item: Any, options: RequestOptions) -> Self:
        for name, value in (("client", client), ("item", item), ("options", options)):
            note(self, name, value)
        return self

    def _set_private_attributes(self, client: Any, model: Any, options: RequestOptions) -> None:
        self._bind(client, model, options)

    def _next_options(self) -> RequestOptions:
        info = self.next_page_info()
        if info is None:
            raise RuntimeError(
                "No next page expected; please check `.has_next_page()` before calling `.get_next_page()`."
            )
        options: RequestOptions = (self.__pydantic_private__ or {})["options"].copy(raw="")
        headers = {k: v for k, v in options.given_headers().items() if k.lower() != "x-stainless-raw-response"}
        options.headers = headers
        if info.params is not None:
            options.params = {**options.params, **info.params}
        elif info.url is not None:
            options.url, options.params = str(info.url), {}
        else:
            options.json_data = {**(options.json_data or {}), **info.json}
        return options


class ByField(Page, made=True):
    """A page of which a field names the next one."""

    _field_, _param_ = "next_page", "page"

    def next_page_info(self) -> PageInfo | None:
        value = self.__dict__.get(self._field_)
        return PageInfo(params={self._param_: value}) if value else None


class SyncPage(Page, made=True):
    """A page of a blocking client."""

    def __iter__(self) -> Iterator[Any]:  # type: ignore[override]  # items, where a model gives its fields
        for page in self.iter_pages():
            yield from page._get_page_items()

    def iter_pages(self) -> Iterator[Self]:
        """This page and those after it."""
        page = self
        while True:
            yield page
            if not page.has_next_page():
                return
            page = page.get_next_page()

    def get_next_page(self) -> Self:
        """The next page. Raises RuntimeError when there is none."""
        options = self._next_options()
        private = self.__pydantic_private__ or {}
        found: Self = private["client"]._request_page(private["item"], type(self), options)
        return found


class AsyncPage(Page, made=True):
    """A page of an async client."""

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for page in self.iter_pages():
            for item in page._get_page_items():
                yield item

    async def iter_pages(self) -> AsyncIterator[Self]:
        """This page and those after it."""
        page = self
        while True:
            yield page
            if not page.has_next_page():
                return
            page = await page.get_next_page()

    async def get_next_page(self) -> Self:
        """The next page. Raises RuntimeError when there is none."""
        options = self._next_options()
        private = self.__pydantic_private__ or {}
        found: Self = await private["client"]._request_page(private["item"], type(self), options)
        return found


def pair(home: str, base: type[Made], name: str, fields: Mapping[str, Any], manner: type[Page]) -> tuple[Any, Any]:
    """The sync and the async class of a kind of page, for the module ``home``, of models like ``base``."""
    out: list[Any] = []
    for full, parent in ((f"Sync{name}", SyncPage), (f"Async{name}", AsyncPage)):
        space = {"__module__": home, "__qualname__": full, "_table_": {"f": fields}, "_shapes_": base._shapes_}
        bases = (parent, base) if manner is Page else (manner, parent, base)
        out.append(Meta(full, bases, space, made=True))
    return out[0], out[1]


class AsyncPaginator:
    """What an async list method gives: await it for the first page, or iterate over all items."""

    def __init__(self, client: AsyncClient, item: Any, page: type, options: RequestOptions) -> None:
        self._client, self._item, self._page, self._options = client, item, page, options

    def __await__(self) -> Generator[Any, None, Any]:
        return self._client._request_page(self._item, self._page, self._options).__await__()

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for item in await self:
            yield item
