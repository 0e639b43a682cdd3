"""The record of one attempt, as it stands in the journal and in the ledger.

An intent (written before a request is sent) and an outcome (written before the caller gets the reply) are the same
record; an outcome replaces an intent of the same attempt, never the reverse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from pydantic_core import to_json

from modelmux._json import loads
from modelmux.money import Money

SCHEMA = 1
"""Number of the record's layout. A change that older readers would misread raises it; so does a new column."""

State: TypeAlias = Literal["intent", "ok", "failed", "cancelled", "cut", "unknown"]
"""``intent``: under way. ``cut``: output was handed over, then the stream broke. ``unknown``: the process died
before the outcome."""

CostStatus: TypeAlias = Literal["priced", "estimated", "unknown"]

_NOTHING: Mapping[str, Any] = {}

_RANK = {"intent": 0, "unknown": 1}
_FINAL = 2


# A named tuple, not a frozen dataclass: it is made in a third of the time (1.3 µs against 4.0 µs at this width), it
# is already the flat list that the journal writes and the database takes, and it is as immutable.
class AttemptRow(NamedTuple):
    """One attempt: one HTTP exchange with one endpoint. Change a copy with ``row._replace(...)``.

    Times are seconds since the epoch. ``provider``, ``endpoint``, ``model_asked`` and ``model_served`` are ids;
    ``key_hash`` tells keys apart without revealing them. ``error`` is the class name of what went wrong,
    ``http_status`` None where there was no answer. ``units`` are the disjoint units of use. ``cost_nano`` is billionths
    of one ``currency``, None while it is not known: unknown is never zero. ``cost_source`` says where the price came
    from and ``price_version`` which one it was. ``bound_nano``, in the same currency, is what the attempt can cost at
    most, None where nothing bounds it. ``decision`` is a line on why this endpoint was chosen. ``text`` is the prompt,
    only where the user asked for it to be kept.
    """

    attempt_id: str
    call_id: str
    number: int = 1
    state: State = "intent"
    started_at: float = 0.0
    first_token_at: float | None = None
    ended_at: float | None = None
    provider: str = ""
    endpoint: str = ""
    region: str | None = None
    key_hash: str | None = None
    model_asked: str = ""
    model_served: str | None = None
    tier: str | None = None
    tags: Mapping[str, str] = _NOTHING
    user: str | None = None
    stream: bool = False
    error: str | None = None
    http_status: int | None = None
    units: Mapping[str, int] = _NOTHING
    cost_nano: int | None = None
    currency: str | None = None
    cost_status: CostStatus = "unknown"
    cost_source: str | None = None
    price_version: str | None = None
    bound_nano: int | None = None
    decision: str | None = None
    request_id: str | None = None
    finish: str | None = None
    text: str | None = None

    @property
    def final(self) -> bool:
        """Whether the attempt's outcome is known; False for ``intent`` and ``unknown``."""
        return rank(self.state) == _FINAL

    @property
    def cost(self) -> Money | None:
        """What the attempt cost, None while that is not known."""
        return None if self.cost_nano is None else Money(self.cost_nano, self.currency or "USD")

    @property
    def bound(self) -> Money | None:
        """What the attempt can cost at most, None where nothing bounds it."""
        return None if self.bound_nano is None else Money(self.bound_nano, self.currency or "USD")

    @property
    def seconds(self) -> float | None:
        """From start to end, None while under way."""
        return None if self.ended_at is None else self.ended_at - self.started_at


COLUMNS: tuple[str, ...] = AttemptRow._fields


def rank(state: str) -> int:
    """A record replaces another of the same attempt only if its state ranks higher: intent, unknown, outcome."""
    return _RANK.get(state, _FINAL)


def lost(row: AttemptRow) -> AttemptRow:
    """The intent of a process that died before the outcome: its cost is unknown, at most ``bound_nano``."""
    return row._replace(state="unknown", cost_nano=None, cost_status="unknown")


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)


def encode(row: AttemptRow) -> bytes:
    """The record as one JSON array, the schema number first. Never raises: a record matters more than its spelling."""
    try:
        return to_json((SCHEMA, *row), fallback=_plain)
    except ValueError:  # half a surrogate pair in a string: the JSON core refuses it
        return to_json((SCHEMA, *(_well_formed(value) for value in row)), fallback=_plain)


def _well_formed(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_well_formed(str(name)): _well_formed(item) for name, item in value.items()}
    return value if value is None or isinstance(value, int | float) else _well_formed(str(value))


def storable(row: AttemptRow) -> AttemptRow:
    """The row with what no database column can hold taken out: malformed strings, integers beyond 64 bits.

    A cost that does not fit becomes unknown and its source says so; it is not rounded or cut.
    """
    limit = 2**63
    found: tuple[Any, ...] = row
    values = {
        name: None if isinstance(value, int) and not -limit <= value < limit else _well_formed(value)
        for name, value in zip(COLUMNS, found, strict=True)
    }
    if row.cost_nano is not None and values["cost_nano"] is None:
        values |= {"cost_status": "unknown", "cost_source": f"beyond the column: {row.cost_nano} nano"}
    return AttemptRow._make(values.values())


class NewerRecord(ValueError):
    """The record was written by a later version than this one can read."""


def decode(data: bytes) -> AttemptRow:
    """The record in ``data``. Raises NewerRecord for a later layout, ValueError for anything that is no record."""
    values = loads(data)
    if not isinstance(values, list) or not values or not isinstance(values[0], int):
        raise ValueError("not an attempt record")
    if values[0] > SCHEMA:
        raise NewerRecord(f"record layout {values[0]}, this version reads {SCHEMA}")
    if not 2 < len(values) <= len(COLUMNS) + 1:
        raise ValueError(f"an attempt record has at most {len(COLUMNS)} columns, this one {len(values) - 1}")
    return AttemptRow(*values[1:])
