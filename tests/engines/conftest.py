from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from engines.loopback import Caller
from modelmux._engines import Options

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def callers(kind: str) -> Iterator[Callable[..., Caller]]:
    made: list[Caller] = []

    def make(options: Options | None = None) -> Caller:
        made.append(Caller(kind, options))
        return made[-1]

    yield make
    for caller in made:
        caller.finish()


@pytest.fixture
def caller(callers: Callable[..., Caller]) -> Caller:
    return callers()
