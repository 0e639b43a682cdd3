"""Requests written by hand: what other wires ask for, said in this one's words, and what it cannot say."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from modelmux import errors, wire
from modelmux.types import (
    Cache,
    Citation,
    Media,
    Message,
    Opaque,
    Output,
    Part,
    Reasoning,
    ReasoningOptions,
    Refusal,
    Request,
    ServerTool,
    ServerToolCall,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)

CODEC = wire.get("anthropic.messages")
BUDGETED, ADAPTIVE = "claude-sonnet-4-5-20250929", "claude-opus-4-6"
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


def user(*parts: Part | str) -> Message:
    return Message("user", tuple(Text(part) if isinstance(part, str) else part for part in parts))


def assistant(*parts: Part | str) -> Message:
    return replace(user(*parts), role="assistant")


def encode(*messages: Message, model: str = BUDGETED, **fields: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The body, and what was lost: field -> action."""
    fields.setdefault("max_tokens", 1000)
    body, warnings = CODEC.encode_request(Request(messages or (user("hi"),), **fields), model=model)
    return body, {warning.field: warning.action for warning in warnings}


def test_the_smallest_request() -> None:
    body, lost = encode()
    assert body == {
        "model": BUDGETED,
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
    }
    assert lost == {}


def test_max_tokens_is_required() -> None:
    body, lost = encode(max_tokens=None)
    assert (body["max_tokens"], lost) == (8192, {"max_tokens": "capped"})
    small = wire.make("anthropic.messages", "anthropic", {"default_max_tokens": 64}, "anthropic.messages")
    assert small.encode_request(Request((user("hi"),)), model="m")[0]["max_tokens"] == 64


@pytest.mark.parametrize("dialect", [{"default_max_tokens": 0}, {"default_max_tokens": "many"}, {"max_token": 5}])
def test_wrong_dialect_options_are_refused(dialect: dict[str, Any]) -> None:
    with pytest.raises(errors.ConfigError):
        wire.make("anthropic.messages", "anthropic", dialect, "anthropic.messages")


def test_system_turns_go_to_the_top() -> None:
    first, second = Message("system", (Text("Be brief."),)), Message("developer", (Text("Be kind."),))
    body, lost = encode(first, second, user("hi"))
    assert body["system"] == [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}]
    assert lost == {"messages.role": "renamed"}
    body, lost = encode(first, user("hi"), assistant("ho"), second, user("again"))
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert len(body["system"]) == 2
    assert lost == {"messages.system": "merged", "messages.role": "renamed"}
    assert encode(first, user("hi"))[0]["system"] == "Be brief."


def test_the_user_speaks_first() -> None:
    body, lost = encode(assistant("Welcome."), user("hi"))
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert lost == {"messages": "emulated"}
    body, lost = encode(Message("system", (Text("Count to three."),)))
    assert "system" not in body
    assert body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "Count to three."}]}]
    assert lost == {"messages.system": "renamed"}


def test_roles_alternate_and_results_come_first() -> None:
    body, lost = encode(
        user("roll twice"),
        assistant("Rolling."),
        assistant(ToolCall("call|1", "roll", {"sides": 6}), ToolCall("call/1", "roll")),
        Message("tool", (ToolResult("call|1", (Text("4"),), name="roll"),)),
        user("and?", ToolResult("call/1", (Text(""),), is_error=True)),
    )
    assert lost == {"tools": "emulated"}  # calls without tools are refused
    _, said, answered = body["messages"]
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant", "user"]
    assert [block["type"] for block in said["content"]] == ["text", "tool_use", "tool_use"]
    assert [block["type"] for block in answered["content"]] == ["tool_result", "tool_result", "text"]
    ids = [block["id"] for block in said["content"][1:]]
    assert ids == [block["tool_use_id"] for block in answered["content"][:2]]
    assert ids == ["call_1", "call_1_2"]
    assert answered["content"][1]["is_error"] is True
    assert answered["content"][1]["content"] == []


def test_empty_text_and_empty_turns_are_left_out() -> None:
    body, _ = encode(user("a"), assistant("", " \n"), user("", "b"))
    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    ]


