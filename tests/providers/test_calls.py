"""An endpoint's ``call=`` chooses among its provider's calls, and the one chosen works end to end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from decimal import Decimal

import httpx
import pytest

import corpus
from modelmux import Endpoint, Mux, config
from modelmux._resolve import Surroundings, resolve
from modelmux.errors import AuthError, ServerError, UnknownName
from modelmux.testing.faults import Fault
from modelmux.testing.server import VendorServer
from modelmux.types import ReasoningDelta, TextDelta, ToolCallDelta

MODEL = "gemini-3-flash-preview"


@pytest.fixture
def server() -> Iterator[VendorServer]:
    with VendorServer("gemini.interactions") as server:
        yield server


@pytest.fixture
def mux(server: VendorServer) -> Iterator[Mux]:
    endpoint = Endpoint(f"gemini/{MODEL}", call="interactions", base_url=server.base_url, api_key="test-key")
    with Mux([endpoint]) as mux:
        yield mux


def add(x: int, y: int) -> int:
    """Add two numbers."""
    return x + y


@pytest.mark.parametrize(
    ("model", "call", "wire_id", "path"),
    [
        ("gemini/gemini-2.5-flash", None, "gemini.generateContent", "/models/{model}:generateContent"),
        ("gemini/gemini-2.5-flash", "interactions", "gemini.interactions", "/interactions"),
        ("openai/gpt-5-mini", None, "openai.chat", "/chat/completions"),
        ("openai/gpt-5-mini", "responses", "openai.responses", "/responses"),
        ("openai/gpt-3.5-turbo-instruct", "completions", "openai.completions", "/completions"),
        ("bedrock/amazon.nova-lite-v1:0", None, "bedrock.converse", "/model/{model}/converse"),
        ("bedrock/amazon.nova-lite-v1:0", "invoke", "bedrock.invoke", "/model/{model}/invoke"),
    ],
)
def test_a_call_is_the_one_that_the_endpoint_names(model: str, call: str | None, wire_id: str, path: str) -> None:
    target = resolve(Endpoint(model, call=call), Surroundings({}, {}))
    assert (target.codec.id, target.call.path) == (wire_id, path)


@pytest.mark.parametrize("call", ["respones", "count_tokens", "embeddings"])
def test_a_call_that_the_provider_has_not_is_an_error_with_those_it_has(call: str) -> None:
    with pytest.raises(UnknownName, match="it has generateContent, interactions"):
        Mux([Endpoint("gemini/gemini-2.5-flash", call=call, api_key="test-key")])


def test_configuration_names_a_call_too() -> None:
    endpoint = config.EndpointConfig(model="openai/gpt-5-mini", call="responses").endpoint({})
    assert endpoint == Endpoint("openai/gpt-5-mini", call="responses")


def test_an_interaction_is_answered_and_priced(server: VendorServer, mux: Mux) -> None:
    server.reply("Four.", reasoning="2 + 2", usage={"input": 1_000, "cache_read": 500, "output": 20, "reasoning": 30})
    reply = mux.chat("What is 2 + 2?", system="Be brief.", max_tokens=300)
    assert (reply.text, reply.reasoning, reply.finish, reply.model) == ("Four.", "2 + 2", "stop", MODEL)
    assert dict(reply.usage) == {"input": 1_000, "cache_read": 500, "output": 20, "reasoning": 30}
    assert reply.cost_status == "priced"
    (asked,) = server.requests
    assert asked.path == "/v1beta/interactions"
    assert asked.headers["x-goog-api-key"] == "test-key"
    assert asked.json["model"] == MODEL
    assert asked.json["system_instruction"] == "Be brief."
    assert asked.json["generation_config"]["max_output_tokens"] == 300
    assert not asked.json.get("stream")


def test_an_interaction_is_streamed(server: VendorServer, mux: Mux) -> None:
    server.reply(
        text=["One, ", "two."], reasoning="counting", tool_calls=[{"name": "add", "arguments": {"x": 1, "y": 2}}]
    )
    with mux.stream("Count", tools=[add]) as stream:
        kinds = {type(event) for event in stream}
    assert {ReasoningDelta, TextDelta, ToolCallDelta} <= kinds
    reply = stream.reply
    assert (reply.text, reply.reasoning, reply.finish) == ("One, two.", "counting", "tool_calls")
    assert [(call.name, call.arguments) for call in reply.tool_calls] == [("add", {"x": 1, "y": 2})]
    assert reply.usage["output"] > 0
    assert server.requests[0].json["stream"] is True


def test_an_interaction_is_streamed_on_an_event_loop(mux: Mux) -> None:
    async def ask() -> tuple[str, str]:
        async with mux.astream("hello there") as stream:
            streamed = "".join([text async for text in stream.text])
        return streamed, (await mux.achat("hello again")).text

    assert asyncio.run(ask()) == ("You said: hello there", "You said: hello again")


def test_tools_results_go_back_into_an_interaction(server: VendorServer, mux: Mux) -> None:
    server.reply(tool_calls=[{"name": "add", "arguments": {"x": 7, "y": 11}, "id": "fc_1"}])
    server.reply("18")
    asked = [{"role": "user", "content": "7 + 11?"}]
    first = mux.chat(asked, tools=[add])
    (call,) = first.tool_calls
    assert (call.name, call.arguments, first.finish) == ("add", {"x": 7, "y": 11}, "tool_calls")
    said = {"id": call.id, "type": "function", "function": {"name": "add", "arguments": json.dumps(call.arguments)}}
    asked += [{"role": "assistant", "content": None, "tool_calls": [said]}]
    asked += [{"role": "tool", "tool_call_id": call.id, "content": "18"}]
    assert mux.chat(asked, tools=[add]).text == "18"
    result = next(step for step in server.requests[1].json["input"] if step["type"] == "function_result")
    assert result["call_id"] == "fc_1"


@pytest.mark.parametrize("row_id", ["35d1a3e9f0fd-000", "979c83ff8288-000", "252650568d92-000", "1662960138c5-000"])
def test_recorded_interactions_come_through(row_id: str, server: VendorServer, mux: Mux) -> None:
    row = next(row for row in corpus.recordings("gemini.interactions") if row["id"] == row_id)
    server.play(row)
    if row["stream"]:
        with mux.stream("Say it again") as stream:
            list(stream)
        reply = stream.reply
    else:
        reply = mux.chat("Say it again")
    assert reply.text or reply.tool_calls
    assert reply.usage.reported
    assert reply.usage["input"] > 0


def test_what_goes_wrong_with_an_interaction_is_classified(server: VendorServer, mux: Mux) -> None:
    server.fail(Fault(status=500))
    with pytest.raises(ServerError):
        mux.chat("hello", deadline=2)
    server.heal()
    server.key = "another"
    with pytest.raises(AuthError):
        mux.chat("hello")


HEADERS = {
    "x-amzn-bedrock-input-token-count": "1000",
    "x-amzn-bedrock-output-token-count": "200",
    "x-amzn-requestid": "r-1",
}


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        ("mistral.mistral-7b-instruct-v0:2", {"outputs": [{"text": "Hi.", "stop_reason": "stop"}]}),
        (
            "anthropic.claude-3-haiku-20240307-v1:0",
            {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hi."}], "stop_reason": None},
        ),
    ],
)
def test_what_is_counted_in_headers_alone_is_priced(model: str, answer: dict[str, object]) -> None:
    """Synthetic bodies, after recorded ones. Without the headers the usage would be an estimate."""

    def respond(request: httpx.Request) -> httpx.Response:
        assert request.url.path.endswith("/invoke")
        return httpx.Response(200, json=answer, headers=HEADERS)

    price = {"input": "1", "output": "2"}
    client = httpx.Client(transport=httpx.MockTransport(respond))
    endpoint = Endpoint(f"bedrock/{model}", call="invoke", api_key="test-key", price=price, http_client=client)
    with client, Mux([endpoint]) as mux:
        reply = mux.chat("hello", max_tokens=50)
    assert (reply.text, dict(reply.usage)) == ("Hi.", {"input": 1000, "output": 200})
    assert reply.cost_status == "priced"
    assert reply.cost is not None
    assert reply.cost.amount == Decimal("0.0014")
