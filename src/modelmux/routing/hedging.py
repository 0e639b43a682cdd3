"""Hedging: a second attempt elsewhere when the first is slower than nearly all. Off unless asked for.

The second attempt starts after the lesser of the endpoint's 95th percentile and three times its median, so that about
one call in twenty starts one, and only while hedges stay within their share of the traffic and their money (Dean and
Barroso, *The Tail at Scale*, 2013).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from modelmux.errors import ConfigError, UnknownName
from modelmux.money import Money

KEPT = 200
"""Times of the last answers that quantiles are taken of."""

LEAST = 20
"""Answers that must be known before a quantile says anything."""


@dataclass(frozen=True, slots=True)
class Hedge:
    """``share``: hedges among all calls at most (0 to 1). ``money``: what they may cost an hour, None without limit.
    ``after``: seconds until a hedge starts, None for as long as traffic taught.
    """

    share: float = 0.05
    money: Money | None = None
    after: float | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.share, (int, float)) and 0 < self.share <= 1):
            raise ConfigError(f"hedge: share must be above 0 and at most 1, not {self.share!r}", field="hedge.share")
        if self.after is not None and not self.after > 0:
            raise ConfigError(f"hedge: after must be seconds above 0, not {self.after!r}", field="hedge.after")


def hedge_of(value: Any) -> Hedge | None:
    """What ``hedge=`` means: None or False for none, True, a share, a mapping of :class:`Hedge`'s fields, or one.
    Raises ConfigError.
    """
    if value is None or value is False:
        return None
    if value is True:
        return Hedge()
    if isinstance(value, Hedge):
        return value
    if isinstance(value, (int, float)):
        return Hedge(share=value)
    if isinstance(value, Mapping):
        known = [field.name for field in fields(Hedge)]
        for name in value:
            if name not in known:
                raise UnknownName("setting of hedge", str(name), known)
        given = dict(value)
        if given.get("money") is not None and not isinstance(given["money"], Money):
            given["money"] = Money.of(given["money"])
        return Hedge(**given)
    raise ConfigError(f"hedge={value!r}: give True, a share of the calls, or a Hedge", field="hedge")


class Times:
    """How long the last answers took, in seconds, by endpoint and kind (streams are timed to their first token)."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[tuple[str, bool], deque[float]] = {}

    def add(self, name: str, stream: bool, seconds: float) -> None:
        kept = self._kept.get((name, stream))
        if kept is None:
            kept = self._kept[name, stream] = deque(maxlen=KEPT)
        kept.append(seconds)

    def patience(self, name: str, stream: bool) -> float | None:
        """Seconds after which an answer is late: the lesser of the 95th percentile and three medians; None while too
        little is known.
        """
        kept = self._kept.get((name, stream))
        if kept is None or len(kept) < LEAST:
            return None
        ordered = sorted(kept)
        return min(ordered[int(0.95 * len(ordered))], 3 * ordered[len(ordered) // 2])
