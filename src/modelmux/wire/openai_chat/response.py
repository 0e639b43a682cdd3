"""A whole chat completion: body in, canonical response out, and back."""

from __future__ import annotations

from typing import Any

from modelmux._json import dumps_str, load_object
from modelmux.errors import MalformedResponse
from modelmux.types import (
    Choice,
    Media,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Response,
    ServerToolCall,
    ServerToolResult,
    Text,
    ToolCall,
)
from modelmux.wire._logprobs import logprobs_json, logprobs_of
from modelmux.wire._usage import read_usage
from modelmux.wire.openai_chat import answer
from modelmux.wire.openai_chat.dialect import WIRE, Dialect
from modelmux.wire.openai_chat.error import in_band_error
from modelmux.wire.openai_chat.messages import decode_reasoning_fields
from modelmux.wire.openai_chat.parts import data_url, decode_part, encode_thinking, thinking_text
from modelmux.wire.openai_chat.saying import fields_of, kept, ours, present
from modelmux.wire.openai_chat.tools import decode_call, encode_call

_TOP = frozenset({"id", "object", "created", "model", "choices", "usage", "service_tier", "error"})
_CHOICE = frozenset({"index", "message", "delta", "finish_reason", "logprobs", "text"})
_PLAIN = frozenset({"role", "content", "refusal", "annotations"})
_MESSAGE = frozenset({"role", "content", "tool_calls", "function_call", "refusal", "annotations", "audio", "images"})


def parse_body(body: bytes | dict[str, Any], provider: str) -> dict[str, Any]:
    """The body as JSON. Raises MalformedResponse for anything else: a proxy's HTML page, a cut answer."""
    if isinstance(body, dict):
        return body
    try:
        return load_object(body.strip())
    except ValueError as error:
        start = body[:200].decode("utf-8", "replace").strip()
        raise MalformedResponse(
            f"the answer is not a JSON object ({error}): {start!r}", provider=provider, body=start
        ) from None


def decode_response(data: bytes | dict[str, Any], provider: str, usage: str) -> Response:
    """Raises ProviderError for an error inside a good status, MalformedResponse for what is no chat completion."""
    body = parse_body(data, provider)
    choices = body.get("choices")
    error = in_band_error(body, provider)
    if error is not None:
        raise error
    if not isinstance(choices, list) or not choices or not all(isinstance(choice, dict) for choice in choices):
        raise MalformedResponse("the answer has no choices", provider=provider, body=body)
    created = body.get("created")
    return Response(
        id=_str(body.get("id")) or None,
        model=_str(body.get("model")) or None,
        choices=tuple(_choice(choice, number, body) for number, choice in enumerate(choices)),
        usage=read_usage(usage, body),
        created=int(created) if isinstance(created, int | str) and str(created).isdecimal() else None,
        service_tier=_str(body.get("service_tier")),
        extra=kept(_beyond(_TOP, body)),
        raw=body,
    )


def _choice(choice: dict[str, Any], number: int, body: dict[str, Any]) -> Choice:
    message = choice.get("message")
    if not isinstance(message, dict):
        message = choice.get("delta")
    if not isinstance(message, dict):
        message = {"content": choice.get("text")}
    rest = dict(message)
    content = _content(rest, answer.searched(body) if number == 0 else ())
    extra = _beyond(_CHOICE, choice)
    unknown = _beyond(_MESSAGE, fields_of(rest))
    if unknown:
        extra["message"] = unknown
    logprobs = choice.get("logprobs")
    tokens: Any = ()
    if isinstance(logprobs, dict):
        tokens = logprobs_of(logprobs.get("content"))
        logprobs = present({name: value for name, value in logprobs.items() if name != "content" or not tokens})
    if logprobs:
        extra["logprobs"] = logprobs
    finish, raw = answer.finish_of(
        choice.get("finish_reason"),
        called=any(isinstance(part, ToolCall) for part in content),
        refused=any(isinstance(part, Refusal) for part in content),
    )
    index = choice.get("index")
    return Choice(content, finish, raw, index if isinstance(index, int) else number, tokens, kept(extra))


