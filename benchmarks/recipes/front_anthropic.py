"""The anthropic SDK's messages, for ``crossing.py``."""

from __future__ import annotations

from typing import Any

import anthropic

OWN = "anthropic.messages"
ERROR = anthropic.APIError
CLASSES = {
    400: anthropic.BadRequestError,
    401: anthropic.AuthenticationError,
    403: anthropic.PermissionDeniedError,
    404: anthropic.NotFoundError,
    409: anthropic.ConflictError,
    422: anthropic.UnprocessableEntityError,
    429: anthropic.RateLimitError,
}


def wrong(error: Exception) -> str | None:
    """What is wrong with an error: it should be of the class that the SDK has for its status."""
    if not isinstance(error, anthropic.APIStatusError):
        return f"{type(error).__name__} has no status"
    told = isinstance(error.body, dict) and isinstance(error.body.get("error"), dict) and error.body["error"]["message"]
    kind = CLASSES.get(error.status_code)
    fits = type(error) is kind if kind else error.status_code == 413 or isinstance(error, anthropic.InternalServerError)
    return None if fits and told else f"{error!r} {error.status_code} {error.body}"


def status(error: Any) -> int:
    return error.status_code


def client(mux: Any, base_url: str = "https://api.anthropic.com/v1") -> anthropic.Anthropic:
    """Over a Mux, or with nothing in between."""
    base, http_client = base_url.removesuffix("/v1"), None if mux is None else mux.http_client()
    return anthropic.Anthropic(api_key="unused-test-key", base_url=base, http_client=http_client)


def ask(sdk: anthropic.Anthropic, model: str, *, names: list[str], schema: Any, stream: bool) -> tuple[str, list[Any]]:
    asked: dict[str, Any] = {"model": model, "max_tokens": 4000, "messages": [{"role": "user", "content": "Say it"}]}
    if names:
        asked["tools"] = [{"name": name, "input_schema": {"type": "object", "properties": {}}} for name in names]
    if schema:
        asked["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    if stream:
        with sdk.messages.stream(**asked) as events:
            deltas = "".join(events.text_stream)
            reply = events.get_final_message()
        assert deltas == "".join(block.text for block in reply.content if block.type == "text")
    else:
        reply = sdk.messages.create(**asked)
    assert isinstance(reply, anthropic.types.Message)
    calls = [(block.name, block.input) for block in reply.content if block.type == "tool_use"]
    return "".join(block.text for block in reply.content if block.type == "text"), calls


def parse(sdk: anthropic.Anthropic, model: str, form: Any, *, stream: bool) -> Any:
    """The answer as the SDK makes an object of it."""
    asked: dict[str, Any] = {"model": model, "max_tokens": 4000, "messages": [{"role": "user", "content": "Say it"}]}
    if not stream:
        return sdk.messages.parse(**asked, output_format=form).parsed_output
    with sdk.messages.stream(**asked, output_format=form) as events:
        return events.get_final_message().parsed_output
