"""What a request from elsewhere needs before a format says it, whichever the format.

Names of tools are brought under the target's rule, results that name no call find theirs, and fields that only the
wire of origin understands are reported. A request that came in on the very wire it goes out on is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from modelmux.types import Extra, Media, Message, Part, Request, Text, Tool, ToolCall, ToolResult, Warning
from modelmux.wire._names import RENAMED, NameRule, renaming, with_names

_HOLDERS = frozenset({"$config", "$options"})
"""Hints under which a codec keeps the fields it does not know of an object it takes apart."""

_OF_THE_FORM = frozenset({"model", "stream", "stream_options", "anthropic_version"})
"""Fields of how a request is made, which every format has its own for: nothing that a caller misses."""

_ASKED_OF_PARTS = frozenset({"defer_loading", "eager_input_streaming", "allowed_callers", "input_examples"}) | {
    "citations",
    "context",
}
"""Fields of tools and documents that ask for something."""


def arrived(req: Request, wire: str, rule: NameRule | None = None) -> tuple[Request, list[Warning]]:
    """The request as ``wire`` can take it over, and what was done to it. ``rule``: what tools may be called there."""
    if wire in req.extra or (req.source is not None and req.source.wire == wire):
        return req, []
    holders, called, orphans = _surveyed(req)
    warnings = [Warning(*found) for found in dict.fromkeys(_left_behind(holders, wire))] if holders else []
    if orphans:
        req = replace(req, messages=with_results_claimed(req.messages))
    names = renaming(req, rule, called) if rule is not None and (req.tools or called) else None
    if names:
        req = with_names(req, names)
        said = ", ".join(f"{old!r} as {new!r}" for old, new in names.items())
        warnings.append(Warning(RENAMED, "renamed", f"not allowed here: {said}"))
    return req, warnings


def _surveyed(req: Request) -> tuple[list[tuple[str, Extra]], list[str], bool]:
    """Whatever keeps fields of a wire's own, with a prefix for their names; the tools called; whether any result names
    no call. Ids and states of parts other than documents mean nothing to anybody else.
    """
    holders: list[tuple[str, Extra]] = [("", req.extra)] if req.extra else []
    holders += [("tools.", tool.extra) for tool in req.tools if type(tool) is Tool and tool.extra]
    called: list[str] = []
    orphans = False
    for turn in req.messages:
        for part in turn.content:
            if type(part) is Text:
                continue
            if isinstance(part, ToolCall):
                called.append(part.name)
            elif isinstance(part, ToolResult):
                orphans = orphans or not part.id
                holders += [("media.", item.extra) for item in part.content if type(item) is Media and item.extra]
            elif isinstance(part, Media) and part.extra:
                holders.append(("media.", part.extra))
    return holders, called, orphans


def _left_behind(holders: list[tuple[str, Extra]], wire: str) -> Iterator[tuple[str, str, str]]:
    for prefix, extra in holders:
        for origin, fields in extra.items():
            if origin != wire:
                for name in _fields(fields):
                    if not prefix or (name in _ASKED_OF_PARTS and fields[name] is not False):
                        yield prefix + name, "dropped", f"a field that only {origin} understands"


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
    """The conversation with results that name no call given to the oldest call without one.

    Lenient servers take results without ids, and then count on the order.
    """
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
