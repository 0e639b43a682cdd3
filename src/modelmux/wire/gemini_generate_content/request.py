"""Requests: ``generateContent`` bodies in and out. Model and streaming stand in the URL, not in the body."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from modelmux.errors import InvalidRequest
from modelmux.types import Message, Part, Request, Role, Text, Tool, ToolResult, Warning
from modelmux.wire._across import arrived
from modelmux.wire._calls import with_results_in_order
from modelmux.wire._names import GEMINI_NAMES
from modelmux.wire._source import from_source, sourced
from modelmux.wire.gemini_generate_content._fields import camel, items, nested, own, write_back
from modelmux.wire.gemini_generate_content._names import WIRE
from modelmux.wire.gemini_generate_content.options import decode_options, encode_options
from modelmux.wire.gemini_generate_content.parts_in import CallIds, decode_part
from modelmux.wire.gemini_generate_content.parts_out import Encoder
from modelmux.wire.gemini_generate_content.thinking import version_of
from modelmux.wire.gemini_generate_content.tools import (
    decode_tool_config,
    decode_tools,
    encode_tool_choice,
    encode_tools,
)

_ROLES: dict[Any, Role] = {"user": "user", "model": "assistant", "function": "tool", None: "user"}
_ROLE_NAMES: dict[Role, str] = {"user": "user", "assistant": "model", "tool": "user", "system": "user"}
_TIERS = {"default": "standard"}
_NO_TIERS = ("auto",)

SKIP_SIGNATURE = "skip_thought_signature_validator"
"""Google's own stand-in for the signature of a call that another model made; Gemini 3 answers 400 without one
(https://ai.google.dev/gemini-api/docs/thought-signatures)."""


# --- in ------------------------------------------------------------------------------------------------------


def decode_request(body: dict[str, Any]) -> Request:
    """Raises InvalidRequest naming the field that is malformed."""
    if not isinstance(body, dict):
        raise InvalidRequest(f"the body must be an object, got {type(body).__name__}")
    fields, names = camel(body)
    known: dict[str, Any] = {}
    messages: list[Message] = []
    system = fields.get("systemInstruction")
    ids = CallIds()
    if isinstance(system, (dict, str)):
        messages.append(_system(fields.pop("systemInstruction"), ids))
    contents: str | None = "absent"
    if fields.get("contents") is not None:
        turns, shape = items(fields.pop("contents"), "contents")
        contents = shape or "list"
        messages.extend(_content(turn, index, ids) for index, turn in enumerate(turns))
    layout = None
    if isinstance(fields.get("tools"), (list, dict)):
        tools = fields.pop("tools")
        known["tools"], layout = decode_tools(tools)
        if not tools:
            fields["tools"] = tools
    if isinstance(fields.get("toolConfig"), dict):
        known["tool_choice"], rest = decode_tool_config(fields.pop("toolConfig"))
        if rest or known["tool_choice"] is None:
            fields["toolConfig"] = rest
    if isinstance(fields.get("generationConfig"), dict):
        options, rest = decode_options(fields.pop("generationConfig"))
        known.update(options)
        if rest or not options:
            fields["generationConfig"] = rest
    tier = fields.get("serviceTier")
    if isinstance(tier, str) and tier not in _TIERS and tier not in _NO_TIERS:
        known["service_tier"] = fields.pop("serviceTier")
    model = fields.get("model")
    if isinstance(model, str):
        known["model"] = model.removeprefix("models/")
    extra = {WIRE: nested(fields, names, contents=contents, tools=layout)}
    return sourced(Request(tuple(messages), extra=extra, **known), WIRE, body)


def _system(raw: Any, ids: CallIds) -> Message:
    if isinstance(raw, str):
        return Message("system", (Text(raw),), extra={WIRE: {"$parts": "string"}})
    return _message(raw, "system", ids, "systemInstruction")


def _content(raw: Any, index: int, ids: CallIds) -> Message:
    if isinstance(raw, dict) and len(raw) == 2:
        parts, stated = raw.get("parts"), raw.get("role")
        if isinstance(parts, list) and stated in ("user", "model"):
            content = tuple([decode_part(part, ids) for part in parts])
            return Message(_speaker(_ROLES[stated], content), content)
    if not isinstance(raw, dict):
        raise InvalidRequest(
            f"contents[{index}] must be an object, got {type(raw).__name__}", field=f"contents[{index}]"
        )
    role = raw.get("role")
    name: Role = _ROLES.get(role, "user") if role is None or isinstance(role, str) else "user"
    return _message(raw, name, ids, f"contents[{index}]")


def _message(raw: dict[str, Any], role: Role, ids: CallIds, where: str) -> Message:
    value, shape = raw.get("parts"), None
    parts: tuple[Part, ...] = ()
    if value is None:
        shape = "null" if "parts" in raw else "absent"
    else:
        found, shape = items(value, f"{where}.parts")
        parts = tuple([decode_part(part, ids) for part in found])
    role = _speaker(role, parts)
    stated = raw.get("role")
    usual = None if role == "system" else _ROLE_NAMES[role]
    hints = {key: item for key, item in raw.items() if key not in ("role", "parts")}
    if shape is not None:
        hints["$parts"] = shape
    if stated != usual or ("role" in raw) != (usual is not None):
        hints["$role"] = [stated] if "role" in raw else []
    return Message(role, parts, extra={WIRE: hints} if hints else {})


def _speaker(role: Role, parts: tuple[Part, ...]) -> Role:
    """A user's turn of nothing but results is the tools' turn."""
    if role == "user" and parts and type(parts[0]) is ToolResult and all(type(part) is ToolResult for part in parts):
        return "tool"
    return role


# --- out -----------------------------------------------------------------------------------------------------


def encode_request(req: Request, *, model: str) -> tuple[dict[str, Any], list[Warning]]:
    """The body for ``model``."""
    req, lost = arrived(req, WIRE, GEMINI_NAMES)
    sent = from_source(req, WIRE, lambda request: _encode(request, model))
    body, warnings = _encode(req, model) if sent is None else sent
    stated = body.get("model")
    if isinstance(stated, str):
        body["model"] = f"models/{model}" if stated.startswith("models/") else model
    return body, [*lost, *warnings]


def _encode(req: Request, model: str) -> tuple[dict[str, Any], list[Warning]]:
    fields = own(req.extra)
    version = version_of(model)
    encoder = Encoder(media_in_results=version is None or version >= (3, 0), as_came=WIRE in req.extra)
    out: dict[str, Any] = {}
    _conversation(out, req.messages, fields, encoder, signed=version is not None and version >= (3, 0))
    if req.tools or "$tools" in fields:
        tools = encode_tools(req.tools, fields.get("$tools"), encoder)
        if tools:
            out["tools"] = tools
    if req.tool_choice is not None:
        if encoder.as_came or any(isinstance(tool, Tool) for tool in req.tools):
            out["toolConfig"] = {"functionCallingConfig": encode_tool_choice(req.tool_choice)}
        elif req.tool_choice.mode not in ("auto", "none"):
            encoder.warn("tool_choice", "dropped", "there is no function to choose")
    kept = fields.get("generationConfig")
    options = encode_options(req, kept if isinstance(kept, dict) else None, model, encoder)
    if options or isinstance(kept, dict):
        out["generationConfig"] = options
    if req.service_tier is not None:
        tier = _TIERS.get(req.service_tier, req.service_tier)
        if tier not in _NO_TIERS:
            out["serviceTier"] = tier
    if req.parallel_tool_calls is False:
        encoder.warn("parallel_tool_calls", "dropped", "there is no switch for it")
    if req.user is not None:
        encoder.warn("user", "dropped", "requests carry no user here")
    encoder.cached(req.cache)
    kept_fields = {key: value for key, value in fields.items() if key != "generationConfig" or not options}
    return write_back(out, kept_fields), encoder.warnings


def _conversation(
    out: dict[str, Any], messages: tuple[Message, ...], fields: Any, encoder: Encoder, *, signed: bool
) -> None:
    shape = fields.get("$contents")
    leading = 0
    while leading < len(messages) and messages[leading].role in ("system", "developer"):
        leading += 1
    system, rest = messages[:leading], messages[leading:]
    if shape is None:
        if not encoder.as_came:
            rest = with_results_in_order(rest)
        late = [message for message in rest if message.role in ("system", "developer")]
        if late:
            encoder.warn("messages", "merged", "instructions stand before the conversation: later ones moved there")
            system = (*system, *late)
            rest = tuple(message for message in rest if message.role not in ("system", "developer"))
    instruction = _instruction(system, encoder)
    contents = [_turn(message, encoder) for message in rest]
    if shape is None:
        contents = _alternating(contents)
        if signed:
            _sign(contents, encoder)
        if contents and contents[0]["role"] == "model" and not encoder.as_came:
            encoder.warn("messages", "emulated", "the user has to speak first here: an empty turn was put before")
            contents.insert(0, {"role": "user", "parts": [{"text": _NOTHING_SAID}]})
        if instruction == {"parts": []} and not encoder.as_came:
            instruction = None
        if not contents and instruction is not None:
            encoder.warn("messages", "emulated", "a conversation needs a user's turn: the instructions became it")
            contents, instruction = [{"role": "user", "parts": instruction["parts"]}], None
    if instruction is not None:
        out["systemInstruction"] = instruction
    if shape == "object" and len(contents) == 1:
        out["contents"] = contents[0]
    elif shape != "absent" or contents:
        out["contents"] = contents


_NOTHING_SAID = "(No message.)"


def _instruction(system: tuple[Message, ...], encoder: Encoder) -> Any:
    if not system:
        return None
    if len(system) == 1:
        fields = own(system[0].extra)
        if fields.get("$parts") == "string" and all(type(part) is Text for part in system[0].content):
            return system[0].text
        return _turn(system[0], encoder)
    parts = [part for message in system for part in _turn(message, encoder)["parts"]]
    return {"parts": parts}


def _turn(message: Message, encoder: Encoder) -> dict[str, Any]:
    fields = own(message.extra)
    if message.role == "developer":
        encoder.warn("messages.role", "renamed", "a developer's turn goes as the system's")
    if message.name is not None:
        encoder.warn("messages.name", "dropped", "turns carry no names here")
    parts: Any = encoder.parts(message.content)
    if not encoder.as_came and {"text": ""} in parts:  # refused: "must have a text parameter"
        parts = [part for part in parts if part != {"text": ""}]
    shape = fields.get("$parts") if fields else None
    out: dict[str, Any] = {}
    if not fields or "$role" not in fields:
        if message.role not in ("system", "developer"):
            out["role"] = _ROLE_NAMES[message.role]
    elif fields["$role"]:
        out["role"] = fields["$role"][0]
    if shape == "object" and len(parts) == 1:
        out["parts"] = parts[0]
    elif shape == "null" and not parts:
        out["parts"] = None
    elif shape != "absent" or parts:
        out["parts"] = parts
    return write_back(out, fields) if fields else out


def _alternating(contents: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Turns of one role joined, empty ones left out: all results of a turn's calls must stand in one turn."""
    out: list[dict[str, Any]] = []
    for content in contents:
        parts = content.get("parts")
        if not parts:
            continue
        if out and out[-1]["role"] == content["role"]:
            out[-1] = {**out[-1], "parts": [*out[-1]["parts"], *parts]}
        else:
            out.append(content)
    return out


def _sign(contents: list[dict[str, Any]], encoder: Encoder) -> None:
    """Give the first call of each turn a signature where its own model made none."""
    for content in contents:
        first = next((part for part in content["parts"] if "functionCall" in part), None)
        if first is not None and "thoughtSignature" not in first:
            first["thoughtSignature"] = SKIP_SIGNATURE
            encoder.warn("signature", "emulated", "a call made by another model carries no signature")
