"""What an attempt asks for before it is sent, and what it says afterwards.

State is kept by *scope*: the endpoint, its key, and its provider at that origin. A wrong key is no fault of the model,
and a model without capacity none of the key, so each failure counts where it belongs (``errors``' ``blames``).

A claim takes everything an attempt needs (its breakers' leave, a slot, rate tokens), or nothing. Whoever was granted
one settles it exactly once, however the attempt ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from modelmux.errors import ProviderError


LIMIT = "limit"
"""How the reason of a limit begins. Waiting helps against one, and against an open breaker it does not."""


class Scopes(NamedTuple):
    """The names under which an endpoint's state is kept. ``endpoint`` is its name within the Mux."""

    endpoint: str
    key: str
    provider: str


@dataclass(frozen=True, slots=True)
class Blocked:
    """Why an endpoint can't be asked now. ``until`` is seconds on the steady clock, ``inf`` until someone acts.

    ``reason`` starts with "limit" where only a rate limit stands in the way. ``probing``: an attempt is finding out.
    """

    until: float
    reason: str
    probing: bool = False


@dataclass(slots=True, eq=False)
class Grant:
    """Leave to send one attempt, not before ``at`` (steady clock). ``probe``: the number of the probe of a tripped
    breaker that this attempt is, 0 when it is none.

    ``taken`` is the limits' own note of what was reserved, which they get back when it is ``settled``.
    """

    scopes: Scopes
    at: float
    probe: int = 0
    taken: Any = None
    settled: bool = False


@dataclass(slots=True, eq=False)
class Outcome:
    """How a granted attempt ended, at ``at`` on the steady clock.

    ``ok`` is None when it says nothing about the endpoint (cancelled, or the caller's own mistake). ``sent`` is
    False when nothing left the process, so that what was reserved is given back. ``ttft`` (of a stream) and
    ``per_token`` are seconds, None where they could not be measured; ``waited`` is how long the caller waited for a
    stream's first token, or for an answer in one piece: at least so long, when it then left. Tokens are the
    vendor's count, None where it gave none. ``headers`` are those of the answer, which may carry the vendor's
    limits.
    """

    at: float
    ok: bool | None
    error: ProviderError | None = None
    sent: bool = True
    ttft: float | None = None
    waited: float | None = None
    stream: bool = False
    per_token: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
