"""Responses, case by case: what a turn becomes, what is reported, how a stream ends. Bodies are synthetic."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from modelmux import errors, providers, wire
from modelmux._fold import fold
from modelmux.errors import ConfigError, StreamTruncated
from modelmux.types import (
    Cache,
    Event,
    Finish,
    Media,
    Message,
    Output,
    PartEvent,
    Reasoning,
    ReasoningDelta,
    ReasoningOptions,
    Request,
    Restarted,
    ServerTool,
    ServerToolCall,
    ServerToolResult,
    Start,
    Text,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
    ToolResult,
    UsageEvent,
)
from modelmux.wire.openai_responses import make

WIRE = "openai.responses"
USER = Message("user", (Text("Hi"),))
USAGE = {"input_tokens": 9, "output_tokens": 4, "total_tokens": 13}


def said(*messages: Message, api: str = WIRE, **settings: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The body, and what was reported: field -> action."""
    body, warnings = wire.get(api).encode_request(Request(messages, **settings), model="m")
    return body, {warning.field: warning.action for warning in warnings}


def answer(*output: dict[str, Any], status: str = "completed", **more: Any) -> dict[str, Any]:
    return {"id": "resp_1", "object": "response", "model": "m", "status": status, "output": list(output), **more}


def message(text: str, **more: Any) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part], **more}


CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": '{"a":1}'}
THOUGHT = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "So."}],
    "encrypted_content": "sealed",
}


# --- requests of other formats -------------------------------------------------------------------------------


def test_a_leading_system_turn_is_the_instructions_and_a_later_one_an_item() -> None:
    system = Message("system", (Text("Be brief."),))
    body, reported = said(system, USER, Message("system", (Text("Now."),)))
    assert body["instructions"] == "Be brief."
    assert body["input"] == [{"role": "user", "content": "Hi"}, {"role": "system", "content": "Now."}]
    assert reported == {}


def test_the_instructions_of_a_request_lead_its_turns_for_every_other_format() -> None:
    request = wire.get(WIRE).decode_request({"instructions": "Be brief.", "input": "Hi"})
    assert [(turn.role, turn.text) for turn in request.messages] == [("system", "Be brief."), ("user", "Hi")]
    body, _ = wire.get("openai.chat").encode_request(request, model="m")
    assert body["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]


def test_what_the_model_made_in_a_row_is_one_turn() -> None:
    items = [{"role": "user", "content": "Hi"}, THOUGHT, message("Let me see."), CALL]
    items.append({"type": "function_call_output", "call_id": "call_1", "output": "2"})
    turns = wire.get(WIRE).decode_request({"input": items}).messages
    assert [turn.role for turn in turns] == ["user", "assistant", "tool"]
    assert [type(part) for part in turns[1].content] == [Reasoning, Text, ToolCall]
    thought = turns[1].content[0]
    assert isinstance(thought, Reasoning)
    assert (thought.text, thought.redacted, thought.id) == ("So.", "sealed", "rs_1")


def test_a_tool_loop_of_another_format() -> None:
    call = ToolCall("call_1", "f", {"a": 1})
    result = ToolResult("call_1", (Text("2"),), is_error=True)
    body, reported = said(USER, Message("assistant", (Text("Let me see."), call)), Message("user", (result, Text("?"))))
    assert body["input"] == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Let me see."},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "call_1", "output": "2"},
        {"role": "user", "content": "?"},
    ]
    assert reported == {"tool_result.is_error": "dropped"}


def test_an_id_longer_than_the_vendor_takes_is_shortened_alike_for_call_and_result() -> None:
    long = "toolu_" + "x" * 80
    body, reported = said(Message("assistant", (ToolCall(long, "f"),)), Message("tool", (ToolResult(long),)))
    call, result = body["input"]
    assert call["call_id"] == result["call_id"]
    assert len(call["call_id"]) == 64
    assert reported == {"tool_call.id": "renamed"}


