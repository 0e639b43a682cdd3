"""A whole completion: body in, canonical response out, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelmux.errors import MalformedResponse, ProviderError
from modelmux.types import Choice, Response, Text, TokenLogprob, Usage
from modelmux.wire._classify import provider_error
from modelmux.wire._kept import number, present, word
from modelmux.wire._openai_error import status_in, told
from modelmux.wire._refusal import parse_body
from modelmux.wire._usage import read_usage
from modelmux.wire.openai_completions.fields import fields_of, finish_of, kept, word_of

TOP = frozenset({"id", "object", "created", "model", "choices", "usage", "service_tier", "error"})
CHOICE = frozenset({"index", "text", "message", "finish_reason", "logprobs"})
_LISTS = ("tokens", "token_logprobs", "top_logprobs")


def decode_response(data: bytes | dict[str, Any], provider: str, usage: str) -> Response:
    """Raises ProviderError for an error inside a good status, MalformedResponse for what is no completion."""
    body = parse_body(data, provider)
    error = error_in(body, provider)
    if error is not None:
        raise error
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not all(isinstance(choice, dict) for choice in choices):
        raise MalformedResponse("the answer has no choices", provider=provider, body=body)
    return Response(
        id=word(body.get("id")),
        model=word(body.get("model")),
        choices=tuple(_choice(choice, place) for place, choice in enumerate(choices)),
        usage=read_usage(usage, body),
        created=created_of(body),
        service_tier=word(body.get("service_tier")),
        extra=kept(present({name: value for name, value in body.items() if name not in TOP})),
        raw=body,
    )


def error_in(body: Mapping[str, Any], provider: str) -> ProviderError | None:
    """The error that a body with a good status is, or None when it is an answer."""
    error = body.get("error")
    if not error and body.get("object") == "error":
        error = body
    if not error:
        return None
    facts = told({**body, "error": error} if error is not body else body)
    return provider_error(status_in(error), {}, facts, provider=provider)


def created_of(body: Mapping[str, Any]) -> int | None:
    created: Any = body.get("created")
    return int(created) if number(created) and abs(created) < 1e15 else None


def text_of(choice: dict[str, Any]) -> str:
    """What a choice says; a gateway answers a stored prompt as chat does."""
    text = choice.get("text")
    if text is None:
        message = choice.get("message")
        text = message.get("content") if isinstance(message, dict) else None
    return text if isinstance(text, str) else ""


def _choice(choice: dict[str, Any], place: int) -> Choice:
    text, index = text_of(choice), choice.get("index")
    finish, raw = finish_of(choice.get("finish_reason"))
    extra = present({name: value for name, value in choice.items() if name not in CHOICE})
    tokens, rest = logprobs_of(choice.get("logprobs"))
    if rest:
        extra["logprobs"] = rest
    return Choice(
        (Text(text),) if text else (),
        finish,
        raw,
        index if isinstance(index, int) else place,
        tokens,
        kept(extra),
    )


# --- log probabilities: parallel lists, older than chat's -------------------------------------------------------


def logprobs_of(logprobs: Any) -> tuple[tuple[TokenLogprob, ...], dict[str, Any]]:
    """Log probabilities, and what else their object says. Where a token has none (an echoed prompt's first), the
    object is kept as it is.
    """
    if not isinstance(logprobs, dict):
        return (), {}
    tokens, values, top = (logprobs.get(name) for name in _LISTS)
    if (
        not isinstance(tokens, list)
        or not isinstance(values, list)
        or len(tokens) != len(values)
        or not all(isinstance(token, str) for token in tokens)
        or not all(map(number, values))
    ):
        return (), present(logprobs)
    tops = top if isinstance(top, list) and len(top) == len(tokens) else [None] * len(tokens)
    found = tuple(
        TokenLogprob(token, float(value), None, _alternatives(best))
        for token, value, best in zip(tokens, values, tops, strict=True)
    )
    return found, present({name: value for name, value in logprobs.items() if name not in _LISTS})


def _alternatives(best: Any) -> tuple[TokenLogprob, ...]:
    if not isinstance(best, dict):
        return ()
    return tuple(TokenLogprob(token, float(value)) for token, value in best.items() if number(value))


def logprobs_json(logprobs: tuple[TokenLogprob, ...], rest: Any) -> dict[str, Any] | None:
    if not logprobs:
        return dict(rest) if rest else None
    return {
        **(rest or {}),
        "tokens": [one.token for one in logprobs],
        "token_logprobs": [one.logprob for one in logprobs],
        "top_logprobs": [{other.token: other.logprob for other in one.top} for one in logprobs],
    }


# --- encoding ------------------------------------------------------------------------------------------------


def encode_response(response: Response) -> dict[str, Any]:
    body: dict[str, Any] = {
        "id": response.id or "cmpl-0",
        "object": "text_completion",
        "created": response.created or 0,
        "model": response.model or "",
        "choices": [_encode_choice(choice) for choice in response.choices],
    }
    if response.service_tier is not None:
        body["service_tier"] = response.service_tier
    if response.usage.reported:
        body["usage"] = usage_json(response.usage)
    for name, value in fields_of(response.extra).items():
        body.setdefault(name, value)
    return body


def _encode_choice(choice: Choice) -> dict[str, Any]:
    """Text; of everything else a model may have made, a completion says nothing."""
    own = fields_of(choice.extra)
    rest = own.pop("logprobs", None)
    return {
        **own,
        "text": "".join(part.text for part in choice.content if isinstance(part, Text)),
        "index": choice.index,
        "logprobs": logprobs_json(choice.logprobs, rest),
        "finish_reason": word_of(choice.finish, choice.finish_raw),
    }


_OUT = ("output", "reasoning", "output_audio", "output_image")
_IN = (
    *("input", "cache_read", "cache_write_5m", "cache_write_1h", "input_audio", "cache_read_audio"),
    *("input_image", "input_video", "tool_input"),
)


def usage_json(usage: Usage) -> dict[str, Any]:
    """Usage in this format's words: its own object where it came from here, else built from the units."""
    raw = usage.raw
    if isinstance(raw, dict) and isinstance(raw.get("prompt_tokens"), int):
        return raw
    given, made = sum(usage[unit] for unit in _IN), sum(usage[unit] for unit in _OUT)
    return {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}
