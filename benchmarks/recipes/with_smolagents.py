"""smolagents: its OpenAI model, and the agent that calls tools."""

from __future__ import annotations

import json
from typing import Any

import openai
from samples import FORM
from smolagents import LogLevel, ToolCallingAgent, tool


def refused() -> type[Exception]:
    return openai.RateLimitError


@tool
def get_weather(city: str) -> str:
    """The weather in a city.

    Args:
        city: the city's name
    """
    assert city == "Seoul"
    return "21 degrees"


def told(said: str, *, over: bool, asked: str) -> dict[str, Any]:
    """The agent takes its result from a tool as well."""
    call = ("final_answer", {"answer": said}) if over else ("get_weather", {"city": "Seoul"})
    assert call[0] in asked
    return {"tool_calls": [{"name": call[0], "arguments": call[1]}]}


def _asked(text: str) -> list[Any]:
    return [{"role": "user", "content": [{"type": "text", "text": text}]}]


def chat(page: Any, model: str, text: str) -> str:
    reply = page.model(model).generate(_asked(text))
    assert reply.token_usage.output_tokens > 0
    return reply.content


def stream(page: Any, model: str, text: str) -> list[str]:
    return [delta.content for delta in page.model(model).generate_stream(_asked(text)) if delta.content]


def tools(page: Any, model: str, text: str) -> str:
    agent = ToolCallingAgent(tools=[get_weather], model=page.model(model), max_steps=3, verbosity_level=LogLevel.OFF)
    return agent.run(text)


def structured(page: Any, model: str, text: str) -> Any:
    return json.loads(page.model(model).generate(_asked(text), response_format=FORM).content)
