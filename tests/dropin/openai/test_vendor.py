"""The vendor's own client in one line: which HTTP library it gets, and what is said where something is missing."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import httpx
import pytest

import modelmux
import modelmux.openai as openai
from modelmux.errors import ConfigError
from modelmux.testing import Vendors


class Client:
    """Stands in for the SDK's client."""

    def __init__(self, **options: Any) -> None:
        self.options = options


@pytest.fixture
def sdk(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A stand-in for the SDK, on this environment's HTTP library."""
    module: Any = ModuleType("openai")
    module.OpenAI, module.AsyncOpenAI = type("OpenAI", (Client,), {}), type("AsyncOpenAI", (Client,), {})
    module.DefaultHttpxClient = type("DefaultHttpxClient", (httpx.Client,), {})
    module.DefaultAsyncHttpxClient = type("DefaultAsyncHttpxClient", (httpx.AsyncClient,), {})
    monkeypatch.setitem(sys.modules, "openai", module)
    return module


def test_the_sdks_client_gets_our_transport_in_its_own_family(sdk: Any, no_vendor_keys: None):
    with Vendors() as vendors, modelmux.Mux(vendors.endpoints()) as mux:
        client = openai.as_vendor(mux, max_retries=0)
        assert type(client) is sdk.OpenAI
        assert client.options["max_retries"] == 0
        assert client.options["api_key"]
        body = {"model": "anthropic/claude-haiku-4-5", "messages": [{"role": "user", "content": "hi"}]}
        with client.options["http_client"] as http:
            assert isinstance(http, httpx.Client)
            answer = http.post("https://api.openai.com/v1/chat/completions", json=body).json()
        assert answer["choices"][0]["message"]["content"] == "You said: hi"
        later = openai.as_vendor(mux, is_async=True, api_key="mine")
        assert type(later) is sdk.AsyncOpenAI
        assert later.options["api_key"] == "mine"
        assert isinstance(later.options["http_client"], httpx.AsyncClient)


def test_a_key_in_the_environment_stays_the_sdks_business(sdk: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "from-the-environment")
    assert "api_key" not in openai.as_vendor(modelmux.Mux(["openai/gpt-5-mini"])).options


def test_what_is_missing_is_said(sdk: Any, monkeypatch: pytest.MonkeyPatch):
    mux = modelmux.Mux()
    with pytest.raises(TypeError, match="http_client"):
        openai.as_vendor(mux, http_client=object())
    absent: Any = ModuleType("httpx2")
    absent.SyncByteStream = absent.AsyncByteStream = absent.AsyncBaseTransport = absent.Response = object
    monkeypatch.setitem(sys.modules, "httpx2", absent)
    sdk.DefaultHttpxClient = type("DefaultHttpxClient", (), {"__module__": "httpx2"})
    monkeypatch.setattr("modelmux.transport.import_module", _none_of_it)
    with pytest.raises(ConfigError, match="httpx2 is not installed"):
        openai.as_vendor(mux)
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ConfigError, match="pip install openai"):
        openai.as_vendor(mux)


def _none_of_it(name: str) -> Any:
    raise ImportError(name)
