"""Functions of the caller's as tools: their declarations, and calling them with what the model asked for."""

from __future__ import annotations

import inspect
import logging
import types as python
import typing
from collections.abc import Callable, Mapping
from typing import Any

import pydantic

from modelmux.google.genai import types
from modelmux.google.genai.errors import (
    FunctionInvocationError,
    UnknownFunctionCallArgumentError,
    UnsupportedFunctionError,
)

LIMIT = 10
"""Requests that one call may become, where the caller does not say."""

logger = logging.getLogger("modelmux")


# --- declarations ---


def declared(function: Callable[..., Any], behavior: Any) -> Any:
    """A declaration with JSON schemas. Raises ValueError for a parameter whose type has none."""
    properties, defs = {}, {}
    for name, parameter in _parameters(function):
        found = _json_schema(parameter, function)
        defs.update(found.pop("$defs", {}))
        if parameter.default is not parameter.empty:
            found["default"] = parameter.default
        properties[name] = found
    made = types.FunctionDeclaration(name=function.__name__, description=_doc(function) or "", behavior=behavior)
    if not properties:
        return made
    made.parameters_json_schema = {
        "type": "object",
        "properties": properties,
        **({"$defs": defs} if defs else {}),
        "required": [name for name, found in properties.items() if found and "default" not in found],
    }
    answer = _answer(function)
    if answer is not None:
        made.response_json_schema = _json_schema(answer, function)
    return made


def _parameters(function: Callable[..., Any]) -> list[tuple[str, inspect.Parameter]]:
    hints = _hints(function)
    found = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            found.append((name, parameter.replace(annotation=hints.get(name, parameter.annotation))))
    return found


def _answer(function: Callable[..., Any]) -> inspect.Parameter | None:
    found = _hints(function).get("return", inspect.signature(function).return_annotation)
    if found is inspect.Signature.empty:
        return None
    return inspect.Parameter("return_value", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=found)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    signature = inspect.signature(function)
    wanted = [parameter.annotation for parameter in signature.parameters.values()] + [signature.return_annotation]
    if not any(isinstance(one, str) for one in wanted):
        return {}
    return typing.get_type_hints(function, include_extras=True)


def _doc(function: Callable[..., Any]) -> str | None:
    return inspect.cleandoc(function.__doc__) if function.__doc__ else function.__doc__


def _json_schema(parameter: inspect.Parameter, function: Callable[..., Any]) -> dict[str, Any]:
    kind = parameter.annotation
    try:
        if _is_model(kind):
            schema: dict[str, Any] = kind.model_json_schema()
            return schema
        found: dict[str, Any] = adapter(kind).json_schema()
    except Exception as error:
        raise _unsupported(parameter, function) from error
    if (
        found.get("type") == "array"
        and found.get("maxItems")
        and len(found.get("prefixItems", ())) == found["maxItems"]
    ):
        found["unevaluatedItems"] = False
    return found


def _unsupported(parameter: inspect.Parameter, function: Callable[..., Any]) -> ValueError:
    return ValueError(
        f"Failed to parse the parameter {parameter} of function {function.__name__} for automatic function calling."
        "Automatic function calling works best with simpler function signature schema, consider manually parsing your"
        f" function declaration for function {function.__name__}."
    )


_KINDS = {str: "STRING", int: "INTEGER", float: "NUMBER", bool: "BOOLEAN", list: "ARRAY", dict: "OBJECT"}


def declared_by_schema(function: Callable[..., Any], behavior: Any, *, answers: bool) -> Any:
    """A declaration with the vendor's own Schema. ``answers``: with what the function returns, too."""
    properties = {name: _schema(parameter, function) for name, parameter in _parameters(function)}
    made = types.FunctionDeclaration(name=function.__name__, description=_doc(function), behavior=behavior)
    if properties:
        made.parameters = types.Schema(type="OBJECT", properties=properties, required=_required(properties))
    answer = _answer(function) if answers else None
    if answer is not None:
        made.response = _schema(answer, function)
    return made


def _required(properties: Mapping[str, Any]) -> list[str]:
    return [name for name, one in properties.items() if not one.nullable and one.default is None]


def _schema(parameter: inspect.Parameter, function: Callable[..., Any]) -> Any:
    made = _by_type(parameter.annotation, parameter, function)
    default = parameter.default
    if default is not parameter.empty and default is not None:
        if made.type is not None and made.any_of is None and not _fits(default, parameter.annotation):
            raise ValueError(
                f"Default value {default} of parameter {parameter} of function {function.__name__} is not compatible"
                f" with the parameter annotation {parameter.annotation}."
            )
        made.default = default
    return made


