"""A call from end to end, over real HTTP, at three vendors."""

from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
from pydantic import BaseModel

from modelmux import Endpoint, Message, Money, Mux
from modelmux.testing import Answer
from modelmux.types import Finish, Start, TextDelta, ToolCallDelta, UsageEvent

MODELS = ["openai/gpt-5-mini", "anthropic/claude-haiku-4-5", "gemini/gemini-2.5-flash"]
PRICES = {  # dollars per million tokens in and out, as published on 2026-11-21
    "openai/gpt-5-mini": (0.25, 2),
    "anthropic/claude-haiku-4-5": (1, 5),
    "gemini/gemini-2.5-flash": (0.3, 2.5),
}


def server_of(vendors, model):
    return vendors[model.partition("/")[0]]


@pytest.mark.parametrize("model", MODELS)
def test_an_answer_with_its_bill(caller, vendors, make_mux, model) -> None:
    server_of(vendors, model).reply(text="Hello there.", usage={"input": 1000, "output": 100})
    reply = caller.chat(make_mux(model), "hi", system="Be brief.", max_tokens=50)
    price_in, price_out = PRICES[model]
    assert reply.text == "Hello there."
    assert reply.finish == "stop"
    assert dict(reply.usage) == {"input": 1000, "output": 100}
    assert reply.cost == Money.of(f"{(1000 * price_in + 100 * price_out) / 1e6:.9f}")
    assert reply.cost_status == "priced"
    assert reply.provider == model.partition("/")[0]
    assert reply.receipt.attempts[0].status == "ok"
    assert reply.receipt.decision.names == (model,)


@pytest.mark.parametrize("model", MODELS)
def test_a_stream_amounts_to_the_same_reply(caller, vendors, make_mux, model) -> None:
    server = server_of(vendors, model)
    server.reply(text=["Hel", "lo ", "한국어", "!"], usage={"input": 10, "output": 4}, times=2)
    mux = make_mux(model)
    seen = []
    streamed = caller.stream(mux, "hi", seen=seen)
    whole = caller.chat(mux, "hi")
    assert isinstance(seen[0], Start)
    assert [event.text for event in seen if isinstance(event, TextDelta)] == ["Hel", "lo ", "한국어", "!"]
    assert isinstance(seen[-1], Finish)
    assert any(isinstance(event, UsageEvent) for event in seen)
    assert (streamed.text, streamed.finish, streamed.usage, streamed.cost) == (
        whole.text,
        whole.finish,
        whole.usage,
        whole.cost,
    )


@pytest.mark.parametrize("model", MODELS)
def test_tools_go_out_and_calls_come_back(caller, vendors, make_mux, model) -> None:
    def get_weather(city: str, days: int = 1) -> str:
        """The weather."""

    server = server_of(vendors, model)
    server.reply(tool_calls=[{"name": "get_weather", "arguments": {"city": "서울", "days": 2}}], times=2)
    server.reply(text="Sunny.")
    mux = make_mux(model)
    reply = caller.chat(mux, "weather in Seoul?", tools=[get_weather])
    assert reply.finish == "tool_calls"
    assert [(call.name, call.arguments) for call in reply.tool_calls] == [("get_weather", {"city": "서울", "days": 2})]
    seen = []
    assert caller.stream(mux, "weather?", tools=[get_weather], seen=seen).tool_calls[0].arguments["city"] == "서울"
    assert any(isinstance(event, ToolCallDelta) for event in seen)

    result = {"role": "tool", "tool_call_id": reply.tool_calls[0].id, "content": "21 degrees, clear"}
    assert caller.chat(mux, ["weather in Seoul?", reply, result], tools=[get_weather]).text == "Sunny."
    assert "21 degrees, clear" in server.requests[-1].body.decode()


def test_structured_output_comes_back_as_the_type_asked_for(caller, vendors, make_mux) -> None:
    class City(BaseModel):
        name: str
        people: int

    for model in MODELS:
        server_of(vendors, model).reply(text='{"name": "Busan", "people": 3300000}', times=2)
        mux = make_mux(model)
        assert caller.chat(mux, "a city", output=City).parsed == City(name="Busan", people=3300000)
        assert caller.stream(mux, "a city", output=City).parsed.name == "Busan"


def test_conversations_take_replies_and_messages_as_they_are(caller, vendors, make_mux) -> None:
    mux = make_mux("openai/gpt-5-mini")
    first = caller.chat(mux, "one")
    caller.chat(mux, ["one", first, {"role": "user", "content": "two"}])
    sent = vendors.openai.requests[-1].json["messages"]
    assert [turn["role"] for turn in sent] == ["user", "assistant", "user"]
    assert isinstance(first.message, Message)


def test_usage_of_a_stream_is_asked_for_where_it_must_be(caller, vendors, make_mux) -> None:
    caller.stream(make_mux("openai/gpt-5-mini"), "hi")
    assert vendors.openai.requests[-1].json["stream_options"] == {"include_usage": True}
    reply = caller.stream(make_mux("openai/gpt-5-mini", usage="as_sent"), "hi")
    assert "stream_options" not in vendors.openai.requests[-1].json
    assert reply.cost_status == "estimated"
    assert reply.cost is not None


