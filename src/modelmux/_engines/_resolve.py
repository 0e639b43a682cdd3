"""Names to addresses, in a thread that may be left behind: getaddrinfo knows no timeout.

One look-up at a time per name, whoever asks for it, so that a dead resolver gathers one thread per name and not one
per call. The thread is a daemon: the interpreter's exit does not wait for it, as it would for an executor's.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Callable
from itertools import chain, zip_longest
from typing import Any

from modelmux._engines._faults import failed, reason

Place = tuple[socket.AddressFamily, Any]
"""A family and the socket address in it."""

_NUMERIC = re.compile(r"[0-9.]+|.*:.*")
_flying: dict[tuple[int, str, int], Lookup] = {}
_lock = threading.Lock()


class Lookup:
    """A look-up under way. Its result is read by :meth:`places` once ``done`` is set."""

    __slots__ = ("_callbacks", "_error", "_places", "done")

    def __init__(self) -> None:
        self.done = threading.Event()
        self._places: list[Place] = []
        self._error: OSError | UnicodeError | None = None
        self._callbacks: list[Callable[[], None]] = []

    def places(self) -> list[Place]:
        """Raises ``ConnectionFailed`` when the name is unknown."""
        if self._error is not None:
            raise failed(f"the name cannot be resolved ({reason(self._error)})") from self._error
        return self._places

    def call(self, callback: Callable[[], None]) -> None:
        """``callback`` runs once done: on the resolving thread, or here if it is done already."""
        with _lock:
            if not self.done.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def run(self, host: str, port: int) -> None:
        try:
            self._places = _ask(host, port, 0)
        except (OSError, UnicodeError) as error:
            # UnicodeError: a label too long for DNS.
            self._error = error

    def finish(self, key: tuple[int, str, int]) -> None:
        with _lock:
            self.done.set()
            _flying.pop(key, None)
        for callback in self._callbacks:
            callback()


def resolve(host: str, port: int) -> Lookup:
    """Begin, or join, the look-up of a host name; an address is ready at once."""
    if _NUMERIC.fullmatch(host):
        lookup = Lookup()
        try:
            lookup._places = _ask(host, port, socket.AI_NUMERICHOST)
        except OSError as error:
            lookup._error = error
        lookup.done.set()
        return lookup
    # A forked child inherits the table, not the threads.
    key = (os.getpid(), host, port)
    with _lock:
        found = _flying.get(key)
        if found is not None:
            return found
        lookup = _flying[key] = Lookup()

    def work() -> None:
        try:
            lookup.run(host, port)
        finally:
            lookup.finish(key)

    threading.Thread(target=work, name="modelmux-resolve", daemon=True).start()
    return lookup


def _ask(host: str, port: int, flags: int) -> list[Place]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=flags)
    # Families take turns, the resolver's first choice first (RFC 8305, section 4).
    first = found[0][0] if found else None
    mine = [(family, place) for family, _, _, _, place in found if family == first]
    other = [(family, place) for family, _, _, _, place in found if family != first]
    return [place for place in chain.from_iterable(zip_longest(mine, other)) if place is not None]


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
