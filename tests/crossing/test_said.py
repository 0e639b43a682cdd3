"""Every field of a request leaves a mark at every wire: in the body, or among the warnings under its own name."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from crossing.histories import TARGETS
from modelmux import wire
from modelmux.types import (
    Cache,
    Media,
    Message,
    Output,
    Part,
    Reasoning,
    ReasoningOptions,
    Refusal,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

TOOL = Tool("search", "finds", {"type": "object", "properties": {"q": {"type": "string"}}})
BASE = Request((Message("system", (Text("s"),)), Message("user", (Text("q"),))), tools=(TOOL,), max_tokens=5000)
_SCHEMA = {"type": "object", "properties": {}}

OPTIONS: dict[str, dict[str, Any]] = {
    "max_tokens": {"max_tokens": 77},
    "temperature": {"temperature": 0.25},
    "top_p": {"top_p": 0.97},
    "top_k": {"top_k": 7},
    "stop": {"stop": ("END",)},
    "seed": {"seed": 7},
    "n": {"n": 2},
    "presence_penalty": {"presence_penalty": 0.5},
    "frequency_penalty": {"frequency_penalty": 0.5},
    "logprobs": {"logprobs": True},
    "top_logprobs": {"logprobs": True, "top_logprobs": 2},
    "user": {"user": "ann"},
    "service_tier": {"service_tier": "flex"},
    "modalities": {"modalities": ("text", "audio")},
    "cache": {"cache": Cache()},
    "parallel_tool_calls": {"parallel_tool_calls": False},
    "reasoning": {"reasoning": ReasoningOptions("high")},
    "output": {"output": Output(_SCHEMA)},
    "tools": {"tools": (TOOL, Tool("read"))},
    "tool_choice": {"tool_choice": ToolChoice("required")},
}


def _after(*parts: Part, role: str = "assistant") -> tuple[Message, ...]:
    return (*BASE.messages, Message(role, parts), Message("user", (Text("r"),)))  # type: ignore[arg-type]


def _tool_turn(*content: Part, is_error: bool = False) -> tuple[Message, ...]:
    result = ToolResult("c1", content, "search", is_error)
    return (*BASE.messages, Message("assistant", (ToolCall("c1", "search"),)), Message("tool", (result,)))


_IMAGE = Media("image", "image/png", "iVBORw0KGgo=")
PARTS: dict[str, tuple[tuple[Message, ...], tuple[Message, ...]]] = {
    "reasoning": (_after(Text("a")), _after(Reasoning("hm"), Text("a"))),
    "signature": (_after(Text("a")), _after(Text("a", signature="proof"))),
    "refusal": (_after(Text("a")), _after(Text("a"), Refusal("no"))),
    "cache": (_after(Text("a"), role="user"), _after(Text("a", cache=Cache()), role="user")),
    "media": (_after(Text("a"), role="user"), _after(Text("a"), _IMAGE, role="user")),
    "audio": (_after(Text("a"), role="user"), _after(Text("a"), Media("audio", "audio/wav", "UklG"), role="user")),
    "detail": (_after(_IMAGE, role="user"), _after(replace(_IMAGE, detail="low"), role="user")),
    "is_error": (_tool_turn(Text("x")), _tool_turn(Text("x"), is_error=True)),
    "media in a result": (_tool_turn(Text("x")), _tool_turn(Text("x"), _IMAGE)),
}


WITH = {"tools": ("tools", "dropped"), "detail": ("media", "dropped")}
"""What goes unmentioned where the whole that it is part of is said to be left out."""


def marks(target: str, model: str, request: Request) -> tuple[Any, set[tuple[str, str]]]:
    body, warnings = wire.get(target).encode_request(request, model=model)
    return body, {(re.sub(r"\d+", "#", warning.field), warning.action) for warning in warnings}


def leaves_a_mark(name: str, target: str, model: str, before: Request, after: Request) -> bool:
    body, warnings = marks(target, model, before)
    body_after, warnings_after = marks(target, model, after)
    return body != body_after or warnings_after > warnings or WITH.get(name) in warnings_after


@pytest.mark.parametrize(("target", "model"), TARGETS)
def test_no_option_is_lost_in_silence(target: str, model: str) -> None:
    lost = {
        name for name, given in OPTIONS.items() if not leaves_a_mark(name, target, model, BASE, replace(BASE, **given))
    }
    assert lost == set()


@pytest.mark.parametrize(("target", "model"), TARGETS)
def test_no_part_is_lost_in_silence(target: str, model: str) -> None:
    lost = {
        name
        for name, (before, after) in PARTS.items()
        if not leaves_a_mark(name, target, model, replace(BASE, messages=before), replace(BASE, messages=after))
    }
    assert lost == set()
