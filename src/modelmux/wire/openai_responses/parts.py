"""Content parts of messages and tool results: text, refusals, images, files, audio, and whatever comes next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelmux.types import Cache, Citation, Media, Opaque, Part, Refusal, Text
from modelmux.wire._media import split_data_url, url_of
from modelmux.wire.openai_responses.dialect import WIRE
from modelmux.wire.openai_responses.saying import Saying, fields_of, kept, ours

_BREAKPOINT = {"mode": "explicit"}
"""``prompt_cache_breakpoint``: what comes before it, and itself, is to be cached."""

_FORMATS = {"audio/mpeg": "mp3", "audio/mp3": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav"}
_TYPES = {"mp3": "audio/mpeg", "wav": "audio/wav"}


# --- decoding ------------------------------------------------------------------------------------------------


def decode_part(part: Any, hints: dict[str, Any], *, asked: bool) -> Part | None:
    """One item of ``content``, None when it is nothing known.

    ``hints`` go into what the part keeps for this wire. ``asked`` is set in a request, whose exact spelling is to be
    said again; in an answer, fields that are null or empty are left out.
    """
    kind = part.get("type") if isinstance(part, dict) else None
    decode = _DECODERS.get(kind) if isinstance(kind, str) else None
    if decode is None:
        return None
    rest = {name: value for name, value in part.items() if name != "type" and (asked or value not in (None, []))}
    if kind == "text":
        hints = {**hints, "$type": kind}
    return decode(rest, hints)


def _text(rest: dict[str, Any], hints: dict[str, Any]) -> Part | None:
    text = rest.pop("text", None)
    if not isinstance(text, str):
        return None
    if not rest:
        return Text(text, extra=kept(hints))
    cache = Cache() if rest.get("prompt_cache_breakpoint") == _BREAKPOINT else None
    if cache is not None:
        del rest["prompt_cache_breakpoint"]
    return Text(text, cache=cache, extra=kept({**rest, **hints}))


def _output_text(rest: dict[str, Any], hints: dict[str, Any]) -> Part | None:
    text = rest.pop("text", None)
    if not isinstance(text, str):
        return None
    if not rest:
        return Text(text, extra=kept(hints))
    citations: tuple[Citation, ...] = ()
    annotations = rest.get("annotations")
    if isinstance(annotations, list) and annotations:
        del rest["annotations"]
        citations = tuple(map(citation_of, annotations))
    return Text(text, citations, extra=kept({**rest, **hints}))


def _refusal(rest: dict[str, Any], hints: dict[str, Any]) -> Part | None:
    text = rest.pop("refusal", None)
    return Refusal(text, extra=kept({**rest, **hints})) if isinstance(text, str) else None


def _image(rest: dict[str, Any], hints: dict[str, Any]) -> Part | None:
    url, file_id, detail = (_take(rest, name) for name in ("image_url", "file_id", "detail"))
    if url is None and file_id is None:
        return None
    media_type, data = (None if url is None else split_data_url(url)) or (None, None)
    url = None if data is not None else url
    if detail == "auto":  # asks for what happens anyway
        rest["detail"], detail = detail, None
    return Media("image", media_type, data, url, file_id, detail=detail, extra=kept({**rest, **hints}))


def _file(rest: dict[str, Any], hints: dict[str, Any]) -> Part | None:
    given, url, file_id, name = (_take(rest, field) for field in ("file_data", "file_url", "file_id", "filename"))
    if given is None and url is None and file_id is None:
        return None
    media_type, data = None, None
    if given is not None:
        split = split_data_url(given)
        media_type, data = split or (None, given)
        if split is None:
            rest["$bare"] = True
    is_document = media_type == "application/pdf" or (name or url or "").lower().endswith(".pdf")
    kind: Any = "document" if is_document else "file"
    return Media(kind, media_type, data, url, file_id, name=name, extra=kept({**rest, **hints}))


def _audio(rest: dict[str, Any], hints: dict[str, Any]) -> Part | None:
    inner = rest.get("input_audio")
    if not isinstance(inner, dict) or inner.keys() != {"data", "format"} or inner["format"] not in ("mp3", "wav"):
        return None
    if not isinstance(inner["data"], str):
        return None
    del rest["input_audio"]
    return Media("audio", _TYPES[inner["format"]], inner["data"], extra=kept({**rest, **hints}))


def _take(rest: dict[str, Any], name: str) -> str | None:
    return rest.pop(name) if isinstance(rest.get(name), str) else None


_DECODERS: dict[str, Callable[[dict[str, Any], dict[str, Any]], Part | None]] = {
    "input_text": _text,
    "output_text": _output_text,
    "text": _text,
    "refusal": _refusal,
    "input_image": _image,
    "input_file": _file,
    "input_audio": _audio,
}


def citation_of(annotation: Any) -> Citation:
    """One item of ``annotations``: a page, a file, or a file in a container."""
    if not isinstance(annotation, dict):
        return Citation(raw=annotation)
    title = annotation.get("title") or annotation.get("filename")
    return Citation(
        url=_str(annotation.get("url")),
        title=_str(title),
        start=_int(annotation.get("start_index")),
        end=_int(annotation.get("end_index")),
        raw=annotation,
    )


def _annotation(citation: Citation) -> Any:
    """A citation as an item of ``annotations``; the vendor's own object where it is one."""
    raw = citation.raw
    kind = raw.get("type") if isinstance(raw, dict) else None
    if isinstance(kind, str) and kind.endswith("_citation") and kind not in raw:
        return raw
    if raw is not None and citation == Citation(raw=raw):
        return raw
    start, end = citation.start or 0, citation.end or 0
    about = {"title": citation.title or "", "url": citation.url or ""}
    return {"type": "url_citation", "start_index": start, "end_index": end, **about}


