"""The way into a drop-in's modules that are no files, kept light: their tables are found at the first import."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Sequence
from typing import Any

_KINDS = ("types", "resources")


class Door:
    """Stands on ``sys.meta_path`` until something behind it is wanted; the package's registry takes its place then."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._roots = tuple(f"{package}.{kind}" for kind in _KINDS)

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: Any = None) -> Any:
        del path, target
        if not any(fullname == root or fullname.startswith(f"{root}.") for root in self._roots):
            return None
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        importlib.import_module(f"{self._package}._registry")
        return importlib.util.find_spec(fullname)


def install(package: str) -> None:
    """Let ``import <package>.types.…`` work before anything else of the package is imported."""
    sys.meta_path.append(Door(package))
