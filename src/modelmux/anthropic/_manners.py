"""What both clients have of this vendor: its keys and headers, how its answers are read, which errors they raise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelmux._dropin.absent import Omit
from modelmux._dropin.client import Client
from modelmux._dropin.filling import note
from modelmux._dropin.flow import READ, exchange
from modelmux._dropin.models import BaseModel
from modelmux._dropin.options import RequestOptions
from modelmux._dropin.retrying import asked_wait
from modelmux._dropin.shapes import shape_of
from modelmux._dropin.streams import SKIP
from modelmux._dropin.timeouts import Timeout
from modelmux._dropin.transport import Asked, Got
from modelmux._http import SSE
from modelmux._json import loads
from modelmux.anthropic import _exceptions as errors
from modelmux.anthropic import _streaming as streaming
from modelmux.anthropic._constants import ANTHROPIC_API_VERSION, LONG_REQUEST, TOKENS_AN_HOUR
from modelmux.anthropic._headers import HELPER, joined_helpers
from modelmux.anthropic._registry import registry

HOME = "https://api.anthropic.com"
_LONGEST_SLEEP = 4_294_967.0
"""Seconds: platforms take no longer sleeps."""
_FILE = "_response:BinaryAPIResponse"
_NO_KEY = (
    "Could not resolve authentication method. Expected one of api_key, auth_token, or credentials to be set. "
    "Or for the `Authorization` header to be explicitly omitted"
)


class Manners(Client):
    """How this vendor is asked, and how it answers."""

    api_key: str | None
    auth_token: str | None
    credentials: Callable[..., Any] | None
    _registry = registry
    _takes_raw_body = False
    _files: tuple[type, type]
    """What an answer that is a file becomes: read, and to be read."""

    def _at_home(self) -> bool:
        return self._base_url == f"{HOME}/"

    # --- keys ---

    @property
    def auth_headers(self) -> dict[str, str]:
        key = self.api_key if self.api_key is not None else self.auth_token
        return {} if key is None else {"Authorization": f"Bearer {key}"}

    def _fetch_token(self, options: RequestOptions) -> Any:
        """Ask for a token, where a function gives it."""
        assert self.credentials is not None
        found = self.credentials()
        if hasattr(found, "__await__"):
            return self._take_later(found)
        self.auth_token = getattr(found, "token", found)
        del options
        return None

    async def _take_later(self, found: Any) -> None:
        token = await found
        self.auth_token = getattr(token, "token", token)

    def _own_headers(self) -> Mapping[str, Any]:
        return {"anthropic-version": ANTHROPIC_API_VERSION}

    def _left_out(self, options: RequestOptions) -> set[str]:
        """The headers that the caller takes away, in lower case."""
        last = {n.lower(): v for layer in (self._custom_headers, options.given_headers()) for n, v in layer.items()}
        return {name for name, value in last.items() if type(value) is Omit}

    def _fixed_headers(self, options: RequestOptions) -> set[str]:
        return super()._fixed_headers(options) | {name.lower() for name in self._custom_headers}

    def _is_worth_another(self, error: Exception) -> bool:
        return isinstance(error, Exception)  # as this vendor's client: whatever came up

    def _headers_for(self, options: RequestOptions) -> dict[str, str]:
        headers = super()._headers_for(options)
        timeout = options.timeout
        said = timeout.read if hasattr(timeout, "read") else timeout
        headers.setdefault("x-stainless-timeout", str(said))
        for name in self._left_out(options):
            headers.pop(name, None)
        kind = headers.get("content-type", "")
        if kind[:19].lower() == "multipart/form-data":
            headers["content-type"] = kind[:19].lower() + kind[19:]
        if HELPER in headers:  # who helped adds up, where other headers replace one another
            headers[HELPER] = joined_helpers(self._custom_headers, options.given_headers())
        return headers

    def _asked(self, options: RequestOptions) -> Asked:
        asked = super()._asked(options)
        known = asked.headers.get("authorization") or asked.headers.get("x-api-key")
        if not known and asked.route is None and "authorization" not in self._left_out(options):
            raise TypeError(f'"{_NO_KEY}"')
        return asked

    def _url_for(self, options: RequestOptions, params: Mapping[str, Any]) -> str:
        url = super()._url_for(options, params)
        bare, mark, query = url.partition("?")
        return f"{bare}?{query.replace('+', '%20')}" if mark and params else url

    def _calculate_retry_timeout(
        self, remaining_retries: int, options: RequestOptions, response_headers: Any = None
    ) -> float:
        wait = None if response_headers is None else asked_wait(response_headers)
        if wait is not None and wait > 0:
            return min(wait, _LONGEST_SLEEP)
        return super()._calculate_retry_timeout(remaining_retries, options, None)

    def _request_id_of(self, got: Got) -> str | None:
        return got.headers.get("request-id")

    def _calculate_nonstreaming_timeout(self, max_tokens: int, max_nonstreaming_tokens: int | None) -> Timeout:
        """What to wait for an answer that is not streamed. Raises ValueError where that may be too long."""
        expected = 3600 * max_tokens / TOKENS_AN_HOUR
        if expected > LONG_REQUEST or (max_nonstreaming_tokens and max_tokens > max_nonstreaming_tokens):
            raise ValueError(
                "Streaming is required for operations that may take longer than 10 minutes: "
                "pass stream=True, use messages.stream(), or set a timeout"
            )
        return Timeout(LONG_REQUEST, connect=5.0)

    # --- answers ---

    def _flow(self, cast_to: Any, options: RequestOptions, stream: Any) -> Any:
        if cast_to != _FILE:
            return (yield from super()._flow(cast_to, options, stream))
        got, taken = yield from exchange(self, options)
        raw = options.given_headers().get("X-Stainless-Raw-Response") == "stream"
        if not raw:
            yield READ, got
        return self._files[raw](got, self, options, "bytes", None, taken)

    def _result(self, got: Got, options: RequestOptions, cast_to: Any, stream: Any, to: Any = None) -> Any:
        kind = getattr(cast_to, "__origin__", cast_to)
        if isinstance(kind, type) and kind.__name__ in ("JSONLDecoder", "AsyncJSONLDecoder"):
            chunks = got.achunks() if self._is_async else got.chunks()
            return kind(raw_iterator=chunks, line_type=cast_to.__args__[0], http_response=got)
        return super()._result(got, options, cast_to, stream, to)

    def _cast(self, got: Got, shape: Any, value: Any) -> Any:
        result = super()._cast(got, shape, value)
        if isinstance(result, BaseModel):
            workspace = got.headers.get("anthropic-workspace-id")
            if workspace is not None:
                note(result, "_workspace_id", workspace)
        return result

    def _stream_class(self, kind: Any) -> Any:
        return streaming.OF.get(kind, kind)

    def _event_reader(self, cast_to: Any, options: RequestOptions | None) -> Callable[[SSE, Any], Any]:
        shape = cast_to if isinstance(cast_to, str | list) else shape_of(cast_to)
        converter = self._registry.shapes.converter(shape)
        del options

        def read(event: SSE, got: Any) -> Any:
            name = event.event
            if name in ("", "ping"):
                return SKIP
            if name == "error":
                raise self._event_error(event.data, got)
            if not event.data:
                return SKIP
            value = loads(event.data)
            return value if converter is None else converter(value)

        return read

    @staticmethod
    def _event_error(data: bytes, got: Any) -> errors.APIStatusError:
        """What an error event in a stream says, as an error; its status is the stream's."""
        status = got.status if isinstance(got, Got) else got.status_code
        text = data.decode("utf-8", "replace")
        try:
            body: Any = loads(data)
            message = f"{body}"
        except ValueError:
            body, message = text, text or f"Error code: {status}"
        return errors.of(status, body)(message, response=got, body=body)

    # --- errors ---

    def _status_error(self, got: Got) -> Exception:
        text = (got.content or b"").decode("utf-8", "replace").strip()
        try:
            body: Any = loads(text)
            message = f"Error code: {got.status} - {body}"
        except ValueError:
            body, message = text, text or f"Error code: {got.status}"
        return errors.of(got.status, body)(message, response=got, body=body)

    def _make_status_error(self, message: str, *, body: object, response: Any) -> errors.APIStatusError:
        return errors.of(response.status_code, body)(message, response=response, body=body)

    def _timeout_error(self, request: Any) -> Exception:
        return errors.APITimeoutError(request)

    def _connection_error(self, request: Any) -> Exception:
        return errors.APIConnectionError(request=request)

    def _validation_error(self, got: Got, message: str | None, body: Any) -> Exception:
        return errors.APIResponseValidationError(got, body, message=message)
