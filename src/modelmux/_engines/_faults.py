"""The errors an engine raises, and how much time is left."""

from __future__ import annotations

import os
from time import monotonic

from modelmux.errors import AttemptTimeout, Billed, ConnectionFailed, ConnectionLost

_UNSENT = frozenset({"pool", "connect"})


def timeout(phase: str) -> AttemptTimeout:
    # Where nothing was sent, nothing can be billed.
    error = AttemptTimeout(f"timed out ({phase})", billed=Billed.NO if phase in _UNSENT else Billed.UNKNOWN)
    error.phase = phase
    return error


def failed(why: str) -> ConnectionFailed:
    return ConnectionFailed(f"could not connect: {why}")


def lost(why: str, *, answered: bool) -> ConnectionLost:
    error = ConnectionLost(f"the connection broke: {why}")
    error.answered = answered
    return error


def left(deadline: float | None, phase: str) -> float | None:
    """Seconds until ``deadline``, None for no limit; raises ``AttemptTimeout`` when it has passed."""
    if deadline is None:
        return None
    rest = deadline - monotonic()
    if rest <= 0:
        raise timeout(phase)
    return rest


def sooner(deadline: float | None, seconds: float) -> float:
    """The earlier of ``deadline`` and ``seconds`` from now."""
    until = monotonic() + seconds
    return until if deadline is None or until < deadline else deadline


def reason(error: BaseException) -> str:
    """What an OS or TLS error says, without a traceback's worth of detail."""
    if isinstance(error, ConnectionError) and error.errno:
        # asyncio puts words of its own, with the address, in place of the system's.
        return os.strerror(error.errno)
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
