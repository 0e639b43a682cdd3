"""openai-agents: a runner that calls the tools itself."""

from __future__ import annotations

from typing import Any

import openai
from agents import Agent, Runner, function_tool
from pydantic import BaseModel


class Weather(BaseModel):
    city: str
    degrees: int


@function_tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    assert city == "Seoul"
    return "21 degrees"


def refused() -> type[Exception]:
    return openai.RateLimitError


async def chat(page: Any, model: str, text: str) -> str:
    return (await Runner.run(Agent(name="greeter", model=page.model(model)), text)).final_output


async def astream(page: Any, model: str, text: str) -> list[str]:
    result = Runner.run_streamed(Agent(name="greeter", model=page.model(model)), text)
    events = [event async for event in result.stream_events() if event.type == "raw_response_event"]
    return [event.data.delta for event in events if event.data.type == "response.output_text.delta"]


async def tools(page: Any, model: str, text: str) -> str:
    result = Runner.run_streamed(Agent(name="weather", model=page.model(model), tools=[get_weather]), text)
    async for _ in result.stream_events():
        pass
    return result.final_output


async def structured(page: Any, model: str, text: str) -> Any:
    return (
        await Runner.run(Agent(name="weather", model=page.model(model), output_type=Weather), text)
    ).final_output.model_dump()
