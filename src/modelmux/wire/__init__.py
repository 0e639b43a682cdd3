"""Codecs, one package per message format ("wire"). A codec is pure: bytes and dicts in, types out, and back.

``get("anthropic.messages")`` gives the format as its owner speaks it. ``get("groq.chat")`` gives the format that
Groq's row maps ``chat`` to, in Groq's dialect. A dialect is data from the provider's row, so a vendor that differs
in a field's name needs a line of TOML and no code.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

from modelmux import providers
from modelmux._fold import fold
from modelmux._registry import Registry
from modelmux.errors import ConfigError, ProviderError
from modelmux.types import Event, Request, Response, Warning
from modelmux.wire._stream import StreamDecoder

if TYPE_CHECKING:
    from modelmux.wire._front import Format

__all__ = ["StreamDecoder", "Wire", "decode_answer", "fronts", "get"]


class Wire(Protocol):
    """What every codec offers. ``id`` is the format's id, ``provider`` whose dialect it speaks."""

    id: str
    provider: str

    def decode_request(self, body: dict[str, Any]) -> Request:
        """A request in this format, as canonical. Raises InvalidRequest naming the field that is malformed."""

    def encode_request(self, req: Request, *, model: str, stream: bool = False) -> tuple[dict[str, Any], list[Warning]]:
        """The body to send. What this format cannot say is in the warnings, never silently dropped."""

    def decode_response(self, body: bytes | dict[str, Any]) -> Response:
        """A whole answer. Raises ProviderError for an error inside a good status, MalformedResponse for nonsense."""

    def encode_response(self, resp: Response) -> dict[str, Any]:
        """An answer in this format, as its owner would send it."""

    def stream_decoder(self, content_type: str | None = None) -> StreamDecoder:
        """A push decoder for one streamed answer."""

    def decode_stream(self, chunks: Iterable[bytes], content_type: str | None = None) -> Iterator[Event]:
        """All events of one streamed answer. Raises StreamTruncated when its proper end is missing."""

    def encode_stream(self, events: Iterable[Event]) -> Iterator[bytes]:
        """Events in this format's streaming form."""

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """An error answer, classified. Never raises: anything at all makes some ProviderError."""


_STREAMS = (b"data:", b"event:")
"""How server-sent events begin, which no JSON does."""


def decode_answer(codec: Wire, body: bytes | dict[str, Any], headers: Mapping[str, str]) -> Response:
    """A whole answer, read with the headers it came under (names in lower case) where they say what its body does not:
    codecs with a true ``reads_headers`` take them as ``headers=``. One that came as a stream nobody asked for, as some
    servers answer, counts as whole once it is. Raises what ``decode_response`` or ``decode_stream`` raise.
    """
    if isinstance(body, bytes) and body.startswith(_STREAMS):
        return fold(codec.decode_stream((body,), headers.get("content-type")))
    if getattr(codec, "reads_headers", False):
        response: Response = codec.decode_response(body, headers=headers)  # type: ignore[call-arg]  # see above
        return response
    return codec.decode_response(body)


_FORMATS: Registry[str] = Registry(
    "wire",
    {
        "openai.chat": "modelmux.wire.openai_chat",
        "openai.responses": "modelmux.wire.openai_responses",
        "openai.completions": "modelmux.wire.openai_completions",
        "anthropic.messages": "modelmux.wire.anthropic_messages",
        "gemini.generateContent": "modelmux.wire.gemini_generate_content",
        "cohere.chat_v2": "modelmux.wire.cohere_chat_v2",
        "ollama.chat": "modelmux.wire.ollama_chat",
        "gemini.interactions": "modelmux.wire.gemini_interactions",
        "clova.chat_v3": "modelmux.wire.clova_chat_v3",
        "bedrock.converse": "modelmux.wire.bedrock_converse",
        "bedrock.invoke": "modelmux.wire.bedrock_invoke",
    },
    group="modelmux.wires",
)


_FRONTS = ("openai.chat", "openai.responses", "openai.completions", "anthropic.messages", "gemini.generateContent")
"""Formats that may be spoken to: their packages hold a ``front``."""


@cache
def fronts() -> tuple[Format, ...]:
    """The formats a request may come in, each with what it is known by."""
    modules = [importlib.import_module(f"{_FORMATS[name]}.front") for name in _FRONTS]
    return tuple(module.FORMAT for module in modules)


_made: dict[str, tuple[providers.Call | None, Wire]] = {}
"""Codecs by api, each with the call of a row that it was made for: a row may be registered in another's place."""


def get(api: str) -> Wire:
    """The codec for a wire id, or for ``<provider>.<call>`` as that provider's row maps it.

    Raises UnknownName with the nearest ids when neither a wire nor a row answers to ``api``.
    """
    vendor, _, call = api.partition(".")
    row = providers.find(vendor)
    spec = None if row is None else row.calls.get(call)
    held = _made.get(api)
    if held is not None and held[0] is spec:
        return held[1]
    if row is not None and spec is not None and spec.wire is not None:
        wire = make(spec.wire, row.id, spec.dialect, spec.usage)
    elif api in _FORMATS:
        wire = make(api, vendor, {}, api)
    else:
        raise _FORMATS.unknown(api, also=providers.api_names())
    _made[api] = spec, wire
    return wire


def make(format_id: str, provider: str, dialect: Mapping[str, Any], usage: str) -> Wire:
    """A codec for ``format_id`` in a dialect. ``usage`` names the usage reader. Raises ConfigError for bad options."""
    module = importlib.import_module(_FORMATS[format_id])
    try:
        wire: Wire = module.make(provider=provider, usage=usage, **dialect)
    except TypeError as error:
        raise ConfigError(
            f"provider {provider!r}: {format_id} does not take these dialect options: {error}",
            field=f"calls.*.dialect of {provider}",
        ) from None
    return wire
