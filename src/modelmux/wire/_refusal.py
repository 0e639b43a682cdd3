"""Error bodies in the shapes that vendors without a format of their own for errors use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from modelmux._json import load_object, loads
from modelmux.errors import Billed, MalformedResponse, ProviderError
from modelmux.wire._classify import Told, provider_error

_LONGEST = 2_000


def decode_error(
    status: int, headers: Mapping[str, str], body: bytes, provider: str, told: Callable[[Any], Told] | None = None
) -> ProviderError:
    """An error answer, classified. Never raises: anything at all makes some ProviderError. ``told`` reads the bodies of
    a vendor with a shape of its own.
    """
    try:
        value = loads(body.strip())
    except (ValueError, RecursionError):
        value = body.decode("utf-8", "replace").strip()[:_LONGEST] or None
    return provider_error(status, headers, (told or usual)(value), provider=provider)


def in_band(value: Any, provider: str) -> ProviderError:
    """An error that came with a good status."""
    return inside(usual(value), provider)


def inside(facts: Told, provider: str, elsewhere: int | None = None, *, status: int | None = None) -> ProviderError:
    """An error that came with the good ``status``. ``elsewhere`` is the one it has where it comes with its own, which
    says what class it is of.
    """
    error = provider_error(elsewhere, {}, facts, provider=provider)
    error.status = status
    error.billed = Billed.UNKNOWN
    return error


def usual(value: Any) -> Told:
    """``{"error": text or object}``, ``{"message"}``, ``{"detail"}``, a list of these, or text."""
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return Told("" if value is None else str(value)[:_LONGEST], body=value)
    error = value.get("error")
    inner = error if isinstance(error, dict) else value
    message = error if isinstance(error, str) and error else _message(inner)
    return Told(
        message[:_LONGEST],
        code=_word(inner.get("code")),
        kind=_word(inner.get("type")) or _word(inner.get("status")),
        param=_word(inner.get("param")),
        request_id=_word(value.get("request_id")),
        body=value,
    )


def parse_body(body: bytes | dict[str, Any], provider: str) -> dict[str, Any]:
    """The body as JSON. Raises MalformedResponse for anything else: a proxy's HTML page, a cut answer."""
    if isinstance(body, dict):
        return body
    try:
        return load_object(body.strip())
    except ValueError as error:
        start = body[:200].decode("utf-8", "replace").strip()
        raise MalformedResponse(
            f"the answer is not a JSON object ({error}): {start!r}", provider=provider, body=start
        ) from None


def malformed(what: str, provider: str, shown: bytes | str = b"", *, status: int | None = 200) -> MalformedResponse:
    """An answer that is none, with the beginning of what stood there."""
    text = shown if isinstance(shown, str) else shown[:_LONGEST].decode("utf-8", "replace")
    return MalformedResponse(what, status=status, provider=provider, body=text[:500] or None)


def parsed(body: bytes | dict[str, Any], provider: str) -> dict[str, Any]:
    """As :func:`parse_body`, for vendors whose good status stands in the error."""
    if isinstance(body, dict):
        return body
    try:
        return load_object(body)
    except ValueError as error:
        raise malformed(f"the answer is not JSON as promised: {error}", provider, body) from None


def parse_frame(data: bytes, provider: str) -> dict[str, Any] | None:
    """One frame of a stream as JSON, None where it is blank. Raises MalformedResponse for anything else."""
    try:
        value = loads(data)
    except ValueError:
        if not data.strip():
            return None
        value = None
    if not isinstance(value, dict):
        start = data[:200].decode("utf-8", "replace")
        raise MalformedResponse(f"a piece of the stream is no JSON object: {start!r}", provider=provider)
    return value


def _message(inner: Mapping[str, Any]) -> str:
    for name in ("message", "detail", "error", "msg"):
        value = inner.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, list) and value:
            return "; ".join(str(item.get("msg") or item) if isinstance(item, dict) else str(item) for item in value)
    return ""


def _word(value: Any) -> str | None:
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None
