"""dspy, with litellm as its engine. Its programs write prompts and read answers in a layout of their own."""

from __future__ import annotations

import json
from typing import Any

import dspy
from dspy.streaming import StreamResponse
from dspy.utils.exceptions import LMBillingError
from pydantic import BaseModel


class Weather(BaseModel):
    city: str
    degrees: int


class Question(dspy.Signature):
    """Answer the question."""

    question: str = dspy.InputField()
    answer: str = dspy.OutputField()


class Report(dspy.Signature):
    """Say how the weather is."""

    question: str = dspy.InputField()
    weather: Weather = dspy.OutputField()


def refused() -> type[Exception]:
    return LMBillingError


def get_weather(city: str) -> str:
    """The weather in a city."""
    assert city == "Seoul"
    return "21 degrees"


def chat(page: Any, model: str, text: str) -> str:
    found = page.lm(model)(text)[0]
    return found if isinstance(found, str) else found["text"]


def spoken(text: str) -> str:
    """An answer in dspy's layout."""
    return f"[[ ## answer ## ]]\n{text}\n\n[[ ## completed ## ]]\n"


def stream(page: Any, model: str, text: str) -> list[str]:
    with dspy.context(lm=page.lm(model)):
        asked = dspy.streamify(dspy.Predict(Question), stream_listeners=_listeners(), async_streaming=False)
        return [chunk.chunk for chunk in asked(question=text) if isinstance(chunk, StreamResponse)]


async def astream(page: Any, model: str, text: str) -> list[str]:
    with dspy.context(lm=page.lm(model)):
        asked = dspy.streamify(dspy.Predict(Question), stream_listeners=_listeners())
        return [chunk.chunk async for chunk in asked(question=text) if isinstance(chunk, StreamResponse)]


def _listeners() -> list[Any]:
    return [dspy.streaming.StreamListener(signature_field_name="answer")]


def wrapped(weather: dict[str, Any]) -> dict[str, Any]:
    """The signature's fields stand around it."""
    return {"weather": weather}


STEPS = 3
"""The tool, the decision that all is known, the answer."""


def told(said: str, *, over: bool, asked: str) -> dict[str, Any]:
    """The agent has tools called in the text."""
    if "next_tool_name" not in asked:
        return {"text": json.dumps({"reasoning": "it was looked up", "answer": said})}
    name, arguments = ("finish", {}) if over else ("get_weather", {"city": "Seoul"})
    return {"text": json.dumps({"next_thought": "so", "next_tool_name": name, "next_tool_args": arguments})}


def tools(page: Any, model: str, text: str) -> str:
    with dspy.context(lm=page.lm(model), adapter=dspy.JSONAdapter()):
        return dspy.ReAct(Question, tools=[get_weather], max_iters=3)(question=text).answer


def structured(page: Any, model: str, text: str) -> Any:
    with dspy.context(lm=page.lm(model), adapter=dspy.JSONAdapter()):
        return dspy.Predict(Report)(question=text).weather.model_dump()
