"""Test what you build on modelmux without a vendor, a key or a second of waiting.

================================  ===================================================================================
:class:`VendorServer`             one vendor on loopback, speaking its wire over real HTTP
:class:`Vendors`                  three of them, with ready endpoints and environment variables
:class:`FakeProvider`             one vendor inside the process, with no socket
:class:`Answer`, :class:`Fault`   what a vendor says, and what goes wrong while it says it; :data:`FAULTS` by name
:class:`RecordedRequest`          what reached a vendor; :class:`Asked`, what it asks for
:class:`FakeClock`                virtual time
:class:`Simulation`               thousands of calls in virtual time, the same every time
:func:`forbid_network`            a guard: connecting beyond loopback raises :class:`NetworkForbidden`
================================  ===================================================================================

The pytest plugin (``modelmux.testing.plugin``) comes with the installation: fixtures ``modelmux_vendors``,
``modelmux_server``, ``modelmux_provider``, ``modelmux_clock``, ``modelmux_simulation`` and ``modelmux_fault``, marker
and ini option ``modelmux_block_network``. Nothing is loaded before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelmux.testing._table import FAULTS
    from modelmux.testing.answers import Answer, Asked, RecordedRequest
    from modelmux.testing.clock import FakeClock
    from modelmux.testing.faults import Fault
    from modelmux.testing.guard import NetworkForbidden, forbid_network
    from modelmux.testing.provider import FakeProvider
    from modelmux.testing.server import VendorServer
    from modelmux.testing.simulate import Simulation
    from modelmux.testing.vendors import Vendors

__all__ = [
    "FAULTS",
    "Answer",
    "Asked",
    "FakeClock",
    "FakeProvider",
    "Fault",
    "NetworkForbidden",
    "RecordedRequest",
    "Simulation",
    "VendorServer",
    "Vendors",
    "forbid_network",
]

_HOMES = {
    "Answer": "answers",
    "Asked": "answers",
    "RecordedRequest": "answers",
    "FakeClock": "clock",
    "FakeProvider": "provider",
    "FAULTS": "_table",
    "Fault": "faults",
    "NetworkForbidden": "guard",
    "forbid_network": "guard",
    "Simulation": "simulate",
    "VendorServer": "server",
    "Vendors": "vendors",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
