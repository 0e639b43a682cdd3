"""instructor over the openai SDK. Without a response model it is the SDK itself."""

from __future__ import annotations

import json
from typing import Any

import openai
from pydantic import BaseModel
from samples import TOOLS


class Weather(BaseModel):
    """The weather in a city."""

    city: str
    degrees: int


def refused() -> type[Exception]:
    return openai.RateLimitError


def _asked(model: str, text: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], "response_model": None, **more}


def chat(page: Any, model: str, text: str) -> str:
    return page.client.chat.completions.create(**_asked(model, text)).choices[0].message.content


def stream(page: Any, model: str, text: str) -> list[str]:
    chunks = page.client.chat.completions.create(**_asked(model, text, stream=True))
    return [piece for chunk in chunks if chunk.choices and (piece := chunk.choices[0].delta.content)]


async def astream(page: Any, model: str, text: str) -> list[str]:
    chunks = await page.aclient.chat.completions.create(**_asked(model, text, stream=True))
    return [piece async for chunk in chunks if chunk.choices and (piece := chunk.choices[0].delta.content)]


def tools(page: Any, model: str, text: str) -> str:
    asked = _asked(model, text, tools=TOOLS)
    message = page.client.chat.completions.create(**asked).choices[0].message
    [call] = message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Seoul"}
    asked["messages"] += [message.model_dump(), {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"}]
    return page.client.chat.completions.create(**asked).choices[0].message.content


def structured(page: Any, model: str, text: str) -> Any:
    """Whole, and in parts as it grows."""
    asked = _asked(model, text, response_model=Weather)
    parts = list(page.client.chat.completions.create_partial(**asked))
    whole = page.client.chat.completions.create(**asked)
    assert parts[-1].model_dump() == whole.model_dump()
    return whole.model_dump()