def test_an_id_given_twice_is_told_apart_and_one_never_given_is_made_up() -> None:
    loop = (Message("assistant", (ToolCall("c", "f"),)), Message("tool", (ToolResult("c", (Text("1"),)),)))
    ids = [item["call_id"] for item in said(*loop, *loop)[0]["input"]]
    assert ids == ["c", "c", "c_2", "c_2"]
    nameless = (Message("assistant", (ToolCall("", "f"),)), Message("tool", (ToolResult(""),)))
    call, result = said(*nameless)[0]["input"]
    assert call["call_id"] == result["call_id"] != ""


def test_a_limit_below_the_least_is_raised_and_only_where_it_must_be() -> None:
    assert said(USER, max_tokens=10)[0]["max_output_tokens"] == 16
    assert said(USER, max_tokens=10)[1] == {"max_tokens": "clamped"}
    assert said(USER, max_tokens=16)[1] == {}
    assert said(USER, max_tokens=10, api="xai.responses")[0]["max_output_tokens"] == 10
    own = wire.get(WIRE).decode_request({"input": "Hi", "max_output_tokens": 10})
    assert wire.get(WIRE).encode_request(own, model="m")[0]["max_output_tokens"] == 10


def test_what_this_format_has_no_word_for_is_reported() -> None:
    settings = {"stop": ("x",), "seed": 1, "n": 2, "presence_penalty": 0.5, "frequency_penalty": 0.5, "top_k": 3}
    body, reported = said(USER, **settings)
    assert body == {"model": "m", "input": [{"role": "user", "content": "Hi"}]}
    assert reported == dict.fromkeys(settings, "dropped")
    assert said(USER, n=1)[1] == {}


