"""A vendor's rate limits, kept as vendors keep them: buckets that fill up steadily. Pure: the caller gives the time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from email.utils import formatdate
from math import ceil
from typing import TypeAlias

MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Spent:
    """Where one limit stands. ``of`` is ``requests``, ``tokens``, ``input`` or ``output``; ``limit`` is per minute;
    ``reset`` the seconds until all of it is there again; ``wait`` those until the request that it refused would be
    let in.
    """

    of: str
    limit: int
    remaining: int
    reset: float
    wait: float = 0.0


class Bucket:
    """``limit`` a minute, filled steadily. What is spent may exceed what is left: it is owed."""

    def __init__(self, of: str, limit: int, now: float) -> None:
        self.of = of
        self.limit = limit
        self._level = float(limit)
        self._at = now

    def _fill(self, now: float) -> float:
        self._level = min(float(self.limit), self._level + (now - self._at) * self.limit / MINUTE)
        self._at = now
        return self._level

    def wait(self, amount: float, now: float) -> float:
        """Seconds until ``amount`` is there, or all there can be."""
        missing = min(amount, self.limit) - self._fill(now)
        # Below a millionth of a unit it is arithmetic that is missing.
        return 0.0 if missing <= 1e-6 else missing * MINUTE / self.limit

    def spend(self, amount: float, now: float) -> None:
        self._level = self._fill(now) - amount

    def spent(self, now: float) -> Spent:
        level = self._fill(now)
        return Spent(self.of, self.limit, max(0, int(level + 1e-6)), (self.limit - level) * MINUTE / self.limit)


class Limits:
    """The limits of one key. ``form`` is how the vendor is told to say when to come back, a name of :data:`FORMS`."""

    def __init__(self, per_minute: Mapping[str, int], form: str, now: float) -> None:
        if form not in FORMS:
            raise ValueError(f"retry_after={form!r}: expected one of {sorted(FORMS)}")
        self.form = form
        self._buckets = {of: Bucket(of, limit, now) for of, limit in per_minute.items()}

    def claim(self, prompt: int, now: float) -> Spent | None:
        """Let a request of ``prompt`` tokens in and take one request and its input from the buckets, or None if they
        have it. Otherwise the limit that holds it up longest.
        """
        wants = {"requests": 1, "tokens": prompt, "input": prompt, "output": 1}
        waits = [(bucket.wait(wants[of], now), of) for of, bucket in self._buckets.items()]
        wait, of = max(waits, default=(0.0, ""))
        if wait > 0:
            return replace(self._buckets[of].spent(now), wait=wait)
        self._spend(now, requests=1, tokens=prompt, input=prompt)
        return None

    def settle(self, output: int, now: float) -> None:
        """Take what an answer wrote."""
        self._spend(now, tokens=output, output=output)

    def _spend(self, now: float, **amounts: int) -> None:
        for of, amount in amounts.items():
            if of in self._buckets:
                self._buckets[of].spend(amount, now)

    def spent(self, now: float) -> list[Spent]:
        return [bucket.spent(now) for bucket in self._buckets.values()]


def duration(seconds: float) -> str:
    """As Go prints durations, which is how several vendors send them: ``12ms``, ``1.5s``, ``6m0s``."""
    if seconds < 1:
        return f"{ceil(seconds * 1000)}ms"
    minutes, rest = divmod(ceil(seconds * 1000) / 1000, 60)
    hours, minutes = divmod(int(minutes), 60)
    head = f"{hours}h" if hours else ""
    return head + (f"{minutes}m" if head or minutes else "") + f"{round(rest, 3):g}s"


Form: TypeAlias = Callable[[float, float], dict[str, str]]

FORMS: Mapping[str, Form] = {
    "seconds": lambda wait, _now: {"retry-after": str(ceil(wait))},
    "ms": lambda wait, _now: {"retry-after-ms": str(ceil(wait * 1000))},
    "both": lambda wait, _now: {"retry-after": str(ceil(wait)), "retry-after-ms": str(ceil(wait * 1000))},
    "date": lambda wait, now: {"retry-after": formatdate(ceil(now + wait), usegmt=True)},
    "duration": lambda wait, _now: {"retry-after": duration(wait)},
    "none": lambda _wait, _now: {},
}
"""How a vendor says when to come back: from the seconds to wait and the time since the epoch to headers."""
