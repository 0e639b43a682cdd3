"""A client's settings, and the requests that they and a call's options make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from modelmux._dropin import payload
from modelmux._dropin.absent import NotGiven, given, is_given, not_given
from modelmux._dropin.families import same_kind
from modelmux._dropin.headers import merge, platform_headers
from modelmux._dropin.options import RequestOptions, check_retries
from modelmux._dropin.registry import Registry
from modelmux._dropin.timeouts import DEFAULT_TIMEOUT, Timeout, as_timeout
from modelmux._dropin.transport import Asked
from modelmux._dropin.wires import AsyncWire, Wire


class Asking:
    """The half of a client that says what goes out."""

    _registry: ClassVar[Registry]
    _is_async: ClassVar[bool] = False
    _arrays: ClassVar[str] = "brackets"
    """How queries and forms write lists: see :func:`payload.query_pairs`."""
    _idempotency_header: str | None = None

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

    def _build_request(self, options: RequestOptions, *, retries_taken: int = 0) -> Any:
        """A request as an object of the HTTP family."""
        asked = self._asked(options)
        if "x-stainless-retry-count" not in self._fixed_headers(options):
            asked.headers["x-stainless-retry-count"] = str(retries_taken)
        return self._client.build_request(
            asked.method, asked.url, headers=asked.headers, content=asked.body, timeout=asked.timeout.as_tuple()
        )


def _whole(content: Any) -> Any:
    """A body that can be sent again, where it can be had: a file is read once, for all attempts."""
    if hasattr(content, "read"):
        content = content.read()
    return content.encode() if isinstance(content, str) else content


def _entries(files: Any) -> list[tuple[str, Any]]:
    if not files:
        return []
    return list(files.items()) if isinstance(files, Mapping) else list(files)


class _Url(str):
    """A URL as text that also answers what an HTTP family's URL object does."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        from modelmux._dropin.families import family

        return getattr(family().URL(str(self)), name)