def _content(rest: dict[str, Any], searched: tuple[Any, ...]) -> tuple[Part, ...]:
    """The parts of a message, in the order reasoning, tools the vendor ran, text, refusal, media, calls."""
    said = rest.get("content")
    plain = rest.keys() <= _PLAIN and not (searched or rest.get("refusal") or rest.get("annotations"))
    if plain and type(said) is str and said:
        return (Text(said),)  # what nearly every answer is
    parts: list[Part] = []
    reasoning = decode_reasoning_fields(rest)
    if reasoning is not None:
        parts.append(reasoning)
    for item in _list(rest.pop("executed_tools", None)):
        run = answer.executed(item)
        parts.extend(part for part in run or () if part is not None)
    content = rest.get("content")
    if isinstance(content, str):
        if content:
            parts.append(Text(content))
    elif isinstance(content, list):
        parts.extend(content_blocks(content))
    elif content is not None:
        parts.append(Text(dumps_str(content)))  # Cloudflare answers structured output as an object
    citations = tuple(answer.citation_of(item) for item in _list(rest.get("annotations"))) or searched
    if citations:
        _cite(parts, citations)
    refusal = rest.get("refusal")
    if isinstance(refusal, str) and refusal:
        parts.append(Refusal(refusal))
    audio = audio_of(rest.get("audio"))
    if audio is not None:
        parts.append(audio)
    parts.extend(image for item in _list(rest.get("images")) if (image := answer.image_of(item)) is not None)
    parts.extend(_calls(rest))
    return tuple(parts)


def content_blocks(blocks: list[Any]) -> list[Part]:
    """A ``content`` that is a list of blocks: text, thinking (Mistral), reasoning (Databricks)."""
    parts: list[Part] = []
    for block in blocks:
        if isinstance(block, str):
            parts.append(Text(block))
            continue
        kind = block.get("type") if isinstance(block, dict) else None
        if kind == "thinking" and (text := thinking_text(block.get("thinking"))) is not None:
            parts.append(Reasoning(text, _str(block.get("signature"))))
        elif kind == "reasoning" and isinstance(block.get("summary"), list):
            items = [item for item in block["summary"] if isinstance(item, dict)]
            signature = next((item["signature"] for item in items if _str(item.get("signature"))), None)
            parts.append(Reasoning("".join(_str(item.get("text")) or "" for item in items), signature))
        else:
            part = decode_part(block)
            parts.append(Text(part.text, extra=part.extra) if isinstance(part, Text) else part)
    return parts


def _cite(parts: list[Part], citations: tuple[Any, ...]) -> None:
    for number in range(len(parts) - 1, -1, -1):
        part = parts[number]
        if isinstance(part, Text):
            parts[number] = Text(part.text, citations, extra=part.extra)
            return
    parts.append(Text("", citations))


def audio_of(audio: Any) -> Media | None:
    if not isinstance(audio, dict) or not (audio.get("data") or audio.get("transcript")):
        return None
    rest = present({name: value for name, value in audio.items() if name not in ("id", "data", "transcript")})
    return Media(
        "audio",
        data=_str(audio.get("data")) or None,
        file_id=_str(audio.get("id")) or None,
        text=_str(audio.get("transcript")) or None,
        extra=kept({"audio": rest} if rest else {}),
    )


