"""Tools and the choice between them."""

from __future__ import annotations

from typing import Any, Literal

from modelmux.types import ServerTool, Tool, ToolChoice
from modelmux.wire.gemini_generate_content._fields import camel, items, kept, nested, own, take, write_back
from modelmux.wire.gemini_generate_content._names import SERVER_TOOLS, SNAKE, WIRE, word
from modelmux.wire.gemini_generate_content._schema import to_json_schema
from modelmux.wire.gemini_generate_content.parts_out import Encoder

_MODE_NUMBERS = ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED")
_BUILT_IN = {kind: key for key, kind in reversed(SERVER_TOOLS.items()) if kind in ("web_search", "code_execution")}
_BUILT_IN["url_context"] = "urlContext"


def decode_tools(raw: Any) -> tuple[tuple[Tool | ServerTool, ...], list[Any] | None]:
    """The tools in order, and the layout of the list where the usual one would not give it back."""
    entries, shape = items(raw, "tools")
    tools: list[Tool | ServerTool] = []
    layout: list[Any] = []
    for entry in entries:
        if not isinstance(entry, dict):
            layout.append({"$value": entry})
            continue
        plan: dict[str, Any] = {}
        fields: dict[str, Any] = entry
        for key, value in fields.items():
            if key in ("functionDeclarations", "function_declarations") and isinstance(value, list):
                found = [_declaration(item) for item in value if isinstance(item, dict)]
                if len(found) == len(value) and None not in found:
                    tools.extend(tool for tool in found if tool is not None)
                    plan[key] = len(found)
                    continue
            if isinstance(value, (dict, list)):
                kind = SERVER_TOOLS.get(SNAKE.get(key, key), key)
                tools.append(ServerTool(kind, WIRE, {key: value}))
                plan[key] = "tool"
            else:
                plan[key] = {"$value": value}
        layout.append(plan)
    if shape is None and layout == _usual_layout(tools):
        return tuple(tools), None
    return tuple(tools), [shape, *layout]


def _usual_layout(tools: list[Tool | ServerTool]) -> list[Any]:
    layout: list[Any] = []
    declarations: dict[str, int] | None = None
    for tool in tools:
        if isinstance(tool, ServerTool):
            layout.append({next(iter(tool.config), ""): "tool"})
        elif declarations is None:
            declarations = {"functionDeclarations": 1}
            layout.append(declarations)
        else:
            declarations["functionDeclarations"] += 1
    return layout


def _declaration(raw: dict[str, Any]) -> Tool | None:
    fields, names = camel(raw)
    name = take(fields, "name", str)
    if name is None:
        return None
    description = take(fields, "description", str)
    schemas = [key for key in ("parametersJsonSchema", "parameters") if isinstance(fields.get(key), dict)]
    parameters = original = key = None
    if schemas:
        key = schemas[0]
        original = fields.pop(key)
        parameters = to_json_schema(original)
    return Tool(
        name,
        description,
        parameters,
        extra=kept(
            fields,
            names,
            schema=key if key == "parameters" else None,
            original=None if parameters is original else original,
        ),
    )


def encode_tools(tools: tuple[Tool | ServerTool, ...], layout: Any, encoder: Encoder) -> Any:
    """The ``tools`` field, in the layout it came in when the tools still fit it."""
    said = [value for tool in tools if (value := _tool(tool, encoder)) is not None]
    if isinstance(layout, list) and len(said) == len(tools):
        laid_out = _laid_out(said, layout)
        if laid_out is not None:
            return laid_out
    out: list[dict[str, Any]] = []
    declarations: list[Any] | None = None
    for is_function, value in said:
        if not is_function:
            out.append(value)
        elif declarations is None:
            declarations = [value]
            out.append({"functionDeclarations": declarations})
        else:
            declarations.append(value)
    return out


