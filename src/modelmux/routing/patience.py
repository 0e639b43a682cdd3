"""How long an attempt may stay silent: before its first token, between tokens, and as a whole. Pure functions.

A limit exists to leave for a better place. With nowhere to go, waiting is the best there is, and only the caller's own
limits end it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from modelmux.routing.needs import thinks
from modelmux.routing.scores import COLD_PER_TOKEN, COLD_TTFT

if TYPE_CHECKING:
    from modelmux.routing.health import Snapshot
    from modelmux.routing.needs import Needs

FIRST_TOKEN = 15.0
"""Seconds for the first token of an endpoint that nothing is known of."""

THINKING = 4.0
"""How many times longer that may take when the caller asks for reasoning, which vendors may keep to themselves."""

BETWEEN = 20.0
"""Seconds between two pieces of output when the answer can be had elsewhere, and the span that the floor looks at."""

LAST_HOPE = 60.0
"""The same when it cannot: then a late token is still better than none."""

FLOOR = 8.0
"""Bytes a second below which a stream counts as stalled: a token with its framing is a hundred."""

WHOLE = 30.0
"""The least time that an answer which comes in one piece is given."""

_TIMES_KNOWN = 20.0
_LEAST = 8.0
_LONG = 4  # times the expected output: 99 of 100 answers are shorter


@dataclass(slots=True)
class Patience:
    """Seconds. ``first_token`` and ``between`` are for streams, ``whole`` for an answer in one piece."""

    first_token: float = inf
    between: float = inf
    whole: float = inf


ENDLESS = Patience()


def patience(
    needs: Needs | None, snapshot: Snapshot, name: str, *, ttft: float | None, elsewhere: bool, again: bool
) -> Patience:
    """The limits of an attempt at ``name``. ``ttft`` is the caller's own limit; ``elsewhere`` says whether another
    endpoint could still be asked, ``again`` whether a stream that broke could begin there.
    """
    thinking = THINKING if needs is not None and thinks(needs.request) else 1.0
    between = (BETWEEN if elsewhere and again else LAST_HOPE) * thinking
    if not elsewhere:
        return Patience(inf if ttft is None else ttft, between)
    known = snapshot.ttft.get(name)
    if ttft is not None:
        first = ttft
    elif known is None:
        first = FIRST_TOKEN * thinking
    else:
        first = min(max(_TIMES_KNOWN * known, _LEAST), max(FIRST_TOKEN, 4 * known)) * thinking
    return Patience(first, between, _whole(needs, snapshot, name) * thinking)


def _whole(needs: Needs | None, snapshot: Snapshot, name: str) -> float:
    if needs is None:
        return inf
    tokens = _LONG * needs.output * needs.n
    if needs.cap is not None:
        tokens = min(tokens, needs.cap * needs.n)
    pace = max(COLD_PER_TOKEN, snapshot.per_token.get(name, COLD_PER_TOKEN))
    return max(WHOLE, 3 * (max(COLD_TTFT, snapshot.ttft.get(name, COLD_TTFT)) + pace * tokens))
