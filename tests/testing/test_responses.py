"""The embedded OpenAI's Responses and embeddings: under the drop-in, under the transport, and by hand."""

from __future__ import annotations

import asyncio
import base64
import json
import math
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

import modelmux.openai as openai
from modelmux import Mux
from modelmux.testing import Fault, VendorServer

MODEL = "gpt-5-mini"
TOOL = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}, "strict": False}
ASK: dict[str, Any] = {"model": MODEL, "input": "Hello there"}


@pytest.fixture
def server() -> Iterator[VendorServer]:
    with VendorServer("openai") as server:
        yield server


def direct(server: VendorServer) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.base_url, api_key=server.key, max_retries=0)


@pytest.fixture(params=["straight", "routed"])
def client(request: pytest.FixtureRequest, server: VendorServer, no_vendor_keys: None) -> Iterator[openai.OpenAI]:
    """The drop-in at the server itself, and over a Mux that has it as an endpoint."""
    if request.param == "straight":
        yield direct(server)
    else:
        with Mux([server.endpoint(MODEL)]) as mux:
            yield openai.OpenAI(mux=mux)


def events(body: bytes) -> list[dict[str, Any]]:
    found = []
    for block in body.split(b"\n\n")[:-1]:
        named, data = block.split(b"\n")
        event = json.loads(data.removeprefix(b"data: "))
        assert named == b"event: " + event["type"].encode()
        found.append(event)
    return found


def post(server: VendorServer, caller: Any, body: dict[str, Any], path: str = "/responses") -> Any:
    return caller.send(server, "POST", "/v1" + path, body, authorization=f"Bearer {server.key}")


# --- under the drop-in ---------------------------------------------------------------------------------------


def test_a_whole_answer(server, client):
    server.reply(
        text="Guten Tag", reasoning="Be polite.", usage={"input": 9, "cache_read": 4, "output": 2, "reasoning": 3}
    )
    answer = client.responses.create(**ASK, instructions="In German.")
    assert (answer.output_text, answer.status, answer.model) == ("Guten Tag", "completed", MODEL)
    assert (answer.usage.input_tokens, answer.usage.input_tokens_details.cached_tokens) == (13, 4)
    assert (answer.usage.output_tokens, answer.usage.output_tokens_details.reasoning_tokens) == (5, 3)
    assert answer.output[0].summary[0].text == "Be polite."
    asked = server.requests[-1].asked
    assert (asked.prompt, asked.last) == ("In German.\nHello there", "Hello there")


def test_a_stream_says_the_same(server, client):
    server.reply(text=["Gu", "ten ", "Tag"], reasoning="Be polite.")
    seen = list(client.responses.create(**ASK, stream=True))
    said = [event.delta for event in seen if event.type == "response.output_text.delta"]
    assert said == ["Gu", "ten ", "Tag"]
    assert [event.sequence_number for event in seen] == list(range(len(seen)))
    assert (seen[0].type, seen[-1].type) == ("response.created", "response.completed")
    assert seen[-1].response.output_text == "Guten Tag"


def test_an_async_stream(server):
    async def ask() -> str:
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key=server.key) as client:
            stream = await client.responses.create(**ASK, stream=True)
            return "".join([event.delta async for event in stream if event.type == "response.output_text.delta"])

    assert asyncio.run(ask()) == "You said: Hello there"


@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_round_trip(server, client, stream):
    server.reply(tool_calls=[{"name": "weather", "arguments": {"city": "Seoul"}, "id": "call_1"}], times=1)
    answer = client.responses.create(**ASK, tools=[TOOL], stream=stream)
    if stream:
        *_, last = answer
        answer = last.response
    [call] = [item for item in answer.output if item.type == "function_call"]
    assert (call.name, json.loads(call.arguments), call.call_id) == ("weather", {"city": "Seoul"}, "call_1")
    sent = {"type": "function_call", "call_id": "call_1", "name": "weather", "arguments": call.arguments}
    result = {"type": "function_call_output", "call_id": "call_1", "output": "sunny"}
    again = client.responses.create(model=MODEL, input=[{"role": "user", "content": "Hi"}, sent, result], tools=[TOOL])
    assert again.output_text == "You said: sunny"


