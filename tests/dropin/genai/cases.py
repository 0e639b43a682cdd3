"""Calls made on the SDK and on the drop-in alike: what is asked, and what the service answers. All of it is made up."""

from __future__ import annotations

import enum
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import pydantic

from dropin.loopback import Say


@dataclass
class Call:
    """``path`` below a client, its arguments made with the package's ``types``, and the answers it gets."""

    path: str
    make: Callable[[Any], dict[str, Any]]
    answers: list[Any] = field(default_factory=lambda: [SAID])
    client: dict[str, Any] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)


class City(pydantic.BaseModel):
    name: str
    people: int | None = None


class Country(pydantic.BaseModel):
    cities: list[City]
    kind: Literal["island", "land"]


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


def weather(city: str, days: int = 1) -> dict[str, Any]:
    """The weather of a city.

    As it will be.
    """
    if city == "Atlantis":
        raise LookupError("sunk")
    return {"city": city, "days": days}


def visit(city: City, by: str, tags: list[str]) -> str:
    """Plan a visit."""
    return f"{city.name} by {by}: {', '.join(tags)}"


USAGE = {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7, "trafficType": "ON_DEMAND"}


def saying(*parts: Any, **more: Any) -> dict[str, Any]:
    candidate = {"content": {"parts": list(parts), "role": "model"}, "finishReason": "STOP", "index": 0, **more}
    return {"candidates": [candidate], "usageMetadata": USAGE, "modelVersion": "gemini-2.5-flash", "responseId": "r1"}


def text(said: str, **more: Any) -> dict[str, Any]:
    return saying({"text": said}, **more)


def calling(name: str, **args: Any) -> dict[str, Any]:
    return saying({"functionCall": {"name": name, "args": args}})


def stream(*values: Any) -> str:
    import json

    return "".join(f"data: {json.dumps(value)}\r\n\r\n" for value in values)


SAID = text("Hello there.")
THOUGHT = saying({"text": "hm", "thought": True}, {"text": "Yes.", "thoughtSignature": "-_8="})
MODEL = "gemini-2.5-flash"
ERROR = {"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT", "details": [{"a": 1}]}}
PIXEL = b"\x89PNG\xff\xfe"


def ask(make: Callable[[Any], Any], config: Callable[[Any], Any] | None = None, *answers: Any, **more: Any) -> Call:
    def arguments(t: Any) -> dict[str, Any]:
        given = {"model": MODEL, "contents": make(t)}
        return given if config is None else {**given, "config": config(t)}

    return Call("models.generate_content", arguments, list(answers) or [SAID], **more)


def hello(config: Callable[[Any], Any], *answers: Any, **more: Any) -> Call:
    return ask(lambda t: "hello", config, *answers, **more)


def streamed(config: Callable[[Any], Any] | None, *answers: Any, **more: Any) -> Call:
    call = ask(lambda t: "hello", config, *answers, **more)
    call.path = "models.generate_content_stream"
    return call


SCHEMA = {
    "type": "OBJECT",
    "properties": {"name": {"type": "STRING"}, "size": {"type": "INTEGER", "nullable": True}},
    "required": ["name"],
}
DECLARED = {"name": "weather", "description": "d", "parameters": SCHEMA}
TEN = [calling("weather", city=f"c{number}") for number in range(10)]

