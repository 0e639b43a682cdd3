"""One fault of each kind, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from modelmux.testing.faults import NEVER, Fault

_HTML = "<!DOCTYPE html><html><body><h1>Bad gateway</h1></body></html>"
_DEEP = b'{"choices": ' + b"[" * 100_000
_ELSEWHERE = "http://elsewhere.invalid/"

FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        # no connection, no answer
        "connection refused": Fault(down="refuse"),
        "connection silent": Fault(down="silent"),
        "accepted, then closed": Fault(down="close"),
        "accepted, then reset": Fault(down="reset"),
        "reset before head": Fault(reset=True),
        "closed before head": Fault(close=True),
        "black hole": Fault(latency=NEVER),
        # another answer
        "rate limited": Fault(status=429, retry_after=1),
        "server fault": Fault(status=500),
        "unavailable": Fault(status=503),
        "overloaded": Fault(kind="overloaded"),
        "context too long": Fault(kind="context"),
        "content blocked": Fault(kind="filter"),
        "quota spent": Fault(kind="quota"),
        "wrong key": Fault(kind="key"),
        "no permission": Fault(kind="permission"),
        "model gone": Fault(kind="model"),
        "bad gateway, html": Fault(status=502, body=_HTML, content_type="text/html"),
        "html with 200": Fault(status=200, body=_HTML, content_type="text/html"),
        "redirect elsewhere": Fault(status=307, headers={"location": _ELSEWHERE}, body=b""),
        "empty body": Fault(truncate=0),
        "truncated json": Fault(truncate=-20),
        "wrong json, list": Fault(body="[]"),
        "wrong json, string": Fault(body='"an answer"'),
        "wrong json, number": Fault(body="42"),
        "wrong json, null": Fault(body="null"),
        "wrong json, empty object": Fault(body="{}"),
        # too slow
        "slow head": Fault(head_pace=0.1),
        "slow body": Fault(drip=16, pace=0.1),
        "drip": Fault(drip=1, pace=0.1),
        "drip inside an event": Fault(drip=1, pace=0.1, drip_from=-60),
        "late first token": Fault(first_token_after=20),
        "late first token, pings": Fault(first_token_after=20, ping=0.1),
        "stall in the body": Fault(stall_after=-20),
        "stall, pings": Fault(stall_after=2, unit="tokens", ping=0.1),
        "stall, comments": Fault(stall_after=2, unit="tokens", ping=0.1, ping_kind="comment"),
        "stall, empty deltas": Fault(stall_after=2, unit="tokens", ping=0.1, ping_kind="empty"),
        # broken off
        "cut, chunked": Fault(framing="chunked", cut_after=-20),
        "cut, content-length": Fault(framing="length", cut_after=-20),
        "cut, no framing": Fault(framing="close", cut_after=-20),
        "reset in the body": Fault(cut_after=-20, cut_how="reset"),
        "broken chunk": Fault(cut_after=-20, cut_how="garbage"),
        "no finish": Fault(without=frozenset({"finish", "usage", "end"})),
        "no usage": Fault(without=frozenset({"usage"})),
        "in-band error": Fault(error_after=2),
        "malformed event": Fault(malformed_after=2),
        "wrong json in an event": Fault(malformed_after=2, malformed="[1, 2]"),
        # hostile
        "deep json": Fault(body=_DEEP),
        "gzip bomb": Fault(flood="gzip"),
        "endless line": Fault(flood="line"),
        "endless body": Fault(flood="body"),
        "endless chunks": Fault(flood="chunks"),
        "endless chunk line": Fault(flood="chunk line"),
        "endless headers": Fault(flood="headers"),
        "endless header": Fault(flood="header"),
        "endless interim answers": Fault(flood="interim"),
        "endless comments": Fault(flood="comments"),
    }
)
"""One of each kind, by name, to parametrise tests with."""
