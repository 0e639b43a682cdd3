"""Which name goes where, with which key, and what goes along."""

from __future__ import annotations

import json
from typing import Any

import pytest

from front.upstream import Reply, Upstream
from modelmux import Endpoint, Mux
from modelmux._front import Front, FrontRequest
from modelmux.testing import FakeClock

CHAT = {"messages": [{"role": "user", "content": "Hi"}]}
ANSWERS = {
    "chat/completions": {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    },
    "messages": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 2},
    },
    "generateContent": {
        "candidates": [
            {"content": {"parts": [{"text": "Hello"}], "role": "model"}, "finishReason": "STOP", "index": 0}
        ],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
    },
    "embeddings": {"object": "list", "data": [], "model": "m", "usage": {"prompt_tokens": 7, "total_tokens": 7}},
    "count_tokens": {"input_tokens": 9},
}


def answer(request: Any) -> Reply:
    path = request.url.partition("?")[0]
    name = next(name for name in ANSWERS if path.endswith(name))
    return Reply(pieces=[json.dumps(ANSWERS[name]).encode()])


def mux_of(*models: Any, **options: Any) -> tuple[Mux, Upstream]:
    upstream = Upstream(answer)
    return upstream.under(Mux(list(models) or None, clock=FakeClock(), **options)), upstream


def chat(
    model: str, url: str = "https://api.openai.com/v1/chat/completions", key: str = "client-key", **more: Any
) -> FrontRequest:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json", **more.pop("headers", {})}
    direct = more.pop("direct", True)
    body = json.dumps({"model": model, **CHAT, **more}).encode()
    return FrontRequest(method="POST", url=url, headers=headers, body=body, direct=direct)


OURS = Endpoint("openai/gpt-5-mini", api_key="our-key")
CLAUDE = Endpoint("anthropic/claude-haiku-4-5", api_key="our-other-key")


AT = "https://api.openai.com/v1"
ROUTER, LOCAL = "https://openrouter.ai/api/v1", "http://localhost:8000/v1"


@pytest.mark.parametrize(
    ("model", "base", "host", "sent_model", "key"),
    [
        ("gpt-4.1", AT, "api.openai.com", "gpt-4.1", "client-key"),
        ("gpt-5-mini", AT, "api.openai.com", "gpt-5-mini", "our-key"),
        ("openai/gpt-5-mini", AT, "api.openai.com", "gpt-5-mini", "our-key"),
        ("claude-haiku-4-5", AT, "api.anthropic.com", "claude-haiku-4-5", "our-other-key"),
        ("meta/some-model", AT, "api.openai.com", "meta/some-model", "client-key"),
        ("anthropic/claude-x", ROUTER, "openrouter.ai", "anthropic/claude-x", "client-key"),
        ("openai/gpt-oss-20b", LOCAL, "localhost:8000", "openai/gpt-oss-20b", "client-key"),
    ],
)
def test_a_name_goes_where_the_page_says(ask, model, base, host, sent_model, key):
    mux, upstream = mux_of(OURS, CLAUDE)
    got = ask(Front(mux), chat(model, f"{base}/chat/completions"))
    assert got.status == 200, got.body
    [sent] = upstream.requests
    assert f"//{host}/" in sent.url
    assert json.loads(sent.body)["model"] == sent_model
    assert key in (sent.headers.get("x-api-key"), sent.headers.get("authorization", "").removeprefix("Bearer "))


def test_a_clients_key_serves_its_own_vendor_where_the_mux_has_none(ask):
    mux, upstream = mux_of(CLAUDE)
    assert ask(Front(mux), chat("openai/gpt-5-mini")).status == 200
    assert upstream.requests[0].headers["authorization"] == "Bearer client-key"


def test_a_provider_in_the_name_is_routed_without_being_configured(ask):
    mux, upstream = mux_of(OURS, providers={"anthropic": {"api_key": "our-other-key"}})
    assert ask(Front(mux), chat("anthropic/claude-sonnet-4-5")).status == 200
    [sent] = upstream.requests
    assert sent.url == "https://api.anthropic.com/v1/messages"
    assert sent.headers["x-api-key"] == "our-other-key"


def test_a_clients_key_goes_to_no_other_vendor(ask):
    mux, upstream = mux_of(OURS, CLAUDE)
    headers = {"x-stainless-lang": "python", "openai-organization": "org-test", "cookie": "private"}
    assert ask(Front(mux), chat("anthropic/claude-haiku-4-5", headers=headers)).status == 200
    [sent] = upstream.requests
    assert "client-key" not in repr(dict(sent.headers)) + sent.url + sent.body.decode()
    assert not {"x-stainless-lang", "openai-organization", "cookie", "authorization"} & sent.headers.keys()