def test_an_answer_begun_by_the_caller_ends_without_space() -> None:
    body, _ = encode(user("a"), assistant("The answer is "))
    assert body["messages"][-1] == {"role": "assistant", "content": [{"type": "text", "text": "The answer is"}]}


@pytest.mark.parametrize(
    ("part", "sent"),
    [
        (Reasoning("hm"), False),
        (Reasoning("hm", signature=""), False),
        (Reasoning("hm", signature="c2ln"), True),
        (Reasoning("hm", signature="c2ln", extra={"anthropic.messages": {}}), True),
        (Reasoning("hm", signature="c2ln", extra={"gemini.generateContent": {}}), False),
        (Reasoning(redacted="eA"), True),
        (Reasoning(redacted="eA", extra={"openai.responses": {}}), False),
    ],
)
def test_only_its_own_signed_thinking_goes_back(part: Reasoning, sent: bool) -> None:
    body, lost = encode(user("a"), assistant(part, "so"), user("b"))
    assert len(body["messages"][1]["content"]) == 1 + sent
    assert lost == ({} if sent else {"messages.reasoning": "dropped"})


@pytest.mark.parametrize(
    ("part", "source"),
    [
        (Media("image", "image/png", data="aGk="), {"type": "base64", "media_type": "image/png", "data": "aGk="}),
        (Media("image", data="/9j/4AAQ"), {"type": "base64", "media_type": "image/jpeg", "data": "/9j/4AAQ"}),
        (Media("image", url="https://example.com/a.png"), {"type": "url", "url": "https://example.com/a.png"}),
        (Media("document", file_id="file_1"), {"type": "file", "file_id": "file_1"}),
        (
            Media("file", "application/pdf", data="JVBERi0=", name="a.pdf"),
            {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
        ),
        (Media("document", "text/plain", text="hi"), {"type": "text", "media_type": "text/plain", "data": "hi"}),
        (
            Media("file", "text/csv", data=base64.b64encode(b"a,b").decode()),
            {"type": "text", "media_type": "text/plain", "data": "a,b"},
        ),
    ],
)
def test_media(part: Media, source: dict[str, Any]) -> None:
    body, lost = encode(user(replace(part, cache=Cache("1h"))))
    block = body["messages"][0]["content"][0]
    assert block["source"] == source
    assert block["type"] == ("image" if part.kind == "image" else "document")
    assert block.get("title") == part.name
    assert block["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert lost == {}
    again = CODEC.decode_request(body).messages[0].content[0]
    assert isinstance(again, Media)
    assert again.cache == Cache("1h")


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (Media("audio", "audio/wav", data="aGk="), "messages.audio"),
        (Media("video", "video/mp4", url="https://example.com/a.mp4"), "messages.video"),
        (Media("file", "application/zip", data="aGk="), "messages.file"),
        (Media("document"), "messages.document"),
        (Opaque("openai.chat", {"type": "sound"}), "messages.content"),
        (ServerToolCall("s1", "web_search", extra={"openai.responses": {}}), "messages.server_tools"),
    ],
)
def test_parts_this_wire_has_no_block_for(part: Part, field: str) -> None:
    body, lost = encode(user("look", part))
    assert body["messages"][0]["content"] == [{"type": "text", "text": "look"}]
    assert lost == {field: "dropped"}


def test_citations_of_others_and_refusals_become_text() -> None:
    body, _ = encode(
        user("a"), assistant(Text("b", (Citation(url="https://example.com", raw={"x": 1}),)), Refusal("c"))
    )
    assert body["messages"][1]["content"] == [{"type": "text", "text": "b"}, {"type": "text", "text": "c"}]


