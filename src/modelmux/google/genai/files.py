"""``client.files``: files that the Gemini API keeps for two days, to be named in prompts."""

from __future__ import annotations

from typing import Any

from modelmux.google.genai._api import Api
from modelmux.google.genai._calls import got_file, listed, removed
from modelmux.google.genai._drive import arun, run
from modelmux.google.genai._upload import downloaded, uploaded
from modelmux.google.genai.pagers import AsyncPager, Pager


class Files:
    """Calls about files. All arguments go by name."""

    def __init__(self, api_client_: Api) -> None:
        self._api_client = api_client_

    def upload(self, *, file: Any, config: Any = None) -> Any:
        """Upload a file, given by its path or open in binary mode (then with ``config.mime_type``)."""
        return self._run(uploaded, file, config)

    def get(self, *, name: str, config: Any = None) -> Any:
        """What the service says of a file."""
        return self._run(got_file, name, config)

    def delete(self, *, name: str, config: Any = None) -> Any:
        return self._run(removed, "file", name, config)

    def list(self, *, config: Any = None) -> Pager:
        """Files, page by page."""
        return Pager("files", self._list, config)

    def download(self, *, file: Any, destination: Any = None, config: Any = None) -> bytes | None:
        """The bytes of a generated file; with ``destination``, a path or an open file, they go there."""
        data: bytes | None = self._run(downloaded, file, destination, config)
        return data

    def _list(self, *, config: Any) -> Any:
        return self._run(listed, "files", config)

    def _run(self, flow: Any, *arguments: Any) -> Any:
        api = self._api_client
        return run(flow(api, *arguments, False), api.wire(False))


class AsyncFiles:
    """:class:`Files`, awaited."""

    def __init__(self, api_client_: Api) -> None:
        self._api_client = api_client_

    async def upload(self, *, file: Any, config: Any = None) -> Any:
        return await self._run(uploaded, file, config)

    async def get(self, *, name: str, config: Any = None) -> Any:
        return await self._run(got_file, name, config)

    async def delete(self, *, name: str, config: Any = None) -> Any:
        return await self._run(removed, "file", name, config)

    async def list(self, *, config: Any = None) -> AsyncPager:
        return await AsyncPager("files", self._list, config)._first()

    async def download(self, *, file: Any, destination: Any = None, config: Any = None) -> bytes | None:
        data: bytes | None = await self._run(downloaded, file, destination, config)
        return data

    async def _list(self, *, config: Any) -> Any:
        return await self._run(listed, "files", config)

    async def _run(self, flow: Any, *arguments: Any) -> Any:
        api = self._api_client
        return await arun(flow(api, *arguments, True), api.wire(True))
