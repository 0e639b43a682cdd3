"""Tools, the choice among them, and calls of them; with the legacy ``functions`` that they grew out of."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, Literal

from modelmux._json import dumps_str, loads, parse_arguments
from modelmux.types import ServerTool, Tool, ToolCall, ToolChoice
from modelmux.wire.openai_chat.dialect import WIRE
from modelmux.wire.openai_chat.parts import cache_control, cache_of
from modelmux.wire.openai_chat.saying import Saying, fields_of, kept, ours, present, word

_SERVER_KINDS = {
    "openrouter:web_search": "web_search",
    "web_search_preview": "web_search",
    "browser_search": "web_search",
    "code_interpreter": "code_execution",
}
_MODES: dict[str, Literal["auto", "none", "required"]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
    "any": "required",
}


_ABSENT: Any = object()


# --- tools ---------------------------------------------------------------------------------------------------


def decode_tool(tool: Any) -> Tool | ServerTool:
    """One item of ``tools``. Anything that is no function is a tool of the vendor's, kept as it is."""
    if isinstance(tool, dict):
        function = tool.get("function")
        if isinstance(function, dict) and tool.get("type", "function") == "function":
            decoded = _function(function, {name: value for name, value in tool.items() if name != "function"})
            if decoded is not None:
                return decoded
        kind = str(tool.get("type") or "unknown")
        return ServerTool(_SERVER_KINDS.get(kind, kind), WIRE, tool)
    return ServerTool("unknown", WIRE, {"$value": tool})


def _function(function: dict[str, Any], outer: dict[str, Any]) -> Tool | None:
    inner = dict(function)
    name = inner.pop("name", None)
    if not isinstance(name, str):
        return None
    cache = cache_of(outer.get("cache_control"))
    if cache is not None:
        del outer["cache_control"]
    if outer.pop("type", None) is None:
        outer["$untyped"] = True
    description = inner.pop("description") if isinstance(inner.get("description"), str) else None
    parameters = inner.pop("parameters") if isinstance(inner.get("parameters"), dict) else None
    strict = inner.pop("strict") if isinstance(inner.get("strict"), bool) else None
    if inner:
        outer["function"] = inner
    if parameters is None:
        outer["$bare"] = True
    return Tool(name, description, parameters, strict, cache, kept(outer))


def decode_legacy_function(function: Any) -> Tool | None:
    """One item of ``functions``, the form before ``tools``."""
    if not isinstance(function, dict):
        return None
    return _function(function, {"type": "function", "$legacy": True})


def encode_tools(tools: tuple[Tool | ServerTool, ...], body: dict[str, Any], say: Saying) -> None:
    said: list[Any] = []
    legacy: list[Any] = []
    for tool in tools:
        if isinstance(tool, ServerTool):
            _encode_server_tool(tool, body, said, say)
            continue
        own = ours(tool.extra)
        function = {"name": tool.name, **own.get("function", {})}
        if tool.description is not None:
            function["description"] = tool.description
        if tool.parameters is not None:
            function["parameters"] = tool.parameters
        elif "parameters" not in function and not (say.as_came and "$bare" in own):
            # OpenAI lets it be left out; Mistral and others do not.
            function["parameters"] = {"type": "object", "properties": {}}
        if tool.strict is not None:
            function["strict"] = tool.strict
        if "$legacy" in own:
            legacy.append(function)
            continue
        item: dict[str, Any] = {} if "$untyped" in own and say.as_came else {"type": "function"}
        item.update(fields_of(own))
        item["function"] = function
        if tool.cache is not None:
            if say.as_came or say.dialect.cache:
                item["cache_control"] = cache_control(tool.cache)
            else:
                say.lost("cache", "cache marks are not part of this dialect; the vendor may cache by itself")
        said.append(item)
    if said:
        body["tools"] = said
    if legacy:
        body["functions"] = legacy


