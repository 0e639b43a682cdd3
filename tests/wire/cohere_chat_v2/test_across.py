"""What other formats say, said to Cohere; and what Cohere says in ways of its own."""

from __future__ import annotations

import json

import pytest

from modelmux import wire
from modelmux._fold import fold
from modelmux._http import sse
from modelmux.errors import ModelNotFound, ProviderError, RateLimited, StreamTruncated
from modelmux.types import (
    Cache,
    Citation,
    Finish,
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

COHERE = wire.get("cohere.chat_v2")
ADD = Tool("add", "adds", {"type": "object", "properties": {}})
SHOUT = Tool("shout", None, {"type": "object", "properties": {}})
HI = Message("user", (Text("Hi"),))


def said(request: Request, **options):
    body, warnings = COHERE.encode_request(request, model="command-a", **options)
    return body, {(warning.field, warning.action) for warning in warnings}


@pytest.mark.parametrize(
    ("choice", "word", "names", "warned"),
    [
        (ToolChoice("auto"), None, ["add", "shout"], False),
        (ToolChoice("required"), "REQUIRED", ["add", "shout"], False),
        (ToolChoice("none"), "NONE", ["add", "shout"], False),
        (ToolChoice("tool", ("shout",)), "REQUIRED", ["shout"], True),
        (ToolChoice("allowed", ("add",)), None, ["add"], True),
    ],
)
def test_a_choice_of_tools_is_said_by_what_is_offered(choice, word, names, warned):
    body, warnings = said(Request((HI,), tools=(ADD, SHOUT), tool_choice=choice))
    assert body.get("tool_choice") == word
    assert [tool["function"]["name"] for tool in body["tools"]] == names
    assert (("tool_choice", "emulated") in warnings) is warned


def test_strictness_holds_for_all_tools():
    strict = Tool("add", strict=True)
    assert said(Request((HI,), tools=(strict,)))[0]["strict_tools"] is True
    body, warnings = said(Request((HI,), tools=(strict, SHOUT)))
    assert body["strict_tools"] is True
    assert warnings == {("tools.strict", "merged")}
    assert all("strict" not in tool["function"] for tool in body["tools"])
    again = COHERE.decode_request(body)
    assert [tool.strict for tool in again.tools] == [True, True]


def test_numbers_go_by_their_names_here_and_stay_in_range():
    body, warnings = said(Request((HI,), top_p=1.0, top_k=900, presence_penalty=-1.0, stop=tuple("abcdefg")))
    assert (body["p"], body["k"], body["presence_penalty"]) == (0.99, 500, 0.0)
    assert body["stop_sequences"] == list("abcde")
    assert warnings == {
        ("top_p", "clamped"),
        ("top_k", "clamped"),
        ("presence_penalty", "clamped"),
        ("stop", "capped"),
    }


def test_a_schema_stands_in_the_response_format():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    body, warnings = said(Request((HI,), output=Output(schema, name="thing")))
    assert body["response_format"] == {"type": "json_object", "json_schema": schema}
    assert warnings == set()  # the name is a label
    assert said(Request((HI,), output=Output()))[0]["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(
    ("options", "thinking"),
    [
        (ReasoningOptions(enabled=True, budget=800), {"type": "enabled", "token_budget": 800}),
        (ReasoningOptions(budget=800), {"type": "enabled", "token_budget": 800}),
        (ReasoningOptions(enabled=False), {"type": "disabled"}),
        (ReasoningOptions(effort="none"), {"type": "disabled"}),
        (ReasoningOptions(effort="high"), {"type": "enabled"}),
    ],
)
def test_thinking_is_switched_and_bounded(options, thinking):
    body, warnings = said(Request((HI,), reasoning=options))
    assert body["thinking"] == thinking
    assert (("reasoning.effort", "emulated") in warnings) is (options.effort is not None)


def test_a_history_with_tools_thinking_and_pictures():
    history = (
        Message("developer", (Text("Be brief."),)),
        Message("user", (Text("Look"), Media("image", "image/png", "QUJD", detail="low"))),
        Message(
            "assistant",
            (Reasoning("hm", signature="s"), Text("I call", (Citation(url="u"),)), ToolCall("c1", "add", {"a": 1})),
        ),
        Message("tool", (ToolResult("c1", (Text("2"), Media("image", "image/png", "REVG")), "add", is_error=True),)),
        Message("user", (Text("Go on", cache=Cache()),)),
    )
    body, warnings = said(Request(history))
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD", "detail": "low"}}
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Look"}, picture]},
        {
            "role": "assistant",
            "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "I call"}],
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,REVG"}}]},
        {"role": "user", "content": "Go on"},
    ]
    assert warnings == {
        ("messages.role", "renamed"),
        ("signature", "dropped"),
        ("citations", "dropped"),
        ("tool_result.is_error", "dropped"),
        ("tool_result.media", "emulated"),
        ("cache", "dropped"),
    }


def test_a_text_given_as_a_document_stands_beside_the_turns():
    paper = Media("document", "text/plain", text="The sky is green.", name="sky.txt")
    body, warnings = said(Request((Message("user", (paper, Text("What colour?"))),)))
    assert body["documents"] == [{"id": "doc:0", "data": {"title": "sky.txt", "text": "The sky is green."}}]
    assert body["messages"] == [{"role": "user", "content": "What colour?"}]
    assert warnings == {("media.document", "renamed")}
    pdf = Media("document", "application/pdf", "QUJD")
    assert said(Request((Message("user", (pdf, Text("?"))),)))[1] == {("media.document", "dropped")}


def test_what_other_vendors_run_is_left_out_and_said():
    body, warnings = said(Request((HI,), tools=(ServerTool("web_search", "anthropic.messages", {}),)))
    assert "tools" not in body
    assert warnings == {("tools.web_search", "dropped")}


# --- answers -------------------------------------------------------------------------------------------------


def test_a_plan_goes_back_as_a_plan_and_elsewhere_as_reasoning():
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
    answer = COHERE.decode_response(
        {"id": "x", "finish_reason": "TOOL_CALL", "message": {"tool_plan": "I will add.", "tool_calls": [call]}}
    )
    assert (answer.reasoning, answer.text, answer.finish) == ("I will add.", "", "tool_calls")
    body, _ = said(Request((HI, answer.message)))
    assert body["messages"][1] == {"role": "assistant", "tool_plan": "I will add.", "tool_calls": [call]}


def test_a_citation_belongs_to_the_text_it_names():
    source = {"type": "document", "id": "d", "document": {"title": "Sky", "url": "https://example.com", "text": "…"}}
    cited = {"start": 4, "end": 7, "text": "sky", "sources": [source], "content_index": 1}
    plan = {"start": 0, "end": 1, "text": "I", "sources": [source], "type": "PLAN"}
    content = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "The sky"}]
    body = {"id": "x", "message": {"content": content, "citations": [cited, plan]}, "finish_reason": "COMPLETE"}
    answer = COHERE.decode_response(body)
    assert answer.citations == (Citation("https://example.com", "Sky", "sky", 4, 7, cited),)
    assert COHERE.encode_response(answer)["message"]["citations"] == [cited, plan]
    back, _ = said(Request((HI, answer.message)))
    assert back["messages"][1]["citations"] == [cited]