CALLS: dict[str, Call] = {
    # --- contents
    "text": ask(lambda t: "hello"),
    "texts": ask(lambda t: ["hello", "world"]),
    "part": ask(lambda t: t.Part.from_text(text="hello")),
    "part dict": ask(lambda t: {"text": "hello"}),
    "turn": ask(lambda t: t.Content(role="user", parts=[t.Part(text="hello")])),
    "turn dict": ask(lambda t: {"role": "user", "parts": [{"text": "hello"}]}),
    "turn dicts": ask(
        lambda t: [
            {"role": "user", "parts": [{"text": "a"}]},
            {"role": "model", "parts": [{"text": "b"}]},
            {"parts": [{"inline_data": {"mime_type": "image/png", "data": "aGk="}}]},
            {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": PIXEL}}]},
        ]
    ),
    "turns of text": ask(
        lambda t: [
            {"role": "user", "parts": [{"text": "a"}]},
            {"role": "model", "parts": [{"text": "b"}, {"text": ""}]},
        ]
    ),
    "turns without roles": ask(lambda t: [{"parts": [{"text": "a"}]}, {"role": None, "parts": []}]),
    "bytes and address": ask(
        lambda t: [
            "look:",
            t.Part.from_bytes(data=PIXEL, mime_type="image/png"),
            t.Part.from_uri(file_uri="gs://bucket/b.pdf"),
            t.Part.from_uri(file_uri="https://x.test/v", mime_type="video/mp4"),
        ]
    ),
    "file": ask(lambda t: ["see", t.File(uri="https://x.test/files/f", mime_type="text/plain", name="files/f")]),
    "calls and answers": ask(
        lambda t: [
            "go",
            t.Part.from_function_call(name="f", args={"a": None, "b": [1, {"c": 2.5}]}),
            t.Part.from_function_response(name="f", response={"result": "x"}),
        ]
    ),
    "nested list": ask(lambda t: [["a", t.Part(text="b")], t.ModelContent("c"), "d"]),
    "code": ask(
        lambda t: t.Content(
            role="model",
            parts=[
                t.Part.from_executable_code(code="1+1", language="PYTHON"),
                t.Part.from_code_execution_result(outcome="OUTCOME_OK", output="2"),
                t.Part(text="so", thought=True, thought_signature=b"\xfb\xff"),
                t.Part(file_data=t.FileData(file_uri="u"), video_metadata={"fps": 2, "start_offset": "1s"}),
            ],
        )
    ),
    "answer put back": ask(
        lambda t: [
            t.UserContent("hi"),
            t.Content.model_validate(THOUGHT["candidates"][0]["content"]),
            t.UserContent(parts=["and", {"text": "then"}]),
        ]
    ),
    "empty": ask(lambda t: []),
    "no such content": ask(lambda t: 5),
    "no model": Call("models.generate_content", lambda t: {"model": "", "contents": "x"}),
    "odd model": Call("models.generate_content", lambda t: {"model": "a?b", "contents": "x"}),
    "unknown argument": Call("models.generate_content", lambda t: {"model": "m", "contents": "x", "temperature": 1}),
    "tuned model": Call("models.generate_content", lambda t: {"model": "tunedModels/a", "contents": "x"}),
    # --- configuration
    "config": hello(
        lambda t: t.GenerateContentConfig(
            system_instruction="be brief",
            temperature=0.5,
            top_p=1,
            top_k=40,
            candidate_count=1,
            max_output_tokens=100,
            stop_sequences=["x"],
            presence_penalty=0.1,
            frequency_penalty=0.2,
            seed=5,
            response_mime_type="text/plain",
            response_modalities=["TEXT"],
            response_logprobs=True,
            logprobs=2,
            safety_settings=[
                t.SafetySetting(category=t.HarmCategory.HARM_CATEGORY_HATE_SPEECH, threshold="BLOCK_ONLY_HIGH")
            ],
            thinking_config=t.ThinkingConfig(thinking_budget=0, include_thoughts=True),
            media_resolution="MEDIA_RESOLUTION_LOW",
            speech_config="Kore",
            cached_content="abc",
            tool_config=t.ToolConfig(
                function_calling_config=t.FunctionCallingConfig(mode="ANY", allowed_function_names=["f"])
            ),
            labels={"a": "b"},
            image_config={"aspect_ratio": "1:1"},
        )
    ),
    "config in camel case": hello(
        lambda t: {
            "systemInstruction": {"parts": [{"text": "x"}]},
            "maxOutputTokens": 5,
            "thinkingConfig": {"thinkingLevel": "low"},
            "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
        }
    ),
    "instruction of parts": hello(lambda t: {"system_instruction": ["a", t.Part(text="b")]}),
    "empty config": hello(lambda t: {}),
    "declarations": hello(lambda t: {"tools": [t.Tool(function_declarations=[t.FunctionDeclaration(**DECLARED)])]}),
    "tools of all kinds": hello(
        lambda t: {
            "tools": [
                {"function_declarations": [DECLARED]},
                t.Tool(google_search=t.GoogleSearch(), code_execution={}),
                {"url_context": {}},
                {"google_maps": {"enable_widget": True}},
                {"function_declarations": [{"name": "g", "parameters_json_schema": {"type": "object"}}]},
            ]
        }
    ),
    "thoughts": hello(lambda t: None, THOUGHT),
    "not for this service": hello(lambda t: {"routing_config": {"auto_mode": {}}}),
    "nor this": hello(lambda t: {"tools": [{"enterprise_web_search": {}}]}),
    "unknown option": hello(lambda t: {"temprature": 1}),
    "wrong option": hello(lambda t: {"temperature": "hot", "stop_sequences": "x"}),
    "extra body and headers": hello(
        lambda t: {
            "http_options": t.HttpOptions(
                headers={"X-Mine": "1", "User-Agent": "mine/1"},
                extra_body={"generation_config": {"topK": 3}, "newThing": {"a": 1}},
                timeout=2500,
                api_version="v1alpha",
            ),
            "temperature": 1.0,
        }
    ),
    "client options": ask(
        lambda t: "x", client={"http_options": {"headers": {"x-mine": "1"}, "api_version": "v1beta", "timeout": 60000}}
    ),
    "version by environment": ask(lambda t: "x", environ={"GOOGLE_GENAI_API_VERSION": "beta"}),
    # --- schemas
    "schema of a model": hello(
        lambda t: {"response_mime_type": "application/json", "response_schema": Country},
        text('{"cities": [{"name": "Seoul", "people": 9}], "kind": "land"}'),
    ),
    "schema of a list": hello(lambda t: {"response_schema": list[City]}, text('[{"name": "Seoul"}]')),
    "schema of a dict": hello(lambda t: {"response_schema": SCHEMA}, text('{"name": "x"}')),
    "schema of the type": hello(
        lambda t: {"response_schema": t.Schema(type="ARRAY", items=t.Schema(type=t.Type.NUMBER))}, text("[1, 2]")
    ),
    "schema of an enum": hello(
        lambda t: {"response_mime_type": "text/x.enum", "response_schema": Colour}, text("blue")
    ),
    "schema of a literal": hello(lambda t: {"response_schema": Literal["yes", "no"]}, text('"yes"')),
    "schema of a union": hello(lambda t: {"response_schema": int | str}, text("5")),
    "schema that does not fit": hello(lambda t: {"response_schema": City}, text("no JSON")),
    "schema in JSON": hello(
        lambda t: {"response_json_schema": City.model_json_schema()}, text('{"name": "x", "people": 1}')
    ),
    "schema with more than allowed": hello(
        lambda t: {"response_schema": {"type": "OBJECT", "additionalProperties": {"type": "STRING"}}}
    ),
    # --- answers
    "blocked": hello(lambda t: None, {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {}}),
    "no parts": hello(lambda t: None, {"candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS"}]}),
    "rich": hello(
        lambda t: None,
        text(
            "x",
            citationMetadata={"citationSources": [{"startIndex": 1, "uri": "u"}]},
            groundingMetadata={
                "webSearchQueries": ["q"],
                "groundingChunks": [{"web": {"uri": "u", "title": "t"}}],
                "groundingSupports": [{"segment": {"endIndex": 3}, "groundingChunkIndices": [0]}],
            },
            safetyRatings=[{"category": "HARM_CATEGORY_HARASSMENT", "probability": "NEGLIGIBLE"}],
            avgLogprobs=-0.5,
            logprobsResult={"chosenCandidates": [{"token": "x", "logProbability": -1, "tokenId": 4}]},
        ),
    ),
    "a new word": hello(lambda t: None, text("x", finishReason="BRAND_NEW")),
    "picture": hello(lambda t: None, saying({"inlineData": {"mimeType": "image/png", "data": "iVBOR_7-"}})),
    "code run": hello(
        lambda t: None,
        saying(
            {"executableCode": {"language": "PYTHON", "code": "1"}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}},
        ),
    ),
    "raw": hello(lambda t: t.GenerateContentConfig(should_return_http_response=True)),
    # --- functions
    "functions": hello(lambda t: {"tools": [weather]}, calling("weather", city="Seoul"), text("Sunny.")),
    "function with a model": hello(
        lambda t: {"tools": [visit]}, calling("visit", city={"name": "Rome"}, by="car", tags=["a"]), text("Done.")
    ),
    "function that fails": hello(lambda t: {"tools": [weather]}, calling("weather", city="Atlantis"), text("Oh.")),
    "functions to the limit": hello(lambda t: {"tools": [weather]}, *TEN),
    "functions, twice at most": hello(
        lambda t: {"tools": [weather], "automatic_function_calling": {"maximum_remote_calls": 2}}, *TEN
    ),
    "functions not called": hello(
        lambda t: {"tools": [weather], "automatic_function_calling": {"disable": True}}, calling("weather", city="x")
    ),
    "functions without history": hello(
        lambda t: {"tools": [weather], "automatic_function_calling": {"ignore_call_history": True}},
        calling("weather", city="Seoul"),
        text("Sunny."),
    ),
    "functions and declarations": hello(
        lambda t: {"tools": [weather, t.Tool(function_declarations=[{"name": "g"}])]}, calling("weather", city="x")
    ),
    "functions, streamed": streamed(
        lambda t: {"tools": [weather]},
        stream(saying({"text": "Let me see."}), calling("weather", city="Seoul")),
        stream(saying({"text": "Sun"}), text("ny.")),
    ),
    # --- hops
    "continued": hello(
        lambda t: None,
        text("One, ", finishReason="CONTINUATION", continuationToken="dG9rZW4="),
        text("two."),
    ),
    "continued, streamed": streamed(
        None,
        stream(text("One, ", finishReason="CONTINUATION", continuationToken="dG9rZW4=")),
        stream(text("two.")),
    ),
    "not continued": hello(
        lambda t: {"automatic_continuation": False},
        text("One, ", finishReason="CONTINUATION", continuationToken="dG9rZW4="),
    ),
    # --- streams
    "stream": streamed(None, stream(text("Hel"), text("lo"))),
    "stream with a schema": streamed(lambda t: {"response_schema": City}, stream(text('{"name": "x"}'))),
    "stream refused": streamed(None, Say(ERROR, 400)),
    "stream with an error": streamed(
        None, stream(text("Hel"), {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}})
    ),
    "stream that is none": streamed(None, SAID),
    # --- errors
    "refused": hello(lambda t: None, Say(ERROR, 400)),
    "refused in a list": hello(lambda t: None, Say([ERROR], 429)),
    "failed": hello(lambda t: None, Say({"error": {"code": 500, "message": "m", "status": "INTERNAL"}}, 500)),
    "failed in text": hello(lambda t: None, Say("all down", 503)),
    "not JSON": hello(lambda t: None, Say("nonsense", 200)),
    "retried": hello(
        lambda t: {"http_options": {"retry_options": {"attempts": 3, "initial_delay": 0, "jitter": 0}}},
        Say(ERROR, 503),
        Say(ERROR, 429),
        SAID,
    ),
    "retried in vain": ask(
        lambda t: "x",
        None,
        Say(ERROR, 503),
        client={"http_options": {"retry_options": {"attempts": 2, "initial_delay": 0, "jitter": 0}}},
    ),
    "not retried": ask(
        lambda t: "x",
        None,
        Say(ERROR, 404),
        client={"http_options": {"retry_options": {"attempts": 2, "initial_delay": 0, "jitter": 0}}},
    ),
    # --- other calls
    "count": Call("models.count_tokens", lambda t: {"model": MODEL, "contents": ["a", "b"]}, [{"totalTokens": 3}]),
    "count with more": Call(
        "models.count_tokens",
        lambda t: {"model": MODEL, "contents": "a", "config": {"system_instruction": "x"}},
    ),
    "embed": Call(
        "models.embed_content",
        lambda t: {"model": "text-embedding-004", "contents": "a"},
        [{"embeddings": [{"values": [0.1, -1]}]}],
    ),
    "embed many": Call(
        "models.embed_content",
        lambda t: {
            "model": "text-embedding-004",
            "contents": ["a", t.Content(parts=[t.Part(text="b")])],
            "config": t.EmbedContentConfig(output_dimensionality=2, task_type="RETRIEVAL_QUERY", title="t"),
        },
        [{"embeddings": [{"values": [0.1]}, {"values": [2]}]}],
    ),
    "get": Call(
        "models.get",
        lambda t: {"model": MODEL},
        [{"name": "models/m", "inputTokenLimit": 5, "supportedGenerationMethods": ["generateContent"], "topK": 64}],
    ),
    "list": Call(
        "models.list",
        lambda t: {"config": {"page_size": 2}},
        [
            {"models": [{"name": "models/a"}, {"name": "models/b"}], "nextPageToken": "n"},
            {"models": [{"name": "models/c"}]},
        ],
    ),
    "list tuned": Call("models.list", lambda t: {"config": {"query_base": False}}, [{"tunedModels": [{"name": "t"}]}]),
    "list filtered": Call(
        "models.list", lambda t: {"config": {"filter": "a=b", "page_size": 5}}, [{"models": [{"name": "t"}]}]
    ),
    "delete tuned": Call("models.delete", lambda t: {"model": "tunedModels/a"}, [{}]),
    "file get": Call(
        "files.get",
        lambda t: {"name": "files/abc"},
        [
            {
                "name": "files/abc",
                "sizeBytes": "12",
                "createTime": "2026-01-02T03:04:05.678901Z",
                "state": "ACTIVE",
                "sha256Hash": "aGk=",
                "mimeType": "text/plain",
            }
        ],
    ),
    "file list": Call(
        "files.list",
        lambda t: {"config": {"page_size": 1}},
        [{"files": [{"name": "files/a"}], "nextPageToken": "x"}, {"files": [{"name": "files/b"}]}],
    ),
    "file delete": Call("files.delete", lambda t: {"name": "abc"}, [{}]),
    "file upload": Call(
        "files.upload",
        lambda t: {
            "file": io.BytesIO(b"hello"),
            "config": {"mime_type": "text/plain", "display_name": "d", "name": "n"},
        },
        [
            lambda seen: Say({}, 200, {"x-goog-upload-url": f"http://{seen.headers['host']}/up?id=1"}),
            Say({"file": {"name": "files/n", "sizeBytes": "5"}}, 200, {"x-goog-upload-status": "final"}),
        ],
    ),
    "file upload refused": Call(
        "files.upload", lambda t: {"file": io.BytesIO(b"x"), "config": {"mime_type": "a/b"}}, [Say(ERROR, 403)]
    ),
    "file upload of no known type": Call("files.upload", lambda t: {"file": io.BytesIO(b"x")}),
    "file upload of no file": Call("files.upload", lambda t: {"file": "no-such-file.txt"}),
    # --- the platform
    "platform with a key": ask(
        lambda t: ["x", t.Part.from_function_response(name="f", response={"a": 1})],
        lambda t: {"safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "method": "SEVERITY"}], "seed": 1},
        client={"vertexai": True},
    ),
    "platform with a token": ask(
        lambda t: "x",
        lambda t: {"image_config": {"output_mime_type": "image/png", "aspect_ratio": "1:1"}},
        client={"vertexai": True, "api_key": None, "project": "p", "location": "us-central1", "credentials": "token"},
    ),
    "platform, another's model": Call(
        "models.generate_content", lambda t: {"model": "meta/llama", "contents": "x"}, client={"vertexai": True}
    ),
    "platform, not there": hello(lambda t: {"store": True}, client={"vertexai": True}),
    "platform, no files": Call("files.get", lambda t: {"name": "a"}, client={"vertexai": True}),
    "platform, count": Call(
        "models.count_tokens",
        lambda t: {"model": MODEL, "contents": "a", "config": {"system_instruction": "x"}},
        [{"totalTokens": 3}],
        client={"vertexai": True},
    ),
    "platform, models": Call(
        "models.list", lambda t: {}, [{"publisherModels": [{"name": "x"}]}], client={"vertexai": True}
    ),
    "no key": ask(lambda t: "x", client={"api_key": None}),
    "two ways in": ask(lambda t: "x", client={"vertexai": True, "enterprise": False}),
    "a project without the platform": ask(lambda t: "x", client={"project": "p"}),
    "key by environment": ask(lambda t: "x", client={"api_key": None}, environ={"GEMINI_API_KEY": "env-key"}),
    "older key by environment": ask(
        lambda t: "x", client={"api_key": None}, environ={"GEMINI_API_KEY": "a", "GOOGLE_API_KEY": "b"}
    ),
    "platform by environment": ask(
        lambda t: "x", client={"api_key": "k"}, environ={"GOOGLE_GENAI_USE_VERTEXAI": "true"}
    ),
}