def test_cache_marks_are_the_vendors_own_business() -> None:
    cached = Text("Hi", cache=Cache())
    body, reported = said(Message("system", (cached,)), Message("user", (cached, Text("?"))))
    assert "cache" in reported
    assert "prompt_cache_breakpoint" not in json.dumps(body)
    own = {"input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]}
    own["input"][0]["content"][0]["prompt_cache_breakpoint"] = {"mode": "explicit"}  # type: ignore[index]
    request = wire.get(WIRE).decode_request(own)
    assert request.messages[0].content == (Text("Hi", cache=Cache(), extra={}),)


@pytest.mark.parametrize(
    ("part", "item"),
    [
        (
            Media("image", "image/png", "QUJD", detail="low"),
            {"type": "input_image", "image_url": "data:image/png;base64,QUJD", "detail": "low"},
        ),
        (
            Media("image", url="https://e.org/a"),
            {"type": "input_image", "image_url": "https://e.org/a", "detail": "auto"},
        ),
        (
            Media("document", "application/pdf", "QUJD"),
            {
                "type": "input_file",
                "file_data": "data:application/pdf;base64,QUJD",
                "filename": "document.pdf",
            },
        ),
        (Media("document", url="https://e.org/a.pdf"), {"type": "input_file", "file_url": "https://e.org/a.pdf"}),
        (
            Media("audio", "audio/wav", "QUJD"),
            {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
        ),
    ],
)
def test_media(part: Media, item: dict[str, Any]) -> None:
    body, reported = said(Message("user", (Text("See:"), part)))
    assert body["input"][0]["content"] == [{"type": "input_text", "text": "See:"}, item]
    assert reported == {}
    shown = Message("tool", (ToolResult("c", (part,)),))
    assert said(shown)[0]["input"] == [{"type": "function_call_output", "call_id": "c", "output": [item]}]


def test_a_video_cannot_be_sent() -> None:
    body, reported = said(Message("user", (Media("video", url="https://e.org/a"), Text("?"))))
    assert body["input"] == [{"role": "user", "content": "?"}]
    assert reported == {"media.video": "dropped"}


def test_functions_are_flat_and_not_strict_unless_they_say_so() -> None:
    tools = (Tool("f", "Does.", {"type": "object"}), Tool("g", parameters={"type": "object"}, strict=True))
    body, _ = said(USER, tools=tools, tool_choice=ToolChoice("allowed", ("f",)))
    assert body["tools"] == [
        {"type": "function", "name": "f", "description": "Does.", "parameters": {"type": "object"}, "strict": False},
        {"type": "function", "name": "g", "parameters": {"type": "object"}, "strict": True},
    ]
    allowed = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}
    assert body["tool_choice"] == allowed
    body, reported = said(USER, tools=tools, tool_choice=ToolChoice("allowed", ("f",)), api="xai.responses")
    assert [tool["name"] for tool in body["tools"]] == ["f"]
    assert (body["tool_choice"], reported) == ("auto", {"tool_choice": "emulated"})


def test_another_vendors_tools_are_asked_for_in_own_words_or_reported() -> None:
    search = ServerTool("web_search", "anthropic.messages", {"type": "web_search_20250305"})
    fetch = ServerTool("url_context", "gemini.generateContent", {})
    body, reported = said(USER, tools=(search, fetch))
    assert body["tools"] == [{"type": "web_search"}]
    assert reported == {"tools.web_search": "emulated", "tools.url_context": "dropped"}


@pytest.mark.parametrize(
    ("options", "sent", "reported"),
    [
        (ReasoningOptions(effort="high", include=True), {"effort": "high", "summary": "auto"}, {}),
        (ReasoningOptions(budget=2000), {"effort": "low"}, {"reasoning.budget": "emulated"}),
        (ReasoningOptions(budget=20000), {"effort": "high"}, {"reasoning.budget": "emulated"}),
        (ReasoningOptions(enabled=False), {"effort": "none"}, {"reasoning.enabled": "emulated"}),
        (ReasoningOptions(effort="low", budget=9), {"effort": "low"}, {"reasoning.budget": "dropped"}),
    ],
)
def test_reasoning_is_steered_by_effort(options: ReasoningOptions, sent: Any, reported: dict[str, str]) -> None:
    body, found = said(USER, reasoning=options)
    assert (body["reasoning"], found) == (sent, reported)


def test_structured_output_and_log_probabilities() -> None:
    body, _ = said(USER, output=Output({"type": "object"}, "o", strict=True), logprobs=True, top_logprobs=2)
    form = {"type": "json_schema", "name": "o", "strict": True, "schema": {"type": "object"}}
    assert body["text"] == {"format": form}
    assert (body["include"], body["top_logprobs"]) == (["message.output_text.logprobs"], 2)


def test_a_door_that_refuses_fields_gets_none_of_them() -> None:
    body, reported = said(USER, temperature=0.5, max_tokens=99, api="chatgpt.responses")
    assert "temperature" not in body
    assert "max_output_tokens" not in body
    assert reported == {"temperature": "dropped", "max_output_tokens": "dropped"}
    assert (body["store"], body["instructions"]) == (False, "")


# --- what goes back ------------------------------------------------------------------------------------------


def test_reasoning_goes_back_to_its_vendor_with_the_item_it_led_to() -> None:
    reply = wire.get(WIRE).decode_response(answer(THOUGHT, message("Hello."), CALL))
    body, reported = said(reply.message)
    assert [item["type"] for item in body["input"]] == ["reasoning", "message", "function_call"]
    assert body["input"][0] == THOUGHT
    assert (body["input"][1]["id"], body["input"][2]["id"]) == ("msg_1", "fc_1")
    assert reported == {}


def test_reasoning_and_ids_do_not_go_to_another_vendor() -> None:
    reply = wire.get(WIRE).decode_response(answer(THOUGHT, message("Hello."), CALL))
    body, reported = said(reply.message, api="xai.responses")
    assert [item["type"] for item in body["input"]] == ["message", "function_call"]
    assert not any("id" in item for item in body["input"])
    assert reported == {"reasoning": "dropped"}
    foreign = Message("assistant", (Reasoning("Hm.", signature="s"), Text("Hello.")))
    body, reported = said(foreign)
    assert body["input"] == [{"role": "assistant", "content": "Hello."}]
    assert reported == {"reasoning": "dropped"}


def test_reasoning_without_the_item_it_led_to_is_left_out() -> None:
    reply = wire.get(WIRE).decode_response(answer(THOUGHT))
    body, reported = said(USER, reply.message)
    assert body["input"] == [{"role": "user", "content": "Hi"}]
    assert reported == {"reasoning": "dropped"}


def test_a_vendors_own_tool_is_a_call_and_a_result_and_goes_back_as_it_came() -> None:
    outputs = [{"type": "logs", "logs": "2"}]
    run = {"type": "code_interpreter_call", "id": "ci_1", "code": "1+1", "container_id": "c", "outputs": outputs}
    reply = wire.get(WIRE).decode_response(answer(run, message("2")))
    call, result, text = reply.content
    assert isinstance(call, ServerToolCall)
    assert (call.id, call.name, call.arguments["code"]) == ("ci_1", "code_execution", "1+1")
    assert isinstance(result, ServerToolResult)
    assert (result.id, result.content) == ("ci_1", outputs)
    assert isinstance(text, Text)
    assert said(reply.message)[0]["input"][0] == run
    _, reported = said(reply.message, api="openai.chat")
    assert reported == {"server_tool_call": "dropped", "server_tool_result": "dropped"}


def test_a_drawn_image_is_an_image() -> None:
    drawn = {"type": "image_generation_call", "id": "ig_1", "result": "QUJD", "output_format": "jpeg"}
    reply = wire.get(WIRE).decode_response(answer(drawn))
    image = reply.content[1]
    assert isinstance(image, Media)
    assert (image.kind, image.media_type, image.data) == ("image", "image/jpeg", "QUJD")
    assert said(reply.message)[0]["input"] == [drawn]


def test_a_custom_tools_input_is_text_and_its_result_has_a_type_of_its_own() -> None:
    call = {"type": "custom_tool_call", "id": "ct_1", "call_id": "call_1", "name": "sql", "input": "SELECT 1"}
    reply = wire.get(WIRE).decode_response(answer(call))
    assert [(one.name, one.arguments, one.raw) for one in reply.tool_calls] == [("sql", {}, "SELECT 1")]
    assert reply.finish == "tool_calls"
    body, _ = said(reply.message, Message("tool", (ToolResult("call_1", (Text("1"),)),)))
    assert body["input"] == [call, {"type": "custom_tool_call_output", "call_id": "call_1", "output": "1"}]


def test_what_one_vendor_keeps_is_not_asked_of_another() -> None:
    request = wire.get(WIRE).decode_request({"input": "Hi", "previous_response_id": "resp_1", "store": False})
    assert wire.get(WIRE).encode_request(request, model="m")[0]["previous_response_id"] == "resp_1"
    body, warnings = wire.get("xai.responses").encode_request(request, model="m")
    assert body == {"model": "m", "input": "Hi", "store": False}
    assert [(warning.field, warning.action) for warning in warnings] == [("previous_response_id", "dropped")]


# --- answers -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "finish", "raw"),
    [
        (answer(message("a")), "stop", "completed"),
        (answer(CALL), "tool_calls", "completed"),
        (answer(CALL, status="incomplete", incomplete_details={"reason": "max_output_tokens"}), "length", None),
        (answer(status="incomplete", incomplete_details={"reason": "content_filter"}), "filtered", None),
        (answer(status="incomplete"), "length", None),
        (answer(status="queued"), "pause", "queued"),
        (answer(status="in_progress"), "pause", "in_progress"),
        (answer(status="cancelled"), "error", "cancelled"),
    ],
)
def test_finishes(body: dict[str, Any], finish: str, raw: str | None) -> None:
    reply = wire.get(WIRE).decode_response(body)
    assert reply.finish == finish
    details = body.get("incomplete_details")
    assert reply.choices[0].finish_raw == (details["reason"] if details else raw)
    again = wire.get(WIRE).encode_response(reply)
    assert again["status"] == body["status"]
    if details:
        assert again["incomplete_details"] == details


