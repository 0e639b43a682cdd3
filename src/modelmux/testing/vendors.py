"""The three vendors together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Self

from modelmux.testing._loop import LoopThread
from modelmux.testing.answers import RecordedRequest
from modelmux.testing.server import VendorServer

if TYPE_CHECKING:
    from modelmux.endpoint import Endpoint


class Vendors:
    """OpenAI, Anthropic and Gemini on loopback, in one background thread. ``latency`` and ``pace`` as for
    :class:`VendorServer`.
    """

    DEFAULT_MODELS: Mapping[str, str] = {
        "openai": "gpt-5-mini",
        "anthropic": "claude-haiku-4-5",
        "gemini": "gemini-2.5-flash",
    }

    def __init__(self, *, latency: float = 0.0, pace: float = 0.0) -> None:
        self._latency = latency
        self._pace = pace
        self._thread: LoopThread | None = None
        self.servers: dict[str, VendorServer] = {}

    def __enter__(self) -> Self:
        self._thread = LoopThread()
        for vendor in self.DEFAULT_MODELS:
            server = VendorServer(
                vendor, key=f"{vendor}-test-key", latency=self._latency, pace=self._pace, thread=self._thread
            )
            self.servers[vendor] = server.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        for server in self.servers.values():
            server.stop()
        if self._thread is not None:
            self._thread.stop()
        if kind is None:
            self.check()

    def __getitem__(self, vendor: str) -> VendorServer:
        return self.servers[vendor]

    def __iter__(self) -> Iterator[VendorServer]:
        return iter(self.servers.values())

    @property
    def openai(self) -> VendorServer:
        return self["openai"]

    @property
    def anthropic(self) -> VendorServer:
        return self["anthropic"]

    @property
    def gemini(self) -> VendorServer:
        return self["gemini"]

    def endpoints(self, *models: str) -> list[Endpoint]:
        """Endpoints for these models (``provider/model``), by default one small model of each vendor."""
        from modelmux.endpoint import Endpoint

        names = models or tuple(f"{vendor}/{model}" for vendor, model in self.DEFAULT_MODELS.items())
        servers = [self[name.partition("/")[0]] for name in names]
        pairs = zip(names, servers, strict=True)
        return [Endpoint(name, base_url=server.base_url, api_key=server.key) for name, server in pairs]

    def env(self) -> dict[str, str]:
        """Environment variables under which ``Mux()`` finds these servers instead of the real vendors."""
        from modelmux.providers import get

        found: dict[str, str] = {}
        for vendor, server in self.servers.items():
            row = get(vendor)
            found[row.key_env[0]] = server.key or ""
            found[row.base_url_env[0]] = server.base_url
        return found

    def requests(self) -> list[RecordedRequest]:
        """What came to any of them, oldest first."""
        return sorted((request for server in self for request in server.requests), key=lambda request: request.at)

    def reset(self) -> None:
        for server in self:
            server.reset()

    def check(self) -> None:
        for server in self:
            server.check()
