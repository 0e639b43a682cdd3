"""Embeddings of a gateway: of the configured models only, with their endpoint's key, as each caller's key may."""

from __future__ import annotations

import json
from typing import Any

import pytest

from front.upstream import Reply, Upstream
from gateway.asgi import Caller
from modelmux import Endpoint, Mux, gateway

ANSWER = {"object": "list", "data": [{"index": 0, "embedding": [0.1]}], "model": "m", "usage": {"prompt_tokens": 7}}
SMALL = "openai/text-embedding-3-small"
OWN = Endpoint(SMALL, name="ours", base_url="http://embed.test/v1", api_key="endpoints-key")
KEY = gateway.new_key()


def served(models: Any, *, only: Any = None, **options: Any) -> tuple[Caller, Upstream, Mux]:
    upstream = Upstream(Reply(pieces=[json.dumps(ANSWER).encode()]))
    mux = upstream.under(Mux(models, providers={"openai": {"api_key": "our-key"}}, **options))
    keys = [] if only is None else [gateway.Key.of("team", KEY, models=only)]
    return Caller(gateway.app(mux, keys=keys)), upstream, mux


def embed(ask: Caller, model: Any, url: str = "/v1/embeddings") -> Any:
    return ask("POST", url, {"model": model, "input": "Hi"}, {"authorization": f"Bearer {KEY}"})


@pytest.mark.parametrize("name", [SMALL, "text-embedding-3-small"])
def test_a_configured_model_is_served_by_its_names(name):
    ask, upstream, mux = served(["openai/gpt-5-mini", SMALL])
    got = embed(ask, name)
    assert (got.status, got.json) == (200, ANSWER)
    [sent] = upstream.requests
    assert sent.url == "https://api.openai.com/v1/embeddings"
    assert sent.headers["authorization"] == "Bearer our-key"
    assert json.loads(sent.body) == {"model": "text-embedding-3-small", "input": "Hi"}
    [row] = mux.ledger.query()
    assert (row.endpoint, row.cost_nano) == (SMALL, 7 * 20)  # 0.02 dollars a million


@pytest.mark.parametrize("name", ["ours", SMALL])
def test_an_endpoint_is_asked_at_its_own_address_with_its_own_key(name):
    ask, upstream, mux = served([OWN])
    assert embed(ask, name).status == 200
    [sent] = upstream.requests
    assert (sent.url, sent.headers["authorization"]) == ("http://embed.test/v1/embeddings", "Bearer endpoints-key")
    assert json.loads(sent.body)["model"] == "text-embedding-3-small"
    assert mux.ledger.query()[0].endpoint == mux.last_receipts[-1].attempts[0].endpoint == "ours"


@pytest.mark.parametrize("name", ["openai/text-embedding-3-large", "text-embedding-3-large", "voyage/voyage-3", "auto"])
def test_a_model_that_is_not_configured_is_not_found(name):
    ask, upstream, mux = served(["openai/gpt-5-mini", SMALL])
    got = embed(ask, name)
    assert got.status == 404
    error = got.json["error"]
    assert (error["code"], error["param"], error["type"]) == ("model_not_found", "model", "invalid_request_error")
    assert name in error["message"]
    assert upstream.requests == []
    assert mux.ledger.query() == []


def test_without_models_of_its_own_a_gateway_serves_every_provider_it_has_a_key_for():
    ask, upstream, _ = served(None)
    assert embed(ask, "openai/text-embedding-3-large").status == 200
    assert json.loads(upstream.requests[0].body)["model"] == "text-embedding-3-large"
    assert embed(ask, "voyage/voyage-3").status == 502  # it is our key that is missing


@pytest.mark.parametrize(
    ("models", "only", "name", "status"),
    [
        ([SMALL, "openai/gpt-5-mini"], ["gpt-*"], SMALL, 403),
        ([SMALL, "openai/gpt-5-mini"], ["gpt-*"], "text-embedding-3-small", 403),
        ([SMALL], ["openai/*"], "text-embedding-3-small", 200),
        ([SMALL], ["*-small"], SMALL, 200),
        ([OWN], ["ours"], SMALL, 200),
        ([OWN], ["theirs"], "ours", 403),
        (None, ["openai/*"], SMALL, 200),
        (None, ["gemini/*"], SMALL, 403),
    ],
)
def test_a_key_may_use_its_models_only(models, only, name, status):
    ask, upstream, _ = served(models, only=only)
    got = embed(ask, name)
    assert got.status == status
    assert len(upstream.requests) == (status == 200)
    if status == 403:
        assert name in got.json["error"]["message"]


def test_what_cannot_chat_is_no_candidate_of_auto():
    ask, upstream, _ = served([SMALL, "openai/gpt-5-mini"], policy="priority")
    got = ask("POST", "/v1/chat/completions", {"model": "auto", "messages": [{"role": "user", "content": "Hi"}]})
    assert got.status != 404
    assert {json.loads(sent.body)["model"] for sent in upstream.requests} == {"gpt-5-mini"}