def _laid_out(said: list[tuple[bool, Any]], layout: list[Any]) -> Any:
    rest = list(said)
    out: list[Any] = []
    for plan in layout[1:]:
        if "$value" in plan:
            out.append(plan["$value"])
            continue
        entry: dict[str, Any] = {}
        for key, what in plan.items():
            if isinstance(what, int):
                taken, rest = rest[:what], rest[what:]
                if len(taken) < what or not all(is_function for is_function, _ in taken):
                    return None
                entry[key] = [value for _, value in taken]
            elif what == "tool":
                if not rest or rest[0][0] or key not in rest[0][1]:
                    return None
                entry[key] = rest.pop(0)[1][key]
            else:
                entry[key] = what["$value"]
        out.append(entry)
    if rest:
        return None
    return out[0] if layout[0] == "object" and len(out) == 1 else out


def _tool(tool: Tool | ServerTool, encoder: Encoder) -> tuple[bool, Any] | None:
    encoder.cached(tool.cache)
    if isinstance(tool, Tool):
        if tool.strict:
            encoder.warn("tools.strict", "dropped", "arguments are not forced into the schema here")
        return True, _function(tool)
    if tool.wire == WIRE:
        return False, dict(tool.config)
    key = _BUILT_IN.get(tool.kind)
    if key is None:
        encoder.warn(f"tools.{tool.kind}", "dropped", f"there is no tool of kind {tool.kind!r} here")
        return None
    options = [name for name in tool.config if name not in ("type", "name")]
    detail = f"as {key}" + (f", without {', '.join(options)}" if options else "")
    encoder.warn(f"tools.{tool.kind}", "renamed", detail)
    return False, {key: {}}


def _function(tool: Tool) -> dict[str, Any]:
    fields = own(tool.extra)
    out: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        out["description"] = tool.description
    if tool.parameters is not None:
        original = fields.get("$original")
        if isinstance(original, dict) and to_json_schema(original) == tool.parameters:
            out[fields.get("$schema", "parametersJsonSchema")] = original
        elif original is None:
            out[fields.get("$schema", "parametersJsonSchema")] = tool.parameters
        else:
            out["parametersJsonSchema"] = tool.parameters
    return write_back(out, fields)


# --- tool choice ---------------------------------------------------------------------------------------------

_MODES: dict[str, Literal["auto", "none", "required"]] = {
    "AUTO": "auto",
    "VALIDATED": "auto",
    "MODE_UNSPECIFIED": "auto",
    "NONE": "none",
    "ANY": "required",
}
_MODE_WORDS = {"auto": "AUTO", "none": "NONE", "required": "ANY", "tool": "ANY", "allowed": "ANY"}


def decode_tool_config(raw: dict[str, Any]) -> tuple[ToolChoice | None, dict[str, Any]]:
    """The choice, and what is left of ``toolConfig``."""
    config, config_names = camel(raw)
    value = config.get("functionCallingConfig")
    if not isinstance(value, dict):
        return None, nested(config, config_names)
    calling, names = camel(value)
    mode = _MODES.get((word(calling.get("mode"), _MODE_NUMBERS) or "").upper())
    if mode is None:
        return None, nested(config, config_names)
    stated = calling.pop("mode")
    allowed = take(calling, "allowedFunctionNames", list)
    picked = tuple(name for name in allowed or () if isinstance(name, str))
    chosen: Literal["auto", "none", "required", "tool", "allowed"] = mode
    if mode == "required" and picked:
        chosen = "tool" if len(picked) == 1 else "allowed"
    spelling = None if stated == _MODE_WORDS[chosen] else stated
    empty = "empty" if allowed == [] else None
    del config["functionCallingConfig"]
    rest = nested(config, config_names)
    return ToolChoice(chosen, picked, kept(calling, names, mode=spelling, names_given=empty)), rest


def encode_tool_choice(choice: ToolChoice) -> dict[str, Any]:
    """``functionCallingConfig``."""
    fields = own(choice.extra)
    stated = fields.get("$mode")
    same = stated is not None and _MODES.get((word(stated, _MODE_NUMBERS) or "").upper()) in (
        choice.mode,
        "required" if choice.mode in ("tool", "allowed") else None,
    )
    out: dict[str, Any] = {"mode": stated if same else _MODE_WORDS[choice.mode]}
    if choice.names or fields.get("$names_given"):
        out["allowedFunctionNames"] = list(choice.names)
    return write_back(out, fields)
