"""A whole answer: body in, canonical response out, and back."""

from __future__ import annotations

from typing import Any

from modelmux.errors import MalformedResponse
from modelmux.types import Choice, Citation, Part, Reasoning, Response, Text, ToolCall, Usage
from modelmux.wire._kept import items, present, word
from modelmux.wire._losses import Losses
from modelmux.wire._refusal import in_band, parse_body
from modelmux.wire._usage import read_usage
from modelmux.wire.cohere_chat_v2.messages import decode_call, decode_part, encode_parts
from modelmux.wire.cohere_chat_v2.vocabulary import MINE, PLAN, citation_of, finish_of, word_of

_TOP = frozenset({"id", "message", "finish_reason", "usage"})
_MESSAGE = frozenset({"role", "content", "tool_plan", "tool_calls", "citations"})


def decode_response(data: bytes | dict[str, Any], provider: str, usage: str) -> Response:
    """Raises ProviderError for an error inside a good status, MalformedResponse for what is no answer."""
    body = parse_body(data, provider)
    message = body.get("message")
    if not isinstance(message, dict):
        if body.get("error") or isinstance(message, str):
            raise in_band(body, provider)
        raise MalformedResponse("the answer has no message", provider=provider, body=body)
    parts, uncited = _parts(message)
    finish, raw = finish_of(body.get("finish_reason"), called=any(isinstance(part, ToolCall) for part in parts))
    unknown = present({name: value for name, value in message.items() if name not in _MESSAGE})
    if uncited:
        unknown["citations"] = uncited
    return Response(
        id=word(body.get("id")),
        choices=(Choice(parts, finish, raw, extra=MINE.keep({"message": unknown} if unknown else {})),),
        usage=read_usage(usage, body),
        extra=MINE.keep(present({name: value for name, value in body.items() if name not in _TOP})),
        raw=body,
    )


def _parts(message: dict[str, Any]) -> tuple[tuple[Part, ...], list[Any]]:
    """The parts of a message in the order plan, content, calls; and the citations of anything but text."""
    content = message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) and content else items(content)
    parts = [as_answer(block) for block in blocks]
    texts = [place for place, part in enumerate(parts) if isinstance(part, Text)]
    cited: dict[int, list[Citation]] = {}
    uncited = []
    for citation in items(message.get("citations")):
        place = place_of(citation, texts)
        if place is None:
            uncited.append(citation)
        else:
            cited.setdefault(place, []).append(citation_of(citation))
    for place, found in cited.items():
        part = parts[place]
        if isinstance(part, Text):
            parts[place] = Text(part.text, tuple(found), extra=part.extra)
    parts = [part for part in parts if not isinstance(part, Text | Reasoning) or part.text or part.extra]
    plan = word(message.get("tool_plan"))
    calls = (answered_call(call, place) for place, call in enumerate(items(message.get("tool_calls"))))
    lead = [Reasoning(plan, extra=PLAN)] if plan else []
    return (*lead, *parts, *(call for call in calls if call is not None)), uncited


def as_answer(block: Any) -> Part:
    """A content block of an answer, without the fields that are null in it."""
    return decode_part(present_block(block)) if isinstance(block, dict) else decode_part(block)


def present_block(block: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in block.items() if value is not None}


def place_of(citation: Any, texts: list[int]) -> int | None:
    """The content block that a citation is about, of those with text: the one it names, else the first. None: it is
    about something else.
    """
    facts = citation if isinstance(citation, dict) else {}
    if type(facts.get("content_index")) is int and facts["content_index"] in texts:
        return int(facts["content_index"])
    if facts.get("type") not in (None, "TEXT_CONTENT") or not texts:
        return None
    return texts[0]


def answered_call(item: Any, place: int) -> ToolCall | None:
    """One of an answer's calls; an id is made up where there is none."""
    call = decode_call(item)
    if call is None:
        return None
    kept = present(MINE.fields(call.extra))
    return ToolCall(call.id or f"call_{place}", call.name, call.arguments, call.raw, extra=MINE.keep(kept))


# --- encoding ------------------------------------------------------------------------------------------------

_BILLED_IN = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "input_image", "tool_input")


def encode_response(response: Response) -> dict[str, Any]:
    choice = response.choices[0] if response.choices else Choice()
    message = {"role": "assistant", **encode_parts(choice.content, Losses())}
    if not message["content"]:
        del message["content"]
    more = MINE.fields(choice.extra).get("message", {})
    citations = [*message.get("citations", ()), *more.get("citations", ())]
    message = {**more, **message}
    if citations:
        message["citations"] = citations
    body: dict[str, Any] = {
        "id": response.id or "",
        "message": message,
        "finish_reason": word_of(choice.finish, choice.finish_raw),
    }
    if response.usage.reported:
        body["usage"] = usage_json(response.usage)
    return {**MINE.fields(response.extra), **body}


def usage_json(usage: Usage) -> dict[str, Any]:
    """Usage in this format's words: its own object where it came from here, else built from the units."""
    raw = usage.raw
    if isinstance(raw, dict) and ("billed_units" in raw or "tokens" in raw):
        return raw
    read, written = sum(usage[unit] for unit in _BILLED_IN), usage["output"] + usage["reasoning"]
    tokens = {"input_tokens": read, "output_tokens": written}
    return {"billed_units": tokens, "tokens": dict(tokens)}
