"""The google-genai SDK."""

from __future__ import annotations

from typing import Any

from google.genai import errors, types
from pydantic import BaseModel


class Weather(BaseModel):
    city: str
    degrees: int


def refused() -> type[Exception]:
    return errors.ClientError


def get_weather(city: str) -> str:
    """The weather in a city."""
    assert city == "Seoul"
    return "21 degrees"


def chat(page: Any, model: str, text: str) -> str:
    reply = page.client.models.generate_content(model=model, contents=text)
    assert reply.candidates[0].finish_reason == types.FinishReason.STOP
    assert reply.usage_metadata.total_token_count > 0
    return reply.text


def stream(page: Any, model: str, text: str) -> list[str]:
    chunks = list(page.client.models.generate_content_stream(model=model, contents=text))
    assert chunks[-1].usage_metadata.total_token_count > 0
    return [chunk.text for chunk in chunks if chunk.text]


async def astream(page: Any, model: str, text: str) -> list[str]:
    chunks = await page.client.aio.models.generate_content_stream(model=model, contents=text)
    return [chunk.text async for chunk in chunks if chunk.text]


def tools(page: Any, model: str, text: str) -> str:
    """The SDK calls the function itself."""
    config = types.GenerateContentConfig(tools=[get_weather])
    return page.client.models.generate_content(model=model, contents=text, config=config).text


def structured(page: Any, model: str, text: str) -> Any:
    config = types.GenerateContentConfig(response_mime_type="application/json", response_schema=Weather)
    return page.client.models.generate_content(model=model, contents=text, config=config).parsed.model_dump()
