"""Every front, whole and streamed, from every vendor; lists of models; counts; mounted below a path."""

from __future__ import annotations

import json

import pytest

from front.upstream import Reply, Upstream
from gateway.asgi import Caller, events
from gateway.conftest import MODELS
from modelmux import Mux, gateway

HI = [{"role": "user", "content": "Hi"}]


def chat(model, stream):
    return "/v1/chat/completions", {"model": model, "messages": HI, "stream": stream}, {}


def responses(model, stream):
    return "/v1/responses", {"model": model, "input": "Hi", "stream": stream}, {}


def messages(model, stream):
    body = {"model": model, "max_tokens": 100, "messages": HI, "stream": stream}
    return "/v1/messages", body, {"anthropic-version": "2023-06-01"}


def generate(model, stream):
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/v1beta/models/{model}:{verb}", {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]}, {}


WHOLE = {
    chat: lambda body: body["choices"][0]["message"]["content"],
    responses: lambda body: "".join(
        part["text"] for item in body["output"] if item["type"] == "message" for part in item["content"]
    ),
    messages: lambda body: "".join(part["text"] for part in body["content"] if part["type"] == "text"),
    generate: lambda body: "".join(part["text"] for part in body["candidates"][0]["content"]["parts"]),
}

STREAMED = {
    chat: lambda event: [c["delta"].get("content") or "" for c in event["choices"]] if isinstance(event, dict) else [],
    responses: lambda event: [event["delta"]] if event["type"] == "response.output_text.delta" else [],
    messages: lambda event: [event["delta"].get("text", "")] if event["type"] == "content_block_delta" else [],
    generate: lambda event: [p.get("text", "") for c in event["candidates"] for p in c["content"].get("parts", [])],
}

LAST = {
    chat: lambda event: event == "[DONE]",
    responses: lambda event: event["type"] == "response.completed",
    messages: lambda event: event["type"] == "message_stop",
    generate: lambda event: event["candidates"][0].get("finishReason") == "STOP",
}

FRONTS = pytest.mark.parametrize("front", [chat, responses, messages, generate], ids=lambda front: front.__name__)
PAIRS = pytest.mark.parametrize(
    ("front", "vendor"),
    [(front, vendor) for front in (chat, responses, messages, generate) for vendor in MODELS],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)


@PAIRS
def test_a_whole_answer_comes_in_the_callers_format(serving, vendors, front, vendor):
    vendors[vendor].reply(text="Hello there", usage={"input": 3, "output": 2})
    url, body, headers = front(MODELS[vendor], False)
    got = serving()("POST", url, body, headers)
    assert got.status == 200, got.text
    assert WHOLE[front](got.json) == "Hello there"
    assert got.headers["content-length"] == str(len(got.body))
    receipt = json.loads(got.headers["x-modelmux-receipt"])
    assert receipt["endpoint"] == MODELS[vendor]
    assert receipt["attempts"] == 1


@PAIRS
def test_a_stream_comes_in_the_callers_format(serving, vendors, front, vendor):
    vendors[vendor].reply(text=["One", " two", " three"], usage={"input": 3, "output": 3})
    url, body, headers = front(MODELS[vendor], True)
    got = serving()("POST", url, body, headers)
    assert (got.status, got.ended) == (200, True), got.text
    assert got.headers["content-type"].startswith("text/event-stream")
    found = events(got.body)
    assert "".join(text for event in found for text in STREAMED[front](event)) == "One two three"
    assert LAST[front](found[-1])


@pytest.mark.parametrize("model", ["gpt-5-mini", "openai/gpt-5-mini", "auto"])
@pytest.mark.parametrize("allowed", [None, ["gpt-5-mini"], ["openai/*"], ["gpt-*"]])
def test_a_model_may_be_asked_by_any_of_its_names(serving, vendors, model, allowed):
    key = gateway.new_key()
    ask = serving(keys=[gateway.Key.of("a", key, models=allowed)])
    url, body, _ = chat(model, False)
    assert ask("POST", url, body, {"authorization": f"Bearer {key}"}).status == 200
    assert len(vendors["openai"].requests) == 1


def test_only_what_the_mux_was_given_is_offered(serving, vendors):
    got = serving(mux={"providers": {"openai": {"api_key": "our-other-key"}}})(
        "POST", *chat("openai/gpt-4o", False)[:2]
    )
    assert (got.status, got.json["error"]["code"]) == (404, "model_not_found")
    assert vendors["openai"].requests == []


# --- models --------------------------------------------------------------------------------------------------