def _str(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _int(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# --- encoding ------------------------------------------------------------------------------------------------


def is_plain(part: Part) -> bool:
    """Whether this is text and nothing else, so that a bare string says it."""
    return (
        isinstance(part, Text)
        and part.cache is None
        and not part.citations
        and part.signature is None
        and not ours(part.extra)
    )


def encode_output_part(part: Text | Refusal) -> dict[str, Any]:
    """Text or a refusal as the model says it."""
    if isinstance(part, Refusal):
        return {**fields_of(part.extra), "type": "refusal", "refusal": part.text}
    item = {**fields_of(part.extra), "type": "output_text", "text": part.text}
    if ours(part.extra).get("$type") == "text":
        item["type"] = "text"
    if part.citations:
        item["annotations"] = list(map(_annotation, part.citations))
    return item


def encode_input_part(part: Part, say: Saying) -> Any:
    """One item of the ``content`` of a turn of the caller's, or of a tool's result; None when it cannot be said."""
    if isinstance(part, Text):
        if part.citations:
            say.lost("citations", "only an assistant's text carries citations")
        item = {**fields_of(part.extra), "type": ours(part.extra).get("$type", "input_text"), "text": part.text}
        if part.cache is not None:
            if say.native:
                item["prompt_cache_breakpoint"] = _BREAKPOINT
            else:
                say.lost("cache", "the vendor caches by itself")
        return item
    if isinstance(part, Media):
        if part.cache is not None:
            say.lost("cache", "the vendor caches by itself")
        return _encode_media(part, say)
    if isinstance(part, Refusal):
        return {"type": "input_text", "text": part.text}
    if isinstance(part, Opaque):
        if part.wire == WIRE:
            return part.value
        say.lost("opaque", f"a content block only {part.wire} understands")
        return None
    say.lost("content", f"a turn of the caller's has no place for {type(part).__name__}")
    return None


def _encode_media(part: Media, say: Saying) -> dict[str, Any] | None:
    own = fields_of(part.extra)
    if part.text is not None and part.data is None and part.url is None:
        say.lost("media.text", "a plain-text document goes as a text part", "emulated")
        return {"type": "input_text", "text": part.text}
    if part.kind == "image":
        return _encode_image(part, own, say)
    if part.kind == "audio":
        form = _FORMATS.get(part.media_type or "audio/wav")
        if part.data is None or form is None:
            say.lost("media.audio", "audio goes by its bytes, as mp3 or wav")
            return None
        return {**own, "type": "input_audio", "input_audio": {"data": part.data, "format": form}}
    if part.kind == "video":
        say.lost("media.video", "this format takes no video")
        return None
    item: dict[str, Any] = {**own, "type": "input_file"}
    if part.data is not None:
        bare = "$bare" in ours(part.extra)
        item["file_data"] = part.data if bare else url_of(part, "application/pdf")
    if part.url is not None:
        item["file_url"] = part.url
    if part.file_id is not None:
        item["file_id"] = part.file_id
    if part.name is not None:
        item["filename"] = part.name
    elif part.data is not None and not ours(part.extra) and not say.as_came:
        item["filename"] = "document.pdf" if part.kind == "document" else "file"
    if not item.keys() & {"file_data", "file_url", "file_id"}:
        say.lost("media.file", "the file has neither bytes, nor a URL, nor an id")
        return None
    return item


def _encode_image(part: Media, own: dict[str, Any], say: Saying) -> dict[str, Any] | None:
    item: dict[str, Any] = {**own, "type": "input_image"}
    url = url_of(part, "image/png")
    if url is not None:
        item["image_url"] = url
    if part.file_id is not None:
        item["file_id"] = part.file_id
    if url is None and part.file_id is None:
        say.lost("media.image", "the image has neither bytes, nor a URL, nor an id")
        return None
    if part.detail is not None:
        item["detail"] = part.detail
    elif not say.native:
        item["detail"] = "auto"  # the vendor's own types want it said
    return item