def test_a_failed_response_is_an_error_of_its_class() -> None:
    failed = answer(status="failed", error={"code": "rate_limit_exceeded", "message": "Slow down."})
    with pytest.raises(errors.RateLimited, match="Slow down"):
        wire.get(WIRE).decode_response(failed)
    with pytest.raises(errors.ProviderError, match="without an explanation"):
        wire.get(WIRE).decode_response(answer(status="failed", error=None))


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"id": "resp_1"}', b'{"output": {}}'])
def test_what_is_no_response_is_malformed(body: bytes) -> None:
    with pytest.raises(errors.MalformedResponse):
        wire.get(WIRE).decode_response(body)


# --- streams -------------------------------------------------------------------------------------------------


def stream(*events: dict[str, Any]) -> bytes:
    lines = (f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
    return "".join(lines).encode()


def created(**more: Any) -> dict[str, Any]:
    return {"type": "response.created", "response": answer(status="in_progress", service_tier="auto", **more)}


def delta(kind: str, text: str, place: int, **more: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}.delta", "delta": text, "output_index": place, **more}


def done(place: int, item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": place, "item": item}


def completed(*output: dict[str, Any], kind: str = "completed", **more: Any) -> dict[str, Any]:
    body = answer(*output, status=kind, service_tier="default", usage=USAGE, **more)
    return {"type": f"response.{kind}", "response": body}


def decoded(*events: dict[str, Any], api: str = WIRE) -> list[Event]:
    return list(wire.get(api).decode_stream([stream(*events)]))


def test_pieces_come_at_once_and_what_only_the_whole_says_at_the_end() -> None:
    events = decoded(
        created(),
        delta("reasoning_summary_text", "So.", 0, summary_index=0),
        done(0, THOUGHT),
        delta("output_text", "Hel", 1, content_index=0),
        delta("output_text", "lo.", 1, content_index=0),
        {"type": "response.output_item.added", "output_index": 2, "item": {**CALL, "arguments": ""}},
        delta("function_call_arguments", '{"a":1}', 2),
        completed(THOUGHT, message("Hello."), CALL),
    )
    kinds = [Start, ReasoningDelta, TextDelta, TextDelta, ToolCallDelta, ToolCallDelta]
    kinds += [PartEvent, PartEvent, PartEvent, Start, UsageEvent, Finish]
    assert [type(event) for event in events] == kinds
    reply = fold(events)
    assert (reply.reasoning, reply.text, reply.tool_calls[0].arguments) == ("So.", "Hello.", {"a": 1})
    assert (reply.finish, reply.service_tier, dict(reply.usage)) == ("tool_calls", "default", {"input": 9, "output": 4})
    assert reply == wire.get(WIRE).decode_response(completed(THOUGHT, message("Hello."), CALL)["response"])


def test_an_output_left_out_of_the_last_event_is_what_was_streamed() -> None:
    events = decoded(created(), delta("output_text", "Hello.", 0), done(0, message("Hello.")), completed())
    assert fold(events).text == "Hello."
    assert fold(events).choices == wire.get(WIRE).decode_response(answer(message("Hello."))).choices


def test_pieces_that_never_came_are_caught_up_with() -> None:
    events = decoded(created(), delta("output_text", "Hel", 0), completed(message("Hello.")))
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "Hello."
    assert fold(decoded(created(), completed(message("Hello.")))).text == "Hello."
    assert fold(decoded(created(), completed(CALL))).tool_calls[0].arguments == {"a": 1}


def test_a_content_index_that_counts_on_is_still_one_text() -> None:
    events = decoded(
        created(), delta("output_text", "Hello.", 1, content_index=1), completed(THOUGHT, message("Hello."))
    )
    assert fold(events).text == "Hello."


def test_the_last_of_several_responses_in_a_stream_is_the_answer() -> None:
    first = [created(), delta("output_text", "One.", 0), completed(message("One."))]
    events = decoded(*first, created(id="resp_2"), delta("output_text", "Two.", 0), completed(message("Two.")))
    assert sum(isinstance(event, Restarted) for event in events) == 1
    assert fold(events).text == "Two."


def test_incomplete_is_a_proper_end() -> None:
    end = completed(message("Hel"), kind="incomplete", incomplete_details={"reason": "max_output_tokens"})
    assert fold(decoded(created(), delta("output_text", "Hel", 0), end)).finish == "length"


@pytest.mark.parametrize(
    "events",
    [
        [created()],
        [created(), delta("output_text", "Hel", 0)],
        [created(), delta("output_text", "Hello.", 0), done(0, message("Hello."))],
    ],
)
def test_a_stream_without_its_last_event_is_truncated(events: list[dict[str, Any]]) -> None:
    for tail in (b"", b"data: [DONE]\n\n"):
        with pytest.raises(StreamTruncated):
            list(wire.get(WIRE).decode_stream([stream(*events), tail]))


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ({"type": "error", "code": "rate_limit_exceeded", "message": "Slow."}, errors.RateLimited),
        ({"type": "error", "error": {"type": "server_error", "message": "Oops."}}, errors.ServerError),
        (
            {
                "type": "response.failed",
                "response": answer(status="failed", error={"code": "server_error", "message": "Oops."}),
            },
            errors.ServerError,
        ),
        ({"type": "response.failed"}, errors.ProviderError),
    ],
)
def test_an_error_inside_a_stream_comes_after_the_events_before_it(event: dict[str, Any], kind: Any) -> None:
    pieces: Iterator[Event] = wire.get(WIRE).decode_stream([stream(created(), delta("output_text", "Hel", 0), event)])
    assert isinstance(next(pieces), Start)
    assert next(pieces) == TextDelta("Hel")
    with pytest.raises(kind):
        next(pieces)


