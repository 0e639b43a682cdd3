"""Parsing for the Responses API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from modelmux._dropin.absent import is_given, omit
from modelmux._dropin.filling import build
from modelmux._json import loads
from modelmux.openai._registry import registry
from modelmux.openai.lib._parsing._completions import into, is_kind, schema_of
from modelmux.openai.lib._tools import PydanticFunctionTool, ResponsesPydanticFunctionTool

PARSED = "types.responses.parsed_response:ParsedResponse"
EVENT = "types.responses.response_stream_event:ResponseStreamEvent"


def text_format(kind: Any) -> dict[str, Any]:
    """A type as ``text.format``. Raises TypeError for what is no type."""
    if not is_kind(kind):
        raise TypeError(f"Unsupported response_format type - {kind}")
    return {"type": "json_schema", **schema_of(kind)}


def with_format(text: Any, kind: Any) -> Any:
    """The ``text`` argument with a type's format in it. Raises TypeError when it has one already."""
    if not is_given(kind) or kind is None:
        return text
    text = dict(text) if is_given(text) and text else {}
    if "format" in text:
        raise TypeError("Cannot mix and match text.format with text_format")
    return {**text, "format": text_format(kind)}


def read_as(kind: Any, given: Any, messages: Any) -> Any:
    """What the answer is parsed into: ``given`` (``parse_as``) where the caller says it, else the format's own type
    ``kind``; an update of the format among the input's items goes before both. Raises TypeError where the two differ.
    """
    update = _last_format(messages)
    if update is None:
        return given if is_given(given) else kind
    if update.get("type") == "text":
        if is_given(given) and given is not None:
            raise TypeError("Cannot pass parse_as with a plain-text format update")
        return omit
    if not is_given(given):
        raise TypeError("Pass parse_as to say what the updated format is to be parsed into")
    return given


def _last_format(messages: Any) -> Any:
    items = messages if isinstance(messages, list | tuple) else ()
    texts = (x.get("text") for x in items if isinstance(x, dict) and x.get("type") == "configuration_update")
    found = [text["format"] for text in texts if isinstance(text, dict) and isinstance(text.get("format"), dict)]
    return found[-1] if found else None


def as_tools(tools: Any) -> Any:
    """Tools as this API declares functions: those that were made for chat completions are turned."""
    if not is_given(tools) or tools is None:
        return tools
    return [_as_tool(tool) for tool in tools]


def _as_tool(tool: Any) -> Any:
    if isinstance(tool, dict) and tool.get("type") == "namespace" and not isinstance(tool.get("tools"), list | None):
        return {**tool, "tools": list(tool["tools"])}  # read twice: for the request, and for what comes of it
    if not isinstance(tool, dict) or not isinstance(tool.get("function"), dict):
        return tool
    function = tool["function"]
    flat = {"type": "function", **function}
    return ResponsesPydanticFunctionTool(flat, function.model) if isinstance(function, PydanticFunctionTool) else flat


def parse_response(*, text_format: Any = omit, input_tools: Any = omit, response: Any) -> Any:
    """A response of the parsed kind: text as ``text_format``, arguments as the tools say."""
    data = response if isinstance(response, dict) else response.to_dict()
    return finish(build(registry.cls(PARSED), data), text_format, input_tools)


def finish(parsed: Any, kind: Any, tools: Any) -> Any:
    """Put what was parsed into a response of the parsed kind."""
    known = list(tools) if is_given(tools) and tools is not None else []
    if parsed.__dict__.get("output") is None:
        parsed.__dict__["output"] = []
    for item in parsed.output:
        what = getattr(item, "type", None)
        if what == "message" and item.__dict__.get("content") is None:
            item.__dict__["content"] = []
        if what == "message" and is_kind(kind) and is_final(item.__dict__.get("phase")):
            for part in item.content:
                text = getattr(part, "text", None)
                if getattr(part, "type", None) == "output_text" and text:
                    part.parsed = into(kind, text)
        elif what == "function_call":
            where = item.__dict__.get("namespace")
            item.parsed_arguments = arguments_of(within(known, where, item.name), item.name, item.arguments)
    return parsed


def is_final(phase: Any) -> bool:
    """Whether a message's phase says that it is the answer: commentary on the way is not what was asked for."""
    return phase is None or phase == "final_answer"


type_to_text_format_param = text_format


def within(tools: list[Any], namespace: str | None, name: str) -> list[Any]:
    """The tools among which a call's name is to be looked up."""
    if namespace is None:
        return tools
    spaces = [t for t in tools if isinstance(t, dict) and t.get("type") == "namespace" and t.get("name") == namespace]
    if spaces:
        return [tool for space in spaces for tool in space.get("tools") or ()]
    return tools if namespace == name else []


def arguments_of(tools: Iterable[Any], name: str, text: str) -> Any:
    """A function call's arguments: a model, a dict of a strict tool, or None where the tool is neither."""
    tool = next(
        (t for t in tools if isinstance(t, dict) and t.get("type") == "function" and t.get("name") == name), None
    )
    if tool is None:
        return None
    if isinstance(tool, PydanticFunctionTool):
        return into(tool.model, text)
    return loads(text) if tool.get("strict") else None
