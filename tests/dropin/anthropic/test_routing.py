"""Through the drop-in to any vendor: the same shapes, the same errors, a receipt."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import modelmux
import modelmux.anthropic as anthropic
from modelmux.errors import ConfigError

ASK: Any = {"max_tokens": 64, "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize(
    "model", ["anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash", "openai/gpt-5-mini", "auto"]
)
def test_any_model_answers_in_the_clients_own_shape(mux: modelmux.Mux, model: str):
    client = anthropic.Anthropic(mux=mux)
    answer = client.messages.create(model=model, **ASK)
    assert isinstance(answer, anthropic.types.Message)
    assert answer.content[0].text == "You said: hi"
    assert answer._modelmux["status"] == "priced"
    assert model in (answer._modelmux["endpoint"], "auto")
    with client.messages.stream(model=model, **ASK) as stream:
        assert "".join(stream.text_stream) == "You said: hi"
        assert stream.get_final_message().usage.output_tokens > 0


def test_the_async_client_routes_too(mux: modelmux.Mux):
    async def ask() -> Any:
        client = anthropic.AsyncAnthropic(mux=mux)
        options = {"modelmux": {"policy": "cheapest"}}
        async with client.messages.stream(model="auto", **ASK, extra_body=options) as stream:
            return await stream.get_final_text()

    assert asyncio.run(ask()) == "You said: hi"


def test_a_routed_call_is_not_bound_to_one_vendors_limits(mux: modelmux.Mux):
    """The vendor's client refuses to wait for so many tokens; which vendor answers is open here."""
    asked = {**ASK, "max_tokens": 60_000}
    assert anthropic.Anthropic(mux=mux).messages.create(model="openai/gpt-5-mini", **asked).content


def test_what_no_route_can_serve_is_this_fronts_error(mux: modelmux.Mux, no_vendor_keys: None):
    with pytest.raises(anthropic.APIStatusError):
        anthropic.Anthropic(mux=mux, max_retries=0).messages.create(model="openai/nobody", **ASK)


def test_the_vendors_own_client_is_asked_for_by_name(mux: modelmux.Mux):
    with pytest.raises(ConfigError, match="pip install anthropic"):
        anthropic.as_vendor(mux)
