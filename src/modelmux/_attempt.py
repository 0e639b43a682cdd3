"""One attempt: one HTTP exchange with one endpoint, from the encoded body to a whole response or an error."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any

from modelmux._effects import Answered, Effect, Emit, NextBytes, Send
from modelmux._fold import Folder, unfold
from modelmux._http import HttpHead
from modelmux._secret import redact, scrub, secrets_in
from modelmux.errors import AttemptTimeout, MalformedResponse, ModelmuxError, ProviderError, ResponseTooLarge
from modelmux.receipt import AttemptStatus
from modelmux.routing.patience import FLOOR
from modelmux.types import MODEL_OUTPUT, Event, Finish, ReasoningDelta, Response, TextDelta
from modelmux.wire import decode_answer
from modelmux.wire._classify import request_id_of

if TYPE_CHECKING:
    from modelmux._clock import Clock
    from modelmux._http import HttpRequest
    from modelmux.endpoint import Target
    from modelmux.wire import Wire

_ERROR_BODY = 1024 * 1024
"""Bytes of an error answer that are read: the message is at its start."""

_LARGE = 16 * 1024 * 1024
"""Bytes beyond which an answer is looked at before it is put together."""

_UNREAD = 1024 * 1024
"""Bytes of a relayed stream of which text may stay undecoded: they are kept for the accounts."""

_TAIL = 2.0
"""Seconds to wait for the body to end after the answer itself is complete. Past it the connection is given up."""

_HTML = "text/html"


@dataclass(slots=True)
class Trial:
    """An attempt under way: what is known of it so far. Wall times are epoch seconds, the others monotonic.

    ``deadline`` is absolute; ``first_token_by`` too, and for an answer in one piece it holds for the whole. ``between``
    is the longest silence of a stream, in seconds. ``folder`` holds what a stream gave so far. ``relay``: the caller
    wants the answer's bytes as they come; ``held`` are those not handed over yet, ``finishes`` how many of its choices
    end before the stream's last bytes, which are held back until the outcome is recorded. ``unread`` is text that
    was relayed and not decoded: only an estimate needs it.
    """

    id: str
    number: int
    target: Target
    wire: Wire
    clock: Clock
    started: float
    began: float
    deadline: float | None = None
    first_token_by: float = inf
    between: float = inf
    streamed: bool = True
    http_status: int | None = None
    request_id: str | None = None
    first_token: float | None = None
    first_token_after: float | None = None
    handed_over: bool = False
    folder: Folder = field(default_factory=Folder)
    response: Response | None = None
    error: ModelmuxError | None = None
    status: AttemptStatus = "cancelled"
    answered: Answered | None = None
    relay: bool = False
    held: list[bytes] = field(default_factory=list)
    unread: list[bytes] = field(default_factory=list)
    finishes: int = 1
    heard: float = 0.0
    phase: str | None = None
    process: int = field(default_factory=os.getpid)

    def saw_output(self) -> None:
        if self.first_token is None:
            self.first_token = self.clock.time()
            self.heard = self.clock.monotonic()
            self.first_token_after = self.heard - self.began

    def folded(self) -> Response:
        """What a stream gave so far, with all text that was only relayed."""
        if self.unread:
            data = b"".join(self.unread)
            self.unread.clear()
            for event in self.wire.stream_decoder("").feed(data):
                self.folder.feed(event)
        return self.folder.response()

    @property
    def lost_patience(self) -> str | None:
        """Which of our own limits has run out, as the phase of a timeout; None while none has."""
        now = self.clock.monotonic()
        if self.phase is not None or (self.deadline is not None and now >= self.deadline):
            return self.phase
        if self.first_token is None:
            if now < self.first_token_by:
                return None
            return "first_token" if self.streamed else "total"
        return "between_tokens" if now >= self.heard + self.between else None

    @property
    def read_by(self) -> float | None:
        """Until when to wait for the next bytes."""
        by = self.first_token_by if self.first_token is None else self.heard + self.between
        if by == inf:
            return self.deadline
        return by if self.deadline is None else min(self.deadline, by)

    @property
    def tail_by(self) -> float:
        """Until when to wait for the body's end once the answer is complete."""
        by = self.clock.monotonic() + _TAIL
        return by if self.deadline is None else min(self.deadline, by)


