"""Requests of a kind nobody routes: sent on as they came, answered as it comes, metered where usage can be read."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from modelmux._effects import Answered, Effect, Emit, NextBytes, Send
from modelmux._json import loads
from modelmux.cost.bill import price
from modelmux.cost.records import AttemptRow
from modelmux.errors import ModelmuxError

if TYPE_CHECKING:
    from modelmux._exchange import Env
    from modelmux._http import HttpHead, HttpRequest
    from modelmux.providers import Row

_METERED = 4 * 1024 * 1024
"""Bytes of an answer that are kept to read its usage: embeddings of a batch are the largest."""


def passing(
    request: HttpRequest,
    row: Row | None,
    env: Env,
    *,
    model: str | None = None,
    tags: Mapping[str, str] | None = None,
    timeout: float | None = None,
    client: Any = None,
) -> Generator[Effect, Any, None]:
    """Send, hand over the head at once (an :class:`Emit` without bytes), then the body as it comes. Raises what an
    engine raises. ``timeout``: seconds to wait for the head, and for each piece of the body.
    """
    meter = _Meter(request, row, env, model, tags or {})
    monotonic = env.clock.monotonic

    def deadline() -> float | None:
        return None if timeout is None else monotonic() + timeout

    try:
        head: HttpHead = yield Send(request, deadline(), client)
        meter.head = head
        yield Emit((), b"", Answered(meter.endpoint, meter.provider, "", {}, (), head))
        while True:
            data: bytes = yield NextBytes(deadline())
            if not data:
                break
            meter.feed(data)
            yield Emit((), data)
        meter.state = "ok" if head.status < 400 else "failed"
    except ModelmuxError as error:
        meter.state, meter.error = "failed", type(error).__name__
        raise
    finally:
        meter.book()


class _Meter:
    """Books one request, if its provider's row has a reader for its call; nothing else is known of it."""

    def __init__(
        self, request: HttpRequest, row: Row | None, env: Env, model: str | None, tags: Mapping[str, str]
    ) -> None:
        self.call = None if row is None else _call(row, urlsplit(request.url).path)
        self.provider = "" if row is None else row.id
        self.model = model or ""
        self.endpoint = f"{self.provider}/{self.model or urlsplit(request.url).path.strip('/')}"
        self.head: HttpHead | None = None
        self.state: Any = "cancelled"
        self.error: str | None = None
        self._env = env
        self._pieces: list[bytes] | None = []
        self._size = 0
        self._row: AttemptRow | None = None
        if self.call is not None:
            call_id = os.urandom(12).hex()
            self._row = AttemptRow(
                attempt_id=f"{call_id}-1",
                call_id=call_id,
                started_at=env.clock.time(),
                provider=self.provider,
                endpoint=self.endpoint,
                model_asked=self.model,
                tags=tags,
                user=tags.get("user"),
                decision="passed on",
            )
            env.recorder.intent(self._row)

    def feed(self, data: bytes) -> None:
        if self._row is None or self._pieces is None:
            return
        self._size += len(data)
        if self._size > _METERED:
            self._pieces = None
        else:
            self._pieces.append(data)

    def book(self) -> None:
        row = self._row
        if row is None:
            return
        now = self._env.clock.time()
        status = None if self.head is None else self.head.status
        row = row._replace(state=self.state, ended_at=now, http_status=status, error=self.error)
        if self.state == "ok":
            row = self._priced(row)
        elif self.state == "failed" and status is not None and status < 500:
            row = row._replace(cost_nano=0, currency="USD", cost_status="priced", cost_source="not billed")
        self._env.recorder.outcome(row)

    def _priced(self, row: AttemptRow) -> AttemptRow:
        try:
            body = loads(b"".join(self._pieces or ()))
        except ValueError:
            return row
        if not isinstance(body, dict) or self.call is None:
            return row
        cost = price(self.provider, self.call, self.model, body, at=row.started_at)
        units = dict(cost.usage)
        if cost.money is None:
            return row._replace(units=units)
        status: Any = "estimated" if cost.status == "priced_partly_estimated" else "priced"
        return row._replace(
            units=units,
            cost_nano=cost.money.nano,
            currency=cost.money.currency,
            cost_status=status,
            cost_source="catalogue",
        )


def _call(row: Row, path: str) -> str | None:
    """The call of a row whose reader knows such an answer: its name stands in the path (``audio.transcriptions`` as
    ``/audio/transcriptions``).
    """
    steps = f"/{path.strip('/')}/"
    named = [name for name in row.readers if f"/{name.replace('.', '/')}/" in steps]
    return max(named, key=len) if named else None
