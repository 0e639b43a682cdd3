"""Usage readers: a vendor's usage object as disjoint units (see :mod:`modelmux.cost.units`).

Readers are data, in the provider's TOML row, compiled once each::

    [readers.chat]
    usage = ["usage"]                                   # where the usage object stands in a body; first found
    stream = ["", "message"]                            # where a body stands in a stream's event
    total = ["total_tokens"]                            # the vendor's own sum, checked against ours
    [readers.chat.units]
    input = { from = ["prompt_tokens"], less = ["cache_read"] }
    cache_read = "prompt_tokens_details.cached_tokens"

``from`` lists places (:mod:`modelmux.cost._paths`), the first with a number wins; ``add`` places are added to it;
``less`` names units that the counter includes and that are taken out of it; ``times`` multiplies by another
place; ``scale`` by a constant. Where what is inside exceeds the counter, ``over`` says what the counter meant:
``trim`` (default: the counter is the bill, the parts shrink to fit) or ``beside`` (a part greater than the whole
counter was counted beside it).
``rest`` names the unit that what the total holds beyond the counted units goes to; ``each`` a list of part usages
that replace the top-level counters and are summed; ``cost`` where the vendor states the price of the call;
``context`` where it says which tier, speed and region served it; ``unpriced`` what is billed but cannot be counted.
``like`` takes another reader and changes some of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from modelmux import providers
from modelmux.cost._counting import Unit, as_list, in_order, make_unit, take_out
from modelmux.cost._paths import amount, numeric, texts, value
from modelmux.cost.units import TOKENS
from modelmux.errors import ConfigError, UnknownName
from modelmux.types import NO_USAGE, Usage

__all__ = ["Reader", "canonical_call", "reader"]

_DEFAULT_ROW = "compatible"
_TOKENS = frozenset(TOKENS)
_REASONING = "reasoning"
_SHAPES = 64
"""Sets of fields of usage objects that are remembered by each reader."""

_MOST = 10**12
"""A larger count is nonsense: at the dearest rates its cost would be beyond the books' 64 bits."""
_KEYS = frozenset({"usage", "stream", "total", "units", "rest", "each", "each_model", "cost", "context"}) | frozenset(
    {"unpriced", "like", "outside_total"}
)

_CALLS = {
    "chat.completions": "chat",
    "chat_completions": "chat",
    "v2.chat": "chat_v2",
    "v1.chat": "chat_v1",
    "images.generations": "images",
    "images.edits": "images",
    "images.variations": "images",
    "embed": "embeddings",
    "embedContent": "embeddings",
    "batchEmbedContents": "embeddings",
    "streamGenerateContent": "generateContent",
    "converse-stream": "converse",
    "invoke-stream": "invoke",
    "audio.translations": "audio.transcriptions",
    "responses.retrieve": "responses",
    "responses.compact": "responses",
}
"""Other spellings of a call's name -> the name readers are filed under (tried after the name itself)."""