def test_a_whole_body_instead_of_a_stream_is_taken() -> None:
    whole = json.dumps(answer(message("Hello."))).encode()
    assert fold(wire.get(WIRE).decode_stream([whole[:9], whole[9:]])).text == "Hello."
    with pytest.raises(errors.ProviderError):
        list(wire.get(WIRE).decode_stream([b'{"error": {"message": "no"}}']))


# --- as a front ----------------------------------------------------------------------------------------------


def names_of(data: bytes) -> list[str]:
    return [line[7:] for line in data.decode().split("\n") if line.startswith("event: ")]


def test_another_formats_stream_is_said_in_the_order_the_vendor_has() -> None:
    chunks: list[dict[str, Any]] = [
        {"reasoning_content": "So."},
        {"content": "Hel"},
        {"content": "lo."},
        {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}]},
    ]
    bodies = [{"id": "x", "model": "m", "choices": [{"index": 0, "delta": chunk}]} for chunk in chunks]
    bodies.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    source = b"".join(b"data: " + json.dumps(body).encode() + b"\n\n" for body in bodies) + b"data: [DONE]\n\n"
    told = b"".join(wire.get(WIRE).encode_stream(wire.get("deepseek.chat").decode_stream([source])))
    assert names_of(told) == [
        *("response.created", "response.in_progress"),
        *("response.output_item.added", "response.reasoning_summary_part.added"),
        *("response.reasoning_summary_text.delta", "response.reasoning_summary_text.done"),
        *("response.reasoning_summary_part.done", "response.output_item.done"),
        *("response.output_item.added", "response.content_part.added"),
        *("response.output_text.delta", "response.output_text.delta"),
        *("response.output_text.done", "response.content_part.done", "response.output_item.done"),
        *("response.output_item.added", "response.function_call_arguments.delta"),
        *("response.function_call_arguments.done", "response.output_item.done", "response.completed"),
    ]
    numbers = [json.loads(line[5:])["sequence_number"] for line in told.decode().split("\n") if line[:5] == "data:"]
    assert numbers == list(range(len(numbers)))
    again = fold(wire.get(WIRE).decode_stream([told]))
    assert (again.text, again.reasoning, again.tool_calls[0].name) == ("Hello.", "So.", "f")


