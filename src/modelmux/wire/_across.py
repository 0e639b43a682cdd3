"""What a request from elsewhere needs before a format says it, whichever the format.

Names of tools are brought under the target's rule, results that name no call find theirs, and fields that only the
wire of origin understands are reported. A request that came in on the very wire it goes out on is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from modelmux.types import Extra, Message, Part, Request, ToolCall, ToolResult, Warning
from modelmux.wire._names import RENAMED, NameRule, renaming, with_names

_HOLDERS = frozenset({"$config", "$options"})
"""Hints under which a codec keeps the fields it does not know of an object it takes apart."""

_OF_THE_FORM = frozenset({"model", "stream", "stream_options", "anthropic_version"})
"""Fields of how a request is made, which every format has its own for: nothing that a caller misses."""


def arrived(req: Request, wire: str, rule: NameRule | None = None) -> tuple[Request, list[Warning]]:
    """The request as ``wire`` can take it over, and what was done to it. ``rule``: what tools may be called there."""
    if wire in req.extra or (req.source is not None and req.source.wire == wire):
        return req, []
    warnings = [Warning(*found) for found in _left_behind(req.extra, wire)]
    messages = with_results_claimed(req.messages)
    if messages is not req.messages:
        req = replace(req, messages=messages)
    names = renaming(req, rule) if rule is not None else None
    if names:
        req = with_names(req, names)
        said = ", ".join(f"{old!r} as {new!r}" for old, new in names.items())
        warnings.append(Warning(RENAMED, "renamed", f"not allowed here: {said}"))
    return req, warnings


def _left_behind(extra: Extra, wire: str) -> Iterator[tuple[str, str, str]]:
    for origin, fields in extra.items():
        if origin != wire:
            for name in dict.fromkeys(_fields(fields)):
                yield name, "dropped", f"a field that only {origin} understands"


def _fields(fields: Mapping[str, Any]) -> Iterator[str]:
    for name, value in fields.items():
        if name in _HOLDERS and isinstance(value, dict):
            yield from _fields(value)
        elif name[:1] != "$" and name not in _OF_THE_FORM and _says_something(value):
            yield name


def _says_something(value: Any) -> bool:
    if isinstance(value, dict):
        return any(key[:1] != "$" and _says_something(inner) for key, inner in value.items())
    return value is not None and value != "" and value != []


def with_results_claimed(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The conversation with results that name no call given to the oldest call without one; itself where all do.

    Lenient servers take results without ids, and then count on the order.
    """
    if not any(type(part) is ToolResult and not part.id for message in messages for part in message.content):
        return messages
    waiting: list[str] = []
    return tuple(replace(turn, content=tuple(_claimed(part, waiting) for part in turn.content)) for turn in messages)


def _claimed(part: Part, waiting: list[str]) -> Part:
    if isinstance(part, ToolCall):
        waiting.append(part.id)
    elif isinstance(part, ToolResult):
        if part.id in waiting:
            waiting.remove(part.id)
        elif not part.id and waiting:
            return replace(part, id=waiting.pop(0))
    return part
