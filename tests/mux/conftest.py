"""Every test of a call runs twice: through the sync methods and through the async ones."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from modelmux import Mux
from modelmux.testing import Vendors
from modelmux.types import Event, Reply


class Sync:
    name = "sync"

    def chat(self, mux: Mux, *args: Any, **options: Any) -> Reply:
        return mux.chat(*args, **options)

    def stream(self, mux: Mux, *args: Any, seen: list[Event] | None = None, **options: Any) -> Reply:
        """Read a whole stream; ``seen`` collects the events, also of a stream that breaks."""
        with mux.stream(*args, **options) as stream:
            for event in stream:
                if seen is not None:
                    seen.append(event)
            return stream.reply

    def leave_early(self, mux: Mux, *args: Any, after: int, **options: Any) -> list[Event]:
        seen = []
        with mux.stream(*args, **options) as stream:
            for event in stream:
                seen.append(event)
                if len(seen) == after:
                    break
        return seen


class Async:
    name = "async"

    def chat(self, mux: Mux, *args: Any, **options: Any) -> Reply:
        return self._run(mux, lambda: mux.achat(*args, **options))

    def stream(self, mux: Mux, *args: Any, seen: list[Event] | None = None, **options: Any) -> Reply:
        async def read() -> Reply:
            async with mux.astream(*args, **options) as stream:
                async for event in stream:
                    if seen is not None:
                        seen.append(event)
                return stream.reply

        return self._run(mux, read)

    def leave_early(self, mux: Mux, *args: Any, after: int, **options: Any) -> list[Event]:
        async def read() -> list[Event]:
            seen = []
            async with mux.astream(*args, **options) as stream:
                async for event in stream:
                    seen.append(event)
                    if len(seen) == after:
                        break
            return seen

        return self._run(mux, read)

    @staticmethod
    def _run(mux: Mux, call: Callable[[], Any]) -> Any:
        async def main() -> Any:
            try:
                return await call()
            finally:
                await mux.aclose()

        return asyncio.run(main())


@pytest.fixture(params=[Sync, Async], ids=["sync", "async"])
def caller(request: pytest.FixtureRequest) -> Any:
    return request.param()


@pytest.fixture
def vendors(modelmux_vendors: Vendors) -> Vendors:
    return modelmux_vendors


@pytest.fixture
def make_mux(vendors: Vendors) -> Iterator[Callable[..., Mux]]:
    """Muxes over the embedded vendors, in order of priority unless the test says otherwise."""
    made: list[Mux] = []

    def make(*models: str, **options: Any) -> Mux:
        options.setdefault("policy", "priority")
        options.setdefault("seed", 7)
        mux = Mux(vendors.endpoints(*models), **options)
        made.append(mux)
        return mux

    yield make
    for mux in made:
        mux.close()
