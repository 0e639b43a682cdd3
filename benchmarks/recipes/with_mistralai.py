"""The mistralai SDK."""

from __future__ import annotations

import json
from typing import Any

from mistralai.client.errors import MistralError
from pydantic import BaseModel
from samples import TOOLS


class Weather(BaseModel):
    city: str
    degrees: int


def refused() -> type[Exception]:
    return MistralError


def _asked(model: str, text: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def chat(page: Any, model: str, text: str) -> str:
    reply = page.client.chat.complete(**_asked(model, text))
    assert reply.usage.total_tokens > 0
    return reply.choices[0].message.content


def stream(page: Any, model: str, text: str) -> list[str]:
    events = page.client.chat.stream(**_asked(model, text))
    return [piece for event in events if event.data.choices and (piece := event.data.choices[0].delta.content)]


async def astream(page: Any, model: str, text: str) -> list[str]:
    events = await page.client.chat.stream_async(**_asked(model, text))
    return [piece async for event in events if event.data.choices and (piece := event.data.choices[0].delta.content)]


def tools(page: Any, model: str, text: str) -> str:
    asked = _asked(model, text, tools=TOOLS)
    message = page.client.chat.complete(**asked).choices[0].message
    [call] = message.tool_calls
    assert json.loads(call.function.arguments) == {"city": "Seoul"}
    result = {"role": "tool", "tool_call_id": call.id, "name": "get_weather", "content": "21 degrees"}
    asked["messages"] += [message, result]
    return page.client.chat.complete(**asked).choices[0].message.content


def structured(page: Any, model: str, text: str) -> Any:
    reply = page.client.chat.parse(Weather, **_asked(model, text))
    return reply.choices[0].message.parsed.model_dump()
