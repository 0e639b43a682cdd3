"""A chat request: body in, canonical request out, and back."""

from __future__ import annotations

from typing import Any

from modelmux.types import Request, Warning
from modelmux.wire._body import encoded, into, say_call, take_stream, taken_apart
from modelmux.wire._kept import texts
from modelmux.wire._losses import Losses
from modelmux.wire._names import OPENAI_NAMES
from modelmux.wire._source import sourced
from modelmux.wire.cohere_chat_v2 import options
from modelmux.wire.cohere_chat_v2.messages import decode_messages, encode_messages
from modelmux.wire.cohere_chat_v2.vocabulary import MINE, WIRE


def decode_request(body: dict[str, Any]) -> Request:
    """The request that ``body`` makes. Raises InvalidRequest naming the field that is malformed."""
    values, extra = taken_apart(body, options.SCALARS, _FIELDS, "messages")
    extra["$came"] = True
    values["tools"] = options.decode_tools(body.get("tools"), body.get("strict_tools"))
    if values["tools"]:
        del extra["tools"]
        if isinstance(body.get("strict_tools"), bool):
            del extra["strict_tools"]
    return sourced(Request(decode_messages(body["messages"]), **values, extra={WIRE: extra}), WIRE, body)


_FIELDS = {
    "stream": take_stream,
    "stop_sequences": into("stop", texts),
    "tool_choice": into("tool_choice", options.decode_choice),
    "response_format": into("output", options.decode_output),
    "thinking": into("reasoning", options.decode_reasoning),
}


def encode_request(req: Request, *, model: str, stream: bool = False) -> tuple[dict[str, Any], list[Warning]]:
    """The body to send, and what it could not say. An empty ``model`` leaves the field out."""
    body, warnings = encoded(req, WIRE, _encode, OPENAI_NAMES, stream=stream)
    say_call(body, model, stream, MINE.of(req.extra).get("$stream", True))
    return body, warnings


def _encode(req: Request) -> tuple[dict[str, Any], list[Warning]]:
    losses = Losses()
    body = MINE.fields(req.extra)
    if req.model is not None:
        body["model"] = req.model
    documents: list[Any] = []
    body["messages"] = encode_messages(req.messages, losses, documents)
    if documents:
        given = body.get("documents")
        body["documents"] = [*(given if isinstance(given, list) else ()), *documents]
    options.encode_scalars(req, body, losses, as_came="$came" in MINE.of(req.extra))
    options.encode_tools(req, body, losses)
    if req.output is not None:
        body["response_format"] = options.output_json(req.output)
    if req.reasoning is not None:
        options.encode_reasoning(req.reasoning, body, losses)
    return body, losses.warnings
