"""Names to objects: a built-in table first, then entry points, then an error that helps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any, Generic, TypeVar

from modelmux.errors import UnknownName

T = TypeVar("T")


class Registry(Generic[T]):
    """``kind`` is what an error calls the things; ``group`` the entry-point group, read at the first unknown name."""

    def __init__(self, kind: str, table: Mapping[str, T], *, group: str) -> None:
        self.kind = kind
        self._table: dict[str, T] = dict(table)
        self._group = group
        self._plugins_read = False

    def __getitem__(self, name: str) -> T:
        if name not in self:
            raise self.unknown(name)
        return self._table[name]

    def __contains__(self, name: str) -> bool:
        if name not in self._table:
            self._read_plugins()
        return name in self._table

    def names(self) -> list[str]:
        self._read_plugins()
        return sorted(self._table)

    def register(self, name: str, value: T) -> None:
        """Add or replace an entry for this process."""
        self._table[name] = value

    def unknown(self, name: str, *, also: Iterable[str] = ()) -> UnknownName:
        return UnknownName(self.kind, name, [*self.names(), *also])

    def _read_plugins(self) -> None:
        if self._plugins_read:
            return
        self._plugins_read = True
        from importlib.metadata import entry_points  # 20 ms: only when a name is not one of ours

        for point in entry_points(group=self._group):
            value: Any = point.load()
            if isinstance(value, ModuleType):
                value = value.__name__  # as the built-in tables have it
            self._table.setdefault(point.name, value)
