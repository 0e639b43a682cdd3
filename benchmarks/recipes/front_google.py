"""The google-genai SDK's content, for ``crossing.py``."""

from __future__ import annotations

from typing import Any

from google import genai
from google.genai import errors, types

from modelmux.transport import Httpx2Transport

OWN = "gemini.generateContent"
WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
}
ERROR = errors.APIError


def wrong(error: Exception) -> str | None:
    """What is wrong with an error: it should be of the class that the SDK has for its status, with words and a code."""
    assert isinstance(error, errors.APIError)
    kind = errors.ClientError if error.code < 500 else errors.ServerError
    fits = type(error) is kind and error.status == WORDS.get(error.code, error.status)
    return None if fits and error.message and error.status else f"{error!r} {error.details}"


def status(error: Any) -> int:
    return error.code


def client(mux: Any, base_url: str = "https://generativelanguage.googleapis.com/v1beta") -> genai.Client:
    """Over a Mux, or with nothing in between."""
    routed = {} if mux is None else {"transport": Httpx2Transport(mux)}
    base = base_url.removesuffix("/v1beta")
    options = types.HttpOptions(client_args=routed, async_client_args=routed, base_url=base)
    return genai.Client(api_key="unused-test-key", http_options=options)


def ask(sdk: genai.Client, model: str, *, names: list[str], schema: Any, stream: bool) -> tuple[str, list[Any]]:
    config: dict[str, Any] = {"automatic_function_calling": {"disable": True}}
    if names:
        empty = {"type": "object", "properties": {}}
        functions = [{"name": name, "parameters_json_schema": empty} for name in names]
        config["tools"] = [{"function_declarations": functions}]
    if schema:
        config |= {"response_mime_type": "application/json", "response_json_schema": schema}
    asked: dict[str, Any] = {"model": model, "contents": "Say it", "config": config}
    replies = list(sdk.models.generate_content_stream(**asked)) if stream else [sdk.models.generate_content(**asked)]
    parts = [part for reply in replies for part in _parts(reply)]
    calls = [(part.function_call.name, part.function_call.args or {}) for part in parts if part.function_call]
    return "".join(part.text for part in parts if part.text and not part.thought), calls


def parse(sdk: genai.Client, model: str, form: Any, *, stream: bool) -> Any:
    """The answer as the SDK makes an object of it; of a stream it makes none."""
    config = {"response_mime_type": "application/json", "response_schema": form}
    asked: dict[str, Any] = {"model": model, "contents": "Say it", "config": config}
    if not stream:
        return sdk.models.generate_content(**asked).parsed
    parts = [part for reply in sdk.models.generate_content_stream(**asked) for part in _parts(reply)]
    return form.model_validate_json("".join(part.text for part in parts if part.text and not part.thought))


def _parts(reply: Any) -> list[Any]:
    assert isinstance(reply, types.GenerateContentResponse)
    content = reply.candidates[0].content if reply.candidates else None
    return (content and content.parts) or []
