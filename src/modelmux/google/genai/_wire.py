"""Requests as the two services take them.

The Gemini API and the enterprise platform (Vertex AI) have the same messages, less some fields each. The SDK spells a
field of the messages in ``_INSIDE`` in camelCase and what is below in snake_case; both services read both.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import Enum
from functools import cache
from typing import Any

from pydantic import BaseModel

from modelmux._dropin.fields import columns
from modelmux.google.genai import _schema, types
from modelmux.google.genai._content import content, contents
from modelmux.google.genai._registry import registry

GEMINI, VERTEX = 0, 1

_INSIDE: tuple[dict[str, dict[str, str]], dict[str, dict[str, str]]] = (
    {
        "Content": {"parts": "Part"},
        "Part": {"function_call": "FunctionCall"},
        "FunctionCall": {},
        "SafetySetting": {},
        "Tool": {"google_search": "GoogleSearch", "google_maps": "GoogleMaps"},
        "GoogleSearch": {},
        "GoogleMaps": {"auth_config": "AuthConfig"},
        "AuthConfig": {},
        "ToolConfig": {"function_calling_config": "FunctionCallingConfig"},
        "FunctionCallingConfig": {},
        "ImageConfig": {},
    },
    {
        "Content": {"parts": "Part"},
        "Part": {"function_response": "FunctionResponse"},
        "FunctionResponse": {"parts": "FunctionResponsePart"},
        "Tool": {"mcp_servers": "McpServer"},
        "ToolConfig": {},
        "ImageConfig": {},
        "SpeechConfig": {},
    },
)
"""Message -> its fields that are messages of this table themselves."""

_ABROAD: tuple[dict[str, frozenset[str]], dict[str, frozenset[str]]] = (
    {
        "FunctionCall": frozenset({"partial_args", "will_continue"}),
        "SafetySetting": frozenset({"method"}),
        "Tool": frozenset({"retrieval", "enterprise_web_search", "parallel_ai_search", "exa_ai_search"}),
        "GoogleSearch": frozenset({"blocking_confidence", "exclude_domains"}),
        "GoogleMaps": frozenset({"grounding_types"}),
        "AuthConfig": frozenset(
            {
                "api_key_config",
                "auth_type",
                "google_service_account_config",
                "http_basic_auth_config",
                "oauth_config",
                "oidc_config",
            }
        ),
        "FunctionCallingConfig": frozenset({"stream_function_call_arguments"}),
        "ImageConfig": frozenset(
            {
                "person_generation",
                "prominent_people",
                "output_mime_type",
                "output_compression_quality",
                "image_output_options",
            }
        ),
        "GenerateContentConfig": frozenset(
            {
                "routing_config",
                "model_selection_config",
                "audio_timestamp",
                "model_armor_config",
                "generation_output_config",
            }
        ),
        "EmbedContentConfig": frozenset({"mime_type", "auto_truncate", "document_ocr", "audio_track_extraction"}),
        "CountTokensConfig": frozenset({"system_instruction", "tools", "generation_config"}),
    },
    {
        "Part": frozenset({"tool_call", "tool_response", "part_metadata"}),
        "Tool": frozenset({"file_search"}),
        "ToolConfig": frozenset({"include_server_side_tool_invocations"}),
        "GenerateContentConfig": frozenset({"enable_enhanced_civic_answers", "store"}),
    },
)
"""Message -> fields that only the other service has."""

_NAMES = ("Gemini Developer API", "Gemini Enterprise Agent Platform")

_BESIDE = {
    "system_instruction": "systemInstruction",
    "safety_settings": "safetySettings",
    "tools": "tools",
    "tool_config": "toolConfig",
    "labels": "labels",
    "cached_content": "cachedContent",
    "model_armor_config": "modelArmorConfig",
    "service_tier": "serviceTier",
    "continuation_token": "continuationToken",
    "generation_output_config": "outputConfig",
    "store": "store",
}
"""Options that stand beside ``generationConfig``, and their names there."""

_OURS = frozenset(
    {
        "http_options",
        "should_return_http_response",
        "automatic_function_calling",
        "automatic_continuation",
        "include_all_fields",
    }
)
"""Options that say what the client does."""


@cache
def _spelt(name: str) -> dict[str, str]:
    """Field -> its name in camelCase."""
    return {field: wire for field, (wire, _, _) in columns(registry.cls(f"types:{name}")).items()}


def plain(value: Any) -> Any:
    """A value as JSON has it: models as what is set in them, in snake_case."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    if isinstance(value, types.Part) or (isinstance(value, BaseModel) and hasattr(value, "_table_")):
        return {name: plain(item) for name, item in vars(value).items() if item is not None}
    if isinstance(value, BaseModel):
        return plain(value.model_dump(exclude_none=True))
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return urlsafe_b64encode(value).decode()
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, datetime | date) else value


