"""One routed request under way: what the exchange hands over, written in the format the request came in.

Pure: it is given emits, a reply or an error, and gives status, headers and bytes. Who drives it does the IO.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from modelmux._front.relay import Relay
from modelmux._json import dumps_str
from modelmux.errors import (
    AttemptTimeout,
    ConnectionFailed,
    ConnectionLost,
    MalformedResponse,
    ModelmuxError,
    ProviderError,
    ResponseTooLarge,
    StreamInterrupted,
    StreamTruncated,
)
from modelmux.types import Choice, Event, Finish
from modelmux.wire._classify import request_id_of
from modelmux.wire._front import Said, said

if TYPE_CHECKING:
    from modelmux._effects import Answered, Emit
    from modelmux.receipt import Receipt
    from modelmux.types import Reply, Request, Warning
    from modelmux.wire._front import Format, Operation, StreamEncoder

JSON = "application/json"
RECEIPT, WARNINGS = "x-modelmux-receipt", "x-modelmux-warnings"

_HOP = frozenset(
    (
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer"),
        *("transfer-encoding", "upgrade", "content-length", "content-encoding"),
    )
)
"""What belongs to the connection upstream, or to a body that has since been decompressed (RFC 9110, section 7.6.1)."""

_OURS = (StreamTruncated, ConnectionFailed, ConnectionLost, AttemptTimeout, MalformedResponse, ResponseTooLarge)
"""Failures that no vendor told: what it sent does not say that something is wrong."""

_in_ascii = json.JSONEncoder(separators=(",", ":")).encode


def _line_of(value: Any) -> str:
    """A value on one line of ASCII, as a header must be."""
    line = dumps_str(value)
    return line if line.isascii() else _in_ascii(value)


_MOST = 4000
"""Characters of a header of ours: servers and proxies refuse lines beyond some 8 KB."""


class Work:
    """Writes one answer. ``asked`` is the request as decoded."""

    __slots__ = ("_encoder", "_relay", "asked", "call_id", "op")

    def __init__(self, op: Operation, asked: Request, call_id: str) -> None:
        self.op, self.asked, self.call_id = op, asked, call_id
        self._relay: Relay | None = None
        self._encoder: StreamEncoder | None = None

    # --- streams

    def head(self, first: Emit) -> tuple[int, dict[str, str]]:
        """Status and headers, once the first output is there."""
        form, answered = self.op.format, first.answered
        beside = {**begun(self.call_id, answered), **warned(answered.warnings if answered is not None else ())}
        if first.data is not None and answered is not None and answered.head is not None:
            headers = passed_on(answered.head.headers)
            events = headers.get("content-type", "").startswith("text/event-stream")
            self._relay = Relay(events=events, drop=form.drops(self.asked, answered.asked))
            return answered.head.status, {**headers, **beside}
        self._encoder = form.encoder(self.asked, self.op.query)
        return 200, {
            "content-type": form.media_type(self.op.query),
            **_ids(_request_id(answered) or self.call_id),
            **beside,
        }

    def feed(self, emit: Emit) -> bytes:
        """The bytes of one emit; may be empty."""
        if self._relay is not None:
            return self._relay.feed(emit.data) if emit.data else b""
        encoder = self._encoder
        assert encoder is not None
        if len(emit.events) == 1:
            return encoder.feed(_said_here(emit.events[0]))
        return b"".join([encoder.feed(_said_here(event)) for event in emit.events])

    def close(self) -> bytes:
        """The stream's end."""
        if self._relay is not None:
            return self._relay.close()
        assert self._encoder is not None
        return self._encoder.close()

    def broken(self, error: ModelmuxError) -> bytes:
        """What is left to say of a stream that broke: the vendor's own words where it said any, else the format's."""
        cause = error.__cause__ if isinstance(error, StreamInterrupted) else error
        answer = getattr(cause, "answer", None)
        if self._relay is not None and answer is not None and not isinstance(cause, _OURS):
            return self._relay.feed(answer[1]) + self._relay.close()
        return self.op.format.broken(said(error))

    # --- whole answers

    def whole(self, last: Emit | None, reply: Reply) -> tuple[int, dict[str, str], bytes, Any]:
        """Status, headers, and the body as bytes or as a value."""
        beside = {RECEIPT: receipt_line(reply.receipt), **warned(reply.warnings)}
        if last is not None and last.data is not None and last.answered is not None and last.answered.head is not None:
            head = last.answered.head
            return head.status, {**passed_on(head.headers), **beside}, last.data, None
        attempts = reply.receipt.attempts if reply.receipt is not None else ()
        request_id = (attempts[-1].request_id if attempts else None) or self.call_id
        # A prompt that was refused may have no answer at all: clients read the first of the list all the same.
        answers = reply.choices or (Choice(finish="filtered"),)
        choices = tuple([replace(choice, finish_raw=None) for choice in answers])
        value = self.op.format.whole(replace(reply, choices=choices))
        return 200, {"content-type": JSON, **_ids(request_id), **beside}, b"", value