CHATS: dict[str, dict[str, Any]] = {
    "chat": {"say": ["hi", ["and", "you?"]], "answers": [text("Hello."), text("Fine.")]},
    "chat with history": {
        "say": ["more"],
        "make": lambda t: {
            "history": [t.UserContent("a"), {"role": "model", "parts": [{"text": "b"}]}],
            "config": {"temperature": 0.1},
        },
    },
    "chat with functions": {
        "say": ["weather?", "thanks"],
        "make": lambda t: {"config": {"tools": [weather]}},
        "answers": [calling("weather", city="Seoul"), text("Sunny."), text("Bye.")],
    },
    "chat with a void answer": {"say": ["a", "b"], "answers": [saying({}), text("ok")]},
    "chat with an error": {"say": ["a"], "answers": [Say(ERROR, 400)]},
    "chat, streamed": {
        "say": ["hi", "more"],
        "stream": True,
        "answers": [stream(text("He", finishReason=None), text("llo.")), stream(text("Fine."))],
    },
    "chat with functions, streamed": {
        "say": ["weather?"],
        "stream": True,
        "make": lambda t: {"config": {"tools": [weather]}},
        "answers": [stream(calling("weather", city="Seoul")), stream(text("Sunny."))],
    },
    "chat without functions": {
        "say": ["weather?"],
        "make": lambda t: {"config": {"tools": [weather], "automatic_function_calling": {"disable": True}}},
        "answers": [calling("weather", city="Seoul")],
    },
    "chat of no part": {"say": [{"text": "x"}]},
}


