"""What goes wrong, as data: a fault is a value, and faults can be kept in tables, sent around and combined."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

NEVER = math.inf
"""As a latency: the answer never begins. As a duration: it never ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with one answer. Fields combine; what is left alone stays as the answer has it.

    *Before any answer*: ``down`` takes the whole server down until it is healed: ``refuse`` (connections are
    refused), ``silent`` (they are neither taken nor refused), ``close`` or ``reset`` (taken, then ended). ``close``
    and ``reset`` (true or false) end the connection of one request before any byte of its answer.

    *Instead of the answer*: ``kind``, a refusal in the vendor's own words: ``context`` (too long), ``filter``,
    ``quota``, ``key``, ``permission``, ``model`` (gone), ``overloaded``. Or ``status`` (an error in the vendor's
    shape, with ``message`` and ``code``), or ``body``
    with ``content_type`` (exactly this, whatever the status). ``headers`` are added; ``retry_after`` in seconds or
    as text, wherever this vendor puts it. ``flood`` sends without end, or ``flood_bytes`` of it: ``line`` (a line of
    a stream, or a text in an answer, that never ends), ``body`` (well-formed pieces), ``chunks`` (the same, one byte a
    chunk), ``chunk line`` (a chunk's size line that never ends), ``headers``, ``header`` (a value that never ends),
    ``interim`` (100 Continue again and again), ``comments`` (of a stream), ``gzip`` (1 GiB of text in 1 MB).

    *Time, in seconds*: ``latency`` before the head (:data:`NEVER` for a black hole), ``head_pace`` between two writes
    of the head, ``first_token_after`` between the head and a stream's first output, ``pace`` between two writes of the
    body. ``drip`` is the bytes of one write, ``drip_from`` the byte of the body where dripping begins.

    *The connection*: ``cut_after`` and ``stall_after`` so much of the body, after which the connection ends
    (``cut_how``: ``close``, ``reset``, or ``garbage``: chunked framing breaks first) or hangs, for ``stall_for``
    seconds. Negative counts count from the body's end. They count bytes, or with ``unit="tokens"`` the pieces of
    output in a stream; an answer that is no stream then breaks in its middle. ``ping`` sends a sign of life every so
    many seconds of a stall or a wait for the first token: ``ping_kind`` is ``event`` (the vendor's own, where it has
    one), ``comment``, or ``empty`` (output of no length). ``framing`` is ``chunked``, ``length`` (content-length) or
    ``close`` (neither: the body ends with the connection), by default chunked for streams and length for the rest.

    *The content, properly framed*: ``truncate`` keeps that many bytes of the body; ``without`` leaves out ``usage``,
    ``finish`` (a stream stops after its content) or ``end`` (its closing mark); ``error_after`` events of a stream
    comes the vendor's in-band error; ``malformed_after`` events one whose data is ``malformed``.
    """

    down: str | None = None
    kind: str | None = None
    status: int | None = None
    message: str | None = None
    code: str | None = None
    body: bytes | str | None = None
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | str | None = None
    flood: str | None = None
    flood_bytes: float = NEVER
    latency: float | None = None
    head_pace: float | None = None
    first_token_after: float | None = None
    pace: float | None = None
    drip: int | None = None
    drip_from: int | None = None
    close: bool = False
    reset: bool = False
    cut_after: int | None = None
    cut_how: str = "close"
    stall_after: int | None = None
    stall_for: float = NEVER
    unit: str = "bytes"
    ping: float | None = None
    ping_kind: str = "event"
    framing: str | None = None
    truncate: int | None = None
    without: frozenset[str] = frozenset()
    error_after: int | None = None
    malformed_after: int | None = None
    malformed: bytes | str = '{"broken": ['

    def __post_init__(self) -> None:
        object.__setattr__(self, "without", frozenset(self.without))
        for name, allowed in _CHOICES.items():
            value = getattr(self, name)
            if not (value if isinstance(value, frozenset) else {value}) <= allowed:
                raise ValueError(f"{name}={value!r}: expected one of {sorted(allowed - {None}, key=str)}")
        if self.drip is not None and self.drip < 1:
            raise ValueError("drip: at least one byte a write")
        if self.cut_how == "garbage" and self.framing not in {None, "chunked"}:
            raise ValueError("cut_how='garbage' breaks chunked framing")

    @property
    def replaces(self) -> bool:
        """Whether nothing of the answer is left, so that the next request may still have it."""
        instead = (
            self.kind
            or self.body is not None
            or self.flood is not None
            or (self.status is not None and self.status >= 400)
        )
        return bool(instead) or self.reset or self.close or self.latency == NEVER


DOWN = frozenset({"refuse", "silent", "close", "reset"})
"""The ways in which a whole server is down."""

_CHOICES: dict[str, frozenset[str | None]] = {
    "down": DOWN | {None},
    "kind": frozenset({None, "context", "filter", "quota", "key", "permission", "model", "overloaded"}),
    "flood": frozenset(
        {None, "line", "body", "chunks", "chunk line", "headers", "header", "interim", "comments", "gzip"}
    ),
    "cut_how": frozenset({"close", "reset", "garbage"}),
    "unit": frozenset({"bytes", "tokens"}),
    "ping_kind": frozenset({"event", "comment", "empty"}),
    "framing": frozenset({None, "chunked", "length", "close"}),
    "without": frozenset({"usage", "finish", "end"}),
}
