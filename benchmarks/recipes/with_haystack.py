"""haystack's OpenAI generator."""

from __future__ import annotations

import json
from typing import Any

import openai
from haystack.dataclasses import ChatMessage, StreamingChunk
from haystack.tools import create_tool_from_function
from pydantic import BaseModel


class Weather(BaseModel):
    city: str
    degrees: int


def refused() -> type[Exception]:
    return openai.RateLimitError


def get_weather(city: str) -> str:
    """The weather in a city."""
    assert city == "Seoul"
    return "21 degrees"


def _asked(text: str) -> list[ChatMessage]:
    return [ChatMessage.from_user(text)]


def chat(page: Any, model: str, text: str) -> str:
    [reply] = page.generator(model).run(_asked(text))["replies"]
    assert reply.meta["usage"]["total_tokens"] > 0
    return reply.text


def stream(page: Any, model: str, text: str) -> list[str]:
    pieces: list[str] = []
    page.generator(model, streaming_callback=lambda chunk: pieces.append(chunk.content)).run(_asked(text))
    return [piece for piece in pieces if piece]


async def astream(page: Any, model: str, text: str) -> list[str]:
    pieces: list[str] = []

    async def told(chunk: StreamingChunk) -> None:
        pieces.append(chunk.content)

    await page.generator(model, streaming_callback=told).run_async(_asked(text))
    return [piece for piece in pieces if piece]


def tools(page: Any, model: str, text: str) -> str:
    """Streamed, the tool's call in pieces."""
    tool = create_tool_from_function(get_weather)
    generator = page.generator(model, tools=[tool], streaming_callback=lambda chunk: None)
    messages = _asked(text)
    [reply] = generator.run(messages)["replies"]
    [call] = reply.tool_calls
    messages += [reply, ChatMessage.from_tool(tool.invoke(**call.arguments), origin=call)]
    return generator.run(messages)["replies"][0].text


def structured(page: Any, model: str, text: str) -> Any:
    generator = page.generator(model, generation_kwargs={"response_format": Weather})
    return json.loads(generator.run(_asked(text))["replies"][0].text)