def message(value: Any, name: str, service: int) -> dict[str, Any]:
    """A message of the tables above. Raises ValueError for a field that the service does not have. What an answer had
    beside the fields that are known goes back with it.
    """
    inside, abroad, known = _INSIDE[service].get(name, _NONE), _ABROAD[service].get(name, ()), _spelt(name)
    out: dict[str, Any] = dict(value.__pydantic_extra__ or ())
    values = vars(value)
    for field in _named(value, name, values):
        item = values.get(field)
        if item is None:
            continue
        if field in abroad:
            _check(name, field, service)
        below = inside.get(field)
        if type(item) is str:
            made: Any = item
        elif below is None:
            made = plain(item)
        elif isinstance(item, list):
            made = [message(one, below, service) for one in item]
        else:
            made = message(item, below, service)
        out[known.get(field, field)] = made
    return out


_NONE: dict[str, str] = {}


def _named(value: Any, name: str, values: Mapping[str, Any]) -> Any:
    """The fields to look at, in order: a part has a score of them, and mostly one that is set."""
    named = value.__pydantic_fields_set__
    return named if len(named) == 1 and name == "Part" else values


def _check(name: str, field: str, service: int) -> None:
    if field in _ABROAD[service].get(name, ()):
        here, there = _NAMES[service], _NAMES[1 - service]
        raise ValueError(f"{field} parameter is only supported in {there} mode, not in {here} mode.")


def turns(value: Any, service: int) -> list[dict[str, Any]]:
    """Contents, as they are sent."""
    if isinstance(value, str):
        return [{"parts": [{"text": value}], "role": "user"}]
    if type(value) is list and _ready(value):
        return value
    return [message(one, "Content", service) for one in contents(value)]


_TURN = frozenset({"role", "parts"})


def _ready(turns: list[Any]) -> bool:
    """Whether these are turns of text alone, written as they are sent: a long history need not be copied."""
    for one in turns:
        if type(one) is not dict or not one.keys() <= _TURN or type(one.get("parts")) is not list:
            return False
        if type(one.get("role", "")) is not str:
            return False
        for part in one["parts"]:
            if type(part) is not dict or len(part) != 1 or type(part.get("text")) is not str:
                return False
    return bool(turns)


def generate(api: Any, value: Any, config: Any) -> dict[str, Any]:
    """The body of a request for an answer. ``config`` is a GenerateContentConfig or None."""
    service = VERTEX if api.vertexai else GEMINI
    body: dict[str, Any] = {"contents": turns(value, service)}
    if config is None:
        return body
    settings: dict[str, Any] = {}
    known = _spelt("GenerateContentConfig")
    for field, item in vars(config).items():
        if item is None or field in _OURS:
            continue
        _check("GenerateContentConfig", field, service)
        make = _MADE.get(field)
        made = plain(item) if make is None else make(item, service)
        if field == "cached_content":
            made = resource_name(api, item, "cachedContents")
        if made is None:
            continue
        if field in _BESIDE:
            body[_BESIDE[field]] = made
        else:
            settings["modelConfig" if field == "model_selection_config" else known[field]] = made
    body["generationConfig"] = settings
    return body


def tools(value: Any, service: int) -> list[dict[str, Any]]:
    """Tools as they are sent: the functions of all of them in one, which comes last."""
    out, functions = [], []
    for one in value:
        made = _tool(one)
        if made is None:
            continue
        sent = message(made, "Tool", service)
        functions += sent.pop("functionDeclarations", ())
        if sent:
            out.append(sent)
    return [*out, {"functionDeclarations": functions}] if functions else out


def _tool(value: Any) -> Any:
    if not value:
        return None
    if isinstance(value, types.Tool):
        return value
    if isinstance(value, Mapping | BaseModel):
        if not isinstance(value, Mapping) and hasattr(value, "inputSchema"):  # a tool as MCP describes it
            declared = {
                "name": value.name,  # type: ignore[attr-defined]  # MCP's
                "description": value.description,  # type: ignore[attr-defined]  # MCP's
                "parameters_json_schema": value.inputSchema,
            }
            return types.Tool(function_declarations=[declared])
        return types.Tool.model_validate(value)
    if callable(value):
        from modelmux.google.genai._functions import declared as declare

        return types.Tool(function_declarations=[declare(value, None)])
    raise ValueError(f"Unsupported tool type: {type(value)}")


