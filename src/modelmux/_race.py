"""Two attempts side by side: the first to have something for the caller goes on, the other is aborted.

A leg is a generator of the core. It is driven up to its first ``Emit`` or its end by a driver of its own, whose
connection the call's driver then takes over. On an event loop a leg is a task; in threads the first one runs in the
caller's thread, each other one in a short-lived one.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from modelmux._effects import Race, Won
from modelmux.errors import ModelmuxError

if TYPE_CHECKING:
    import asyncio

    from modelmux._clock import Clock
    from modelmux._driver import AsyncDriver, Driver

JOIN = 1.0
"""Seconds to wait for an aborted leg to write its books."""


class Lost(BaseException):
    """Raised in the thread of a leg that was aborted, once its books are written. No error of the call."""


class Legs:
    """The legs of one race in threads, and who has won so far."""

    def __init__(self, race: Race, drivers: list[Driver], clock: Clock) -> None:
        self._race, self._drivers, self._clock = race, drivers, clock
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._results: dict[int, Any] = {}
        self._errors: dict[int, BaseException] = {}
        self._winner: int | None = None
        self._begun: set[int] = {0}

    def run(self) -> tuple[Won, Driver]:
        """Who won, and its driver. Raises the first leg's error when nobody did."""
        threads = [
            threading.Thread(target=self._later, args=(place,), name="modelmux hedge", daemon=True)
            for place in range(1, len(self._drivers))
        ]
        try:
            for thread in threads:
                thread.start()
        except RuntimeError:  # no thread to spare: who has one goes on alone
            threads = [thread for thread in threads if thread.ident is not None]
        try:
            self._leg(0)
            self._over.wait()
        except BaseException:
            self._abort_others(None)
            raise
        finally:
            for thread in threads:
                thread.join(JOIN)
        if self._winner is None:
            raise self._errors[0]
        driver = self._drivers[self._winner]
        emit = self._results[self._winner]
        return Won(self._winner, emit, None if emit is not None else driver.reply), driver

    def _later(self, place: int) -> None:
        wait = self._race.starts[place] - self._clock.monotonic()
        if self._over.wait(max(0.0, wait)):
            return
        with self._lock:
            if self._over.is_set():
                return
            self._begun.add(place)
        self._leg(place)

    def _leg(self, place: int) -> None:
        try:
            result = self._drivers[place].advance()
        except BaseException as error:
            with self._lock:
                self._errors[place] = error
                if self._winner is None and self._begun <= self._errors.keys():
                    self._over.set()
            if place == 0 and not isinstance(error, (ModelmuxError, Lost)):
                raise
            return
        with self._lock:
            late = self._winner is not None
            if not late:
                self._winner, self._results[place] = place, result
                self._over.set()
        if late:
            self._drivers[place].close()
        else:
            self._abort_others(place)

    def _abort_others(self, keep: int | None) -> None:
        for place, driver in enumerate(self._drivers):
            if place != keep:
                driver.abort()


async def arun(race: Race, drivers: list[AsyncDriver], clock: Clock) -> tuple[Won, AsyncDriver]:
    """The same on an event loop."""
    import asyncio  # here, for the programs that never use it

    begun: set[int] = set()

    async def leg(place: int) -> Any:
        if place:
            await clock.asleep(max(0.0, race.starts[place] - clock.monotonic()))
        begun.add(place)
        return await drivers[place].advance()

    tasks = [asyncio.create_task(leg(place)) for place in range(len(drivers))]
    running: set[asyncio.Task[Any]] = set(tasks)
    errors: dict[int, BaseException] = {}
    winner: int | None = None
    try:
        while running and winner is None and not (errors and begun <= errors.keys()):
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for place, task in enumerate(tasks):
                if task in done and (error := task.exception()) is not None:
                    errors[place] = error
                elif task in done and winner is None:
                    winner = place
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=JOIN)
    finally:
        for place, task in enumerate(tasks):
            if place != winner:
                task.cancel()
                if task.done():
                    drivers[place].abort()
    if winner is None:
        raise errors[0]
    emit = tasks[winner].result()
    return Won(winner, emit, None if emit is not None else drivers[winner].reply), drivers[winner]