class Reader:
    """One compiled declaration. Calling it with a response body (parsed JSON) gives its :class:`Usage`."""

    __slots__ = ("_context", "_cost", "_each", "_objects", "_outside", "_rest", "_shapes", "_stream", "_total",
                 "_units", "_unpriced", "name")  # fmt: skip

    def __init__(self, name: str, spec: Mapping[str, Any]) -> None:
        _check(name, spec)
        self.name = name
        self._objects = [(path, value(path)) for path in as_list(spec.get("usage", "usage"))]
        self._stream = [value(path) for path in as_list(spec.get("stream", ""))]
        self._total = [numeric(path) for path in as_list(spec.get("total", ()))]
        self._units = in_order(name, {unit: make_unit(unit, of) for unit, of in spec.get("units", {}).items() if of})
        self._shapes: dict[tuple[str, ...], list[tuple[str, Unit]]] = {}
        self._rest = spec.get("rest")
        self._outside = frozenset(as_list(spec.get("outside_total", ())))
        self._each = (value(spec["each"]), spec.get("each_model", "")) if spec.get("each") else None
        self._cost = _money(spec["cost"]) if spec.get("cost") else None
        self._unpriced = [(path, numeric(path)[1]) for path in as_list(spec.get("unpriced", ()))]
        self._context = {key: texts(as_list(paths)) for key, paths in spec.get("context", {}).items()}

    def __call__(self, body: Mapping[str, Any]) -> Usage:
        usage = self._object(body)
        if usage is None:
            return NO_USAGE
        anomalies: list[str] = []
        units = self._count(usage, body, anomalies)
        parts: list[tuple[str, dict[str, int]]] = []
        if self._each is not None:
            units = self._sum(usage, body, units, parts, anomalies)
        total = next(
            (t for from_body, get in self._total if (t := get(body if from_body else usage)) is not None), None
        )
        stated = None if self._cost is None else self._cost(body)
        if units is None and stated is None:
            return Usage(reported=False, raw=usage)
        units = units or {}
        if units and max(units.values()) > _MOST:
            return Usage(reported=False, anomalies=("a count is beyond measure",), raw=usage)
        if total is not None:
            total = int(total)
            self._check_total(units, total, usage, body, anomalies)
        for path, get in self._unpriced:
            if get(body):
                anomalies.append(f"price: {path} is billed and cannot be counted")
        return Usage(
            units,
            total=total,
            anomalies=tuple(anomalies),
            vendor_cost=stated,
            parts=tuple(parts),
            served=self.context(body) if self._context else None,
            raw=usage,
        )

    def context(self, body: Mapping[str, Any]) -> dict[str, str]:
        """What the body says about how the call was served: any of ``tier``, ``speed``, ``region``, ``model``."""
        return {key: found for key, get in self._context.items() if (found := get(body))}

    def fold(self, events: Iterable[Any]) -> dict[str, Any]:
        """One body from the events of a stream, in order. Counters are cumulative: the later value wins, and one
        that a later event leaves out stays. Items of ``events`` may also be usage objects by themselves.
        """
        body: dict[str, Any] = {}
        counters: dict[str, Any] = {}
        path = self._objects[0][0] or "usage"
        for event in events:
            for get in self._stream:
                part = get(event)
                if not isinstance(part, dict):
                    continue
                usage = self._object(part)
                if usage is None and part is event and self._bare(part):
                    part, usage = {}, part
                body = {**body, **{k: v for k, v in part.items() if v is not None}}
                if usage is not None:
                    counters = _merge(counters, usage)
                    _put(body, path, counters)
        return body

    def _bare(self, item: Mapping[str, Any]) -> bool:
        return any(not from_body and get(item) is not None for _, spec in self._units for from_body, get in spec.places)

    def _object(self, body: Any) -> dict[str, Any] | None:
        if not isinstance(body, dict):
            return None
        for _, get in self._objects:
            usage = get(body)
            if isinstance(usage, dict) and usage:
                return usage
        return None

    def _units_in(self, usage: Any) -> list[tuple[str, Unit]]:
        """The units that a usage object with these fields may tell of: most tell of a few of many."""
        fields = tuple(usage) if usage.__class__ is dict else ()
        found = self._shapes.get(fields)
        if found is None:
            found = [
                (unit, spec) for unit, spec in self._units if "" in spec.reads or not spec.reads.isdisjoint(fields)
            ]
            if len(self._shapes) < _SHAPES:
                self._shapes[fields] = found
        return found

    def _count(self, usage: Any, body: Any, anomalies: list[str]) -> dict[str, int] | None:
        units: dict[str, int] = {}
        seen = False
        for unit, spec in self._units_in(usage):
            raw: Any = None
            for from_body, get in spec.places:
                raw = get(body if from_body else usage)
                if raw is not None:
                    break
            if raw is None and not spec.add:
                continue
            if spec.plain:
                count = raw
                if raw.__class__ is not int:
                    count = round(raw)
            else:
                if (worked := spec.work(raw, usage, body)) is None:
                    continue
                count = worked
            if unit in _TOKENS or count:
                seen = True
            if count < 0:
                anomalies.append(f"{unit} is negative")
                count = 0
            if spec.less:
                count = take_out(spec, count, units, anomalies)
            units[unit] = count
        return units if seen else None

    def _sum(
        self,
        usage: Mapping[str, Any],
        body: Any,
        whole: dict[str, int] | None,
        parts: list[tuple[str, dict[str, int]]],
        anomalies: list[str],
    ) -> dict[str, int] | None:
        """The sum of the part usages, where there are any; those of other models are put into ``parts`` too."""
        get, model_key = self._each  # type: ignore[misc]  # the caller checked that it is there
        items = get(usage)
        if not isinstance(items, list) or not items:
            return whole
        summed: dict[str, int] = {u: n for u, n in (whole or {}).items() if u not in _TOKENS}
        for item in items:
            if not isinstance(item, dict):
                continue
            counted = {u: n for u, n in (self._count(item, {}, anomalies) or {}).items() if u in _TOKENS}
            for unit, count in counted.items():
                summed[unit] = summed.get(unit, 0) + count
            other = item.get(model_key)
            if isinstance(other, str) and other and other != body.get(model_key):
                parts.append((other, counted))
        if _REASONING not in summed and (thought := (whole or {}).get(_REASONING, 0)):
            # Only the top level, which is the asked model's, tells its reasoning from the rest of its output.
            own = summed.get("output", 0) - sum(counted.get("output", 0) for _, counted in parts)
            summed[_REASONING] = max(min(thought, own), 0)
            summed["output"] = summed.get("output", 0) - summed[_REASONING]
        return summed

    def _check_total(self, units: dict[str, int], total: int, usage: Any, body: Any, anomalies: list[str]) -> None:
        counted = sum(n for unit, n in units.items() if unit in _TOKENS and unit not in self._outside)
        missing = total - counted
        if -1 <= missing <= 1:
            return
        if missing > 0:
            if self._rest is not None:
                units[self._rest] = units.get(self._rest, 0) + missing
                return
            if missing == self._first(_REASONING, usage, body):
                # The total proves that this server counts reasoning beside the output, not inside it.
                units["output"] = units.get("output", 0) + units.get(_REASONING, 0)
                units[_REASONING] = missing
                anomalies[:] = [note for note in anomalies if not note.startswith(f"{_REASONING} exceeds")]
                return
        beside = sum(n for unit, n in units.items() if any(note.startswith(f"{unit} exceeds") for note in anomalies))
        if abs(missing + beside) > 1:  # else the total leaves out what was counted beside it, as the counter does
            anomalies.append(f"total is {total}, its parts are {counted}")

    def _first(self, wanted: str, usage: Any, body: Any) -> Any:
        """The raw counter of a unit, before anything was taken out of it or trimmed."""
        for unit, spec in self._units:
            if unit == wanted:
                return next((n for from_body, get in spec.places if (n := get(body if from_body else usage))), None)
        return None


