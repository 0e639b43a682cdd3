"""What the model makes: messages, reasoning, calls and the vendor's own tools, as items and as parts.

An assistant's turn is a list of parts, and the first part of each item knows the item's other fields (``$item``) and
the provider that made it (``$from``): ids and encrypted reasoning mean nothing to another one. Every further part of
the same message carries ``$join``, and a part that only repeats what a call's item holds ``$derived``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelmux._json import parse_arguments
from modelmux.types import Media, Opaque, Part, Reasoning, ServerToolCall, ServerToolResult, Text, ToolCall
from modelmux.wire._kept import items as listed
from modelmux.wire._kept import word
from modelmux.wire.openai_responses.dialect import WIRE
from modelmux.wire.openai_responses.parts import decode_part
from modelmux.wire.openai_responses.saying import kept

SERVER_CALLS: dict[str, tuple[str, str, str]] = {
    "web_search_call": ("web_search", "action", ""),
    "file_search_call": ("file_search", "", "results"),
    "code_interpreter_call": ("code_execution", "", "outputs"),
    "computer_call": ("computer", "action", ""),
    "image_generation_call": ("image_generation", "", ""),
    "mcp_call": ("mcp", "arguments", "output"),
    "local_shell_call": ("local_shell", "action", ""),
    "shell_call": ("shell", "action", ""),
    "apply_patch_call": ("apply_patch", "operation", ""),
    "tool_search_call": ("tool_search", "arguments", ""),
}
"""Tools the vendor runs: item type -> canonical kind, the field with the arguments, the field with the result."""

_ASKED_IN: dict[str, tuple[str, ...]] = {"file_search": ("queries",), "code_execution": ("code", "container_id")}
"""Kinds whose arguments stand beside the item's other fields."""

_OUTPUTS = ("output", "result", "tools")


def decode_item(item: dict[str, Any], provider: str, *, asked: bool) -> list[Part]:
    """The parts that an item of the model's amounts to. What is not understood is kept whole."""
    kind = item.get("type")
    if kind is None and item.get("role") == "assistant":
        kind = "message"
    if isinstance(kind, str):
        decode = _DECODERS.get(kind)
        parts = None if decode is None else decode(item, provider, asked)
        if parts is not None:
            return parts
        if kind.endswith("_call"):
            return _server_call(item, kind, provider)
        if kind.endswith("_output"):
            return [_server_result(item, kind.removesuffix("_output").removesuffix("_call"), provider)]
    return [Opaque(WIRE, item)]


def _message(item: dict[str, Any], provider: str, asked: bool) -> list[Part] | None:
    hints: dict[str, Any] = {
        "$item": {name: value for name, value in item.items() if name not in ("type", "role", "content")},
        "$from": provider,
    }
    if "type" not in item:
        hints["$bare"] = True
    content = item.get("content")
    if isinstance(content, str):
        hints["$string"] = True
        return [Text(content, extra=kept(hints))]
    parts: list[Part] = []
    for part in listed(content):
        decoded = decode_part(part, hints, asked=asked)
        # A block of the content is told from an item by what it is wrapped in.
        parts.append(Opaque(WIRE, {"$part": part, **hints}) if decoded is None else decoded)
        hints = {"$join": True}
    return parts


def _reasoning(item: dict[str, Any], provider: str, asked: bool) -> list[Part]:
    rest = {name: value for name, value in item.items() if name != "type" and (asked or value not in (None, []))}
    said, summed = texts_of(item.get("content")), texts_of(item.get("summary"))
    text = said or summed
    if item.get("summary") == summary_of("" if said else text):
        rest.pop("summary", None)
    elif "summary" not in item:
        rest["$unsummed"] = True
    redacted = rest.pop("encrypted_content") if word(rest.get("encrypted_content")) else None
    item_id = rest.pop("id") if word(rest.get("id")) else None
    return [Reasoning(text, redacted=redacted, id=item_id, extra=kept({**rest, "$from": provider}))]


def texts_of(pieces: Any) -> str:
    """The text of a reasoning item's ``summary`` or ``content``."""
    return "".join(
        piece["text"] for piece in listed(pieces) if isinstance(piece, dict) and isinstance(piece.get("text"), str)
    )


def summary_of(text: str) -> list[dict[str, Any]]:
    return [{"type": "summary_text", "text": text}] if text else []


def _call(field: str) -> Callable[[dict[str, Any], str, bool], list[Part] | None]:
    def decode(item: dict[str, Any], provider: str, asked: bool) -> list[Part] | None:
        rest = {name: value for name, value in item.items() if asked or value is not None}
        kind, name, given = rest.pop("type"), rest.pop("name", None), rest.pop(field, None)
        if not isinstance(name, str):
            return None
        call_id = rest.pop("call_id", None)
        if not isinstance(call_id, str) or not call_id:
            if asked:
                rest["$call_id"] = call_id
            call_id = word(item.get("id")) or ""
        if kind != "function_call":
            rest["$type"] = kind
        if not isinstance(given, str) or not given:
            if asked or given:
                rest["$given"] = given
            arguments, raw = (given if isinstance(given, dict) else {}), None
        else:
            arguments, raw = parse_arguments(given)
        return [ToolCall(call_id, name, arguments, raw, extra=kept({**rest, "$from": provider}))]

    return decode


_DECODERS: dict[str, Callable[[dict[str, Any], str, bool], list[Part] | None]] = {
    "message": _message,
    "reasoning": _reasoning,
    "function_call": _call("arguments"),
    "custom_tool_call": _call("input"),
}


# --- tools the vendor runs -----------------------------------------------------------------------------------


def _server_call(item: dict[str, Any], kind: str, provider: str) -> list[Part]:
    name, asks, gives = SERVER_CALLS.get(kind, (kind.removesuffix("_call"), "arguments", "output"))
    arguments: Any = item.get(asks) if asks else {field: item.get(field) for field in _ASKED_IN.get(name, ())}
    if arguments is None:
        arguments = item.get("arguments")  # xAI names its searches' arguments as a function's
    if isinstance(arguments, str):
        arguments, _ = parse_arguments(arguments)
    call_id = word(item.get("call_id")) or word(item.get("id"))
    if name == "mcp":
        name = word(item.get("name")) or name
    hints: dict[str, Any] = {"$item": item, "$from": provider}
    parts: list[Part] = [
        ServerToolCall(call_id, name, arguments if isinstance(arguments, dict) else {}, extra=kept(hints))
    ]
    given = item.get(gives) if gives else None
    if given is not None:
        parts.append(ServerToolResult(call_id, name, given, extra=kept({"$derived": True})))
    drawn = item.get("result") if name == "image_generation" else None
    if isinstance(drawn, str) and drawn:
        form = word(item.get("output_format")) or "png"
        parts.append(Media("image", f"image/{form}", drawn, extra=kept({"$derived": True})))
    return parts


def _server_result(item: dict[str, Any], name: str, provider: str) -> Part:
    content = next((item[field] for field in _OUTPUTS if item.get(field) is not None), None)
    call_id = word(item.get("call_id")) or word(item.get("id"))
    return ServerToolResult(call_id, name, content, extra=kept({"$item": item, "$from": provider}))
