"""The google-genai SDK, unmodified, over the transport: one object for its sync and its async client."""

from __future__ import annotations

from google import genai
from google.genai import errors, types
from shared import CALL, CITY, MODELS, each_status, run, served, vendor_of

import modelmux.google.genai
from modelmux.google.genai import as_vendor
from modelmux.transport import Httpx2Transport

TOOL = types.Tool(function_declarations=[{"name": "get_weather", "parameters_json_schema": CITY}])


def client(mux):
    both = {"transport": Httpx2Transport(mux)}
    options = types.HttpOptions(client_args=both, async_client_args=both)
    return genai.Client(api_key="unused-test-key", http_options=options)


def check_plain_and_stream() -> None:
    with served() as (_, mux):
        for model in MODELS:
            sdk = client(mux)
            reply = sdk.models.generate_content(model=model, contents="Hello")
            assert "Hello" in reply.text
            assert reply.candidates[0].finish_reason == types.FinishReason.STOP
            assert reply.usage_metadata.total_token_count > 0
            pieces = sdk.models.generate_content_stream(model=model, contents="Hello")
            assert "Hello" in "".join(piece.text or "" for piece in pieces)


async def check_async_stream() -> None:
    with served() as (_, mux):
        sdk = client(mux)
        for model in MODELS:
            assert "Hello" in (await sdk.aio.models.generate_content(model=model, contents="Hello")).text
            stream = await sdk.aio.models.generate_content_stream(model=model, contents="Hello")
            assert "Hello" in "".join([piece.text or "" async for piece in stream])
        await mux.aclose()


def check_tool_call() -> None:
    for model in MODELS:
        with served() as (vendors, mux):
            vendors[vendor_of(model)].reply(tool_calls=CALL)
            config = types.GenerateContentConfig(
                tools=[TOOL], automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)
            )
            sdk = client(mux)
            reply = sdk.models.generate_content(model=model, contents="Hello", config=config)
            [call] = reply.function_calls
            assert (call.name, call.args) == ("get_weather", {"city": "Seoul"})


async def check_as_vendor() -> None:
    with served() as (_, mux):
        sdk = as_vendor(mux, http_options={"timeout": 5000})
        assert isinstance(sdk, genai.Client)
        for model in MODELS:
            assert "Hello" in sdk.models.generate_content(model=model, contents="Hello").text
            assert "Hello" in (await sdk.aio.models.generate_content(model=model, contents="Hello")).text
        await mux.aclose()


def check_types_of_the_sdk_are_taken() -> None:
    with served() as (_, mux):
        own = modelmux.google.genai.Client(api_key="unused-test-key", mux=mux)
        config = types.GenerateContentConfig(temperature=0.3, tools=[TOOL])
        turns = [types.Content(role="user", parts=[types.Part(text="Hi")]), types.UserContent(parts="Hello")]
        assert "Hello" in own.models.generate_content(model=MODELS[0], contents=turns, config=config).text


def check_errors() -> None:
    kinds = {400: errors.ClientError, 404: errors.ClientError, 429: errors.ClientError, 500: errors.ServerError}

    def ask(mux, model: str) -> None:
        sdk = client(mux)  # closed as soon as nobody holds it
        sdk.models.generate_content(model=model, contents="Hello")

    each_status(ask, kinds)


run(globals())
