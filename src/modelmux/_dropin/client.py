"""Clients of blocking calls and of awaited ones.

A drop-in subclasses both and says what is its vendor's own: keys, errors, how an event of a stream is read. Resources
hang on it by the tables (:mod:`modelmux._dropin.resources`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from modelmux._dropin.base import RAW_HEADER, Client
from modelmux._dropin.contexts import AsyncClosing, Closing
from modelmux._dropin.filling import build
from modelmux._dropin.flow import arun, run
from modelmux._dropin.options import RequestOptions
from modelmux._dropin.pages import AsyncPaginator, Page


class SyncClient(Client, Closing):
    """A client of blocking calls."""

    def request(self, cast_to: Any, options: RequestOptions, *, stream: bool = False, stream_cls: Any = None) -> Any:
        """Ask, and return the answer as ``cast_to``; a stream of ``stream_cls``'s items where ``stream``."""
        return run(self._flow(cast_to, options, _item(stream, stream_cls)), self._wire)

    def _ask(self, cast_to: Any, options: RequestOptions, stream: Any = None) -> Any:
        return run(self._flow(cast_to, options, stream), self._wire)

    def get(self, path: str, *, cast_to: Any, options: Any = None, stream: bool = False, stream_cls: Any = None) -> Any:
        """GET a path. See ``docs/migrate.md`` for what ``cast_to`` may be."""
        made = RequestOptions("get", path, **(options or {}))
        return self.request(cast_to, made, stream=stream, stream_cls=stream_cls)

    def post(
        self,
        path: str,
        *,
        cast_to: Any,
        body: Any = None,
        content: Any = None,
        options: Any = None,
        files: Any = None,
        stream: bool = False,
        stream_cls: Any = None,
    ) -> Any:
        """POST to a path."""
        made = _with_body(self, "post", path, body, content, files, options)
        return self.request(cast_to, made, stream=stream, stream_cls=stream_cls)

    def patch(
        self, path: str, *, cast_to: Any, body: Any = None, content: Any = None, files: Any = None, options: Any = None
    ) -> Any:
        """PATCH a path."""
        return self.request(cast_to, _with_body(self, "patch", path, body, content, files, options))

    def put(
        self, path: str, *, cast_to: Any, body: Any = None, content: Any = None, files: Any = None, options: Any = None
    ) -> Any:
        """PUT to a path."""
        return self.request(cast_to, _with_body(self, "put", path, body, content, files, options))

    def delete(self, path: str, *, cast_to: Any, body: Any = None, content: Any = None, options: Any = None) -> Any:
        """DELETE a path."""
        return self.request(cast_to, _with_body(self, "delete", path, body, content, None, options))

    def get_api_list(
        self, path: str, *, model: Any, page: Any, body: Any = None, options: Any = None, method: str = "get"
    ) -> Any:
        """The first page of a list."""
        made = RequestOptions(method, path, json_data=body, **(options or {}))
        return self._request_page(model, page, made)

    def _request_page(self, item: Any, page: type[Page], options: RequestOptions) -> Any:
        paged = options.copy(post_parser=_paged(self, item, page, options))
        return self._ask(["dict", "any"], paged)

    def close(self) -> None:
        """Release connections. The client cannot be used any more."""
        self._wire.close()


class AsyncClient(Client, AsyncClosing):
    """A client of awaited calls."""

    _is_async = True

    def _async_name(self) -> str:
        return "async:asyncio"

    async def request(
        self, cast_to: Any, options: RequestOptions, *, stream: bool = False, stream_cls: Any = None
    ) -> Any:
        """As :meth:`SyncClient.request`."""
        return await arun(self._flow(cast_to, options, _item(stream, stream_cls)), self._wire)

    async def _ask(self, cast_to: Any, options: RequestOptions, stream: Any = None) -> Any:
        return await arun(self._flow(cast_to, options, stream), self._wire)

    async def get(
        self, path: str, *, cast_to: Any, options: Any = None, stream: bool = False, stream_cls: Any = None
    ) -> Any:
        """GET a path."""
        made = RequestOptions("get", path, **(options or {}))
        return await self.request(cast_to, made, stream=stream, stream_cls=stream_cls)

    async def post(
        self,
        path: str,
        *,
        cast_to: Any,
        body: Any = None,
        content: Any = None,
        options: Any = None,
        files: Any = None,
        stream: bool = False,
        stream_cls: Any = None,
    ) -> Any:
        """POST to a path."""
        made = _with_body(self, "post", path, body, content, files, options)
        return await self.request(cast_to, made, stream=stream, stream_cls=stream_cls)

    async def patch(
        self, path: str, *, cast_to: Any, body: Any = None, content: Any = None, files: Any = None, options: Any = None
    ) -> Any:
        """PATCH a path."""
        return await self.request(cast_to, _with_body(self, "patch", path, body, content, files, options))

    async def put(
        self, path: str, *, cast_to: Any, body: Any = None, content: Any = None, files: Any = None, options: Any = None
    ) -> Any:
        """PUT to a path."""
        return await self.request(cast_to, _with_body(self, "put", path, body, content, files, options))

    async def delete(
        self, path: str, *, cast_to: Any, body: Any = None, content: Any = None, options: Any = None
    ) -> Any:
        """DELETE a path."""
        return await self.request(cast_to, _with_body(self, "delete", path, body, content, None, options))

    def get_api_list(
        self, path: str, *, model: Any, page: Any, body: Any = None, options: Any = None, method: str = "get"
    ) -> AsyncPaginator:
        """A list: await it for its first page, or iterate."""
        made = RequestOptions(method, path, json_data=body, **(options or {}))
        return AsyncPaginator(self, model, page, made)

    async def _request_page(self, item: Any, page: type[Page], options: RequestOptions) -> Any:
        paged = options.copy(post_parser=_paged(self, item, page, options))
        return await self._ask(["dict", "any"], paged)

    async def close(self) -> None:
        """Release connections. The client cannot be used any more."""
        closing: Any = self._wire.close()
        await closing


def _item(stream: bool, stream_cls: Any) -> Any:
    """What a stream's items are, of ``Stream[Item]``; None where there is to be none."""
    if not stream:
        return None
    if stream_cls is None:
        raise TypeError("The `stream` argument was set to `True` but the `stream_cls` argument was not given.")
    args = getattr(stream_cls, "__args__", None)
    kind = getattr(stream_cls, "__origin__", stream_cls)
    return (kind, args[0] if args else object)


def _with_body(
    client: Client, method: str, path: str, body: Any, content: Any, files: Any, options: Any
) -> RequestOptions:
    if isinstance(body, bytes):
        if not client._takes_raw_body:
            raise TypeError("Passing raw bytes as `body` is not supported, pass them as `content` instead")
        warnings.warn("Pass raw bytes as `content`, not as `body`", DeprecationWarning, stacklevel=3)
    if body is not None and content is not None:
        raise TypeError("Passing both `body` and `content` is not supported")
    if files is not None and content is not None:
        raise TypeError("Passing both `files` and `content` is not supported")
    return RequestOptions(method, path, json_data=body, content=content, files=files, **(options or {}))


def _paged(client: Client, item: Any, page: type[Page], options: RequestOptions) -> Callable[[Any], Any]:
    annotation = client._registry.shapes.annotation(item) if isinstance(item, str | list) else item
    kind = page if "[" in page.__name__ else page[annotation]  # type: ignore[index]  # pages are generic

    def parse(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        found: Page = build(kind, value)._bind(client, item, options)
        return options.post_parser(found) if callable(options.post_parser) else found

    return parse


__all__ = ["RAW_HEADER", "AsyncClient", "Client", "SyncClient"]
