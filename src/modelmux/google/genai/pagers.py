"""Lists that come in pages: iterate over all, or page by page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self


class _Pages:
    def __init__(self, name: str, request: Callable[..., Any], config: Any) -> None:
        self._name, self._request = name, request
        given = dict(vars(config)) if hasattr(config, "model_fields_set") else dict(config or {})
        self._config = {key: value for key, value in given.items() if value is not None}
        self._page: list[Any] = []
        self._at = 0
        self._sdk_http_response: Any = None

    def _take(self, response: Any) -> list[Any]:
        self._page, self._at = getattr(response, self._name) or [], 0
        self._sdk_http_response = response.sdk_http_response
        self._config["page_token"] = response.next_page_token
        self._page_size = self._config.get("page_size") or len(self._page)
        return self._page

    def _check(self) -> None:
        if not self._config.get("page_token"):
            raise IndexError("No more pages to fetch.")

    @property
    def page(self) -> list[Any]:
        """The items of this page."""
        return self._page

    @property
    def name(self) -> str:
        """What the items are."""
        return self._name

    @property
    def page_size(self) -> int:
        return int(self._page_size)

    @property
    def config(self) -> dict[str, Any]:
        """What the next page is asked for with."""
        return self._config

    @property
    def sdk_http_response(self) -> Any:
        return self._sdk_http_response

    def __len__(self) -> int:
        return len(self._page)

    def __getitem__(self, index: int) -> Any:
        return self._page[index]


class Pager(_Pages):
    """Pages of a list; the first is here already."""

    def __init__(self, name: str, request: Callable[..., Any], config: Any) -> None:
        super().__init__(name, request, config)
        self._take(request(config=self._config))

    def next_page(self) -> list[Any]:
        """Fetch the next page; its items. Raises IndexError after the last."""
        self._check()
        return self._take(self._request(config=self._config))

    def __iter__(self) -> Self:
        self._at = 0
        return self

    def __next__(self) -> Any:
        if self._at >= len(self._page):
            try:
                self.next_page()
            except IndexError:
                raise StopIteration from None
            if not self._page:
                raise StopIteration
        self._at += 1
        return self._page[self._at - 1]


class AsyncPager(_Pages):
    """:class:`Pager`, for ``async for``."""

    async def _first(self) -> Self:
        self._take(await self._request(config=self._config))
        return self

    async def next_page(self) -> list[Any]:
        self._check()
        return self._take(await self._request(config=self._config))

    def __aiter__(self) -> Self:
        self._at = 0
        return self

    async def __anext__(self) -> Any:
        if self._at >= len(self._page):
            try:
                await self.next_page()
            except IndexError:
                raise StopAsyncIteration from None
            if not self._page:
                raise StopAsyncIteration
        self._at += 1
        return self._page[self._at - 1]