def _encode_server_tool(tool: ServerTool, body: dict[str, Any], said: list[Any], say: Saying) -> None:
    if tool.wire == WIRE:
        if "$value" in tool.config:
            said.append(tool.config["$value"])
        elif "type" not in tool.config and "web_search_options" in tool.config:
            body["web_search_options"] = tool.config["web_search_options"]
        else:
            said.append(tool.config)
    elif tool.kind in say.dialect.server_tools:
        said.append(dict(say.dialect.server_tools[tool.kind]))
        say.lost(f"tools.{tool.kind}", "asked for in this vendor's words, without its settings", "emulated")
    else:
        say.lost(f"tools.{tool.kind}", "a tool run by another vendor")


# --- tool choice ---------------------------------------------------------------------------------------------


def decode_tool_choice(value: Any) -> ToolChoice | None:
    """``tool_choice`` in any of its spellings, None when it is none of them."""
    choice = _tool_choice(value)
    if choice is None or (choice.mode != "required" and _said_choice(choice, "") == value):
        return choice
    return ToolChoice(choice.mode, choice.names, {WIRE: {**ours(choice.extra), "$value": value}})


def _tool_choice(value: Any) -> ToolChoice | None:
    if isinstance(value, str):
        mode = _MODES.get(value.lower())
        return None if mode is None else ToolChoice(mode)
    if not isinstance(value, dict):
        return None
    if value.get("type") == "allowed_tools" and isinstance(value.get("allowed_tools"), dict):
        allowed = value["allowed_tools"]
        tools = allowed.get("tools")
        names = tuple(name for tool in tools if (name := _named(tool))) if isinstance(tools, list) else ()
        return ToolChoice("allowed", names, kept({"mode": allowed.get("mode", "auto")}))
    name = _named(value)
    if name is not None:
        return ToolChoice("tool", (name,))
    kind = value.get("type")
    mode = _MODES.get(kind) if isinstance(kind, str) else None
    return None if mode is None else ToolChoice(mode)


def _named(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    inner = value.get("function")
    name = inner.get("name") if isinstance(inner, dict) else value.get("name")
    return name if isinstance(name, str) else None


def decode_legacy_choice(value: Any) -> ToolChoice | None:
    """``function_call``, the form before ``tool_choice``."""
    choice = _tool_choice(value)
    if choice is None or choice.mode == "allowed" or _legacy_choice(choice) != value:
        return None
    return ToolChoice(choice.mode, choice.names, kept({"$legacy": True}))


def _legacy_choice(choice: ToolChoice) -> Any:
    return {"name": choice.names[0]} if choice.mode == "tool" and choice.names else choice.mode


def encode_tool_choice(choice: ToolChoice, body: dict[str, Any], say: Saying) -> None:
    own = ours(choice.extra)
    if "$legacy" in own:
        body["function_call"] = _legacy_choice(choice)
        return
    original = own.get("$value")
    if say.as_came and original is not None:
        before = _tool_choice(original)
        if before is not None and (before.mode, before.names) == (choice.mode, choice.names):
            body["tool_choice"] = original
            return
    if choice.mode == "allowed" and not (say.as_came or say.dialect.allowed_tools):
        say.lost("tool_choice", "this vendor cannot restrict the choice to some of the tools", "emulated")
        _emulate_allowed(choice, body, say)
        return
    if choice.mode == "required" and not say.dialect.required and not say.as_came:
        say.lost("tool_choice", "this vendor cannot be made to call a tool", "emulated")
        body["tool_choice"] = "auto"
        return
    body["tool_choice"] = _said_choice(choice, say.dialect.required or "required")


def _emulate_allowed(choice: ToolChoice, body: dict[str, Any], say: Saying) -> None:
    """Offer only the allowed tools: the model cannot tell the difference."""
    tools = body.get("tools")
    if isinstance(tools, list):
        body["tools"] = [tool for tool in tools if _named(tool) is None or _named(tool) in choice.names]
    required = ours(choice.extra).get("mode") == "required" and bool(say.dialect.required)
    body["tool_choice"] = say.dialect.required if required else "auto"


def _said_choice(choice: ToolChoice, required: str) -> Any:
    if choice.mode == "tool" and choice.names:
        return {"type": "function", "function": {"name": choice.names[0]}}
    if choice.mode == "allowed":
        tools = [{"type": "function", "function": {"name": name}} for name in choice.names]
        mode = ours(choice.extra).get("mode", "auto")
        return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}
    return required if choice.mode in ("required", "tool") else choice.mode


