"""What httpx and httpcore write to their logs while they carry a request of ours: without its keys.

Both log at DEBUG and INFO the address, whose query may hold a key, and the answer's headers, which may repeat one.
Their records are changed only while a request of ours is under way in the same task or thread.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from modelmux._http import HttpRequest
from modelmux._secret import scrub, secrets_in

_LOGGERS = ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))
_under_way: ContextVar[tuple[str, ...]] = ContextVar("modelmux_secrets", default=())


def _mask(record: logging.LogRecord) -> bool:
    secrets = _under_way.get()
    if secrets:
        said = record.getMessage()
        clean = scrub(said, secrets)
        if clean is not said:
            record.msg, record.args = clean, ()
    return True


@contextmanager
def quiet(request: HttpRequest) -> Iterator[None]:
    """While this is open, no log of httpx shows what ``request`` proves itself with."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_mask)  # once: a filter that is there already is not added again
    before = _under_way.set(secrets_in(request))
    try:
        yield
    finally:
        _under_way.reset(before)
