"""The groq SDK: OpenAI's calls, without its helpers."""

from __future__ import annotations

import json
from typing import Any

import groq
from samples import FORM, TOOLS


def refused() -> type[Exception]:
    return groq.RateLimitError


def _asked(model: str, text: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def chat(page: Any, model: str, text: str) -> str:
    reply = page.client.chat.completions.create(**_asked(model, text))
    assert reply.usage.total_tokens > 0
    return reply.choices[0].message.content


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
    asked["messages"] += [message, {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"}]
    return page.client.chat.completions.create(**asked).choices[0].message.content


def structured(page: Any, model: str, text: str) -> Any:
    reply = page.client.chat.completions.create(**_asked(model, text, response_format=FORM))
    return json.loads(reply.choices[0].message.content)
