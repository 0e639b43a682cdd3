"""A switch that another thread may throw to break a send under way."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Abort:
    """Hand one to :meth:`Engine.send`; :meth:`throw` makes that send, or a read of its stream, raise
    ``ConnectionLost`` (``ConnectionFailed`` while nothing was sent). One switch serves one send.
    """

    __slots__ = ("_lock", "_wake", "thrown")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wake: Callable[[], None] | None = None
        self.thrown = False

    def throw(self) -> None:
        with self._lock:
            self.thrown = True
            wake = self._wake
        if wake is not None:
            wake()

    def watch(self, wake: Callable[[], None] | None) -> None:
        """``wake`` is what unblocks the step now beginning; it runs at once if the switch was thrown already."""
        with self._lock:
            self._wake = wake
            thrown = self.thrown
        if thrown and wake is not None:
            wake()
