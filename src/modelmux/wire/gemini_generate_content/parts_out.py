"""Canonical parts, as parts of a content."""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from collections.abc import Callable
from typing import Any

from modelmux._json import loads
from modelmux.types import (
    Media,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    ToolCall,
    ToolResult,
    Warning,
)
from modelmux.wire._calls import is_loose
from modelmux.wire._media import asks_detail
from modelmux.wire.gemini_generate_content._fields import own, write_back
from modelmux.wire.gemini_generate_content._names import WIRE

_OWN_URIS = re.compile(
    r"gs://|https://generativelanguage\.googleapis\.com/|https?://(www\.)?(youtube\.com|youtu\.be)/|files/",
    re.IGNORECASE,
)
"""What ``fileUri`` is documented to take. Newer models fetch other addresses too."""

_MAGIC = (
    ("iVBORw0KGgo", "image/png"),
    ("/9j/", "image/jpeg"),
    ("R0lGOD", "image/gif"),
    ("JVBERi0", "application/pdf"),
    ("SUQz", "audio/mpeg"),
    ("T2dnUw", "audio/ogg"),
    ("ZkxhQw", "audio/flac"),
)
"""Beginnings of base64 text that tell a media type."""

_DEFAULT_TYPES = {
    "image": "image/png",
    "document": "application/pdf",
    "audio": "audio/wav",
    "video": "video/mp4",
    "file": "application/octet-stream",
}


class Encoder:
    """Encodes the parts of one request or response and notes what could not be said.

    ``tool_names`` tells the names of the calls seen so far, by id; ``media_in_results`` whether the model takes media
    inside a function's response; ``answer`` that the parts are shown to a caller instead of to a model; ``as_came``
    that the conversation was written for this format, and is not to be mended.
    """

    def __init__(self, *, media_in_results: bool = True, answer: bool = False, as_came: bool = False) -> None:
        self._warnings: dict[tuple[str, str], Warning] = {}
        self.tool_names: dict[str, str] = {}
        self.as_came = as_came
        self._answer = answer
        self._media_in_results = media_in_results
        self._without_id: set[str] = set()

    def warn(self, field: str, action: str, detail: str = "") -> None:
        """Each kind of loss once, however many turns of a history have it."""
        self._warnings.setdefault((field, action), Warning(field, action, detail))

    @property
    def warnings(self) -> list[Warning]:
        return list(self._warnings.values())

    def cached(self, mark: Any) -> None:
        if mark is not None:
            self.warn("cache", "dropped", "prompts are cached without marks here")

    def parts(self, content: tuple[Part, ...]) -> list[dict[str, Any]]:
        """All parts that can be said; a tool result may give several."""
        out: list[dict[str, Any]] = []
        for part in content:
            if type(part) is Text and not part.extra and part.signature is None and not part.citations:
                out.append({"text": part.text})
                if part.cache is not None:
                    self.cached(part.cache)
                continue
            encode = _ENCODERS[type(part)]
            self.cached(getattr(part, "cache", None))
            out.extend(encode(self, part))
        return out

    def _text(self, part: Text) -> list[Any]:
        fields = own(part.extra)
        if part.citations and not self._answer:
            self.warn("citations", "dropped", "citations cannot be sent back")
        out: dict[str, Any] = {} if fields.get("$text") and not part.text else {"text": part.text}
        if part.signature is not None:
            out["thoughtSignature"] = part.signature
        return [write_back(out, fields)]

    def _reasoning(self, part: Reasoning) -> list[Any]:
        if WIRE not in part.extra:
            if self._answer:
                # Shown, but without the signature: it would come back as if this vendor had made it.
                return [{"thought": True, "text": part.text}] if part.text else []
            if part.text or part.signature or part.redacted:
                self.warn("reasoning", "dropped", "reasoning is taken back only by the vendor that made it")
            return []
        fields = own(part.extra)
        out: dict[str, Any] = {"thought": True}
        if part.text or not fields.get("$text"):
            out["text"] = part.text
        if part.signature is not None:
            out["thoughtSignature"] = part.signature
        return [write_back(out, fields)]

    def _refusal(self, part: Refusal) -> list[Any]:
        self.warn("refusal", "renamed", "a refusal is plain text here")
        return [{"text": part.text}]

    def _tool_call(self, part: ToolCall) -> list[Any]:
        self.tool_names[part.id] = part.name
        fields = own(part.extra)
        call: dict[str, Any] = {"name": part.name}
        inside = fields.get("functionCall")
        if part.arguments or not (isinstance(inside, dict) and inside.get("$args")):
            call["args"] = part.arguments
            if is_loose(part):
                self.warn("tool_call.arguments", "dropped", "the call's arguments are not a JSON object")
        if not fields.get("$id"):
            call["id"] = part.id
        else:
            self._without_id.add(part.id)
        out: dict[str, Any] = {"functionCall": call}
        if part.signature is not None:
            out["thoughtSignature"] = part.signature
        return [write_back(out, fields)]

    def _tool_result(self, part: ToolResult) -> list[Any]:
        fields = own(part.extra)
        inside = fields.get("functionResponse") or {}
        answer: dict[str, Any] = {}
        if part.name is not None:
            answer["name"] = part.name
        elif part.id in self.tool_names and "$name" not in inside:
            answer["name"] = self.tool_names[part.id]
        elif "$name" not in inside:
            answer["name"] = part.id
            self.warn("tool_result.name", "emulated", "no call in the conversation has this id: named after it")
        texts = [item.text for item in part.content if isinstance(item, Text)]
        if texts or not inside.get("$response"):
            answer["response"] = _result_value(texts, part.is_error, inside.get("$key"))
        others = tuple(item for item in part.content if not isinstance(item, Text))
        beside: list[Any] = []
        if others or inside.get("$parts"):
            media = self.parts(others)
            if self._media_in_results or WIRE in part.extra:
                answer["parts"] = media
            else:
                beside = media
                self.warn("tool_result.media", "emulated", "no media inside a result: it stands beside it")
        if not fields.get("$id") and part.id not in self._without_id:
            answer["id"] = part.id
        return [write_back({"functionResponse": answer}, fields), *beside]

    def _media(self, part: Media) -> list[Any]:
        fields = own(part.extra)
        if asks_detail(part):
            self.warn("media.detail", "dropped", "images have no detail here")
        if part.data is None and part.url is None and part.text is not None:
            self.warn("media.text", "emulated", "a text given as a document goes as text")
            return [{"text": part.text}]
        out = self._blob(part)
        if out is None:
            return []
        if part.signature is not None:
            out["thoughtSignature"] = part.signature
        return [write_back(out, fields)]

    def _blob(self, part: Media) -> dict[str, Any] | None:
        media_type, data = part.media_type, part.data
        url = part.file_id if part.url is None else part.url
        if data is None and url is not None and url.startswith("data:"):
            media_type, data = _data_url(url, media_type)
        known = bool(own(part.extra).get("$type"))
        if data is not None:
            blob: dict[str, Any] = {"data": data}
            guess = media_type or (None if known else _sniffed(data, part.kind))
        elif url is None:
            self.warn("media", "dropped", "media without content")
            return None
        elif part.url is None and not _OWN_URIS.match(url):
            self.warn("media.file_id", "dropped", "another vendor's file id means nothing here")
            return None
        else:
            blob = {"fileUri": url}
            guess = media_type
            if not known and media_type is None and not _OWN_URIS.match(url):
                guess = mimetypes.guess_type(url.partition("?")[0])[0] or _DEFAULT_TYPES[part.kind]
            if not part.extra and not _OWN_URIS.match(url):
                self.warn("media.url", "kept", "only newer models fetch an address that is not Google's")
        if guess is not None:
            blob["mimeType"] = guess
        if part.name is not None:
            blob["displayName"] = part.name
        return {"inlineData" if data is not None else "fileData": blob}

    def _server_call(self, part: ServerToolCall) -> list[Any]:
        fields = own(part.extra)
        kind = fields.get("$kind")
        if kind == "executableCode":
            value = dict(part.arguments)
        elif kind == "toolCall":
            inside = fields.get("toolCall") or {}
            value = {} if inside.get("$args") and not part.arguments else {"args": part.arguments}
        else:
            self.warn("server_tool_call", "dropped", "a call of another vendor's own tool")
            return []
        if part.id is not None:
            value["id"] = part.id
        return [write_back({kind: value}, fields)]

    def _server_result(self, part: ServerToolResult) -> list[Any]:
        fields = own(part.extra)
        kind = fields.get("$kind")
        if kind == "codeExecutionResult" and isinstance(part.content, dict):
            value = dict(part.content)
        elif kind == "toolResponse":
            inside = fields.get("toolResponse") or {}
            value = {} if inside.get("$response") and part.content is None else {"response": part.content}
        else:
            self.warn("server_tool_result", "dropped", "a result of another vendor's own tool")
            return []
        if part.id is not None:
            value["id"] = part.id
        return [write_back({kind: value}, fields)]

    def _opaque(self, part: Opaque) -> list[Any]:
        if part.wire == WIRE:
            return [part.value]
        self.warn("opaque", "dropped", f"a block that only {part.wire} knows")
        return []