def _calls(rest: dict[str, Any]) -> list[ToolCall]:
    calls = []
    for number, item in enumerate(_list(rest.get("tool_calls"))):
        call = decode_call(item, number, asked=False)
        if call is not None:
            calls.append(call)
    legacy = rest.get("function_call")
    if not calls and isinstance(legacy, dict) and legacy.get("name"):
        call = decode_call({"type": "function", "function": legacy}, 0, asked=False)
        if call is not None:
            calls.append(call)
    return calls


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _str(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _beyond(known: frozenset[str], fields: dict[str, Any]) -> dict[str, Any]:
    """What ``fields`` say under other names than the known ones."""
    if fields.keys() <= known:
        return {}
    return present({name: value for name, value in fields.items() if name not in known})


# --- encoding ------------------------------------------------------------------------------------------------


def encode_response(response: Response, dialect: Dialect) -> dict[str, Any]:
    own = fields_of(ours(response.extra))
    derived = answer.searched(own)
    body: dict[str, Any] = {
        "id": response.id or "chatcmpl-0",
        "object": "chat.completion",
        "created": response.created or 0,
        "model": response.model or "",
        "choices": [_encode_choice(choice, dialect, derived) for choice in response.choices],
    }
    if response.service_tier is not None:
        body["service_tier"] = response.service_tier
    if response.usage.reported:
        body["usage"] = answer.usage_json(response.usage)
    for name, value in own.items():
        body.setdefault(name, value)
    return body


def _encode_choice(choice: Choice, dialect: Dialect, derived: tuple[Any, ...]) -> dict[str, Any]:
    own = fields_of(ours(choice.extra))
    message = {"role": "assistant", **own.pop("message", {}), **encode_parts(choice.content, dialect, derived)}
    rest = own.pop("logprobs", None)
    logprobs: Any = rest
    if choice.logprobs:
        more = rest if isinstance(rest, dict) else {}
        logprobs = {**more, "content": logprobs_json(choice.logprobs)}
    called = any(isinstance(part, ToolCall) for part in choice.content)
    refused = any(isinstance(part, Refusal) for part in choice.content)
    return {
        **own,
        "index": choice.index,
        "message": message,
        "logprobs": logprobs,
        "finish_reason": answer.word_of(choice.finish, choice.finish_raw, called=called, refused=refused),
    }


def encode_parts(parts: tuple[Part, ...], dialect: Dialect, derived: tuple[Any, ...] = ()) -> dict[str, Any]:
    """Parts as the fields of an answer's message (or, whole, of a stream's delta)."""
    message: dict[str, Any] = {"content": None, "refusal": None}
    texts: list[str] = []
    blocks: list[Any] = []
    for part in parts:
        if isinstance(part, Text):
            texts.append(part.text)
            blocks.append({**fields_of(ours(part.extra)), "type": "text", "text": part.text})
            if part.citations and part.citations != derived:
                message.setdefault("annotations", []).extend(map(answer.annotation_of, part.citations))
        elif isinstance(part, Refusal):
            message["refusal"] = (message["refusal"] or "") + part.text
        elif isinstance(part, Reasoning):
            if dialect.reasoning_field == "content":
                blocks.append(encode_thinking(part))
            else:
                _encode_reasoning(part, message, dialect)
        elif isinstance(part, ToolCall):
            message.setdefault("tool_calls", []).append(encode_call(part, as_came=False))
        elif isinstance(part, Media):
            _encode_media(part, message)
        elif isinstance(part, ServerToolCall | ServerToolResult):
            _encode_executed(part, message)
        elif isinstance(part, Opaque) and part.wire == WIRE:
            blocks.append(part.value)
    plain = len(blocks) == len(texts) and not any(len(block) > 2 for block in blocks)
    message["content"] = ("".join(texts) if texts else None) if plain else blocks
    return message


def _encode_reasoning(part: Reasoning, message: dict[str, Any], dialect: Dialect) -> None:
    message.update(fields_of(ours(part.extra)))
    if part.text:
        field = dialect.reasoning_field or "reasoning_content"
        message[field] = message.get(field, "") + part.text


def _encode_media(part: Media, message: dict[str, Any]) -> None:
    if part.kind == "audio":
        audio = {"id": part.file_id or "", "data": part.data or "", "transcript": part.text or ""}
        message["audio"] = {**ours(part.extra).get("audio", {}), **audio}
    elif part.kind == "image" and (part.data is not None or part.url is not None):
        url = part.url if part.data is None else data_url(part, "image/png")
        message.setdefault("images", []).append({"type": "image_url", "image_url": {"url": url}})


def _encode_executed(part: ServerToolCall | ServerToolResult, message: dict[str, Any]) -> None:
    run = message.setdefault("executed_tools", [])
    if isinstance(part, ServerToolCall):
        item: dict[str, Any] = {"type": part.name}
        item.update(_number(part.id, run))
        item["arguments"] = ours(part.extra).get("arguments") or dumps_str(part.arguments)
        run.append(item)
    elif isinstance(part.content, dict):
        item = {"type": part.name, **_number(part.id, run)}
        last = run[-1] if run else {}
        if any(last.get(name) != item.get(name) for name in ("type", "id" if "id" in item else "index")):
            run.append(item)
        run[-1].update(part.content)


def _number(call_id: str | None, run: list[Any]) -> dict[str, Any]:
    """How an executed tool is told from others: here by a number; an id of another vendor's stands beside it."""
    if call_id is None:
        return {}
    return {"index": int(call_id)} if call_id.isdigit() else {"index": len(run), "id": call_id}
