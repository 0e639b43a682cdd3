"""How a vendor's chat format differs from OpenAI's: data, from the provider's row.

Decoding needs none of it: one decoder takes every spelling seen. A dialect says how to *write* for a vendor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

WIRE = "openai.chat"

REASONING_FORMS: dict[str, frozenset[str]] = {
    "reasoning_effort": frozenset({"effort"}),
    "reasoning": frozenset({"effort", "budget", "enabled", "include", "summary"}),
    "thinking": frozenset({"enabled", "budget"}),
    "thinking_switch": frozenset({"enabled"}),
    "enable_thinking": frozenset({"enabled"}),
}
"""The request fields vendors steer reasoning by, and which canonical options each can say. ``thinking_switch`` is
the field ``thinking`` without a budget.
"""

_CHOICES: dict[str, frozenset[str]] = {
    "seed": frozenset({"seed", "random_seed", ""}),
    "required": frozenset({"required", "any", ""}),
    "reasoning_field": frozenset({"", "reasoning_content", "reasoning", "content"}),
    "structured": frozenset({"json_schema", "json_object", ""}),
    "document_url": frozenset({"", "document_url", "file_url", "file"}),
    "stream_usage": frozenset({"ask", "always"}),
    "call_ids": frozenset({"short", "nine"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """The options of ``[calls.chat.dialect]``; the defaults are OpenAI's own.

    ``max_tokens``: names the output limit goes by, the preferred first. ``reasoning``: request fields that steer
    reasoning (:data:`REASONING_FORMS`). ``reasoning_field``: where an assistant turn carries its reasoning back
    (``content``: as thinking blocks; empty: nowhere). ``reasoning_details``: whether signed reasoning goes back as
    ``reasoning_details``. ``stream_usage``: ``always`` where a stream carries usage unasked and the option to ask
    is unknown. ``cache``: whether ``cache_control`` marks are understood. ``document_url``: the part that takes a
    document by its URL (``file``: as ``file_data``), empty where none does. ``video``, ``tool_media``: whether
    videos, and media in tool results, can be said; ``user``: whether the caller's own user can.
    ``media``: the kinds that can be said at all. ``efforts``: words for effort that are taken, from least to most, all
    where empty. ``tiers``: canonical service tier -> the vendor's word, as they are where empty.
    ``required``: the word for "some tool must be called", empty where there is none. ``server_tools``: canonical kind
    -> the tool object that asks for it. ``call_ids``: what ids of tool calls must be: at most 40 characters
    (``short``), or exactly nine letters and digits (``nine``).
    """

    max_tokens: tuple[str, ...] = ("max_completion_tokens", "max_tokens")
    seed: str = "seed"
    reasoning: tuple[str, ...] = ("reasoning_effort",)
    reasoning_field: str = ""
    reasoning_details: bool = False
    developer: bool = True
    required: str = "required"
    allowed_tools: bool = True
    parallel_tool_calls: bool = True
    structured: str = "json_schema"
    stream_usage: str = "ask"
    cache: bool = False
    top_k: bool = False
    video: bool = False
    document_url: str = ""
    tool_media: bool = False
    user: bool = True
    media: tuple[str, ...] = ("image", "audio", "video", "document", "file")
    efforts: tuple[str, ...] = ()
    tiers: Mapping[str, str] = field(default_factory=dict)
    call_ids: str = "short"
    server_tools: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def dialect(options: Mapping[str, Any]) -> Dialect:
    """A validated dialect. Raises TypeError naming the option that is wrong."""
    kinds = {f.name: type(getattr(Dialect(), f.name)) for f in fields(Dialect)}
    given: dict[str, Any] = {}
    for name, value in options.items():
        kind = kinds.get(name)
        if kind is None:
            raise TypeError(f"unknown option {name!r} (known: {', '.join(kinds)})")
        if kind is tuple and isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            value = tuple(value)
        if not isinstance(value, kind):
            raise TypeError(f"{name} must be a {'list of strings' if kind is tuple else kind.__name__}")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise TypeError(f"{name} must be one of {sorted(_CHOICES[name])}, not {value!r}")
        given[name] = value
    unknown = set(given.get("reasoning", ())) - REASONING_FORMS.keys()
    if unknown:
        raise TypeError(f"reasoning: unknown forms {sorted(unknown)} (known: {sorted(REASONING_FORMS)})")
    if "max_tokens" in given and not given["max_tokens"]:
        raise TypeError("max_tokens must name at least one field")
    return Dialect(**given)
