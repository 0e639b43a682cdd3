"""Header names without regard to case."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from modelmux._dropin.absent import NotGiven, Omit


class Headers(Mapping[str, str]):
    """An answer's headers, looked up in any case."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, str]) -> None:
        self._items = items  # names in lower case

    def __getitem__(self, name: str) -> str:
        return self._items[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def multi_items(self) -> list[tuple[str, str]]:
        return list(self._items.items())

    def get_list(self, name: str, split_commas: bool = False) -> list[str]:
        value = self.get(name)
        if value is None:
            return []
        return [part.strip() for part in value.split(",")] if split_commas else [value]

    def __repr__(self) -> str:
        return f"Headers({dict(self._items)!r})"


def merge(into: dict[str, str], more: Mapping[str, Any] | None) -> dict[str, str]:
    """Put headers over others; ``Omit`` takes one away. Names become lower case."""
    if more:
        for name, value in more.items():
            if type(value) is Omit:
                into.pop(name.lower(), None)
            elif type(value) is not NotGiven:
                into[name.lower()] = (
                    value if isinstance(value, str) else value.decode() if isinstance(value, bytes) else str(value)
                )
    return into


def system() -> str:
    name = platform.system().lower()
    return {"darwin": "MacOS", "windows": "Windows", "linux": "Linux", "freebsd": "FreeBSD"}.get(name, f"Other:{name}")


def _machine() -> str:
    name = platform.machine().lower()
    table = {"arm64": "arm64", "aarch64": "arm64", "arm": "arm", "x86_64": "x64", "amd64": "x64", "i386": "x32"}
    return table.get(name, f"other:{name}" if name else "unknown")


@cache
def platform_headers(version: str) -> dict[str, str]:
    """What the vendors' SDKs say of where they run."""
    return {
        "x-stainless-lang": "python",
        "x-stainless-package-version": version,
        "x-stainless-os": system(),
        "x-stainless-arch": _machine(),
        "x-stainless-runtime": sys.implementation.name if sys.implementation.name != "cpython" else "CPython",
        "x-stainless-runtime-version": platform.python_version(),
    }
