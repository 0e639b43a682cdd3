"""The few things the core may ask its driver to do.

The exchange is a generator: it yields these and is sent the result back. A driver (sync or async) performs them;
tests drive the same generator with no IO at all.

==================  ====================================================  =======================================
effect              answered with                                         raises into the generator
==================  ====================================================  =======================================
:class:`Look`       :class:`~modelmux.routing.health.Snapshot`
:class:`Claim`      a :class:`~modelmux.routing.claims.Grant`, or the
                    :class:`~modelmux.routing.claims.Blocked` in its way
:class:`Send`       :class:`~modelmux._http.HttpHead`                     ConnectionFailed, ConnectionLost,
                                                                          AttemptTimeout
:class:`NextBytes`  bytes; ``b""`` once the body is over                  ConnectionLost, AttemptTimeout
:class:`Race`       :class:`Won`                                          what the first leg raised, when all failed
:class:`Sleep`      None
:class:`Emit`       None: the events went to the caller                   GeneratorExit: the caller stopped reading
==================  ====================================================  =======================================

Times are absolute, in seconds on ``Clock.monotonic``. A connection needs no effect to be released: the driver does it
at the next :class:`Send` and at the generator's end, back to the pool if the body was read to its end, else closed.

Nobody changes an effect; they are not frozen because one is made for every piece of a stream, and that costs twice.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from modelmux._http import HttpHead, HttpRequest
from modelmux.types import Event, Warning

if TYPE_CHECKING:
    from modelmux.routing.claims import Scopes


@dataclass(slots=True, eq=False)
class Look:
    """Read what is known of these endpoints: latency, in-flight calls, open breakers and so on."""

    scopes: Sequence[Scopes]


@dataclass(slots=True, eq=False)
class Claim:
    """Ask leave to send an attempt of about that many tokens, at once or within ``patience`` seconds. ``force``: even
    though its breaker is open; ``waited``: it was refused for want of a slot before, and told to ask again now.
    """

    scopes: Scopes
    input_tokens: int
    output_tokens: int
    patience: float = 0.0
    force: bool = False
    waited: bool = False


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


@dataclass(slots=True, eq=False)
class Race:
    """Run these legs side by side, each from its start (absolute) on, until one has something for the caller or is over
    without an error; abort the others. A leg that has not begun when all others failed never does.
    """

    legs: Sequence[Generator[Effect, Any, Any]]
    starts: Sequence[float]


@dataclass(slots=True, eq=False)
class Won:
    """The leg that won, by number: ``emit`` is what it has for the caller, after which it is driven on; None when it is
    over and has returned ``value``. Its connection is now the call's.
    """

    leg: int
    emit: Emit | None
    value: Any = None


Effect: TypeAlias = Look | Claim | Send | NextBytes | Sleep | Emit | Race