def test_tools() -> None:
    tools = (
        Tool("f", "does f", SCHEMA, strict=True, cache=Cache()),
        Tool("g"),
        Tool("h", parameters={"properties": {}}),
        ServerTool("web_search", "openai.responses", {"type": "web_search"}),
        ServerTool("telepathy", "openai.responses", {"type": "telepathy"}),
    )
    body, lost = encode(tools=tools, parallel_tool_calls=False)
    assert body["tools"] == [
        {
            "name": "f",
            "description": "does f",
            "strict": True,
            "input_schema": SCHEMA,
            "cache_control": {"type": "ephemeral"},
        },
        {"name": "g", "input_schema": {"type": "object", "properties": {}}},
        {"name": "h", "input_schema": {"type": "object", "properties": {}}},
        {"type": "web_search_20250305", "name": "web_search"},
    ]
    assert body["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}
    assert "tools" in lost


@pytest.mark.parametrize(
    ("choice", "parallel", "sent"),
    [
        (ToolChoice("auto"), None, {"type": "auto"}),
        (ToolChoice("none"), False, {"type": "none"}),
        (ToolChoice("required"), True, {"type": "any", "disable_parallel_tool_use": False}),
        (ToolChoice("tool", ("f",)), False, {"type": "tool", "name": "f", "disable_parallel_tool_use": True}),
        (ToolChoice("allowed", ("f",)), None, {"type": "any"}),
        (ToolChoice("allowed", ("f",), {"openai.chat": {"mode": "auto"}}), None, {"type": "auto"}),
    ],
)
def test_tool_choice(choice: ToolChoice, parallel: bool | None, sent: dict[str, Any]) -> None:
    body, lost = encode(tools=(Tool("f"), Tool("g")), tool_choice=choice, parallel_tool_calls=parallel)
    assert body["tool_choice"] == sent
    names = [tool["name"] for tool in body["tools"]]
    assert names == (["f"] if choice.mode == "allowed" else ["f", "g"])
    assert lost == ({"tool_choice": "emulated"} if choice.mode == "allowed" else {})
    if choice.mode != "allowed":
        again = CODEC.decode_request(body)
        assert again.tool_choice is not None
        assert (again.tool_choice.mode, again.tool_choice.names) == (choice.mode, choice.names)
        assert again.parallel_tool_calls is (None if choice.mode == "none" else parallel)


def test_a_choice_among_no_tools_is_not_sent() -> None:
    body, lost = encode(tool_choice=ToolChoice("auto"))
    assert "tool_choice" not in body
    assert lost == {}
    assert encode(tool_choice=ToolChoice("required"))[1] == {"tool_choice": "dropped"}


def test_structured_output() -> None:
    nested = {"type": "object", "properties": {"rows": {"type": "array", "items": SCHEMA}}, "$defs": {"r": SCHEMA}}
    body, lost = encode(output=Output(nested, name="rows", strict=True))
    form = body["output_config"]["format"]
    assert form["type"] == "json_schema"
    closed = {**SCHEMA, "additionalProperties": False}
    assert form["schema"] == {
        "type": "object",
        "properties": {"rows": {"type": "array", "items": closed}},
        "$defs": {"r": closed},
        "additionalProperties": False,
    }
    assert lost == {"output.schema": "clamped"}
    assert encode(output=Output(closed))[1] == {}
    body, lost = encode(output=Output())
    assert "output_config" not in body
    assert lost == {"output": "dropped"}


@pytest.mark.parametrize(
    ("options", "budgeted", "adaptive"),
    [
        (ReasoningOptions("none"), {"type": "disabled"}, ({"type": "disabled"}, None)),
        (ReasoningOptions(enabled=False), {"type": "disabled"}, ({"type": "disabled"}, None)),
        (ReasoningOptions("minimal"), {"type": "enabled", "budget_tokens": 1024}, ({"type": "adaptive"}, "low")),
        (ReasoningOptions("low"), {"type": "enabled", "budget_tokens": 2048}, ({"type": "adaptive"}, "low")),
        (ReasoningOptions("medium"), {"type": "enabled", "budget_tokens": 8192}, ({"type": "adaptive"}, "medium")),
        (ReasoningOptions("high"), {"type": "enabled", "budget_tokens": 16384}, ({"type": "adaptive"}, "high")),
        (ReasoningOptions(budget=3000), {"type": "enabled", "budget_tokens": 3000}, ({"type": "adaptive"}, "medium")),
        (ReasoningOptions(budget=10), {"type": "enabled", "budget_tokens": 1024}, ({"type": "adaptive"}, "low")),
        (ReasoningOptions(enabled=True), {"type": "enabled", "budget_tokens": 8192}, ({"type": "adaptive"}, None)),
        (ReasoningOptions(budget=-1), {"type": "enabled", "budget_tokens": 8192}, ({"type": "adaptive"}, None)),
        (ReasoningOptions(), None, (None, None)),
    ],
)
def test_how_much_to_think(
    options: ReasoningOptions, budgeted: dict[str, Any] | None, adaptive: tuple[dict[str, Any] | None, str | None]
) -> None:
    body, _ = encode(reasoning=options, max_tokens=64_000)
    assert body.get("thinking") == budgeted
    assert "output_config" not in body
    body, _ = encode(reasoning=options, max_tokens=64_000, model=ADAPTIVE)
    assert (body.get("thinking"), body.get("output_config", {}).get("effort")) == adaptive


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("claude-3-7-sonnet-20250219", "enabled"),
        ("claude-3-7-sonnet-latest", "enabled"),
        ("claude-sonnet-4-20250514", "enabled"),
        ("claude-opus-4-1", "enabled"),
        ("claude-haiku-4-5@20251001", "enabled"),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", "enabled"),
        ("claude-sonnet-4-6", "adaptive"),
        ("claude-opus-4-7", "adaptive"),
        ("claude-sonnet-5", "adaptive"),
        ("another-vendors-model", "enabled"),
        ("claude-3-5-haiku-latest", None),
        ("claude-3-opus-20240229", None),
    ],
)
def test_which_models_think_how(model: str, kind: str | None) -> None:
    body, lost = encode(reasoning=ReasoningOptions("low"), max_tokens=9000, model=model)
    assert body.get("thinking", {}).get("type") == kind
    assert ("reasoning" in lost) is (kind is None)


