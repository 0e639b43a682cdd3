"""Stock httpx clients, each carrying a few calls at a time.

httpx's pool walks over all its connections for every request, so that one client with a hundred calls in flight
spends most of its time walking. Several with a few each do not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from modelmux._engines import Options

EACH = 8
"""Calls in flight that one client takes before the next is used."""


class Shards:
    """Makes its clients when needed. ``family`` names httpx's class: ``Client`` or ``AsyncClient``."""

    __slots__ = ("_busy", "_clients", "_family", "_lock", "_most", "_options")

    def __init__(self, options: Options, family: str) -> None:
        self._options = options
        self._family = family
        self._clients: list[Any] = []
        self._busy: list[int] = []
        self._most = max(1, options.max_connections // EACH)
        self._lock = threading.Lock()

    def take(self) -> tuple[Any, Callable[[], None]]:
        """A client, and what to call, once, when its call is over."""
        with self._lock:
            busy = self._busy
            # The first with room, so that calls in turn share one connection.
            slot = next((slot for slot, count in enumerate(busy) if count < EACH), None)
            if slot is None and len(busy) >= self._most:
                slot = busy.index(min(busy))
            if slot is None:
                slot = len(busy)
                self._clients.append(self._make())
                busy.append(0)
            busy[slot] += 1
            return self._clients[slot], partial(self._over, busy, slot)

    def _over(self, busy: list[int], slot: int) -> None:
        with self._lock:
            busy[slot] -= 1

    def clear(self) -> list[Any]:
        """All clients, for the caller to close; the next call makes new ones."""
        with self._lock:
            clients, self._clients, self._busy = self._clients, [], []
        return clients

    def _make(self) -> Any:
        import httpx

        from modelmux._engines._tls import context_for

        options = self._options
        limits = httpx.Limits(
            max_connections=-(-options.max_connections // self._most),
            max_keepalive_connections=EACH,
            keepalive_expiry=options.idle_seconds,
        )
        family = getattr(httpx, self._family)
        return family(verify=context_for(options), trust_env=options.trust_env, follow_redirects=False, limits=limits)