# --- calls ---------------------------------------------------------------------------------------------------


def decode_call(call: Any, number: int, *, asked: bool) -> ToolCall | None:
    """One item of ``tool_calls``, None when it is nothing of the kind.

    ``asked`` is set for a call in a request's history, whose exact spelling is to be said again; in an answer,
    fields that are null or only number the call are left out.
    """
    if not isinstance(call, dict):
        return None
    rest = dict(call)
    kind = rest.pop("type", None)
    key, field = ("custom", "input") if kind == "custom" else ("function", "arguments")
    inner = rest.pop(key, None)
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        return None
    inner = dict(inner)
    name, given = inner.pop("name"), inner.pop(field, _ABSENT)
    call_id = rest.pop("id", None)
    if not asked:
        call_id = word(call_id)
    hints: dict[str, Any] = {}
    if kind != "function":
        hints["type" if "type" in call else "$type"] = kind
    if given is _ABSENT:
        hints["$bare"] = True
        given = ""
    if not isinstance(call_id, str) or not call_id:
        hints["id" if "id" in call else "$id"] = call_id
        call_id = "" if asked else f"call_{number}"
    if key == "custom":
        arguments, raw = parse_arguments(given if isinstance(given, str) else "")
    else:
        arguments, raw = _arguments(given, hints)
    if not asked:
        rest, inner = present(rest), present(inner)
        rest.pop("index", None)
        rest.pop("custom", None)
        hints = {name: value for name, value in hints.items() if name == "type" and value == "custom"}
    if inner:
        rest[key] = inner
    return ToolCall(call_id, name, arguments, raw, extra=kept({**rest, **hints}))


def _arguments(given: Any, hints: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    if isinstance(given, str):
        if not given:
            hints["$arguments"] = given
        return parse_arguments(given)
    hints["$arguments"] = given
    return (given if isinstance(given, dict) else {}), None


def argument_text(call: ToolCall, *, as_came: bool) -> Any:
    """The arguments as they are said: the model's own text as long as it still means them."""
    own = ours(call.extra)
    if as_came and "$arguments" in own:
        original = own["$arguments"]
        if call.arguments == (original if isinstance(original, dict) else {}):
            return original
    if call.raw is not None and (not call.arguments or _means(call.raw, call.arguments)):
        return call.raw
    return dumps_str(call.arguments)


def _means(text: str, arguments: dict[str, Any]) -> bool:
    try:
        return bool(loads(text) == arguments)
    except ValueError:
        return False


def call_id(given: str, say: Saying) -> str:
    """The id of a call as this vendor takes it: the same one always the same way, in a call and in its result.

    OpenAI refuses more than 40 characters ("string too long"), and vLLM, for one, makes 46. Mistral's older models
    refuse everything but nine letters and digits.
    """
    if say.as_came or not given:
        return given
    if say.dialect.call_ids == "nine":
        return given if len(given) == 9 and given.isascii() and given.isalnum() else _digest(given)[:9]
    return given if len(given) <= 40 else f"{given[:20]}_{_digest(given)}"


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


def encode_call(call: ToolCall, *, as_came: bool) -> dict[str, Any]:
    own = ours(call.extra)
    if own.get("type") == "custom":
        inner = {
            **own.get("custom", {}),
            "name": call.name,
            "input": argument_text(call, as_came=as_came) if call.raw or call.arguments else "",
        }
        return {**fields_of(own), "id": call.id, "type": "custom", "custom": inner}
    item: dict[str, Any] = {"id": call.id, "type": "function"}
    function: dict[str, Any] = {"name": call.name, "arguments": argument_text(call, as_came=as_came)}
    if own:
        item = {**item, **fields_of(own)} if as_came else {**fields_of(own), **item}
        function = {**own.get("function", {}), **function}
        if as_came:
            _as_it_came(item, own, call)
            if "$bare" in own and not call.arguments:
                del function["arguments"]
    item["function"] = function
    return item


def _as_it_came(item: dict[str, Any], own: Any, call: ToolCall) -> None:
    if "$type" in own:
        del item["type"]
    if call.id:
        item["id"] = call.id
    elif "$id" in own:
        del item["id"]
