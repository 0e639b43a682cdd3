"""The pytest plugin that every installation of modelmux brings. It loads nothing until a test asks for something.

* ``modelmux_vendors``: three vendors on loopback, cleared before each test (:class:`~modelmux.testing.Vendors`).
* ``modelmux_server``: one of them, OpenAI's (:class:`~modelmux.testing.VendorServer`).
* ``modelmux_clock``: a fresh :class:`~modelmux.testing.FakeClock`.
* ``modelmux_provider``: a vendor without a socket, on that clock (:class:`~modelmux.testing.FakeProvider`).
* ``modelmux_simulation``: thousands of calls in virtual time (:class:`~modelmux.testing.Simulation`), with seed 0.
* ``modelmux_fault``: a test that asks for it runs once for each fault of :data:`~modelmux.testing.FAULTS`.
* ``modelmux_block_network = true`` in the ini file, or ``@pytest.mark.modelmux_block_network`` on a test, class or
  module: leaving loopback raises. ``@pytest.mark.modelmux_allow_network`` is the exception for one test.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from modelmux.testing.clock import FakeClock
    from modelmux.testing.provider import FakeProvider
    from modelmux.testing.server import VendorServer
    from modelmux.testing.simulate import Simulation
    from modelmux.testing.vendors import Vendors

INI = "modelmux_block_network"
MARKERS = (
    "modelmux_block_network: connecting to anything but loopback raises NetworkForbidden",
    "modelmux_allow_network: the exception for one test where modelmux_block_network is set for all",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(INI, "forbid real network in all tests (modelmux)", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    for line in MARKERS:
        config.addinivalue_line("markers", line)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "modelmux_fault" in metafunc.fixturenames:
        from modelmux.testing._table import FAULTS

        metafunc.parametrize("modelmux_fault", FAULTS.values(), ids=FAULTS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    forbid = bool(item.config.getini(INI)) or item.get_closest_marker("modelmux_block_network") is not None
    allow = item.get_closest_marker("modelmux_allow_network") is not None
    if not (forbid or allow):
        return (yield)
    from modelmux.testing.guard import allow_network, forbid_network

    with ExitStack() as stack:
        if forbid:
            stack.enter_context(forbid_network())
        if allow:
            stack.enter_context(allow_network())
        return (yield)


@pytest.fixture(scope="session")
def _modelmux_vendors() -> Iterator[Vendors]:
    from modelmux.testing.vendors import Vendors

    with Vendors() as vendors:
        yield vendors


@pytest.fixture
def modelmux_vendors(_modelmux_vendors: Vendors) -> Iterator[Vendors]:
    """Three vendors on loopback, up, without script, fault or memory of earlier tests."""
    _modelmux_vendors.reset()
    yield _modelmux_vendors
    _modelmux_vendors.check()


@pytest.fixture
def modelmux_server(modelmux_vendors: Vendors) -> VendorServer:
    """One vendor on loopback, as new."""
    return modelmux_vendors.openai


@pytest.fixture
def modelmux_provider(modelmux_clock: FakeClock) -> Iterator[FakeProvider]:
    """One vendor without a socket, on ``modelmux_clock``."""
    from modelmux.testing.provider import FakeProvider

    provider = FakeProvider(clock=modelmux_clock)
    yield provider
    provider.check()


@pytest.fixture
def modelmux_simulation() -> Simulation:
    """Calls in virtual time."""
    from modelmux.testing.simulate import Simulation

    return Simulation()


@pytest.fixture
def modelmux_clock() -> FakeClock:
    """Virtual time."""
    from modelmux.testing.clock import FakeClock

    return FakeClock()