def test_what_steers_a_vendor_goes_along_to_it(ask):
    mux, upstream = mux_of(CLAUDE)
    headers = {"anthropic-version": "2026-10-21", "anthropic-beta": "one,two", "x-api-key": "client-key"}
    body = {"model": "claude-haiku-4-5", "max_tokens": 5, **CHAT}
    url = "https://api.anthropic.com/v1/messages?beta=true"
    got = ask(Front(mux), FrontRequest(method="POST", url=url, headers=headers, body=json.dumps(body).encode()))
    assert got.status == 200
    [sent] = upstream.requests
    assert sent.headers["anthropic-version"] == "2026-10-21"
    assert sent.headers["anthropic-beta"] == "one,two"
    assert sent.headers["x-api-key"] == "our-other-key"


def test_a_gateways_client_sends_no_key_on_and_gets_no_unconfigured_model(ask):
    mux, upstream = mux_of(OURS, CLAUDE)
    front = Front(mux)
    assert ask(front, chat("gpt-5-mini", "/v1/chat/completions", direct=False)).status == 200
    assert upstream.requests[0].headers["authorization"] == "Bearer our-key"
    got = ask(front, chat("no-such-model", "/v1/chat/completions", direct=False))
    assert got.status == 404
    assert json.loads(got.body)["error"]["code"] == "model_not_found"
    assert len(upstream.requests) == 1


def test_a_key_of_a_gateway_may_be_for_some_models_only(ask):
    mux, upstream = mux_of(OURS, CLAUDE)
    front = Front(mux)

    def limited(model: str) -> FrontRequest:
        whole = chat(model, "/v1/chat/completions", direct=False)
        return FrontRequest(method="POST", url=whole.url, body=whole.body, direct=False, models=("openai/*", "auto"))

    assert ask(front, limited("anthropic/claude-haiku-4-5")).status == 403
    assert ask(front, limited("openai/gpt-5-mini")).status == 200
    assert ask(front, limited("auto")).status == 200
    assert all("openai.com" in sent.url for sent in upstream.requests)


def test_options_come_in_headers_and_in_the_body_and_go_no_further(ask):
    mux, upstream = mux_of(OURS, CLAUDE)
    headers = {"x-modelmux-tags": "user=42, team=a", "x-modelmux-policy": "cheapest", "x-modelmux-deadline": "5"}
    request = chat(
        "auto", headers=headers, modelmux={"exclude": ["anthropic"], "tags": {"team": "b"}, "max_cost": "0.5"}
    )
    got = ask(Front(mux), request)
    assert got.status == 200, got.body
    [sent] = upstream.requests
    assert not [name for name in sent.headers if name.startswith("x-modelmux")]
    assert "modelmux" not in json.loads(sent.body)
    assert mux.ledger.query()[0].tags == {"user": "42", "team": "b"}
    receipt = json.loads(got.headers["x-modelmux-receipt"])
    assert receipt["endpoint"] == "openai/gpt-5-mini"
    assert receipt["attempts"] == 1
    assert mux.last_receipts[-1].call_id == receipt["call"]


@pytest.mark.parametrize("names", ["auto", "anthropic/claude-haiku-4-5, auto"])
def test_auto_in_the_header_is_any_model_for_clients_that_know_their_vendors_names_only(ask, names):
    mux, upstream = mux_of(OURS, CLAUDE, policy="priority")
    answered = ask(Front(mux), chat("gpt-4.1", headers={"x-modelmux-models": names}))
    assert answered.status == 200
    assert json.loads(upstream.requests[0].body)["model"] == "gpt-5-mini"


def test_models_of_a_request_stand_in_for_its_one(ask):
    mux, upstream = mux_of(OURS, CLAUDE)
    request = chat("gpt-4.1", headers={"x-modelmux-models": "anthropic/claude-haiku-4-5"})
    assert ask(Front(mux), request).status == 200
    assert "api.anthropic.com" in upstream.requests[0].url


@pytest.mark.parametrize(
    ("name", "value"),
    [("deadline", "soon"), ("polcy", "cheapest"), ("tags", "user"), ("on-break", "restart"), ("strict", "maybe")],
)
def test_an_option_that_means_nothing_is_an_error_that_names_it(ask, name, value):
    mux, upstream = mux_of(OURS)
    got = ask(Front(mux), chat("gpt-5-mini", headers={f"x-modelmux-{name}": value}))
    assert got.status == 400
    assert f"x-modelmux-{name}" in json.loads(got.body)["error"]["message"]
    assert upstream.requests == []