def attempt(
    trial: Trial, request: HttpRequest, *, stream: bool, hold: bool, limit: int
) -> Generator[Effect, Any, list[Event]]:
    """Run one attempt. Returns the stream's last events, which the caller hands over once the outcome is recorded.

    ``hold`` keeps every event back until the answer is whole. ``limit`` caps the answer, in bytes. Raises
    ProviderError, with ``trial`` filled in as far as the attempt got, and without any key that the vendor echoed.
    """
    try:
        return (yield from _sent(trial, request, stream=stream, hold=hold, limit=limit))
    except ModelmuxError as error:
        _hush(trial, error, secrets_in(request, trial.target.key))
        raise


def _hush(trial: Trial, error: ModelmuxError, secrets: Sequence[str]) -> None:
    """Take out of a failed attempt what the vendor repeated of the request's proof."""
    redact(error, secrets)
    trial.held[:] = [scrub(b"".join(trial.held), secrets)]
    trial.request_id = scrub(trial.request_id, secrets)
    if trial.answered is not None and trial.answered.head is not None:
        head = trial.answered.head
        trial.answered.head = HttpHead(head.status, scrub(head.headers, secrets))


def _sent(
    trial: Trial, request: HttpRequest, *, stream: bool, hold: bool, limit: int
) -> Generator[Effect, Any, list[Event]]:
    head: HttpHead = yield Send(request, trial.read_by, trial.target.http_client)
    trial.http_status = head.status
    trial.request_id = request_id_of(head.headers)
    if trial.answered is not None:
        trial.answered.head = head
    content_type = head.headers.get("content-type", "")
    if not 200 <= head.status < 300:
        body = yield from _read(trial, _ERROR_BODY, cut=True)
        trial.held = [body]
        raise trial.wire.decode_error(head.status, head.headers, body)
    if content_type.startswith(_HTML):
        body = yield from _read(trial, _ERROR_BODY, cut=True)
        raise _malformed("the vendor answered a web page where JSON was due", head, body)
    if stream:
        return (yield from _streamed(trial, head, content_type, hold=hold, limit=limit))
    body = yield from _read(trial, limit, cut=False)
    trial.held = [body]
    trial.saw_output()
    trial.response = _stamped(head, lambda: decode_answer(trial.wire, body, head.headers))
    return []


def _read(trial: Trial, limit: int, *, cut: bool) -> Generator[Effect, Any, bytes]:
    """The whole body. Beyond ``limit`` bytes it is cut there, or an error."""
    pieces: list[bytes] = []
    size = 0
    while True:
        piece: bytes = yield NextBytes(trial.read_by)
        if not piece:
            if size > _LARGE and b"".join(pieces[-2:]).rstrip()[-1:] not in (b"}", b"]"):
                # Joining it to have a parser say so would take the memory twice.
                raise MalformedResponse("the answer is no whole JSON")
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            if cut:
                return b"".join(pieces)[:limit]
            raise _too_large(limit)


def _streamed(
    trial: Trial, head: HttpHead, content_type: str, *, hold: bool, limit: int
) -> Generator[Effect, Any, list[Event]]:
    decoder = trial.wire.stream_decoder(content_type)
    pending: list[Event] = []
    last: list[Event] = []
    size = 0
    relay, held = trial.relay, trial.held
    more = NextBytes(trial.read_by)
    flow = _Flow(trial)
    over_by: float | None = None
    while True:
        try:
            data: bytes = yield more
        except ProviderError:
            if not last:
                raise
            _stamped(head, decoder.close)
            break  # the answer was complete; only the connection's end is missing
        size += len(data)
        if size > limit:
            raise _too_large(limit)
        if size == len(data) and _is_whole(data, content_type):
            return (yield from _whole_instead(trial, head, data, limit))
        if relay and data:
            held.append(data)
            if size <= _UNREAD and trial.first_token is not None and not (hold or last) and decoder.only_text(data):
                trial.unread.append(data)
                yield Emit((), held[0] if len(held) == 1 else b"".join(held), trial.answered)
                held.clear()
                more.deadline = flow.next(size, spoken=True)
                continue
        try:
            events = decoder.feed(data) if data else decoder.close()
        except ProviderError as error:
            raise _stamp(error, head) from error.__cause__
        if _sort(trial, events, pending, last) and not hold:
            if relay:
                if held and not (decoder.ending or len(last) >= trial.finishes or decoder.error is not None):
                    trial.handed_over = True
                    yield Emit(pending, held[0] if len(held) == 1 else b"".join(held), trial.answered)
                    pending = []
                    held.clear()
            elif pending:
                trial.handed_over = True
                yield Emit(pending, None, trial.answered)
                pending = []
        if decoder.error is not None:
            raise _stamp(decoder.error, head)
        if not data:
            break
        if not last:
            more.deadline = flow.next(size, spoken=bool(events) and _says_something(events[-1]))
        elif over_by is None:
            more.deadline = over_by = trial.tail_by
    trial.response = trial.folder.response()
    return pending + last


