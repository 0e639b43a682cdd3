"""The way into a drop-in, kept light: its names and modules, files or tables, are found when they are first wanted."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
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
        from importlib.util import find_spec

        return find_spec(fullname)


def install(package: str) -> None:
    """Let ``import <package>.types.…`` work before anything else of the package is imported."""
    sys.meta_path.append(Door(package))


def names(module: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__`` for names that other modules below it define: each name with its module."""

    def look(name: str) -> Any:
        if name not in homes:
            raise missing(module, name)
        value = getattr(importlib.import_module(f"{module}.{homes[name]}"), name)
        setattr(sys.modules[module], name, value)
        return value

    return look


def package(
    root: str, homes: Mapping[str, str], others: Callable[[str], tuple[Any] | None] = lambda _: None
) -> Callable[[str], Any]:
    """A drop-in's ``__getattr__``: :func:`names`, its tables' version, and its modules.

    ``others``: what it has beside, as tuples of one, asked for names that do not begin with ``_``; it is not kept.
    """
    known = names(root, homes)

    def look(name: str) -> Any:
        if name in homes:
            return known(name)
        if name == "__version__":
            return importlib.import_module(f"{root}._registry").registry.version
        if name not in _KINDS and name[:1] != "_" and (found := others(name)) is not None:
            return found[0]
        try:
            return importlib.import_module(f"{root}.{name}")
        except ModuleNotFoundError:
            raise missing(root, name) from None

    return look


def missing(module: str, name: str) -> AttributeError:
    """The error for a name that a module has not."""
    return AttributeError(f"module {module!r} has no attribute {name!r}")
