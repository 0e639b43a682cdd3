"""Idle connections, stacked per origin, and the count of all. No IO, no waiting, no lock: its owner has those.

Taking one looks at the top of one stack; nothing ever walks over all connections, which is what makes httpx's own
pool collapse at a hundred concurrent calls.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

from modelmux._engines import Options


class Connection(Protocol):
    since: float
    """When it last became idle, on ``time.monotonic``."""

    @property
    def key(self) -> Hashable: ...

    def alive(self) -> bool:
        """Whether the peer has kept it open and silent."""

    def shut(self) -> None: ...


C = TypeVar("C", bound=Connection)


class Pool(Generic[C]):
    """``open`` counts every connection and every permit to make one. ``waiting`` holds what wakes those who found
    none; each freed connection wakes one.
    """

    __slots__ = ("_idle", "_idle_count", "_idle_seconds", "_max", "_max_idle", "open", "waiting")

    def __init__(self, options: Options) -> None:
        self._idle: dict[Hashable, list[C]] = {}
        self._idle_count = 0
        self._idle_seconds = options.idle_seconds
        self._max = options.max_connections
        self._max_idle = options.max_idle
        self.open = 0
        self.waiting: deque[Callable[[], None]] = deque()

    def take(self, key: Hashable, now: float) -> C | None:
        """The idle connection used last, if one lives."""
        stack = self._idle.get(key)
        while stack:
            conn = stack.pop()
            self._idle_count -= 1
            if now - conn.since < self._idle_seconds and conn.alive():
                return conn
            conn.shut()
            self.drop()
        return None

    def claim(self) -> bool:
        """Ask to open one more; an idle one of some other origin makes room."""
        if self.open < self._max:
            self.open += 1
            return True
        for stack in self._idle.values():
            if stack:
                self._idle_count -= 1
                stack.pop(0).shut()
                return True
        return False

    def give(self, conn: C, now: float) -> None:
        """Take a connection back for reuse."""
        if self._idle_count >= self._max_idle:
            conn.shut()
            self.drop()
            return
        conn.since = now
        stack = self._idle.setdefault(conn.key, [])
        if stack and now - stack[0].since >= self._idle_seconds:
            stack.pop(0).shut()
            self._idle_count -= 1
            self.drop()
        stack.append(conn)
        self._idle_count += 1
        self.wake()

    def drop(self) -> None:
        """A connection or permit is gone."""
        self.open -= 1
        self.wake()

    def wake(self) -> None:
        if self.waiting:
            self.waiting.popleft()()

    def discard(self, conn: C) -> None:
        """Forget an idle connection that broke by itself."""
        stack = self._idle.get(conn.key)
        if stack and conn in stack:
            stack.remove(conn)
            self._idle_count -= 1
            self.drop()

    def clear(self) -> None:
        """Shut all idle connections."""
        stacks, self._idle, self._idle_count = self._idle, {}, 0
        for stack in stacks.values():
            for conn in stack:
                conn.shut()
                self.drop()
