"""Tools given as schemas or as typed Python functions, and structured output given as types."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_type_hints

from modelmux.errors import InvalidOutput, InvalidRequest
from modelmux.types import Output, Reply, ServerTool, Tool

_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_SCHEMA_KEYS = ("parameters", "input_schema", "inputSchema", "parametersJsonSchema")
_SCHEMA_TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})


def canonical_tools(tools: Sequence[Any] | None) -> tuple[Tool | ServerTool, ...]:
    """Tools from dicts in any vendor's spelling, Python functions, or Tool objects.

    Raises InvalidRequest naming the tool and the field.
    """
    if tools is None:
        return ()
    if isinstance(tools, (str, Mapping)) or callable(tools):
        raise InvalidRequest("tools must be a list, even for one tool", field="tools")
    made = tuple(_tool(tool, f"tools[{index}]") for index, tool in enumerate(tools))
    seen: set[str] = set()
    for index, tool in enumerate(made):
        if isinstance(tool, Tool):
            if tool.name in seen:
                raise InvalidRequest(f"two tools are called {tool.name!r}", field=f"tools[{index}].name")
            seen.add(tool.name)
    return made


def _tool(tool: Any, where: str) -> Tool | ServerTool:
    if isinstance(tool, ServerTool):
        return tool
    if isinstance(tool, Tool):
        made = tool
    elif isinstance(tool, Mapping):
        made = _from_mapping(tool, where)
    elif callable(tool):
        made = from_function(tool)
    else:
        raise InvalidRequest(f"{where} is a {type(tool).__name__}; give a dict, a function or a Tool", field=where)
    _check(made, where)
    return made


def _from_mapping(given: Mapping[str, Any], where: str) -> Tool:
    inner = given.get("function", given)
    if not isinstance(inner, Mapping) or not isinstance(inner.get("name"), str):
        raise InvalidRequest(f"{where} has no name: a tool is {{name, description, parameters}}", field=f"{where}.name")
    schema = next((inner[key] for key in _SCHEMA_KEYS if inner.get(key) is not None), None)
    return Tool(inner["name"], inner.get("description"), schema, inner.get("strict"))


def _check(tool: Tool, where: str) -> None:
    if not _NAME.fullmatch(tool.name):
        raise InvalidRequest(
            f"{where}: the name {tool.name!r} must be 1 to 128 letters, digits or _ . : -", field=f"{where}.name"
        )
    if tool.parameters is not None:
        check_schema(tool.parameters, f"{where}.parameters")
        if tool.parameters.get("type", "object") != "object":
            raise InvalidRequest(
                f"{where}.parameters: a tool's schema must have type object, not {tool.parameters['type']!r}",
                field=f"{where}.parameters.type",
            )


def check_schema(schema: Any, where: str) -> None:
    """The mistakes in a JSON Schema that every vendor rejects. Raises InvalidRequest with the path."""
    if not isinstance(schema, Mapping):
        raise InvalidRequest(f"{where} is a {type(schema).__name__}; a JSON Schema is a dict", field=where)
    kinds = schema.get("type")
    for kind in [kinds] if isinstance(kinds, str) else kinds or ():
        if kind not in _SCHEMA_TYPES:
            raise InvalidRequest(f"{where}.type: {kind!r} is not a JSON Schema type", field=f"{where}.type")
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping):
        raise InvalidRequest(f"{where}.properties must be a dict", field=f"{where}.properties")
    for name, inner in properties.items():
        if not isinstance(inner, bool):
            check_schema(inner, f"{where}.properties.{name}")
    required = schema.get("required", ())
    if not isinstance(required, (list, tuple)) or not all(isinstance(name, str) for name in required):
        raise InvalidRequest(f"{where}.required must be a list of property names", field=f"{where}.required")
    if isinstance(schema.get("items"), Mapping):
        check_schema(schema["items"], f"{where}.items")


def from_function(function: Callable[..., Any]) -> Tool:
    """A tool from a typed Python function: its name, docstring, and parameters by their annotations.

    Raises InvalidRequest for parameters that cannot be filled by name.
    """
    from pydantic import ConfigDict, Field, create_model  # 80 ms: only when a function is given

    name = getattr(function, "__name__", type(function).__name__)
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise InvalidRequest(
                f"tool {name}: parameter {parameter.name!r} must be an ordinary named parameter", field=f"tools.{name}"
            )
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints.get(parameter.name, Any), Field(default))
    model = create_model(name, __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=False), **fields)
    schema = model.model_json_schema()
    schema.pop("title", None)
    for inner in schema.get("properties", {}).values():
        inner.pop("title", None)
    return Tool(name, inspect.getdoc(function), schema)


def canonical_output(output: Any) -> Output | None:
    """Structured output from a pydantic model, any type pydantic understands, a JSON Schema, or ``"json"``."""
    if output is None or isinstance(output, Output):
        return output
    if output == "json" or output is dict:
        return Output()
    if isinstance(output, Mapping):
        check_schema(output, "output")
        return Output(dict(output), name=str(output.get("title") or "output"))
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

    try:
        schema = TypeAdapter(output).json_schema()
    except (PydanticUserError, PydanticSchemaGenerationError, TypeError) as error:
        raise InvalidRequest(
            f"output={output!r} is no type that pydantic can describe: {error}", field="output"
        ) from None
    name = re.sub(r"[^A-Za-z0-9_-]", "_", getattr(output, "__name__", "output"))[:64]
    return Output(schema, name=name, description=inspect.getdoc(output) if inspect.isclass(output) else None)


def parse_output(output: Any, reply: Reply) -> Any:
    """The answer as what ``output=`` asked for. Raises InvalidOutput carrying the reply."""
    from pydantic import TypeAdapter, ValidationError

    from modelmux._json import loads

    if reply.finish in ("tool_calls", "filtered", "pause") and not reply.text:
        return None
    try:
        if isinstance(output, (Mapping, Output, str)) or output is dict:
            return loads(_json_text(reply.text))
        return TypeAdapter(output).validate_json(_json_text(reply.text))
    except (ValidationError, ValueError) as error:
        why = "it was cut off by the token limit" if reply.finish == "length" else str(error)
        raise InvalidOutput(f"the answer of {reply.model} is not what output= asks for: {why}", reply=reply) from error


def _json_text(text: str) -> str:
    """The JSON inside a Markdown fence, which models put around it when told not to."""
    stripped = text.strip()
    if stripped.startswith("```"):
        stripped = stripped.split("\n", 1)[-1].rsplit("```", 1)[0]
    return stripped
