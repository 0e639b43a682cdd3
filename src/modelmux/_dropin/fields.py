"""The fields of classes that tables describe: as columns of a table, and as pydantic would know them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelmux._dropin.shapes import Shape, Shapes

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

MISSING: Any = object()
"""The default of a field that must be there."""


def columns(cls: Any) -> dict[str, tuple[str, Shape, Any]]:
    """Field -> (name on the wire, shape, default or MISSING) of a class of the tables, its bases' first."""
    out: dict[str, tuple[str, Shape, Any]] = {}
    for base in reversed(cls.__mro__):
        table = base.__dict__.get("_table_")
        if not table:
            continue
        aliases, defaults, needed = table.get("a", {}), table.get("d", {}), table.get("r", ())
        for name, shape in table.get("f", {}).items():
            optional = isinstance(shape, list) and shape[0] == "opt" and name not in needed
            out[name] = (aliases.get(name, name), shape, defaults.get(name, None if optional else MISSING))
    return out


def fields_of(cls: Any) -> dict[str, FieldInfo]:
    """What pydantic would know of the fields of a class of the tables."""
    from pydantic.fields import FieldInfo

    shapes: Shapes = cls._shapes_
    hidden = {name for base in cls.__mro__ for name in (base.__dict__.get("_table_") or {}).get("h", ())}
    out = {}
    for name, (wire, shape, default) in columns(cls).items():
        settings: dict[str, Any] = {} if default is MISSING else {"default": default}
        if name in hidden:
            settings["repr"] = False  # a secret
        if wire != name:
            settings |= {"alias": wire, "alias_priority": 2, "validation_alias": wire, "serialization_alias": wire}
        info = FieldInfo(annotation=shapes.annotation(shape), **settings)
        if isinstance(shape, list) and shape[0] == "union" and shape[1]:
            info.metadata = [Discriminator(shape[1])]
        out[name] = info
    return out


class Discriminator:
    """Which field of a union's members tells them apart."""

    __slots__ = ("discriminator",)

    def __init__(self, discriminator: str) -> None:
        self.discriminator = discriminator
