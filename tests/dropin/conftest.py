"""A server to talk to, and no waiting between retries."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from dropin.loopback import Loopback
from modelmux._dropin import flow


@pytest.fixture
def loopback() -> Iterator[Loopback]:
    server = Loopback()
    yield server
    server.close()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were asked to be slept; none of them is."""
    asked: list[float] = []

    async def asleep(seconds: float) -> None:
        asked.append(seconds)

    monkeypatch.setattr(flow, "time", SimpleNamespace(sleep=asked.append))
    monkeypatch.setattr(flow, "_asleep", asleep)
    return asked
