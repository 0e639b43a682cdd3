"""The few things the core may ask its driver to do.

The exchange is a generator: it yields these and is sent the result back. A driver (sync or async) performs them;
tests drive the same generator with no IO at all.

==================  ====================================================  =======================================
effect              answered with                                         raises into the generator
==================  ====================================================  =======================================
:class:`Look`       :class:`~modelmux.routing.health.Snapshot`
:class:`Send`       :class:`~modelmux._http.HttpHead`                     ConnectionFailed, ConnectionLost,
                                                                          AttemptTimeout
:class:`NextBytes`  bytes; ``b""`` once the body is over                  ConnectionLost, AttemptTimeout
:class:`Sleep`      None
:class:`Emit`       None: the events went to the caller                   GeneratorExit: the caller stopped reading
==================  ====================================================  =======================================

Times are absolute, in seconds on ``Clock.monotonic``. A connection needs no effect to be released: the driver does it
at the next :class:`Send` and at the generator's end, back to the pool if the body was read to its end, else closed.

Nobody changes an effect; they are not frozen because one is made for every piece of a stream, and that costs twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from modelmux._http import HttpHead, HttpRequest
from modelmux.types import Event, Warning


@dataclass(slots=True, eq=False)
class Look:
    """Read what is known of these endpoints: latency, in-flight calls, and so on. ``names`` are endpoint ids."""

    names: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Send:
    """Send a request and wait for the head. ``deadline`` is absolute, None for no limit.

    ``client`` is a user's own HTTP client for this endpoint, None for the engine's.
    """

    request: HttpRequest
    deadline: float | None
    client: Any = None


@dataclass(slots=True, eq=False)
class NextBytes:
    """Wait for more of the body of the last :class:`Send`."""

    deadline: float | None


@dataclass(slots=True, eq=False)
class Sleep:
    """Wait until this absolute time."""

    until: float


@dataclass(slots=True, eq=False)
class Answered:
    """Whose answer is handed over: ``wire`` is the format its endpoint speaks, ``asked`` the body that was sent,
    ``head`` what it was answered with, ``warnings`` what could not be said.
    """

    endpoint: str
    provider: str
    wire: str
    asked: Mapping[str, Any]
    warnings: Sequence[Warning] = ()
    head: HttpHead | None = None


@dataclass(slots=True, eq=False)
class Emit:
    """Hand events to the caller. ``data`` are the bytes they came in, for a call that asked for those
    (``Call.bytes_of``); there may be bytes that no event came of.
    """

    events: Sequence[Event]
    data: bytes | None = None
    answered: Answered | None = None


Effect: TypeAlias = Look | Send | NextBytes | Sleep | Emit
