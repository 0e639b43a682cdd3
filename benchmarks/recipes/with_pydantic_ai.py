"""pydantic-ai's agents, over its models of three vendors."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelHTTPError


class Weather(BaseModel):
    city: str
    degrees: int


def refused() -> type[Exception]:
    return ModelHTTPError


def get_weather(city: str) -> str:
    """The weather in a city."""
    assert city == "Seoul"
    return "21 degrees"


def _model(page: Any, name: str) -> Any:
    return getattr(page, page.variant or "openai_model")(name)


async def chat(page: Any, model: str, text: str) -> str:
    result = await Agent(_model(page, model)).run(text)
    assert result.usage.output_tokens > 0
    return result.output


async def astream(page: Any, model: str, text: str) -> list[str]:
    async with Agent(_model(page, model)).run_stream(text) as result:
        return [piece async for piece in result.stream_text(delta=True, debounce_by=None)]


async def tools(page: Any, model: str, text: str) -> str:
    return (await Agent(_model(page, model), tools=[get_weather]).run(text)).output


async def structured(page: Any, model: str, text: str) -> Any:
    return (await Agent(_model(page, model), output_type=Weather).run(text)).output.model_dump()
