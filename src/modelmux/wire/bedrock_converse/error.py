"""Errors of Bedrock: ``{"message"}`` in the body, the class in the header ``x-amzn-errortype``; and the exceptions that
event streams carry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from modelmux import _json
from modelmux._eventstream import EventMessage
from modelmux.errors import ProviderError
from modelmux.wire._classify import Told, provider_error
from modelmux.wire._refusal import inside
from modelmux.wire.bedrock_converse.vocabulary import EXCEPTION_STATUSES, text_or_none

_SHOWN = 500
"""How many characters of a body that is no JSON an error shows."""


def decode_error(status: int, headers: Mapping[str, str], body: bytes, provider: str) -> ProviderError:
    """Never raises: anything at all makes some ProviderError."""
    try:
        value = _json.loads(body)
    except ValueError:
        value = None
    if value is None:
        text = body.decode("utf-8", "replace").strip()[:_SHOWN]
        said = Told(text, code=_name(headers.get("x-amzn-errortype")), body=text or None)
    else:
        said = told(value, _name(headers.get("x-amzn-errortype")))
    return provider_error(status, headers, said, provider=provider)


def told(value: Any, name: str | None = None) -> Told:
    """What an error body says; ``name`` is the exception's where a header told it."""
    if not isinstance(value, dict):
        return Told(str(value)[:_SHOWN], code=name, body=value)
    inner = value.get("error")
    body = inner if isinstance(inner, dict) else value
    message = next((text for key in ("message", "Message") if (text := text_or_none(body.get(key)))), None)
    name = name or _name(value.get("__type")) or text_or_none(body.get("code")) or text_or_none(body.get("type"))
    return Told(message or text_or_none(inner) or _json.dumps_str(value)[:_SHOWN], code=name, kind=name, body=value)


def _name(text: Any) -> str | None:
    """``com.amazon.coral.service#ThrottlingException:http://…`` -> ``ThrottlingException``."""
    return text.partition(":")[0].rpartition("#")[2] or None if isinstance(text, str) else None


def in_band(value: Any, name: str | None, provider: str, *, status: int | None = None) -> ProviderError:
    """An error that came with a good status: classified as the status that its exception has elsewhere."""
    said = told(value, name)
    return inside(said, provider, EXCEPTION_STATUSES.get((said.code or "").lower()), status=status)


def of_message(message: EventMessage, provider: str) -> ProviderError | None:
    """The error that a message of an event stream is, None for any other message."""
    kind = message.headers.get(":message-type")
    if kind not in ("exception", "error"):
        return None
    try:
        value = _json.loads(message.payload)
    except ValueError:
        value = {"message": message.payload.decode("utf-8", "replace")[:_SHOWN]}
    if kind == "error":  # one that the service's interface does not name
        code = message.headers.get(":error-code")
        return in_band({"message": message.headers.get(":error-message") or code or value}, code, provider)
    return in_band(value, message.headers.get(":exception-type"), provider)