def _speech(value: Any, service: int) -> Any:
    if not value:
        return None
    if isinstance(value, str):
        value = types.SpeechConfig(voice_config={"prebuilt_voice_config": {"voice_name": value}})
    return message(value, "SpeechConfig", service) if service == VERTEX else plain(value)


_MADE: dict[str, Callable[[Any, int], Any]] = {
    "system_instruction": lambda value, service: message(content(value), "Content", service),
    "response_schema": lambda value, service: plain(_schema.schema(value, vertex=service == VERTEX)),
    "response_json_schema": lambda value, _: _schema.as_json_schema(value),
    "safety_settings": lambda value, service: [
        message(one, "SafetySetting", service) if service == GEMINI else plain(one) for one in value
    ],
    "tools": tools,
    "tool_config": lambda value, service: message(value, "ToolConfig", service),
    "speech_config": _speech,
    "image_config": lambda value, service: image_config(value, service),
}
"""Option -> how it is sent, where that is not as it stands."""


def image_config(value: Any, service: int) -> dict[str, Any]:
    """The settings of pictures; the platform has two of them inside a message of their own."""
    out = message(value, "ImageConfig", service)
    moved = {"outputMimeType": "mimeType", "outputCompressionQuality": "compressionQuality"}
    inner = {new: out.pop(old) for old, new in moved.items() if old in out}
    if inner:
        out["imageOutputOptions"] = {**out.get("imageOutputOptions", {}), **inner}
    return out


def count(api: Any, value: Any, config: Any) -> dict[str, Any]:
    """The body of a request that counts tokens."""
    service = VERTEX if api.vertexai else GEMINI
    body: dict[str, Any] = {"contents": turns(value, service)}
    for field, item in vars(config).items() if config is not None else ():
        if item is None or field in _OURS:
            continue
        _check("CountTokensConfig", field, service)
        make = _MADE.get(field)
        body[_spelt("CountTokensConfig")[field]] = plain(item) if make is None else make(item, service)
    return body


def embed(api: Any, model: str, value: Any, config: Any) -> dict[str, Any]:
    """The body of a request for embeddings: one request for each content (Gemini API), or instances (the platform)."""
    service = VERTEX if api.vertexai else GEMINI
    given = {name: item for name, item in vars(config).items() if item is not None} if config is not None else {}
    for field in given:
        _check("EmbedContentConfig", field, service)
    each = [content(one) for one in value] if isinstance(value, list) else [content(value)]
    if service == GEMINI:
        beside = {"task_type": "taskType", "title": "title", "output_dimensionality": "outputDimensionality"}
        along = {name: plain(given[field]) for field, name in beside.items() if field in given}
        return {"requests": [{"content": plain(one), **along, "model": model} for one in each]}
    along = {name: given[field] for field, name in _INSTANCE.items() if field in given}
    texts = [piece.text for one in each for piece in one.parts or () if piece.text]
    body: dict[str, Any] = {"instances": [{"content": text, **along} for text in texts]}
    settings = {"output_dimensionality": "outputDimensionality", "auto_truncate": "autoTruncate"}
    parameters = {name: given[field] for field, name in settings.items() if field in given}
    return {**body, "parameters": parameters} if parameters else body


_INSTANCE = {"task_type": "task_type", "title": "title", "mime_type": "mimeType"}


def model_name(api: Any, model: str) -> str:
    """A model as it stands in a path. Raises ValueError for what cannot be one."""
    if not model:
        raise ValueError("model is required.")
    if ".." in model or "?" in model or "&" in model:
        raise ValueError("invalid model parameter.")
    if not api.vertexai:
        return model if model.startswith(("models/", "tunedModels/")) else f"models/{model}"
    if model.startswith(("projects/", "models/", "publishers/")):
        return model
    publisher, slash, name = model.partition("/")
    return f"publishers/{publisher}/models/{name}" if slash else f"publishers/google/models/{model}"


def resource_name(api: Any, name: str, collection: str) -> str:
    """A resource's whole name. The platform's stand below a project and a location."""
    if api.vertexai:
        above = f"projects/{api.project}/"
        if name.startswith("projects/"):
            return name
        if name.startswith("locations/"):
            return above + name
        above += f"locations/{api.location}/"
        if name.startswith(f"{collection}/"):
            return above + name
        return name if "/" in name else f"{above}{collection}/{name}"
    return name if "/" in name else f"{collection}/{name}"
