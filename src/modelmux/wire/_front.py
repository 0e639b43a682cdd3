"""What a format says about itself as a front: which requests are its own, and how it writes errors and streams.

A package that has a ``front.py`` holding a :class:`Format` called ``FORMAT`` can be spoken to in its format; all else
about it is in its codec. Data and pure functions: no IO, no HTTP library.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote

from modelmux import errors as e
from modelmux.types import Event, Request, Response

CHAT = "chat"
"""The operation that has a codec, and is routed. All others are passed on, or answered from what is known here."""

COUNT, EMBED, MODELS = "count", "embed", "models"


class StreamEncoder(Protocol):
    """Events in, the bytes of the format's stream out."""

    def feed(self, event: Event) -> bytes:
        """What this event says; empty where it says nothing yet."""

    def close(self) -> bytes:
        """The stream's end, after its last event."""


@dataclass(frozen=True, slots=True)
class Path:
    """A kind of request. ``pattern`` matches the whole path; what its group ``base`` takes is the address that the
    client was given, its group ``model`` the model where that stands in the path. ``stream`` is None where the body
    says it.
    """

    operation: str
    pattern: re.Pattern[str]
    method: str = "POST"
    stream: bool | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """An error as a front tells it: HTTP ``status``, what is wrong in one of the words of :data:`REASONS`, and what the
    vendor said beside it.
    """

    status: int
    reason: str
    message: str
    code: str | None = None
    param: str | None = None
    request_id: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A message format as a front. ``owner`` is the provider whose format it is.

    ``mark`` is a header by which a request says that it is in this format, where its path would fit others too.
    ``headers`` are beginnings of the names of request headers that steer the vendor and go along to it, never to
    another. ``error`` and ``broken`` write an error as a body and inside a stream; ``encoder`` makes what writes the
    stream of one request, given the query of its address, and ``media_type`` names what that is; ``whole`` writes an
    answer that is no stream; ``models`` writes a list of model names, ``count`` a number of tokens. ``relays`` says
    whether a stream of the vendor's own is what a request with this query asks for; ``drops`` gives what finds the
    event of a stream that only we asked for, given the body as sent, or None.
    """

    wire: str
    owner: str
    paths: tuple[Path, ...]
    error: Callable[[Said], dict[str, Any]]
    broken: Callable[[Said], bytes]
    encoder: Callable[[Request, Mapping[str, str]], StreamEncoder]
    whole: Callable[[Response], dict[str, Any]]
    mark: str = ""
    headers: tuple[str, ...] = ()
    models: Callable[[list[str]], dict[str, Any]] | None = None
    count: Callable[[int], dict[str, Any]] | None = None
    relays: Callable[[Mapping[str, str]], bool] = field(default=lambda query: True)  # noqa: ARG005
    drops: Callable[[Request, Mapping[str, Any]], re.Pattern[bytes] | None] = field(default=lambda asked, sent: None)  # noqa: ARG005
    media_type: Callable[[Mapping[str, str]], str] = field(default=lambda query: "text/event-stream")  # noqa: ARG005


@dataclass(frozen=True, slots=True)
class Operation:
    """A request recognised. ``base`` is its address up to what the format adds (no trailing slash), ``rest`` what the
    format added, ``query`` without the key.
    """

    format: Format
    name: str
    base: str
    rest: str
    model: str | None
    stream: bool | None
    query: Mapping[str, str]


def recognise(formats: tuple[Format, ...], method: str, path: str, query: str) -> Operation | None:
    """The operation that this is; None for one that no format knows."""
    for form in formats:
        for kind in form.paths:
            if kind.method != method:
                continue
            found = kind.pattern.fullmatch(path)
            if found is not None:
                groups = found.groupdict()
                base = groups.get("base") or ""
                model = groups.get("model")
                asked = {name: value for name, value in parse_qsl(query, keep_blank_values=True) if name != "key"}
                named = None if model is None else unquote(model)
                return Operation(form, kind.operation, base, path[len(base) :], named, kind.stream, asked)
    return None


# --- errors --------------------------------------------------------------------------------------------------

REASONS: dict[type[e.ModelmuxError], tuple[int, str]] = {
    e.InvalidRequest: (400, "invalid"),
    e.UnknownName: (404, "not_found"),
    e.MissingKey: (401, "auth"),
    e.ConfigError: (400, "invalid"),
    e.NoCapableEndpoint: (400, "invalid"),
    e.RoutingError: (503, "overloaded"),
    e.DeadlineExceeded: (504, "timeout"),
    e.InvalidOutput: (502, "upstream"),
    e.ContextTooLong: (400, "context"),
    e.ContentBlocked: (400, "blocked"),
    e.RequestTooLarge: (413, "too_large"),
    e.RequestRejected: (400, "invalid"),
    e.AuthError: (401, "auth"),
    e.PermissionDenied: (403, "permission"),
    e.QuotaSpent: (429, "quota"),
    e.BillingError: (402, "billing"),
    e.ModelNotFound: (404, "not_found"),
    e.RateLimited: (429, "rate"),
    e.Overloaded: (503, "overloaded"),
    e.ServerError: (500, "upstream"),
    e.ConnectionFailed: (502, "upstream"),
    e.ConnectionLost: (502, "upstream"),
    e.AttemptTimeout: (504, "timeout"),
    e.ProviderError: (502, "upstream"),
    e.ModelmuxError: (500, "upstream"),
}
"""Class of error -> status and reason, in words of no vendor; each format has its own for them."""


def said(error: e.ModelmuxError) -> Said:
    """An error as every format can tell it: by its class, whoever's it was."""
    cause = error.__cause__
    if isinstance(error, e.StreamInterrupted) and isinstance(cause, e.ProviderError):
        error = cause
    kind = next(kind for kind in type(error).__mro__ if kind in REASONS)
    status, reason = REASONS[kind]
    if isinstance(error, e.ProviderError):
        return Said(
            status, reason, error.message, error.code, error.param, error.request_id, retry_after=error.retry_after
        )
    field = error.field if isinstance(error, (e.InvalidRequest, e.ConfigError)) else None
    return Said(status, reason, str(error), param=field, retry_after=getattr(error, "retry_after", None))
