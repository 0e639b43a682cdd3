"""Whether a vendor SDK's own request types take bodies. Runs in a virtual environment that holds that SDK alone.

    python sdk_types.py SDK < bodies.jsonl > verdicts.jsonl

A line of input is ``{"target": …, "body": …}``, one of output is a text that says what is wrong, or null. Keys that
the types do not know count as wrong wherever a client would not have let them through.
"""

from __future__ import annotations

import json
import sys
import typing
import warnings
from collections.abc import Callable, Iterable
from typing import Any

Body = dict[str, Any]
Check = Callable[[Body], None]
"""Raises what the SDK raises for a body that its types refuse."""


def _adapter(kind: Any) -> Check:
    """A TypedDict is closed: a key that it does not list is refused, as a type checker does."""
    from pydantic import ConfigDict, TypeAdapter

    kind.__pydantic_config__ = ConfigDict(extra="forbid", arbitrary_types_allowed=True)  # for those inside it too
    adapter = TypeAdapter(kind)
    return lambda body: adapter.validate_python(body) and None


def _eager() -> None:
    """Let the types say list where they say Iterable: what is lazy would be accepted unseen."""
    typing.Iterable = typing.List  # type: ignore[assignment,misc]  # noqa: UP006


def openai() -> dict[str, Check]:
    _eager()
    from openai.types import completion_create_params as completions
    from openai.types.chat import completion_create_params as chat
    from openai.types.responses import response_create_params as responses

    return {
        "openai.chat": _adapter(chat.CompletionCreateParamsNonStreaming),
        "openai.responses": _adapter(responses.ResponseCreateParamsNonStreaming),
        "openai.completions": _adapter(completions.CompletionCreateParamsNonStreaming),
    }


def anthropic() -> dict[str, Check]:
    _eager()
    from anthropic.types.message_create_params import MessageCreateParamsNonStreaming

    typed = _adapter(MessageCreateParamsNonStreaming)
    untyped = {"temperature", "top_p", "top_k"}  # since 1.0: the models that know them take them from extra_body

    def messages(body: Body) -> None:
        typed({key: value for key, value in body.items() if key not in untyped})

    def invoke(body: Body) -> None:
        """On a cloud the model stands in the URL, and the version in the body."""
        messages({"model": "claude", **{key: value for key, value in body.items() if key != "anthropic_version"}})

    return {
        "anthropic.messages": lambda body: (invoke if "anthropic_version" in body else messages)(body),
        "bedrock.invoke": invoke,
    }


def groq() -> dict[str, Check]:
    _eager()
    from groq.types.chat.completion_create_params import CompletionCreateParams

    return {"groq.chat": _adapter(CompletionCreateParams)}


def google_genai() -> dict[str, Check]:
    """The SDK has no type for a body of generateContent, but one for each of its parts."""
    from google.genai import types
    from google.genai._gaos.types.interactions.createmodelinteraction import CreateModelInteraction
    from pydantic import TypeAdapter

    parts = {
        "contents": list[types.Content],
        "systemInstruction": types.Content,
        "tools": list[types.Tool],
        "toolConfig": types.ToolConfig,
        "safetySettings": list[types.SafetySetting],
        "generationConfig": types.GenerationConfig,
        "cachedContent": str,
        "serviceTier": types.ServiceTier,
        "labels": dict[str, str],
    }
    generate = {name: TypeAdapter(kind) for name, kind in parts.items()}

    def generate_content(body: Body) -> None:
        for name, value in body.items():
            if name not in generate:
                raise TypeError(f"no such field: {name}")
            generate[name].validate_json(json.dumps(value))

    return {
        "gemini.generateContent": generate_content,
        "gemini.interactions": lambda body: CreateModelInteraction.model_validate(body) and None,
    }


def cohere() -> dict[str, Check]:
    from cohere.v2.client import V2Client
    from pydantic import TypeAdapter

    kinds = typing.get_type_hints(V2Client.chat)
    arguments = {name: TypeAdapter(kind) for name, kind in kinds.items() if name not in ("return", "request_options")}

    def chat(body: Body) -> None:
        for name, value in body.items():
            if name == "stream":
                continue  # the method's name says it
            if name not in arguments:
                raise TypeError(f"chat() has no argument {name}")
            arguments[name].validate_python(value)

    return {"cohere.chat_v2": chat}


def mistralai() -> dict[str, Check]:
    from mistralai.client.models import ChatCompletionRequest

    known = {field.alias or name for name, field in ChatCompletionRequest.model_fields.items()}

    def chat(body: Body) -> None:
        if unknown := body.keys() - known:
            raise TypeError(f"no such field: {sorted(unknown)}")
        ChatCompletionRequest.model_validate(body)

    return {"mistral.chat": chat}


def ollama() -> dict[str, Check]:
    from ollama._types import ChatRequest, Image, Message, Options, Tool

    def chat(body: Body) -> None:
        if unknown := body.keys() - ChatRequest.model_fields.keys():
            raise TypeError(f"no such field: {sorted(unknown)}")
        ChatRequest.model_validate(body)
        for message in body["messages"]:  # in the request itself any mapping will do
            images = [Image(value=image) for image in message.get("images") or ()]
            Message.model_validate({**message, "images": images})
        for tool in body.get("tools") or ():
            Tool.model_validate(tool)
        Options.model_validate(body.get("options") or {})

    return {"ollama.chat": chat}


def botocore() -> dict[str, Check]:
    import botocore.session
    from botocore.validate import ParamValidator

    shape = botocore.session.get_session().get_service_model("bedrock-runtime").operation_model("Converse").input_shape
    validator = ParamValidator()

    def converse(body: Body) -> None:
        report = validator.validate({"modelId": "model", **body}, shape)
        if report.has_errors():
            raise TypeError(report.generate_report())

    return {"bedrock.converse": converse}


def said(check: Check, body: Body) -> str | None:
    try:
        check(body)
    except Exception as error:  # each SDK has errors of its own
        told = error.errors() if hasattr(error, "errors") else []
        return _brief(told) if told else f"{error}"
    return None


def _brief(errors: list[dict[str, Any]]) -> str:
    """What pydantic says of the members of a union that were meant: their ``type`` or ``role`` fits."""
    others = {e["loc"][:-1] for e in errors if e["type"] == "literal_error" and e["loc"][-1] in ("type", "role")}
    meant = [e for e in errors if not any(e["loc"][: len(place)] == place for place in others)] or errors
    deepest = max(len(e["loc"]) for e in meant)
    found = (e for e in meant if len(e["loc"]) >= deepest - 1)
    return "; ".join(f"{_place(e['loc'])}: {e['msg']}, not {e['input']!r:.60}" for e in found)[:600]


def _place(path: tuple[int | str, ...]) -> str:
    """Without the names of types."""
    return ".".join(str(step) for step in path if isinstance(step, int) or (step.islower() and "[" not in step))


def verdicts(sdk: str, lines: Iterable[str]) -> Iterable[str]:
    checks: dict[str, Check] = globals()[sdk.replace("-", "_")]()
    for line in lines:
        row = json.loads(line)
        yield json.dumps(said(checks[row["target"]], row["body"]))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for verdict in verdicts(sys.argv[1], sys.stdin):
        print(verdict)
