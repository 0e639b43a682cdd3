"""Tools as a call's arguments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

TAG = "_stainless_helper"
"""The attribute that says which helper an object came from; the vendor counts them."""


class Tagged(dict[str, Any]):
    """An argument that says which helper it came from."""


def to_params(tools: Iterable[Any]) -> list[Any]:
    """Tools with those that are objects (``@beta_tool`` functions) written out."""
    return [_param(tool) for tool in tools]


def _param(tool: Any) -> Any:
    if isinstance(tool, dict) or not hasattr(tool, "to_dict"):
        return tool
    found, tag = tool.to_dict(), getattr(tool, TAG, None)
    if tag is None:
        return found
    tagged = Tagged(found)
    object.__setattr__(tagged, TAG, tag)
    return tagged


def helpers_of(tools: Any, messages: Any) -> list[str]:
    """The helpers that a call's tools and messages came from, each once."""
    found: dict[str, None] = {}
    for thing in _things(tools, messages):
        tag = getattr(thing, TAG, None)
        if isinstance(tag, str):
            found[tag] = None
    return list(found)


def _things(tools: Any, messages: Any) -> Iterable[Any]:
    if isinstance(tools, list | tuple):
        yield from tools
    for message in messages if isinstance(messages, list | tuple) else ():
        yield message
        content = message.get("content") if isinstance(message, dict) else getattr(message, "content", None)
        if isinstance(content, list):
            yield from content
