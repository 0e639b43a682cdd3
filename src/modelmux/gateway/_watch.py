"""Ends a task when the one it works for hangs up, or its time is over."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self


class Watch:
    """``async with Watch(receive, seconds) as watch``: what is in it is cancelled, and left quietly, when the caller
    hangs up (``gone``) or after so many seconds (``late``). A cancellation by anybody else passes through.

    Made as ``asyncio.timeout`` is: a task cancels the one that runs the block, which takes it back at the end. The
    first ``GRACE`` seconds nobody watches, so that a short call needs no second task.
    """

    GRACE = 0.1

    __slots__ = ("_alarm", "_before", "_loop", "_receive", "_seconds", "_start", "_task", "_watcher", "gone", "late")

    def __init__(self, receive: Any, seconds: float) -> None:
        self._receive, self._seconds = receive, seconds
        self._watcher: asyncio.Task[None] | None = None
        self.gone = self.late = False

    async def __aenter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None
        self._task, self._before = task, task.cancelling()
        self._loop = loop = asyncio.get_running_loop()
        self._start = loop.call_later(self.GRACE, self._begin)
        self._alarm = loop.call_later(self._seconds, self._ring)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._start.cancel()
        self._alarm.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if not (self.gone or self.late):
            return False
        return self._task.uncancel() <= self._before and kind is not None and issubclass(kind, asyncio.CancelledError)

    def _begin(self) -> None:
        self._watcher = self._loop.create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self.late:
            self.gone = True
            self._task.cancel()

    def _ring(self) -> None:
        if not self.gone:
            self.late = True
            self._task.cancel()
