"""Requests: what the format says, and what of other vendors' words it can say. Bodies are synthetic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from modelmux import types as t
from modelmux import wire
from modelmux.errors import ConfigError, InvalidRequest

GEMINI = wire.get("gemini.generateContent")


def encode(request: t.Request, model: str = "gemini-2.5-flash") -> tuple[dict[str, Any], list[tuple[str, str]]]:
    body, warnings = GEMINI.encode_request(request, model=model)
    return body, [(warning.field, warning.action) for warning in warnings]


def user(*parts: t.Part) -> t.Message:
    return t.Message("user", parts)


def said(text: str) -> t.Request:
    return t.Request((user(t.Text(text)),))


# --- in ------------------------------------------------------------------------------------------------------


def test_both_spellings_mean_the_same() -> None:
    camel = {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": "aGk="}}]}],
        "generationConfig": {"maxOutputTokens": 5, "topP": 0.5, "thinkingConfig": {"thinkingBudget": 0}},
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["a", "b"]}},
    }
    snake = {
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": "aGk="}}]}],
        "generation_config": {"max_output_tokens": 5, "top_p": 0.5, "thinking_config": {"thinking_budget": 0}},
        "tool_config": {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["a", "b"]}},
    }
    first, second = GEMINI.decode_request(camel), GEMINI.decode_request(snake)
    for request in (first, second):
        assert request.messages[0].role == "system"
        assert request.messages[0].text == "Be brief."
        image = request.messages[1].content[0]
        assert isinstance(image, t.Media)
        assert (image.kind, image.media_type, image.data) == ("image", "image/png", "aGk=")
        assert (request.max_tokens, request.top_p) == (5, 0.5)
        assert request.reasoning is not None
        assert (request.reasoning.budget, request.reasoning.enabled) == (0, False)
        assert request.tool_choice is not None
        assert (request.tool_choice.mode, request.tool_choice.names) == ("allowed", ("a", "b"))
    assert encode(replace(first, source=None))[0] == camel
    assert encode(replace(second, source=None))[0] == snake


def test_calls_without_ids_get_ids_and_results_find_them() -> None:
    body = {
        "contents": [
            {
                "role": "model",
                "parts": [
                    {"functionCall": {"name": "add", "args": {"x": 1}}},
                    {"functionCall": {"name": "sub", "args": {}}},
                    {"functionCall": {"name": "add", "args": {"x": 2}}},
                ],
            },
            {
                "role": "function",
                "parts": [
                    {"functionResponse": {"name": "add", "response": {"result": "1"}}},
                    {"functionResponse": {"name": "add", "response": {"sum": 2}}},
                    {"functionResponse": {"name": "sub", "response": {"error": "no"}}},
                ],
            },
        ]
    }
    request = GEMINI.decode_request(body)
    calls = [part for part in request.messages[0].content if isinstance(part, t.ToolCall)]
    results = [part for part in request.messages[1].content if isinstance(part, t.ToolResult)]
    assert len({call.id for call in calls}) == 3
    assert [result.id for result in results] == [calls[0].id, calls[2].id, calls[1].id]
    assert [result.is_error for result in results] == [False, False, True]
    assert results[0].content == (t.Text("1"),)
    assert results[1].content == (t.Text('{"sum":2}'),)
    assert request.messages[1].role == "tool"
    assert encode(replace(request, source=None))[0] == body


def test_the_openapi_subset_is_read_as_json_schema() -> None:
    schema = {
        "type": "OBJECT",
        "properties": {"n": {"type": "INTEGER", "nullable": True}, "l": {"type": "ARRAY", "items": {"type": "STRING"}}},
    }
    body = {
        "contents": [],
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": schema}]}],
        "generationConfig": {"responseMimeType": "application/json", "responseSchema": schema},
    }
    request = GEMINI.decode_request(body)
    wanted = {
        "type": "object",
        "properties": {"n": {"type": ["integer", "null"]}, "l": {"type": "array", "items": {"type": "string"}}},
    }
    (tool,) = request.tools
    assert isinstance(tool, t.Tool)
    assert tool.parameters == wanted
    assert request.output is not None
    assert request.output.schema == wanted
    assert encode(replace(request, source=None))[0] == body
    changed = replace(tool, parameters={"type": "object"})
    sent, _ = encode(replace(request, source=None, tools=(changed,)))
    assert sent["tools"] == [{"functionDeclarations": [{"name": "f", "parametersJsonSchema": {"type": "object"}}]}]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"contents": "hello"}, "contents"),
        ({"contents": ["hello"]}, "contents[0]"),
        ({"contents": [{"role": "user", "parts": 5}]}, "contents[0].parts"),
    ],
)
def test_malformed_requests_name_the_field(body: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        GEMINI.decode_request(body)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"contents": None, "tools": None, "generationConfig": None, "systemInstruction": None, "toolConfig": None},
        {"contents": [{}, {"role": 7, "parts": [None, 3, {}, {"text": None}, {"functionCall": "x"}]}]},
        {"contents": [{"role": "user", "parts": None}, {"parts": {"text": "x"}, "note": 1}]},
        {"contents": [], "tools": [None, {}, {"functionDeclarations": [None]}, {"googleSearch": None}]},
        {
            "contents": [],
            "tools": {"function_declarations": [{"name": "f"}, {"name": "g", "behavior": "NON_BLOCKING"}]},
        },
        {"contents": [], "generationConfig": {"temperature": "hot", "stopSequences": [], "topK": 2.5, "seed": None}},
        {
            "contents": [],
            "generationConfig": {"thinkingConfig": {}, "responseModalities": ["Text"], "candidateCount": 1},
        },
        {"contents": [], "toolConfig": {"functionCallingConfig": {"mode": 3, "new": 1}, "retrievalConfig": {"a": 1}}},
        {"contents": [], "toolConfig": {"functionCallingConfig": {}}},
        {"contents": [], "systemInstruction": "Be brief.", "serviceTier": "auto"},
        {"contents": [{"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "{}"}}}]}]},
        {"contents": [{"role": "user", "parts": [{"functionResponse": {"response": None, "id": "a"}}]}]},
        {"contents": [{"role": "model", "parts": [{"functionCall": {"name": "f", "args": None, "extra": 1}}]}]},
        {"contents": [{"role": "model", "parts": [{"thought": True, "thoughtSignature": "c2ln"}]}]},
        {"contents": [{"role": "user", "parts": [{"fileData": {"fileUri": "gs://b/f"}, "videoMetadata": {"fps": 1}}]}]},
    ],
)
def test_odd_requests_survive(body: dict[str, Any]) -> None:
    request = GEMINI.decode_request(body)
    assert encode(replace(request, source=None))[0] == body
    assert encode(request)[0] == body


# --- out, from other vendors' words ----------------------------------------------------------------------------


def test_a_tool_conversation_from_elsewhere() -> None:
    request = t.Request(
        (
            t.Message("system", (t.Text("Be brief."),)),
            user(t.Text("Weather?")),
            t.Message("assistant", (t.ToolCall("a", "get", {"c": "Oslo"}), t.ToolCall("b", "get", {"c": "Rome"}))),
            t.Message("tool", (t.ToolResult("a", (t.Text('{"t": 3}'),)),)),
            t.Message("tool", (t.ToolResult("b", (t.Text("warm"),), is_error=True),)),
            t.Message("developer", (t.Text("Answer in Korean."),)),
        ),
        tools=(t.Tool("get", "d", {"type": "object"}),),
    )
    body, warnings = encode(request)
    assert body["systemInstruction"] == {"parts": [{"text": "Be brief."}, {"text": "Answer in Korean."}]}
    assert [content["role"] for content in body["contents"]] == ["user", "model", "user"]
    assert body["contents"][2]["parts"] == [
        {"functionResponse": {"name": "get", "response": {"t": 3}, "id": "a"}},
        {"functionResponse": {"name": "get", "response": {"error": "warm"}, "id": "b"}},
    ]
    assert body["tools"] == [
        {"functionDeclarations": [{"name": "get", "description": "d", "parametersJsonSchema": {"type": "object"}}]}
    ]
    assert warnings == [("messages", "merged"), ("messages.role", "renamed")]


def test_gemini_3_gets_a_signature_for_another_models_calls() -> None:
    call = t.Message("assistant", (t.ToolCall("a", "f", {}), t.ToolCall("b", "f", {})))
    request = t.Request((user(t.Text("go")), call))
    body, warnings = encode(request, "gemini-3-flash-preview")
    first, second = body["contents"][1]["parts"]
    assert first["thoughtSignature"] == "skip_thought_signature_validator"
    assert "thoughtSignature" not in second
    assert warnings == [("signature", "emulated")]
    assert "thoughtSignature" not in str(encode(request)[0])


def test_reasoning_goes_back_only_to_its_maker() -> None:
    foreign = t.Reasoning("hm", signature="theirs")
    body, warnings = encode(t.Request((user(t.Text("a")), t.Message("assistant", (foreign, t.Text("b"))))))
    assert body["contents"][1]["parts"] == [{"text": "b"}]
    assert warnings == [("reasoning", "dropped")]
    raw = {"candidates": [{"content": {"parts": [{"text": "hm", "thought": True, "thoughtSignature": "b3Vycw=="}]}}]}
    answer = GEMINI.decode_response(raw)
    body, warnings = encode(t.Request((user(t.Text("a")), answer.message)))
    assert body["contents"][1]["parts"] == [{"text": "hm", "thought": True, "thoughtSignature": "b3Vycw=="}]
    assert warnings == []


@pytest.mark.parametrize(
    ("model", "options", "wanted", "actions"),
    [
        ("gemini-2.5-flash", t.ReasoningOptions(effort="none"), {"thinkingBudget": 0}, []),
        ("gemini-2.5-flash", t.ReasoningOptions(effort="low"), {"thinkingBudget": 1024}, ["emulated"]),
        ("gemini-2.5-flash", t.ReasoningOptions(effort="high", summary="auto"),
         {"thinkingBudget": 24_576, "includeThoughts": True}, ["emulated"]),
        ("gemini-2.5-flash", t.ReasoningOptions(effort="max"), {"thinkingBudget": 24_576}, ["clamped"]),
        ("gemini-2.5-pro", t.ReasoningOptions(effort="none"), {"thinkingBudget": 128}, ["clamped"]),
        ("gemini-2.5-flash-lite", t.ReasoningOptions(budget=100), {"thinkingBudget": 512}, ["clamped"]),
        ("gemini-2.5-flash", t.ReasoningOptions(enabled=True), {"thinkingBudget": -1}, []),
        ("gemini-3-flash-preview", t.ReasoningOptions(effort="low"), {"thinkingLevel": "low"}, []),
        ("gemini-3-flash-preview", t.ReasoningOptions(effort="none"), {"thinkingLevel": "minimal"}, ["clamped"]),
        ("gemini-3.1-pro-preview", t.ReasoningOptions(effort="minimal"), {"thinkingLevel": "low"}, ["clamped"]),
        ("gemini-3-flash-preview", t.ReasoningOptions(budget=4000), {"thinkingLevel": "medium"}, ["renamed"]),
        ("gemini-2.0-flash", t.ReasoningOptions(effort="high"), None, ["dropped"]),
        ("gemini-2.0-flash", t.ReasoningOptions(effort="none"), None, []),
    ],
)  # fmt: skip
def test_effort_in_the_models_own_terms(
    model: str, options: t.ReasoningOptions, wanted: dict[str, Any] | None, actions: list[str]
) -> None:
    body, warnings = encode(replace(said("x"), reasoning=options), model)
    assert body.get("generationConfig", {}).get("thinkingConfig") == wanted
    assert [action for _, action in warnings] == actions


def test_options_from_elsewhere() -> None:
    request = replace(
        said("x"),
        n=2,
        stop=("a", "b"),
        seed=7,
        top_logprobs=3,
        max_tokens=9,
        modalities=("text", "audio"),
        output=t.Output({"type": "object"}, name="thing", description="A thing.", strict=True),
        service_tier="default",
        parallel_tool_calls=False,
        user="someone",
        cache=t.Cache(),
    )
    body, warnings = encode(request)
    assert body["generationConfig"] == {
        "candidateCount": 2,
        "stopSequences": ["a", "b"],
        "seed": 7,
        "responseLogprobs": True,
        "logprobs": 3,
        "maxOutputTokens": 9,
        "responseModalities": ["TEXT", "AUDIO"],
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object", "description": "A thing."},
    }
    assert body["serviceTier"] == "standard"
    assert sorted(warnings) == [("cache", "dropped"), ("parallel_tool_calls", "dropped"), ("user", "dropped")]


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        (t.ToolChoice("auto"), {"mode": "AUTO"}),
        (t.ToolChoice("none"), {"mode": "NONE"}),
        (t.ToolChoice("required"), {"mode": "ANY"}),
        (t.ToolChoice("tool", ("f",)), {"mode": "ANY", "allowedFunctionNames": ["f"]}),
        (t.ToolChoice("allowed", ("f", "g")), {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}),
    ],
)
def test_tool_choice(choice: t.ToolChoice, wanted: dict[str, Any]) -> None:
    request = replace(said("x"), tool_choice=choice)
    body, _ = encode(replace(request, tools=(t.Tool("f"), t.Tool("g"))))
    assert body["toolConfig"] == {"functionCallingConfig": wanted}
    assert "toolConfig" not in encode(request)[0]  # refused where no function is declared


def test_media_from_elsewhere() -> None:
    request = t.Request(
        (
            user(
                t.Media("image", data="iVBORw0KGgoAAAA"),
                t.Media("audio", "audio/wav", data="UklGRg=="),
                t.Media("document", "application/pdf", data="JVBERi0=", name="a.pdf"),
                t.Media("document", "text/plain", text="plain words"),
                t.Media("image", url="https://example.com/cat.jpg?x=1", detail="low"),
                t.Media("image", url="data:image/gif;base64,R0lGOD"),
                t.Media("video", url="https://www.youtube.com/watch?v=x"),
                t.Media("file", file_id="file-of-someone-else"),
            ),
        )
    )
    body, warnings = encode(request)
    assert body["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgoAAAA"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}},
        {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0=", "displayName": "a.pdf"}},
        {"text": "plain words"},
        {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://example.com/cat.jpg?x=1"}},
        {"inlineData": {"mimeType": "image/gif", "data": "R0lGOD"}},
        {"fileData": {"fileUri": "https://www.youtube.com/watch?v=x"}},
    ]
    assert warnings == [
        ("media.text", "emulated"),
        ("media.detail", "dropped"),
        ("media.url", "kept"),
        ("media.file_id", "dropped"),
    ]


def test_media_in_results_stand_where_the_model_takes_them() -> None:
    picture = t.Media("image", "image/png", data="aGk=")
    call = t.Message("assistant", (t.ToolCall("a", "look", {}, signature="c2ln"),))
    result = t.Message("tool", (t.ToolResult("a", (t.Text("here"), picture)),))
    request = t.Request((user(t.Text("go")), call, result))
    blob = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    answer = {"name": "look", "response": {"output": "here"}, "id": "a"}
    newer, none = encode(request, "gemini-3-flash-preview")
    assert newer["contents"][2]["parts"] == [{"functionResponse": {**answer, "parts": [blob]}}]
    older, warned = encode(request)
    assert older["contents"][2]["parts"] == [{"functionResponse": answer}, blob]
    assert (none, [action for _, action in warned]) == ([], ["emulated"])


def test_server_tools_from_elsewhere() -> None:
    tools = (
        t.ServerTool("web_search", "anthropic.messages", {"type": "web_search_20250305", "max_uses": 2}),
        t.ServerTool("computer", "anthropic.messages", {}),
        t.ServerTool("code_execution", "openai.responses", {"type": "code_interpreter"}),
    )
    body, warnings = encode(replace(said("x"), tools=tools))
    assert body["tools"] == [{"googleSearch": {}}, {"codeExecution": {}}]
    assert warnings == [
        ("tools.web_search", "renamed"),
        ("tools.computer", "dropped"),
        ("tools.code_execution", "renamed"),
    ]


def test_what_only_others_know_is_dropped_aloud() -> None:
    message = t.Message(
        "assistant",
        (
            t.Opaque("anthropic.messages", {"type": "new"}),
            t.ServerToolCall("s", "web_search", {}),
            t.ServerToolResult("s", "web_search", []),
            t.Refusal("No."),
            t.ToolCall("c", "f", {}, raw="{cut"),
        ),
        name="bot",
    )
    body, warnings = encode(t.Request((user(t.Text("a")), message)))
    assert body["contents"][1]["parts"] == [
        {"text": "No."},
        {"functionCall": {"name": "f", "args": {}, "id": "c"}},
    ]
    assert warnings == [
        ("messages.name", "dropped"),
        ("opaque", "dropped"),
        ("server_tool_call", "dropped"),
        ("server_tool_result", "dropped"),
        ("refusal", "renamed"),
        ("tool_call.arguments", "dropped"),
    ]


def test_instructions_alone_become_a_turn() -> None:
    body, warnings = encode(t.Request((t.Message("system", (t.Text("Say hi."),)),)))
    assert body == {"contents": [{"role": "user", "parts": [{"text": "Say hi."}]}]}
    assert warnings == [("messages", "emulated")]


def test_the_model_in_a_body_follows_the_choice() -> None:
    body = {"model": "models/gemini-2.5-flash", "contents": []}
    request = GEMINI.decode_request(body)
    assert request.model == "gemini-2.5-flash"
    assert GEMINI.encode_request(request, model="gemini-2.5-pro")[0]["model"] == "models/gemini-2.5-pro"
    assert body["model"] == "models/gemini-2.5-flash"


def test_removing_a_tool_leaves_the_rest() -> None:
    body = {
        "contents": [],
        "tools": [{"function_declarations": [{"name": "a"}, {"name": "b"}], "codeExecution": None}],
        "labels": {"team": "x"},
    }
    request = GEMINI.decode_request(body)
    sent, _ = encode(replace(request, tools=request.tools[:1]))
    assert sent == {"contents": [], "tools": [{"functionDeclarations": [{"name": "a"}]}], "labels": {"team": "x"}}
    assert "tools" not in encode(replace(request, tools=()))[0]


def test_dialect_options_are_checked() -> None:
    with pytest.raises(ConfigError):
        wire.make("gemini.generateContent", "gemini", {"enum": "gemini"}, "gemini.generateContent")
    with pytest.raises(ConfigError):
        wire.make("gemini.generateContent", "gemini", {"enums": "other"}, "gemini.generateContent")
