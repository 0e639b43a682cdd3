"""A Responses request: body in, canonical request out, and back."""

from __future__ import annotations

from typing import Any

from modelmux.types import Message, Request, Text, Warning
from modelmux.wire._body import Take, each, encoded, into, say_call, take_stream, taken_apart
from modelmux.wire._names import OPENAI_NAMES
from modelmux.wire._source import sourced
from modelmux.wire.openai_responses import options
from modelmux.wire.openai_responses.dialect import WIRE, Dialect
from modelmux.wire.openai_responses.saying import Saying, fields_of, ours
from modelmux.wire.openai_responses.turns import (
    decode_input,
    encode_input,
    instructions_of,
    instructions_turn,
    only_text,
)


def decode_request(body: dict[str, Any], provider: str) -> Request:
    """The request that ``body`` makes. Raises InvalidRequest naming the field that is malformed."""
    values, extra = taken_apart(body, options.SCALARS, _FIELDS)
    extra["$provider"] = provider
    if "max_output_tokens" in body:
        extra["$limit"] = body["max_output_tokens"]
    turns = _decode_turns(body, extra, provider)
    return sourced(Request(turns, **values, extra={WIRE: extra}), WIRE, body)


def _decode_turns(body: dict[str, Any], extra: dict[str, Any], provider: str) -> tuple[Message, ...]:
    turns: list[Message] = []
    instructions = body.get("instructions")
    if isinstance(instructions, str) and instructions:
        del extra["instructions"]
        turns.append(instructions_turn(instructions))
    given = body.get("input")
    if given is None:
        # A stored prompt, or an earlier response, may say everything.
        extra["$input"] = "absent"
        return tuple(turns)
    del extra["input"]
    if isinstance(given, str):
        extra["$input"] = "string"
        turns.append(Message("user", (Text(given),)))
    else:
        turns.extend(decode_input(given, provider))
    return tuple(turns)


def _include(value: Any, values: dict[str, Any], _extra: dict[str, Any]) -> bool:
    if isinstance(value, list) and options.LOGPROBS in value:
        values["logprobs"] = True
    return False


def _text(value: Any, values: dict[str, Any], extra: dict[str, Any]) -> bool:
    output = options.decode_format(value.get("format")) if isinstance(value, dict) else None
    if output is None:
        return False
    values["output"] = output
    rest = {name: item for name, item in value.items() if name != "format"}
    if rest:
        extra["text"] = rest
    return True


_STORED = ("previous_response_id", "conversation", "prompt")
"""What names something kept at the vendor, which another one does not have."""

_FIELDS: dict[str, Take] = {
    "stream": take_stream,
    "include": _include,
    "text": _text,
    "reasoning": into("reasoning", options.decode_reasoning),
    "tools": into("tools", each(options.decode_tool)),
    "tool_choice": into("tool_choice", options.decode_tool_choice),
}


def encode_request(
    req: Request, dialect: Dialect, provider: str, *, model: str, stream: bool
) -> tuple[dict[str, Any], list[Warning]]:
    """The body to send, and what it could not say. An empty ``model`` leaves the field out."""
    own = ours(req.extra)
    as_came = own.get("$provider") == provider

    def rebuilt(request: Request) -> tuple[dict[str, Any], list[Warning]]:
        return _encode(request, Saying(dialect, provider, as_came=as_came, native=bool(own)))

    body, warnings = encoded(req, WIRE, rebuilt, OPENAI_NAMES, as_came=as_came, stream=stream)
    before = own.get("$stream", True)
    say_call(body, model, stream, before)
    if "$stream" in own and before is True and not stream:
        body.pop("stream_options", None)
    return body, warnings


def _encode(req: Request, say: Saying) -> tuple[dict[str, Any], list[Warning]]:
    """Everything but ``model`` and ``stream``."""
    own = ours(req.extra)
    body = fields_of(req.extra)
    if req.model is not None:
        body["model"] = req.model
    instructions, turns = instructions_of(req.messages, say)
    if instructions is not None:
        body["instructions"] = instructions
    text = only_text(turns) if own.get("$input") == "string" else None
    if text is not None:
        body["input"] = text
    elif turns or own.get("$input") != "absent":
        body["input"] = encode_input(turns, say)
    options.encode_scalars(req, body, say)
    if req.tools:
        body["tools"] = options.encode_tools(req.tools, say)
    if req.tool_choice is not None:
        options.encode_tool_choice(req.tool_choice, body, say)
    if req.output is not None:
        options.encode_format(req.output, body)
    if req.reasoning is not None:
        options.encode_reasoning(req.reasoning, body, say)
    if not say.as_came:
        for name in _STORED:
            if body.pop(name, None) is not None:
                say.lost(name, "it names what another vendor keeps")
        for name in say.dialect.refuses:
            if body.pop(name, None) is not None:
                say.lost(name, "this vendor refuses it")
        for name, value in say.dialect.always.items():
            body.setdefault(name, value)
    return body, say.warnings