_ENCODERS: dict[type, Callable[[Encoder, Any], list[Any]]] = {
    Text: Encoder._text,
    Reasoning: Encoder._reasoning,
    Refusal: Encoder._refusal,
    ToolCall: Encoder._tool_call,
    ToolResult: Encoder._tool_result,
    Media: Encoder._media,
    ServerToolCall: Encoder._server_call,
    ServerToolResult: Encoder._server_result,
    Opaque: Encoder._opaque,
}


_OWN_KEYS = {"output", "error"}


def _result_value(texts: list[str], is_error: bool, key: Any) -> dict[str, Any]:
    """A result as the object this format wants: itself when it is one, else under Google's key for it."""
    if not texts and not is_error:
        return {}
    text = texts[0] if len(texts) == 1 else "\n".join(texts)
    if key is None and not is_error and text.lstrip().startswith("{"):
        try:
            value = loads(text)
        except ValueError:
            value = None
        # One key that reads as Google's own for a result, or none, would come back as another thing.
        if isinstance(value, dict) and value and not (len(value) == 1 and value.keys() <= _OWN_KEYS):
            return value
    return {key or ("error" if is_error else "output"): text}


def _data_url(url: str, media_type: str | None) -> tuple[str | None, str]:
    head, _, data = url[5:].partition(",")
    stated, _, rest = head.partition(";")
    if "base64" not in rest:
        from urllib.parse import unquote_to_bytes

        data = base64.b64encode(unquote_to_bytes(data)).decode()
    return media_type or stated or None, data


def _sniffed(data: str, kind: str) -> str:
    for start, media_type in _MAGIC:
        if data.startswith(start):
            return media_type
    if data.startswith("UklGR"):
        try:
            return "image/webp" if base64.b64decode(data[:16])[8:12] == b"WEBP" else "audio/wav"
        except binascii.Error:
            return "audio/wav"
    return _DEFAULT_TYPES[kind]
