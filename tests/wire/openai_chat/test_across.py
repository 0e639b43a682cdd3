"""What other wires' requests become here, vendor by vendor, and what is said to be lost. All requests are invented."""

from __future__ import annotations

from typing import Any

import pytest

from modelmux import wire
from modelmux.errors import InvalidRequest
from modelmux.types import (
    Cache,
    Media,
    Message,
    Opaque,
    Output,
    Part,
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


def sent(api: str, request: Request, **options: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The body, and what was lost: field -> action."""
    body, warnings = wire.get(api).encode_request(request, model="m", **options)
    return body, {warning.field: warning.action for warning in warnings}


def ask(*parts: Part, role: Any = "user", **options: Any) -> Request:
    return Request((Message(role, parts),), **options)


def test_tool_results_in_a_user_turn_become_tool_turns_before_the_rest() -> None:
    request = Request(
        (
            Message("assistant", (ToolCall("a", "f", {"x": 1}), ToolCall("b", "g"))),
            Message("user", (Text("and now?"), ToolResult("a", (Text("1"),)), ToolResult("b", (Text("2"),)))),
        )
    )
    body, lost = sent("openai.chat", request)
    assert lost == {}
    assert [(m["role"], m.get("tool_call_id"), m.get("content")) for m in body["messages"]] == [
        ("assistant", None, None),
        ("tool", "a", "1"),
        ("tool", "b", "2"),
        ("user", None, "and now?"),
    ]
    assert body["messages"][0]["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]


def test_an_image_in_a_tool_result_is_shown_in_a_user_turn_after_all_of_them() -> None:
    image = Media("image", "image/png", "QUJD")
    request = Request(
        (
            Message("tool", (ToolResult("a", (Text("see"), image)),)),
            Message("tool", (ToolResult("b", (image,)),)),
            Message("assistant", (Text("ok"),)),
        )
    )
    body, lost = sent("openai.chat", request)
    assert lost == {"tool_result.media": "emulated"}
    assert [m["role"] for m in body["messages"]] == ["tool", "tool", "user", "assistant"]
    assert body["messages"][0]["content"] == "see"
    assert body["messages"][1]["content"]
    shown = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    assert body["messages"][2]["content"] == [shown, shown]


def test_a_failed_tool_is_told_by_its_text() -> None:
    _, lost = sent("openai.chat", ask(ToolResult("a", (Text("boom"),), is_error=True)))
    assert lost == {"tool_result.is_error": "dropped"}


SIGNED = Request(
    (
        Message("user", (Text("q"),)),
        Message("assistant", (Reasoning("thought", signature="from elsewhere"), Text("a"))),
    )
)


@pytest.mark.parametrize(
    ("api", "field", "lost"),
    [
        ("openai.chat", None, {"reasoning": "dropped", "reasoning.signature": "dropped"}),
        ("deepseek.chat", "reasoning_content", {"reasoning.signature": "dropped"}),
        ("groq.chat", "reasoning", {"reasoning.signature": "dropped"}),
        ("openrouter.chat", "reasoning", {"reasoning.signature": "dropped"}),
    ],
)
def test_reasoning_goes_back_where_the_vendor_takes_it_and_its_signature_nowhere(
    api: str, field: str | None, lost: dict[str, str]
) -> None:
    body, warnings = sent(api, SIGNED)
    turn = body["messages"][1]
    assert warnings == lost
    assert turn == ({"role": "assistant", "content": "a"} | ({field: "thought"} if field else {}))


def test_mistral_takes_reasoning_as_a_thinking_block() -> None:
    body, _ = sent("mistral.chat", SIGNED)
    assert body["messages"][1]["content"] == [
        {"type": "thinking", "thinking": [{"type": "text", "text": "thought"}]},
        {"type": "text", "text": "a"},
    ]


def test_openrouter_gets_its_signed_reasoning_back_unchanged() -> None:
    details = [
        {"type": "reasoning.text", "text": "hm", "signature": "s", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "x", "id": "r", "index": 1},
    ]
    codec = wire.get("openrouter.chat")
    answer = codec.decode_response(
        {
            "choices": [
                {
                    "message": {
                        "content": None,
                        "reasoning": "hm",
                        "reasoning_details": details,
                        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
                    }
                }
            ]
        }
    )
    (reasoning,) = (part for part in answer.content if isinstance(part, Reasoning))
    assert (reasoning.text, reasoning.signature, reasoning.redacted) == ("hm", "s", "x")
    body, warnings = codec.encode_request(Request((answer.message,)), model="m")
    assert warnings == []
    assert body["messages"][0]["reasoning_details"] == details
    assert body["messages"][0]["reasoning"] == "hm"
    body, lost = sent("openai.chat", Request((answer.message,)))
    assert "reasoning_details" not in body["messages"][0]
    assert lost == {"reasoning": "dropped", "reasoning.signature": "dropped"}


def test_gemini_signatures_travel_with_the_tool_call_and_the_turn() -> None:
    codec = wire.get("gemini_openai.chat")
    extra = {"google": {"thought_signature": "sig"}}
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra_content": extra}
    answer = codec.decode_response({"choices": [{"message": {"tool_calls": [call], "extra_content": extra}}]})
    body, _ = codec.encode_request(Request((answer.message,)), model="m")
    assert body["messages"][0]["tool_calls"] == [call]
    assert body["messages"][0]["extra_content"] == extra


def test_cache_marks_go_where_they_are_understood() -> None:
    request = ask(Text("long", cache=Cache("1h")), tools=(Tool("f", cache=Cache()),))
    body, lost = sent("openrouter.chat", request)
    assert lost == {}
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "long", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    ]
    assert body["tools"][0]["cache_control"] == {"type": "ephemeral"}
    body, lost = sent("openai.chat", request)
    assert lost == {"cache": "dropped"}
    assert body["messages"][0]["content"] == "long"


@pytest.mark.parametrize(
    ("api", "name"),
    [("openai.chat", "max_completion_tokens"), ("mistral.chat", "max_tokens"), ("vllm.chat", "max_tokens")],
)
def test_the_output_limit_goes_by_the_vendors_name(api: str, name: str) -> None:
    body, _ = sent(api, ask(Text("q"), max_tokens=5))
    assert {key: value for key, value in body.items() if key.startswith("max")} == {name: 5}


def test_an_openai_body_for_mistral_is_translated() -> None:
    body = {
        "model": "x",
        "messages": [{"role": "developer", "content": "be brief"}, {"role": "user", "content": "q"}],
        "max_completion_tokens": 5,
        "seed": 7,
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "tool_choice": "required",
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    request = wire.get("openai.chat").decode_request(body)
    said, warnings = wire.get("mistral.chat").encode_request(request, model="mistral-small", stream=True)
    assert [(warning.field, warning.action) for warning in warnings] == [("messages.role", "renamed")]
    assert said["messages"][0] == {"role": "system", "content": "be brief"}
    assert (said["max_tokens"], said["random_seed"], said["tool_choice"]) == (5, 7, "any")
    parameters = {"type": "object", "properties": {}}  # which Mistral wants said
    assert said["tools"] == [{"type": "function", "function": {"name": "f", "parameters": parameters}}]
    assert said.keys() - body.keys() == {"max_tokens", "random_seed"}


def test_a_lower_limit_is_not_undone_by_the_other_name() -> None:
    codec = wire.get("groq.chat")
    body = {"messages": [], "max_tokens": 900, "max_completion_tokens": 800}
    from dataclasses import replace

    said, _ = codec.encode_request(replace(codec.decode_request(body), max_tokens=10), model="m")
    assert (said["max_tokens"], said["max_completion_tokens"]) == (10, 10)


@pytest.mark.parametrize(
    ("api", "options", "said", "lost"),
    [
        ("openai.chat", {"effort": "high"}, {"reasoning_effort": "high"}, {}),
        ("openai.chat", {"budget": 1000}, {"reasoning_effort": "low"}, {"reasoning.budget": "emulated"}),
        ("openai.chat", {"budget": 50_000}, {"reasoning_effort": "high"}, {"reasoning.budget": "emulated"}),
        ("openai.chat", {"enabled": False}, {"reasoning_effort": "none"}, {"reasoning.enabled": "emulated"}),
        ("openai.chat", {"effort": "low", "enabled": True}, {"reasoning_effort": "low"}, {}),
        ("openai.chat", {"summary": "auto"}, {}, {"reasoning.summary": "dropped"}),
        ("openrouter.chat", {"effort": "high"}, {"reasoning": {"effort": "high"}}, {}),
        ("openrouter.chat", {"budget": 9, "include": False}, {"reasoning": {"max_tokens": 9, "exclude": True}}, {}),
        (
            "deepseek.chat",
            {"effort": "high", "enabled": True},
            {"thinking": {"type": "enabled"}, "reasoning_effort": "high"},
            {},
        ),
        ("deepseek.chat", {"effort": "none"}, {"thinking": {"type": "disabled"}}, {}),
        ("zai.chat", {"effort": "low"}, {"thinking": {"type": "enabled"}}, {"reasoning.effort": "emulated"}),
        ("alibaba.chat", {"enabled": True}, {"enable_thinking": True}, {}),
        ("databricks.chat", {"budget": 2048}, {"thinking": {"type": "enabled", "budget_tokens": 2048}}, {}),
    ],
)
def test_reasoning_is_steered_in_the_vendors_words(
    api: str, options: dict[str, Any], said: dict[str, Any], lost: dict[str, str]
) -> None:
    body, warnings = sent(api, ask(Text("q"), reasoning=ReasoningOptions(**options)))
    names = ("reasoning_effort", "reasoning", "thinking", "enable_thinking")
    assert {name: body[name] for name in names if name in body} == said
    assert warnings == lost


def test_allowed_tools_are_the_only_ones_offered_where_the_choice_cannot_be_said() -> None:
    request = ask(Text("q"), tools=(Tool("f"), Tool("g")), tool_choice=ToolChoice("allowed", ("g",)))
    body, lost = sent("openai.chat", request)
    assert lost == {}
    assert body["tool_choice"]["allowed_tools"]["tools"] == [{"type": "function", "function": {"name": "g"}}]
    body, lost = sent("groq.chat", request)
    assert lost == {"tool_choice": "emulated"}
    assert [tool["function"]["name"] for tool in body["tools"]] == ["g"]
    assert body["tool_choice"] == "auto"


def test_a_schema_is_only_json_where_the_vendor_promises_no_more() -> None:
    request = ask(Text("q"), output=Output({"type": "object"}, strict=True))
    body, lost = sent("openai.chat", request)
    assert lost == {}
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "output", "strict": True, "schema": {"type": "object"}},
    }
    body, lost = sent("deepseek.chat", request)
    assert lost == {"output.schema": "emulated"}
    assert body["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(
    ("part", "api", "said"),
    [
        (
            Media("image", url="https://e.x/a.png", detail="low"),
            "openai.chat",
            {"url": "https://e.x/a.png", "detail": "low"},
        ),
        (Media("audio", "audio/wav", "QUJD"), "openai.chat", {"data": "QUJD", "format": "wav"}),
        (
            Media("document", "application/pdf", "QUJD", name="a.pdf"),
            "openai.chat",
            {"file_data": "data:application/pdf;base64,QUJD", "filename": "a.pdf"},
        ),
        (Media("document", file_id="file-1"), "openai.chat", {"file_id": "file-1"}),
        (Media("document", url="https://e.x/a.pdf"), "mistral.chat", "https://e.x/a.pdf"),
        (Media("document", url="https://e.x/a.pdf"), "openrouter.chat", {"file_data": "https://e.x/a.pdf"}),
        (Media("video", "video/mp4", "QUJD"), "openrouter.chat", {"url": "data:video/mp4;base64,QUJD"}),
        (Media("document", text="plain"), "openai.chat", "plain"),
    ],
)
def test_media(part: Media, api: str, said: Any) -> None:
    body, _ = sent(api, ask(Text("look"), part))
    item = body["messages"][0]["content"][1]
    value = dict(item[item["type"]]) if isinstance(item[item["type"]], dict) else item[item["type"]]
    if isinstance(value, dict) and isinstance(said, dict) and "filename" not in said:
        value.pop("filename", None)
    assert value == said


@pytest.mark.parametrize(
    "part",
    [
        Media("document", url="https://e.x/a.pdf"),
        Media("video", "video/mp4", "QUJD"),
        Media("image", file_id="file-1"),
        Media("audio", url="https://e.x/a.mp3"),
        Opaque("anthropic.messages", {"type": "container_upload"}),
    ],
)
def test_what_openai_cannot_be_told_is_reported(part: Part) -> None:
    body, lost = sent("openai.chat", ask(Text("look"), part))
    assert body["messages"][0]["content"] == "look"
    assert list(lost.values()) == ["dropped"]


def test_another_vendors_tools_are_reported_or_asked_for_in_own_words() -> None:
    request = ask(Text("q"), tools=(ServerTool("web_search", "anthropic.messages", {"type": "web_search_20250305"}),))
    body, lost = sent("openai.chat", request)
    assert "tools" not in body
    assert lost == {"tools.web_search": "dropped"}
    body, lost = sent("openrouter.chat", request)
    assert body["tools"] == [{"type": "openrouter:web_search"}]
    assert lost == {"tools.web_search": "emulated"}


def test_top_k_only_where_it_is_taken() -> None:
    assert sent("openai.chat", ask(Text("q"), top_k=4))[1] == {"top_k": "dropped"}
    assert sent("vllm.chat", ask(Text("q"), top_k=4))[0]["top_k"] == 4


@pytest.mark.parametrize(
    ("api", "include", "options"),
    [
        ("openai.chat", True, {"include_usage": True}),
        ("openai.chat", None, None),
        ("openai.chat", False, {"include_usage": False}),
        ("mistral.chat", True, None),
        ("perplexity.chat", True, None),
    ],
)
def test_usage_is_asked_for_where_it_must_be(api: str, include: bool | None, options: Any) -> None:
    body, _ = sent(api, ask(Text("q"), include_usage=include), stream=True)
    assert body["stream"] is True
    assert body.get("stream_options") == options
    body, _ = sent(api, ask(Text("q"), include_usage=include))
    assert "stream" not in body
    assert "stream_options" not in body


def test_a_stream_sent_whole_loses_its_stream_options() -> None:
    codec = wire.get("openai.chat")
    request = codec.decode_request({"messages": [], "stream": True, "stream_options": {"include_usage": True}})
    body, _ = codec.encode_request(request, model="m")
    assert body == {"messages": [], "model": "m"}


def test_asking_for_usage_touches_nothing_else() -> None:
    from dataclasses import replace

    codec = wire.get("openai.chat")
    source = {"messages": [{"role": "user", "content": "q", "odd": [1]}], "stream": True, "own": {"a": 1}}
    request = replace(codec.decode_request(source), include_usage=True)
    body, _ = codec.encode_request(request, model="m", stream=True)
    assert body == {**source, "model": "m", "stream_options": {"include_usage": True}}
    assert body["messages"] is source["messages"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "user", "content": "a"}, "b"]}, "messages[1]"),
    ],
)
def test_a_malformed_request_names_its_field(body: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        wire.get("openai.chat").decode_request(body)
    assert raised.value.field == field


def test_a_stale_argument_text_is_not_sent() -> None:
    """Whoever changes ``arguments`` need not know that the old text was kept."""
    call = ToolCall("a", "f", {"x": 2}, raw='{ "x": 1 }')
    body, _ = sent("openai.chat", ask(call, role="assistant"))
    assert body["messages"][0]["tool_calls"][0]["function"]["arguments"] == '{"x":2}'
    cut = ToolCall("a", "f", {}, raw='{"x": ')
    body, _ = sent("openai.chat", ask(cut, role="assistant"))
    assert body["messages"][0]["tool_calls"][0]["function"]["arguments"] == '{"x": '


def test_an_image_in_a_tool_result_stays_there_where_it_may() -> None:
    image = Media("image", "image/png", "QUJD")
    body, lost = sent("ollama_openai.chat", ask(ToolResult("a", (Text("see"), image)), role="tool"))
    assert lost == {}
    assert [item["type"] for item in body["messages"][0]["content"]] == ["text", "image_url"]
