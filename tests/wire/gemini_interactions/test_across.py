"""What other formats say, said as an interaction; and what interactions say in ways of their own."""

from __future__ import annotations

import json

import pytest

from modelmux import wire
from modelmux._fold import fold
from modelmux._http import sse
from modelmux.errors import (
    AuthError,
    MalformedResponse,
    ProviderError,
    RateLimited,
    RequestRejected,
    ServerError,
    StreamTruncated,
)
from modelmux.types import (
    Citation,
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

API = wire.get("gemini.interactions")
HI = Message("user", (Text("Hi"),))


def said(request: Request, **options):
    body, warnings = API.encode_request(request, model="gemini-3-flash", **options)
    return body, {(warning.field, warning.action) for warning in warnings}


def events(*bodies: dict) -> list[bytes]:
    return [sse(json.dumps(body).encode(), body["event_type"]) for body in bodies]


# --- requests ------------------------------------------------------------------------------------------------


def test_a_conversation_is_a_list_of_steps():
    history = (
        Message("system", (Text("Be brief."),)),
        Message("user", (Text("Look"), Media("image", "image/png", "QUJD", detail="low"))),
        Message(
            "assistant",
            (Reasoning("hm", signature="s"), Text("I call", (Citation(url="u"),)), ToolCall("c1", "add", {"a": 1})),
        ),
        Message("tool", (ToolResult("c1", (Text("2"),), is_error=True),)),
        Message("user", (Media("document", url="https://example.com/a.pdf"), Text("Go on"))),
    )
    body, warnings = said(Request(history))
    picture = {"type": "image", "data": "QUJD", "mime_type": "image/png", "resolution": "low"}
    paper = {"type": "document", "uri": "https://example.com/a.pdf"}
    assert body["system_instruction"] == "Be brief."
    assert body["input"] == [
        {"type": "user_input", "content": [{"type": "text", "text": "Look"}, picture]},
        {"type": "model_output", "content": [{"type": "text", "text": "I call"}]},
        {"type": "function_call", "id": "c1", "name": "add", "arguments": {"a": 1}},
        {"type": "function_result", "call_id": "c1", "name": "add", "result": "2", "is_error": True},
        {"type": "user_input", "content": [paper, {"type": "text", "text": "Go on"}]},
    ]
    assert warnings == {("reasoning", "dropped"), ("citations", "dropped")}


def test_what_the_system_says_stands_in_front():
    turns = (Message("system", (Text("A"),)), HI, Message("developer", (Text("B"),)))
    body, warnings = said(Request(turns))
    assert body["system_instruction"] == "A\n\nB"
    assert warnings == {("messages.system", "merged"), ("messages.role", "renamed")}


@pytest.mark.parametrize(
    "value",
    [
        "Hi",
        {"type": "text", "text": "Hi"},
        [{"type": "text", "text": "Hi"}, {"type": "image", "uri": "https://example.com/a.png"}],
        [{"role": "user", "content": "Hi"}, {"role": "model", "content": [{"type": "text", "text": "Ho"}]}],
        [
            {"type": "user_input", "content": [{"type": "text", "text": "Hi"}]},
            {"type": "thought", "signature": "s", "summary": [{"type": "text", "text": "hm"}]},
            {"type": "model_output", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"type": "model_output", "content": [{"type": "text", "text": "c"}], "more": 1},
            {"type": "google_search_call", "id": "1", "arguments": {"queries": ["x"]}},
            {"type": "google_search_result", "call_id": "1", "result": [{"search_suggestions": "y"}]},
            {"type": "function_call", "id": "2", "name": "f", "arguments": {}, "signature": "t"},
            {"type": "function_result", "call_id": "2", "result": [{"type": "text", "text": "z"}]},
            {"type": "function_result", "call_id": "3", "name": "g", "result": {"sum": 18.0}},
            {"type": "step_of_tomorrow", "x": 1},
            {"type": "model_output", "content": []},
            {"type": "user_input", "content": "Go on"},
        ],
    ],
)
def test_every_form_of_input_is_said_again(value):
    """Synthetic: the recordings have the first forms only."""
    body = {"model": "m", "input": value}
    request = API.decode_request(body)
    assert API.encode_request(Request(request.messages, extra=request.extra), model="m") == (body, [])
    # To another vendor they are a conversation like any other.
    crossed, _ = wire.get("openai.chat").encode_request(request, model="m")
    assert "Hi" in json.dumps(crossed["messages"])


def test_settings_stand_in_the_configuration():
    request = Request((HI,), max_tokens=9, temperature=0.5, top_p=0.9, seed=1, stop=("a",), top_k=4)
    body, warnings = said(request)
    assert body["generation_config"] == {
        "max_output_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": 1,
        "stop_sequences": ["a"],
    }
    assert warnings == {("top_k", "dropped")}


@pytest.mark.parametrize(
    ("choice", "word"),
    [
        (ToolChoice("auto"), "auto"),
        (ToolChoice("required"), "any"),
        (ToolChoice("none"), "none"),
        (ToolChoice("tool", ("f",)), {"allowed_tools": {"mode": "any", "tools": ["f"]}}),
        (ToolChoice("allowed", ("f", "g")), {"allowed_tools": {"mode": "auto", "tools": ["f", "g"]}}),
    ],
)
def test_a_choice_of_tools_comes_back(choice, word):
    body, warnings = said(Request((HI,), tools=(Tool("f"), Tool("g")), tool_choice=choice))
    assert body["generation_config"] == {"tool_choice": word}
    assert warnings == set()
    again = API.decode_request(body).tool_choice
    assert (again.mode, again.names) == (choice.mode, choice.names)


@pytest.mark.parametrize(
    ("options", "level"),
    [
        (ReasoningOptions(effort="low"), "low"),
        (ReasoningOptions(effort="xhigh"), "high"),
        (ReasoningOptions(effort="none"), "minimal"),
        (ReasoningOptions(enabled=False), "minimal"),
        (ReasoningOptions(budget=20_000), "high"),
        (ReasoningOptions(enabled=True), None),
    ],
)
def test_thinking_has_levels(options, level):
    body, warnings = said(Request((HI,), reasoning=options))
    assert body.get("generation_config", {}).get("thinking_level") == level
    assert bool(warnings) is (options.effort != "low")


def test_a_schema_and_the_vendors_own_tools():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    tools = (ServerTool("web_search", "anthropic.messages", {}), ServerTool("computer", "anthropic.messages", {}))
    body, warnings = said(Request((HI,), output=Output(schema), tools=tools))
    assert body["response_format"] == {"type": "text", "mime_type": "application/json", "schema": schema}
    assert body["tools"] == [{"type": "google_search"}]
    assert warnings == {("tools.web_search", "emulated"), ("tools.computer", "dropped")}


def test_an_agent_answers_where_no_model_is_named():
    body = {"agent": "deep-research", "input": "Why?", "background": True}
    assert API.encode_request(API.decode_request(body), model="") == (body, [])


# --- answers -------------------------------------------------------------------------------------------------


def test_signed_thoughts_and_calls_go_back_as_they_came():
    steps = [
        {"type": "thought", "signature": "s1", "summary": [{"type": "text", "text": "hm"}]},
        {"type": "function_call", "id": "c", "name": "f", "arguments": {"a": 1}, "signature": "s2"},
    ]
    answer = API.decode_response({"id": "i", "status": "requires_action", "steps": steps})
    assert (answer.reasoning, answer.finish) == ("hm", "tool_calls")
    body, warnings = said(Request((HI, answer.message, Message("tool", (ToolResult("c", (Text("1"),)),)))))
    assert body["input"][1:3] == steps
    assert warnings == set()


def test_a_background_interaction_pauses():
    answer = API.decode_response({"id": "i", "status": "in_progress", "agent": "deep-research"})
    assert (answer.finish, answer.content, answer.usage.reported) == ("pause", (), False)
    assert answer.extra["gemini.interactions"]["agent"] == "deep-research"


def test_a_stream_with_summaries_pictures_and_tools_of_the_vendors():
    """Synthetic, in the form of the recordings."""
    usage = {"total_tokens": 9, "total_input_tokens": 4, "total_output_tokens": 3, "total_thought_tokens": 2}
    note = {"type": "url_citation", "start_index": 0, "end_index": 2, "url": "https://example.com", "title": "t"}
    call = {"type": "code_execution_call", "id": "e"}
    stream = events(
        {"event_type": "interaction.created", "interaction": {"id": "i", "model": "m"}},
        {"event_type": "step.start", "index": 0, "step": {"type": "thought"}},
        {
            "event_type": "step.delta",
            "index": 0,
            "delta": {"type": "thought_summary", "content": {"type": "text", "text": "hm"}},
        },
        {"event_type": "step.delta", "index": 0, "delta": {"type": "thought_signature", "signature": "s"}},
        {"event_type": "step.stop", "index": 0},
        {"event_type": "step.start", "index": 1, "step": call},
        {"event_type": "step.delta", "index": 1, "delta": {"type": "code_execution_call", "arguments": {"code": "1"}}},
        {"event_type": "step.stop", "index": 1},
        {"event_type": "step.start", "index": 2, "step": {"type": "model_output"}},
        {"event_type": "step.delta", "index": 2, "delta": {"type": "text", "text": "Hi"}},
        {"event_type": "step.delta", "index": 2, "delta": {"type": "text_annotation_delta", "annotations": [note]}},
        {"event_type": "step.delta", "index": 2, "delta": {"type": "image", "data": "QUJD", "mime_type": "image/png"}},
        {"event_type": "step.stop", "index": 2},
        {"event_type": "interaction.completed", "interaction": {"id": "i", "status": "completed", "usage": usage}},
    )
    whole = {
        "id": "i",
        "model": "m",
        "status": "completed",
        "usage": usage,
        "steps": [
            {"type": "thought", "signature": "s", "summary": [{"type": "text", "text": "hm"}]},
            {**call, "arguments": {"code": "1"}},
            {
                "type": "model_output",
                "content": [
                    {"type": "text", "text": "Hi", "annotations": [note]},
                    {"type": "image", "data": "QUJD", "mime_type": "image/png"},
                ],
            },
        ],
    }
    streamed = fold(API.decode_stream(stream))
    assert streamed == API.decode_response(whole)
    assert streamed.citations == (Citation("https://example.com", "t", start=0, end=2, raw=note),)
    assert dict(streamed.usage) == {"input": 4, "output": 3, "reasoning": 2}
    assert API.encode_response(streamed)["steps"] == whole["steps"]
    assert fold(API.decode_stream(API.encode_stream(API.decode_stream(stream)))) == streamed


def test_the_form_before_may_2026_is_read():
    """Synthetic, in the form of the older recordings."""
    stream = events(
        {"event_type": "interaction.start", "interaction": {"id": "i", "model": "m"}},
        {"event_type": "content.start", "index": 0, "content": {"type": "function_call", "id": "c", "name": "f"}},
        {
            "event_type": "content.delta",
            "index": 0,
            "delta": {"type": "function_call", "id": "c", "name": "f", "arguments": {"a": 1}},
        },
        {"event_type": "content.stop", "index": 0},
        {"event_type": "interaction.complete", "interaction": {"id": "i", "status": "requires_action"}},
    )
    (call,) = fold(API.decode_stream(stream)).tool_calls
    outputs = [{"type": "function_call", "id": "c", "name": "f", "arguments": {"a": 1}}]
    assert API.decode_response({"id": "i", "status": "requires_action", "outputs": outputs}).tool_calls == (call,)
    assert (call.id, call.name, call.arguments) == ("c", "f", {"a": 1})


# --- errors --------------------------------------------------------------------------------------------------


def test_errors_are_told_in_both_forms():
    key = {"code": 400, "status": "INVALID_ARGUMENT", "message": "bad", "details": [{"reason": "API_KEY_INVALID"}]}
    assert isinstance(API.decode_error(400, {}, json.dumps({"error": key}).encode()), AuthError)
    spent = {
        "code": 429,
        "status": "RESOURCE_EXHAUSTED",
        "message": "You exceeded your current quota",
        "details": [{"retryDelay": "7.5s"}],
    }
    limited = API.decode_error(429, {}, json.dumps({"error": spent}).encode())
    assert isinstance(limited, RateLimited)
    assert limited.retry_after == 7.5
    with pytest.raises(RequestRejected):
        API.decode_response({"error": {"message": "Missing key", "code": "invalid_request"}})
    with pytest.raises(MalformedResponse):
        API.decode_response({"id": "i"})


def test_an_error_inside_a_stream_comes_after_what_was_said():
    start = {"event_type": "step.start", "index": 0, "step": {"type": "model_output"}}
    text = {"event_type": "step.delta", "index": 0, "delta": {"type": "text", "text": "Hal"}}
    error = {"event_type": "error", "error": {"message": "try later", "code": "internal"}}
    decoder = API.stream_decoder()
    got = decoder.feed(b"".join(events(start, text, error)))
    assert [event.text for event in got] == ["Hal"]
    with pytest.raises(ServerError, match="try later"):
        decoder.close()
    failed = {"event_type": "interaction.completed", "interaction": {"status": "failed", "error": {"message": "no"}}}
    with pytest.raises(ProviderError, match="no"):
        list(API.decode_stream(events(start, failed)))


def test_a_stream_needs_its_completion():
    start = {"event_type": "interaction.created", "interaction": {"id": "i"}}
    with pytest.raises(StreamTruncated):
        list(API.decode_stream([*events(start), b"event: done\ndata: [DONE]\n\n"]))
