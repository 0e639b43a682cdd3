"""What reached a server, and what it says."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from modelmux import _json

if TYPE_CHECKING:
    from modelmux.testing.faults import Fault

HOP_BY_HOP = frozenset({"connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding"})
"""Headers that belong to the recorded connection, not to the answer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks for, as far as a server that makes up its answers has to know.

    ``prompt`` is all text of the request, ``last`` that of its last message, ``cap`` the limit on output tokens.
    """

    model: str
    stream: bool
    prompt: str
    last: str
    cap: int | None = None
    usage_in_stream: bool = True


@dataclass(slots=True, eq=False)
class RecordedRequest:
    """A request as it reached a server.

    ``headers`` have lower-case names; ``query`` is decoded, the last value of a name; ``number`` counts a server's
    requests from 1; ``at`` is the time (``monotonic``) when the request was whole, ``ended`` when the server was done
    with it. ``outcome`` is ``None`` until then: ``"answered"``, or ``"hung up"`` when the caller left first, or the
    name of the fault's end (``"closed"``, ``"reset"``). ``asked`` is what it asks for in no vendor's format, None
    where the request was neither a chat nor for embeddings, or was refused.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    number: int
    at: float
    outcome: str | None = None
    asked: Asked | None = None
    ended: float | None = None
    _json: Any = field(default=None, repr=False)

    @property
    def json(self) -> Any:
        """The body as parsed JSON, None where there is none. Raises ValueError when it is not JSON."""
        if self._json is None and self.body:
            self._json = _json.loads(self.body)
        return self._json


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a vendor says to one request, in no vendor's format; the server writes it in its own.

    ``text`` may be a list of pieces, which a stream sends one by one (a plain string is cut into words).
    ``tool_calls`` are mappings with ``name``, ``arguments`` (an object, or text as it is) and optionally ``id``.
    ``finish`` is ``stop``, ``length``, ``tool_calls`` or ``filtered``; None picks by what is said. ``usage`` maps
    modelmux's disjoint units (``input cache_read cache_write_5m cache_write_1h output reasoning``) to counts;
    None counts the texts, four characters a token. ``model`` is the model named as having served, None for the one
    asked for. A ``status`` of 400 or more makes it an error in the vendor's shape with ``text`` as its message and
    ``code`` as its code. ``latency`` is the seconds before the head, ``pace`` the seconds between two events of a
    stream; None for the server's own. ``body`` overrides everything said: exactly these bytes.
    """

    text: str | Sequence[str] | None = None
    tool_calls: Sequence[Mapping[str, Any]] = ()
    reasoning: str = ""
    refusal: str = ""
    finish: str | None = None
    usage: Mapping[str, int] | None = None
    model: str | None = None
    status: int = 200
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    latency: float | None = None
    pace: float | None = None
    fault: Fault | None = None

    @classmethod
    def from_recording(cls, row: Mapping[str, Any], *, fault: Fault | None = None) -> Answer:
        """The exact status, headers and bytes of a recorded response.

        ``row["response"]`` has ``status``, ``headers``, ``body`` and ``body_encoding`` (``text``, ``json`` or
        ``base64``). Headers of the recorded connection are left out.
        """
        response = row["response"]
        body = response.get("body")
        if response.get("body_encoding") == "base64":
            raw = base64.b64decode(body)
        else:
            raw = (body if isinstance(body, str) else "" if body is None else json.dumps(body)).encode()
        headers = {name: value for name, value in response.get("headers", {}).items() if name not in HOP_BY_HOP}
        return cls(status=response["status"], headers=headers, body=raw, fault=fault)


@dataclass(frozen=True, slots=True)
class Said:
    """An answer with everything decided: what a shape writes down. ``without`` is the fault's;
    ``usage_in_stream`` whether the caller asked for it, where this vendor wants to be asked.
    """

    number: int
    model: str
    pieces: tuple[str, ...]
    tool_calls: tuple[tuple[str, str, Any], ...]
    reasoning: str
    refusal: str
    finish: str
    usage: Mapping[str, int] | None
    without: frozenset[str] = frozenset()
    usage_in_stream: bool = True

    @property
    def text(self) -> str:
        return "".join(self.pieces)
