"""What goes wrong, as data: a fault is a value, and faults can be kept in tables, sent around and combined."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

NEVER = math.inf
"""As a latency: the answer never begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong with one answer. Fields combine; what is left alone stays as the answer has it.

    *Instead of the answer*: ``status`` (an error in the vendor's shape, with ``message`` and ``code``), or ``body``
    with ``content_type`` (exactly this, whatever the status). ``headers`` are added; ``retry_after`` in seconds or
    as text, wherever this vendor puts it.

    *Time, in seconds*: ``latency`` before the head (:data:`NEVER` for a black hole), ``pace`` between two writes of
    the body, ``drip`` the bytes of one write.

    *The connection*: ``reset`` before any byte of the answer; ``cut_after`` and ``stall_after`` so many bytes of the
    body, after which the connection ends (``cut_how``: ``close`` or ``reset``) or hangs; ``framing`` is
    ``chunked``, ``length`` (content-length) or ``close`` (neither: the body ends with the connection), by default
    chunked for streams and length for the rest. Negative counts count from the body's end.

    *The content, properly framed*: ``truncate`` keeps that many bytes of the body; ``without`` leaves out ``usage``,
    ``finish`` (a stream stops after its content) or ``end`` (its closing mark); ``error_after`` events of a stream
    comes the vendor's in-band error; ``malformed_after`` events one that is not JSON.
    """

    status: int | None = None
    message: str | None = None
    code: str | None = None
    body: bytes | str | None = None
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | str | None = None
    latency: float | None = None
    pace: float | None = None
    drip: int | None = None
    reset: bool = False
    cut_after: int | None = None
    cut_how: str = "close"
    stall_after: int | None = None
    framing: str | None = None
    truncate: int | None = None
    without: frozenset[str] = frozenset()
    error_after: int | None = None
    malformed_after: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "without", frozenset(self.without))
        for name, allowed in _CHOICES.items():
            value = getattr(self, name)
            if not (value if isinstance(value, frozenset) else {value}) <= allowed:
                raise ValueError(f"{name}={value!r}: expected one of {sorted(allowed - {None}, key=str)}")
        if self.drip is not None and self.drip < 1:
            raise ValueError("drip: at least one byte a write")

    @property
    def replaces(self) -> bool:
        """Whether nothing of the answer is left, so that the next request may still have it."""
        instead = self.body is not None or (self.status is not None and self.status >= 400)
        return instead or self.reset or self.latency == NEVER


_CHOICES: dict[str, frozenset[str | None]] = {
    "cut_how": frozenset({"close", "reset"}),
    "framing": frozenset({None, "chunked", "length", "close"}),
    "without": frozenset({"usage", "finish", "end"}),
}

_HTML = "<!DOCTYPE html><html><body><h1>Bad gateway</h1></body></html>"

FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "rate limited": Fault(status=429, retry_after=1),
        "server fault": Fault(status=500),
        "unavailable": Fault(status=503),
        "bad gateway, html": Fault(status=502, body=_HTML, content_type="text/html"),
        "html with 200": Fault(status=200, body=_HTML, content_type="text/html"),
        "reset before head": Fault(reset=True),
        "black hole": Fault(latency=NEVER),
        "cut, chunked": Fault(framing="chunked", cut_after=-20),
        "cut, content-length": Fault(framing="length", cut_after=-20),
        "cut, no framing": Fault(framing="close", cut_after=-20),
        "reset in the body": Fault(cut_after=-20, cut_how="reset"),
        "stall in the body": Fault(stall_after=-20),
        "truncated json": Fault(truncate=-20),
        "empty body": Fault(truncate=0),
        "no finish": Fault(without=frozenset({"finish", "usage", "end"})),
        "in-band error": Fault(error_after=2),
        "malformed event": Fault(malformed_after=2),
        "no usage": Fault(without=frozenset({"usage"})),
    }
)
"""One of each kind, by name, to parametrise tests with."""
