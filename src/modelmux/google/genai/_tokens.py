"""Access tokens for the enterprise platform: the caller's credentials, else those of the environment."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

from modelmux import _google_auth
from modelmux._clock import SystemClock
from modelmux._dropin.flow import READ, SEND, SLEEP
from modelmux._dropin.timeouts import Timeout
from modelmux._dropin.transport import Asked
from modelmux._effects import NextBytes, Send
from modelmux._http import HttpHead
from modelmux._json import loads


def project_of(credentials: Any) -> str | None:
    """The project that credentials belong to, where they say so."""
    if credentials is not None:
        return getattr(credentials, "project_id", None) or getattr(credentials, "quota_project_id", None)
    place = _google_auth._file(os.environ)
    if place is None:
        return None
    held = loads(place.read_bytes())
    return (held.get("project_id") or held.get("quota_project_id")) if isinstance(held, dict) else None


def of_credentials(credentials: Any) -> str:
    """The token of an object as ``google.auth`` makes them, refreshed where it has run out."""
    if not credentials.token or getattr(credentials, "expired", False):
        from google.auth.transport.requests import Request  # type: ignore[import-not-found]  # with who has credentials

        credentials.refresh(Request())
    return str(credentials.token)


def of_environment() -> Generator[tuple[int, Any], Any, str]:
    """The token of the environment's credentials. Raises ConfigError without any, AuthError where they are refused."""
    ready = os.environ.get("VERTEX_ACCESS_TOKEN")
    if ready:
        return ready
    asking = _google_auth.source(os.environ).obtain(SystemClock(), None)
    answer: Any = None
    body = b""
    while True:
        try:
            effect = asking.send(answer)
        except StopIteration as done:
            return str(done.value.reveal())
        if isinstance(effect, Send):
            request = effect.request
            asked = Asked(request.method, request.url, dict(request.headers), request.body, Timeout(60.0))
            got = yield SEND, asked
            body = yield READ, got
            answer = HttpHead(got.status, got.headers)
        elif isinstance(effect, NextBytes):
            answer, body = body, b""
        else:
            yield SLEEP, 0.02
            answer = None
