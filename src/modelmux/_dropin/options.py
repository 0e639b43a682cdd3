"""One call as a value: what a method makes, what a client sends, what a page makes the next page's call of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

from modelmux._dropin.absent import NotGiven, not_given


class RequestOptions:
    """What to ask for. ``url`` is below the client's base URL unless it is absolute."""

    __slots__ = (
        "auth",
        "content",
        "extra_json",
        "files",
        "follow_redirects",
        "headers",
        "idempotency_key",
        "json_data",
        "max_retries",
        "method",
        "multipart",
        "params",
        "post_parser",
        "raw",
        "security",
        "synthesize_event_and_data",
        "timeout",
        "url",
    )

    def __init__(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | NotGiven | None = None,
        max_retries: int | NotGiven = not_given,
        timeout: Any = not_given,
        files: Any = None,
        idempotency_key: str | None = None,
        post_parser: Callable[[Any], Any] | NotGiven = not_given,
        json_data: Any = None,
        extra_json: Any = None,
        content: Any = None,
        security: Any = None,
        follow_redirects: bool | None = None,
        synthesize_event_and_data: bool | None = None,
        raw: str = "",
        multipart: bool = False,
        auth: Any = None,
    ) -> None:
        self.method, self.url, self.params = method, url, params or {}
        self.headers = headers or {}
        self.max_retries, self.timeout = max_retries, timeout
        self.files, self.idempotency_key, self.post_parser = files, idempotency_key, post_parser
        self.json_data, self.extra_json, self.content = json_data, extra_json, content
        self.security, self.follow_redirects = security, follow_redirects
        self.synthesize_event_and_data, self.raw, self.multipart = synthesize_event_and_data, raw, multipart
        self.auth = auth

    @classmethod
    def construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:
        """As the vendors' class of this name is made."""
        return cls(**values)

    def copy(self, **changes: Any) -> Self:
        values = {name: getattr(self, name) for name in self.__slots__}
        return type(self)(**{**values, **changes})

    def get_max_retries(self, default: int) -> int:
        if isinstance(self.max_retries, NotGiven):
            return default
        check_retries(self.max_retries)
        return self.max_retries

    def given_headers(self) -> Mapping[str, Any]:
        return {} if isinstance(self.headers, NotGiven) else self.headers


def check_retries(value: Any) -> None:
    """Raise TypeError for what is no number of retries, ValueError for one below zero."""
    if value is None:
        raise TypeError("max_retries cannot be None: 0 means no retries, and leaving it out means the default")
    if not isinstance(value, int):
        raise TypeError(f"max_retries must be a whole number (0 for no retries), not {value!r}")
    if value < 0:
        raise ValueError("max_retries must not be negative")


def make_request_options(
    *,
    query: Mapping[str, Any] | None = None,
    extra_headers: Mapping[str, Any] | None = None,
    extra_query: Mapping[str, Any] | None = None,
    extra_body: Any = None,
    idempotency_key: str | None = None,
    timeout: Any = not_given,
    post_parser: Any = not_given,
    **more: Any,
) -> dict[str, Any]:
    """Keywords of a call as :class:`RequestOptions` takes them."""
    options: dict[str, Any] = dict(more)
    if extra_headers is not None:
        options["headers"] = extra_headers
    if extra_body is not None:
        options["extra_json"] = extra_body
    if query is not None or extra_query is not None:
        options["params"] = {**(query or {}), **(extra_query or {})}
    if not isinstance(timeout, NotGiven):
        options["timeout"] = timeout
    if idempotency_key is not None:
        options["idempotency_key"] = idempotency_key
    if not isinstance(post_parser, NotGiven):
        options["post_parser"] = post_parser
    return options
