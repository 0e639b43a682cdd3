"""Functions in the form that OpenAI gave them and several other formats took over."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

from modelmux.types import ServerTool, Tool
from modelmux.wire._kept import Keeper
from modelmux.wire._losses import CACHED, Loss, Losses


def decode_function(tool: Any, keeper: Keeper) -> Tool | ServerTool:
    """One item of ``tools``. Anything that is no function is a tool of the vendor's, kept as it is.

    A ``strict`` at the function is left among the vendor fields: these formats say it elsewhere, or not at all.
    """
    if not isinstance(tool, dict):
        return ServerTool("unknown", keeper.wire, {"$value": tool})
    inner = tool.get("function")
    name = inner.get("name") if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or not isinstance(name, str) or tool.get("type", "function") != "function":
        return ServerTool(str(tool.get("type") or "unknown"), keeper.wire, tool)
    rest, outer = dict(inner), {key: value for key, value in tool.items() if key not in ("type", "function")}
    del rest["name"]
    description = rest.pop("description") if isinstance(rest.get("description"), str) else None
    parameters = rest.pop("parameters") if isinstance(rest.get("parameters"), dict) else None
    if rest:
        outer["function"] = rest
    if parameters is None:
        outer["$bare"] = True
    if "type" not in tool:
        outer["$untyped"] = True
    return Tool(name, description, parameters, extra=keeper.keep(outer))


def encode_tools(
    tools: Iterable[Tool | ServerTool],
    keeper: Keeper,
    losses: Losses,
    offered: Container[str] | None = None,
    *,
    cached: Loss = CACHED,
    strict: Loss | None = None,
) -> list[Any]:
    """The items of ``tools``, of functions those that are ``offered`` (None: all). ``cached`` and ``strict``: what is
    reported of tools that say so.
    """
    said: list[Any] = []
    for tool in tools:
        if isinstance(tool, ServerTool):
            if tool.wire == keeper.wire:
                said.append(tool.config.get("$value", tool.config))
            else:
                losses.add(f"tools.{tool.kind}", "dropped", "a tool run by another vendor")
        elif offered is None or tool.name in offered:
            if tool.strict and strict is not None:
                losses.add(*strict)
            if tool.cache is not None:
                losses.add(*cached)
            said.append(encode_function(tool, keeper))
    return said


def encode_function(tool: Tool, keeper: Keeper) -> dict[str, Any]:
    """The item of ``tools``, without ``strict``."""
    own = keeper.of(tool.extra)
    function = {"name": tool.name, **own.get("function", {})}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.parameters is not None:
        function["parameters"] = tool.parameters
    elif "$bare" not in own:  # what may be left out elsewhere is wanted here
        function["parameters"] = {"type": "object", "properties": {}}
    item: dict[str, Any] = {} if "$untyped" in own else {"type": "function"}
    return {**item, **keeper.fields(tool.extra), "function": function}
