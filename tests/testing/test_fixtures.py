"""The fixtures that come with the installation."""

from __future__ import annotations

import modelmux
from modelmux import errors
from modelmux.testing import FAULTS, FakeProvider


def test_the_server_is_one_of_the_vendors(modelmux_server, modelmux_vendors):
    modelmux_server.reply("Hello")
    with modelmux.Mux([modelmux_server.endpoint()]) as mux:
        assert mux.chat("Hi").text == "Hello"
    assert modelmux_server is modelmux_vendors.openai


def test_it_is_as_new_in_the_next_test(modelmux_server):
    assert modelmux_server.requests == []
    with modelmux.Mux([modelmux_server.endpoint()]) as mux:
        assert mux.chat("Hi").text == "You said: Hi"


def test_the_provider_keeps_the_clock(modelmux_provider, modelmux_clock):
    modelmux_provider.latency = 60.0
    began = modelmux_clock.monotonic()
    with modelmux.Mux([modelmux_provider.endpoint()], clock=modelmux_clock) as mux:
        mux.chat("Hi")
    assert modelmux_clock.monotonic() == began + 60


def test_a_simulation_is_at_hand(modelmux_simulation):
    modelmux_simulation.provider(latency=1.0)
    modelmux_simulation.workers(modelmux_simulation.mux(), workers=2, calls=6)
    assert len(modelmux_simulation.run().calls) == 6
    assert modelmux_simulation.now == 3.0


def test_every_fault_in_a_test_of_yours(modelmux_fault, modelmux_provider, modelmux_clock):
    """Runs once for each fault: the other vendor answers, unless none is to be asked after this one."""
    modelmux_provider.fail(modelmux_fault)
    other = FakeProvider("anthropic", clock=modelmux_clock)
    endpoints = [modelmux_provider.endpoint(), other.endpoint()]
    with modelmux.Mux(endpoints, policy="priority", clock=modelmux_clock, attempt_timeout=5) as mux:
        try:
            assert mux.chat("Hi", deadline=60).text == "You said: Hi"
        except (errors.ResponseTooLarge, errors.ContentBlocked):
            assert modelmux_fault.flood is not None or modelmux_fault.kind == "filter"


def test_it_ran_for_each_of_them(request):
    ran = {item.name for item in request.session.items if item.name.startswith("test_every_fault_in")}
    assert {f"test_every_fault_in_a_test_of_yours[{name}]" for name in FAULTS} >= ran
    assert len(ran) in {0, len(FAULTS)}, "0 where this test runs alone"
