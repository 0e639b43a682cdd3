"""Requests of a kind nobody routes: sent on as they came, answered as it comes, metered where usage can be read."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from modelmux import _books as books
from modelmux._effects import Answered, Effect, Emit, NextBytes, Send
from modelmux._json import loads
from modelmux.cost.bill import price
from modelmux.cost.records import AttemptRow
from modelmux.errors import Billed, ModelmuxError, ProviderError
from modelmux.receipt import Attempt, Receipt
from modelmux.types import NO_USAGE, Usage
from modelmux.wire._classify import request_id_of

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
    call_id: str,
    told: Callable[[Receipt], None],
    model: str | None = None,
    endpoint: str | None = None,
    tags: Mapping[str, str] | None = None,
    timeout: float | None = None,
    client: Any = None,
    free: bool = False,
) -> Generator[Effect, Any, None]:
    """Send, hand over the head at once (an :class:`Emit` without bytes), then the body as it comes. Raises what an
    engine raises. ``timeout``: seconds to wait for the head, and for each piece of the body. ``told`` gets the receipt,
    however it ends. ``free``: whatever the vendor answers, it takes nothing for it.
    """
    meter = _Meter(request, row, env, call_id, model, endpoint, tags or {}, free=free)
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
        meter.broke(error)
        raise
    finally:
        told(meter.book())


class _Meter:
    """Makes out one request's receipt, and books it if its provider's row has a reader for its call; nothing else is
    known of it.
    """

    def __init__(
        self,
        request: HttpRequest,
        row: Row | None,
        env: Env,
        call_id: str,
        model: str | None,
        endpoint: str | None,
        tags: Mapping[str, str],
        *,
        free: bool,
    ) -> None:
        makes = request.method == "POST" and row is not None and not free  # what is only fetched was paid before
        self.call = _call(row, urlsplit(request.url).path) if makes and row is not None else None
        self._free = free
        self.provider = "" if row is None else row.id
        self.model = model or ""
        self.endpoint = endpoint or f"{self.provider}/{self.model or urlsplit(request.url).path.strip('/')}"
        self.head: HttpHead | None = None
        self.state: Any = "cancelled"
        self.error: ModelmuxError | None = None
        self._env = env
        self._pieces: list[bytes] | None = None if self.call is None else []
        self._size = 0
        self._begun = False
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
        if self.call is not None:
            env.recorder.intent(self._row)

    def broke(self, error: ModelmuxError) -> None:
        self.error = error
        self.state = "cut" if self._begun and self.head is not None and self.head.status < 400 else "failed"

    def feed(self, data: bytes) -> None:
        self._begun = True
        if self._pieces is None:
            return
        self._size += len(data)
        if self._size > _METERED:
            self._pieces = None
        else:
            self._pieces.append(data)

    def book(self) -> Receipt:
        """Write down how it ended. Of a call that nobody can read the usage of the cost is unknown."""
        error, head = self.error, self.head
        status = None if head is None else head.status
        row = self._row._replace(
            state=self.state,
            ended_at=self._env.clock.time(),
            http_status=status,
            error=None if error is None else type(error).__name__,
            request_id=None if head is None else request_id_of(head.headers),
        )
        if self.state == "ok" and self.call is not None:
            row = self._priced(row, self.call)
        elif self._free or (self.state == "failed" and _rejected(status, error)):
            row = row._replace(cost_nano=0, currency="USD", cost_status="priced", cost_source="not billed")
        if self.call is not None:
            self._env.recorder.outcome(row)
        receipt = books.receipt(row.call_id, (_line(row, error),), None)
        if error is not None:
            error.receipt = receipt
        return receipt

    def _priced(self, row: AttemptRow, call: str) -> AttemptRow:
        try:
            body = loads(b"".join(self._pieces or ()))
        except ValueError:
            return row
        if not isinstance(body, dict):
            return row
        cost = price(self.provider, call, self.model, body, at=row.started_at)
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


def _rejected(status: int | None, error: ModelmuxError | None) -> bool:
    """Whether the vendor did nothing that it could bill: it refused, or was never reached."""
    if status is not None:
        return 400 <= status < 500
    return isinstance(error, ProviderError) and error.billed is Billed.NO


def _line(row: AttemptRow, error: ModelmuxError | None) -> Attempt:
    """The row as a receipt shows it."""
    state: Any = row.state
    return Attempt(
        id=row.attempt_id,
        number=row.number,
        endpoint=row.endpoint,
        provider=row.provider,
        model=row.model_asked,
        status=state,
        started=row.started_at,
        ended=row.ended_at or row.started_at,
        http_status=row.http_status,
        usage=Usage(row.units) if row.units else NO_USAGE,
        cost=row.cost,
        cost_status=row.cost_status,
        request_id=row.request_id,
        error=error if isinstance(error, ProviderError) else None,
    )


def _call(row: Row, path: str) -> str | None:
    """The call of a row whose reader knows such an answer: its name ends the path (``audio.transcriptions`` as
    ``/audio/transcriptions``), or all but its last step (``/images/edits``, ``/chat/completions``). What lies deeper is
    about an answer there was before, whose usage is not to count twice.
    """
    steps = f"/{path.strip('/')}"
    ends = (steps, steps.rpartition("/")[0])
    named = [name for name in row.readers if any(end.endswith(f"/{name.replace('.', '/')}") for end in ends)]
    return max(named, key=len) if named else None
