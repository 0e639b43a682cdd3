"""InvokeModel of Amazon Bedrock: ``POST /model/{id}/invoke`` and ``/invoke-with-response-stream``.

Every model family has a body of its own. Those that speak another wire's format are given to that wire's codec, asked
for by id: this package imports no other wire. A request's family is the model's, an answer's shows in its shape.

The runtime counts tokens in the headers of a whole answer. Families whose bodies hold no counters (Mistral, Command and
Jurassic with prompts, Claude's text completions) report usage only where ``decode_response`` is given them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from modelmux import _json, wire
from modelmux._eventstream import EventStreamDecoder, encode_event
from modelmux._http import SSEDecoder
from modelmux.errors import InvalidRequest, MalformedResponse, ProviderError
from modelmux.types import Event, Request, Response, Start, Warning
from modelmux.wire._across import arrived
from modelmux.wire._codec import Codec
from modelmux.wire._names import OPENAI_NAMES
from modelmux.wire._source import from_source, sourced
from modelmux.wire.bedrock_invoke import answers, nova, prompts
from modelmux.wire.bedrock_invoke.chat import as_openai
from modelmux.wire.bedrock_invoke.families import (
    CHAT,
    CLAUDE,
    CLAUDE_FIELD,
    CLAUDE_VERSION,
    NOVA,
    PROMPTS,
    WIRE,
    family_of_model,
    family_of_request,
    own,
)
from modelmux.wire.bedrock_invoke.stream import InvokeStream

if TYPE_CHECKING:
    from modelmux.wire import Wire

__all__ = ["Invoke", "make"]

_SPOKEN: dict[str, tuple[str, dict[str, Any]]] = {
    CLAUDE: ("anthropic.messages", {}),
    NOVA: ("bedrock.converse", {}),
    CHAT: ("openai.chat", {"max_tokens": ["max_tokens"], "developer": False, "stream_usage": "always"}),
}
"""Family -> the wire it speaks, in which dialect."""


class Invoke(Codec):
    """The codec (see :class:`modelmux.wire.Wire`)."""

    id = WIRE
    tool_names = OPENAI_NAMES
    reads_headers = True

    @cached_property
    def _spoken(self) -> dict[str, Wire]:
        return {
            family: wire.make(api, self.provider, dialect, self.usage) for family, (api, dialect) in _SPOKEN.items()
        }

    # --- requests --------------------------------------------------------------------------------------------

    def decode_request(self, body: dict[str, Any]) -> Request:
        if not isinstance(body, dict):
            raise InvalidRequest(f"the body must be a JSON object, not {type(body).__name__}")
        family = family_of_request(body)
        hints: dict[str, Any] = {"$family": family}
        if family in PROMPTS:
            request = prompts.decode_request(body, family)
        else:
            inner = body
            if family == NOVA:
                inner, hints["$nova"] = nova.to_converse(body)
            elif family == CLAUDE and CLAUDE_FIELD in body:
                inner = dict(body)
                hints[CLAUDE_FIELD] = inner.pop(CLAUDE_FIELD)
            request = self._spoken[family].decode_request(inner)
            request = replace(request, source=None, extra={**request.extra, WIRE: hints})
        return sourced(request, WIRE, body)

    def encode_request(
        self,
        req: Request,
        *,
        model: str,
        stream: bool = False,  # noqa: ARG002  # it stands in the URL
    ) -> tuple[dict[str, Any], list[Warning]]:
        req = req if req.model == model else replace(req, model=model)
        hints = own(req.extra)
        family = family_of_model(model, hints.get("$family"))
        if req.source is not None and family != hints.get("$family"):
            req = replace(req, source=None)  # for another family the body has to be rebuilt
        return from_source(req, WIRE, self._plain) or self._plain(req)

    def _plain(self, req: Request) -> tuple[dict[str, Any], list[Warning]]:
        hints, model = own(req.extra), req.model or ""
        family = family_of_model(model, hints.get("$family"))
        if family in PROMPTS:
            req, lost = arrived(req, WIRE)
            body, warnings = prompts.encode_request(req, family)
            return body, [*lost, *warnings]
        body, warnings = self._spoken[family].encode_request(replace(req, source=None), model=model)
        if family == NOVA:
            return nova.from_converse(body, hints.get("$nova")), warnings
        body.pop("model", None)
        body.pop("stream", None)
        if family == CLAUDE:
            body[CLAUDE_FIELD] = hints.get(CLAUDE_FIELD, CLAUDE_VERSION)
        return body, warnings

    # --- answers ---------------------------------------------------------------------------------------------

    def decode_response(self, body: bytes | dict[str, Any], *, headers: Mapping[str, str] | None = None) -> Response:
        response = self._decoded(self._parsed(body))
        return response if headers is None else answers.with_headers(response, headers, self.usage)

    def _decoded(self, value: dict[str, Any]) -> Response:
        spoken = _spoken_by(value)
        if spoken is not None:
            return self._spoken[spoken].decode_response(as_openai(value, stream=False) if spoken == CHAT else value)
        family = answers.family_of(value)
        if family is None:
            if "__type" in value or (isinstance(value.get("message"), str) and len(value) == 1):
                return self._spoken[NOVA].decode_response(value)  # raises what it says
            shown = _json.dumps_str(value)[:500]
            raise MalformedResponse("the answer is of no known family", status=200, provider=self.provider, body=shown)
        return answers.decode_response(value, family, self.usage)

    def _parsed(self, body: bytes | dict[str, Any]) -> dict[str, Any]:
        try:
            return _json.load_object(body)
        except ValueError as error:
            shown = body[:500].decode("utf-8", "replace") if isinstance(body, bytes) else ""
            said = f"the answer is not JSON as promised: {error}"
            raise MalformedResponse(said, status=200, provider=self.provider, body=shown) from None

    def encode_response(self, resp: Response) -> dict[str, Any]:
        """In the shape it came in, else in that of the family its model belongs to."""
        raw = resp.raw if isinstance(resp.raw, dict) else {}
        family = _spoken_by(raw) or answers.family_of(raw) or family_of_model(resp.model or "", None)
        if family not in PROMPTS:
            return self._spoken[family].encode_response(resp)
        return answers.encode_response(resp, family)

    # --- streams ---------------------------------------------------------------------------------------------

    def stream_decoder(self, content_type: str | None = None) -> InvokeStream:  # noqa: ARG002  # the first byte tells
        return InvokeStream(self.provider, self.usage, lambda family: self._spoken[family].stream_decoder())

    def encode_stream(self, events: Iterable[Event]) -> Iterator[bytes]:
        """As Nova streams where the answer's model is one, else as Claude does: events do not tell the family."""
        iterator = iter(events)
        first = next(iterator, None)
        if first is None:
            return
        model = first.model if isinstance(first, Start) else None
        family = NOVA if family_of_model(model or "", None) == NOVA else CLAUDE
        chained = (event for group in ((first,), iterator) for event in group)
        unframed = _nova_events if family == NOVA else _claude_events
        for piece in unframed(self._spoken[family].encode_stream(chained)):
            yield encode_event("chunk", _json.dumps({"bytes": base64.b64encode(piece).decode()}))

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return self._spoken[NOVA].decode_error(status, headers, body)


make = Invoke
"""The codec has no dialect: families are told by model and shape."""


def _spoken_by(value: Mapping[str, Any]) -> str | None:
    """The family of an answer in another wire's format."""
    if value.get("type") == "message" or isinstance(value.get("content"), list):
        return CLAUDE
    output = value.get("output")
    if isinstance(output, dict) and "message" in output:
        return NOVA
    return CHAT if isinstance(value.get("choices"), list) else None


def _claude_events(stream: Iterable[bytes]) -> Iterator[bytes]:
    decoder = SSEDecoder()
    for data in stream:
        yield from (event.data for event in decoder.feed(data))


def _nova_events(stream: Iterable[bytes]) -> Iterator[bytes]:
    decoder = EventStreamDecoder()
    for data in stream:
        for message in decoder.feed(data):
            yield _json.dumps({message.headers[":event-type"]: _json.loads(message.payload)})