def test_thinking_leaves_room_for_the_answer() -> None:
    body, _ = encode(reasoning=ReasoningOptions("high"), max_tokens=4000)
    assert body["thinking"]["budget_tokens"] == 3000
    body, lost = encode(reasoning=ReasoningOptions(budget=9000), max_tokens=4000)
    assert (body["thinking"]["budget_tokens"], lost) == (3000, {"reasoning.budget": "clamped"})
    body, lost = encode(reasoning=ReasoningOptions("high"), max_tokens=1000)
    assert "thinking" not in body
    assert lost == {"reasoning": "dropped"}


def test_what_the_vendor_refuses_beside_thinking() -> None:
    body, lost = encode(
        reasoning=ReasoningOptions("low"),
        max_tokens=9000,
        temperature=0.2,
        top_k=5,
        top_p=0.5,
        tools=(Tool("f"),),
        tool_choice=ToolChoice("tool", ("f",)),
    )
    assert body["tool_choice"] == {"type": "auto"}
    assert not body.keys() & {"temperature", "top_k", "top_p"}
    refused = {"temperature": "dropped", "top_k": "dropped", "top_p": "dropped", "tool_choice": "clamped"}
    assert lost == {**refused, "reasoning.effort": "emulated"}


def test_parameters_without_a_counterpart() -> None:
    body, lost = encode(
        seed=1, n=2, logprobs=True, top_logprobs=3, presence_penalty=0.5, frequency_penalty=0.5, modalities=("audio",)
    )
    assert body.keys() == {"model", "max_tokens", "messages"}
    assert set(lost) == {
        "seed", "n", "logprobs", "top_logprobs", "presence_penalty", "frequency_penalty", "modalities"
    }  # fmt: skip
    assert set(lost.values()) == {"dropped"}
    assert encode(n=1, presence_penalty=0, logprobs=False, modalities=("text",))[1] == {}


def test_parameters_with_one() -> None:
    body, lost = encode(
        temperature=1.5, top_p=0.9, top_k=4, stop=("END", "\n"), user="u1", service_tier="default", cache=Cache("5m")
    )
    assert body["temperature"] == 1
    assert (body["top_p"], body["top_k"], body["stop_sequences"]) == (0.9, 4, ["END"])
    assert (body["metadata"], body["service_tier"]) == ({"user_id": "u1"}, "standard_only")
    assert body["cache_control"] == {"type": "ephemeral", "ttl": "5m"}
    assert lost == {"temperature": "clamped", "stop": "dropped"}
    assert encode(service_tier="flex")[1] == {"service_tier": "dropped"}