def test_the_list_of_models_has_the_format_that_asks(serving):
    ask = serving()
    plain = ask("GET", "/v1/models").json
    assert [model["id"] for model in plain["data"]] == list(MODELS.values())
    assert plain["object"] == "list"
    marked = ask("GET", "/v1/models", headers={"anthropic-version": "2026-10-21"}).json
    assert [(model["type"], model["id"]) for model in marked["data"]] == [("model", name) for name in MODELS.values()]
    assert marked["has_more"] is False
    for path, headers in (("/v1beta/models", {}), ("/v1/models", {"x-goog-api-key": "any"})):
        theirs = ask("GET", path, headers=headers).json
        assert [model["name"] for model in theirs["models"]] == [f"models/{name}" for name in MODELS.values()]


@pytest.mark.parametrize("name", ["openai/gpt-5-mini", "openai%2Fgpt-5-mini", "gpt-5-mini"])
def test_one_model_can_be_asked_for(serving, name):
    ask = serving()
    assert ask("GET", f"/v1/models/{name}").json["id"] == "openai/gpt-5-mini"
    assert ask("GET", f"/v1beta/models/{name}").json["name"] == "models/openai/gpt-5-mini"
    marked = ask("GET", f"/v1/models/{name}", headers={"anthropic-version": "2023-06-01"})
    assert (marked.json["type"], marked.json["id"]) == ("model", "openai/gpt-5-mini")


def test_a_model_that_is_not_there_is_404_in_each_format(serving):
    ask = serving()
    assert ask("GET", "/v1/models/none").json["error"]["code"] == "model_not_found"
    assert ask("GET", "/v1beta/models/none").json["error"]["status"] == "NOT_FOUND"
    marked = ask("GET", "/v1/models/none", headers={"anthropic-version": "2023-06-01"})
    assert (marked.status, marked.json["error"]["type"]) == (404, "not_found_error")


# --- what is not chat ----------------------------------------------------------------------------------------


def test_tokens_are_counted(serving):
    ask = serving()
    counted = ask("POST", "/v1/messages/count_tokens", {"model": "gpt-5-mini", "messages": HI})
    assert counted.json["input_tokens"] > 0
    body = {"contents": [{"role": "user", "parts": [{"text": "Hi there, how are you?"}]}]}
    assert ask("POST", "/v1beta/models/gpt-5-mini:countTokens", body).json["totalTokens"] > 3


EMBEDDED = {"object": "list", "data": [{"index": 0, "embedding": [0.1]}], "model": "m", "usage": {"prompt_tokens": 7}}


def test_embeddings_go_to_their_provider_and_are_booked():
    upstream = Upstream(Reply(pieces=[json.dumps(EMBEDDED).encode()]))
    mux = upstream.under(
        Mux(["openai/gpt-5-mini", "openai/text-embedding-3-small"], providers={"openai": {"api_key": "our-key"}})
    )
    key = gateway.new_key()
    ask = Caller(gateway.app(mux, keys=[gateway.Key.of("team", key, tags={"zone": "kr"})]))
    body = {"model": "openai/text-embedding-3-small", "input": "Hi"}
    got = ask("POST", "/v1/embeddings", body, {"authorization": f"Bearer {key}"})
    assert (got.status, got.json, got.ended) == (200, EMBEDDED, True)
    (sent,) = upstream.requests
    assert json.loads(sent.body)["model"] == "text-embedding-3-small"
    assert sent.headers["authorization"] == "Bearer our-key"
    (row,) = mux.ledger.query()
    assert (row.tags, row.units) == ({"zone": "kr", "key": "team"}, {"input": 7})


# --- where it is ---------------------------------------------------------------------------------------------


@FRONTS
def test_it_can_be_mounted_below_a_path(serving, vendors, front):
    ask = serving(caller={"root_path": "/llm"})
    url, body, headers = front("claude-haiku-4-5", False)
    assert ask("POST", url, body, headers).status == 200
    assert ask("GET", "/healthz").json == {"status": "up"}
    assert len(ask("GET", "/v1/models").json["data"]) == 3
    assert ask("GET", "/v1/models/gpt-5-mini").status == 200


def test_an_address_nobody_knows_is_404(serving):
    got = serving()("POST", "/v1/fine_tuning/jobs", {})
    assert (got.status, got.headers["content-type"]) == (404, "application/json")


def test_a_body_that_is_no_json_is_400(serving, vendors):
    got = serving()("POST", "/v1/chat/completions", b"{nonsense")
    assert (got.status, got.json["error"]["type"]) == (400, "invalid_request_error")


def test_other_scopes():
    import asyncio

    app = gateway.app(Mux(["openai/gpt-5-mini"]))
    said = []

    async def run():
        async def send(message):
            said.append(message["type"])

        asked = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

        async def receive():
            return next(asked)

        await app({"type": "lifespan"}, receive, send)
        await app({"type": "websocket"}, receive, send)
        with pytest.raises(ValueError, match="carrier pigeon"):
            await app({"type": "carrier pigeon"}, receive, send)

    asyncio.run(run())
    assert said == ["lifespan.startup.complete", "lifespan.shutdown.complete", "websocket.close"]
