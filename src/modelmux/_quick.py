"""Frozen dataclasses that are made in half the time.

The ``__init__`` that :mod:`dataclasses` writes for a frozen class sets every field by name, through
``object.__setattr__``, since the class itself refuses. With slots there is a shorter way in: each slot's own
descriptor, looked up once. A call makes some twenty frozen objects with a hundred and fifty fields, a tenth of its CPU.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import Any, TypeVar

T = TypeVar("T")


def quick(cls: type[T]) -> type[T]:
    """Give a class that is ``@dataclass(frozen=True, slots=True)`` a quicker ``__init__`` with the same signature."""
    scope: dict[str, Any] = {}
    plain, by_name, body = ["self"], ["*"], []
    for field in fields(cls):  # type: ignore[arg-type]  # the decorator below this one makes it a dataclass
        scope[f"set_{field.name}"] = getattr(cls, field.name).__set__
        (by_name if field.kw_only else plain).append(_parameter(field, scope))
        value = f"make_{field.name}() if {field.name} is unset else {field.name}"
        body.append(f"set_{field.name}(self, {value if f'make_{field.name}' in scope else field.name})")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    scope["unset"] = _UNSET
    parameters = ", ".join(plain + by_name if len(by_name) > 1 else plain)
    source = "\n    ".join((f"def __init__({parameters}):", *body))
    exec(source, scope)  # noqa: S102  # the source is made of the class's own field names, as dataclasses' own is
    made = scope["__init__"]
    made.__qualname__, made.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    made.__annotations__ = cls.__init__.__annotations__
    cls.__init__ = made  # type: ignore[method-assign]  # what this is for
    return cls


def _parameter(field: Field[Any], scope: dict[str, Any]) -> str:
    """The field as a parameter; its default goes into ``scope``."""
    name = field.name
    if field.default_factory is not MISSING:
        scope[f"make_{name}"] = field.default_factory
        return f"{name}=unset"
    if field.default is not MISSING:
        scope[f"default_{name}"] = field.default
        return f"{name}=default_{name}"
    return name


class _Unset:
    def __repr__(self) -> str:
        return "<made anew>"


_UNSET = _Unset()