def test_a_stream_that_broke_off_is_given_no_end() -> None:
    told = b"".join(wire.get(WIRE).encode_stream([Start("x", "m"), TextDelta("Hel")]))
    assert names_of(told)[-1] == "response.output_text.delta"


def test_late_fields_of_a_call_are_no_second_set_of_arguments() -> None:
    events = decoded(created(), done(0, CALL), completed(CALL))
    for front in ("openai.chat", "anthropic.messages", "gemini.generateContent"):
        again = fold(wire.get(front).decode_stream(wire.get(front).encode_stream(events)))
        assert [(call.name, call.arguments) for call in again.tool_calls] == [("f", {"a": 1})]


# --- rows ----------------------------------------------------------------------------------------------------

ROWS = [row for row in map(providers.get, providers.names()) if "responses" in row.calls]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_speaks_chat_first_where_it_does(row: providers.Row) -> None:
    codec = wire.get(f"{row.id}.responses")
    assert (codec.id, codec.provider) == (WIRE, row.id)
    assert row.calls["responses"].path.endswith("/responses")
    assert "chat" not in row.calls or next(iter(row.calls)) == "chat"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"min_output": 3}, "min_output"),
        ({"refuses": "stop"}, "list of strings"),
        ({"always": ["store"]}, "always"),
        ({"min_output_tokens": True}, "min_output_tokens"),
    ],
)
def test_a_wrong_dialect_option_is_named(options: dict[str, Any], word: str) -> None:
    with pytest.raises(TypeError, match=word):
        make(provider="p", usage=WIRE, **options)
    with pytest.raises(ConfigError, match=word):
        wire.make(WIRE, "p", options, WIRE)