def test_structured_output(server, client):
    class City(BaseModel):
        name: str

    server.reply(text='{"name": "Seoul"}')
    answer = client.responses.parse(**ASK, text_format=City)
    assert answer.output_parsed == City(name="Seoul")
    sent = server.requests[-1]
    assert (sent.path, sent.json["text"]["format"]["type"]) == ("/v1/responses", "json_schema")


@pytest.mark.parametrize(("finish", "reason"), [("length", "max_output_tokens"), ("filtered", "content_filter")])
def test_an_answer_that_stopped_early_says_why(server, client, finish, reason):
    server.reply(text="half", finish=finish)
    whole = client.responses.create(**ASK)
    *_, last = client.responses.create(**ASK, stream=True)
    assert last.type == "response.incomplete"
    for answer in (whole, last.response):
        assert (answer.status, answer.incomplete_details.reason) == ("incomplete", reason)


def test_a_refusal_is_told_apart_from_text(server, client):
    server.reply(refusal="I would rather not.")
    [message] = client.responses.create(**ASK).output
    assert [(part.type, part.refusal) for part in message.content] == [("refusal", "I would rather not.")]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(status=429, retry_after=0), openai.RateLimitError),
        (Fault(status=500), openai.InternalServerError),
        (Fault(kind="context"), openai.BadRequestError),
        (Fault(kind="key"), openai.AuthenticationError),
    ],
)
def test_faults_are_errors_of_the_clients_own(server, fault, kind):
    server.fail(fault, times=1)
    with pytest.raises(kind):
        direct(server).responses.create(**ASK)
    assert direct(server).responses.create(**ASK).output_text == "You said: Hello there"


def test_a_retry_and_a_failover_see_it_too(server, no_vendor_keys):
    server.fail("unavailable")
    with VendorServer("anthropic") as other, Mux([server.endpoint(), other.endpoint()], policy="priority") as mux:
        answer = openai.OpenAI(mux=mux).responses.create(model="auto", input="Hello there")
        assert answer.output_text == "You said: Hello there"
        assert mux.last_receipts[-1].attempts[-1].provider == "anthropic"


# --- under the transport -------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_the_transport_passes_its_bytes(server, caller, no_vendor_keys, stream):
    body = {**ASK, "stream": stream}
    plain = post(server, caller, body).body
    server.reset()
    with Mux(["anthropic/claude-haiku-4-5"]) as mux, mux.http_client("httpx") as client:
        headers = {"authorization": f"Bearer {server.key}"}
        got = client.post(f"{server.base_url}/responses", json=body, headers=headers)
        assert got.content == plain
        [attempt] = mux.last_receipts[-1].attempts
        assert (attempt.status, attempt.usage["input"], attempt.http_status) == ("ok", 3, 200)


def test_a_stream_that_is_cut_is_an_error(server, no_vendor_keys):
    server.fail(Fault(cut_after=2, unit="tokens"))
    with Mux(["anthropic/claude-haiku-4-5"]) as mux, mux.http_client("httpx") as client:
        headers = {"authorization": f"Bearer {server.key}"}
        got = client.post(f"{server.base_url}/responses", json={**ASK, "stream": True}, headers=headers)
        last = events(got.content)[-1]
        assert last["type"] == "error"
        assert [attempt.status for attempt in mux.last_receipts[-1].attempts] == ["cut"]


# --- by hand -------------------------------------------------------------------------------------------------


def test_a_stream_has_the_recorded_order(server, caller):
    """As in tests/data/wire: what begins ends, in the order in which OpenAI says it."""
    server.reply(text=["One"], tool_calls=[{"name": "weather", "arguments": {"a": 1}}])
    got = events(post(server, caller, {**ASK, "stream": True, "tools": [TOOL]}).body)
    assert [event["type"].removeprefix("response.") for event in got] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    assert got[-1]["response"]["tools"] == [TOOL]
    assert got[-1]["response"]["output"] == [e["item"] for e in got if e["type"] == "response.output_item.done"]
    assert got[0]["response"]["usage"] is None