class _Flow:
    """Watches that a stream flows: something decoded at least every ``between`` seconds, and no drip of bytes."""

    __slots__ = ("_since", "_size", "_trial")

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._since = 0.0
        self._size = 0

    def next(self, size: int, *, spoken: bool) -> float | None:
        """Until when to wait for more, now that ``size`` bytes in all have come, with something in the last of them or
        not. Raises AttemptTimeout for a drip.
        """
        trial = self._trial
        if trial.first_token is None or trial.between == inf:
            return trial.read_by
        now = trial.clock.monotonic()
        if not self._since:  # what came before the first token says nothing about the flow after it
            self._since, self._size = now, size
        if spoken:
            trial.heard = now
        if now - self._since >= trial.between:
            if size - self._size < FLOOR * (now - self._since):
                trial.phase = "between_tokens"
                raise AttemptTimeout(f"the stream came to less than {FLOOR:.0f} bytes a second")
            self._since, self._size = now, size
        by = trial.heard + trial.between
        return by if trial.deadline is None or by < trial.deadline else trial.deadline


def _sort(trial: Trial, events: Sequence[Event], pending: list[Event], last: list[Event]) -> bool:
    """Events into those to hand over now and the stream's last ones. True once there is model output."""
    feed = trial.folder.feed
    for event in events:
        feed(event)
        if type(event) is Finish:
            last.append(event)
        else:
            pending.append(event)
            if trial.first_token is None and isinstance(event, MODEL_OUTPUT) and _says_something(event):
                trial.saw_output()
    return trial.first_token is not None


def _says_something(event: Event) -> bool:
    """Whether an event is more than a sign of life: some vendors send text of no length while they wait."""
    if type(event) is TextDelta or type(event) is ReasoningDelta:
        return bool(event.text or getattr(event, "signature", None) or getattr(event, "redacted", None))
    return True


def _is_whole(data: bytes, content_type: str) -> bool:
    """Whether a server answered one JSON object although a stream was asked for."""
    return content_type.startswith("application/json") and data.lstrip()[:1] == b"{"


def _whole_instead(trial: Trial, head: HttpHead, first: bytes, limit: int) -> Generator[Effect, Any, list[Event]]:
    body = first + (yield from _read(trial, limit, cut=False))
    trial.held = [body]
    trial.saw_output()
    response = _stamped(head, lambda: decode_answer(trial.wire, body, head.headers))
    events = unfold(response)
    for event in events:
        trial.folder.feed(event)
    trial.response = response
    return events


def _stamped(head: HttpHead, decode: Callable[[], Any]) -> Any:
    """Run a decoder; what it raises learns status, request id and headers."""
    try:
        return decode()
    except ProviderError as error:
        raise _stamp(error, head) from error.__cause__


def _stamp(error: ProviderError, head: HttpHead) -> ProviderError:
    error.status = head.status if error.status is None else error.status
    error.headers = error.headers or dict(head.headers)
    return error


def _malformed(message: str, head: HttpHead, body: bytes) -> MalformedResponse:
    text = body[:300].decode("utf-8", "replace")
    return MalformedResponse(f"{message}: {text!r}", status=head.status, headers=head.headers)


def _too_large(limit: int) -> ResponseTooLarge:
    return ResponseTooLarge(f"the answer passed max_response_bytes={limit}")
