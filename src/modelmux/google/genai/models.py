"""``client.models``: answers, streams of them, counts, embeddings, and the list of models."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from modelmux.google.genai._api import Api
from modelmux.google.genai._calls import counted, embedded, got_model, listed, removed, updated
from modelmux.google.genai._drive import aemitted, arun, emitted, run
from modelmux.google.genai._generate import config_of, several, several_streams
from modelmux.google.genai.pagers import AsyncPager, Pager


class Models:
    """Calls that name a model. All arguments go by name; ``config`` is the type that is named for it or a dict."""

    def __init__(self, api_client_: Api) -> None:
        self._api_client = api_client_

    def generate_content(self, *, model: str, contents: Any, config: Any = None) -> Any:
        """An answer to ``contents`` (text, parts, turns, or lists of them). Python functions among ``config.tools`` are
        called, and the model asked again, as ``config.automatic_function_calling`` says. Raises
        :class:`~modelmux.google.genai.errors.APIError`.
        """
        return self._several(model, contents, config_of(config))

    def _several(self, model: str, contents: Any, config: Any, usage: str = "") -> Any:
        api = self._api_client
        return run(several(api, model, contents, config, False, usage), api.wire(False))

    def generate_content_stream(self, *, model: str, contents: Any, config: Any = None) -> Iterator[Any]:
        """:meth:`generate_content`, in pieces as they come."""
        api = self._api_client
        return emitted(several_streams(api, model, contents, config_of(config), False), api.wire(False))

    def count_tokens(self, *, model: str, contents: Any, config: Any = None) -> Any:
        """How many tokens ``contents`` are."""
        return self._run(counted, model, contents, config)

    def embed_content(self, *, model: str, contents: Any, config: Any = None) -> Any:
        """A vector for each of ``contents``."""
        return self._run(embedded, model, contents, config)

    def get(self, *, model: str, config: Any = None) -> Any:
        """What the vendor says of a model."""
        return self._run(got_model, model, config)

    def list(self, *, config: Any = None) -> Pager:
        """Models, page by page; ``config={"query_base": False}`` for tuned ones."""
        return Pager("models", self._list, config)

    def _list(self, *, config: Any) -> Any:
        return self._run(listed, "models", config)

    def update(self, *, model: str, config: Any = None) -> Any:
        """Change a tuned model's name or description."""
        return self._run(updated, model, config)

    def delete(self, *, model: str, config: Any = None) -> Any:
        """Delete a tuned model."""
        return self._run(removed, "model", model, config)

    def _run(self, flow: Any, *arguments: Any) -> Any:
        api = self._api_client
        return run(flow(api, *arguments, False), api.wire(False))


class AsyncModels:
    """:class:`Models`, awaited."""

    def __init__(self, api_client_: Api) -> None:
        self._api_client = api_client_

    async def generate_content(self, *, model: str, contents: Any, config: Any = None) -> Any:
        return await self._several(model, contents, config_of(config))

    async def _several(self, model: str, contents: Any, config: Any, usage: str = "") -> Any:
        api = self._api_client
        return await arun(several(api, model, contents, config, True, usage), api.wire(True))

    async def generate_content_stream(self, *, model: str, contents: Any, config: Any = None) -> AsyncIterator[Any]:
        api = self._api_client
        return aemitted(several_streams(api, model, contents, config_of(config), True), api.wire(True))

    async def count_tokens(self, *, model: str, contents: Any, config: Any = None) -> Any:
        return await self._run(counted, model, contents, config)

    async def embed_content(self, *, model: str, contents: Any, config: Any = None) -> Any:
        return await self._run(embedded, model, contents, config)

    async def get(self, *, model: str, config: Any = None) -> Any:
        return await self._run(got_model, model, config)

    async def list(self, *, config: Any = None) -> AsyncPager:
        return await AsyncPager("models", self._list, config)._first()

    async def _list(self, *, config: Any) -> Any:
        return await self._run(listed, "models", config)

    async def update(self, *, model: str, config: Any = None) -> Any:
        return await self._run(updated, model, config)

    async def delete(self, *, model: str, config: Any = None) -> Any:
        return await self._run(removed, "model", model, config)

    async def _run(self, flow: Any, *arguments: Any) -> Any:
        api = self._api_client
        return await arun(flow(api, *arguments, True), api.wire(True))
