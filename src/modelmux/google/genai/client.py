"""The clients."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

from modelmux._dropin.contexts import Closing
from modelmux.google.genai._api import Api
from modelmux.google.genai._settings import Settings
from modelmux.google.genai.chats import AsyncChats, Chats
from modelmux.google.genai.files import AsyncFiles, Files
from modelmux.google.genai.models import AsyncModels, Models


class AsyncClient:
    """What ``client.aio`` is: the same calls, awaited."""

    def __init__(self, api_client: Api) -> None:
        self._api_client = api_client
        self._models = AsyncModels(api_client)

    @property
    def models(self) -> AsyncModels:
        return self._models

    @property
    def chats(self) -> AsyncChats:
        return AsyncChats(self._models)

    @property
    def files(self) -> AsyncFiles:
        return AsyncFiles(self._api_client)

    def __getattr__(self, name: str) -> Any:
        return _absent(name, "aio.")

    async def aclose(self) -> None:
        """Release connections."""
        await self._api_client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class Client(Closing):
    """A client of the Gemini API (``api_key``, else ``GOOGLE_API_KEY`` or ``GEMINI_API_KEY``) or, with
    ``vertexai=True`` (or ``enterprise``), of the enterprise platform (``project`` and ``location``, or a key).

    ``mux``: route every call that names a model through this Mux. Without it, calls are routed where they name
    ``provider/model`` or ``auto``, or have options under ``modelmux`` in their ``config``. Raises ValueError for what
    does not go together, or without a key.
    """

    def __init__(
        self,
        *,
        enterprise: bool | None = None,
        vertexai: bool | None = None,
        api_key: str | None = None,
        credentials: Any = None,
        project: str | None = None,
        location: str | None = None,
        debug_config: Any = None,
        http_options: Any = None,
        mux: Any = None,
    ) -> None:
        if enterprise is not None and vertexai is not None and enterprise != vertexai:
            raise ValueError("enterprise and vertexai flags have conflicting values, please set enterprise value only.")
        self._debug_config = debug_config
        settings = Settings(
            vertexai=vertexai if enterprise is None else enterprise,
            api_key=api_key,
            credentials=credentials,
            project=project,
            location=location,
            http_options=http_options,
        )
        self._api_client = Api(settings, mux)
        self._models = Models(self._api_client)
        self._aio = AsyncClient(self._api_client)

    @property
    def vertexai(self) -> bool:
        """Whether calls go to the enterprise platform."""
        return self._api_client.vertexai

    @property
    def models(self) -> Models:
        return self._models

    @property
    def chats(self) -> Chats:
        return Chats(self._models)

    @property
    def files(self) -> Files:
        return Files(self._api_client)

    @property
    def aio(self) -> AsyncClient:
        """The same calls, awaited."""
        return self._aio

    def __getattr__(self, name: str) -> Any:
        return _absent(name, "")

    def close(self) -> None:
        """Release connections."""
        self._api_client.close()


_VENDORS = frozenset(
    {
        "agents",
        "auth_tokens",
        "batches",
        "caches",
        "credentials",
        "decisions",
        "environments",
        "file_search_stores",
        "interactions",
        "live",
        "operations",
        "triggers",
        "tunings",
        "voices",
        "webhooks",
    }
)
"""What the SDK's client has beside what is here."""


def _absent(name: str, below: str) -> Any:
    if name in _VENDORS:
        raise AttributeError(
            f"client.{below}{name} is not part of modelmux.google.genai; "
            f"modelmux.google.genai.as_vendor().{below}{name} is the SDK's own, over the same Mux"
        )
    raise AttributeError(f"client.{below}{name}: there is no such attribute")
