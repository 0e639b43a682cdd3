"""A chat request: body in, canonical request out, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from modelmux.errors import InvalidRequest
from modelmux.types import Request, Source, Warning
from modelmux.wire._across import arrived
from modelmux.wire._kept import Losses
from modelmux.wire._names import OPENAI_NAMES
from modelmux.wire._source import from_source
from modelmux.wire.cohere_chat_v2 import options
from modelmux.wire.cohere_chat_v2.messages import decode_messages, encode_messages
from modelmux.wire.cohere_chat_v2.vocabulary import MINE, WIRE


def decode_request(body: dict[str, Any]) -> Request:
    """The request that ``body`` makes. Raises InvalidRequest naming the field that is malformed."""
    if not isinstance(body, dict):
        raise InvalidRequest("the request must be a JSON object")
    extra: dict[str, Any] = {"$came": True}
    values: dict[str, Any] = {}
    for name, value in body.items():
        scalar = options.SCALARS.get(name)
        decode = _FIELDS.get(name)
        if scalar is not None and scalar[1](value):
            values[scalar[0]] = value
        elif decode is not None and (decoded := decode[1](value)) is not None:
            values[decode[0]] = decoded
        elif name == "stream":
            values["stream"] = value is True
            extra["$stream"] = value
        elif name != "messages":
            extra[name] = value
    values["tools"] = options.decode_tools(body.get("tools"), body.get("strict_tools"))
    if values["tools"]:
        del extra["tools"]
        if isinstance(body.get("strict_tools"), bool):
            del extra["strict_tools"]
    if "messages" not in body:
        raise InvalidRequest("messages is missing", field="messages")
    request = Request(decode_messages(body["messages"]), **values, extra={WIRE: extra})
    return replace(request, source=Source(WIRE, body, request))


_FIELDS = {
    "stop_sequences": ("stop", options.decode_stop),
    "tool_choice": ("tool_choice", options.decode_choice),
    "response_format": ("output", options.decode_output),
    "thinking": ("reasoning", options.decode_reasoning),
}


def encode_request(req: Request, *, model: str, stream: bool = False) -> tuple[dict[str, Any], list[Warning]]:
    """The body to send, and what it could not say. An empty ``model`` leaves the field out."""
    wanted, lost = arrived(req if req.stream == stream else replace(req, stream=stream), WIRE, OPENAI_NAMES)
    said = from_source(wanted, WIRE, _encode)
    body, warnings = said if said is not None else _encode(wanted)
    if model:
        body["model"] = model
    before = MINE.of(req.extra).get("$stream", True)
    if stream:
        body["stream"] = True
    elif before is True:
        body.pop("stream", None)
    else:
        body["stream"] = before
    return body, [*lost, *warnings]


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
        options.encode_output(req.output, body)
    if req.reasoning is not None:
        options.encode_reasoning(req.reasoning, body, losses)
    return body, losses.warnings