def test_what_is_billed_is_counted_not_what_the_template_added():
    usage = {"billed_units": {"input_tokens": 11, "output_tokens": 4}, "tokens": {"input_tokens": 506}}
    body = {"message": {"content": [{"type": "text", "text": "a"}]}, "finish_reason": "MAX_TOKENS", "usage": usage}
    answer = COHERE.decode_response(body)
    assert (dict(answer.usage), answer.finish) == ({"input": 11, "output": 4}, "length")


@pytest.mark.parametrize("arguments", [None, "", {}])
def test_a_call_without_arguments(arguments):
    call = {"id": "c", "type": "function", "function": {"name": "now", "arguments": arguments}}
    events = [
        {"type": "message-start", "id": "x", "delta": {"message": {"role": "assistant"}}},
        {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": call}}},
        {"type": "tool-call-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL"}},
    ]
    answer = fold(COHERE.decode_stream([sse(json.dumps(event).encode()) for event in events]))
    assert [(c.id, c.name, c.arguments) for c in answer.tool_calls] == [("c", "now", {})]


# --- errors --------------------------------------------------------------------------------------------------


def test_errors_are_told_by_their_status_and_message():
    missing = COHERE.decode_error(404, {}, b'{"id":"1","message":"model \'x\' not found"}')
    assert isinstance(missing, ModelNotFound)
    assert "not found" in missing.message
    limited = COHERE.decode_error(429, {}, b'{"message":"You are using a Trial key, which is limited to 20 calls"}')
    assert isinstance(limited, RateLimited)


def test_an_error_at_the_end_of_a_stream_comes_after_its_text():
    events = [
        {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
        {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Hal"}}}},
        {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "the model is overloaded"}},
    ]
    decoder = COHERE.stream_decoder()
    got = decoder.feed(b"".join(sse(json.dumps(event).encode()) for event in events))
    assert [event.text for event in got] == ["Hal"]
    assert type(decoder.error).__name__ == "Overloaded"
    with pytest.raises(ProviderError, match="overloaded"):
        decoder.close()


def test_a_stream_needs_its_message_end():
    start = sse(b'{"type":"message-start","id":"x","delta":{"message":{}}}')
    with pytest.raises(StreamTruncated):
        list(COHERE.decode_stream([start, b"data: [DONE]\n\n"]))
    end = sse(b'{"type":"message-end","delta":{"finish_reason":"COMPLETE"}}')
    assert isinstance(list(COHERE.decode_stream([start, end]))[-1], Finish)
