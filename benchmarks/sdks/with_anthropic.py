"""The anthropic SDK, unmodified, over the transport."""

from __future__ import annotations

import anthropic
from shared import CALL, CITY, MODELS, each_status, run, served, vendor_of

ASK = [{"role": "user", "content": "Hello"}]
TOOLS = [{"name": "get_weather", "input_schema": CITY}]


def client(mux):
    return anthropic.Anthropic(api_key="unused-test-key", http_client=mux.http_client())


def check_plain_and_stream() -> None:
    with served() as (_, mux):
        for model in MODELS:
            reply = client(mux).messages.create(model=model, max_tokens=64, messages=ASK)
            assert "Hello" in reply.content[0].text
            assert reply.stop_reason == "end_turn"
            assert reply.usage.output_tokens > 0
            with client(mux).messages.stream(model=model, max_tokens=64, messages=ASK) as stream:
                assert "Hello" in "".join(stream.text_stream)
                assert stream.get_final_message().usage.output_tokens > 0


async def check_async_stream() -> None:
    with served() as (_, mux):
        async with anthropic.AsyncAnthropic(api_key="unused-test-key", http_client=mux.ahttp_client()) as sdk:
            for model in MODELS:
                async with sdk.messages.stream(model=model, max_tokens=64, messages=ASK) as stream:
                    assert "Hello" in "".join([text async for text in stream.text_stream])
        await mux.aclose()


def check_tool_round_trip() -> None:
    for model in MODELS:
        for stream in (False, True):
            with served() as (vendors, mux):
                vendors[vendor_of(model)].reply(tool_calls=CALL, times=1)
                asked = {"model": model, "max_tokens": 64, "tools": TOOLS}
                if stream:
                    with client(mux).messages.stream(messages=ASK, **asked) as events:
                        reply = events.get_final_message()
                else:
                    reply = client(mux).messages.create(messages=ASK, **asked)
                [call] = [block for block in reply.content if block.type == "tool_use"]
                assert (call.name, call.input, reply.stop_reason) == ("get_weather", {"city": "Seoul"}, "tool_use")
                result = [{"type": "tool_result", "tool_use_id": call.id, "content": "21 degrees"}]
                after = [*ASK, {"role": "assistant", "content": reply.content}, {"role": "user", "content": result}]
                assert client(mux).messages.create(messages=after, **asked).content[0].text
                assert b"21 degrees" in vendors[vendor_of(model)].requests[-1].body


def check_count_tokens() -> None:
    with served() as (_, mux):
        for model in MODELS:
            if vendor_of(model) != "anthropic":
                assert client(mux).messages.count_tokens(model=model, messages=ASK).input_tokens > 0


def check_errors() -> None:
    kinds = {400: anthropic.BadRequestError, 404: anthropic.NotFoundError, 429: anthropic.RateLimitError}
    kinds[500] = anthropic.InternalServerError
    each_status(lambda mux, model: client(mux).messages.create(model=model, max_tokens=64, messages=ASK), kinds)


run(globals())
