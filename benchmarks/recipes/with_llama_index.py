"""llama-index's OpenAI model."""

from __future__ import annotations

from typing import Any

import openai
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel


class Weather(BaseModel):
    """The weather in a city."""

    city: str
    degrees: int


def refused() -> type[Exception]:
    return openai.RateLimitError


def get_weather(city: str) -> str:
    """The weather in a city."""
    assert city == "Seoul"
    return "21 degrees"


def _asked(text: str) -> list[ChatMessage]:
    return [ChatMessage(role="user", content=text)]


def chat(page: Any, model: str, text: str) -> str:
    return page.model(model).chat(_asked(text)).message.content


def stream(page: Any, model: str, text: str) -> list[str]:
    return [chunk.delta for chunk in page.model(model).stream_chat(_asked(text)) if chunk.delta]


async def astream(page: Any, model: str, text: str) -> list[str]:
    return [chunk.delta async for chunk in await page.model(model).astream_chat(_asked(text)) if chunk.delta]


def tools(page: Any, model: str, text: str) -> str:
    llm = page.model(model)
    tool = FunctionTool.from_defaults(get_weather)
    messages = _asked(text)
    reply = llm.chat_with_tools([tool], chat_history=messages)
    [call] = llm.get_tool_calls_from_response(reply)
    result = tool(**call.tool_kwargs).content
    told = ChatMessage(role="tool", content=result, additional_kwargs={"tool_call_id": call.tool_id})
    return llm.chat_with_tools([tool], chat_history=[*messages, reply.message, told]).message.content


def structured(page: Any, model: str, text: str) -> Any:
    return page.model(model).structured_predict(Weather, PromptTemplate("{text}"), text=text).model_dump()
