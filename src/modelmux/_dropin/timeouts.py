"""How long to wait, in the vendors' terms: seconds per phase, not for the whole call."""

from __future__ import annotations

import sys
from typing import Any

from modelmux._dropin.absent import NotGiven, not_given


class Timeout:
    """Seconds for connecting, for each read, each write, and for a free connection; None for no limit."""

    __slots__ = ("connect", "pool", "read", "write")

    def __init__(
        self,
        timeout: Any = not_given,
        *,
        connect: Any = not_given,
        read: Any = not_given,
        write: Any = not_given,
        pool: Any = not_given,
    ) -> None:
        if hasattr(timeout, "as_dict"):
            kept = timeout.as_dict()
            self.connect, self.read, self.write, self.pool = (kept[n] for n in ("connect", "read", "write", "pool"))
            return
        if isinstance(timeout, tuple):
            self.connect, self.read, self.write, self.pool = (*timeout, None, None)[:4]
            return
        default = None if isinstance(timeout, NotGiven) else timeout
        self.connect = default if isinstance(connect, NotGiven) else connect
        self.read = default if isinstance(read, NotGiven) else read
        self.write = default if isinstance(write, NotGiven) else write
        self.pool = default if isinstance(pool, NotGiven) else pool

    def as_dict(self) -> dict[str, float | None]:
        return {"connect": self.connect, "read": self.read, "write": self.write, "pool": self.pool}

    def as_tuple(self) -> tuple[float | None, float | None, float | None, float | None]:
        return (self.connect, self.read, self.write, self.pool)

    def __eq__(self, other: object) -> bool:
        return hasattr(other, "as_dict") and self.as_dict() == other.as_dict()

    @property  # type: ignore[misc]  # object's can be set; nobody sets this one
    def __class__(self) -> Any:
        """What ``isinstance`` goes by: the ``Timeout`` of the HTTP library that the program has loaded, as the vendors'
        clients hold one; that library then takes ours for its own. Without one, ours.
        """
        module = sys.modules.get("httpx2") or sys.modules.get("httpx")
        return getattr(module, "Timeout", Timeout)

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        return (Timeout, (self.as_tuple(),))

    def __hash__(self) -> int:
        return hash(self.as_tuple())

    def __repr__(self) -> str:
        if self.connect == self.read == self.write == self.pool:
            return f"Timeout(timeout={self.read})"
        return f"Timeout(connect={self.connect}, read={self.read}, write={self.write}, pool={self.pool})"


DEFAULT_TIMEOUT = Timeout(600, connect=5.0)
"""What the vendors' SDKs wait when nobody says otherwise."""


def as_timeout(value: Any) -> Timeout:
    """Any way of giving a time limit (seconds, a Timeout of either httpx, None) as ours."""
    return value if isinstance(value, Timeout) else Timeout(value)
