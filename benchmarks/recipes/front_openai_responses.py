"""The openai SDK's responses, for ``crossing.py``."""

from __future__ import annotations

from typing import Any

import openai
from front_openai_chat import ERROR, client, status, wrong
from samples import parsed

__all__ = ["ERROR", "OWN", "ask", "client", "parse", "status", "wrong"]

OWN = "openai.responses"


def ask(sdk: openai.OpenAI, model: str, *, names: list[str], schema: Any, stream: bool) -> tuple[str, list[Any]]:
    asked: dict[str, Any] = {"model": model, "input": "Say it"}
    if names:
        function = {"type": "function", "parameters": {"type": "object", "properties": {}}, "strict": False}
        asked["tools"] = [{"name": name, **function} for name in names]
    if schema:
        asked["text"] = {"format": {"type": "json_schema", "name": "answer", "schema": schema, "strict": False}}
    if stream:
        with sdk.responses.stream(**asked) as stream:
            events = list(stream)
        deltas = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        assert events[-1].type in ("response.completed", "response.incomplete")  # the helper refuses the latter
        reply = events[-1].response
        assert deltas == reply.output_text
    else:
        reply = sdk.responses.create(**asked)
    assert isinstance(reply, openai.types.responses.Response)
    calls = [item for item in reply.output if item.type == "function_call"]
    return reply.output_text, [(call.name, parsed(call.arguments)) for call in calls]


def parse(sdk: openai.OpenAI, model: str, form: Any, *, stream: bool) -> Any:
    """The answer as the SDK makes an object of it."""
    asked: dict[str, Any] = {"model": model, "input": "Say it", "text_format": form}
    if not stream:
        return sdk.responses.parse(**asked).output_parsed
    with sdk.responses.stream(**asked) as events:
        return events.get_final_response().output_parsed
