"""The Messages API of Anthropic: ``POST /v1/messages``.

Parts keep what this vendor alone can verify under ``extra["anthropic.messages"]``: thinking and the calls of tools
the vendor runs go back to it only when that key is there, or when they have no ``extra`` at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from modelmux.errors import ConfigError, ProviderError
from modelmux.types import Event, Request, Response, Warning
from modelmux.wire import _stream
from modelmux.wire._across import arrived
from modelmux.wire._names import ANTHROPIC_NAMES
from modelmux.wire._source import from_source, unchanged
from modelmux.wire.anthropic_messages.error import decode_error
from modelmux.wire.anthropic_messages.options import encode_plain
from modelmux.wire.anthropic_messages.request import decode_request
from modelmux.wire.anthropic_messages.response import decode_response, encode_response
from modelmux.wire.anthropic_messages.stream import MessagesStream
from modelmux.wire.anthropic_messages.stream_out import encode_stream
from modelmux.wire.anthropic_messages.vocabulary import WIRE

if TYPE_CHECKING:
    from modelmux.wire import Wire

__all__ = ["Dialect", "make"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """``default_max_tokens``: what is sent as the required ``max_tokens`` when a request sets no limit. ``version``:
    the ``anthropic_version`` of clouds that want it in the body, and the model in the address instead.
    """

    default_max_tokens: int = 8192
    version: str = ""

    def __post_init__(self) -> None:
        if type(self.default_max_tokens) is not int or self.default_max_tokens < 1:
            raise ConfigError(
                f"default_max_tokens must be a positive whole number, not {self.default_max_tokens!r}",
                field="dialect.default_max_tokens",
            )
        if type(self.version) is not str:
            raise ConfigError(f"version must be a string, not {self.version!r}", field="dialect.version")


def make(*, provider: str, usage: str, **dialect: Any) -> Wire:
    """A codec. Raises TypeError for an unknown dialect option, ConfigError for a wrong value."""
    return _Messages(provider, usage, Dialect(**dialect))


class _Messages:
    """See :class:`modelmux.wire.Wire`."""

    id = WIRE
    tool_names = ANTHROPIC_NAMES

    def __init__(self, provider: str, usage: str, dialect: Dialect) -> None:
        self.provider = provider
        self._usage = usage
        self._dialect = dialect

    def decode_request(self, body: dict[str, Any]) -> Request:
        return decode_request(body)

    def encode_request(self, req: Request, *, model: str, stream: bool = False) -> tuple[dict[str, Any], list[Warning]]:
        req, lost = arrived(req if req.model == model else replace(req, model=model), WIRE, ANTHROPIC_NAMES)
        plain = partial(self._plain, conversation=not unchanged(req, "messages"))
        body, warnings = from_source(req, WIRE, plain) or self._plain(req)
        if self._dialect.version:
            body.setdefault("anthropic_version", self._dialect.version)
            body.pop("model", None)
        else:
            body["model"] = model
            body.pop("anthropic_version", None)  # the vendor itself takes it in a header only
        if stream:
            body["stream"] = True
        elif body.get("stream") is True:
            del body["stream"]
        return body, [*lost, *warnings]

    def _plain(self, req: Request, *, conversation: bool = True) -> tuple[dict[str, Any], list[Warning]]:
        body, losses = encode_plain(req, self._dialect.default_max_tokens, conversation=conversation)
        return body, losses.warnings

    def decode_response(self, body: bytes | dict[str, Any]) -> Response:
        return decode_response(body, self.provider, self._usage)

    def encode_response(self, resp: Response) -> dict[str, Any]:
        return encode_response(resp, self._usage)

    def stream_decoder(self, content_type: str | None = None) -> MessagesStream:  # noqa: ARG002  # the body tells
        return MessagesStream(self.provider, self._usage)

    def decode_stream(self, chunks: Iterable[bytes], content_type: str | None = None) -> Iterator[Event]:
        return _stream.decode_stream(self.stream_decoder(content_type), chunks)

    def encode_stream(self, events: Iterable[Event]) -> Iterator[bytes]:
        return encode_stream(events, self._usage)

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return decode_error(status, headers, body, self.provider)