def test_a_model_no_catalogue_knows_is_routed_at_an_unknown_price(caller, vendors, make_mux) -> None:
    reply = caller.chat(make_mux("openai/gpt-99-imaginary"), "hi")
    assert reply.text
    assert (reply.cost, reply.cost_status) == (None, "unknown")


def test_a_price_of_the_users_own_counts_in_its_currency(caller, vendors) -> None:
    endpoint = Endpoint(
        "openai_compatible/hcx",
        base_url=vendors.openai.base_url,
        api_key=vendors.openai.key,
        price={"input": "1250", "output": 5000, "currency": "KRW"},
    )
    vendors.openai.reply(text="x", usage={"input": 2000, "output": 100})
    with Mux([endpoint]) as mux:
        assert caller.chat(mux, "hi").cost == Money.of("3", "KRW")


def test_vendor_fields_go_to_the_vendor_they_are_for(caller, vendors, make_mux) -> None:
    mux = make_mux("openai/gpt-5-mini")
    caller.chat(mux, "hi", extra={"seed": 5, "openai": {"store": False}, "anthropic": {"top_k": 3}})
    sent = vendors.openai.requests[-1].json
    assert (sent["seed"], sent["store"]) == (5, False)
    assert "top_k" not in sent
    assert "anthropic" not in sent


def test_a_callers_own_key_is_used_for_its_call_only(caller, vendors, make_mux) -> None:
    vendors.openai.key = "their-key"
    mux = make_mux("openai/gpt-5-mini")
    vendors.openai.key = "her-key"
    assert caller.chat(mux, "hi", keys={"openai": "her-key"}).text
    vendors.openai.key = "their-key"
    assert caller.chat(mux, "hi").text


def test_replies_pickle_with_all_they_carry(caller, vendors, make_mux) -> None:
    reply = caller.chat(make_mux(*MODELS), "hi", tags={"user": "42"})
    blob = pickle.dumps(reply)
    assert b"test-key" not in blob
    copy = pickle.loads(blob)
    assert copy == reply
    assert copy.receipt.attempts == reply.receipt.attempts
    assert str(copy.receipt.decision) == str(reply.receipt.decision)


def test_every_answer_is_in_the_ledger(caller, vendors, make_mux) -> None:
    mux = make_mux("anthropic/claude-haiku-4-5")
    vendors.anthropic.reply(text="x", usage={"input": 5, "output": 7})
    reply = caller.chat(mux, "hi", tags={"user": "42", "team": "a"})
    (row,) = mux.ledger.query()
    assert (row.state, row.provider, row.model_asked, row.user) == ("ok", "anthropic", "claude-haiku-4-5", "42")
    assert (row.tags["team"], row.units, row.cost) == ("a", {"input": 5, "output": 7}, reply.cost)
    assert row.started_at <= row.ended_at
    assert row.text is None


def test_an_answer_in_one_piece_to_a_stream_is_taken_as_it_is(caller, vendors, make_mux) -> None:
    body = (
        b'{"id":"x","object":"chat.completion","model":"m","choices":[{"index":0,"finish_reason":"stop",'
        b'"message":{"role":"assistant","content":"whole"}}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
    )
    vendors.openai.reply(Answer(body=body, headers={"content-type": "application/json"}))
    seen = []
    assert caller.stream(make_mux("openai/gpt-5-mini"), "hi", seen=seen).text == "whole"
    assert [event.text for event in seen if isinstance(event, TextDelta)] == ["whole"]


@pytest.mark.parametrize("model", MODELS)
def test_reported_usage_corrects_the_next_estimate(caller, vendors, make_mux, model) -> None:
    server_of(vendors, model).reply(text="Hello.", usage={"input": 400, "output": 5}, times=30)
    mux = make_mux(model)
    before = mux.explain("hi there").ranked[0].input_tokens
    for _ in range(30):
        caller.chat(mux, "hi there")
    assert before < 50
    assert mux.explain("hi there").ranked[0].input_tokens > 100


def test_won_stay_won_in_the_reply_and_in_the_books(caller, vendors, make_mux) -> None:
    vendors["openai"].reply(text="Hello.", usage={"input": 1000, "output": 100})
    (endpoint,) = vendors.endpoints("openai/gpt-5-mini")
    rate = {"KRW": {"usd": "0.00068", "at": "2026-11-01"}}
    price = {"input": 300, "output": 1200, "currency": "KRW", "exchange": rate}
    mux = Mux([replace(endpoint, price=price)])
    reply = caller.chat(mux, "hi", max_cost=0.01)
    assert reply.cost == Money.of("0.42", "KRW")
    assert reply.cost_status == "priced"
    (row,) = mux.ledger.query()
    assert (row.cost_nano, row.currency, row.bound_nano) == (420_000_000, "KRW", None)
    mux.close()
