"""Whole answers in and out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from modelmux.errors import MalformedResponse
from modelmux.types import Choice, Extra, FinishReason, Part, Response, Text, ToolCall
from modelmux.wire._usage import read_usage
from modelmux.wire.gemini_generate_content._fields import own, write_back
from modelmux.wire.gemini_generate_content._names import (
    BLOCK_NUMBERS,
    FINISH_NUMBERS,
    FINISH_WORDS,
    WIRE,
    finish_of,
    word,
)
from modelmux.wire.gemini_generate_content._values import (
    logprobs_of,
    logprobs_result,
    seconds_of,
    time_of,
    usage_metadata,
)
from modelmux.wire.gemini_generate_content.error import in_band, is_error
from modelmux.wire.gemini_generate_content.grounding import citations_of, metadata_of
from modelmux.wire.gemini_generate_content.parts_in import CallIds, decode_part
from modelmux.wire.gemini_generate_content.parts_out import Encoder

_KNOWN = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId", "createTime"})
_CANDIDATE = frozenset({"content", "finishReason", "index", "logprobsResult"})
NO_CANDIDATE = "$candidate"
"""Hint: this choice says that there was no candidate at all."""


# --- in ------------------------------------------------------------------------------------------------------


def decode_response(body: dict[str, Any], *, provider: str, usage: str, enums: str) -> Response:
    """Raises the classified ProviderError for an error in the body, MalformedResponse for another kind of object."""
    if is_error(body):
        raise in_band(body, provider)
    response_id, model = body.get("responseId"), body.get("modelVersion")
    answer_id = response_id if isinstance(response_id, str) else None
    candidates = body.get("candidates")
    choices: tuple[Choice, ...]
    if isinstance(candidates, list) and candidates:
        choices = tuple(
            decode_candidate(item if isinstance(item, dict) else {}, place, answer_id, enums)
            for place, item in enumerate(candidates)
        )
    else:
        choices = _without_candidates(body, provider, enums)
    created = seconds_of(body.get("createTime"))
    return Response(
        id=answer_id,
        model=model if isinstance(model, str) else None,
        choices=choices,
        usage=read_usage(usage, body),
        created=created,
        service_tier=tier_of(body.get("usageMetadata")),
        extra=top_fields(body, created),
        raw=body,
    )


def tier_of(usage_metadata: Any) -> str | None:
    """The tier that served the call stands beside the counters."""
    tier = usage_metadata.get("serviceTier") if isinstance(usage_metadata, dict) else None
    return tier if isinstance(tier, str) else None


def top_fields(body: dict[str, Any], created: int | None) -> Extra:
    rest = {key: value for key, value in body.items() if key not in _KNOWN}
    stated = body.get("createTime")
    if stated is not None and (created is None or time_of(created) != stated):
        rest["createTime"] = stated
    return {WIRE: rest} if rest else {}


def _without_candidates(body: dict[str, Any], provider: str, enums: str) -> tuple[Choice, ...]:
    blocked = block_reason(body, enums)
    hint: Extra = {WIRE: {NO_CANDIDATE: "absent"}}
    if blocked is not None:
        return (Choice((), "filtered", blocked, extra=hint),)
    if not body.keys().isdisjoint(_KNOWN) or "promptFeedback" in body:
        return (Choice((), "error", None, extra=hint),)
    if isinstance(body.get("name"), str) and ("metadata" in body or "done" in body):
        return ()  # a long-running operation: the answer to a batch's creation
    raise MalformedResponse("neither candidates nor a reason why there are none", provider=provider, body=body)


def block_reason(body: dict[str, Any], enums: str) -> str | None:
    feedback = body.get("promptFeedback")
    return word(feedback.get("blockReason"), BLOCK_NUMBERS[enums]) if isinstance(feedback, dict) else None


def index_of(candidate: dict[str, Any], place: int) -> int:
    index = candidate.get("index")
    return index if isinstance(index, int) and not isinstance(index, bool) else place


def parts_of(candidate: dict[str, Any]) -> list[Any]:
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    return parts if isinstance(parts, list) else [parts] if isinstance(parts, dict) else []


def decode_candidate(candidate: dict[str, Any], place: int, response_id: str | None, enums: str) -> Choice:
    index = index_of(candidate, place)
    ids = CallIds(response_id, index)
    parts = [decode_part(part, ids) for part in parts_of(candidate)]
    if "groundingMetadata" in candidate or "citationMetadata" in candidate:
        _cite(parts, candidate)
    raw = word(candidate.get("finishReason"), FINISH_NUMBERS[enums])
    has_calls = any(isinstance(part, ToolCall) for part in parts)
    logprobs = logprobs_of(candidate.get("logprobsResult"))
    return Choice(
        tuple(parts),
        finish_of(raw, has_calls=has_calls),
        raw,
        index,
        logprobs,
        candidate_fields(candidate, logprobs, finished=raw is not None),
    )


def candidate_fields(candidate: dict[str, Any], logprobs: Any, *, finished: bool) -> Extra:
    """What a candidate says beside its content, kept for this wire."""
    rest = {key: value for key, value in candidate.items() if key not in _CANDIDATE}
    result = candidate.get("logprobsResult")
    if result is not None and (not logprobs or logprobs_result(logprobs) != result):
        rest["logprobsResult"] = result
    if not finished:
        rest["$finish"] = "absent"
    return {WIRE: rest} if rest else {}


def _cite(parts: list[Part], candidate: dict[str, Any]) -> None:
    texts = [(number, part.text) for number, part in enumerate(parts) if isinstance(part, Text)]
    for number, citations in citations_of(candidate, texts).items():
        part = parts[number]
        if isinstance(part, Text):
            parts[number] = replace(part, citations=tuple(citations))


# --- out -----------------------------------------------------------------------------------------------------


def encode_response(resp: Response) -> dict[str, Any]:
    """The answer as Google would send it."""
    out: dict[str, Any] = {}
    candidates = [encode_candidate(choice) for choice in resp.choices if NO_CANDIDATE not in own(choice.extra)]
    if candidates:
        out["candidates"] = candidates
    counters = usage_metadata(resp.usage)
    if counters is not None:
        if resp.service_tier is not None and "serviceTier" not in counters:
            counters = {**counters, "serviceTier": resp.service_tier}
        out["usageMetadata"] = counters
    if resp.model is not None:
        out["modelVersion"] = resp.model
    fields = own(resp.extra)
    if resp.created is not None and "createTime" not in fields:
        out["createTime"] = time_of(resp.created)
    if resp.id is not None:
        out["responseId"] = resp.id
    return write_back(out, fields)


def encode_candidate(choice: Choice) -> dict[str, Any]:
    fields = own(choice.extra)
    content: dict[str, Any] = {"role": "model"}
    parts = Encoder(answer=True).parts(choice.content)
    if parts:
        content = {"parts": parts, "role": "model"}
    out: dict[str, Any] = {"content": content}
    reason = finish_word(choice.finish, choice.finish_raw, fields)
    if reason is not None:
        out["finishReason"] = reason
    out["index"] = choice.index
    if choice.logprobs and "logprobsResult" not in fields:
        out["logprobsResult"] = logprobs_result(choice.logprobs)
    if not ("groundingMetadata" in fields or "citationMetadata" in fields):
        cited = [(n, part.text, part.citations) for n, part in enumerate(choice.content) if isinstance(part, Text)]
        metadata = metadata_of(cited)
        if metadata is not None:
            out["groundingMetadata"] = metadata
    return write_back(out, fields)


def finish_word(finish: FinishReason, raw: str | None, fields: Any) -> str | None:
    """The vendor's word if this vendor said it, else the one that comes nearest."""
    if raw is None and "$finish" in fields:
        return None
    if raw is not None and raw.isupper():
        return raw
    return FINISH_WORDS[finish]
