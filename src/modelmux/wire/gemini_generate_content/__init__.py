"""Google's ``generateContent``, as the Gemini API and Vertex AI speak it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from modelmux._fold import fold
from modelmux._json import loads
from modelmux.errors import ConfigError, MalformedResponse, ProviderError
from modelmux.types import Event, Request, Response, Usage, Warning
from modelmux.wire import _stream
from modelmux.wire._names import GEMINI_NAMES, NameRule
from modelmux.wire._usage import read_usage
from modelmux.wire.gemini_generate_content import error, request, response, stream, stream_out
from modelmux.wire.gemini_generate_content._names import FINISH_NUMBERS, WIRE

__all__ = ["Codec", "Dialect", "make"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """``enums``: whose numbers enums travel as when they travel as numbers (``gemini`` or ``vertex``)."""

    enums: str = "gemini"


def make(*, provider: str, usage: str, **dialect: Any) -> Codec:
    """A codec. Raises TypeError for an option that does not exist, ConfigError for a value that does not."""
    options = Dialect(**dialect)
    if options.enums not in FINISH_NUMBERS:
        raise ConfigError(f"enums must be one of {', '.join(FINISH_NUMBERS)}, not {options.enums!r}", field="enums")
    return Codec(provider=provider, usage=usage, dialect=options)


@dataclass(frozen=True, slots=True)
class Codec:
    """The format in one provider's dialect; see :class:`modelmux.wire.Wire`."""

    provider: str
    usage: str
    dialect: Dialect
    id: str = WIRE
    tool_names: ClassVar[NameRule] = GEMINI_NAMES

    def decode_request(self, body: dict[str, Any]) -> Request:
        return request.decode_request(body)

    def encode_request(
        self,
        req: Request,
        *,
        model: str,
        stream: bool = False,  # noqa: ARG002  # it stands in the URL
    ) -> tuple[dict[str, Any], list[Warning]]:
        return request.encode_request(req, model=model)

    def decode_response(self, body: bytes | dict[str, Any]) -> Response:
        value: Any = body
        if not isinstance(body, dict):
            try:
                value = loads(body)
            except ValueError as fault:
                shown = body[:200].decode("utf-8", "replace")
                raise MalformedResponse(
                    f"the answer is not JSON: {fault}", provider=self.provider, body=shown
                ) from None
            if isinstance(value, list):
                return fold(self.decode_stream([body]))  # a streamed answer, read whole
        if not isinstance(value, dict):
            raise MalformedResponse("the answer is not an object", provider=self.provider, body=value)
        return response.decode_response(value, provider=self.provider, usage=self.usage, enums=self.dialect.enums)

    def encode_response(self, resp: Response) -> dict[str, Any]:
        return response.encode_response(resp)

    def stream_decoder(self, content_type: str | None = None) -> stream.Decoder:  # noqa: ARG002  # the first byte tells
        return stream.Decoder(provider=self.provider, read_usage=self._usage, enums=self.dialect.enums)

    def decode_stream(self, chunks: Iterable[bytes], content_type: str | None = None) -> Iterator[Event]:
        return _stream.decode_stream(self.stream_decoder(content_type), chunks)

    def encode_stream(self, events: Iterable[Event]) -> Iterator[bytes]:
        return stream_out.encode_stream(events)

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return error.decode_error(status, headers, body, self.provider)

    def _usage(self, body: dict[str, Any]) -> Usage:
        return read_usage(self.usage, body)
