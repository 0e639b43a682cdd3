"""langchain's chat models of three vendors: one interface, so one adapter."""

from __future__ import annotations

from importlib import import_module, util
from typing import Any

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel


class Weather(BaseModel):
    """The weather in a city."""

    city: str
    degrees: int


@tool
def get_weather(city: str) -> str:
    """The weather in a city."""
    assert city == "Seoul"
    return "21 degrees"


_ERRORS = {
    "langchain_openai": ("openai", "RateLimitError"),
    "langchain_anthropic": ("anthropic", "RateLimitError"),
    "langchain_google_genai": ("langchain_google_genai.chat_models", "ChatGoogleGenerativeAIError"),
}


def refused() -> tuple[type[Exception], ...]:
    places = [place for package, place in _ERRORS.items() if util.find_spec(package)]
    return tuple(getattr(import_module(module), name) for module, name in places)


def chat(page: Any, model: str, text: str) -> str:
    reply = page.model(model).invoke(text)
    assert reply.usage_metadata["output_tokens"] > 0
    return reply.text


def stream(page: Any, model: str, text: str) -> list[str]:
    return [chunk.text for chunk in page.model(model).stream(text) if chunk.text]


async def astream(page: Any, model: str, text: str) -> list[str]:
    return [chunk.text async for chunk in page.model(model).astream(text) if chunk.text]


def tools(page: Any, model: str, text: str) -> str:
    """Streamed, the tool's call in pieces."""
    bound = page.model(model).bind_tools([get_weather])
    messages: list[Any] = [HumanMessage(text)]
    pieces = list(bound.stream(messages))
    reply = sum(pieces[1:], pieces[0])
    [call] = reply.tool_calls
    messages += [reply, ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])]
    return bound.invoke(messages).text


def structured(page: Any, model: str, text: str) -> Any:
    return page.model(model).with_structured_output(Weather).invoke(text).model_dump()
