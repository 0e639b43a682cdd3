"""The openai SDK, unmodified, over the transport."""

from __future__ import annotations

import json

import openai
from pydantic import BaseModel
from shared import CALL, CITY, MODELS, each_status, run, served, vendor_of

ASK = [{"role": "user", "content": "Hello"}]
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": CITY}}]


class Weather(BaseModel):
    city: str
    degrees: int


def client(mux):
    return openai.OpenAI(api_key="unused-test-key", http_client=mux.http_client())


def check_plain_and_stream() -> None:
    with served() as (_, mux):
        for model in MODELS:
            reply = client(mux).chat.completions.create(model=model, messages=ASK)
            assert "Hello" in reply.choices[0].message.content
            assert reply.choices[0].finish_reason == "stop"
            assert reply.usage.total_tokens > 0
            options = {"stream": True, "stream_options": {"include_usage": True}}
            chunks = list(client(mux).chat.completions.create(model=model, messages=ASK, **options))
            assert "Hello" in "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
            assert chunks[-1].usage.total_tokens > 0


async def check_async_stream() -> None:
    with served() as (_, mux):
        async with openai.AsyncOpenAI(api_key="unused-test-key", http_client=mux.ahttp_client()) as sdk:
            for model in MODELS:
                stream = await sdk.chat.completions.create(model=model, messages=ASK, stream=True)
                assert "Hello" in "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])
        await mux.aclose()


def check_tool_round_trip() -> None:
    for model in MODELS:
        for stream in (False, True):
            with served() as (vendors, mux):
                vendors[vendor_of(model)].reply(tool_calls=CALL, times=1)
                if stream:
                    with client(mux).chat.completions.stream(model=model, messages=ASK, tools=TOOLS) as events:
                        message = events.get_final_completion().choices[0].message
                else:
                    message = (
                        client(mux).chat.completions.create(model=model, messages=ASK, tools=TOOLS).choices[0].message
                    )
                [call] = message.tool_calls
                assert (call.function.name, json.loads(call.function.arguments)) == ("get_weather", {"city": "Seoul"})
                after = [*ASK, message, {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"}]
                reply = client(mux).chat.completions.create(model=model, messages=after, tools=TOOLS)
                assert reply.choices[0].message.content
                assert b"21 degrees" in vendors[vendor_of(model)].requests[-1].body


def check_structured_output() -> None:
    for model in MODELS:
        with served() as (vendors, mux):
            vendors[vendor_of(model)].reply('{"city": "Seoul", "degrees": 21}')
            reply = client(mux).chat.completions.parse(model=model, messages=ASK, response_format=Weather)
            assert reply.choices[0].message.parsed == Weather(city="Seoul", degrees=21)


def check_responses() -> None:
    with served() as (_, mux):
        for model in MODELS[1:]:
            assert "Hello" in client(mux).responses.create(model=model, input="Hello").output_text
            with client(mux).responses.stream(model=model, input="Hello") as stream:
                assert "response.output_text.delta" in [event.type for event in stream]
                assert "Hello" in stream.get_final_response().output_text


def check_errors() -> None:
    kinds = {400: openai.BadRequestError, 404: openai.NotFoundError, 429: openai.RateLimitError}
    kinds[500] = openai.InternalServerError
    each_status(lambda mux, model: client(mux).chat.completions.create(model=model, messages=ASK), kinds)


def check_no_connection() -> None:
    with served() as (vendors, mux):
        for server in vendors:
            server.down()
        try:
            client(mux).chat.completions.create(model=MODELS[0], messages=ASK)
        except openai.APIConnectionError:
            assert len(mux.ledger.query()) <= 3
        else:
            raise AssertionError("no error")


def check_failover() -> None:
    with served(policy="priority") as (vendors, mux):
        vendors.openai.reply(status=503, text="overloaded")
        reply = client(mux).chat.completions.create(model="auto", messages=ASK)
        assert "Hello" in reply.choices[0].message.content
        assert [attempt.status for attempt in mux.last_receipts[-1].attempts][-1] == "ok"


def check_options_and_receipt() -> None:
    with served() as (_, mux):
        more = {"extra_headers": {"x-modelmux-tags": "user=42"}, "extra_body": {"modelmux": {"deadline": 30}}}
        raw = client(mux).chat.completions.with_raw_response.create(model=MODELS[1], messages=ASK, **more)
        assert "Hello" in raw.parse().choices[0].message.content
        assert json.loads(raw.headers["x-modelmux-receipt"])["endpoint"] == MODELS[1]
        assert mux.ledger.query()[0].tags == {"user": "42"}


run(globals())