def _said_here(event: Event) -> Event:
    """An event without the other vendor's own word for why it stopped: this format has one for the reason."""
    return replace(event, raw=None) if type(event) is Finish else event


def failed(form: Format, error: ModelmuxError) -> tuple[int, dict[str, str], bytes, Any]:
    """An error before any output: the vendor's own answer where it came in this format, else the format's."""
    beside = {"x-should-retry": "false"}
    if error.receipt is not None:
        beside[RECEIPT] = receipt_line(error.receipt)
    if isinstance(error, ProviderError) and error.answer is not None and not isinstance(error, _OURS):
        head, body = error.answer
        return head.status, {**passed_on(head.headers), **beside}, body, None
    told = said(error)
    if told.retry_after is not None:
        beside["retry-after"] = str(max(0, math.ceil(told.retry_after)))
    return *written(told, beside), b"", form.error(told)


def written(told: Said, beside: Mapping[str, str]) -> tuple[int, dict[str, str]]:
    """Status and headers of an error of ours."""
    return told.status, {"content-type": JSON, **_ids(told.request_id), **beside}


def passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    """A vendor's headers without what belongs to its connection."""
    return {name: value for name, value in headers.items() if name not in _HOP}


def receipt_line(receipt: Receipt | None) -> str:
    """A receipt for a header: short, with what a client may want to log."""
    if receipt is None:
        return "{}"
    last = receipt.attempts[-1] if receipt.attempts else None
    cost = receipt.cost
    return _line_of(
        {
            "call": receipt.call_id,
            "endpoint": None if last is None else last.endpoint,
            "cost": None if cost is None else str(cost.amount),
            "currency": None if cost is None else cost.currency,
            "status": receipt.cost_status,
            "attempts": len(receipt.attempts),
        }
    )


def begun(call_id: str, answered: Answered | None) -> dict[str, str]:
    """The header with what of a receipt is known before the body is."""
    return {RECEIPT: _line_of({"call": call_id, "endpoint": None if answered is None else answered.endpoint})}


def warned(warnings: Any) -> dict[str, str]:
    """The header that tells what could not be said; none where all could."""
    if not warnings:
        return {}
    lines: list[dict[str, str]] = []
    size = 2
    for warning in warnings:
        line = _line(warning)
        size += len(_line_of(line)) + 1
        if size > _MOST:
            break
        lines.append(line)
    return {WARNINGS: _line_of(lines)}


def _line(warning: Warning) -> dict[str, str]:
    return {"field": warning.field, "action": warning.action, "detail": warning.detail}


def _ids(request_id: str | None) -> dict[str, str]:
    """The request's id under both names that clients look for."""
    return {} if request_id is None else {"x-request-id": request_id, "request-id": request_id}


def _request_id(answered: Answered | None) -> str | None:
    return None if answered is None or answered.head is None else request_id_of(answered.head.headers)
