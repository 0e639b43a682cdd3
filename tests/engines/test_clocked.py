"""A Mux on a clock of its own talks to a real server: what is left there is what the engine has left."""

from __future__ import annotations

import asyncio
import time

import pytest

from modelmux import Mux, errors
from modelmux.testing import FakeClock, Fault, VendorServer
from modelmux.testing.faults import NEVER


def ask(mux: Mux, flavour: str, **options):
    if flavour == "sync":
        return mux.chat("hi", **options)

    async def main():
        async with mux:
            return await mux.achat("hi", **options)

    return asyncio.run(main())


@pytest.mark.parametrize("flavour", ["sync", "async"])
@pytest.mark.parametrize("start", [0.0, 1e9], ids=["behind the machine's", "ahead of it"])
def test_a_deadline_is_on_the_clock_of_the_mux(flavour, start) -> None:
    with VendorServer() as server:
        mux = Mux([server.endpoint()], clock=FakeClock(monotonic=start))
        assert ask(mux, flavour, deadline=20).text == "You said: hi"
        server.fail(Fault(latency=NEVER))
        began = time.monotonic()
        with pytest.raises(errors.ProviderError):
            ask(mux, flavour, deadline=0.2)
        assert time.monotonic() - began < 5.0
        mux.close()
