"""The openai SDK's chat completions, for ``crossing.py``."""

from __future__ import annotations

from typing import Any

import openai
from samples import parsed

OWN = "openai.chat"
ERROR = openai.APIError
ASKED = [{"role": "user", "content": "Say it"}]
CLASSES = {
    400: openai.BadRequestError,
    401: openai.AuthenticationError,
    403: openai.PermissionDeniedError,
    404: openai.NotFoundError,
    409: openai.ConflictError,
    422: openai.UnprocessableEntityError,
    429: openai.RateLimitError,
}


def wrong(error: Exception) -> str | None:
    """What is wrong with an error: it should be of the class that the SDK has for its status."""
    if not isinstance(error, openai.APIStatusError):
        return f"{type(error).__name__} has no status"
    kind = CLASSES.get(error.status_code, openai.InternalServerError if error.status_code >= 500 else None)
    told = isinstance(error.body, dict) and error.body.get("message")
    return None if (kind is None or type(error) is kind) and told else f"{error!r} {error.status_code} {error.body}"


def status(error: Any) -> int:
    return error.status_code


def client(mux: Any, base_url: str = "https://api.openai.com/v1") -> openai.OpenAI:
    """Over a Mux, or with nothing in between."""
    http_client = None if mux is None else mux.http_client()
    return openai.OpenAI(api_key="unused-test-key", base_url=base_url, http_client=http_client)


def ask(sdk: openai.OpenAI, model: str, *, names: list[str], schema: Any, stream: bool) -> tuple[str, list[Any]]:
    asked: dict[str, Any] = {"model": model, "messages": ASKED}
    if names:
        function = {"parameters": {"type": "object", "properties": {}}}
        asked["tools"] = [{"type": "function", "function": {"name": name, **function}} for name in names]
    if schema:
        form = {"name": "answer", "schema": schema, "strict": False}
        asked["response_format"] = {"type": "json_schema", "json_schema": form}
    if stream:
        with sdk.chat.completions.stream(**asked) as events:
            for _ in events:
                pass
            reply = events.current_completion_snapshot  # get_final_completion() refuses one that was cut short
    else:
        reply = sdk.chat.completions.create(**asked)
    assert isinstance(reply, openai.types.chat.ChatCompletion)
    message = reply.choices[0].message
    calls = [(call.function.name, parsed(call.function.arguments)) for call in message.tool_calls or ()]
    return message.content or "", calls


def parse(sdk: openai.OpenAI, model: str, form: Any, *, stream: bool) -> Any:
    """The answer as the SDK makes an object of it."""
    asked: dict[str, Any] = {"model": model, "messages": ASKED, "response_format": form}
    if not stream:
        return sdk.chat.completions.parse(**asked).choices[0].message.parsed
    with sdk.chat.completions.stream(**asked) as events:
        return events.get_final_completion().choices[0].message.parsed