@pytest.mark.parametrize(
    ("fault", "last"),
    [
        ("in-band error", "error"),
        ("no finish", "response.output_item.done"),
    ],
)
def test_faults_in_a_stream(server, caller, fault, last):
    server.fail(fault)
    assert events(post(server, caller, {**ASK, "stream": True}).body)[-1]["type"] == last


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"model": MODEL}, "'input'"),
        ({"input": "x"}, "'model'"),
        ({**ASK, "max_output_tokens": 10}, "minimum value"),
        ({**ASK, "input": [{"role": "tool", "content": "x"}]}, "'tool'"),
        ({**ASK, "input": [{"type": "function_call_output", "output": "x"}]}, "input[0].call_id"),
        ({**ASK, "tools": [{"type": "function", "function": {"name": "f"}}]}, "tools[0].name"),
        ({**ASK, "input": ["x"]}, "could not be read"),
    ],
)
def test_what_openai_refuses_is_refused(server, caller, body, said):
    got = post(server, caller, body)
    assert got.status == 400
    assert said in got.json["error"]["message"]


def test_a_model_that_is_not_there_is_400_here(caller):
    with VendorServer("openai", models=("a",)) as server:
        got = post(server, caller, ASK)
        assert (got.status, got.json["error"]["code"]) == (400, "model_not_found")


# --- embeddings ----------------------------------------------------------------------------------------------


def test_embeddings_under_the_drop_in(server):
    client = direct(server)
    server.reply("for chats only")
    got = client.embeddings.create(model="text-embedding-3-small", input=["Hello there", "Hello", "Hello there"])
    one, two, three = (row.embedding for row in got.data)
    assert one == three != two
    assert len(one) == 1536
    assert math.isclose(sum(value * value for value in one), 1.0, rel_tol=1e-4)
    assert (got.usage.prompt_tokens, got.model) == (3 + 2 + 3, "text-embedding-3-small")
    assert client.responses.create(**ASK).output_text == "for chats only"
    assert server.requests[0].asked.last == "Hello there"


def test_embeddings_come_as_floats_or_packed_and_as_long_as_asked(server, caller):
    body = {"model": "text-embedding-3-large", "input": [[1, 2, 3]], "dimensions": 8}
    plain = post(server, caller, {**body, "encoding_format": "float"}, "/embeddings").json
    packed = post(server, caller, {**body, "encoding_format": "base64"}, "/embeddings").json
    raw = base64.b64decode(packed["data"][0]["embedding"])
    assert struct.unpack("<8f", raw) == pytest.approx(plain["data"][0]["embedding"])
    assert plain["usage"] == {"prompt_tokens": 3, "total_tokens": 3}


@pytest.mark.parametrize("change", [{"input": []}, {"input": [""]}, {"dimensions": 9999}, {"encoding_format": "int8"}])
def test_embeddings_that_openai_refuses(server, caller, change):
    body = {"model": "text-embedding-3-small", "input": "x", **change}
    assert post(server, caller, body, "/embeddings").status == 400


def test_embeddings_fail_as_chats_do(server):
    server.fail("rate limited", times=1)
    with pytest.raises(openai.RateLimitError):
        direct(server).embeddings.create(model="text-embedding-3-small", input="x")
    server.limit(rpm=1)
    direct(server).embeddings.create(model="text-embedding-3-small", input="x")
    with pytest.raises(openai.RateLimitError):
        direct(server).embeddings.create(model="text-embedding-3-small", input="x")


def test_embeddings_under_the_transport_are_metered(server, no_vendor_keys):
    with Mux([server.endpoint("text-embedding-3-small")]) as mux, mux.http_client("httpx") as client:
        body = {"model": "openai/text-embedding-3-small", "input": "Hello there"}
        got = client.post("https://api.openai.com/v1/embeddings", json=body)
        assert len(got.json()["data"][0]["embedding"]) == 1536
        assert mux.last_receipts[-1].attempts[0].cost.nano == 3 * 20  # 0.02 dollars a million