class Api:
    """What ``from_callable`` looks at of a client."""

    def __init__(self, vertexai: bool) -> None:
        self.vertexai = vertexai


def choose(by: Literal["car", "train"], most: int | None = None, names: dict[str, int] | None = None) -> None:
    """Choose."""


VALUES: dict[str, Callable[[Any], Any]] = {
    "part": lambda t: t.Part("hello"),
    "part of a part": lambda t: t.Part(t.Part(text="x", thought=True)),
    "part of a dict": lambda t: t.Part({"text": "x"}),
    "part of a file": lambda t: t.Part(t.File(uri="u", mime_type="a/b")),
    "part twice": lambda t: t.Part("a", text="b"),
    "part of nothing known": lambda t: t.Part(text="x", colour="red"),
    "part of a number": lambda t: t.Part(text=5),
    "deep mistake": lambda t: t.Content(parts=[{"text": "a"}, {"inline_data": {"data": "%%", "mime_type": "a"}}]),
    "address of no type": lambda t: t.Part.from_uri(file_uri="https://x.test/no"),
    "enum in lower case": lambda t: t.Schema(type="object", properties={"a": {"type": "string"}}),
    "enum": lambda t: [
        str(t.FinishReason.STOP),
        t.FinishReason("stop") is t.FinishReason.STOP,
        t.Type.STRING == "STRING",
    ],
    "blob": lambda t: t.Blob(data="-_8=", mime_type="a/b").data.hex(),
    "numbers": lambda t: t.GenerateContentConfig(temperature="0.5", top_k=3, seed=7.0, max_output_tokens="9"),
    "no number": lambda t: t.GenerateContentConfig(seed=7.5),
    "literal that is no text": lambda t: t.GenerateContentConfig(response_schema=Literal[1, 2]),
    "set": lambda t: sorted(t.Part(text="x").model_dump(exclude_none=True)),
    "by alias": lambda t: t.Part.from_bytes(data=b"x", mime_type="a/b").model_dump(by_alias=True, exclude_none=True),
    "in JSON": lambda t: t.Part.from_bytes(data=b"\xff", mime_type="a/b").model_dump_json(exclude_none=True),
    "of JSON": lambda t: t.Content.model_validate_json('{"role": "user", "parts": [{"inlineData": {"data": "_w=="}}]}'),
    "equal": lambda t: [t.Part(text="a") == t.Part(text="a"), t.Part(text="a") == t.Part()],
    "copied": lambda t: t.Part(text="a").model_copy(update={"thought": True}),
    "assigned": lambda t: setattr(t.Part(text="a"), "colour", 1),
    "fields": lambda t: sorted(t.ThinkingConfig.model_fields),
    "json dict": lambda t: t.Content(role="user", parts=[t.Part(text="x")]).to_json_dict(),
    "user turn": lambda t: t.UserContent(["a", t.Part(text="b")]),
    "typed dict": lambda t: dict(t.PartDict(text="x")),
    "picture": lambda t: t.Part.from_bytes(data=PIXEL, mime_type="image/png").as_image().mime_type,
    "no picture": lambda t: t.Part(text="x").as_image(),
    "text of nothing": lambda t: t.GenerateContentResponse().text,
    "declaration": lambda t: t.FunctionDeclaration.from_callable(client=Api(False), callable=weather),
    "declaration for the platform": lambda t: t.FunctionDeclaration.from_callable(client=Api(True), callable=visit),
    "declaration in JSON schemas": lambda t: t.FunctionDeclaration.from_callable(
        client=Api(False), callable=visit, use_json_schema=True
    ),
    "declaration for an option": lambda t: t.FunctionDeclaration.from_callable_with_api_option(
        callable=weather, api_option="VERTEX_AI"
    ),
    "declaration with choices": lambda t: t.FunctionDeclaration.from_callable(client=Api(False), callable=choose),
    "declaration of another kind": lambda t: t.FunctionDeclaration.from_callable(
        client=Api(False), callable=lambda x: x
    ),
    "schema of JSON": lambda t: t.Schema.from_json_schema(
        json_schema=t.JSONSchema(
            type="object", properties={"a": t.JSONSchema(type=["string", "null"]), "b": t.JSONSchema(type="integer")}
        )
    ),
    "schema to JSON": lambda t: (
        t.Schema(type="OBJECT", properties={"a": t.Schema(type="STRING", nullable=True)}, required=["a"]).json_schema
    ),
}