@pytest.mark.parametrize(
    ("body", "field"), [({"input": 3}, "input"), ({"input": ["x"]}, "input[0]"), ({"input": [{}, None]}, "input[1]")]
)
def test_a_malformed_request_names_its_field(body: dict[str, Any], field: str) -> None:
    with pytest.raises(errors.InvalidRequest) as caught:
        wire.get(WIRE).decode_request(body)
    assert caught.value.field == field


def test_texts_that_follow_one_another_are_contents_of_one_message_in_a_stream_as_in_its_last_event() -> None:
    """Vendors with blocks say a text in several, with a tool of their own between them. OpenAI's client raises where
    the items that it was sent are not those of the whole response.
    """
    said: list[Event] = [
        Start(id="msg_1", model="m"),
        TextDelta("Let me ", 0),
        PartEvent(ServerToolCall("srv_1", "tool_search", {}), 1),
        TextDelta("look.", 2),
        ToolCallDelta(0, "call_1", "get_weather", "{}", 3),
        Finish("tool_calls"),
    ]
    sent = b"".join(wire.get("openai.responses").encode_stream(said)).decode()
    events = [json.loads(line[5:]) for line in sent.splitlines() if line.startswith("data:")]
    done = [event["item"] for event in events if event["type"] == "response.output_item.done"]
    assert [(item["type"], item["id"]) for item in done] == [("message", "msg_0"), ("function_call", "fc_1")]
    assert [part["text"] for part in done[0]["content"]] == ["Let me ", "look."]
    assert [(item["type"], item["id"]) for item in events[-1]["response"]["output"]] == [
        (item["type"], item["id"]) for item in done
    ]
    places = [event["content_index"] for event in events if event["type"] == "response.content_part.done"]
    assert places == [0, 1]
