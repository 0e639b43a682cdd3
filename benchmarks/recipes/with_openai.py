"""The openai SDK, versions 2 and 3."""

from __future__ import annotations

import json
from typing import Any

import openai
from pydantic import BaseModel
from samples import TOOLS


class Weather(BaseModel):
    city: str
    degrees: int


def refused() -> type[Exception]:
    return openai.RateLimitError


def _asked(text: str) -> list[Any]:
    return [{"role": "user", "content": text}]


def chat(page: Any, model: str, text: str) -> str:
    reply = page.client.chat.completions.create(model=model, messages=_asked(text))
    assert isinstance(reply, openai.types.chat.ChatCompletion)
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.total_tokens > 0
    return reply.choices[0].message.content


def stream(page: Any, model: str, text: str) -> list[str]:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(page.client.chat.completions.create(model=model, messages=_asked(text), **options))
    assert chunks[-1].usage.total_tokens > 0
    return [piece for chunk in chunks if chunk.choices and (piece := chunk.choices[0].delta.content)]


async def astream(page: Any, model: str, text: str) -> list[str]:
    chunks = await page.aclient.chat.completions.create(model=model, messages=_asked(text), stream=True)
    return [piece async for chunk in chunks if chunk.choices and (piece := chunk.choices[0].delta.content)]


def tools(page: Any, model: str, text: str) -> str:
    messages = _asked(text)
    with page.client.chat.completions.stream(model=model, messages=messages, tools=TOOLS) as events:
        for _ in events:
            pass
        message = events.get_final_completion().choices[0].message
    [call] = message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Seoul"}
    messages += [message, {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"}]
    return page.client.chat.completions.create(model=model, messages=messages, tools=TOOLS).choices[0].message.content


def structured(page: Any, model: str, text: str) -> Any:
    reply = page.client.chat.completions.parse(model=model, messages=_asked(text), response_format=Weather)
    return reply.choices[0].message.parsed.model_dump()
