"""A client's manners, below any vendor's: options, headers, retries, what becomes of an answer.

The calls themselves, sync and async, are in :mod:`modelmux._dropin.client`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from modelmux._dropin import payload, retrying
from modelmux._dropin.absent import NotGiven, given, is_given, not_given
from modelmux._dropin.binary import Binary
from modelmux._dropin.families import same_kind
from modelmux._dropin.filling import note
from modelmux._dropin.flow import READ, exchange
from modelmux._dropin.headers import merge, platform_headers
from modelmux._dropin.models import BaseModel
from modelmux._dropin.options import RequestOptions, check_retries
from modelmux._dropin.registry import Registry
from modelmux._dropin.replies import AsyncReply, LegacyReply, Reply
from modelmux._dropin.shapes import shape_of
from modelmux._dropin.streams import AsyncStream, Stream
from modelmux._dropin.timeouts import DEFAULT_TIMEOUT, Timeout, as_timeout
from modelmux._dropin.transport import Asked, Got, is_transport
from modelmux._dropin.wires import AsyncWire, Wire
from modelmux._http import SSE
from modelmux._json import loads

RAW_HEADER = "X-Stainless-Raw-Response"
_log = logging.getLogger("modelmux")


class Client:
    """What sync and async clients share. ``_registry`` and the methods named ``…_error`` are the drop-in's."""

    _registry: ClassVar[Registry]
    _user_agent_name: ClassVar[str] = ""
    _honoured_wait: ClassVar[float] = 60.0
    """Seconds: the longest wait a vendor may ask for that is slept through."""
    _longest_wait: ClassVar[float | None] = None
    """Seconds: an answer that asks for a longer wait is not retried; None for any."""
    _arrays: ClassVar[str] = "brackets"
    _raw_face: ClassVar[type] = LegacyReply
    _idempotency_header: str | None = None
    _prepare_options: Any = None
    """A function of the options before they are used, where a client has one; what it returns stands in their place."""
    _prepare_request: Any = None
    _log = _log
    _is_async: ClassVar[bool] = False

    def __init__(
        self,
        *,
        base_url: Any,
        max_retries: int = 2,
        timeout: Any = not_given,
        default_headers: Mapping[str, Any] | None = None,
        default_query: Mapping[str, Any] | None = None,
        http_client: Any = None,
        wire: Any = None,
        mux: Any = None,
        strict: bool = False,
    ) -> None:
        check_retries(max_retries)
        self.max_retries = max_retries
        self._custom_headers, self._custom_query = dict(default_headers or {}), dict(default_query or {})
        self._check_http_client(http_client)
        if isinstance(timeout, NotGiven):
            theirs = getattr(http_client, "timeout", None)
            timeout = theirs if theirs is not None and Timeout(theirs) != Timeout(5.0) else DEFAULT_TIMEOUT
        self.timeout = timeout
        self._base_url = ""
        self.base_url = base_url
        self._wire = wire if wire is not None else (AsyncWire if self._is_async else Wire)(http_client)
        self._mux = mux
        self._strict_response_validation = strict

    def _check_http_client(self, http_client: Any) -> None:
        kind = "AsyncClient" if self._is_async else "Client"
        if http_client is not None and not same_kind(http_client, kind):
            raise TypeError(
                f"Invalid `http_client` argument; Expected an instance of `httpx2.{kind}` but got {type(http_client)}"
            )

    # --- settings ---

    @property
    def base_url(self) -> Any:
        """Where requests go; always ends in a slash."""
        return _Url(self._base_url)

    @base_url.setter
    def base_url(self, url: Any) -> None:
        parts = urlsplit(str(url))
        path = parts.path if parts.path.endswith("/") else f"{parts.path}/"
        self._base_url = urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))

    @property
    def user_agent(self) -> str:
        return f"{type(self).__name__}/Python {self._registry.version}"

    @property
    def auth_headers(self) -> dict[str, str]:
        """The headers that carry the key."""
        return {}

    def _auth_for(self, options: RequestOptions) -> Mapping[str, Any]:
        del options
        return self.auth_headers

    @property
    def default_query(self) -> dict[str, Any]:
        return dict(self._custom_query)

    @property
    def default_headers(self) -> dict[str, Any]:
        """What every request says, the caller's own headers over the rest."""
        return {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "User-Agent": self.user_agent,
            **platform_headers(self._registry.version),
            **self.auth_headers,
            **self._own_headers(),
            **self._custom_headers,
        }

    def _own_headers(self) -> Mapping[str, Any]:
        """The vendor's own, such as an organisation's name."""
        return {}

    @property
    def _client(self) -> Any:
        """The HTTP client: the one that was given, else a stock one that is made now."""
        return self._wire.http_client or self._wire.stock()

    def is_closed(self) -> bool:
        given_one = self._wire.http_client
        return bool(self._wire.closed or (given_one is not None and given_one.is_closed))

    def _at_home(self) -> bool:
        """Whether the base URL is the vendor's own: only then may a model's name send a call elsewhere."""
        return False

    def _idempotency_key(self) -> str:
        """One for a call and all its retries."""
        from uuid import uuid4

        return f"stainless-python-retry-{uuid4()}"

    # --- a request ---

    def _fixed_headers(self, options: RequestOptions) -> set[str]:
        """Which headers the caller sets or takes away, in lower case."""
        return {name.lower() for name in options.given_headers()}

    def _headers_for(self, options: RequestOptions) -> dict[str, str]:
        headers = {"accept": "application/json", "content-type": "application/json", "user-agent": self.user_agent}
        headers.update(platform_headers(self._registry.version))
        headers["x-stainless-async"] = self._async_name()
        merge(headers, self._auth_for(options))
        merge(headers, self._own_headers())
        merge(headers, self._custom_headers)
        own = options.given_headers()
        self._check_headers({**headers}, own)
        merge(headers, own)
        key = self._idempotency_header
        if key and options.idempotency_key and key.lower() not in headers:
            headers[key.lower()] = options.idempotency_key
        timeout = self._timeout_for(options)
        if timeout.read is not None and "x-stainless-read-timeout" not in {name.lower() for name in own}:
            headers["x-stainless-read-timeout"] = str(timeout.read)
        return headers

    def _check_headers(self, headers: Mapping[str, str], custom: Mapping[str, Any]) -> None:
        """Raise where there is no key and nobody said there need be none."""

    def _async_name(self) -> str:
        return "false"

    def _timeout_for(self, options: RequestOptions) -> Timeout:
        return as_timeout(self.timeout if isinstance(options.timeout, NotGiven) else options.timeout)

    def _url_for(self, options: RequestOptions, params: Mapping[str, Any]) -> str:
        url = options.url
        if "://" not in url[:12]:
            base, _, fixed = self._base_url.partition("?")
            url = base + url.lstrip("/") + (f"?{fixed}" if fixed else "")
        if params:
            bare, _, hard = url.partition("?")
            if hard:
                params = {**dict(parse_qsl(hard, keep_blank_values=True)), **params}
            query = payload.query_string(params, self._arrays)
            url = f"{bare}?{query}" if query else bare
        return url

    def _asked(self, options: RequestOptions) -> Asked:
        """The request as it goes out. Raises TypeError for a payload that cannot be sent."""
        headers = self._headers_for(options)
        params = given({**self._custom_query, **options.params})
        json, body = self._body_of(options), None
        if options.method.lower() == "get":
            headers.pop("content-type", None)
        elif options.multipart or options.files or headers.get("content-type", "").startswith("multipart/form-data"):
            _, _, mark = headers.get("content-type", "").partition("boundary=")
            kind, body = payload.multipart(json or {}, _entries(options.files), self._arrays, mark or None)
            if not mark:
                headers["content-type"] = kind
            json = None
        elif options.content is not None:
            if json is not None:
                raise TypeError("Passing both `content` and `json_data` is not supported")
            body = _whole(options.content)
        elif isinstance(json, bytes):
            body = json
        elif json is not None:
            body = payload.json_bytes(json)
        return Asked(
            options.method.upper(),
            self._url_for(options, params),
            headers,
            body,
            self._timeout_for(options),
            json=json,
            route=self._route(options, json),
            auth=options.auth,
            follow_redirects=options.follow_redirects,
        )

    def _body_of(self, options: RequestOptions) -> Any:
        json, extra = options.json_data, options.extra_json
        if extra is not None:
            if json is None:
                json = extra
            elif isinstance(json, Mapping):
                json = given({**json, **extra})
            else:
                raise RuntimeError(f"Unexpected JSON data type, {type(json)}, cannot merge with `extra_body`")
        return json if is_given(json) else None

    def _route(self, options: RequestOptions, json: Any) -> Any:
        """A front where the call is to be routed, else None."""
        from modelmux._dropin.routed import route

        return route(self, options, json)

    def _calculate_retry_timeout(
        self, remaining_retries: int, options: RequestOptions, response_headers: Any = None
    ) -> float:
        """Seconds before the next attempt. Under this name it is what tests of callers replace."""
        taken = max(0, options.get_max_retries(self.max_retries) - remaining_retries)
        return retrying.delay(taken, response_headers, honoured=self._honoured_wait)

    def _should_retry(self, response: Any) -> bool:
        """Whether an answer, ours or an HTTP family's, invites another attempt."""
        status = response.status if isinstance(response, Got) else response.status_code
        return retrying.worth_it(status, response.headers, longest=self._longest_wait)

    def _is_worth_another(self, error: Exception) -> bool:
        """Whether what went wrong below may go right the next time: the network's faults, not a program's."""
        return is_transport(error)

    def _unauthorised(self, got: Got, asked: Asked, options: RequestOptions) -> Any:
        """A generator: another request to try after an answer that is an error, or None."""
        del got, asked, options
        yield from ()
        return None

    # --- an answer ---

    def _request_id_of(self, got: Got) -> str | None:
        return got.headers.get("x-request-id")

    def _result(self, got: Got, options: RequestOptions, cast_to: Any, stream: Any, to: Any = None) -> Any:
        """What a method returns for an answer that was read, or for a stream."""
        if stream is not None:
            return self._stream_of(got, options, stream, to)
        shape = cast_to if isinstance(cast_to, str | list) else self._shape_of(cast_to)
        if isinstance(shape, str) and shape[:1] == "_":
            shape = self._registry.cls(shape)  # a class that is written by hand
        special = _SPECIAL.get(shape) if isinstance(shape, str) else None
        if special is not None:
            return special(got)
        if isinstance(shape, type) and (issubclass(shape, Binary) or shape.__name__ == "Response"):
            if issubclass(shape, Binary):
                return shape(got)
            if same_kind(object.__new__(shape), "Response") or shape.__module__.startswith("httpx"):
                return got.native
        return self._model_of(got, shape)

    def _model_of(self, got: Got, shape: Any) -> Any:
        kind = got.headers.get("content-type", "application/json" if got.value is not None else "")
        if not kind.partition(";")[0].strip().lower().endswith("json"):
            value = _json_or_none(got) if self._is_model(shape) else None
            if value is None and self._strict_response_validation:
                raise self._validation_error(
                    got,
                    f"Expected Content-Type response header to be `application/json` but received `{kind}` instead.",
                    _text(got),
                )
            if value is None:
                return _text(got)
        else:
            value = got.value if got.value is not None else loads(got.content or b"")
        return self._cast(got, shape, value)

    def _is_model(self, shape: Any) -> bool:
        if isinstance(shape, str):
            return ":" in shape and "f" in self._registry.entry(shape)
        return isinstance(shape, type) and issubclass(shape, BaseModel)

    def _cast(self, got: Got, shape: Any, value: Any) -> Any:
        if self._strict_response_validation:
            from modelmux._dropin.strict import check

            try:
                check(self._registry.shapes.annotation(shape), value)
            except ValueError as error:
                raise self._validation_error(got, None, value) from error
        converter = self._registry.shapes.converter(shape)
        result = value if converter is None or value is None else converter(value)
        if isinstance(result, BaseModel):
            request_id = self._request_id_of(got)
            if request_id is not None:
                note(result, "_request_id", request_id)
            receipt = getattr(got, "receipt", None)
            if receipt is not None:
                note(result, "_modelmux", receipt)
        return result

    def _shape_of(self, cast_to: Any) -> Any:
        if cast_to is None:
            return "none"
        if isinstance(cast_to, type) and (issubclass(cast_to, Binary) or cast_to.__module__.startswith("httpx")):
            return cast_to
        import pydantic

        if isinstance(cast_to, type) and issubclass(cast_to, pydantic.BaseModel) and not issubclass(cast_to, BaseModel):
            raise TypeError("a pydantic model for `cast_to` must be a subclass of this package's BaseModel")
        return shape_of(cast_to)

    def _stream_of(self, got: Got, options: RequestOptions, stream: Any, to: Any) -> Any:
        kind: Any = AsyncStream if self._is_async else Stream
        item = stream
        if isinstance(to, type) and issubclass(to, Stream | AsyncStream):
            kind = to
        elif getattr(to, "__origin__", None) is not None and issubclass(to.__origin__, Stream | AsyncStream):
            kind, item = to.__origin__, to.__args__[0]
        elif isinstance(stream, tuple):
            kind, item = stream
        return self._stream_class(kind)(cast_to=item, response=got, client=self, options=options)

    def _stream_class(self, kind: Any) -> Any:
        return kind

    def _event_reader(self, cast_to: Any, options: RequestOptions | None) -> Callable[[SSE, Any], Any]:
        """A function from an event of a stream to an item of it, ``END`` or ``SKIP``; it raises what an error event
        says.
        """
        shape = cast_to if isinstance(cast_to, str | list) else shape_of(cast_to)
        converter = self._registry.shapes.converter(shape)
        del options

        def read(event: SSE, got: Any) -> Any:
            del got
            value = loads(event.data)
            return value if converter is None else converter(value)

        return read

    def _build_request(self, options: RequestOptions, *, retries_taken: int = 0) -> Any:
        """A request as an object of the HTTP family."""
        asked = self._asked(options)
        if "x-stainless-retry-count" not in self._fixed_headers(options):
            asked.headers["x-stainless-retry-count"] = str(retries_taken)
        return self._client.build_request(
            asked.method, asked.url, headers=asked.headers, content=asked.body, timeout=asked.timeout.as_tuple()
        )

    # --- errors: the drop-in's own ---

    _status_error: Callable[[Got], Exception]
    _timeout_error: Callable[..., Exception]
    _connection_error: Callable[..., Exception]
    _validation_error: Callable[[Got, str | None, Any], Exception]

    # --- the call ---

    def _flow(self, cast_to: Any, options: RequestOptions, stream: Any) -> Any:
        """One call, as a generator of effects."""
        got, taken = yield from exchange(self, options)
        raw = options.raw or _raw_of(options)
        if raw == "stream":
            return self._reply_face(raw)(got, self, options, cast_to, stream, taken)
        if stream is None:
            yield READ, got
        if raw:
            return self._reply_face(raw)(got, self, options, cast_to, stream, taken)
        result = self._result(got, options, cast_to, stream)
        return options.post_parser(result) if callable(options.post_parser) else result

    def _reply_face(self, raw: str) -> type:
        if raw == "stream":
            return AsyncReply if self._is_async else Reply
        return self._raw_face


