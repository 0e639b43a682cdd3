"""What vendors of this format take no word for is said by the nearest, or left out, and reported."""

from __future__ import annotations

from typing import Any

import pytest

from modelmux import wire
from modelmux.types import Media, Message, ReasoningOptions, Request, Text, Tool, ToolCall, ToolResult

ASKED = (Message("user", (Text("Hello."),)),)


def said(api: str, messages: tuple[Message, ...] = ASKED, **fields: Any) -> tuple[dict[str, Any], dict[str, str]]:
    body, warnings = wire.get(api).encode_request(Request(messages, **fields), model="m")
    return body, {warning.field: warning.action for warning in warnings}


@pytest.mark.parametrize(
    ("api", "tier", "word"),
    [
        ("openai.chat", "standard_only", "default"),
        ("openai.chat", "priority", "priority"),
        ("openai.responses", "standard_only", "default"),
        ("groq.chat", "standard_only", "on_demand"),
        ("groq.chat", "priority", "performance"),
        ("groq.chat", "performance", "performance"),
        ("mistral.chat", "default", "standard_only"),
        ("mistral.chat", "flex", None),
    ],
)
def test_a_service_tier(api: str, tier: str, word: str | None) -> None:
    body, reported = said(api, service_tier=tier)
    assert body.get("service_tier") == word
    assert reported == ({} if word else {"service_tier": "dropped"})


@pytest.mark.parametrize(
    ("effort", "word"), [("none", "none"), ("minimal", "low"), ("medium", "medium"), ("xhigh", "high"), ("max", "high")]
)
def test_an_effort_that_a_vendor_has_no_word_for(effort: Any, word: str) -> None:
    body, reported = said("groq.chat", reasoning=ReasoningOptions(effort=effort))
    assert body["reasoning_effort"] == word
    assert reported == ({} if word == effort else {"reasoning.effort": "clamped"})


def test_media_that_a_vendor_does_not_take() -> None:
    shown = (Message("user", (Text("Look."), Media("document", "application/pdf", "QUJD"))),)
    body, reported = said("groq.chat", shown)
    assert body["messages"] == [{"role": "user", "content": "Look."}]
    assert reported == {"media.document": "dropped"}
    assert said("openai.chat", shown)[1] == {}


def test_text_as_the_only_modality_goes_without_saying() -> None:
    body, reported = said("mistral.chat", modalities=("text",), user="u")
    assert not {"modalities", "user"} & body.keys()
    assert reported == {"user": "dropped"}


@pytest.mark.parametrize("api", ["openai.chat", "mistral.chat", "cohere.chat_v2", "ollama.chat"])
def test_a_tool_without_parameters_has_none(api: str) -> None:
    body, _ = said(api, tools=(Tool("now", "The time"),))
    assert body["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}


@pytest.mark.parametrize(
    ("api", "place"),
    [
        ("anthropic.messages", lambda body: body["messages"][2]["content"][0]["tool_use_id"]),
        ("openai.responses", lambda body: body["input"][2]["call_id"]),
        ("gemini.interactions", lambda body: body["input"][2]["call_id"]),
    ],
)
def test_a_result_without_an_id_belongs_to_the_call_that_waits(api: str, place: Any) -> None:
    talk = (
        *ASKED,
        Message("assistant", (ToolCall("call_1", "now", {}),)),
        Message("tool", (ToolResult("", (Text("noon"),)),)),
    )
    body, _ = said(api, talk, tools=(Tool("now"),))
    assert place(body) == "call_1"
