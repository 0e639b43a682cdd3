"""What goes out for requests that were made elsewhere. Synthetic: made by hand after the API reference."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelmux import wire
from modelmux.errors import InvalidRequest
from modelmux.types import (
    Cache,
    Media,
    Message,
    Output,
    Reasoning,
    ReasoningOptions,
    Request,
    ServerTool,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

CODEC = wire.get("bedrock.converse")
HELLO = (Message("user", (Text("Hello"),)),)
WEATHER = Tool("get_weather", "The weather", {"type": "object", "properties": {"city": {"type": "string"}}})


def sent(model: str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0", **fields: Any) -> tuple[dict[str, Any], set[str]]:
    body, warnings = CODEC.encode_request(Request(fields.pop("messages", HELLO), **fields), model=model)
    return body, {f"{warning.field} {warning.action}" for warning in warnings}


def test_a_plain_request():
    messages = (Message("system", (Text("Be brief."),)), *HELLO)
    body, warnings = sent(messages=messages, max_tokens=9, temperature=0.5, top_p=0.9, stop=("END",))
    assert body == {
        "system": [{"text": "Be brief."}],
        "messages": [{"role": "user", "content": [{"text": "Hello"}]}],
        "inferenceConfig": {"maxTokens": 9, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
    }
    assert warnings == set()


def test_a_cache_mark_is_a_block_of_its_own():
    parts = (Text("long", cache=Cache("1h")), Text("short"))
    body, _ = sent(messages=(Message("user", parts),), tools=(Tool("a", parameters={"type": "object"}, cache=Cache()),))
    point = {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert body["messages"][0]["content"] == [{"text": "long"}, point, {"text": "short"}]
    assert body["toolConfig"]["tools"][1] == {"cachePoint": {"type": "default"}}
    assert CODEC.decode_request(body).messages[0].content == parts


def test_a_cache_of_everything_is_a_point_at_the_end():
    body, warnings = sent(cache=Cache())
    assert body["messages"][-1]["content"] == [{"text": "Hello"}, {"cachePoint": {"type": "default"}}]
    assert warnings == {"cache emulated"}


def test_a_tool_loop_of_another_vendor():
    messages = (
        *HELLO,
        Message(
            "assistant",
            (Reasoning("hm", extra={"openai.chat": {}}), ToolCall("call:1", "get_weather", {"city": "Seoul"})),
        ),
        Message("tool", (ToolResult("call:1", (Text("Sunny"),), name="get_weather"),)),
        Message("user", (Text("Thanks"),)),
    )
    body, warnings = sent(messages=messages, tools=(WEATHER,), tool_choice=ToolChoice("required"))
    call, result = body["messages"][1]["content"][0]["toolUse"], body["messages"][2]["content"][0]["toolResult"]
    assert call == {"toolUseId": "call_1", "name": "get_weather", "input": {"city": "Seoul"}}
    assert result == {"toolUseId": "call_1", "content": [{"text": "Sunny"}]}
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert body["messages"][2]["content"][1] == {"text": "Thanks"}
    assert body["toolConfig"]["toolChoice"] == {"any": {}}
    assert warnings == {"messages.reasoning dropped"}


def test_ids_that_come_again_are_told_apart():
    again = (Message("assistant", (ToolCall("1", "look"),)), Message("tool", (ToolResult("1", (Text(" "),)),)))
    body, _ = sent(messages=(*HELLO, *again, *again), tools=(WEATHER,))
    calls = [
        block["toolUse"]["toolUseId"] for turn in body["messages"] for block in turn["content"] if "toolUse" in block
    ]
    results = [block["toolResult"] for turn in body["messages"] for block in turn["content"] if "toolResult" in block]
    assert calls == ["1", "1_2"]
    assert results == [{"toolUseId": name, "content": []} for name in calls]


def test_a_blank_result_of_this_wire_stays():
    turn = {"role": "user", "content": [{"toolResult": {"toolUseId": "1", "content": [{"text": ""}]}}]}
    request = CODEC.decode_request({"messages": [turn]})
    assert CODEC.encode_request(replace(request, source=None), model="m")[0]["messages"] == [turn]


def test_a_conversation_with_calls_names_its_tools():
    messages = (*HELLO, Message("assistant", (ToolCall("1", "look"),)), Message("tool", (ToolResult("1"),)))
    body, warnings = sent(messages=messages)
    assert body["toolConfig"] == {
        "tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}]
    }
    assert warnings == {"tools emulated"}


@pytest.mark.parametrize(
    ("choice", "said", "warned"),
    [
        (ToolChoice("auto"), {"auto": {}}, set()),
        (ToolChoice("tool", ("get_weather",)), {"tool": {"name": "get_weather"}}, set()),
        (ToolChoice("allowed", ("get_weather",)), {"any": {}}, {"tool_choice emulated"}),
    ],
)
def test_the_choice_of_a_tool(choice: ToolChoice, said: dict[str, Any], warned: set[str]):
    body, warnings = sent(tools=(WEATHER,), tool_choice=choice)
    assert (body["toolConfig"]["toolChoice"], warnings) == (said, warned)


def test_none_cannot_be_said():
    body, warnings = sent(tools=(WEATHER,), tool_choice=ToolChoice("none"))
    assert "toolConfig" not in body
    assert warnings == {"tool_choice emulated"}


def test_a_schema_is_text():
    body, warnings = sent(output=Output({"type": "object"}, "Thing"))
    said = {"schema": '{"type":"object"}', "name": "Thing"}
    assert body["outputConfig"] == {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": said}}}
    assert warnings == set()


MEDIA = [
    (Media("image", "image/png", data="AAAA"), {"image": {"format": "png", "source": {"bytes": "AAAA"}}}),
    (Media("image", data="/9j/AAAA"), {"image": {"format": "jpeg", "source": {"bytes": "/9j/AAAA"}}}),
    (
        Media("document", "application/pdf", data="AAAA", name="a report (v2).pdf"),
        {"document": {"format": "pdf", "name": "a report (v2)", "source": {"bytes": "AAAA"}}},
    ),
    (Media("document", text="Hi"), {"document": {"format": "txt", "name": "document", "source": {"bytes": "SGk="}}}),
    (
        Media("video", "video/mp4", url="s3://bucket/clip.mp4"),
        {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://bucket/clip.mp4"}}}},
    ),
]


@pytest.mark.parametrize(("part", "block"), MEDIA)
def test_media(part: Media, block: dict[str, Any]):
    body, warnings = sent(messages=(Message("user", (Text("See"), part)),))
    assert (body["messages"][0]["content"][1], warnings) == (block, set())


@pytest.mark.parametrize(
    "part",
    [
        Media("image", "image/png", url="https://example.com/a.png"),
        Media("image", "image/tiff", data="AAAA"),
        Media("document", file_id="file-1"),
    ],
)
def test_media_that_cannot_be_said_is_reported(part: Media):
    body, warnings = sent(messages=(Message("user", (Text("See"), part)),))
    assert body["messages"][0]["content"] == [{"text": "See"}]
    assert warnings == {f"messages.{part.kind} dropped"}


def test_names_of_documents_are_brought_under_the_rule_aloud():
    parts = [
        Media("document", "application/pdf", data="AAAA", name=name) for name in ("a_report.v2.pdf", "a report v2")
    ]
    body, warnings = sent(messages=(Message("user", (Text("See"), *parts)),))
    names = [block["document"]["name"] for block in body["messages"][0]["content"][1:]]
    assert names == ["a report v2", "a report v2 2"]
    assert warnings == {"media.name renamed"}


def test_a_document_alone_gets_a_line_of_text():
    body, warnings = sent(messages=(Message("user", (Media("document", "application/pdf", data="AAAA"),)),))
    assert "text" in body["messages"][0]["content"][1]
    assert warnings == {"messages emulated"}


THINKING = [
    ("anthropic.claude-sonnet-4-5-20250929-v1:0", {"thinking": {"type": "enabled", "budget_tokens": 2048}}),
    ("us.anthropic.claude-opus-4-8", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
    ("us.amazon.nova-2-lite-v1:0", {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}),
    ("openai.gpt-oss-120b-1:0", {"reasoning_effort": "low"}),
    ("qwen.qwen3-32b-v1:0", {"reasoning_config": "low"}),
]


@pytest.mark.parametrize(("model", "fields"), THINKING)
def test_effort_in_each_familys_words(model: str, fields: dict[str, Any]):
    body, warnings = sent(model, reasoning=ReasoningOptions(effort="low"), max_tokens=8000)
    budget = any("budget_tokens" in value for value in fields.values())
    said = {"reasoning.effort emulated"} if budget else set()
    assert (body["additionalModelRequestFields"], warnings) == (fields, said)


@pytest.mark.parametrize(("model", "fields"), THINKING)
def test_effort_is_read_back(model: str, fields: dict[str, Any]):
    del model
    body = {"messages": [], "additionalModelRequestFields": fields}
    options = CODEC.decode_request(body).reasoning
    assert options is not None
    assert (options.effort, options.budget) == (("low", None) if "budget_tokens" not in str(fields) else (None, 2048))


def test_a_changed_effort_is_said_anew():
    body = {"messages": [], "additionalModelRequestFields": {"reasoning_effort": "low", "other": 1}}
    request = CODEC.decode_request(body)
    changed = replace(request, reasoning=replace(request.reasoning, effort="high"))
    sent_again, _ = CODEC.encode_request(changed, model="openai.gpt-oss-120b-1:0")
    assert sent_again["additionalModelRequestFields"] == {"reasoning_effort": "high", "other": 1}


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        ("anthropic.claude-3-haiku-20240307-v1:0", {"top_k": 7}),
        ("us.amazon.nova-pro-v1:0", {"inferenceConfig": {"topK": 7}}),
        ("cohere.command-r-v1:0", {"k": 7}),
    ],
)
def test_top_k_in_each_familys_words(model: str, fields: dict[str, Any]):
    assert sent(model, top_k=7)[0]["additionalModelRequestFields"] == fields


def test_what_this_api_lacks_is_reported():
    lost = {"seed": 1, "n": 2, "user": "u", "logprobs": True, "presence_penalty": 0.5}
    body, warnings = sent(**lost)
    assert body.keys() == {"messages"}
    assert warnings == {f"{name} dropped" for name in lost}


def test_a_server_tool_of_another_vendor():
    body, warnings = sent("us.amazon.nova-premier-v1:0", tools=(ServerTool("web_search", "openai.responses"),))
    assert body["toolConfig"]["tools"] == [{"systemTool": {"name": "nova_grounding"}}]
    assert warnings == {"tools emulated"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "messages"),
        ({"messages": [1]}, "messages[0]"),
        ({"messages": [{"role": "system", "content": []}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": "text"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [1]}]}, "messages[0].content[0]"),
        ({"messages": [], "system": "text"}, "system"),
        ({"messages": [], "toolConfig": {"tools": 1}}, "toolConfig.tools"),
        ({"messages": [], "toolConfig": {"tools": [{"toolSpec": {}}]}}, "toolConfig.tools[0].toolSpec.name"),
    ],
)
def test_malformed_requests_name_the_field(body: dict[str, Any], field: str):
    with pytest.raises(InvalidRequest) as caught:
        CODEC.decode_request(body)
    assert caught.value.field == field
