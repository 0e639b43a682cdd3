"""Refusals in each vendor's own words are what the library takes them for. (The words are second-hand: synthetic.)"""

from __future__ import annotations

import pytest

import modelmux
from modelmux import errors
from modelmux.testing import FakeProvider

CLASSES = {
    "context too long": errors.ContextTooLong,
    "content blocked": errors.ContentBlocked,
    "quota spent": (errors.BillingError, errors.RateLimited),
    "wrong key": errors.AuthError,
    "no permission": errors.PermissionDenied,
    "model gone": errors.ModelNotFound,
    "overloaded": errors.Overloaded,
}


@pytest.mark.parametrize("vendor", ["openai", "anthropic", "gemini"])
@pytest.mark.parametrize("name", CLASSES)
def test_a_refusal_is_what_it_says(vendor, name, modelmux_clock):
    provider = FakeProvider(vendor, clock=modelmux_clock)
    provider.fail(name)
    provider.reply("later", times=1)
    with modelmux.Mux([provider.endpoint()], clock=modelmux_clock) as mux:
        if (vendor, name) == ("gemini", "content blocked"):
            assert mux.chat("Hi").finish == "filtered"  # it says so in a good answer
        else:
            with pytest.raises(CLASSES[name]):
                mux.chat("Hi", deadline=30)
    provider.heal()
    with modelmux.Mux([provider.endpoint()], clock=modelmux_clock) as mux:
        assert mux.chat("Hi").text == "later"
