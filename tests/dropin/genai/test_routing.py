"""Calls that are routed: any provider's model, answered in this front's shape."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Iterator

import pytest

import modelmux
from modelmux import Mux
from modelmux._dropin import routed
from modelmux.google import genai
from modelmux.google.genai import errors, types
from modelmux.testing import Vendors

MODELS = ("openai/gpt-5-mini", "anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash")


@pytest.fixture
def served() -> Iterator[tuple[Vendors, Mux]]:
    with Vendors() as vendors, Mux(vendors.endpoints()) as mux:
        yield vendors, mux


@pytest.fixture
def client(served) -> Iterator[genai.Client]:
    with genai.Client(api_key="test-key", mux=served[1]) as made:
        yield made


@pytest.mark.parametrize("model", [*MODELS, "auto"])
def test_any_vendor_answers_in_this_shape(client, model):
    answer = client.models.generate_content(model=model, contents="Hello")
    assert answer.text == "You said: Hello"
    assert answer.candidates[0].finish_reason is types.FinishReason.STOP
    assert answer.usage_metadata.total_token_count > 0
    assert answer._modelmux["status"] == "priced"
    if model != "auto":
        assert answer._modelmux["endpoint"] == model


@pytest.mark.parametrize("model", MODELS)
def test_streams_too(client, model):
    pieces = list(client.models.generate_content_stream(model=model, contents="Hello"))
    assert "".join(piece.text or "" for piece in pieces) == "You said: Hello"
    assert pieces[-1].candidates[0].finish_reason is types.FinishReason.STOP


@pytest.mark.parametrize("model", MODELS)
def test_awaited(served, model):
    async def go() -> tuple[str, str]:
        async with genai.Client(api_key="test-key", mux=served[1]).aio as client:
            whole = await client.models.generate_content(model=model, contents="Hello")
            stream = await client.models.generate_content_stream(model=model, contents="Hello")
            pieces = [piece.text or "" async for piece in stream]
            await served[1].aclose()
            return whole.text, "".join(pieces)

    assert asyncio.run(go()) == ("You said: Hello", "You said: Hello")


@pytest.mark.parametrize("model", MODELS)
def test_functions_are_called_whoever_answers(served, client, model):
    vendors, _ = served
    vendor = vendors[model.partition("/")[0]]
    vendor.reply(tool_calls=[{"name": "weather", "arguments": {"city": "Seoul"}}], times=1)
    vendor.reply(text="Sunny.")
    asked = []

    def weather(city: str) -> str:
        """The weather."""
        asked.append(city)
        return "sun"

    chat = client.chats.create(model=model, config={"tools": [weather]})
    assert chat.send_message("How is it?").text == "Sunny."
    assert asked == ["Seoul"]
    assert [turn.role for turn in chat.get_history()] == ["user", "model", "user", "model"]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("status", "kind", "word"),
    [
        (400, errors.ClientError, "INVALID_ARGUMENT"),
        (404, errors.ClientError, "NOT_FOUND"),
        (429, errors.ClientError, "RESOURCE_EXHAUSTED"),
        (500, errors.ServerError, "INTERNAL"),
    ],
)
def test_any_vendors_error_is_this_fronts_own(served, client, model, status, kind, word):
    vendors, _ = served
    vendors[model.partition("/")[0]].reply(status=status, text="as told")
    with pytest.raises(kind, match="as told") as caught:
        client.models.generate_content(model=model, contents="Hello")
    assert caught.value.status == word
    assert caught.value.response.status_code == caught.value.code


def test_options_in_the_configuration(served, client):
    vendors, mux = served
    config = types.GenerateContentConfig(modelmux={"models": ["anthropic/claude-haiku-4-5"], "tags": {"team": "a"}})
    answer = client.models.generate_content(model="openai/gpt-5-mini", contents="Hello", config=config)
    assert answer._modelmux["endpoint"] == "anthropic/claude-haiku-4-5"
    assert vendors["openai"].requests == []
    assert len(mux.last_receipts) == 1


def test_options_in_the_extra_body(client):
    config = {"http_options": {"extra_body": {"modelmux": {"models": ["gemini/gemini-2.5-flash"]}}}}
    answer = client.models.generate_content(model="auto", contents="Hello", config=config)
    assert answer._modelmux["endpoint"] == "gemini/gemini-2.5-flash"


def test_a_receipt_goes_with_copies(client):
    answer = client.models.generate_content(model="openai/gpt-5-mini", contents="Hello")
    assert copy.deepcopy(answer)._modelmux == answer._modelmux
    assert pickle.loads(pickle.dumps(answer))._modelmux == answer._modelmux
    assert "_modelmux" not in answer.model_dump()


def test_counting_for_another_vendor(client):
    assert client.models.count_tokens(model="openai/gpt-5-mini", contents="Hello").total_tokens > 0


class TestWithoutAMux:
    """Who is asked when nobody gave a Mux."""

    @pytest.fixture
    def default(self, served, monkeypatch) -> Mux:
        monkeypatch.setattr(modelmux, "default_mux", lambda: served[1], raising=False)
        return served[1]

    @pytest.mark.usefixtures("default")
    def test_a_providers_model_goes_to_the_default_mux(self):
        with genai.Client(api_key="test-key") as client:
            answer = client.models.generate_content(model="anthropic/claude-haiku-4-5", contents="Hello")
        assert answer._modelmux["endpoint"] == "anthropic/claude-haiku-4-5"

    @pytest.mark.usefixtures("default")
    def test_options_of_ours_go_to_the_default_mux(self):
        with genai.Client(api_key="test-key") as client:
            config = {"modelmux": {"models": ["openai/gpt-5-mini"]}}
            answer = client.models.generate_content(model="gemini-2.5-flash", contents="Hello", config=config)
        assert answer._modelmux["endpoint"] == "openai/gpt-5-mini"

    @pytest.mark.parametrize("model", ["gemini-2.5-flash", "models/x", "tunedModels/x", "unknown-house/x"])
    def test_a_vendors_own_name_goes_to_the_vendor(self, loopback, monkeypatch, model):
        monkeypatch.setattr(routed, "Route", None)  # nothing may be routed
        loopback.say({"candidates": [{"content": {"parts": [{"text": "x"}]}}]})
        options = {"base_url": loopback.url.removesuffix("v1")}
        with genai.Client(api_key="test-key", http_options=options) as client:
            answer = client.models.generate_content(model=model, contents="Hello")
        assert (answer.text, answer._modelmux) == ("x", None)

    def test_another_address_is_asked_as_it_is(self, loopback):
        """Who speaks to a proxy means its names."""
        loopback.say({"candidates": []})
        options = {"base_url": loopback.url.removesuffix("v1")}
        with genai.Client(api_key="test-key", http_options=options) as client:
            client.models.generate_content(model="openai/gpt-5-mini", contents="Hello")
        assert loopback.seen[0].path == "/v1/models/openai/gpt-5-mini:generateContent"
