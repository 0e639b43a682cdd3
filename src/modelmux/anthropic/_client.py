"""``Anthropic`` and ``AsyncAnthropic``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Self

from modelmux._dropin.absent import NotGiven, Omit, not_given
from modelmux._dropin.client import AsyncClient as AsyncBase
from modelmux._dropin.client import Client as Base
from modelmux._dropin.client import SyncClient as SyncBase
from modelmux._dropin.filling import note
from modelmux._dropin.flow import READ, exchange
from modelmux._dropin.models import BaseModel
from modelmux._dropin.options import RequestOptions
from modelmux._dropin.resources import Wrapped, children
from modelmux._dropin.retrying import asked_wait
from modelmux._dropin.streams import SKIP
from modelmux._dropin.timeouts import Timeout
from modelmux._dropin.transport import Asked, Got
from modelmux._http import SSE
from modelmux._json import loads
from modelmux.anthropic import _exceptions as errors
from modelmux.anthropic import _response as faces
from modelmux.anthropic import _streaming as streaming
from modelmux.anthropic._constants import ANTHROPIC_API_VERSION, LONG_REQUEST, TOKENS_AN_HOUR
from modelmux.anthropic._registry import registry

HOME = "https://api.anthropic.com"
_LONGEST_SLEEP = 4_294_967.0
"""Seconds: platforms take no longer sleeps."""
_FILE = "_response:BinaryAPIResponse"
_HELPER = "x-stainless-helper"
_NO_KEY = (
    "Could not resolve authentication method. Expected one of api_key, auth_token, or credentials to be set. "
    "Or for the `Authorization` header to be explicitly omitted"
)
_ELSEWHERE = (
    "modelmux.anthropic has no `{name}`: use the vendor's own client over modelmux's transport, "
    "modelmux.anthropic.as_vendor(mux, {name}=…)"
)


class Manners(Base):
    """What both clients have of this vendor."""

    _registry = registry
    _files: tuple[type, type]
    """What an answer that is a file becomes: read, and to be read."""

    def __init__(
        self,
        *,
        api_key: str | None = None,
        auth_token: str | None = None,
        credentials: Callable[..., Any] | None = None,
        config: Mapping[str, Any] | None = None,
        profile: str | None = None,
        webhook_key: str | None = None,
        base_url: Any = None,
        timeout: Any = not_given,
        max_retries: int = 2,
        default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        open_telemetry: Any = None,
        http_client: Any = None,
        middleware: Any = None,
        mux: Any = None,
        _strict_response_validation: bool = False,
    ) -> None:
        """``mux``: a Mux that routes every call of this client. For the rest see the vendor's own client. Raises
        ValueError for more than one credential, TypeError for an option that only the vendor's client has.
        """
        ways = {"config": config, "profile": profile, "middleware": middleware, "open_telemetry": open_telemetry}
        for name, value in ways.items():
            if value:
                raise TypeError(_ELSEWHERE.format(name=name))
        environment = os.environ.get
        passed = [
            f"`{name}=`"
            for name, value in (("api_key", api_key), ("auth_token", auth_token), ("credentials", credentials))
            if value is not None
        ]
        if len(passed) > 1:
            raise ValueError(
                "Pass at most one of `api_key=`, `auth_token=`, `credentials=`, `config=`, or `profile=`. "
                f"Received {', '.join(passed)}."
            )
        if not passed:
            api_key = environment("ANTHROPIC_API_KEY") or None
            auth_token = None if api_key else environment("ANTHROPIC_AUTH_TOKEN") or None
        self.api_key, self.auth_token, self.credentials = api_key, auth_token, credentials
        self.webhook_key = environment("ANTHROPIC_WEBHOOK_SIGNING_KEY") if webhook_key is None else webhook_key
        super().__init__(
            base_url=base_url or environment("ANTHROPIC_BASE_URL") or HOME,
            max_retries=max_retries,
            timeout=timeout,
            default_headers={**_headers_of_environment(), **(default_headers or {})},
            default_query=default_query,
            http_client=http_client,
            mux=mux,
            strict=_strict_response_validation,
        )
        if credentials is not None:
            self._prepare_options = self._fetch_token

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
        if _HELPER in headers:  # who helped adds up, where other headers replace one another
            headers[_HELPER] = joined_helpers(self._custom_headers, options.given_headers())
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
        from modelmux._dropin.shapes import shape_of

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

    # --- copies ---

    def copy(
        self,
        *,
        api_key: str | None = None,
        auth_token: str | None = None,
        credentials: Any = not_given,
        config: Mapping[str, Any] | None = None,
        profile: str | None = None,
        webhook_key: str | None = None,
        base_url: Any = None,
        timeout: Any = not_given,
        http_client: Any = None,
        max_retries: int | NotGiven = not_given,
        open_telemetry: Any = None,
        default_headers: Mapping[str, str] | None = None,
        set_default_headers: Mapping[str, str] | None = None,
        default_query: Mapping[str, object] | None = None,
        set_default_query: Mapping[str, object] | None = None,
        middleware: Any = not_given,
        mux: Any = None,
        _extra_kwargs: Mapping[str, Any] | None = None,
    ) -> Self:
        """A client with some options changed, over the same connections."""
        for name, one, other in (
            ("headers", default_headers, set_default_headers),
            ("query", default_query, set_default_query),
        ):
            if one is not None and other is not None:
                raise ValueError(f"The `default_{name}` and `set_default_{name}` arguments are mutually exclusive")
        headers = self._custom_headers if set_default_headers is None else set_default_headers
        query = self._custom_query if set_default_query is None else set_default_query
        given = None if isinstance(credentials, NotGiven) else credentials
        keys: dict[str, Any] = {"api_key": api_key, "auth_token": auth_token, "credentials": given}
        if not api_key and not auth_token and given is None:
            keys = {"api_key": self.api_key, "credentials": self.credentials}
            keys["auth_token"] = self.auth_token if self.api_key is None and self.credentials is None else None
        made = type(self)(
            **{
                **keys,
                "webhook_key": webhook_key or self.webhook_key,
                "base_url": base_url or self._base_url,
                "timeout": self.timeout if isinstance(timeout, NotGiven) else timeout,
                "http_client": http_client or self._wire.http_client,
                "max_retries": self.max_retries if isinstance(max_retries, NotGiven) else max_retries,
                "default_headers": merged(headers, default_headers or {}),
                "default_query": {**query, **(default_query or {})},
                "mux": mux or self._mux,
                "_strict_response_validation": self._strict_response_validation,
                "config": config,
                "profile": profile,
                "open_telemetry": open_telemetry,
                "middleware": None if isinstance(middleware, NotGiven) else middleware,
                **(_extra_kwargs or {}),
            }
        )
        if http_client is None:
            made._wire = self._wire
        made._custom_headers = merged(headers, default_headers or {})
        return made

    with_options = copy

    @property
    def with_raw_response(self) -> Any:
        """All resources, their methods giving answers with their heads."""
        return Wrapped(self, "true")

    @property
    def with_streaming_response(self) -> Any:
        """All resources, their methods giving context managers of answers whose bodies are not read."""
        return Wrapped(self, "stream")


def _headers_of_environment() -> dict[str, str]:
    """``ANTHROPIC_CUSTOM_HEADERS``: a header a line."""
    lines = os.environ.get("ANTHROPIC_CUSTOM_HEADERS", "").split("\n")
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip(): value.strip() for name, _, value in pairs}


def merged(headers: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Headers over others, without regard to case."""
    names = {name.lower() for name in more}
    out = {name: value for name, value in headers.items() if name.lower() not in names or name.lower() == _HELPER}
    if _HELPER in names and any(name.lower() == _HELPER for name in out):
        helpers = joined_helpers(out, more)
        out = {name: value for name, value in out.items() if name.lower() != _HELPER}
        return {**out, **{n: v for n, v in more.items() if n.lower() != _HELPER}, _HELPER: helpers}
    return {**out, **more}


