"""What the whole suite shares: no network, two tiers, Hypothesis profiles."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, settings

from modelmux._clock import SystemClock
from modelmux.testing.guard import forbid_network

settings.register_profile("all", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", settings.get_profile("all"), max_examples=36, derandomize=True)
settings.register_profile("full", settings.get_profile("all"), max_examples=300)

_guard = ExitStack()
_second_tier = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the second tier too: long, and with more examples")


def pytest_configure(config: pytest.Config) -> None:
    _guard.enter_context(forbid_network())
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("full" if config.getoption("--full") else "quick"))


def pytest_unconfigure() -> None:
    _guard.close()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--full"):
        return
    left = [item for item in items if item.get_closest_marker("full") is not None]
    config.stash[_second_tier] = len(left)
    if left:
        items[:] = [item for item in items if item.get_closest_marker("full") is None]
        config.hook.pytest_deselected(items=left)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    left = config.stash.get(_second_tier, 0)
    if left:
        terminalreporter.write_line(f"{left} tests were left to the second tier: pytest --full runs them")


@pytest.fixture(autouse=True, scope="session")
def _the_day() -> Iterator[None]:
    """Every Mux believes it is the day the catalogue was compiled: models that end later are still there, and prices
    are those of that day, whenever the suite runs.
    """
    day = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()
    start = time.time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SystemClock, "time", staticmethod(lambda: day + time.time() - start))
        yield


@pytest.fixture
def no_vendor_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without any vendor's key or address, whatever the developer's own has."""
    from modelmux import providers

    for name in providers.names():
        row = providers.get(name)
        for variable in (*row.key_env, *row.base_url_env):
            monkeypatch.delenv(variable, raising=False)
