"""Error answers, in every shape that OpenAI-compatible vendors give them, whichever of its formats they speak."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from modelmux._json import loads
from modelmux._retry_after import parse_wait
from modelmux.errors import ProviderError
from modelmux.wire._classify import Told, provider_error

_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)
_TRY_AGAIN = re.compile(
    r"(?:try again|retry) (?:in|after) ([0-9][0-9a-z.]*)(?: ?(seconds?|ms|minutes?))?", re.IGNORECASE
)
_LONGEST = 2_000


def word(value: Any) -> str | None:
    """A string that says something, or a number where a string should stand; None for everything else."""
    if isinstance(value, str):
        return value or None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else None


def decode_error(status: int, headers: Mapping[str, str], body: bytes, provider: str) -> ProviderError:
    """An error answer, classified. Never raises."""
    try:
        facts = told(_parsed(body))
    except RecursionError:
        facts = Told(body[:_LONGEST].decode("utf-8", "replace"))
    return provider_error(status, headers, facts, provider=provider)


def status_in(error: Any) -> int | None:
    """The HTTP status an error object names for itself, since the real one was good."""
    if isinstance(error, dict):
        for name in ("status_code", "code", "status", "raw_status_code"):
            value = error.get(name)
            if isinstance(value, str) and value.isdigit():
                value = int(value)
            if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600:
                return value
    return None


def _parsed(body: bytes) -> Any:
    text = body.strip()
    if text.startswith((b"data:", b"event:")):
        text = text[text.index(b"data:") + 5 :].split(b"\n", 1)[0] if b"data:" in text else text
    try:
        return loads(text)
    except (ValueError, RecursionError):
        return text.decode("utf-8", "replace")


def told(body: Any) -> Told:
    """What an error body says. Takes every shape: an ``error`` object or string, ``detail``, ``message`` at the top,
    ``errors``, a list of one of these, text, HTML, nothing.
    """
    if isinstance(body, list) and body:
        return told(body[0])
    if not isinstance(body, dict):
        return Told(_plain(body), body=body)
    error = body.get("error")
    if isinstance(error, dict):
        return _told(error, body)
    if isinstance(error, str) and error:
        # xAI: {"code": sentence, "error": sentence}; Hugging Face: {"error": sentence, "error_type": word}.
        return Told(error, code=word(body.get("code")), kind=word(body.get("error_type")), body=body)
    return _told(body, body)


def _told(error: dict[str, Any], body: dict[str, Any]) -> Told:
    message = _message(error)
    inner = _nested(error, message)
    code, kind = word(error.get("code")), word(error.get("type")) or word(error.get("status"))
    param = word(error.get("param"))
    innererror = error.get("innererror") or error.get("inner_error")
    if isinstance(innererror, dict) and innererror.get("code"):
        kind = word(innererror["code"])
    if inner is not None:
        # What the upstream vendor said is more telling than the gateway's "Provider returned error".
        message = inner.message if message.lstrip().startswith("{") else f"{message}: {inner.message}"
        if code is None or code.isdigit() or inner.code:
            code = inner.code or code
        kind = inner.kind or kind
        param = param or inner.param
    return Told(
        message,
        code=code,
        kind=kind,
        param=param,
        request_id=word(body.get("request_id")) or word(error.get("request_id")),
        body=body,
        retry_delay=_delay(error, message),
    )


def _message(error: dict[str, Any]) -> str:
    for name in ("message", "detail", "Message", "msg", "error", "title", "errors"):
        value = error.get(name)
        if isinstance(value, str) and value:
            return value[:_LONGEST]
        if isinstance(value, list) and value:
            return "; ".join(_item(item) for item in value)[:_LONGEST]
        if isinstance(value, dict) and value:
            return _message(value)
    return ""


def _item(item: Any) -> str:
    """One of a list of complaints, such as FastAPI's ``detail`` of a 422."""
    if not isinstance(item, dict):
        return str(item)
    where = ".".join(str(step) for step in item["loc"]) if isinstance(item.get("loc"), list) else ""
    text = str(item.get("msg") or item.get("message") or item)
    return f"{where}: {text}" if where else text


def _nested(error: dict[str, Any], message: str) -> Told | None:
    """An upstream vendor's error inside a gateway's: ``metadata.raw`` (OpenRouter), or JSON for a message (Bedrock)."""
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if raw is None and message.lstrip().startswith("{"):
        raw = message
    if not isinstance(raw, str | dict) or not raw:
        return None
    value: Any = raw
    if isinstance(raw, str):
        try:
            value = loads(raw.strip())
        except (ValueError, RecursionError):
            return None if raw is message else Told(raw[:_LONGEST])
    inner = told(value)
    return inner if inner.message and inner.message != message else None


def _delay(error: dict[str, Any], message: str) -> float | None:
    metadata = error.get("metadata")
    headers = metadata.get("headers") if isinstance(metadata, dict) else None
    if isinstance(headers, dict):
        lower = {str(name).lower(): str(value) for name, value in headers.items()}
        for name in ("retry-after", "x-ratelimit-reset"):
            wait = parse_wait(lower.get(name, ""))
            if wait is not None:
                return wait
    said = _TRY_AGAIN.search(message)
    if said is None:
        return None
    number, unit = said.group(1).rstrip("."), (said.group(2) or "").lower()
    wait = parse_wait(number)
    if wait is not None and unit.startswith("m") and number[-1:].isdigit():
        wait = wait / 1000 if unit == "ms" else wait * 60
    return wait


def _plain(body: Any) -> str:
    text = body.strip() if isinstance(body, str) else "" if body is None else str(body)
    if text[:1] == "<":
        title = _TITLE.search(text)
        return f"an HTML page: {title.group(1).strip()}" if title else "an HTML page"
    return text[:_LONGEST]
