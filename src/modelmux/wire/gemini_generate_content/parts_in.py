"""Parts of a content, as canonical parts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Literal

from modelmux._json import dumps_str
from modelmux.types import (
    Media,
    Opaque,
    Part,
    Reasoning,
    ServerToolCall,
    ServerToolResult,
    Text,
    ToolCall,
    ToolResult,
)
from modelmux.wire.gemini_generate_content._fields import camel, kept, nested, take
from modelmux.wire.gemini_generate_content._names import TOOL_TYPES, WIRE

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")

RESULT_KEYS = ("output", "result", "error", "content", "return_value")
"""Keys under which a function's plain-text result stands alone. ``output`` and ``error`` are Google's own."""


class CallIds:
    """Ids for function calls that came without one, and the calls that results answer.

    The format matches results to calls by name and order; everyone else needs ids. ``prefix`` keeps the ids of
    different answers apart, because they meet in one conversation.
    """

    __slots__ = ("count", "pending", "prefix")

    def __init__(self, response_id: str | None = None, candidate: int = 0) -> None:
        answer = f"{_UNSAFE.sub('', response_id)}_" if response_id else ""
        self.prefix = f"call_{answer}{f'{candidate}_' if candidate else ''}"
        self.count = 0
        self.pending: list[tuple[str, str]] = []

    def call(self, given: str | None, name: str) -> str:
        call_id = given or f"{self.prefix}{self.count}"
        self.count += 1
        self.pending.append((name, call_id))
        return call_id

    def result(self, given: str | None, name: str | None) -> str:
        for position, (called, call_id) in enumerate(self.pending):
            if call_id == given if given else name in (None, called):
                del self.pending[position]
                return call_id
        return given or self.call(None, name or "")


def decode_part(raw: Any, ids: CallIds) -> Part:
    """One part. What is no known kind of part, or a kind in a shape of its own, becomes Opaque."""
    if not isinstance(raw, dict):
        return Opaque(WIRE, raw)
    if len(raw) == 1:
        text = raw.get("text")
        if isinstance(text, str):
            return Text(text)
    fields, names = camel(raw)
    kinds = [key for key in fields if key in _KINDS]
    if len(kinds) != 1:
        if not kinds and (isinstance(fields.get("thoughtSignature"), str) or fields.get("thought") is True):
            return _text(fields, names, absent=True)
        return Opaque(WIRE, raw)
    part = _KINDS[kinds[0]](fields, names, ids)
    return Opaque(WIRE, raw) if part is None else part


def _text(fields: dict[str, Any], names: list[str], *, absent: bool = False) -> Part:
    text = "" if absent else fields.pop("text")
    signature = take(fields, "thoughtSignature", str)
    hint = "absent" if absent else None
    if fields.get("thought") is True:
        del fields["thought"]
        # The mark says whose reasoning it is: none but this vendor takes it back.
        return Reasoning(text, signature, extra={WIRE: nested(fields, names, text=hint)})
    return Text(text, signature=signature, extra=kept(fields, names, text=hint))


def _plain_text(fields: dict[str, Any], names: list[str], _ids: CallIds) -> Part | None:
    return _text(fields, names) if isinstance(fields["text"], str) else None


def _function_call(fields: dict[str, Any], names: list[str], ids: CallIds) -> Part | None:
    call = fields.pop("functionCall")
    if not isinstance(call, dict):
        return None
    name, arguments, given = call.get("name"), call.get("args"), call.get("id")
    if not isinstance(name, str):
        return None
    raw = None
    if not isinstance(arguments, dict):
        raw = None if arguments is None else dumps_str(arguments)
        arguments = None
    if not isinstance(given, str):
        given = None
    if arguments is None or len(call) != (2 if given is None else 3):
        fields["functionCall"] = _rest_of_call(call, arguments is not None)
    return ToolCall(
        ids.call(given, name),
        name,
        arguments or {},
        raw,
        take(fields, "thoughtSignature", str),
        extra=kept(fields, names, id=None if given else "absent"),
    )


def _rest_of_call(raw: dict[str, Any], has_arguments: bool) -> dict[str, Any]:
    call, names = camel(raw)
    del call["name"]
    take(call, "id", str)
    take(call, "args", dict)
    return nested(call, names, args=None if has_arguments else "kept" if "args" in call else "absent")


def _function_response(fields: dict[str, Any], names: list[str], ids: CallIds) -> Part | None:
    answer = fields.pop("functionResponse")
    if not isinstance(answer, dict):
        return None
    name, given, response = answer.get("name"), answer.get("id"), answer.get("response")
    if not isinstance(response, dict) and "response" in answer:
        return None
    name = name if isinstance(name, str) else None
    given = given if isinstance(given, str) else None
    key, hint = _text_key(response) if response else (None, None)
    content: tuple[Part, ...] = ()
    if response:
        content = (Text(dumps_str(response) if key is None else response[key]),)
    inside = {"$key": hint} if hint else {}
    if len(answer) != (name is not None) + (given is not None) + (response is not None):
        content += _rest_of_result(answer, inside, name, ids)
    if inside:
        fields["functionResponse"] = inside
    extra = {} if given and not fields and not names else kept(fields, names, id=None if given else "absent")
    return ToolResult(ids.result(given, name), content, name, key == "error", None, extra)


def _rest_of_result(raw: dict[str, Any], inside: dict[str, Any], name: str | None, ids: CallIds) -> tuple[Part, ...]:
    """What a result says beside name, id and response: its media, and into ``inside`` what is kept."""
    answer, names = camel(raw)
    absent = "response" not in answer
    answer.pop("response", None)
    take(answer, "name", str)
    take(answer, "id", str)
    media = take(answer, "parts", list)
    inside.update(
        nested(
            answer,
            names,
            name="absent" if name is None else None,
            response="absent" if absent else None,
            parts="empty" if media == [] else None,
        )
    )
    return tuple([decode_part(part, ids) for part in media or ()])


def _text_key(response: dict[str, Any]) -> tuple[str | None, str | None]:
    """The key whose text is all that a result says, and a hint where writing the text back would not find it."""
    if len(response) != 1:
        return None, None
    ((key, value),) = response.items()
    if key not in RESULT_KEYS or not isinstance(value, str):
        return None, None
    found = key == "error" or (key == "output" and not value.lstrip().startswith("{"))
    return key, None if found else key


def _media(kind: str, where: str) -> Callable[[dict[str, Any], list[str], CallIds], Part | None]:
    def decode(fields: dict[str, Any], names: list[str], _ids: CallIds) -> Part | None:
        raw = fields.pop(kind)
        if not isinstance(raw, dict) or fields.get("thought") is True:
            return None  # a picture the model drew while thinking is not its answer
        blob, blob_names = camel(raw)
        content = take(blob, where, str)
        if content is None:
            return None
        media_type = take(blob, "mimeType", str)
        name = take(blob, "displayName", str)
        inside = nested(blob, blob_names)
        if inside:
            fields[kind] = inside
        signature = take(fields, "thoughtSignature", str)
        return Media(
            media_kind(media_type),
            media_type,
            data=content if kind == "inlineData" else None,
            url=content if kind == "fileData" else None,
            name=name,
            signature=signature,
            extra=kept(fields, names, type="absent" if media_type is None else None),
        )

    return decode


MediaKind = Literal["image", "document", "audio", "video", "file"]
_TOP_TYPES: dict[str, MediaKind] = {"image": "image", "audio": "audio", "video": "video", "text": "document"}


def media_kind(media_type: str | None) -> MediaKind:
    if not media_type:
        return "file"
    if media_type == "application/pdf":
        return "document"
    return _TOP_TYPES.get(media_type.partition("/")[0], "file")


def _server_call(kind: str) -> Callable[[dict[str, Any], list[str], CallIds], Part | None]:
    def decode(fields: dict[str, Any], names: list[str], _ids: CallIds) -> Part | None:
        raw = fields.pop(kind)
        if not isinstance(raw, dict):
            return None
        if kind == "executableCode":
            arguments = dict(raw)
            call_id = take(arguments, "id", str)
            return ServerToolCall(call_id, "code_execution", arguments, extra=kept(fields, names, kind=kind))
        call, call_names = camel(raw)
        call_id = take(call, "id", str)
        args = take(call, "args", dict)
        fields[kind] = nested(call, call_names, args="absent" if args is None else None)
        return ServerToolCall(call_id, _tool_name(call), args or {}, extra=kept(fields, names, kind=kind))

    return decode


def _server_result(kind: str) -> Callable[[dict[str, Any], list[str], CallIds], Part | None]:
    def decode(fields: dict[str, Any], names: list[str], _ids: CallIds) -> Part | None:
        raw = fields.pop(kind)
        if not isinstance(raw, dict):
            return None
        if kind == "codeExecutionResult":
            content = dict(raw)
            call_id = take(content, "id", str)
            return ServerToolResult(call_id, "code_execution", content, extra=kept(fields, names, kind=kind))
        answer, answer_names = camel(raw)
        call_id = take(answer, "id", str)
        absent = "absent" if "response" not in answer else None
        response = answer.pop("response", None)
        fields[kind] = nested(answer, answer_names, response=absent)
        return ServerToolResult(call_id, _tool_name(answer), response, extra=kept(fields, names, kind=kind))

    return decode


def _tool_name(fields: dict[str, Any]) -> str:
    kind = fields.get("toolType")
    return TOOL_TYPES.get(kind, kind.lower()) if isinstance(kind, str) else "tool"


_KINDS: dict[str, Callable[[dict[str, Any], list[str], CallIds], Part | None]] = {
    "text": _plain_text,
    "functionCall": _function_call,
    "functionResponse": _function_response,
    "inlineData": _media("inlineData", "data"),
    "fileData": _media("fileData", "fileUri"),
    "executableCode": _server_call("executableCode"),
    "codeExecutionResult": _server_result("codeExecutionResult"),
    "toolCall": _server_call("toolCall"),
    "toolResponse": _server_result("toolResponse"),
}
