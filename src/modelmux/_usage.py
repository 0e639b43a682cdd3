"""What a call used, in disjoint units. Public as ``modelmux.types.Usage``."""

from __future__ import annotations

from collections.abc import Container, ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any


class Usage(Mapping[str, int]):
    """Disjoint units of use: unit name -> whole number. Adding two usages adds the units.

    ``reported`` is False where the vendor gave no usage. ``total`` is its own total where it states one; ``anomalies``
    names what its counters contradict themselves in; ``vendor_cost`` is an exact decimal and its currency where it says
    what the call cost; ``served`` what it says of ``tier``, ``speed`` and ``region``; ``raw`` its object. ``parts`` are
    those of the units that were billed as another model: ``(model, units)``. Units are listed in ``cost/units.py``.
    """

    __slots__ = ("_units", "anomalies", "parts", "raw", "reported", "served", "total", "vendor_cost")

    def __init__(
        self,
        units: Mapping[str, int] | None = None,
        *,
        reported: bool = True,
        total: int | None = None,
        anomalies: tuple[str, ...] = (),
        vendor_cost: tuple[str, str] | None = None,
        parts: tuple[tuple[str, Mapping[str, int]], ...] = (),
        served: Mapping[str, str] | None = None,
        raw: Any = None,
    ) -> None:
        self._units = {unit: count for unit, count in (units or {}).items() if count}
        self.reported, self.total = reported, total
        self.anomalies = anomalies
        self.vendor_cost = vendor_cost
        self.parts, self.served = parts, served
        self.raw = raw

    def __getitem__(self, unit: str) -> int:
        return self._units.get(unit, 0)

    def get(self, unit: str, default: Any = 0) -> Any:
        return self._units.get(unit, default)

    def sum(self, units: Container[str]) -> int:
        """How many of these units together."""
        return sum([count for unit, count in self._units.items() if unit in units])

    def keys(self) -> KeysView[str]:
        return self._units.keys()

    def items(self) -> ItemsView[str, int]:
        return self._units.items()

    def values(self) -> ValuesView[int]:
        return self._units.values()

    def __iter__(self) -> Iterator[str]:
        return iter(self._units)

    def __len__(self) -> int:
        return len(self._units)

    def __contains__(self, unit: object) -> bool:
        return unit in self._units

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Usage):
            return self._units == other._units and self.reported == other.reported
        if isinstance(other, Mapping):
            return self._units == {unit: count for unit, count in other.items() if count}
        return NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self._units.items()))

    def __add__(self, other: Usage) -> Usage:
        units = dict(self._units)
        for unit, count in other._units.items():
            units[unit] = units.get(unit, 0) + count
        return Usage(
            units,
            reported=self.reported and other.reported,
            anomalies=self.anomalies + other.anomalies,
            parts=self.parts + other.parts,
        )

    def __repr__(self) -> str:
        units = ", ".join(f"{unit}={count}" for unit, count in self._units.items())
        return f"Usage({units})" if self.reported else f"Usage({units}; not reported)"

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)


NO_USAGE = Usage(reported=False)
