"""What the answer's text and arguments become: models of the caller's."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from functools import cache
from typing import Any, TypeVar

import pydantic

from modelmux._dropin.absent import is_given
from modelmux._dropin.resources import Call
from modelmux._json import loads
from modelmux.openai._exceptions import ContentFilterFinishReasonError, LengthFinishReasonError
from modelmux.openai.lib._pydantic import to_strict_json_schema
from modelmux.openai.lib._tools import PydanticFunctionTool


@cache
def adapter(kind: Any) -> Any:
    return pydantic.TypeAdapter(kind)


def is_kind(response_format: Any) -> bool:
    """Whether this is a type to parse into: a pydantic model, or a dataclass of pydantic's."""
    if not inspect.isclass(response_format):
        return False
    return issubclass(response_format, pydantic.BaseModel) or hasattr(response_format, "__pydantic_config__")


def schema_of(kind: Any) -> dict[str, Any]:
    """A type's name and strict schema."""
    source = kind if issubclass(kind, pydantic.BaseModel) else adapter(kind)
    return {"schema": to_strict_json_schema(source), "name": kind.__name__, "strict": True}


def wire_format(response_format: Any) -> Any:
    """``response_format`` as it is sent. Raises TypeError for what is neither a type nor a mapping."""
    if not is_given(response_format) or response_format is None or isinstance(response_format, dict):
        return response_format
    if not is_kind(response_format):
        raise TypeError(f"Unsupported response_format type - {response_format}")
    return {"type": "json_schema", "json_schema": schema_of(response_format)}


def into(kind: Any, text: str) -> Any:
    """Text as a model. Raises pydantic's ValidationError."""
    if issubclass(kind, pydantic.BaseModel):
        return kind.model_validate_json(text)
    return adapter(kind).validate_json(text)


def checked_tools(tools: Any) -> list[Any]:
    """The tools, all of which must be strict functions. Raises ValueError for one that is not."""
    out = []
    for tool in _listed(tools):
        if tool.get("type") != "function":
            raise ValueError(
                f"Currently only `function` tool types support auto-parsing; Received `{tool.get('type')}`"
            )
        if tool["function"].get("strict") is not True:
            raise ValueError(
                f"`{tool['function']['name']}` is not strict. Only `strict` function tools can be auto-parsed"
            )
        out.append(tool)
    return out


def _listed(tools: Any) -> Iterable[Any]:
    return tools if is_given(tools) and tools is not None else ()


def parseable(response_format: Any, tools: Iterable[Any]) -> bool:
    """Whether anything in an answer is to be parsed."""
    if is_kind(response_format) or (isinstance(response_format, dict) and response_format.get("type") == "json_schema"):
        return True
    return any((tool.get("function") or {}).get("strict") for tool in tools if isinstance(tool, dict))


def arguments_of(tools: Iterable[Any], name: str, text: str) -> Any:
    """A function call's arguments: a model, a dict of a strict tool, or None where the tool is neither."""
    tool = next(
        (t for t in tools if t.get("type") == "function" and (t.get("function") or {}).get("name") == name), None
    )
    if tool is None:
        return None
    function = tool["function"]
    if isinstance(function, PydanticFunctionTool):
        return into(function.model, text)
    return loads(text) if function.get("strict") else None


def finish(completion: Any, response_format: Any, tools: Iterable[Any]) -> Any:
    """Put what was parsed into a completion of the parsed kind. Raises where it ended too early to be parsed."""
    for choice in completion.choices or ():
        reason = getattr(choice, "finish_reason", None)
        if reason == "length":
            raise LengthFinishReasonError(completion=completion)
        if reason == "content_filter":
            raise ContentFilterFinishReasonError(completion=completion)
        message = choice.message
        for call in getattr(message, "tool_calls", None) or ():
            if getattr(call, "type", None) == "function":
                call.function.parsed_arguments = arguments_of(tools, call.function.name, call.function.arguments)
        if is_kind(response_format) and message.content is not None and not message.refusal:
            message.parsed = into(response_format, message.content)
    return completion


def partial(text: str) -> Any:
    """JSON that is still being written, as far as it goes; None where that is nowhere."""
    from pydantic_core import from_json

    try:
        return from_json(text, allow_partial="trailing-strings")
    except ValueError:
        return None


def parse_chat_completion(*, response_format: Any, input_tools: Any, chat_completion: Any) -> Any:
    """A completion of the parsed kind."""
    from modelmux._dropin.filling import build
    from modelmux.openai._registry import registry

    made = build(registry.cls("types.chat.parsed_chat_completion:ParsedChatCompletion"), chat_completion.to_dict())
    return finish(made, response_format, list(_listed(input_tools)))


type_to_response_format_param = wire_format
ResponseFormatT = TypeVar("ResponseFormatT")


def options_of(resource: Any, method: str, given: dict[str, Any]) -> Any:
    """Keywords as the request that a method of the tables makes of them."""
    table = resource._registry_.resource(resource._ref_)["m"][method]
    call = Call(f"{type(resource).__name__}.{method}", table)
    return call.options(call.bind((), given))