def _by_type(kind: Any, parameter: inspect.Parameter, function: Callable[..., Any]) -> Any:
    if inspect.isclass(kind) and kind in _KINDS:
        return types.Schema(type=_KINDS[kind])
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin is dict:
        return types.Schema(type="OBJECT")
    if origin is list:
        return types.Schema(type="ARRAY", items=_by_type(args[0], parameter, function))
    if origin is typing.Literal:
        if not all(isinstance(one, str) for one in args):
            raise ValueError(f"Literal type {kind} must be a list of strings.")
        return types.Schema(type="STRING", enum=list(args))
    if origin in (typing.Union, python.UnionType):
        some = [_by_type(one, parameter, function) for one in args if one is not type(None)]
        nullable = True if len(some) < len(args) else None
        if len(some) == 1:
            some[0].nullable = nullable
            return some[0]
        return types.Schema(type="OBJECT", any_of=some, nullable=nullable)
    if _is_model(kind):
        inner = {name: _by_type(info.annotation, parameter, function) for name, info in kind.model_fields.items()}
        return types.Schema(type="OBJECT", properties=inner, required=_required(inner) or None)
    raise _unsupported(parameter, function)


def _fits(value: Any, kind: Any) -> bool:
    try:
        pydantic.TypeAdapter(kind).validate_python(value, strict=True)
    except pydantic.ValidationError:
        return False
    return True


# --- calls ---


class Plan:
    """What automatic calling does in one call: which functions, how often. ``on`` is False where there is none."""

    def __init__(self, config: Any, *, is_async: bool) -> None:
        asked = config.automatic_function_calling if config is not None else None
        limit = LIMIT if asked is None or asked.maximum_remote_calls is None else int(asked.maximum_remote_calls)
        tools = (config.tools if config is not None else None) or ()
        self.limit = limit
        self.on = limit > 0 and not (asked is not None and asked.disable)
        self.history = not (asked is not None and asked.ignore_call_history)
        declared_too = [index for index, tool in enumerate(tools) if _declares(tool)]
        self.functions = _functions(tools, is_async=is_async) if self.on and not declared_too else {}
        if self.on and declared_too and any(map(_is_function, tools)):
            logger.warning(
                "Tools at indices %s are declarations: none of the functions is called automatically.", declared_too
            )
        if declared_too:
            self.on = False


def _is_function(tool: Any) -> bool:
    return callable(tool) and not isinstance(tool, pydantic.BaseModel)


def _declares(tool: Any) -> bool:
    if isinstance(tool, Mapping):
        tool = types.Tool.model_validate(tool)
    return isinstance(tool, types.Tool) and bool(tool.function_declarations or tool.mcp_servers)


def _functions(tools: Any, *, is_async: bool) -> dict[str, Callable[..., Any]]:
    found = {}
    for tool in tools:
        if _is_function(tool):
            if inspect.iscoroutinefunction(tool) and not is_async:
                raise UnsupportedFunctionError(
                    f"Function {tool.__name__} is a coroutine function, which is not supported for automatic function"
                    f" calling. Please manually invoke {tool.__name__} to get the function response."
                )
            found[tool.__name__] = tool
    return found


def asked_for(response: Any) -> list[Any]:
    """The calls in an answer's first candidate that say all that is needed."""
    return [
        call for call in response.function_calls or () if isinstance(call.name, str) and isinstance(call.args, Mapping)
    ]


def arguments(function: Callable[..., Any], args: Mapping[str, Any]) -> dict[str, Any]:
    """What the model says, as the function's parameters take it. Raises UnknownFunctionCallArgumentError."""
    hints = _hints(function)
    out = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in args:
            out[name] = _argument(_numbers(args[name]), hints.get(name, parameter.annotation), name, function)
    return out


def _numbers(value: Any) -> Any:
    """Whole numbers, which JSON does not tell from others, as int."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _numbers(item) for key, item in value.items()}
    return [_numbers(item) for item in value] if isinstance(value, list) else value


def _argument(value: Any, kind: Any, name: str, function: Callable[..., Any]) -> Any:
    if kind is inspect.Parameter.empty or kind is Any:
        return value
    if kind is float and isinstance(value, int):
        return value
    try:
        return adapter(kind).validate_python(value)
    except pydantic.ValidationError as error:
        raise UnknownFunctionCallArgumentError(
            f"Failed to parse parameter {name} for function {function.__name__} from function call part because"
            f" function call argument value {value} is not compatible with parameter annotation {kind}, due to"
            f" error {error}"
        ) from error


def adapter(kind: Any) -> Any:
    """What pydantic makes of a type; classes of the caller's own are allowed in it."""
    try:
        return pydantic.TypeAdapter(kind, config=pydantic.ConfigDict(arbitrary_types_allowed=True))
    except pydantic.PydanticUserError:  # a type that has a configuration of its own
        return pydantic.TypeAdapter(kind)


def _is_model(kind: Any) -> bool:
    return inspect.isclass(kind) and issubclass(kind, pydantic.BaseModel)


def failure(function: Callable[..., Any], given: Mapping[str, Any], args: Mapping[str, Any], error: Exception) -> str:
    """What the model is told of a function that raised."""
    return str(
        FunctionInvocationError(
            f"Failed to invoke function {function.__name__} with converted arguments {given} from model returned"
            f" function call argument {args} because of error {error}"
        )
    )


def answer_part(name: str, result: dict[str, Any]) -> Any:
    """What a function gave, as a part of the next turn."""
    return types.Part.from_function_response(name=name, response=result)
