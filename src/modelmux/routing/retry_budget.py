"""How much traffic repeats and hedges may add: shares of what is asked anyway, so that an outage is not made worse."""

from __future__ import annotations

from collections import deque

WINDOW = 10.0
SHARE = 0.1
AT_LEAST = 3.0
"""Repeats a second that a provider always gets."""


class _Recent:
    """A count over the last ``WINDOW`` seconds, in slots of half a second."""

    __slots__ = ("_slots", "total")

    def __init__(self) -> None:
        self._slots: deque[list[float]] = deque()
        self.total = 0.0

    def add(self, at: float, amount: float = 1.0) -> None:
        self.at(at)
        slot = at - at % 0.5
        if self._slots and self._slots[-1][0] >= slot:
            self._slots[-1][1] += amount
        else:
            self._slots.append([slot, amount])
        self.total += amount

    def at(self, at: float) -> float:
        slots = self._slots
        while slots and slots[0][0] <= at - WINDOW:
            self.total -= slots.popleft()[1]
        return self.total


class RetryBudget:
    """Repeats at one provider: a tenth of its calls of the last 10 seconds, and at least 3 a second.

    ``provider`` is the provider's scope (:class:`~modelmux.routing.claims.Scopes`), ``at`` seconds on a steady clock.
    """

    __slots__ = ("_providers",)

    def __init__(self) -> None:
        self._providers: dict[str, _Repeats] = {}

    def called(self, provider: str, at: float) -> None:
        """An attempt is made there, a repeat or not."""
        self._of(provider).calls.add(at)

    def may_repeat(self, provider: str, at: float) -> bool:
        """Whether one more attempt may be made there; True takes a token."""
        return self._of(provider).take(at)

    def _of(self, provider: str) -> _Repeats:
        found = self._providers.get(provider)
        if found is None:
            found = self._providers[provider] = _Repeats()
        return found


class _Repeats:
    __slots__ = ("_filled_at", "_level", "calls", "repeats")

    def __init__(self) -> None:
        self.calls = _Recent()
        self.repeats = _Recent()
        self._level = AT_LEAST
        self._filled_at: float | None = None

    def take(self, at: float) -> bool:
        since = 0.0 if self._filled_at is None else max(0.0, at - self._filled_at)
        self._filled_at = at
        self._level = min(AT_LEAST, self._level + since * AT_LEAST)
        repeats = self.repeats.at(at)
        if repeats < SHARE * (self.calls.at(at) - repeats):
            self.repeats.add(at)
            self._level = max(0.0, self._level - 1)
            return True
        if self._level >= 1:
            self._level -= 1
            self.repeats.add(at)
            return True
        return False


class HedgeBudget:
    """Second attempts beside slow first ones: at most ``share`` of all calls, and ``money`` nano-units in 24 hours.

    What quiet times save is worth ten hedges at most.
    """

    __slots__ = ("_day", "_level", "_spent", "money", "share")

    _STORE = 10.0

    def __init__(self, share: float = 0.05, money: int | None = None) -> None:
        self.share, self.money = share, money
        self._level = 0.0
        self._spent = 0
        self._day: float | None = None

    def called(self, at: float) -> None:
        """A call makes its first attempt."""
        del at
        self._level = min(self._STORE, self._level + self.share)

    def take(self, at: float, cost_nano: int = 0) -> bool:
        """Whether a hedge that costs at most ``cost_nano`` may be sent; True takes it."""
        if self._level < 1:
            return False
        if self.money is not None:
            if self._day is None or at - self._day >= 86_400:
                self._day, self._spent = at, 0
            if self._spent + cost_nano > self.money:
                return False
            self._spent += cost_nano
        self._level -= 1
        return True

    def settle(self, difference_nano: int) -> None:
        """A hedge cost ``difference_nano`` more (or less, negative) than was taken for it."""
        self._spent = max(0, self._spent + difference_nano)
