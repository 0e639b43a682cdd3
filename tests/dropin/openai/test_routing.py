"""Through the drop-in to any vendor: the same shapes, the same errors, a receipt."""

from __future__ import annotations

import asyncio

import pytest

import modelmux
import modelmux.openai as openai
from dropin.loopback import Loopback
from modelmux.testing import Vendors

ASK = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    "model", ["anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash", "openai/gpt-5-mini", "auto"]
)
def test_any_model_answers_in_the_clients_own_shape(mux: modelmux.Mux, model: str):
    client = openai.OpenAI(mux=mux)
    answer = client.chat.completions.create(model=model, messages=ASK)
    assert isinstance(answer, openai.types.chat.ChatCompletion)
    assert answer.choices[0].message.content == "You said: hi"
    assert answer._modelmux["status"] == "priced"
    assert model in (answer._modelmux["endpoint"], "auto")
    chunks = list(client.chat.completions.create(model=model, messages=ASK, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "You said: hi"


def test_the_async_client_routes_too(mux: modelmux.Mux):
    async def ask() -> str:
        client = openai.AsyncOpenAI(mux=mux)
        options = {"modelmux": {"policy": "cheapest"}}
        answer = await client.chat.completions.create(model="auto", messages=ASK, extra_body=options)
        return answer.choices[0].message.content

    assert asyncio.run(ask()) == "You said: hi"


def test_without_a_mux_a_name_of_another_vendor_goes_through_the_default_one(
    monkeypatch: pytest.MonkeyPatch, loopback: Loopback, no_vendor_keys: None
):
    with Vendors() as vendors:
        for name, value in vendors.env().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("modelmux._default._made", {})
        monkeypatch.delenv("OPENAI_BASE_URL")  # the vendor's own address: no other server's names are meant
        answer = openai.OpenAI().chat.completions.create(model="anthropic/claude-haiku-4-5", messages=ASK)
        assert answer.choices[0].message.content == "You said: hi"
        assert answer._modelmux["endpoint"] == "anthropic/claude-haiku-4-5"
        assert len(vendors.anthropic.requests) == 1
        # At another server a name with a slash is that server's own.
        loopback.say({"choices": []})
        with openai.OpenAI(base_url=loopback.url) as elsewhere:
            elsewhere.chat.completions.create(model="anthropic/claude-haiku-4-5", messages=ASK)
        assert loopback.seen[0].json["model"] == "anthropic/claude-haiku-4-5"
        assert len(vendors.anthropic.requests) == 1
        modelmux.default_mux().close()


def test_what_no_route_can_serve_is_this_fronts_error(mux: modelmux.Mux, no_vendor_keys: None):
    with pytest.raises(openai.APIStatusError):
        openai.OpenAI(mux=mux, max_retries=0).chat.completions.create(model="anthropic/nobody", messages=ASK)
