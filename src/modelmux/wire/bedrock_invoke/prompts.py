"""Requests of the families that take a prompt. A conversation is written down as one."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from modelmux.errors import InvalidRequest
from modelmux.types import Message, Refusal, Request, Text, Warning
from modelmux.wire.bedrock_invoke.families import PROMPTS, WIRE, Prompt, own

_ABOUT = frozenset({"messages", "model", "stream", "include_usage", "extra", "source", "cache", "parallel_tool_calls"})
_ALL = tuple(f.name for f in fields(Request) if f.name not in _ABOUT)
_ASKS_NOTHING: tuple[Any, ...] = (None, (), False, 0)


def decode_request(body: dict[str, Any], family: str) -> Request:
    """Raises InvalidRequest when the prompt is no text."""
    prompt = PROMPTS[family]
    rest = dict(body)
    text = rest.pop(prompt.prompt, None)
    if not isinstance(text, str):
        raise InvalidRequest(f"{prompt.prompt} must be a string", field=prompt.prompt)
    config = rest.get(prompt.config) if prompt.config else rest
    left = dict(config) if isinstance(config, dict) else {}
    known: dict[str, Any] = {}
    for key, name in prompt.fields.items():
        value = left.get(key)
        if name == "stop":
            if isinstance(value, list) and value and all(isinstance(word, str) for word in value):
                known[name] = tuple(left.pop(key))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            known[name] = left.pop(key)
    if not prompt.config:
        rest = left
    elif known and left:
        rest[prompt.config] = left
    elif known:
        del rest[prompt.config]
    turn = Message("user", (Text(text),), extra={WIRE: {"$content": "prompt"}})
    return Request((turn,), **known, extra={WIRE: {**rest, "$family": family}})


def encode_request(req: Request, family: str) -> tuple[dict[str, Any], list[Warning]]:
    prompt = PROMPTS[family]
    warnings: list[Warning] = []
    body: dict[str, Any] = {prompt.prompt: _written(req, prompt, warnings)}
    extra = own(req.extra)
    config: dict[str, Any] = {}
    for key, name in prompt.fields.items():
        value = getattr(req, name)
        if value is not None and value != ():
            config[key] = list(value) if name == "stop" else value
    unsaid = (name for name in _ALL if name not in prompt.fields.values() and _asks(req, name))
    warnings += [Warning(name, "dropped", "this family has no such parameter") for name in unsaid]
    if prompt.config:
        held = extra.get(prompt.config)
        config = {**held, **config} if isinstance(held, dict) else config
        if config:
            body[prompt.config] = config
    else:
        body.update(config)
    if extra.get("$family") == family:
        for key, value in extra.items():
            if key[:1] != "$" and key not in body:
                body[key] = value
    return body, warnings


def _asks(req: Request, name: str) -> bool:
    """Whether the field asks for anything that a single text would not be."""
    value = getattr(req, name)
    return value not in _ASKS_NOTHING and (name, value) not in (("n", 1), ("modalities", ("text",)))


def _written(req: Request, prompt: Prompt, warnings: list[Warning]) -> str:
    if len(req.messages) == 1 and "$content" in own(req.messages[0].extra):
        return req.messages[0].text
    pieces = [prompt.begin]
    for message in req.messages:
        said = "".join(part.text for part in message.content if isinstance(part, (Text, Refusal)))
        lost = {type(part).__name__ for part in message.content if not isinstance(part, (Text, Refusal))}
        warnings += [Warning("messages", "dropped", f"{kind}: a prompt is text") for kind in sorted(lost)]
        role = {"user": "user", "assistant": "assistant", "tool": "user"}.get(message.role, "system")
        before, after = prompt.turns[role]
        pieces += [before, said.strip(), after]
    warnings.append(Warning("messages", "emulated", "the turns are written down as one prompt"))
    return "".join(pieces) + prompt.end
