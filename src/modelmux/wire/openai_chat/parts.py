"""Content parts of a message: text, images, audio, files, thinking, and whatever comes next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from modelmux.types import Cache, Media, Opaque, Part, Reasoning, Refusal, Text
from modelmux.wire.openai_chat.dialect import WIRE
from modelmux.wire.openai_chat.saying import Saying, fields_of, kept, ours

_AUDIO_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "flac": "audio/flac", "ogg": "audio/ogg", "pcm16": "audio/pcm"}
_AUDIO_FORMATS = {
    **{media_type: name for name, media_type in _AUDIO_TYPES.items()},
    "audio/mp3": "mp3",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
}
Kind = Literal["image", "document", "audio", "video", "file"]
_URL_PARTS: dict[str, Kind] = {
    "image_url": "image",
    "video_url": "video",
    "audio_url": "audio",
    "file_url": "file",
    "document_url": "document",
}


def cache_of(value: Any) -> Cache | None:
    """A ``cache_control`` mark, None when it is of another shape."""
    if not isinstance(value, dict) or value.get("type") != "ephemeral" or not value.keys() <= {"type", "ttl"}:
        return None
    ttl = value.get("ttl")
    return Cache(ttl) if isinstance(ttl, str) or "ttl" not in value else None


def cache_control(cache: Cache) -> dict[str, Any]:
    return {"type": "ephemeral"} if cache.ttl is None else {"type": "ephemeral", "ttl": cache.ttl}


def split_data_url(url: str) -> tuple[str | None, str] | None:
    """Media type and base64 of a plain ``data:`` URL (RFC 2397), None for any other URL."""
    if not url.startswith("data:"):
        return None
    comma = url.find(",", 0, 200)
    head = url[5:comma]
    if comma < 0 or not head.endswith(";base64") or head.count(";") != 1:
        return None
    return head[:-7] or None, url[comma + 1 :]


def data_url(media: Media, fallback: str) -> str:
    return f"data:{media.media_type or fallback};base64,{media.data}"


# --- decoding ------------------------------------------------------------------------------------------------


def decode_part(part: Any) -> Part:
    """One item of a ``content`` list. What is not understood is kept whole."""
    if isinstance(part, dict):
        kind = part.get("type")
        decode = _DECODERS.get(kind) if isinstance(kind, str) else None
        if decode is not None:
            rest = {name: value for name, value in part.items() if name != "type"}
            cache = cache_of(rest.get("cache_control"))
            if cache is not None:
                del rest["cache_control"]
            decoded = decode(rest, cache)
            if decoded is not None:
                return decoded
    return Opaque(WIRE, part)


def _text(rest: dict[str, Any], cache: Cache | None) -> Part | None:
    text = rest.pop("text", None)
    return Text(text, cache=cache, extra=kept(rest)) if isinstance(text, str) else None


def _refusal(rest: dict[str, Any], cache: Cache | None) -> Part | None:
    text = rest.pop("refusal", None)
    return Refusal(text, extra=kept(rest)) if isinstance(text, str) and cache is None else None


def thinking_text(value: Any) -> str | None:
    """The text of a thinking block: a string, or a list of text items (Mistral)."""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        return "".join(item["text"] for item in value if isinstance(item.get("text"), str))
    return None


def _thinking(rest: dict[str, Any], cache: Cache | None) -> Part | None:
    value = rest.get("thinking")
    text = thinking_text(value)
    if text is None or cache is not None:
        return None
    if value == _thinking_list(text):
        del rest["thinking"]
    signature = rest.pop("signature", None) if isinstance(rest.get("signature"), str) else None
    return Reasoning(text, signature=signature, extra=kept({**rest, "$type": "thinking"}))


def _thinking_list(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}]


def _url_part(kind: str) -> Callable[[dict[str, Any], Cache | None], Part | None]:
    def decode(rest: dict[str, Any], cache: Cache | None) -> Part | None:
        value = rest.pop(kind, None)
        inner: dict[str, Any] = {}
        if isinstance(value, dict):
            inner = dict(value)
            url = inner.pop("url", None)
        else:
            url = value
            rest["$plain"] = True
        if not isinstance(url, str):
            return None
        given = inner.get("detail")  # "auto" asks for what happens anyway: it stays among the vendor's fields
        detail = inner.pop("detail") if isinstance(given, str) and given != "auto" else None
        name = rest.pop("document_name", None) if isinstance(rest.get("document_name"), str) else None
        if inner:
            rest[kind] = inner
        if kind not in ("image_url", "video_url"):
            rest["$type"] = kind
        split = split_data_url(url)
        media_type, data = split or (None, None)
        return Media(
            _URL_PARTS[kind],
            media_type,
            data,
            None if data is not None else url,
            name=name,
            detail=detail,
            cache=cache,
            extra=kept(rest),
        )

    return decode


def _input_audio(rest: dict[str, Any], cache: Cache | None) -> Part | None:
    value = rest.pop("input_audio", None)
    if not isinstance(value, dict) or not isinstance(value.get("data"), str):
        return None
    inner = dict(value)
    data, form = inner.pop("data"), inner.pop("format", None)
    if form is not None and not isinstance(form, str):
        return None
    media_type = None if form is None else _AUDIO_TYPES.get(form, f"audio/{form}")
    if inner:
        rest["input_audio"] = inner
    by_url = data.startswith(("data:", "http:", "https:"))
    return Media(
        "audio",
        media_type,
        None if by_url else data,
        data if by_url else None,
        cache=cache,
        extra=kept(rest),
    )


def _file(rest: dict[str, Any], cache: Cache | None) -> Part | None:
    value = rest.pop("file", None)
    if not isinstance(value, dict):
        return None
    inner = dict(value)
    given = {name: inner.pop(name) for name in ("file_data", "file_id", "filename") if isinstance(inner.get(name), str)}
    if inner:
        rest["file"] = inner
    if not given:
        return None
    file_data = given.get("file_data")
    media_type, data, url = None, None, None
    if file_data is not None:
        split = split_data_url(file_data)
        if split is not None:
            media_type, data = split
        elif file_data.startswith(("http:", "https:", "data:")):
            url = file_data
        else:
            data = file_data
            rest["$bare"] = True
    is_document = media_type == "application/pdf" or (given.get("filename") or "").lower().endswith(".pdf")
    return Media(
        "document" if is_document else "file",
        media_type,
        data,
        url,
        given.get("file_id"),
        name=given.get("filename"),
        cache=cache,
        extra=kept(rest),
    )


_DECODERS: dict[str, Callable[[dict[str, Any], Cache | None], Part | None]] = {
    "text": _text,
    "refusal": _refusal,
    "thinking": _thinking,
    "input_audio": _input_audio,
    "file": _file,
    **{kind: _url_part(kind) for kind in _URL_PARTS},
}


# --- encoding ------------------------------------------------------------------------------------------------


def is_plain(part: Part) -> bool:
    return (
        isinstance(part, Text)
        and part.cache is None
        and not part.citations
        and part.signature is None
        and not ours(part.extra)
    )


def encode_part(part: Part, say: Saying) -> dict[str, Any] | Any | None:
    """One item of a ``content`` list, or None when this format cannot say it (reported)."""
    if isinstance(part, Text):
        if part.citations:
            say.lost("citations", "citations cannot be sent back")
        if part.signature is not None:
            say.lost("signature", "a vendor's signature goes back to that vendor only")
        return _with_cache(part, {"type": "text", "text": part.text}, say)
    if isinstance(part, Media):
        item = _media(part, say)
        if item is not None:
            return _with_cache(part, item, say)
        if part.cache is not None:
            say.lost("cache", "the part that it marks is left out")
        return None
    if isinstance(part, Refusal):
        return {**fields_of(ours(part.extra)), "type": "refusal", "refusal": part.text}
    if isinstance(part, Opaque):
        if part.wire == WIRE:
            return part.value
        say.lost("opaque", f"a content block only {part.wire} understands")
        return None
    say.lost(_FIELDS.get(type(part).__name__, "content"), "this format has no place for it here")
    return None


_FIELDS = {"Reasoning": "reasoning", "ServerToolCall": "server_tool_call", "ServerToolResult": "server_tool_result"}


def encode_thinking(part: Reasoning) -> dict[str, Any]:
    """Reasoning as a ``thinking`` content block (Mistral)."""
    own = fields_of(ours(part.extra))
    item = {**own, "type": "thinking"}
    if "thinking" not in own or thinking_text(own["thinking"]) != part.text:
        item["thinking"] = _thinking_list(part.text)
    if part.signature is not None and "$type" in ours(part.extra):
        item["signature"] = part.signature
    return item


def _with_cache(part: Text | Media, item: dict[str, Any], say: Saying) -> dict[str, Any]:
    own = ours(part.extra)
    if own:
        for name, value in own.items():
            if name[0] == "$":
                continue
            inner = item.get(name)
            item[name] = {**value, **inner} if isinstance(inner, dict) and isinstance(value, dict) else inner or value
    if part.cache is not None:
        if say.as_came or say.dialect.cache:
            item["cache_control"] = cache_control(part.cache)
        else:
            say.lost("cache", "cache marks are not part of this dialect; the vendor may cache by itself")
    return item


def _media(part: Media, say: Saying) -> dict[str, Any] | None:
    own = ours(part.extra)
    form = own.get("$type")
    if form in _URL_PARTS and (say.as_came or say.dialect.document_url == form):
        return _url_item(form, part, own)
    if part.text is not None:
        say.lost("media.text", "a plain-text document goes as a text part", "emulated")
        return {"type": "text", "text": part.text}
    if part.kind not in say.dialect.media and not say.as_came:
        say.lost(f"media.{part.kind}", "this vendor takes none")
        return None
    if part.kind == "image":
        if part.data is None and part.url is None:
            say.lost("media.image", "an image by file id cannot be sent")
            return None
        return _url_item("image_url", part, own)
    if part.kind == "audio":
        return _audio_item(part, say)
    if part.kind == "video":
        if not (say.as_came or say.dialect.video) or (part.data is None and part.url is None):
            say.lost("media.video", "this vendor takes no video")
            return None
        return _url_item("video_url", part, own)
    return _file_item(part, own, say)


def _url_item(kind: str, part: Media, own: Any) -> dict[str, Any]:
    fallback = {"image_url": "image/png", "video_url": "video/mp4", "audio_url": "audio/wav"}.get(kind, "")
    url = part.url if part.data is None else data_url(part, fallback or "application/pdf")
    item: dict[str, Any] = {"type": kind}
    if "$plain" in own or (kind == "document_url" and not own):
        item[kind] = url
    else:
        item[kind] = {"url": url} if part.detail is None else {"url": url, "detail": part.detail}
    if part.name is not None and kind == "document_url":
        item["document_name"] = part.name
    return item


def _audio_item(part: Media, say: Saying) -> dict[str, Any] | None:
    data = part.data if part.data is not None else part.url
    if data is None or (part.data is None and not say.as_came and not data.startswith("data:")):
        say.lost("media.audio", "audio goes by its bytes only")
        return None
    inner = {"data": data}
    if part.media_type is not None:
        inner["format"] = _AUDIO_FORMATS.get(part.media_type) or part.media_type.rpartition("/")[2]
    return {"type": "input_audio", "input_audio": inner}


def _file_item(part: Media, own: Any, say: Saying) -> dict[str, Any] | None:
    inner: dict[str, Any] = {}
    if part.file_id is not None:
        inner["file_id"] = part.file_id
    if part.data is not None:
        inner["file_data"] = part.data if "$bare" in own else data_url(part, "application/pdf")
    elif part.url is not None:
        if say.dialect.document_url in _URL_PARTS and not say.as_came:
            return _url_item(say.dialect.document_url, part, own)
        if not say.as_came and say.dialect.document_url != "file" and not part.url.startswith("data:"):
            say.lost("media.url", "a document by URL cannot be sent to this vendor")
            return None
        inner["file_data"] = part.url
    if part.name is not None:
        inner["filename"] = part.name
    elif "file_data" in inner and not own and not say.as_came:
        inner["filename"] = "document.pdf" if part.kind == "document" else "file"
    if not inner and "file" not in own:
        say.lost("media.file", "the file has neither bytes nor an id")
        return None
    return {"type": "file", "file": inner}
