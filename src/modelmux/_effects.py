"""The few things a core generator may ask its driver to do.

The exchange yields these and is sent the result back; a driver (sync or async) performs them. Tests drive the same
generator with no IO at all.

================  ====================================  =========================================================
effect            answered with                         raises into the generator
================  ====================================  =========================================================
:class:`Look`     :class:`~modelmux.routing.health.Snapshot`
:class:`Send`     :class:`~modelmux._http.HttpHead`     ConnectionFailed, ConnectionLost, AttemptTimeout
:class:`NextBytes`  bytes, ``b""`` at the body's end    ConnectionLost, AttemptTimeout
:class:`Hangup`   None: the attempt's connection is released
:class:`Sleep`    None
:class:`Once`     the leg's result, shared              whatever the leg raises
:class:`Emit`     None: the event went to the caller    GeneratorExit when the caller stopped reading
================  ====================================  =========================================================

Times are absolute, on the driver's clock (``Clock.monotonic``), in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

from modelmux._http import HttpRequest
from modelmux.types import Event


@dataclass(frozen=True, slots=True)
class Look:
    """Read what is known of these endpoints: latency, in-flight calls, and so on. ``names`` are endpoint ids."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request and wait for the head. ``deadline`` is absolute, None for no limit.

    ``client`` is a user's own HTTP client for this endpoint, None for the engine's.
    """

    request: HttpRequest
    deadline: float | None
    client: Any = None


@dataclass(frozen=True, slots=True)
class NextBytes:
    """Wait for more of the body of the last :class:`Send`."""

    deadline: float | None


@dataclass(frozen=True, slots=True)
class Hangup:
    """Release the last :class:`Send`'s connection: back to the pool if the body was read to its end, else closed."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait until this absolute time."""

    until: float


@dataclass(frozen=True, slots=True)
class Once:
    """Run ``leg`` unless another call has its result: one flight at a time per ``key``, kept for the seconds that
    ``ttl`` makes of the result.
    """

    key: str
    ttl: Callable[[Any], float]
    leg: Callable[[], Core]


@dataclass(frozen=True, slots=True)
class Emit:
    """Hand an event to the caller."""

    event: Event


Effect: TypeAlias = Look | Send | NextBytes | Hangup | Sleep | Once | Emit

Core: TypeAlias = Generator[Effect, Any, Any]
"""A generator that yields effects. (Its return type is given where it is defined.)"""