def joined_helpers(*layers: Mapping[str, Any]) -> str:
    """The helpers that headers name, each once."""
    said = [value for layer in layers for name, value in layer.items() if name.lower() == _HELPER]
    names = [name.strip() for value in said if isinstance(value, str) for name in value.split(",")]
    return ", ".join(dict.fromkeys(name for name in names if name))


class Anthropic(Manners, SyncBase):
    """The vendor's client, without the vendor's package. ``mux=`` routes its calls."""

    _raw_face = faces.APIResponse
    _files = (faces.BinaryAPIResponse, faces.StreamedBinaryAPIResponse)

    def request(self, cast_to: Any, options: RequestOptions, *, stream: bool = False, stream_cls: Any = None) -> Any:
        kind = stream_cls or streaming.Stream[cast_to] if stream else None
        return super().request(cast_to, options, stream=stream, stream_cls=kind)

    def _reply_face(self, raw: str) -> type:
        del raw
        return faces.APIResponse


class AsyncAnthropic(Manners, AsyncBase):
    """:class:`Anthropic`, awaited."""

    _raw_face = faces.AsyncAPIResponse
    _files = (faces.AsyncBinaryAPIResponse, faces.AsyncStreamedBinaryAPIResponse)

    async def request(
        self, cast_to: Any, options: RequestOptions, *, stream: bool = False, stream_cls: Any = None
    ) -> Any:
        kind = stream_cls or streaming.AsyncStream[cast_to] if stream else None
        return await super().request(cast_to, options, stream=stream, stream_cls=kind)

    def _reply_face(self, raw: str) -> type:
        del raw
        return faces.AsyncAPIResponse


def _hang(cls: type, *, is_async: bool) -> None:
    for name, child in children(registry, registry.index["clients"]["Anthropic"], is_async=is_async).items():
        child.__set_name__(cls, name)
        setattr(cls, name, child)


_hang(Anthropic, is_async=False)
_hang(AsyncAnthropic, is_async=True)
Client = Anthropic
AsyncClient = AsyncAnthropic

__all__ = ["Anthropic", "AsyncAnthropic", "AsyncClient", "Client"]
