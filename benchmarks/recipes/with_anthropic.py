"""The anthropic SDK, versions 0, 1 and 2. The tool's round trip is streamed."""

from __future__ import annotations

import json
from typing import Any

import anthropic
from samples import WEATHER

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOLS = [{"name": "get_weather", "description": "The weather in a city", "input_schema": SCHEMA}]


def refused() -> type[Exception]:
    return anthropic.RateLimitError


def _asked(model: str, text: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "max_tokens": 200, "messages": [{"role": "user", "content": text}], **more}


def chat(page: Any, model: str, text: str) -> str:
    reply = page.client.messages.create(**_asked(model, text))
    assert isinstance(reply, anthropic.types.Message)
    assert reply.stop_reason == "end_turn"
    assert reply.usage.output_tokens > 0
    return reply.content[0].text


def stream(page: Any, model: str, text: str) -> list[str]:
    with page.client.messages.stream(**_asked(model, text)) as events:
        pieces = list(events.text_stream)
        assert events.get_final_message().usage.output_tokens > 0
    return pieces


async def astream(page: Any, model: str, text: str) -> list[str]:
    async with page.aclient.messages.stream(**_asked(model, text)) as events:
        return [piece async for piece in events.text_stream]


def tools(page: Any, model: str, text: str) -> str:
    asked = _asked(model, text, tools=TOOLS)
    with page.client.messages.stream(**asked) as events:
        reply = events.get_final_message()
    [call] = [block for block in reply.content if block.type == "tool_use"]
    assert (call.input, reply.stop_reason) == ({"city": "Seoul"}, "tool_use")
    result = [{"type": "tool_result", "tool_use_id": call.id, "content": "21 degrees"}]
    asked["messages"] += [{"role": "assistant", "content": reply.content}, {"role": "user", "content": result}]
    return page.client.messages.create(**asked).content[0].text


def structured(page: Any, model: str, text: str) -> Any:
    """By a forced tool, which every version has; by ``output_config`` where the SDK has it."""
    tool = {"name": "weather", "input_schema": WEATHER}
    asked = _asked(model, text, tools=[tool], tool_choice={"type": "tool", "name": "weather"})
    [call] = page.client.messages.create(**asked).content
    if int(anthropic.__version__.partition(".")[0]):
        form = {"format": {"type": "json_schema", "schema": WEATHER}}
        reply = page.client.messages.create(**_asked(model, text, output_config=form))
        assert json.loads(reply.content[0].text) == call.input
    return call.input
