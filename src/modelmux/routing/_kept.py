"""What is kept for one scope: its buckets and slots, a pause, and what the vendor said is left."""

from __future__ import annotations

from modelmux.routing.concurrency import Slots
from modelmux.routing.gcra import Gcra
from modelmux.routing.pauses import Pause

RATES = {"rpm": "requests", "tpm": "tokens", "itpm": "input_tokens", "otpm": "output_tokens"}
"""Limits of rate, a minute, and what each counts."""

Amounts = tuple[float, float, float, float]
"""Requests, tokens, input tokens, output tokens."""

AT = {of: index for index, of in enumerate(RATES.values())}


class Told:
    """What the vendor said is left of a dimension."""

    __slots__ = ("left", "limit", "of", "said_at", "until")

    def __init__(self, of: str, left: float, limit: int | None, said_at: float, until: float) -> None:
        self.of, self.left, self.limit, self.said_at, self.until = of, left, limit, said_at, until

    def earliest(self, amount: float, at: float) -> float:
        if at >= self.until or amount <= self.left or (self.limit is not None and amount > self.limit):
            return at
        if self.left <= 0 or self.limit is None or self.limit <= self.left:
            return self.until
        share = (amount - self.left) / (self.limit - self.left)
        return max(at, self.said_at + share * (self.until - self.said_at))


class Kept:
    """All that is kept for one scope."""

    __slots__ = ("buckets", "caps", "pause", "slots", "told")

    def __init__(self) -> None:
        self.caps: dict[str, int] = {}
        self.buckets: tuple[tuple[Gcra, int], ...] = ()
        self.slots: Slots | None = None
        self.pause: Pause | None = None
        self.told: dict[str, Told] = {}

    def earliest(self, amounts: Amounts, at: float) -> float:
        """When the rates, the vendor's word and a pause allow a call. Slots apart."""
        when = at
        for bucket, index in self.buckets:
            when = max(when, bucket.earliest(amounts[index], at))
        if self.told:
            for of, told in list(self.told.items()):
                if at >= told.until:
                    del self.told[of]
                else:
                    when = max(when, told.earliest(amounts[AT[of]], at))
        if self.pause is not None:
            when = max(when, self.pause.earliest(at))
        return when

    def why(self, amounts: Amounts, at: float) -> str:
        """Which of them allows it last."""
        found = [(at, "limit")]
        for bucket, index in self.buckets:
            of = tuple(RATES.values())[index].replace("_", " ")
            found.append((bucket.earliest(amounts[index], at), f"limit: {bucket.limit:,.0f} {of} a minute"))
        for of, told in self.told.items():
            what = of.replace("_", " ")
            found.append(
                (told.earliest(amounts[AT[of]], at), f"limit: the vendor says {told.left:,.0f} {what} are left")
            )
        if self.pause is not None:
            found.append((self.pause.earliest(at), f"limit: {self.pause.why}"))
        return max(found)[1]

    @property
    def empty(self) -> bool:
        return not self.buckets and self.slots is None and self.pause is None and not self.told