def test_a_price_ceiling_holds_for_what_nobody_routes_too(ask):
    mux, upstream = mux_of(OURS)
    got = ask(Front(mux), chat("gpt-4.1", headers={"x-modelmux-max-cost": "0.0000001"}))
    assert got.status == 400
    assert upstream.requests == []


# --- what is not routed --------------------------------------------------------------------------------------


def test_embeddings_pass_and_are_metered(ask):
    mux, upstream = mux_of(OURS)
    url, body = "https://api.openai.com/v1/embeddings", {"model": "text-embedding-3-small", "input": "Hi"}
    headers = {"authorization": "Bearer client-key", "content-type": "application/json"}
    got = ask(Front(mux), FrontRequest(method="POST", url=url, headers=headers, body=json.dumps(body).encode()))
    assert json.loads(got.body) == ANSWERS["embeddings"]
    [sent] = upstream.requests
    assert sent.url == url
    assert sent.headers["authorization"] == "Bearer client-key"
    [row] = mux.ledger.query()
    assert (row.state, dict(row.units), row.model_asked) == ("ok", {"input": 7}, "text-embedding-3-small")
    assert row.cost_nano == 7 * 20  # 0.02 dollars a million


def test_embeddings_of_a_gateway_go_with_our_key(ask):
    mux, upstream = mux_of(OURS, "openai/text-embedding-3-small", providers={"openai": {"api_key": "our-key"}})
    body = {"model": "openai/text-embedding-3-small", "input": "Hi"}
    request = FrontRequest(method="POST", url="/v1/embeddings", body=json.dumps(body).encode(), direct=False)
    assert ask(Front(mux), request).status == 200
    [sent] = upstream.requests
    assert sent.url == "https://api.openai.com/v1/embeddings"
    assert sent.headers["authorization"] == "Bearer our-key"
    assert json.loads(sent.body)["model"] == "text-embedding-3-small"


def test_tokens_are_counted_by_the_vendor_it_was_meant_for_or_by_us(ask):
    mux, upstream = mux_of(OURS)
    body = {"model": "claude-haiku-4-5", **CHAT}
    url = "https://api.anthropic.com/v1/messages/count_tokens"
    got = ask(Front(mux), FrontRequest(method="POST", url=url, body=json.dumps(body).encode()))
    assert json.loads(got.body) == ANSWERS["count_tokens"]
    assert len(upstream.requests) == 1
    body["model"] = "openai/gpt-5-mini"
    got = ask(Front(mux), FrontRequest(method="POST", url=url, body=json.dumps(body).encode()))
    assert json.loads(got.body)["input_tokens"] > 0
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    ("headers", "path", "names"),
    [
        ({}, "/v1/models", lambda body: [item["id"] for item in body["data"]]),
        ({"anthropic-version": "2023-06-01"}, "/v1/models", lambda body: [item["id"] for item in body["data"]]),
        ({}, "/v1beta/models", lambda body: [item["name"].removeprefix("models/") for item in body["models"]]),
    ],
)
def test_a_gateway_lists_its_models_in_every_format(ask, headers, path, names):
    mux, _ = mux_of(OURS, CLAUDE)
    got = ask(Front(mux), FrontRequest(method="GET", url=path, headers=headers, direct=False))
    body = json.loads(got.body)
    assert names(body) == ["openai/gpt-5-mini", "anthropic/claude-haiku-4-5"]
    assert ("has_more" in body) == bool(headers)


def test_what_nobody_knows_passes_as_it_came(ask):
    upstream = Upstream(Reply(201, {"content-type": "text/plain", "x-of-theirs": "yes"}, [b"as ", b"it is"]))
    mux = upstream.under(Mux([OURS], clock=FakeClock()))
    headers = {"authorization": "Bearer client-key", "x-odd": "1", "host": "api.openai.com"}
    request = FrontRequest(method="PUT", url="https://api.openai.com/v1/files/7?a=b", headers=headers, body=b"\x00\xff")
    got = ask(Front(mux), request)
    assert (got.status, got.body, got.headers["x-of-theirs"]) == (201, b"as it is", "yes")
    [sent] = upstream.requests
    assert (sent.method, sent.url, sent.body) == ("PUT", request.url, b"\x00\xff")
    assert dict(sent.headers) == {"authorization": "Bearer client-key", "x-odd": "1"}
    assert mux.ledger.query() == []


def test_a_gateway_knows_no_other_address(ask):
    mux, upstream = mux_of(OURS)
    got = ask(Front(mux), FrontRequest(method="POST", url="/v1/images/generations", body=b"{}", direct=False))
    assert got.status == 404
    assert upstream.requests == []
