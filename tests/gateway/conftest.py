from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gateway.asgi import Caller
from modelmux import Mux, gateway
from modelmux.testing import FakeProvider


@pytest.fixture(autouse=True)
def _no_keys(no_vendor_keys: None) -> None:
    """No developer's own keys."""


@pytest.fixture
def vendors() -> dict[str, FakeProvider]:
    """Three vendors in the process, each with a key of ours that no caller may see."""
    return {name: FakeProvider(name, key=f"our-{name}-key") for name in ("openai", "anthropic", "gemini")}


MODELS = {
    "openai": "openai/gpt-5-mini",
    "anthropic": "anthropic/claude-haiku-4-5",
    "gemini": "gemini/gemini-2.5-flash",
}


@pytest.fixture
def serving(vendors: dict[str, FakeProvider]) -> Iterator[Callable[..., Caller]]:
    """``serving(**options)``: a caller of a gateway over the three vendors; options of the gateway, ``mux=`` those of
    its Mux.
    """
    made: list[Mux] = []

    def serve(*, mux: dict[str, Any] | None = None, caller: dict[str, Any] | None = None, **options: Any) -> Caller:
        endpoints = [vendors[name].endpoint(model) for name, model in MODELS.items()]
        over = Mux(endpoints, **{"policy": "priority", **(mux or {})})
        made.append(over)
        asking = Caller(gateway.app(over, **options), **(caller or {}))
        asking.mux, asking.app = over, asking._app  # type: ignore[attr-defined]  # for tests that look behind it
        return asking

    yield serve
    for mux in made:
        mux.close()
