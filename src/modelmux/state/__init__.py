"""What a Mux knows of its endpoints' health and limits, behind one small protocol.

Everything goes through here: what a decision looks at, leave to send an attempt, and how it ended. Times are seconds
on the steady clock of the Mux.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from modelmux.endpoint import Target
    from modelmux.routing.claims import Blocked, Grant, Outcome, Scopes
    from modelmux.routing.health import Snapshot
    from modelmux.routing.hedging import Hedge


class Store(Protocol):
    """Safe to call from any thread, and from a generator that is being collected: no method waits."""

    def know(self, targets: Sequence[Target]) -> None:
        """These endpoints exist, with these limits. May be said more than once."""

    def look(self, scopes: Sequence[Scopes], at: float) -> Snapshot:
        """What is known of these endpoints."""

    def claim(
        self,
        scopes: Scopes,
        input_tokens: int,
        output_tokens: int,
        at: float,
        *,
        patience: float = 0.0,
        force: bool = False,
        waited: bool = False,
    ) -> Grant | Blocked:
        """Leave to send an attempt of that size, at once or within ``patience`` seconds; else why not, and until when.
        ``force`` asks although a breaker is open; ``waited`` again, after a refusal for want of a slot. A grant is
        always settled.
        """

    def due(self, grant: Grant, at: float) -> float:
        """When a granted attempt may really go, asked at its time: later where a vendor has told everybody to wait."""

    def settle(self, grant: Grant, outcome: Outcome) -> None:
        """How a granted attempt ended. Said again of the same grant, it changes nothing."""

    def may_repeat(self, scopes: Scopes, at: float) -> bool:
        """Whether this provider's retry budget has a token; takes it."""

    def late(self, hedge: Hedge, name: str, stream: bool, at: float) -> float | None:
        """Seconds after which an answer of this endpoint is late, for a call that may be hedged; None while too little
        is known.
        """

    def may_hedge(self, hedge: Hedge, cost_nano: int, at: float) -> bool:
        """Whether one more hedge of that cost at most is within its share and its money; takes it."""