def _money(spec: Mapping[str, Any]) -> Callable[[Any], tuple[str, str] | None]:
    """Where the vendor states its price: first of ``from``; ``plus`` is added where ``plus_if`` holds (a gateway's
    fee and what the upstream bills the caller's own key)."""
    places = [value(path) for path in as_list(spec["from"])]
    scale = Decimal(str(spec.get("scale", "1")))
    plus, condition = value(spec.get("plus", "-")), value(spec.get("plus_if", "-"))
    skip_zero = bool(spec.get("zero_is_unknown"))
    currency = str(spec.get("currency", "USD"))

    def stated(body: Any) -> tuple[str, str] | None:
        for get in places:
            exact = amount(get(body))
            if exact is None or exact < 0:
                continue
            if condition(body) is True and (more := amount(plus(body))) is not None:
                exact += more
            if skip_zero and not exact:
                continue
            return format((exact * scale).normalize(), "f"), currency
        return None

    return stated


def _merge(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for key, item in new.items():
        if isinstance(item, dict) and isinstance(before := merged.get(key), dict):
            merged[key] = _merge(before, item)
        elif item is not None or key not in merged:
            merged[key] = item
    return merged


def _put(body: dict[str, Any], path: str, usage: dict[str, Any]) -> None:
    """Set ``usage`` at ``path``, without touching what is not ours."""
    *outer, last = path.split(".")
    for key in outer:
        body[key] = dict(body[key]) if isinstance(body.get(key), dict) else {}
        body = body[key]
    body[last] = usage


def _check(name: str, spec: Mapping[str, Any]) -> None:
    for key in spec:
        if key not in _KEYS:
            raise ConfigError(f"reader {name!r}: {UnknownName('key', key, sorted(_KEYS))}", field="readers")


def canonical_call(call: str) -> str:
    """The name that readers of this kind of call are filed under."""
    return _CALLS.get(call, call)


@lru_cache(maxsize=512)
def reader(name: str) -> Reader:
    """The usage reader called ``<provider>.<call>`` (provider id or alias; several spellings of a call).

    A provider without a declaration of its own for the call is read as the owner of the wire it speaks, and
    failing that as any compatible server. Raises UnknownName when no reader fits the call.
    """
    spec = _declaration(name, ())
    if spec is None:
        call = name.partition(".")[2]
        spec = _declaration(f"{_DEFAULT_ROW}.{call}", ())
    if spec is None:
        row = providers.find(name.partition(".")[0])
        known = [] if row is None else [f"{row.id}.{call}" for call in row.readers]
        raise UnknownName("usage reader", name, known)
    return Reader(name, spec)


def _declaration(name: str, above: tuple[str, ...]) -> dict[str, Any] | None:
    if name in above:
        raise ConfigError(f"usage reader {name!r} is like itself", field="readers")
    vendor, _, call = name.partition(".")
    row = providers.find(vendor)
    if row is None:
        return None
    for spelling in dict.fromkeys((call, canonical_call(call))):
        if spelling in row.readers:
            return _inherit(row.readers[spelling], (*above, name))
        if spelling in row.calls:
            wire = row.calls[spelling].wire
            if wire and wire != name:
                return _declaration(wire, (*above, name))
    return None


def _inherit(spec: Mapping[str, Any], above: tuple[str, ...]) -> dict[str, Any]:
    parent = spec.get("like")
    if parent is None:
        return dict(spec)
    base = _declaration(parent, above)
    if base is None:
        raise ConfigError(f"usage reader {above[-1]!r} is like {parent!r}, which does not exist", field="readers")
    merged = {**base, **{key: item for key, item in spec.items() if key != "like"}}
    if "units" in spec:
        merged["units"] = {**base.get("units", {}), **spec["units"]}
    return merged
