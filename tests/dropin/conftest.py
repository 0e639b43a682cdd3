"""A server to talk to, and no waiting between retries."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

import modelmux
from dropin.loopback import Loopback
from modelmux._dropin import flow
from modelmux.testing import Vendors


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


@pytest.fixture(scope="module")
def mux() -> Iterator[modelmux.Mux]:
    """A Mux over every vendor there is."""
    with Vendors() as vendors, modelmux.Mux(models=list(vendors.endpoints())) as made:
        yield made