def _whole(content: Any) -> Any:
    """A body that can be sent again, where it can be had: a file is read once, for all attempts."""
    if hasattr(content, "read"):
        content = content.read()
    return content.encode() if isinstance(content, str) else content


def _raw_of(options: RequestOptions) -> str:
    for name, value in options.given_headers().items():
        if name.lower() == "x-stainless-raw-response":
            return str(value)
    return ""


def _json_or_none(got: Got) -> Any:
    """The body of an answer that does not say it is JSON, where it is all the same."""
    try:
        return loads(got.content or b"")
    except ValueError:
        return None


def _entries(files: Any) -> list[tuple[str, Any]]:
    if not files:
        return []
    return list(files.items()) if isinstance(files, Mapping) else list(files)


def _text(got: Got) -> str:
    return (got.content or b"").decode(_charset(got), "replace")


def _charset(got: Got) -> str:
    _, _, charset = got.headers.get("content-type", "").partition("charset=")
    name = charset.partition(";")[0].strip("\"' ") or "utf-8"
    try:
        "".encode(name)
    except LookupError:
        return "utf-8"
    return name


_SPECIAL: dict[str, Callable[[Got], Any]] = {
    "none": lambda _: None,
    "str": _text,
    "bytes": lambda got: got.content,
    "int": lambda got: int(_text(got)),
    "float": lambda got: float(_text(got)),
    "bool": lambda got: _text(got).lower() == "true",
}


class _Url(str):
    """A URL as text that also answers what an HTTP family's URL object does."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        from modelmux._dropin.families import family

        return getattr(family().URL(str(self)), name)