def test_fields_of_other_wires_stay_there() -> None:
    body, lost = encode(extra={"openai.chat": {"store": True}, "anthropic.messages": {"container": "c1"}})
    assert "store" not in body
    assert body["container"] == "c1"
    assert lost == {}


def test_names_of_turns_are_lost_with_a_word() -> None:
    assert encode(replace(user("hi"), name="ann"))[1] == {"messages.name": "dropped"}


def body_with(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}], **fields}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"model": "m"}, "messages"),
        (body_with(messages="hi"), "messages"),
        (body_with(messages=[7]), "messages[0]"),
        (body_with(messages=[{"role": "robot", "content": ""}]), "messages[0].role"),
        (body_with(messages=[{"role": ["user"], "content": ""}]), "messages[0].role"),
        (body_with(messages=[{"role": "user"}]), "messages[0].content"),
        (body_with(messages=[{"role": "user", "content": {"type": "text"}}]), "messages[0].content"),
        (
            body_with(messages=[{"role": "user", "content": [{"type": "text", "text": "a"}, "b"]}]),
            "messages[0].content[1]",
        ),
        (body_with(system=5), "system"),
        (body_with(system=["x"]), "system[0]"),
        (body_with(tools={}), "tools"),
        (body_with(tools=["f"]), "tools[0]"),
        (body_with(tools=[{"input_schema": {}}]), "tools[0].name"),
    ],
)
def test_malformed_requests_name_their_field(body: dict[str, Any], field: str) -> None:
    with pytest.raises(errors.InvalidRequest) as raised:
        CODEC.decode_request(body)
    assert raised.value.field == field


def test_what_is_read_from_a_full_request() -> None:
    req = CODEC.decode_request(
        body_with(
            system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
            stream=True,
            temperature=0,
            stop_sequences=["END"],
            metadata={"user_id": "u1"},
            thinking={"type": "enabled", "budget_tokens": 2000},
            output_config={"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
            tool_choice={"type": "any", "disable_parallel_tool_use": True},
            tools=[
                {"name": "f", "input_schema": SCHEMA, "defer_loading": True},
                {"type": "web_fetch_20250910", "name": "web_fetch", "max_uses": 2},
            ],
            service_tier="auto",
            cache_control={"type": "ephemeral"},
            mcp_servers=[{"type": "url", "url": "https://example.com", "name": "x"}],
        )
    )
    assert req.messages[0].content == (Text("Be brief.", cache=Cache("1h")),)
    assert (req.stream, req.temperature, req.stop, req.user, req.max_tokens) == (True, 0, ("END",), "u1", 5)
    assert req.reasoning is not None
    assert (req.reasoning.enabled, req.reasoning.budget, req.reasoning.effort) == (True, 2000, "low")
    assert req.output is not None
    assert req.output.schema == SCHEMA
    assert req.tool_choice is not None
    assert (req.tool_choice.mode, req.parallel_tool_calls) == ("required", False)
    tool, fetch = req.tools
    assert isinstance(tool, Tool)
    assert (tool.name, tool.parameters) == ("f", SCHEMA)
    assert isinstance(fetch, ServerTool)
    assert (fetch.kind, fetch.config["max_uses"]) == ("url_context", 2)
    assert (req.service_tier, req.cache) == ("auto", Cache())
    assert req.extra["anthropic.messages"].keys() == {"mcp_servers"}


def test_a_change_touches_nothing_else() -> None:
    body = body_with(from_the_future={"x": [1]}, thinking={"type": "adaptive", "new": 1}, top_k=3)
    req = CODEC.decode_request(body)
    changed = replace(req, messages=(*req.messages, assistant("ho"), user("again")), top_k=None, temperature=0.5)
    out, warnings = CODEC.encode_request(changed, model="m2", stream=True)
    assert out.pop("messages")[0] == body["messages"][0]
    assert out == {
        "model": "m2",
        "max_tokens": 5,
        "stream": True,
        "from_the_future": {"x": [1]},
        "thinking": {"type": "adaptive", "new": 1},
        "temperature": 0.5,
    }
    assert warnings == []
    assert "temperature" not in body
