"""Answers of the families that take a prompt: texts and why they ended, whole or in pieces, and the counters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from modelmux.types import Choice, Response, Text, ToolCall, Usage
from modelmux.wire._usage import read_usage
from modelmux.wire.bedrock_invoke.families import PROMPTS, finish_of

METRICS = "amazon-bedrock-invocationMetrics"
ACTION = "amazon-bedrock-guardrailAction"

_COUNTERS = (
    METRICS,
    "usage",
    "inputTextTokenCount",
    "totalOutputTextTokenCount",
    "prompt_token_count",
    "generation_token_count",
    "results",
)


_IN_HEADERS = {
    "x-amzn-bedrock-input-token-count": "inputTokenCount",
    "x-amzn-bedrock-output-token-count": "outputTokenCount",
    "x-amzn-bedrock-cache-read-input-token-count": "cacheReadInputTokenCount",
    "x-amzn-bedrock-cache-write-input-token-count": "cacheWriteInputTokenCount",
}
"""The runtime's counters beside a whole answer, by the names they have in a stream's last chunk."""

_SIDES = (("input", "cache_read", "cache_write_5m", "cache_write_1h"), ("output", "reasoning"))
"""Units of which a body that names any is taken to name all."""


class Piece(NamedTuple):
    """Text (all of it, or more of it) of one choice, why it ended where it did, and the tools it calls."""

    choice: int
    text: str
    reason: str | None
    calls: tuple[ToolCall, ...] = ()


def family_of(body: dict[str, Any]) -> str | None:
    """The family whose answer, or piece of one, this is."""
    if "outputText" in body:
        return "titan"
    if "is_finished" in body or ("text" in body and "generation_id" in body):
        return "command_r"
    for family, prompt in PROMPTS.items():
        found = _items(body, prompt.answers)
        if found and any(isinstance(_at(item, prompt.text), str) for item in found):
            return family if family != "command_r" else None
    return None


def pieces(body: dict[str, Any], family: str) -> Iterator[Piece]:
    prompt = PROMPTS[family]
    listed = prompt.answers if prompt.answers in body else ""
    for place, item in enumerate(_items(body, listed)):
        text, reason, index = _at(item, prompt.text), _at(item, prompt.reason), item.get("index")
        number = int(index) if isinstance(index, (int, float)) and not listed else place
        yield Piece(
            number,
            text if isinstance(text, str) else "",
            reason if isinstance(reason, str) else None,
            tuple(_calls(item.get("tool_calls"))),
        )


def _items(body: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = body.get(key) if key else [body]
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _at(item: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        item = item.get(key) if isinstance(item, dict) else None
    return item


def _calls(value: Any) -> Iterator[ToolCall]:
    """Calls without ids: they are numbered."""
    for number, call in enumerate(value if isinstance(value, list) else ()):
        if isinstance(call, dict) and isinstance(call.get("name"), str):
            given = call.get("parameters")
            yield ToolCall(f"call_{number}", call["name"], given if isinstance(given, dict) else {})


def blocked(body: dict[str, Any]) -> bool:
    """Whether a guardrail stepped in."""
    return body.get(ACTION) == "INTERVENED"


def counters(body: dict[str, Any]) -> dict[str, Any]:
    """What of a body counts tokens, as far as it says anything."""
    return {key: body[key] for key in _COUNTERS if body.get(key) is not None}


def usage_of(counted: dict[str, Any], reader: str) -> Usage:
    return read_usage(reader, counted)


def decode_response(body: dict[str, Any], family: str, reader: str) -> Response:
    choices = []
    for piece in pieces(body, family):
        finish, raw = finish_of(piece.reason, blocked(body))
        text = (Text(piece.text),) if piece.text or not piece.calls else ()
        choices.append(Choice((*text, *piece.calls), finish, raw, piece.choice))
    return Response(choices=tuple(choices), usage=usage_of(body, reader), raw=body)


def with_headers(response: Response, headers: Mapping[str, str], reader: str) -> Response:
    """The response with the counts of ``headers`` (names in lower case) where its body has none: some families' have
    no counters at all, and a guardrail takes the output's away.
    """
    stated = {name: int(headers[key]) for key, name in _IN_HEADERS.items() if str(headers.get(key)).isdecimal()}
    if not stated:
        return response
    counted, usage = read_usage(reader, {METRICS: stated}), response.usage
    if not usage.reported:
        return replace(response, usage=counted)
    missing = {unit: counted[unit] for side in _SIDES if not any(usage[unit] for unit in side) for unit in side}
    return replace(response, usage=usage + Usage(missing)) if any(missing.values()) else response


_WORDS = {
    "titan": {"stop": "FINISH", "length": "LENGTH", "filtered": "CONTENT_FILTERED"},
    "command": {"stop": "COMPLETE", "length": "MAX_TOKENS", "filtered": "ERROR_TOXIC", "error": "ERROR"},
    "command_r": {"stop": "COMPLETE", "length": "MAX_TOKENS", "tool_calls": "TOOL_CALL", "error": "ERROR"},
    "jurassic": {"stop": "endoftext"},
    "claude_text": {"stop": "stop_sequence", "length": "max_tokens"},
}


def encode_response(resp: Response, family: str) -> dict[str, Any]:
    """The answer in the family's shape, with its counters where it has any."""
    prompt = PROMPTS[family]
    items = [_item(choice, family) for choice in resp.choices]
    body: dict[str, Any] = {prompt.answers: items} if prompt.answers else items[0] if items else {}
    if family == "titan":
        body["inputTextTokenCount"] = resp.usage["input"]
        if items:
            items[0]["tokenCount"] = resp.usage["output"]
    elif family == "llama":
        body |= {"prompt_token_count": resp.usage["input"], "generation_token_count": resp.usage["output"]}
    elif family == "claude_text" and resp.usage.reported:
        body["usage"] = {"input_tokens": resp.usage["input"], "output_tokens": resp.usage["output"]}
    elif family == "command_r":
        body["generation_id"] = resp.id or ""
        calls = [{"name": call.name, "parameters": call.arguments} for call in resp.tool_calls]
        body |= {"tool_calls": calls} if calls else {}
    return body


def _item(choice: Choice, family: str) -> dict[str, Any]:
    prompt = PROMPTS[family]
    reason = choice.finish_raw
    if reason is None or finish_of(reason, blocked=False)[0] != choice.finish:
        reason = _WORDS.get(family, {}).get(choice.finish, "length" if choice.finish == "length" else "stop")
    text = "".join(part.text for part in choice.content if isinstance(part, Text))
    return put(put({}, prompt.text, text), prompt.reason, reason)


def put(out: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    inner = out
    for key in path[:-1]:
        inner = inner.setdefault(key, {})
    inner[path[-1]] = value
    return out
